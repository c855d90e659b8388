"""TLS: our own certificate authority, the server's certificate, and whom a client trusts.

Owns the files in `keys/` and the settings of every TLS connection. Knows nothing of what travels
inside. Settings follow Mozilla's "intermediate" guideline, without its suites that are not AEAD
(https://wiki.mozilla.org/Security/Server_Side_TLS): TLS 1.2 with forward secrecy, and 1.3.
"""

from __future__ import annotations

import ipaddress
import os
import stat
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from OpenSSL import SSL, crypto
from twisted.internet.interfaces import (
    IOpenSSLClientConnectionCreator,
    IOpenSSLServerConnectionCreator,
)
from twisted.internet.ssl import (
    AcceptableCiphers,
    Certificate,
    CertificateOptions,
    TLSVersion,
    optionsForClientTLS,
    trustRootFromCertificates,
)
from twisted.protocols.tls import TLSMemoryBIOProtocol
from zope.interface import implementer

from records.errors import Unusable

CIPHERS = AcceptableCiphers.fromOpenSSLCipherString(
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
    "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305:"
    "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"
)

CA_DAYS = 3650
SERVER_DAYS = 365
RENEW_DAYS = 30
"""A certificate of our own is renewed when it has no more than this many days left."""

_BACKDATED = timedelta(hours=1)
"""So that a client whose clock is a little slow trusts a new certificate."""


class KeyFiles(msgspec.Struct, frozen=True):
    """Where the keys and certificates are, all in one folder."""

    folder: Path

    @property
    def ca_certificate(self) -> Path:
        """What a client needs to know this daemon by; not secret."""
        return self.folder / "ca.crt"

    @property
    def ca_key(self) -> Path:
        """Our authority's private key."""
        return self.folder / "ca.key"

    @property
    def certificate(self) -> Path:
        """The server's certificate, followed by those between it and its authority."""
        return self.folder / "server.crt"

    @property
    def key(self) -> Path:
        """The server's private key."""
        return self.folder / "server.key"


def write_private(path: Path, content: bytes) -> None:
    """Put a file in its place whole or not at all, for its owner's eyes only."""
    draft = path.with_name(f".{path.name}.new")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.rename(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


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


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def make_authority(files: KeyFiles, now: datetime) -> None:
    """Make our own certificate authority, which can only certify servers, not authorities."""
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
    """Make a server certificate for these host names and addresses, signed by our authority."""
    authority = x509.load_pem_x509_certificate(files.ca_certificate.read_bytes())
    signer = serialization.load_pem_private_key(files.ca_key.read_bytes(), None)
    assert isinstance(signer, ec.EllipticCurvePrivateKey)
    key = ec.generate_private_key(ec.SECP256R1())
    listed = [_alternative(name) for name in dict.fromkeys(names)]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(_named("records"))
        .issuer_name(authority.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATED)
        .not_valid_after(min(now + timedelta(days=SERVER_DAYS), authority.not_valid_after_utc))
        .add_extension(x509.SubjectAlternativeName(listed), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()),
            critical=False,
        )
        .sign(signer, hashes.SHA256())
    )
    # The key goes first: a certificate beside an older key would be noticed at the next load,
    # and both are made anew then.
    write_private(files.key, _private_bytes(key))
    write_private(files.certificate, _pem(certificate))


def refuse_exposed(files: KeyFiles) -> None:
    """Raise `Unusable` if anybody but their owner may read or change the keys."""
    for path, forbidden in (
        (files.folder, 0o022),
        (files.ca_key, 0o077),
        (files.key, 0o077),
    ):
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


def _is_ours(files: KeyFiles, certificate: x509.Certificate) -> bool:
    """Whether the certificate was made here, by the authority beside it."""
    if not (files.ca_certificate.exists() and files.ca_key.exists()):
        return False
    authority = x509.load_pem_x509_certificate(files.ca_certificate.read_bytes())
    return certificate.issuer == authority.subject


def prepare_keys(files: KeyFiles, names: Iterable[str], now: datetime) -> bool:
    """Make whatever is missing or about to end; leave the rest, and a company's own, alone.

    Returns whether anything was made. Raises `Unusable`.
    """
    refuse_exposed(files)
    if files.certificate.exists() and files.key.exists():
        if not renewal_is_due(files, now):
            return False
    elif files.certificate.exists() or files.ca_certificate.exists() != files.ca_key.exists():
        raise Unusable(
            f"{files.folder} holds only a part of its keys. Restore the others, or move all of "
            "them away to have new ones made."
        )
    if not files.folder.exists():
        files.folder.mkdir(mode=0o700)
    files.folder.chmod(0o700)
    if not files.ca_certificate.exists():
        make_authority(files, now)
    make_certificate(files, names, now)
    return True


def renewal_is_due(files: KeyFiles, now: datetime) -> bool:
    """Whether the server's certificate is of our own making and has few days left."""
    certificate = _load(files)[0]
    ending = certificate.not_valid_after_utc - now <= timedelta(days=RENEW_DAYS)
    return ending and _is_ours(files, certificate)


def _load(files: KeyFiles) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(files.certificate.read_bytes())
    except (OSError, ValueError):
        raise Unusable(f"{files.certificate} holds no certificate in PEM form.") from None


def _server_context(files: KeyFiles) -> SSL.Context:
    """The settings of a server's connections, with what is now in the files."""
    refuse_exposed(files)
    chain = [crypto.X509.from_cryptography(each) for each in _load(files)]
    try:
        key = crypto.load_privatekey(crypto.FILETYPE_PEM, files.key.read_bytes())
    except (OSError, ValueError, crypto.Error):
        raise Unusable(f"{files.key} holds no private key in PEM form.") from None
    options = CertificateOptions(
        privateKey=key,
        certificate=chain[0],
        extraCertChain=chain[1:],
        acceptableCiphers=CIPHERS,
        raiseMinimumTo=TLSVersion.TLSv1_2,
    )
    try:
        context = options.getContext()
        context.check_privatekey()
    except SSL.Error:
        raise Unusable(f"{files.key} is not the key of {files.certificate}.") from None
    context.set_options(SSL.OP_NO_COMPRESSION | SSL.OP_NO_RENEGOTIATION)
    return context


def certificate_end(files: KeyFiles) -> datetime:
    """When the server's certificate ends, in UTC."""
    return _load(files)[0].not_valid_after_utc


@implementer(IOpenSSLServerConnectionCreator)
class ServerTLS:
    """What each new connection is encrypted with; `reload` exchanges it for the ones to come.

    Raises `Unusable` if the files cannot be used.
    """

    def __init__(self, files: KeyFiles) -> None:
        self._files = files
        self._context = _server_context(files)

    def reload(self) -> None:
        """Read the files anew. Raises `Unusable`, and goes on with what it had before."""
        self._context = _server_context(self._files)

    def serverConnectionForTLS(
        self,
        tlsProtocol: TLSMemoryBIOProtocol,
    ) -> SSL.Connection:
        """See `IOpenSSLServerConnectionCreator`."""
        return SSL.Connection(self._context, None)


def client_tls(hostname: str, ca_file: Path) -> IOpenSSLClientConnectionCreator:
    """How a client knows that it speaks with `hostname`: by chain and by name, always.

    ca_file: one or more certificates in PEM form, to one of which the server's must lead.
    Raises `Unusable`.
    """
    try:
        trusted = [
            Certificate.loadPEM(_pem(each))
            for each in x509.load_pem_x509_certificates(ca_file.read_bytes())
        ]
    except FileNotFoundError:
        raise Unusable(
            f"There is no {ca_file}. Name the daemon's ca.crt with --ca, or start the client "
            "where the daemon's keys/ folder is."
        ) from None
    except (OSError, ValueError):
        raise Unusable(f"{ca_file} cannot be read as a certificate in PEM form.") from None
    creator: IOpenSSLClientConnectionCreator = optionsForClientTLS(
        hostname,
        trustRoot=trustRootFromCertificates(trusted),
        extraCertificateOptions={
            "acceptableCiphers": CIPHERS,
            "raiseMinimumTo": TLSVersion.TLSv1_2,
        },
    )
    return creator
