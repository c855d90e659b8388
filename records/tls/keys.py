"""The files in `keys/`: our certificate authority, and the server's key and certificate.

Makes missing files, renews a certificate before it ends, leaves a company's own alone, and refuses
unusable ones. Knows nothing of connections: `tls.contexts` uses the keys.
"""

from __future__ import annotations

import ipaddress
import re
import stat
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path

import msgspec
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from records.model.errors import Unusable
from records.runtime.files import make_folder, write_private

CA_DAYS = 3650
SERVER_DAYS = 365
RENEW_DAYS = 30
"""Days before its end at which our own certificate is renewed."""

_BACKDATED = timedelta(hours=1)
"""Backdates a new certificate, for clients whose clock is slow."""

_NAME = re.compile(
    r"(?=.{1,253}\Z)([a-z0-9_-]{1,63}\.)*(?=[^.]*[a-z])[a-z0-9_-]{1,63}", re.I | re.A
)
"""A host name. Its last label is not all digits (RFC 1123, section 2.1): clients take a number for
an address, and then refuse the whole certificate."""


class KeyFiles(msgspec.Struct, frozen=True):
    """The files of keys and certificates, all in one folder."""

    folder: Path

    @property
    def ca_certificate(self) -> Path:
        """The certificate by which clients know this daemon; public."""
        return self.folder / "ca.crt"

    @property
    def ca_key(self) -> Path:
        """Our authority's private key."""
        return self.folder / "ca.key"

    @property
    def certificate(self) -> Path:
        """The server's certificate, followed by intermediate ones."""
        return self.folder / "server.crt"

    @property
    def key(self) -> Path:
        """The server's private key."""
        return self.folder / "server.key"

    @property
    def every(self) -> tuple[Path, ...]:
        """All four files."""
        return self.ca_certificate, self.ca_key, self.certificate, self.key


def _private_bytes(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _named(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _address(name: str) -> x509.IPAddress | None:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return None


def can_be_certified(name: str) -> bool:
    """Whether this is an address, or a host name that can stand in a certificate."""
    return _address(name) is not None or _NAME.fullmatch(name) is not None


def _alternatives(names: Iterable[str]) -> list[x509.GeneralName]:
    """The names in the form of a certificate. Raises `Unusable`."""
    wanted = list(dict.fromkeys(names))
    for name in wanted:
        if not can_be_certified(name):
            raise Unusable(
                f"No certificate can be made for the host name {name!r}: it may be of the letters "
                "a to z, digits, - and _ only, and not end in a number. Any other is written in "
                "its xn-- form."
            )
    return [_address(name) or x509.DNSName(name) for name in wanted]


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise Unusable(f"{path} cannot be read: {error.strerror}.") from None


def _or_anew(path: Path) -> str:
    """What to do about an unusable file."""
    return f"Restore it, or move all keys out of {path.parent} to have new ones made."


def load_certificates(path: Path) -> list[x509.Certificate]:
    """The certificates in a file, at least one. Raises `Unusable`."""
    try:
        return x509.load_pem_x509_certificates(_read(path))
    except ValueError:
        raise Unusable(f"{path} holds no certificate in PEM form. {_or_anew(path)}") from None


def load_key(path: Path) -> PrivateKeyTypes:
    """The private key in a file. Raises `Unusable`.

    Never asks for a passphrase at the terminal, as OpenSSL would.
    """
    try:
        return serialization.load_pem_private_key(_read(path), None)
    except TypeError:
        raise Unusable(
            f"{path} has a passphrase, which the daemon cannot type. Remove it: "
            f"openssl pkey -in {path} -out {path}.open && mv {path}.open {path}"
        ) from None
    except (ValueError, UnsupportedAlgorithm):
        raise Unusable(f"{path} holds no private key in PEM form. {_or_anew(path)}") from None


def is_key_of(key: PrivateKeyTypes, certificate: x509.Certificate) -> bool:
    """Whether the key belongs to the certificate."""
    try:
        return certificate.public_key() == key.public_key()
    except (ValueError, UnsupportedAlgorithm):  # a certificate for another kind of key
        return False


def _load_authority(
    files: KeyFiles, now: datetime
) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    """Our authority, able to sign. Raises `Unusable`."""
    certificate = load_certificates(files.ca_certificate)[0]
    key = load_key(files.ca_key)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise Unusable(f"{files.ca_key} holds no elliptic-curve key. {_or_anew(files.ca_key)}")
    if not is_key_of(key, certificate):
        raise Unusable(
            f"{files.ca_key} is not the key of {files.ca_certificate}. {_or_anew(files.ca_key)}"
        )
    _refuse_ended(files, certificate, now)
    return certificate, key


def _refuse_ended(files: KeyFiles, authority: x509.Certificate, now: datetime) -> None:
    end = authority.not_valid_after_utc
    if end <= now:
        raise Unusable(
            f"{files.ca_certificate} ended on {end:%F}, and signs no more. Move all keys out of "
            f"{files.folder} to have new ones made, and give every client the new ca.crt."
        )


def _new_end(authority: x509.Certificate, now: datetime) -> datetime:
    """The end of a certificate that is made now. It does not outlive its authority."""
    return min(now + timedelta(days=SERVER_DAYS), authority.not_valid_after_utc)


def make_authority(files: KeyFiles, now: datetime) -> None:
    """Make our certificate authority, which can certify servers, and no authorities."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = _named("records certificate authority")
    usage = x509.KeyUsage(
        digital_signature=False,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=True,
        encipher_only=False,
        decipher_only=False,
    )
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATED)
        .not_valid_after(now + timedelta(days=CA_DAYS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    write_private(files.ca_key, _private_bytes(key))
    write_private(files.ca_certificate, _pem(certificate))


def make_certificate(files: KeyFiles, names: Iterable[str], now: datetime) -> None:
    """Make a server certificate for these host names and addresses, signed by our authority.

    Raises `Unusable`, and has then written nothing.
    """
    listed = _alternatives(names)
    authority, signer = _load_authority(files, now)
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = (
        x509.CertificateBuilder()
        .subject_name(_named("records"))
        .issuer_name(authority.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATED)
        .not_valid_after(_new_end(authority, now))
        .add_extension(x509.SubjectAlternativeName(listed), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()),
            critical=False,
        )
        .sign(signer, hashes.SHA256())
    )
    # The key comes first: a certificate beside an older key is noticed at the next load, and then
    # both are made again.
    write_private(files.key, _private_bytes(key))
    write_private(files.certificate, _pem(certificate))


def refuse_exposed(files: KeyFiles) -> None:
    """Raise `Unusable` if others than the owner can read or change the keys.

    A folder without keys, as in a fresh checkout, is fine.
    """
    judged = [(files.ca_key, 0o077), (files.key, 0o077)]
    if any(path.exists() for path in files.every):
        judged.insert(0, (files.folder, 0o022))
    for path, forbidden in judged:
        try:
            mode = stat.S_IMODE(path.stat().st_mode)
        except FileNotFoundError:
            continue
        if mode & forbidden:
            wanted = "700" if path.is_dir() else "600"
            raise Unusable(
                f"{path} can be read or changed by others (mode {mode:04o}), so keys may be known: "
                f"consider making new ones; then: chmod {wanted} {path}"
            )


def _refuse_parts(files: KeyFiles) -> None:
    """Raise `Unusable` if making missing files would separate files that belong together."""
    ours = files.ca_certificate.exists()
    if files.ca_key.exists() and not (ours or files.certificate.exists() or files.key.exists()):
        return  # a first start that was cut off: nothing was signed with it
    if files.certificate.exists() or ours != files.ca_key.exists():
        raise Unusable(
            f"{files.folder} holds only a part of its keys. Restore the others, or move all of "
            "them away to have new ones made."
        )
    if files.key.exists() and not ours:
        raise Unusable(
            f"{files.key} has no certificate beside it. Put that into {files.certificate}, or "
            "move the key away to have a new one made."
        )


def prepare_keys(files: KeyFiles, names: Iterable[str], now: datetime) -> bool:
    """Make what is missing and renew what is about to end; leave the rest, and a company's own,
    alone.

    Returns whether anything was made. Raises `Unusable`, and has then made nothing.
    """
    refuse_exposed(files)
    if files.certificate.exists() and files.key.exists():
        if not renewal_is_due(files, now):
            return False
    else:
        _refuse_parts(files)
    wanted = tuple(names)
    _alternatives(wanted)  # refused before our authority is made
    make_folder(files.folder)
    files.folder.chmod(0o700)
    if not files.ca_certificate.exists():
        make_authority(files, now)
    make_certificate(files, wanted, now)
    return True


def renewal_is_due(files: KeyFiles, now: datetime) -> bool:
    """Whether the server's certificate ends soon, and is ours to renew.

    In the last days of our authority there is no later one. Raises `Unusable`, also when our
    authority has ended.
    """
    certificate = load_certificates(files.certificate)[0]
    end = certificate.not_valid_after_utc
    if end - now > timedelta(days=RENEW_DAYS):
        return False
    if not (files.ca_certificate.exists() and files.ca_key.exists()):
        return False
    authority = load_certificates(files.ca_certificate)[0]
    if certificate.issuer != authority.subject:
        return False
    _refuse_ended(files, authority, now)
    return _new_end(authority, now) > end


def certificate_end(files: KeyFiles) -> datetime:
    """When the server's certificate ends, in UTC. Raises `Unusable`."""
    return load_certificates(files.certificate)[0].not_valid_after_utc


def days_left(files: KeyFiles, now: datetime) -> int:
    """For how many whole days the server's certificate is still good. Raises `Unusable`."""
    return (certificate_end(files) - now).days
