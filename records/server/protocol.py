"""The line protocol over a connection: lines, limits and deadlines. See docs/protocol.md.

`RecordsProtocol` frames lines, decides when to read, and drops a peer that is silent, slow or does
not read. `RecordsFactory` makes and counts connections, and closes them all at a stop.
`records.server.conversation` handles what a line means.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from typing import Any

from msgspec import Struct
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import (
    IAddress,
    IDelayedCall,
    IHandshakeListener,
    IPushProducer,
    IReactorTime,
)
from twisted.internet.protocol import Protocol, ServerFactory, connectionDone
from twisted.logger import Logger
from twisted.protocols.basic import LineReceiver
from twisted.python.failure import Failure
from zope.interface import implementer

from records.api.messages import MAX_LINE
from records.auth.throttle import network_of
from records.model.errors import ParseError
from records.runtime.input_batching import BatchedConnection, InputBatching
from records.server.conversation import Conversation, Peer

NEVER = float("inf")

FLUSH_BYTES = 64 * 1024
"""Bytes of responses that may be batched. More are written before the end of the iteration."""

REFUSAL_LOG_INTERVAL = 10.0
"""Seconds between two log messages about refused connections."""

SHARE = 20
"""A connection's share: its input is processed until this cost, then other connections have their
turn. A request costs 1, and each `BYTES_PER_REQUEST` bytes of a line cost 1 more."""
BYTES_PER_REQUEST = 512


class Deadlines(Struct, frozen=True):
    """Deadlines of a connection, in seconds.

    handshake: for the TLS handshake. login: to log in, from the start or the last logout. line: to
    finish a line. idle: between requests, once logged in. read: to read responses that are waiting.
    close: to answer a TLS close.
    """

    handshake: float = 10.0
    login: float = 60.0
    line: float = 30.0
    idle: float = 15 * 60.0
    read: float = 30.0
    close: float = 5.0


def source_of(address: IAddress | None) -> str:
    """The address of a peer without its port, or "local", as the audit log has it."""
    if isinstance(address, IPv6Address):
        # An IPv6 socket accepts IPv4 connections too, and shows them as ::ffff:192.0.2.1.
        mapped = ip_address(address.host.partition("%")[0])
        return str(getattr(mapped, "ipv4_mapped", None) or address.host)
    return address.host if isinstance(address, IPv4Address) else "local"


@implementer(IHandshakeListener, IPushProducer)
class RecordsProtocol(LineReceiver):
    """One connection.

    The connection is not read while it has too many requests under way, nor while the peer leaves
    its responses unread.
    """

    delimiter = b"\n"
    MAX_LENGTH = MAX_LINE + 1  # for the CR of a CRLF

    transport: Any  # a push producer and consumer: an `ImmediateTransport`

    _log = Logger()

    def __init__(self, factory: RecordsFactory, source: str) -> None:
        self.factory = factory
        self.source = source
        self._clock = factory.clock
        self._deadlines = factory.deadlines
        self._conversation = factory.new_conversation(self, source)
        self._timer: IDelayedCall | None = None
        self._phase_began = self._clock.seconds()
        self._active_at = self._phase_began
        self._secure = False
        self._line_began = NEVER
        self._unread_since = NEVER
        self._closing_since = NEVER
        self._is_full = False
        self._cost = 0  # of its share
        self._is_yielding = False
        self._finishing = False
        self._was_anonymous = True
        self._answers: list[bytes] = []
        self._answers_size = 0

    def connectionMade(self) -> None:
        """See `IProtocol`. Over TLS, the handshake is still to come."""
        self._phase_began = self._active_at = self._clock.seconds()
        self.factory.made(self)
        self.transport.registerProducer(self, True)
        self._check_deadline()

    def handshakeCompleted(self) -> None:
        """See `IHandshakeListener`."""
        self._secure = True
        self._phase_began = self._active_at = self._clock.seconds()

    def dataReceived(self, data: bytes) -> None:
        """See `IProtocol`."""
        if not data:  # from `resumeProducing`: process input that was read before
            self.process(data)
            return
        if self._closing_since != NEVER:
            self._yield()  # discarded, so that our last line is not lost in a TCP reset
            return
        now = self._active_at = self._clock.seconds()
        if data[-1:] == b"\n":
            self._line_began = NEVER
        elif self._line_began == NEVER or b"\n" in data:
            with self._earlier_deadline():
                self._line_began = now
        self.factory.input_batching.receive(self, data)

    def process(self, data: bytes) -> None:
        """See `records.runtime.input_batching.BatchedConnection`."""
        if self._closing_since != NEVER:
            if self._is_yielding and self.transport is not None:
                self._is_yielding = False
                self._update_reading()
            return
        self._cost = 0
        has_waited = self._is_yielding
        super().dataReceived(data)  # while paused, this only keeps the data
        if has_waited:
            self._is_yielding = False
            self._active_at = self._clock.seconds()
            self._update_reading()

    def lineReceived(self, line: bytes) -> None:
        """See `LineReceiver`."""
        if line[-1:] == b"\r":
            line = line[:-1]
        if len(line) > MAX_LINE:
            self.lineLengthExceeded(line)
            return
        requests = self._conversation.receive(line, bool(self._buffer))
        self._cost += requests + len(line) // BYTES_PER_REQUEST
        if self._cost >= SHARE:
            self._yield()
        if self._conversation.is_full and not self._is_full:
            self._is_full = True
            self._update_reading()

    @property
    def is_idle(self) -> bool:
        """See `records.runtime.input_batching.BatchedConnection`."""
        return not (self._conversation.under_way or self._is_yielding or self._buffer)

    def pause(self) -> None:
        """See `records.runtime.input_batching.BatchedConnection`."""
        if not self._is_yielding and self.transport is not None:
            self._is_yielding = True
            self._update_reading()

    def _yield(self) -> None:
        """Let other connections have their turn."""
        self.pause()
        self.factory.input_batching.requeue(self)

    def lineLengthExceeded(self, line: bytes) -> None:
        """See `LineReceiver`. Where the next line begins cannot be known: answer, and close."""
        self._conversation.refuse(ParseError(f"A line is at most {MAX_LINE} bytes long."))
        self.finish()

    def send(self, line: bytes) -> None:
        """See `records.server.conversation.Peer`."""
        self._answers.append(line)
        if len(self._answers) == 1:
            self.factory.input_batching.send(self)
        self._answers_size += len(line)
        if self._answers_size > FLUSH_BYTES:
            self.flush()

    def flush(self) -> None:
        """See `records.runtime.input_batching.BatchedConnection`."""
        if self._answers:
            answers, self._answers, self._answers_size = self._answers, [], 0
            answers.append(b"")
            self.transport.write(b"\n".join(answers))

    def settled(self) -> None:
        """See `records.server.conversation.Peer`."""
        self._active_at = self._clock.seconds()
        anonymous = self._conversation.is_anonymous
        if anonymous and not self._was_anonymous:
            self._phase_began = self._active_at
        self._was_anonymous = anonymous
        if self._is_full and not self._conversation.is_full:
            self._is_full = False
            self._yield()  # and then process the input that was read before
        if self._finishing and not self._conversation.under_way:
            self._close()

    def _update_reading(self) -> None:
        """Have the transport read if, and only if, this connection wants input."""
        wanted = not self._is_yielding
        if self._closing_since == NEVER:
            unread = self._unread_since != NEVER
            wanted = wanted and not (self._is_full or self._finishing or unread)
        if wanted and self.paused:
            if self._line_began != NEVER:
                self._line_began = self._clock.seconds()  # the delay was ours
            super().resumeProducing()
        elif not wanted and not self.paused:
            super().pauseProducing()

    def pauseProducing(self) -> None:
        """See `IPushProducer`. Called by the transport, while answers wait to be read."""
        with self._earlier_deadline():
            self._unread_since = self._clock.seconds()
        self._conversation.hold()
        self._update_reading()

    def resumeProducing(self) -> None:
        """See `IPushProducer`."""
        self._unread_since = NEVER
        self._update_reading()
        self._conversation.release()

    def stopProducing(self) -> None:
        """See `IPushProducer`. The connection is lost; `connectionLost` tells."""

    def finish(self) -> None:
        """Read no more, answer the requests under way, and close."""
        if not self._finishing:
            self._finishing = True
            self._update_reading()
            if not self._conversation.under_way:
                self._close()

    def _close(self) -> None:
        if self._closing_since != NEVER:
            return
        with self._earlier_deadline():
            self._closing_since = self._clock.seconds()
        self._conversation.disconnected()
        self.flush()
        self.transport.unregisterProducer()
        self.clearLineBuffer()
        self._is_yielding = False
        self._update_reading()
        self.transport.loseConnection()

    def abort(self) -> None:
        """Close at once, whatever is under way."""
        if self._closing_since == NEVER:
            self._closing_since = self._clock.seconds()
        self._conversation.disconnected()
        self.transport.abortConnection()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """See `IProtocol`."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._closing_since == NEVER:
            self._closing_since = self._clock.seconds()
        self._answers = []
        self.clearLineBuffer()
        self._conversation.disconnected()
        self.factory.lost(self)
        # The transport below refers to us as its producer: a reference cycle, which would keep
        # both in memory until the garbage collector runs.
        self.transport = None

    def _deadline(self) -> tuple[float, str]:
        """When the connection is to be dropped unless something changes, and why."""
        deadlines = self._deadlines
        if self._closing_since != NEVER:
            return self._closing_since + deadlines.close, "did not close its end"
        if self._unread_since != NEVER:
            return self._unread_since + deadlines.read, "did not read its answers"
        if not self._secure:
            return self._phase_began + deadlines.handshake, "did not finish the TLS handshake"
        line = self._line_began + deadlines.line, "did not finish its line"
        under_way = self._conversation.under_way
        if self._is_yielding or (under_way and (self._is_full or self._finishing)):
            return NEVER, ""  # the delay is ours
        anonymous = self._conversation.is_anonymous
        login, idle = self._phase_began + deadlines.login, self._active_at + deadlines.idle
        other = (login, "did not log in") if anonymous else (idle, "was silent")
        return line if under_way else min(line, other)

    def _check_deadline(self) -> None:
        """Drop the connection if its deadline has passed; otherwise check again later."""
        self._timer = None
        due, why = self._deadline()
        now = self._clock.seconds()
        if due <= now:
            self._log.info(
                "Dropped a connection from {source}: it {why}", source=self.source, why=why
            )
            self.abort()
            return
        # What happens meanwhile can bring a deadline nearer, so the interval is bounded.
        deadlines = self._deadlines
        pause = min(due - now, deadlines.read, deadlines.login, deadlines.line)
        self._timer = self._clock.callLater(pause, self._check_deadline)

    @contextmanager
    def _earlier_deadline(self) -> Iterator[None]:
        """Wraps a change that can move the deadline forward."""
        yield
        if self._timer is not None:
            due = self._deadline()[0]
            now = self._clock.seconds()
            if due < self._timer.getTime():
                self._timer.reset(max(0.0, due - now))


class _RefusedConnection(Protocol):
    """A connection that is dropped at once. The TLS wrapper does not accept None."""

    transport: Any

    def connectionMade(self) -> None:
        self.transport.abortConnection()


class RecordsFactory(ServerFactory):
    """Makes a `RecordsProtocol` for each connection, up to limits: in all, and for one source (an
    IPv6 /64), so that no source can take all places.

    new_conversation: starts the conversation with a peer, given its source.
    """

    noisy = False
    _log = Logger()

    def __init__(
        self,
        clock: IReactorTime,
        new_conversation: Callable[[Peer, str], Conversation],
        deadlines: Deadlines,
        max_connections: int,
        max_per_source: int,
        input_batching: InputBatching,
    ) -> None:
        self.clock = clock
        self.new_conversation = new_conversation
        self.deadlines = deadlines
        self.input_batching = input_batching
        self.connections: set[RecordsProtocol] = set()
        self.max_connections = max_connections
        self._max_per_source = max_per_source
        self._by_source: Counter[str] = Counter()
        self._quiet_until = -NEVER
        self._refusals = 0
        self._stopping = False
        self._all_gone: list[Deferred[None]] = []

    def buildProtocol(self, addr: IAddress | None) -> RecordsProtocol | _RefusedConnection:
        """See `IProtocolFactory`."""
        if self._stopping:
            return _RefusedConnection()
        source = source_of(addr)
        count, from_there = len(self.connections), self._by_source[network_of(source)]
        if count >= self.max_connections or from_there >= self._max_per_source:
            self._refused(source, count, from_there)
            return _RefusedConnection()
        return RecordsProtocol(self, source)

    def _refused(self, source: str, count: int, from_there: int) -> None:
        """Log refusals, at most once in an interval: a refused client may come back at once."""
        self._refusals += 1
        now = self.clock.seconds()
        if now < self._quiet_until:
            return
        self._log.warn(
            "Refused a connection from {source}: there are {count} already, {from_there} of "
            "them from there; {refusals} refused since this was last said",
            source=source,
            count=count,
            from_there=from_there,
            refusals=self._refusals,
        )
        self._quiet_until, self._refusals = now + REFUSAL_LOG_INTERVAL, 0

    def made(self, connection: RecordsProtocol) -> None:
        """Called when a connection has been made."""
        self.connections.add(connection)
        self._by_source[network_of(connection.source)] += 1

    def lost(self, connection: RecordsProtocol) -> None:
        """Called when a connection is gone."""
        if connection not in self.connections:
            return
        self.connections.discard(connection)
        network = network_of(connection.source)
        self._by_source[network] -= 1
        if not self._by_source[network]:
            del self._by_source[network]
        if not self.connections:
            waiting, self._all_gone = self._all_gone, []
            for gone in waiting:
                gone.callback(None)

    def finish(self) -> Deferred[None]:
        """Have every connection answer what is under way, and close. Fires when all are gone."""
        self._stopping = True
        self.input_batching.run_now()
        if not self.connections:
            return succeed(None)
        gone: Deferred[None] = Deferred()
        self._all_gone.append(gone)
        for connection in tuple(self.connections):
            connection.finish()
        return gone

    def abort(self) -> None:
        """Close every connection at once."""
        for connection in tuple(self.connections):
            connection.abort()


def _conforms_to_batching(connection: RecordsProtocol) -> BatchedConnection:
    return connection
