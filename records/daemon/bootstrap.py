"""The first start: folders, keys, the database and the first account. A second start changes
nothing.

Refuses what cannot be used, in one line that says what to do.
"""

from __future__ import annotations

import fcntl
import os
import socket
import struct
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from ipaddress import IPv6Address
from pathlib import Path
from stat import S_IMODE
from time import monotonic, sleep

from msgspec import Struct

from records.model.access import Role
from records.model.errors import Unusable
from records.operations.accounts import LOCAL, NewAccount, add_account
from records.operations.boundaries import (
    Backend,
    CommitUnknown,
    Database,
    PasswordHasher,
    Transaction,
    Work,
)
from records.runtime.files import make_folder, write_private
from records.tls.keys import KeyFiles, can_be_certified, prepare_keys

FIRST_USER = "admin"

_ALPHABET = (
    "abcdefghjkmnpqrstuvwxyz23456789"  # without letters and digits that look alike: i, l, o, 0, 1
)
_GROUPS, _GROUP = 5, 5
"""25 of 31 characters: 123 bits."""


class Places(Struct, frozen=True):
    """The folders and files of the daemon."""

    data: Path
    keys: KeyFiles

    @property
    def database(self) -> Path:
        """Where the database is."""
        return self.data / "records.sqlite"

    @property
    def first_password(self) -> Path:
        """The file with the first account's password, until it is changed."""
        return self.data / "first-password"

    @property
    def lock(self) -> Path:
        """The file that is locked while a daemon uses the folder."""
        return self.data / "lock"


def generate_password(random_bytes: Callable[[int], bytes]) -> str:
    """A password that can be read aloud: 25 random characters in five groups."""
    letters: list[str] = []
    limit = 256 - 256 % len(_ALPHABET)  # larger bytes would favour the first letters
    while len(letters) < _GROUPS * _GROUP:
        letters += [_ALPHABET[b % len(_ALPHABET)] for b in random_bytes(64) if b < limit]
    return "-".join(
        "".join(letters[place : place + _GROUP]) for place in range(0, _GROUPS * _GROUP, _GROUP)
    )


def host_names() -> list[str]:
    """The names and addresses of this machine, `localhost` first.

    A name that cannot stand in a certificate is left out, so the daemon starts whatever its machine
    is called.
    """
    names = ["localhost", "127.0.0.1", "::1"]
    host = socket.gethostname()
    with suppress(OSError, UnicodeError):
        names += [host, socket.getfqdn(host)]
    names += [*_addresses_v4(), *_addresses_v6()]
    return [name for name in dict.fromkeys(names) if can_be_certified(name)]


def _names_if_asked() -> Iterator[str]:
    """`host_names`, but looked up only if a certificate is made: a name server may be slow."""
    yield from host_names()


_SIOCGIFADDR = 0x8915


def _addresses_v4() -> Iterable[str]:
    """The IPv4 address of each interface, by netdevice(7)."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        for _, name in socket.if_nameindex():
            request = struct.pack("256s", name.encode()[:15])
            with suppress(OSError):  # an interface without one
                answer = fcntl.ioctl(asking.fileno(), _SIOCGIFADDR, request)
                yield socket.inet_ntoa(answer[20:24])


def _addresses_v6() -> Iterable[str]:
    """The IPv6 addresses of all interfaces; not the link-local ones, which need its name."""
    with suppress(OSError):
        for line in Path("/proc/net/if_inet6").read_text("ascii").splitlines():
            address = IPv6Address(int(line.split()[0], 16))
            if not address.is_link_local:
                yield str(address)


def _refuse_exposed_data(places: Places, files: Iterable[Path]) -> None:
    """Raise `Unusable` if others than the owner can read or change records."""
    for path, forbidden in (
        (places.data, 0o022),
        *((each, 0o077) for each in (*files, places.first_password)),
    ):
        if not path.exists():
            continue
        mode = S_IMODE(path.stat().st_mode)
        if mode & forbidden:
            wanted = "700" if path.is_dir() else "600"
            raise Unusable(
                f"{path} can be read or changed by others (mode {mode:04o}), so records may be "
                f"known or not be true; look into that, and then: chmod {wanted} {path}"
            )


LOCK_PATIENCE = 2.0
"""Seconds to wait for a daemon that was just killed, because its writer process still finishes a
transaction."""


def lock(places: Places, files: Iterable[Path], patience: float = LOCK_PATIENCE) -> int:
    """Make the data folder and lock it, for as long as this process lives.

    files: those that hold records, which must be private. Returns the lock's file descriptor; a
    forked process that keeps it holds the lock as well. Raises `Unusable`.
    """
    try:
        make_folder(places.data)
        _refuse_exposed_data(places, files)
        descriptor = os.open(places.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise Unusable(f"{places.data} cannot be used: {error.strerror}.") from None
    end = monotonic() + patience
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if monotonic() < end:
                sleep(0.01)
                continue
            os.close(descriptor)
            raise Unusable(f"{places.data} is in use by another daemon that is running.") from None
        except OSError as error:
            os.close(descriptor)
            raise Unusable(f"{places.lock} cannot be locked: {error.strerror}.") from None
        return descriptor


def open_keys(places: Places, now: datetime) -> bool:
    """Make or renew keys that are due. Returns whether any were made. Raises `Unusable`."""
    try:
        return prepare_keys(places.keys, _names_if_asked(), now)
    except OSError as error:
        raise Unusable(f"{places.keys.folder} cannot be used: {error.strerror}.") from None


def open_database(
    places: Places,
    backend: Backend,
    hasher: PasswordHasher,
    random_bytes: Callable[[int], bytes],
) -> tuple[Database, str | None]:
    """Open the database, and make the first account if there is none.

    Returns the first account's password if it was made now. Raises `Unusable`.
    """
    database = backend.open(places.database)
    reader = database.reader()
    try:
        accounts = reader.begin().accounts
        is_new = not accounts.everyone()
        first = accounts.named(FIRST_USER)
        reader.end()
    except ValueError:  # an unknown role, or text that is not UTF-8
        raise Unusable(
            f"{places.database} has an account that cannot be read: restore it from a backup."
        ) from None
    finally:
        reader.close()
    if first is not None and not first.must_change_password:
        # Left by a stop between the change of the password and the removal of the file.
        try:
            forget_first_password(places, FIRST_USER)
        except OSError as error:
            raise Unusable(
                f"{places.first_password} cannot be removed: {error.strerror}."
            ) from None
    return database, _first_account(places, database, hasher, random_bytes) if is_new else None


def open_existing(places: Places, backend: Backend) -> Database:
    """Open a database that is there, for a program beside the daemon. Raises `Unusable`."""
    try:
        is_there = places.database.exists()
    except OSError as error:
        raise Unusable(f"{places.data} cannot be used: {error.strerror}.") from None
    if not is_there:
        raise Unusable(
            f"There is no database at {places.database}. Name the daemon's folder with --data."
        )
    return backend.open(places.database, may_upgrade=False)


def _first_account(
    places: Places, database: Database, hasher: PasswordHasher, random_bytes: Callable[[int], bytes]
) -> str:
    password = generate_password(random_bytes)
    new = NewAccount(FIRST_USER, (Role.OWNER,), hasher.hash(password))
    # The file comes first: after a crash in between, the next start makes both again.
    try:
        write_private(places.first_password, f"{password}\n".encode("ascii"))
    except OSError as error:
        raise Unusable(f"{places.first_password} cannot be written: {error.strerror}.") from None

    def add(tx: Transaction) -> None:
        add_account(tx, LOCAL, new)

    try:
        writer = database.writer()
        try:
            (done,) = writer.run([Work(add)])
        finally:
            writer.close()
    except CommitUnknown as error:
        raise Unusable(
            f"{places.database} cannot be written: its disk fails ({error}). Look into that."
        ) from None
    if done.error is not None:
        raise Unusable(f"The first account could not be made: {done.error}")
    return password


def forget_first_password(places: Places, username: str) -> None:
    """Remove the file with the first password. Called when a user has changed their password."""
    if username == FIRST_USER:
        places.first_password.unlink(missing_ok=True)


def now() -> datetime:
    """The time in UTC."""
    return datetime.now(UTC)
