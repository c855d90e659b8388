"""Certificates as a company makes its own: a root, an authority under it, and a server's.

Knows nothing of the product: this is what some other program would make.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


def new_key(*, of_rsa: bool = False) -> Key:
    """A private key, of RSA or an elliptic curve."""
    if of_rsa:
        return rsa.generate_private_key(65537, 2048)
    return ec.generate_private_key(ec.SECP256R1())


def key_pem(key: Key) -> bytes:
    """The key as a file holds it."""
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def certificate_pem(*certificates: x509.Certificate) -> bytes:
    """Certificates as a file holds them."""
    return b"".join(each.public_bytes(serialization.Encoding.PEM) for each in certificates)


def serial_of(der: bytes | None) -> int:
    """The serial number of a certificate as `ssl` tells it."""
    assert der is not None
    return x509.load_der_x509_certificate(der).serial_number


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)


class Authority:
    """A certificate and its key, by which others are signed; a root of its own if not given."""

    def __init__(
        self,
        name: str = "Example Root",
        key: Key | None = None,
        own: x509.Certificate | None = None,
    ) -> None:
        self.key = key or new_key()
        self.certificate = own or _signed(name, self.key, _name(name), self.key, None)

    @classmethod
    def of_daemon(cls, keys: Path) -> Authority:
        """The one that a daemon has made for itself."""
        key = serialization.load_pem_private_key((keys / "ca.key").read_bytes(), None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        return cls(key=key, own=x509.load_pem_x509_certificate((keys / "ca.crt").read_bytes()))

    def under(self, name: str) -> Authority:
        """An authority that this one has signed."""
        key = new_key()
        return Authority(key=key, own=_signed(name, key, self.certificate.subject, self.key, None))

    def server(self, key: Key, names: Sequence[str]) -> x509.Certificate:
        """A server's certificate for these names and addresses."""
        return _signed("server", key, self.certificate.subject, self.key, names)


def _signed(
    name: str, key: Key, issuer: x509.Name, signer: Key, names: Sequence[str] | None
) -> x509.Certificate:
    """A certificate; names: a server's, or None for an authority's."""
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(_name(name))
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=90))
        .add_extension(x509.BasicConstraints(ca=names is None, path_length=None), critical=True)
    )
    if names is not None:
        listed = x509.SubjectAlternativeName([_alternative(each) for each in names])
        builder = builder.add_extension(listed, critical=False)
    return builder.sign(signer, hashes.SHA256())


def install(
    folder: Path, key: Key, *chain: x509.Certificate, authority: x509.Certificate | None = None
) -> None:
    """Put a server's key and its certificates in place, as an operator does."""
    folder.mkdir(mode=0o700, exist_ok=True)
    for name, content in (("server.key", key_pem(key)), ("server.crt", certificate_pem(*chain))):
        path = folder / name
        path.touch(mode=0o600)
        path.chmod(0o600)
        path.write_bytes(content)
    if authority is not None:
        (folder / "company.crt").write_bytes(certificate_pem(authority))
