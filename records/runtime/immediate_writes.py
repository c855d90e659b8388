"""A transport wrapper that writes to the socket at once, not when the reactor reports it writable.

Saves two system calls a response. What the peer does not take is left to Twisted's transport, piece
by piece as its buffer empties; meanwhile the producer is paused.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.interfaces import (
    IPullProducer,
    IPushProducer,
    ITCPTransport,
    ITransport,
)
from twisted.internet.protocol import connectionDone
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory
from twisted.protocols.tls import TLSMemoryBIOFactory, TLSMemoryBIOProtocol
from twisted.python.failure import Failure
from zope.interface import implementer

READ_SIZE = 16 * 1024
"""Bytes to read at a time. As tiny TLS records, even these take milliseconds to process."""

MAX_BACKLOG = 64 * 1024
"""Unsent bytes above which the producer is paused."""


@implementer(IPullProducer)
class _Backlog:
    """Data that the peer has not taken yet; goes to the transport whenever its buffer is empty."""

    def __init__(self, connection: ImmediateTransport, transport: Any) -> None:
        self._connection = connection
        self._transport = transport
        self._data: list[bytes] = []
        self.size = 0

    def append(self, data: bytes) -> None:
        self._data.append(data)
        self.size += len(data)

    def resumeProducing(self) -> None:
        """See `IPullProducer`. Called when the transport's buffer is empty."""
        if self._data:
            data, self._data, self.size = b"".join(self._data), [], 0
            self._transport.write(data)
        else:
            self._transport.unregisterProducer()
            self._connection.backlog_sent()

    def stopProducing(self) -> None:
        """See `IPullProducer`. The connection is lost, and with it the backlog."""
        self._data, self.size = [], 0


class ImmediateTransport(ProtocolWrapper):
    """One connection: a protocol to the transport below, a transport to the protocol above.

    Writes immediately over a TCP or Unix transport of Twisted; any other transport just gets the
    data passed.
    """

    transport: Any  # Twisted's TCP transport, or another one

    _write_now: Any = None
    _backlog: _Backlog | None = None
    _producer: IPushProducer | None = None
    _is_paused = False

    def makeConnection(self, transport: ITransport) -> None:
        """See `IProtocol`."""
        self._write_now = getattr(transport, "writeSomeData", None)
        if ITCPTransport.providedBy(transport):
            transport.setTcpNoDelay(
                True
            )  # writes are complete already; nothing follows that could share a packet
        super().makeConnection(transport)
        self.transport.bufferSize = READ_SIZE

    def write(self, data: bytes) -> None:
        """See `ITransport`."""
        if self._backlog is not None:
            self._append(data)
            return
        if self._write_now is None or self.transport.disconnecting:
            self.transport.write(data)
            return
        sent = self._write_now(data)
        if not isinstance(sent, int) or sent < 0:
            self.transport.write(data)  # it fails in the same way, and reports it
        elif sent < len(data):
            self._backlog = _Backlog(self, self.transport)
            self._append(data[sent:])
            self.transport.registerProducer(self._backlog, False)

    def _append(self, data: bytes) -> None:
        assert self._backlog is not None
        self._backlog.append(data)
        if self._backlog.size > MAX_BACKLOG and self._producer is not None and not self._is_paused:
            self._is_paused = True
            self._producer.pauseProducing()

    def backlog_sent(self) -> None:
        """The peer has taken the whole backlog."""
        self._backlog = None
        if self._is_paused and self._producer is not None:
            self._is_paused = False
            self._producer.resumeProducing()

    def writeSequence(self, data: Any) -> None:
        """See `ITransport`."""
        self.write(b"".join(data))

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        """See `IConsumer`. Pull producers are passed to the transport."""
        if self._write_now is None or not streaming:
            self.transport.registerProducer(producer, streaming)
        else:
            self._producer, self._is_paused = producer, False

    def unregisterProducer(self) -> None:
        """See `IConsumer`."""
        if self._producer is None:
            self.transport.unregisterProducer()
        self._producer = None

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """See `IProtocol`."""
        self._write_now = self._backlog = None
        if self._producer is not None:
            producer, self._producer = self._producer, None
            producer.stopProducing()
        super().connectionLost(reason)


class ImmediateFactory(WrappingFactory[ImmediateTransport]):
    """Wraps a factory whose protocols write immediately."""

    protocol = ImmediateTransport
    noisy = False


class UnbufferedTLS(TLSMemoryBIOFactory):
    """TLS without Twisted's write buffer, for protocols that batch their writes themselves."""

    protocol = TLSMemoryBIOProtocol
