"""The yardstick OpenLDAP: slapd over ldaps, in a temporary folder, with the same employees.

Reads are searches of one entry by its name, with all attributes; changes replace one attribute,
durably (LMDB syncs each commit). slapd keeps no history and no audit log of them.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from bench.daemon import CONNECTIONS
from bench.fill import PASSWORD
from bench.load import Request, Result, load
from bench.people import employee, somebody
from bench.processes import folder_of, free_port, give_to, run, running, unprivileged
from bench.work import Site, Work

NAME = "slapd"
USER = "openldap"
_BASE = "ou=people,dc=example,dc=com"
_READER = "cn=bench,dc=example,dc=com"
_PLACES = "/usr/sbin:/usr/libexec:/usr/lib/openldap"
_SEARCH_DONE, _MODIFIED, _BOUND = 0x65, 0x67, 0x61


def _slapd() -> str | None:
    return shutil.which("slapd", path=f"{os.environ.get('PATH', '')}:{_PLACES}")


def _slapadd() -> str | None:
    return shutil.which("slapadd", path=f"{os.environ.get('PATH', '')}:{_PLACES}")


def _schema() -> Path | None:
    for place in ("/etc/ldap/schema", "/etc/openldap/schema"):
        if (Path(place) / "inetorgperson.schema").exists():
            return Path(place)
    return None


def missing() -> str | None:
    """It is a Debian package."""
    there = _slapd() and _slapadd() and _schema()
    return None if there else "OpenLDAP's slapd (apt-get install slapd)"


def _ber(tag: int, content: bytes) -> bytes:
    """A BER element (X.690); its length in the short form, or the long one of two bytes."""
    size = len(content)
    length = bytes([size]) if size < 128 else b"\x82" + size.to_bytes(2, "big")
    return bytes([tag]) + length + content


def _message(number: int, operation: bytes) -> bytes:
    identity = _ber(0x02, (number % 2**31).to_bytes(4, "big"))
    return _ber(0x30, identity + operation)


def _bind(name: str, password: str) -> bytes:
    inner = _ber(0x02, b"\x03") + _ber(0x04, name.encode()) + _ber(0x80, password.encode())
    return _message(1, _ber(0x60, inner))


_ALL = (  # scope base, aliases never, no limits, values too, (objectClass=*), all attributes
    _ber(0x0A, b"\0")
    + _ber(0x0A, b"\0")
    + _ber(0x02, b"\0")
    + _ber(0x02, b"\0")
    + _ber(0x01, b"\0")
    + _ber(0x87, b"objectClass")
    + _ber(0x30, b"")
)


def _name(number: int) -> bytes:
    return _ber(0x04, f"uid={number},{_BASE}".encode())


def _element(data: bytes, place: int) -> tuple[int, int, int]:
    """The tag, begin and end of the element that begins there; end -1 if it is not all there."""
    if place + 2 > len(data):
        return 0, 0, -1
    size, begin = data[place + 1], place + 2
    if size & 0x80:
        begin += size & 0x7F
        size = int.from_bytes(data[place + 2 : begin], "big")
    end = begin + size
    return data[place], begin, end if end <= len(data) else -1


def ldap(data: bytes) -> tuple[int, int, bytes]:
    """The framing of LDAP (RFC 4511): an answer is a message that ends an operation."""
    answers = errors = place = 0
    while place < len(data):
        _, begin, end = _element(data, place)
        if end < 0:
            break
        _, _, after_number = _element(data, begin)
        tag, inner, _ = _element(data, after_number)
        if tag in (_SEARCH_DONE, _MODIFIED, _BOUND):
            _, code, code_end = _element(data, inner)
            answers += 1
            errors += data[code:code_end] != b"\0"
        place = end
    return answers, errors, data[place:]


def get(employees: int) -> Request:
    """Makes the n-th search of a connection."""

    def search(connection: int, number: int) -> bytes:
        who = somebody(connection, number, employees)
        return _message(number + 2, _ber(0x63, _name(who) + _ALL))

    return search


def update(connection: int, number: int) -> bytes:
    """The n-th change of a connection, which has an employee of its own."""
    values = _ber(0x31, _ber(0x04, b"Room %d" % number))
    change = _ber(0x0A, b"\x02") + _ber(0x30, _ber(0x04, b"l") + values)
    changes = _ber(0x30, _ber(0x30, change))
    return _message(number + 2, _ber(0x66, _name(connection % CONNECTIONS + 1) + changes))


def _entries(employees: int) -> Iterator[str]:
    yield "dn: dc=example,dc=com\nobjectClass: domain\ndc: example\n"
    yield f"dn: {_BASE}\nobjectClass: organizationalUnit\nou: people\n"
    yield (f"dn: {_READER}\nobjectClass: person\ncn: bench\nsn: bench\nuserPassword: {PASSWORD}\n")
    for number in range(1, employees + 1):
        who = employee(number)
        full = f"{who['given_name']} {who['family_name']}"
        yield (
            f"dn: uid={number},{_BASE}\nobjectClass: inetOrgPerson\nuid: {number}\n"
            f"cn: {full}\nsn: {who['family_name']}\ngivenName: {who['given_name']}\n"
            f"mail: {who['email']}\ntitle: {who['title']}\nou: {who['department']}\n"
            f"l: {who['location']}\nhomePostalAddress: {who['home_address']}\n"
            f"description: hired {who['hire_date']}, born {who['birth_date']}, {who['status']}\n"
            "employeeType: ***\n"
        )


def _settings(folder: Path, schema: Path) -> str:
    module = Path("/usr/lib/ldap")
    load_module = f"modulepath {module}\nmoduleload back_mdb\n" if module.exists() else ""
    return (
        "".join(f"include {schema}/{name}.schema\n" for name in ("core", "cosine", "inetorgperson"))
        + load_module
        + f"loglevel 0\nsizelimit unlimited\n"
        f"TLSCACertificateFile {folder}/ca.crt\nTLSCertificateFile {folder}/server.crt\n"
        f"TLSCertificateKeyFile {folder}/server.key\n"
        f"database mdb\nsuffix dc=example,dc=com\ndirectory {folder}/db\nmaxsize 8589934592\n"
        "index objectClass,uid eq\n"
        "access to attrs=userPassword by anonymous auth by * none\n"
        f'access to * by dn.exact="{_READER}" write by * none\n'
    )


def works(stack: ExitStack, site: Site) -> list[Work]:
    """Load the entries with slapadd, and start slapd."""
    program, loader, schema = _slapd(), _slapadd(), _schema()
    assert program is not None
    assert loader is not None
    assert schema is not None
    folder, port = stack.enter_context(folder_of(USER)), free_port()
    names = ("ca.crt", "server.crt", "server.key")
    files = [Path(shutil.copy(site.keys / name, folder)) for name in names]
    settings, entries = folder / "slapd.conf", folder / "entries.ldif"
    settings.write_text(_settings(folder, schema), "utf-8")
    entries.write_text("\n".join(_entries(site.employees)), "utf-8")
    give_to(USER, settings, entries, *files)
    (folder / "db").mkdir()
    if os.geteuid() == 0:
        shutil.chown(folder / "db", USER, USER)
    as_user = unprivileged(USER)
    run([*as_user, loader, "-q", "-f", settings, "-l", entries])
    command: list[str | Path] = [
        *as_user,
        program,
        "-d",
        "0",
        "-f",
        settings,
        "-h",
        f"ldaps://127.0.0.1:{port}/",
    ]
    stack.enter_context(running(command, site.folder / "slapd.log", port=port))
    bind = [_bind(_READER, PASSWORD)]
    ca = site.keys / "ca.crt"

    def measure(work: Request, depth: int, seconds: float) -> Result:
        return load(port, ca, bind, work, framing=ldap, depth=depth, seconds=seconds)

    found = get(site.employees)
    return [
        Work(NAME, "get", 1, lambda seconds: measure(found, 1, seconds)),
        Work(NAME, "get", 16, lambda seconds: measure(found, 16, seconds)),
        Work(NAME, "update", 1, lambda seconds: measure(update, 1, seconds)),
        Work(NAME, "update", 16, lambda seconds: measure(update, 16, seconds)),
    ]
