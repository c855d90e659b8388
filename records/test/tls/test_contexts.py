"""Connections: whom a client trusts, what both sides insist on, and certificates that change."""

from __future__ import annotations

import contextlib
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa, x25519
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from OpenSSL import SSL
from service_identity import VerificationError
from twisted.internet.interfaces import (
    IOpenSSLClientConnectionCreator,
    IOpenSSLServerConnectionCreator,
)
from twisted.internet.protocol import Factory
from twisted.internet.task import Clock
from twisted.protocols.tls import TLSMemoryBIOFactory, TLSMemoryBIOProtocol
from zope.interface import implementer
from zope.interface.verify import verifyObject

from records.test.tls.tls_case import NAMES, NOW, At, End, KeysCase, Meeting, meet, pem, signed
from records.tls.contexts import ServerTLS, client_tls
from records.tls.keys import make_authority, make_certificate

DAY = timedelta(days=1)


@implementer(IOpenSSLClientConnectionCreator, IOpenSSLServerConnectionCreator)
class Peer:
    """Some other program, which speaks no newer version and no other suites than these."""

    def __init__(self, newest: int, suites: str = "ALL:@SECLEVEL=0") -> None:
        self._context = SSL.Context(SSL.TLS_METHOD)
        self._context.set_max_proto_version(newest)
        self._context.set_cipher_list(suites.encode())

    def using(self, case: KeysCase) -> Peer:
        """With a server's files."""
        self._context.use_certificate_file(str(case.files.certificate))
        self._context.use_privatekey_file(str(case.files.key))
        return self

    def clientConnectionForTLS(self, tlsProtocol: TLSMemoryBIOProtocol) -> SSL.Connection:
        """See `IOpenSSLClientConnectionCreator`."""
        return SSL.Connection(self._context, None)

    serverConnectionForTLS = clientConnectionForTLS


class ConnectionsCase(KeysCase):
    """A server with keys of its own making."""

    def setUp(self) -> None:
        super().setUp()
        self.prepare()
        self.server = ServerTLS(self.files)

    def client(self, hostname: str = "records.example", now: datetime = NOW) -> At:
        return At(client_tls(hostname, self.files.ca_certificate), now)

    def served(self) -> int:
        """The serial number of the certificate with which a good connection is made."""
        client = self.client()
        self.assertTrue(meet(self.server, client).good)
        return client.served()


class TrustTests(ConnectionsCase):
    """How a client knows that it speaks with the right server."""

    def not_trusted(self, client: At) -> Meeting:
        meeting = meet(self.server, client)
        self.assertTrue(meeting.silent, meeting)
        self.assertIsInstance(meeting.client.error, (SSL.Error, VerificationError))
        return meeting

    def test_good(self) -> None:
        """By each of its names and addresses the server is known, over TLS 1.3."""
        for hostname in (*NAMES, "RECORDS.example"):
            client = self.client(hostname)
            self.assertTrue(meet(self.server, client).good, hostname)
            assert client.connection is not None
            self.assertEqual(client.connection.get_protocol_version_name(), "TLSv1.3")

    def test_wrong_name(self) -> None:
        """A server with a good certificate for another name is not trusted."""
        for hostname in ("other.example", "sub.records.example", "records", "127.0.0.2", "::2"):
            error = self.not_trusted(self.client(hostname)).client.error
            self.assertIsInstance(error, VerificationError, hostname)

    def test_unknown_authority(self) -> None:
        """A server whose authority the client does not know is not trusted, whatever its name."""
        other = self.files.folder / "other.crt"
        for stranger in (signed("other", is_authority=True), signed("records.example")):
            other.write_bytes(pem(stranger.certificate))
            self.not_trusted(At(client_tls("records.example", other), NOW))

    def test_same_name_of_authority(self) -> None:
        """An authority that only has the same name as ours is not ours."""
        client = self.client()
        make_authority(self.files, NOW)
        make_certificate(self.files, NAMES, NOW)
        self.server.reload()
        self.not_trusted(client)

    def test_time(self) -> None:
        """A certificate is not trusted after its end, nor much before its beginning."""
        for now in (NOW - timedelta(minutes=59), NOW + 364 * DAY):
            self.assertTrue(meet(self.server, self.client(now=now)).good, now)
        for now in (NOW - timedelta(minutes=61), NOW + 366 * DAY):
            self.not_trusted(self.client(now=now))

    def test_company(self) -> None:
        """A company's own certificate is served with those between it and its authority."""
        root = signed("company", is_authority=True)
        between = signed("company servers", root, is_authority=True)
        self.put(signed("records.example", between), between)
        self.files.ca_certificate.write_bytes(pem(root.certificate))
        self.server.reload()
        self.assertTrue(meet(self.server, self.client()).good)
        self.not_trusted(self.client("127.0.0.1"))

    def test_several(self) -> None:
        """A client may trust several authorities, as when one is being exchanged."""
        ours = self.files.ca_certificate.read_bytes()
        other = pem(signed("other", is_authority=True).certificate)
        for content in (ours + other, other + ours):
            self.files.ca_certificate.write_bytes(content)
            self.assertTrue(meet(self.server, self.client()).good)

    def test_unusable(self) -> None:
        """A file without an authority's certificate is refused in a line that names it."""
        absent, folder, path = (self.files.folder / name for name in ("absent", "dir", "ca"))
        folder.mkdir()
        for broken in (absent, folder):
            self.unusable(broken, client_tls, "records.example", broken)
        for content in (b"", b"x", self.files.ca_key.read_bytes()):
            path.write_bytes(content)
            self.unusable(path, client_tls, "records.example", path)


class InsistTests(ConnectionsCase):
    """Versions and suites."""

    def test_versions(self) -> None:
        """The server speaks TLS 1.2 and 1.3, and nothing older."""
        for version in (SSL.TLS1_2_VERSION, SSL.TLS1_3_VERSION):
            self.assertTrue(meet(self.server, Peer(version)).good, version)
        for version in (SSL.TLS1_VERSION, SSL.TLS1_1_VERSION):
            meeting = meet(self.server, Peer(version))
            self.assertTrue(meeting.silent, version)
            self.assertIn("unsupported protocol", str(meeting.server.error))

    def test_suites(self) -> None:
        """In TLS 1.2, suites that are AEAD with forward secrecy are spoken, and no others."""
        for suite, good in (
            ("ECDHE-ECDSA-AES128-GCM-SHA256", True),
            ("ECDHE-ECDSA-AES256-GCM-SHA384", True),
            ("ECDHE-ECDSA-CHACHA20-POLY1305", True),
            ("ECDHE-ECDSA-AES128-SHA256", False),
            ("ECDHE-ECDSA-AES256-SHA384", False),
            ("ECDHE-ECDSA-AES128-SHA", False),
            ("ECDHE-ECDSA-AES128-CCM8", False),
            ("ECDHE-ECDSA-NULL-SHA", False),
            ("AECDH-AES128-SHA", False),
        ):
            meeting = meet(self.server, Peer(SSL.TLS1_2_VERSION, f"{suite}:@SECLEVEL=0"))
            self.assertEqual((meeting.good, meeting.silent), (good, not good), suite)

    def test_client(self) -> None:
        """A client insists on the same, whatever a server would speak."""
        good = Peer(SSL.TLS1_2_VERSION).using(self)
        self.assertTrue(meet(good, self.client()).good)
        for bad in (
            Peer(SSL.TLS1_1_VERSION),
            Peer(SSL.TLS1_2_VERSION, "ECDHE-ECDSA-AES128-SHA256:@SECLEVEL=0"),
        ):
            self.assertTrue(meet(bad.using(self), self.client()).silent)

    def test_no_compression(self) -> None:
        """The server compresses nothing, even for a client that asks for it."""

        def sized(content: bytes, width: int) -> bytes:
            return len(content).to_bytes(width, "big") + content

        # RFC 5246, section 7.4.1.2: a client that offers DEFLATE first. With curve P-256 and
        # ecdsa_secp256r1_sha256, as the suite c02b (ECDHE-ECDSA-AES128-GCM-SHA256) needs them.
        extensions = b"\0\x0a" + sized(sized(b"\0\x17", 2), 2)
        extensions += b"\0\x0d" + sized(sized(b"\x04\x03", 2), 2)
        offer = b"\x03\x03" + bytes(32) + b"\0" + sized(b"\xc0\x2b", 2) + sized(b"\x01\0", 1)
        hello = b"\x01" + sized(offer + sized(extensions, 2), 3)
        connection = self.connection()
        connection.bio_write(b"\x16\x03\x01" + sized(hello, 2))
        self.assertRaises(SSL.WantReadError, connection.do_handshake)
        answer = connection.bio_read(10_000)
        session_id_at = 5 + 4 + 2 + 32  # after the headers, the version and the server's random
        suite_at = session_id_at + 1 + answer[session_id_at]
        self.assertEqual(answer[suite_at : suite_at + 3], b"\xc0\x2b\0")

    def connection(self) -> SSL.Connection:
        """A server's connection, without any transport."""
        connection = self.server.serverConnectionForTLS(self.protocol(self.server, False))
        connection.set_accept_state()
        return connection

    def protocol(self, creator: Peer | ServerTLS, is_client: bool) -> TLSMemoryBIOProtocol:
        """The protocol for which a connection is asked for."""
        factory = TLSMemoryBIOFactory(creator, is_client, Factory.forProtocol(End), Clock())
        protocol = factory.buildProtocol(None)
        assert isinstance(protocol, TLSMemoryBIOProtocol)
        return protocol

    def test_no_renegotiation(self) -> None:
        """A client cannot have the handshake repeated within a connection."""
        server = self.connection()
        peer = Peer(SSL.TLS1_2_VERSION)
        client = peer.clientConnectionForTLS(self.protocol(peer, True))
        client.set_connect_state()

        def shake_hands() -> None:
            for one, other in ((client, server), (server, client)) * 3:
                with contextlib.suppress(SSL.WantReadError):
                    one.do_handshake()
                with contextlib.suppress(SSL.WantReadError):
                    other.bio_write(one.bio_read(10_000))

        shake_hands()
        client.write(b"hello")
        server.bio_write(client.bio_read(10_000))
        self.assertEqual(server.read(10), b"hello")
        client.renegotiate()
        self.assertRaises(SSL.WantReadError, client.do_handshake)
        server.bio_write(client.bio_read(10_000))
        self.assertRaises(SSL.WantReadError, server.read, 10)
        client.bio_write(server.bio_read(10_000))
        error = self.assertRaises(SSL.Error, client.do_handshake)
        self.assertIn("no renegotiation", str(error))
        self.assertEqual(server.total_renegotiations(), 0)


class ServerTests(ConnectionsCase):
    """Files with which a server does not start or go on."""

    def test_interfaces(self) -> None:
        """Both sides are what Twisted asks for."""
        self.assertTrue(verifyObject(IOpenSSLServerConnectionCreator, self.server))
        creator = client_tls("records.example", self.files.ca_certificate)
        self.assertTrue(verifyObject(IOpenSSLClientConnectionCreator, creator))

    def test_reload(self) -> None:
        """After a reload new connections get the new certificate, and not before."""
        before = self.served()
        make_certificate(self.files, NAMES, NOW)
        self.assertEqual(self.served(), before)
        self.server.reload()
        self.assertEqual(self.served(), self.loaded(self.files.certificate).serial_number)
        self.assertNotEqual(self.served(), before)

    def test_unusable(self) -> None:
        """Files that cannot be used are refused in one line, at the start and at a reload."""
        before = self.served()
        certificate, key = self.files.certificate, self.files.key
        other = signed("records.example")
        for path, contents in (
            (certificate, (b"", b"x", key.read_bytes(), certificate.read_bytes()[:100])),
            (key, (b"", b"x", certificate.read_bytes(), key.read_bytes()[:100])),
            (key, (other.key_bytes(),)),
            (certificate, (pem(other.certificate),)),
        ):
            whole = path.read_bytes()
            for content in contents:
                path.write_bytes(content)
                self.unusable(path, ServerTLS, self.files)
                self.unusable(path, self.server.reload)
                self.assertEqual(self.served(), before)
            path.write_bytes(whole)
        self.server.reload()

    def test_passphrase(self) -> None:
        """So is a key with a passphrase, for which nobody is ever asked; both forms of it."""
        key = signed("records.example")
        before = self.served()
        self.put(key)
        for form in (PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL):
            hidden = key.key.private_bytes(
                Encoding.PEM, form, BestAvailableEncryption(b"passphrase")
            )
            self.files.key.write_bytes(hidden)
            for call in (lambda: ServerTLS(self.files), self.server.reload):
                line = self.unusable(self.files.key, call)
                self.assertIn("has a passphrase", line)
                self.assertIn(f"openssl pkey -in {self.files.key}", line)
            self.assertEqual(self.served(), before)
        self.files.key.write_bytes(key.key_bytes())
        self.server.reload()

    def test_kinds(self) -> None:
        """A key of a kind, or a size, with which no TLS can be spoken is refused."""
        for weak in (x25519.X25519PrivateKey.generate(), rsa.generate_private_key(65537, 1024)):
            server = signed("records.example")
            certificate = (
                x509.CertificateBuilder()
                .subject_name(server.certificate.subject)
                .issuer_name(server.certificate.subject)
                .public_key(weak.public_key())
                .serial_number(1)
                .not_valid_before(NOW)
                .not_valid_after(NOW + DAY)
                .sign(server.key, hashes.SHA256())
            )
            self.files.certificate.write_bytes(pem(certificate))
            self.files.key.write_bytes(
                weak.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
            )
            line = self.unusable(self.files.certificate, self.server.reload)
            self.assertIn("cannot use, or too weak", line)

    def test_key_after_others(self) -> None:
        """A key may be preceded by what else a company's tools write into its file."""
        certificate, key = (path.read_bytes() for path in self.all()[2:])
        self.files.key.write_bytes(certificate + key)
        self.server.reload()
        self.served()

    def test_missing(self) -> None:
        """So are files that are not there."""
        before = self.served()
        for path in (self.files.certificate, self.files.key):
            whole = path.read_bytes()
            path.unlink()
            self.unusable(path, ServerTLS, self.files)
            self.unusable(path, self.server.reload)
            path.write_bytes(whole)
            path.chmod(0o600)
        self.assertEqual(self.served(), before)

    def test_exposed(self) -> None:
        """So are keys that others can read or change, since the start or only now."""
        before = self.served()
        for path, mode in ((self.files.key, 0o640), (self.files.folder, 0o770)):
            private = path.stat().st_mode
            path.chmod(mode)
            self.unusable(path, ServerTLS, self.files)
            self.unusable(path, self.server.reload)
            path.chmod(private)
        self.assertEqual(self.served(), before)
