"""What the tests of the wire share: connections whose other end is in the test's hands."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

import msgspec
from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionAborted, ConnectionDone
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure

from records.gateway.gateway import Gateway
from records.runtime.input_batching import InputBatching
from records.runtime.scheduler import Scheduler
from records.server.conversation import Conversation, Peer
from records.server.protocol import Deadlines, RecordsFactory, RecordsProtocol
from records.test.operations.operations_case import SOURCE
from records.test.server.conversation_case import ConversationCase, request


class Wire(StringTransport):
    """A connection, as its other end has it.

    lost: whether the connection is gone. aborted: whether the daemon has dropped it.
    """

    def __init__(self, clock: Clock, protocol: RecordsProtocol) -> None:
        super().__init__(peerAddress=IPv4Address("TCP", SOURCE, 50000))
        self._clock = clock
        self.protocol = protocol
        self.lost = False
        self.aborted = False
        self._coming: deque[bytes] = deque()
        self._count = 0
        protocol.makeConnection(self)

    def write(self, data: bytes) -> None:
        """See `ITransport`. Over TLS, what is written after a goodbye is silently lost."""
        assert not self.disconnecting, "written after the goodbye"
        super().write(data)

    def pauseProducing(self) -> None:
        """See `IPushProducer`. Over TLS it may be after the goodbye, too."""
        self.producerState = "paused"

    def resumeProducing(self) -> None:
        """See `IPushProducer`. What has come meanwhile is delivered in another iteration."""
        self.producerState = "producing"
        self._clock.callLater(0, self._flow)

    def abortConnection(self) -> None:
        """See `ITCPTransport`. The loss is told in another iteration."""
        if not self.lost:
            super().abortConnection()
            self.aborted = True
            self._clock.callLater(0, self._lose, ConnectionAborted())

    def _lose(self, reason: Exception) -> None:
        if not self.lost:
            self.lost = True
            self.protocol.connectionLost(Failure(reason))

    def on_hangup(self) -> None:
        """Close the connection, or answer the daemon's goodbye."""
        self._lose(ConnectionDone())

    def deliver(self, *data: bytes) -> None:
        """Send pieces, each of which arrives as one, as soon as the daemon reads it."""
        self._coming.extend(data)
        self._flow()

    def _flow(self) -> None:
        while self._coming and self.producerState == "producing" and not self.lost:
            self.protocol.dataReceived(self._coming.popleft())

    @property
    def is_read(self) -> bool:
        """Whether the daemon reads what is sent."""
        return self.producerState == "producing"

    def leave_unread(self) -> None:
        """Read no more answers, until those that are on their way fill every buffer."""
        if self.producer is not None:
            self.producer.pauseProducing()

    def read_again(self) -> None:
        """Read on, until the buffers are empty."""
        if self.producer is not None:
            self.producer.resumeProducing()

    def ask(self, method: str, **params: object) -> int:
        """Send a request on a line of its own, and return its id: they count from 1."""
        self._count += 1
        self.deliver(request(method, self._count, **params) + b"\n")
        return self._count

    def answers(self) -> list[Any]:
        """What has come since this was last asked."""
        value = self.value()
        assert value[-1:] in (b"", b"\n"), "an answer without its end"
        self.clear()
        return [msgspec.json.decode(line) for line in value.split(b"\n")[:-1]]

    def numbers(self) -> list[object]:
        """The ids of the answers that have come since they were last asked for."""
        return [answer["id"] for answer in self.answers()]


class ProtocolCase(ConversationCase):
    """A factory, and connections to it."""

    deadlines = Deadlines()
    max_connections = 100
    max_per_source = 100

    def setUp(self) -> None:
        super().setUp()
        self.gateway = Gateway(self.services)
        self.sources: list[str] = []
        self.factory = RecordsFactory(
            self.time,
            self.new_conversation,
            self.deadlines,
            self.max_connections,
            self.max_per_source,
            InputBatching(Scheduler(lambda call: call(), self.time.seconds)),
        )

    def new_conversation(self, peer: Peer, source: str) -> Conversation:
        """Begin a conversation."""
        self.sources.append(source)
        return Conversation(self.gateway, peer, source)

    def connect(self, token: str | None = None, secure: bool = True) -> Wire:
        """A new connection: an anonymous one, or one that goes on with a session."""
        protocol = self.factory.buildProtocol(IPv4Address("TCP", SOURCE, 50000))
        assert isinstance(protocol, RecordsProtocol)
        wire = Wire(self.time, protocol)
        if secure:
            protocol.handshakeCompleted()
        if token is not None:
            wire.ask("resume", token=token)
            (answer,) = wire.answers()
            assert "result" in answer, answer
            self.hand.handed.clear()
        return wire

    def stays(self, wire: Wire, seconds: float) -> None:
        """The connection is not dropped while this time passes."""
        self.pass_time(seconds)
        self.assertFalse(wire.aborted)

    def goes(self, wire: Wire, seconds: float = 1) -> None:
        """The connection is dropped while this time passes, and leaves no timer behind."""
        self.pass_time(seconds)
        self.assertTrue(wire.aborted and wire.lost)
        self.assertNotIn(wire.protocol, self.factory.connections)

    def calls(self) -> list[Any]:
        """What still waits for its time."""
        return list(self.time.getDelayedCalls())

    def turn(self) -> None:
        """Do what waits for the reactor's next iteration."""
        self.time.advance(0)

    def until(self, done: Callable[[], bool], turns: int = 1000) -> None:
        """Let turns pass until something is done."""
        for _ in range(turns):
            if done():
                return
            self.turn()
        self.fail("it is never done")
