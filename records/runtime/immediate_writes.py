"""Sending at once: what is written leaves in the same turn of the reactor, if the peer takes it.

Twisted's TCP transport asks the operating system whether it may write, each time, and writes in
the reactor's next turn: two system calls and an event more for each answer. Here it is just tried.
What the peer does not take is left to the transport, piece by piece, as its buffer empties; and
whoever writes is told to pause meanwhile. Knows nothing of what is sent.
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

READ_AT_ONCE = 16 * 1024
"""Bytes that are read from a peer at a time: as tiny TLS records they take some milliseconds."""

ENOUGH = 64 * 1024
"""So many bytes that wait for the peer, and whoever writes is told to pause."""


@implementer(IPullProducer)
class _Rest:
    """What the peer has not taken yet, handed to the transport whenever that has none."""

    def __init__(self, connection: EagerConnection, transport: Any) -> None:
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
            self._connection.caught_up()

    def stopProducing(self) -> None:
        """See `IPullProducer`. The connection is lost, and with it the rest."""
        self._data, self.size = [], 0


class EagerConnection(ProtocolWrapper):
    """One connection, as a protocol to the transport below and as a transport to the one above.

    Works over a TCP (or Unix) transport of Twisted's; over any other, it passes all on.
    """

    transport: Any  # Twisted's TCP transport, or another one

    _try: Any = None
    _rest: _Rest | None = None
    _producer: IPushProducer | None = None
    _is_paused = False

    def makeConnection(self, transport: ITransport) -> None:
        """See `IProtocol`."""
        self._try = getattr(transport, "writeSomeData", None)
        if ITCPTransport.providedBy(transport):
            transport.setTcpNoDelay(True)  # what is together has been put together already
        super().makeConnection(transport)
        self.transport.bufferSize = READ_AT_ONCE

    def write(self, data: bytes) -> None:
        """See `ITransport`."""
        if self._rest is not None:
            self._append(data)
            return
        if self._try is None or self.transport.disconnecting:
            self.transport.write(data)
            return
        sent = self._try(data)
        if not isinstance(sent, int) or sent < 0:
            self.transport.write(data)  # which fails in the same way, and tells of it
        elif sent < len(data):
            self._rest = _Rest(self, self.transport)
            self._append(data[sent:])
            self.transport.registerProducer(self._rest, False)

    def _append(self, data: bytes) -> None:
        assert self._rest is not None
        self._rest.append(data)
        if self._rest.size > ENOUGH and self._producer is not None and not self._is_paused:
            self._is_paused = True
            self._producer.pauseProducing()

    def caught_up(self) -> None:
        """The peer has taken everything."""
        self._rest = None
        if self._is_paused and self._producer is not None:
            self._is_paused = False
            self._producer.resumeProducing()

    def writeSequence(self, data: Any) -> None:
        """See `ITransport`."""
        self.write(b"".join(data))

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        """See `IConsumer`. Only producers that push are known here."""
        if self._try is None or not streaming:
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
        self._try = self._rest = None
        if self._producer is not None:
            producer, self._producer = self._producer, None
            producer.stopProducing()
        super().connectionLost(reason)


class EagerFactory(WrappingFactory[EagerConnection]):
    """Wraps a factory whose protocols are to send at once."""

    protocol = EagerConnection
    noisy = False


class UnbufferedTLS(TLSMemoryBIOFactory):
    """TLS for protocols that themselves put together what is to leave together."""

    protocol = TLSMemoryBIOProtocol
