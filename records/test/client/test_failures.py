"""Tests for `records.client.failures`, and for whom `dial_tls` trusts.

The second are made over loopback with real certificates: what a client says to whom is worth it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from OpenSSL import SSL
from twisted.internet import error, reactor
from twisted.internet.defer import CancelledError, ensureDeferred
from twisted.internet.interfaces import IOpenSSLServerConnectionCreator
from twisted.internet.protocol import Factory
from twisted.internet.task import deferLater
from twisted.protocols.basic import LineReceiver
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.trial.unittest import SynchronousTestCase, TestCase

from records.api.jsonrpc import encode_error
from records.client.connection import Connection
from records.client.dial import dial_tls
from records.client.failures import Place, WatchedTLS, explain
from records.client.screen import Unreachable
from records.model.errors import NotAuthenticated
from records.tls.contexts import ServerTLS, client_tls
from records.tls.keys import KeyFiles, make_certificate, prepare_keys

HERE = Place("localhost", 7443, Path("keys/ca.crt"))
THERE = Place("records.example.com", 7443, Path("keys/ca.crt"))
NOW = datetime(2026, 1, 1, tzinfo=UTC)


class ExplainTests(SynchronousTestCase):
    """Reasons, without a connection."""

    def why(self, reason: BaseException, place: Place = HERE) -> str:
        return explain(reason, place, None, NOW).message

    def test_refused(self) -> None:
        """Where nothing listens it is said how to start the daemon."""
        self.assertEqual(
            self.why(error.ConnectionRefusedError()),
            'No daemon listens at localhost:7443. Start it with "twistd -n records".',
        )
        self.assertIn("--host and --port", self.why(error.ConnectionRefusedError(), THERE))

    def test_address(self) -> None:
        """An IPv6 address is written so that its port can be told from it."""
        place = Place("::1", 7443, Path("ca.crt"))
        self.assertIn(" [::1]:7443.", self.why(error.ConnectionRefusedError(), place))

    def test_no_such_host(self) -> None:
        """A name that is nobody's is said to be one, harmlessly."""
        place = Place("no\x1bwhere", 7443, Path("ca.crt"))
        self.assertIn("no host named no\\x1bwhere.", self.why(error.DNSLookupError(), place))
        self.assertIn("no host named", self.why(UnicodeError(), place))

    def test_no_answer(self) -> None:
        """Who does not answer is said not to."""
        for reason in (error.TimeoutError(), error.TCPTimedOutError(), TimeoutError()):
            self.assertIn("localhost:7443 does not answer.", self.why(reason))

    def test_closed(self) -> None:
        """Who closes the connection too early is said to have done so."""
        for reason in (error.ConnectionDone(), error.ConnectionLost()):
            self.assertIn("closed the connection before it was secure", self.why(reason))

    def test_no_tls(self) -> None:
        """What does not speak TLS is said not to."""
        reason = SSL.Error([("SSL routines", "", "wrong version number")])
        self.assertIn("does not speak TLS", self.why(reason))

    def test_other_tls(self) -> None:
        """Another fault of TLS is told in OpenSSL's words."""
        reason = SSL.Error([("SSL routines", "", "no shared cipher")])
        self.assertEqual(
            self.why(reason), "No secure connection with localhost:7443: no shared cipher."
        )
        self.assertIn("could not be agreed on", self.why(SSL.Error()))

    def test_unknown_authority(self) -> None:
        """A refused certificate that cannot be looked at counts as an unknown authority's."""
        reason = SSL.Error([("SSL routines", "", "certificate verify failed")])
        self.assertIn("Unknown authority", self.why(reason))

    def test_others(self) -> None:
        """Any other reason is told in its own words, harmlessly, or by its name."""
        self.assertIn("cannot be reached: x\\x1by", self.why(OSError("x\x1by")))
        self.assertIn("cannot be reached: ValueError", self.why(ValueError()))
        told = Unreachable("So it is.")
        self.assertIs(explain(told, HERE, None, NOW), told)

    def test_nothing_shown(self) -> None:
        """Before a connection is made there is no certificate."""

        class Never:
            def clientConnectionForTLS(self, protocol: object) -> SSL.Connection:
                raise AssertionError

        self.assertIsNone(WatchedTLS(Never()).certificate())  # type: ignore[arg-type]


class Overhearing(LineReceiver):
    """A daemon that refuses every login, and remembers what it was told."""

    delimiter = b"\n"

    def __init__(self, heard: list[bytes]) -> None:
        self._heard = heard

    def lineReceived(self, line: bytes) -> None:
        self._heard.append(line)
        self.sendLine(encode_error(1, NotAuthenticated("Wrong username or password.")))


class TrustTests(TestCase):
    """Whom the client tells a password."""

    reactor: Any = reactor

    def setUp(self) -> None:
        self.heard: list[bytes] = []
        self.keys = self.make_keys(["localhost"])

    def make_keys(self, names: list[str]) -> KeyFiles:
        keys = KeyFiles(Path(self.mktemp()))
        prepare_keys(keys, names, datetime.now(UTC))
        return keys

    def listen(self, wrap: Callable[[Any], Any]) -> int:
        factory: Any = Factory.forProtocol(lambda: Overhearing(self.heard))
        port: Any = self.reactor.listenTCP(0, wrap(factory), interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        return int(port.getHost().port)

    def listen_tls(self) -> int:
        creator: IOpenSSLServerConnectionCreator = ServerTLS(self.keys)
        return self.listen(lambda factory: TLSMemoryBIOFactory(creator, False, factory))

    async def log_in(self, port: int, host: str = "localhost", ca: Path | None = None) -> Exception:
        """Try to log in, and return what came of it."""
        place = Place(host, port, ca or self.keys.ca_certificate)
        connection = Connection(dial_tls(self.reactor, place), self.reactor, print)
        try:
            await connection.login("tess", "secret")
        except Exception as reason:  # noqa: BLE001  it is what the test looks at
            return reason
        finally:
            await connection.leave()
            # TLS and TCP take a few turns to close, which trial would find unclean.
            await self.closed()
        raise AssertionError("nobody can log in here")

    async def closed(self) -> None:
        for _ in range(100):
            if not [each for each in self.reactor.getReaders() if hasattr(each, "protocol")]:
                return
            await deferLater(self.reactor, 0.01)

    async def test_good(self) -> None:
        """The daemon with the right name from the right authority is spoken with."""
        refusal = await self.log_in(self.listen_tls())
        self.assertIsInstance(refusal, NotAuthenticated)
        self.assertEqual(len(self.heard), 1)

    async def refused(self, expected: str, *args: Any) -> None:
        refusal = await self.log_in(*args)
        self.assertIsInstance(refusal, Unreachable)
        self.assertIn(expected, str(refusal))
        self.assertEqual(self.heard, [])

    async def test_wrong_name(self) -> None:
        """One with another name is told nothing."""
        expected = "is for localhost, and is not for 127.0.0.1."
        await self.refused(f"{expected}", self.listen_tls(), "127.0.0.1")

    async def test_unknown_authority(self) -> None:
        """One from another authority is told nothing."""
        other = self.make_keys(["localhost"]).ca_certificate
        await self.refused("Unknown authority", self.listen_tls(), "localhost", other)

    async def test_expired(self) -> None:
        """One whose certificate has ended is told nothing."""
        make_certificate(self.keys, ["localhost"], datetime.now(UTC) - timedelta(days=400))
        await self.refused("Expired", self.listen_tls())

    async def test_not_yet_valid(self) -> None:
        """One whose certificate has not begun is told nothing."""
        make_certificate(self.keys, ["localhost"], datetime.now(UTC) + timedelta(days=4))
        await self.refused("Not valid yet", self.listen_tls())

    async def test_no_tls(self) -> None:
        """One without TLS is told nothing but that TLS is wanted."""

        class Plain(LineReceiver):
            def dataReceived(self, data: bytes) -> None:
                transport: Any = self.transport
                transport.write(b"HTTP/1.0 400 Bad Request\r\n\r\n")
                transport.loseConnection()

        port = self.listen(lambda _: Factory.forProtocol(Plain))
        await self.refused("does not speak TLS", port)

    async def test_nobody(self) -> None:
        """Where nobody listens that is said."""
        port = self.reactor.listenTCP(0, Factory(), interface="127.0.0.1")
        number = port.getHost().port
        await port.stopListening()
        await self.refused("No daemon listens at", number)

    async def test_no_authority(self) -> None:
        """Without a certificate authority no connection is made."""
        await self.refused("There is no", 1, "localhost", Path("nowhere/ca.crt"))

    async def test_no_host(self) -> None:
        """What cannot be a host's name is told."""
        for host in ("", "a\x01b", "a..b", "x" * 64):
            await self.refused("is neither a host name nor an address", 1, host)

    async def test_given_up(self) -> None:
        """Who will not wait for a connection gives it up, and it is not taken for a failure."""
        place = Place("localhost", self.listen_tls(), self.keys.ca_certificate)
        for turns in range(4):
            attempt = ensureDeferred(dial_tls(self.reactor, place)())
            for _ in range(turns):
                await deferLater(self.reactor, 0)
            attempt.cancel()
            self.failureResultOf(attempt, CancelledError)
            await self.closed()

    def test_no_names(self) -> None:
        """A certificate without names is said to be for nobody."""
        from cryptography import x509

        from records.client.failures import names_in

        authority = x509.load_pem_x509_certificate(self.keys.ca_certificate.read_bytes())
        self.assertEqual(names_in(authority), [])
        client_tls("localhost", self.keys.ca_certificate)
