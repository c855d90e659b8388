"""What the tests of TLS share: keys in a folder of their own, and connections in memory."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from OpenSSL import SSL
from twisted.internet.interfaces import (
    IOpenSSLClientConnectionCreator,
    IOpenSSLServerConnectionCreator,
)
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.internet.task import Clock
from twisted.protocols.tls import TLSMemoryBIOFactory, TLSMemoryBIOProtocol
from twisted.python.failure import Failure
from twisted.test.iosim import connectedServerAndClient
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from records.model.errors import Unusable
from records.tls.keys import KeyFiles, prepare_keys

NOW = datetime(2026, 1, 1, tzinfo=UTC)
NAMES = ("records.example", "127.0.0.1", "::1")


def pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


class Signed(msgspec.Struct, frozen=True):
    """A certificate that a company made, and its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    def key_bytes(self, passphrase: bytes | None = None) -> bytes:
        """The key, in PEM form."""
        hidden = serialization.BestAvailableEncryption(passphrase) if passphrase else None
        return self.key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            hidden or serialization.NoEncryption(),
        )


def signed(name: str, by: Signed | None = None, is_authority: bool = False) -> Signed:
    """A certificate for this name, of ten days, by a company's authority or by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(by.certificate.subject if by else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW)
        .not_valid_after(NOW + timedelta(days=10))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        .sign(by.key if by else key, hashes.SHA256())
    )
    return Signed(certificate, key)


class End(Protocol):
    """One end of a connection: what it got, and with which error it ended."""

    def __init__(self) -> None:
        self.got = b""
        self.error: BaseException | None = None

    def connectionMade(self) -> None:
        """Say something at once: it can only be read after a handshake."""
        assert self.transport is not None
        self.transport.write(b"hello")

    def dataReceived(self, data: bytes) -> None:
        """See `IProtocol`."""
        self.got += data

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """See `IProtocol`."""
        self.error = reason.value


@implementer(IOpenSSLClientConnectionCreator)
class At:
    """A client as it is at this instant, whatever the machine's clock says.

    connection: the one that was made last.
    """

    def __init__(self, creator: IOpenSSLClientConnectionCreator, now: datetime) -> None:
        self._creator = creator
        self._now = now
        self.connection: SSL.Connection | None = None

    def clientConnectionForTLS(self, tlsProtocol: TLSMemoryBIOProtocol) -> SSL.Connection:
        """See `IOpenSSLClientConnectionCreator`."""
        connection = self._creator.clientConnectionForTLS(tlsProtocol)
        store = connection.get_context().get_cert_store()
        assert store is not None
        store.set_time(self._now)
        self.connection = connection
        return connection

    def served(self) -> int:
        """The serial number of the certificate that the server has shown."""
        assert self.connection is not None
        certificate = self.connection.get_peer_certificate(as_cryptography=True)
        assert certificate is not None
        return certificate.serial_number


class Meeting(msgspec.Struct, frozen=True):
    """A server and a client that have been connected."""

    server: End
    client: End

    @property
    def good(self) -> bool:
        """Whether each has read what the other said."""
        return self.server.got == self.client.got == b"hello"

    @property
    def silent(self) -> bool:
        """Whether neither has read a thing, and each knows that it is over."""
        ends = (self.server, self.client)
        return all(end.got == b"" and end.error is not None for end in ends)


def meet(
    server: IOpenSSLServerConnectionCreator, client: IOpenSSLClientConnectionCreator
) -> Meeting:
    """Connect both in memory, and let them say what they have to say."""
    clock, meeting = Clock(), Meeting(End(), End())
    serving = TLSMemoryBIOFactory(server, False, Factory.forProtocol(lambda: meeting.server), clock)
    asking = TLSMemoryBIOFactory(client, True, Factory.forProtocol(lambda: meeting.client), clock)
    _, _, pump = connectedServerAndClient(
        lambda: serving.buildProtocol(None), lambda: asking.buildProtocol(None), clock=clock
    )
    while pump.flush():
        pass
    return meeting


class KeysCase(SynchronousTestCase):
    """A folder for keys in which there are none."""

    def setUp(self) -> None:
        self.files = KeyFiles(Path(self.mktemp()) / "keys")
        self.files.folder.parent.mkdir()

    def all(self) -> tuple[Path, ...]:
        """Every file that may be there."""
        files = self.files
        return files.ca_certificate, files.ca_key, files.certificate, files.key

    def content(self) -> dict[str, bytes]:
        """What is in the folder."""
        if not self.files.folder.exists():
            return {}
        return {path.name: path.read_bytes() for path in sorted(self.files.folder.iterdir())}

    def prepare(self, now: datetime = NOW) -> bool:
        """Make whatever is missing."""
        return prepare_keys(self.files, NAMES, now)

    def put(self, server: Signed, *chain: Signed) -> None:
        """Put a company's certificate, key and chain in the places of the server's."""
        self.files.folder.mkdir(mode=0o700, exist_ok=True)
        self.files.certificate.write_bytes(b"".join(pem(c.certificate) for c in (server, *chain)))
        self.files.key.write_bytes(server.key_bytes())
        self.files.key.chmod(0o600)

    def loaded(self, path: Path) -> x509.Certificate:
        """A certificate as it is now."""
        return x509.load_pem_x509_certificate(path.read_bytes())

    def unusable(self, path: Path, call: Callable[..., object], *args: object) -> str:
        """The one line with which a call refuses; it names the file or folder."""
        line = str(self.assertRaises(Unusable, call, *args))
        self.assertNotIn("\n", line)
        self.assertIn(str(path), line)
        self.assertGreater(len(line), len(str(path)) + 10)
        return line


@implementer(IOpenSSLServerConnectionCreator, IOpenSSLClientConnectionCreator)
class Creator:
    """Connections of either kind, with a certificate that nobody looks at."""

    def __init__(self) -> None:
        own = signed("records.example")
        self._serving = SSL.Context(SSL.TLS_SERVER_METHOD)
        self._serving.use_certificate(own.certificate)
        self._serving.use_privatekey(own.key)
        self._asking = SSL.Context(SSL.TLS_CLIENT_METHOD)

    def serverConnectionForTLS(self, tlsProtocol: TLSMemoryBIOProtocol) -> SSL.Connection:
        """See `IOpenSSLServerConnectionCreator`."""
        return SSL.Connection(self._serving, None)

    def clientConnectionForTLS(self, tlsProtocol: TLSMemoryBIOProtocol) -> SSL.Connection:
        """See `IOpenSSLClientConnectionCreator`."""
        return SSL.Connection(self._asking, None)
