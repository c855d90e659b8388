"""Tests for sending at once."""

from __future__ import annotations

from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.interfaces import IPushProducer, ITCPTransport
from twisted.internet.main import CONNECTION_LOST
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import alsoProvides, implementer

from records.runtime.immediate_writes import MAX_BACKLOG, ImmediateFactory, ImmediateTransport


class Socket(StringTransport):
    """A TCP transport as Twisted makes it, whose peer takes so many bytes: the rest waits."""

    def __init__(self, takes: int = 1_000_000) -> None:
        super().__init__()
        alsoProvides(self, ITCPTransport)
        self.takes = takes
        self.sent = b""
        self.waiting = b""
        self.no_delay = False
        self.is_lost = False

    def setTcpNoDelay(self, enabled: bool) -> None:
        """See `ITCPTransport`."""
        self.no_delay = enabled

    def writeSomeData(self, data: bytes) -> Any:
        """Send what the peer takes."""
        if self.is_lost:
            return CONNECTION_LOST
        taken = data[: self.takes]
        self.takes -= len(taken)
        self.sent += taken
        return len(taken)

    def write(self, data: bytes) -> None:
        """See `ITransport`: it waits until `drain`."""
        self.waiting += data

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        """See `IConsumer`. One that is to be pulled is asked at once."""
        super().registerProducer(producer, streaming)
        if not streaming:
            producer.resumeProducing()

    def drain(self) -> None:
        """The peer takes what waits, over and over, until there is no more."""
        self.takes = 1_000_000
        while self.waiting or self.producer is not None:
            self.sent += self.waiting
            self.waiting = b""
            if self.producer is None:
                return
            self.producer.resumeProducing()


@implementer(IPushProducer)
class Producer:
    """Writes down what it is reported."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def pauseProducing(self) -> None:
        """See `IPushProducer`."""
        self.told.append("pause")

    def resumeProducing(self) -> None:
        """See `IPushProducer`."""
        self.told.append("resume")

    def stopProducing(self) -> None:
        """See `IPushProducer`."""
        self.told.append("stop")


class ImmediateTransportTests(SynchronousTestCase):
    """`ImmediateTransport`."""

    def connect(self, transport: Any) -> ImmediateTransport:
        """A connection over a transport."""
        factory = ImmediateFactory(Factory.forProtocol(Protocol))
        connection = factory.buildProtocol(IPv4Address("TCP", "127.0.0.1", 50000))
        connection.makeConnection(transport)
        return connection

    def test_at_once(self) -> None:
        """What the peer takes leaves at once."""
        socket = Socket()
        connection = self.connect(socket)
        connection.write(b"one")
        connection.writeSequence([b"two", b"three"])
        self.assertEqual((socket.sent, socket.waiting), (b"onetwothree", b""))
        self.assertTrue(socket.no_delay)

    def test_rest(self) -> None:
        """What the peer does not take follows in order, and then all goes at once again."""
        socket = Socket(takes=2)
        connection = self.connect(socket)
        connection.write(b"abc")
        connection.write(b"def")
        self.assertEqual(socket.sent, b"ab")
        socket.drain()
        self.assertEqual(socket.sent, b"abcdef")
        connection.write(b"ghi")
        self.assertEqual((socket.sent, socket.waiting), (b"abcdefghi", b""))

    def test_pause(self) -> None:
        """The writer is told to pause once when much waits, and to go on when nothing does."""
        socket, producer = Socket(takes=0), Producer()
        connection = self.connect(socket)
        connection.registerProducer(producer, True)
        connection.write(b"x")
        self.assertEqual(producer.told, [])
        connection.write(b"x" * (MAX_BACKLOG + 1))
        connection.write(b"x")
        self.assertEqual(producer.told, ["pause"])
        socket.drain()
        self.assertEqual(producer.told, ["pause", "resume"])
        self.assertEqual(len(socket.sent), MAX_BACKLOG + 3)

    def test_little_waits(self) -> None:
        """Whoever was not told to pause is not told to go on."""
        socket, producer = Socket(takes=0), Producer()
        connection = self.connect(socket)
        connection.registerProducer(producer, True)
        connection.write(b"x")
        socket.drain()
        self.assertEqual(producer.told, [])

    def test_unregistered(self) -> None:
        """A producer that is gone is told nothing more."""
        socket, producer = Socket(takes=0), Producer()
        connection = self.connect(socket)
        connection.registerProducer(producer, True)
        connection.write(b"x" * (MAX_BACKLOG + 1))
        connection.write(b"x" * (MAX_BACKLOG + 1))
        connection.unregisterProducer()
        socket.drain()
        connection.connectionLost(connectionDone)
        self.assertEqual(producer.told, ["pause"])

    def test_lost(self) -> None:
        """When the connection is lost the producer is reported; later writes go nowhere."""
        socket, producer = Socket(takes=0), Producer()
        connection = self.connect(socket)
        connection.registerProducer(producer, True)
        connection.write(b"x")
        connection.connectionLost(connectionDone)
        connection.write(b"y")
        self.assertEqual(producer.told, ["stop"])
        self.assertEqual(socket.sent, b"")

    def test_broken(self) -> None:
        """An error at sending is left to the transport, which finds it again and tells of it."""
        socket = Socket()
        socket.is_lost = True
        self.connect(socket).write(b"abc")
        self.assertEqual((socket.sent, socket.waiting), (b"", b"abc"))

    def test_other_transport(self) -> None:
        """A transport of another kind gets everything as it comes, producers too."""
        transport, producer = StringTransport(), Producer()
        connection = self.connect(transport)
        connection.registerProducer(producer, True)
        connection.write(b"abc")
        self.assertEqual((transport.value(), transport.producer), (b"abc", producer))
        connection.unregisterProducer()
        self.assertIsNone(transport.producer)
