"""The wire over TLS: connections in memory, as real as they get without a network."""

from __future__ import annotations

from typing import Any

import msgspec
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.internet.testing import StringTransport
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.python.failure import Failure
from twisted.test.iosim import IOPump, connectedServerAndClient

from records.api.messages import MAX_LINE
from records.server.protocol import Deadlines
from records.test.server.conversation_case import person, reason, request
from records.test.server.protocol_case import ProtocolCase
from records.test.tls.tls_case import Creator

TIMES = Deadlines()


class Asking(Protocol):
    """The other end. lost: whether, and how, it was told that the connection is over."""

    def __init__(self) -> None:
        self.got = b""
        self.lost: BaseException | None = None

    def dataReceived(self, data: bytes) -> None:
        """See `IProtocol`."""
        self.got += data

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """See `IProtocol`."""
        self.lost = reason.value

    def say(self, data: bytes) -> None:
        """Send something."""
        assert self.transport is not None
        self.transport.write(data)

    def answers(self) -> list[Any]:
        """What has come so far."""
        return [msgspec.json.decode(line) for line in self.got.splitlines()]


class TLSCase(ProtocolCase):
    """A factory behind TLS."""

    max_connections = 1

    def setUp(self) -> None:
        super().setUp()
        self.creator = Creator()
        self.tls = TLSMemoryBIOFactory(self.creator, False, self.factory, self.time)

    def meet(self) -> tuple[Asking, IOPump]:
        """A connection whose handshake is done."""
        asking = Asking()
        client = TLSMemoryBIOFactory(
            self.creator, True, Factory.forProtocol(lambda: asking), self.time
        )
        _, _, pump = connectedServerAndClient(
            lambda: self.tls.buildProtocol(None),
            lambda: client.buildProtocol(None),
            clock=self.time,
        )
        self.flush(pump)
        return asking, pump

    def flush(self, pump: IOPump) -> None:
        """Let both ends say all that they have to say."""
        while pump.flush():
            pass


class TalkTests(TLSCase):
    """Requests and answers."""

    def test_requests(self) -> None:
        """Requests are answered, and a connection past its handshake is not dropped for that."""
        asking, pump = self.meet()
        asking.say(request("resume", 1, token="hr") + b"\n")
        asking.say(request("employee.list", 2) + b"\r\n")
        self.flush(pump)
        self.assertEqual([reason(each) for each in asking.answers()], ["", ""])
        self.pass_time(TIMES.handshake + TIMES.login)
        self.flush(pump)
        self.assertIsNone(asking.lost)

    def test_too_long(self) -> None:
        """The last word arrives before the end, though more was on its way."""
        asking, pump = self.meet()
        asking.say(b"x" * 5 * MAX_LINE)
        self.flush(pump)
        self.assertEqual([reason(each) for each in asking.answers()], ["parse-error"])
        self.assertIsNotNone(asking.lost)
        self.assertEqual((self.factory.connections, self.calls()), (set(), []))

    def test_finish(self) -> None:
        """What is under way at a stop is answered; then both ends know that it is over."""
        asking, pump = self.meet()
        asking.say(request("resume", 1, token="hr") + b"\n")
        self.flush(pump)
        self.hand.held = True
        asking.say(request("employee.add", 2, employee=person("Al")) + b"\n")
        self.flush(pump)
        gone = self.factory.finish()
        self.flush(pump)
        self.assertNoResult(gone)
        self.hand.fire_all()
        self.flush(pump)
        self.assertEqual([reason(each) for each in asking.answers()], ["", ""])
        self.successResultOf(gone)
        self.assertIsNotNone(asking.lost)
        self.assertEqual(self.calls(), [])


class LostTests(TLSCase):
    """Connections that are gone."""

    def test_no_circles(self) -> None:
        """Nothing of them refers to each other in a circle: they go at once, not when collected."""
        asking, pump = self.meet()
        asking.say(b"x" * 1000)
        self.flush(pump)
        (connection,) = self.factory.connections
        conversation = connection._conversation
        self.assertIs(conversation._peer, connection)
        assert asking.transport is not None
        asking.transport.loseConnection()
        self.flush(pump)
        self.assertEqual(self.factory.connections, set())
        self.assertIsNone(connection.transport)
        self.assertIsNot(conversation._peer, connection)
        self.assertEqual(connection._buffer, b"")


class RefusedTests(TLSCase):
    """Connections that are too many, or come too late."""

    def is_refused(self) -> bool:
        """Whether one more connection is closed at once, without any word."""
        transport = StringTransport()
        self.tls.buildProtocol(None).makeConnection(transport)
        return bool(transport.disconnecting and not transport.value())

    def test_too_many(self) -> None:
        """One past the limit is closed, and not left open without any deadline."""
        self.meet()
        self.assertTrue(self.is_refused())

    def test_stopping(self) -> None:
        """So is one that comes during a stop."""
        self.factory.finish()
        self.assertTrue(self.is_refused())
