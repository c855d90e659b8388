"""Connections together: how many there are, where they come from, and how they all end."""

from __future__ import annotations

from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IProtocolFactory
from twisted.internet.testing import StringTransport
from twisted.logger import capturedLogs
from twisted.python.failure import Failure
from zope.interface.verify import verifyObject

from records.api.messages import MAX_UNDER_WAY
from records.server.protocol import Deadlines, RecordsProtocol, source_of
from records.test.auth.login_case import GOOD
from records.test.operations.operations_case import SOURCE
from records.test.server.conversation_case import person, reason, request
from records.test.server.protocol_case import ProtocolCase, Wire

TIMES = Deadlines()


class FactoryCase(ProtocolCase):
    """A factory of three connections at most."""

    max_connections = 3

    def is_refused(self) -> bool:
        """Whether one more connection is closed as soon as it is there."""
        protocol = self.factory.buildProtocol(IPv4Address("TCP", SOURCE, 50001))
        if protocol is None:
            return True  # which a port answers by closing the connection
        transport = StringTransport()
        protocol.makeConnection(transport)
        refused = transport.disconnecting
        protocol.connectionLost(Failure(ConnectionResetError()))
        return bool(refused)


class ConnectionsTests(FactoryCase):
    """How many connections there may be, and where they come from."""

    def test_interface(self) -> None:
        """The factory provides what Twisted asks of one."""
        self.assertTrue(verifyObject(IProtocolFactory, self.factory))

    def test_sources(self) -> None:
        """A source is an address without its port; what has none is local."""
        for address, source in (
            (IPv4Address("TCP", "192.0.2.7", 1), "192.0.2.7"),
            (IPv6Address("TCP", "2001:db8::7", 1), "2001:db8::7"),
            (IPv6Address("TCP", "::ffff:192.0.2.7", 1), "192.0.2.7"),
            (IPv6Address("TCP", "fe80::7%eth0", 1), "fe80::7%eth0"),
            (UNIXAddress(b"/run/records"), "local"),
            (UNIXAddress(None), "local"),
            (None, "local"),
        ):
            self.assertEqual(source_of(address), source)

    def test_source_of_a_connection(self) -> None:
        """What is audited of a connection has its source."""
        wire = self.connect()
        wire.ask("login", username="hr", password=GOOD)
        self.assertEqual(self.sources, [SOURCE])
        self.assertEqual(self.entries()[-1].event.source, SOURCE)

    def test_limit(self) -> None:
        """There are so many connections at most; one that ends makes room for another."""
        wires = [self.connect() for _ in range(3)]
        with capturedLogs() as events:
            self.assertEqual([self.is_refused() for _ in "12"], [True, True])
        for event in events:
            self.assertIn(SOURCE, str(event["log_format"]).format(**event))
        self.assertEqual(len(self.factory.connections), 3)
        wires[1].on_hangup()
        self.assertFalse(self.is_refused())
        self.connect()
        self.assertTrue(self.is_refused())

    def test_those_there_go_on(self) -> None:
        """A connection that is refused disturbs none of those that are there."""
        wires = [self.connect("hr") for _ in range(3)]
        self.is_refused()
        for wire in wires:
            wire.ask("employee.list")
            self.assertEqual([reason(each) for each in wire.answers()], [""])

    def test_before_the_handshake(self) -> None:
        """Who has not finished the TLS handshake counts too, and leaves its place in the end."""
        for _ in range(3):
            self.connect(secure=False)
        self.assertTrue(self.is_refused())
        self.pass_time(TIMES.handshake)
        self.assertFalse(self.is_refused())


class SourceLimitTests(FactoryCase):
    """How many connections there may be from one source."""

    max_connections = 10
    max_per_source = 2

    def may_connect(self, host: str) -> bool:
        protocol = self.factory.buildProtocol(IPv6Address("TCP", host, 1))
        protocol.makeConnection(StringTransport())
        return isinstance(protocol, RecordsProtocol)

    def test_limit(self) -> None:
        """From one IPv6 network there are so many; others, and those after them, may come."""
        hosts = ("2001:db8::1", "2001:db8::2", "2001:db8::3", "2001:db8:0:1::1")
        self.assertEqual([self.may_connect(each) for each in hosts], [True, True, False, True])
        next(iter(self.factory.connections)).connectionLost(Failure(ConnectionResetError()))
        self.factory.abort()
        for connection in tuple(self.factory.connections):
            connection.connectionLost(Failure(ConnectionResetError()))
        self.assertTrue(self.may_connect("2001:db8::4"))
        for connection in tuple(self.factory.connections):
            connection.connectionLost(Failure(ConnectionResetError()))


class FinishTests(FactoryCase):
    """The end in good order."""

    def test_none(self) -> None:
        """Without connections it is over at once."""
        self.successResultOf(self.factory.finish())

    def test_idle(self) -> None:
        """Connections on which nothing is under way are told goodbye at once, whoever is there."""
        wires = [self.connect("hr"), self.connect(), self.connect(secure=False)]
        wires[0].deliver(request("server.info")[:10])
        gone = self.factory.finish()
        for place, wire in enumerate(wires):
            self.assertEqual((wire.disconnecting, wire.aborted), (True, False))
            self.assertNoResult(gone)
            wire.on_hangup()
            self.assertEqual(len(self.factory.connections), 2 - place)
        self.successResultOf(gone)
        self.turn()
        self.assertEqual(self.calls(), [])

    def test_under_way(self) -> None:
        """What is under way is done and answered; then the connection is closed."""
        wire = self.connect("hr")
        idle = self.connect("hr")
        self.hand.held = True
        asked = [
            wire.ask("employee.add", employee=person("Al")),
            wire.ask("employee.get", id=1),
            wire.ask("logout"),
        ]
        gone = self.factory.finish()
        idle.on_hangup()
        self.assertEqual((wire.disconnecting, wire.value()), (False, b""))
        self.hand.fire_all()
        answers = wire.answers()
        self.assertEqual([each["id"] for each in answers], asked)
        self.assertEqual([reason(each) for each in answers], [""] * 3)
        self.assertTrue(wire.disconnecting)
        self.assertFalse(wire.aborted)
        self.assertNoResult(gone)
        wire.on_hangup()
        self.successResultOf(gone)

    def test_login_under_way(self) -> None:
        """A login that is under way is answered too."""
        self.threads.held = True
        wire = self.connect()
        wire.ask("login", username="hr", password=GOOD)
        self.factory.finish()
        self.assertFalse(wire.disconnecting)
        self.threads.finish_all()
        self.assertEqual([reason(each) for each in wire.answers()], [""])
        self.assertTrue(wire.disconnecting)

    def test_nothing_more(self) -> None:
        """What comes later is not begun, and nor is what was waiting to be read."""
        wire = self.connect("hr")
        self.hand.held = True
        line = request("employee.add", 1, employee=person("Al")) + b"\n"
        wire.deliver(line * (MAX_UNDER_WAY + 5))
        wire.deliver(line)
        self.factory.finish()
        wire.deliver(line)
        self.hand.fire_all()
        self.turn()
        self.assertEqual(len(wire.answers()), MAX_UNDER_WAY)
        self.assertEqual((wire.disconnecting, len(self.hand.handed)), (True, MAX_UNDER_WAY))

    def test_refuses_new_ones(self) -> None:
        """From then on nobody is let in."""
        wire = self.connect("hr")
        self.factory.finish()
        self.assertTrue(self.is_refused())
        wire.on_hangup()
        self.assertTrue(self.is_refused())

    def test_does_not_read(self) -> None:
        """Who does not read the last answers is dropped in the end, and holds nobody up."""
        wire = self.connect("hr")
        self.hand.held = True
        wire.ask("employee.add", employee=person("Al"))
        wire.leave_unread()
        wire.ask("employee.list")
        gone = self.factory.finish()
        self.hand.fire_all()
        self.pass_time(TIMES.read + TIMES.close)
        self.assertTrue(wire.aborted)
        self.successResultOf(gone)

    def test_reads_late(self) -> None:
        """Who reads on in time gets the answers that were waiting for that."""
        wire = self.connect("hr")
        self.hand.held = True
        wire.deliver(b"".join(request("employee.list", number) + b"\n" for number in range(3)))
        wire.leave_unread()
        self.factory.finish()
        self.hand.fire_all()
        self.pass_time(TIMES.read - 1)
        wire.read_again()
        self.hand.fire_all()
        self.assertEqual(wire.numbers(), [0, 1, 2])
        self.assertTrue(wire.disconnecting)

    def test_lost_by_itself(self) -> None:
        """A connection that is lost while it is waited for is waited for no longer."""
        wire = self.connect("hr")
        self.hand.held = True
        wire.ask("employee.list")
        gone = self.factory.finish()
        wire.on_hangup()
        self.successResultOf(gone)
        self.hand.fire_all()

    def test_twice(self) -> None:
        """A client that asks for it again is told of the same end."""
        wire = self.connect("hr")
        first, second = self.factory.finish(), self.factory.finish()
        wire.on_hangup()
        self.successResultOf(first)
        self.successResultOf(second)


class AbortTests(FactoryCase):
    """The end at once."""

    def test_all(self) -> None:
        """Every connection is dropped, whatever is under way; what has begun is done."""
        wires = [self.connect("hr"), self.connect(), self.connect(secure=False)]
        self.hand.held = True
        wires[0].ask("employee.add", employee=person("Al"))
        self.factory.abort()
        self.turn()
        self.assertEqual([wire.lost for wire in wires], [True] * 3)
        self.assertEqual((self.factory.connections, self.calls()), (set(), []))
        self.hand.fire_all()
        self.assertIsNotNone(self.values(1))

    def half_finished(self) -> tuple[Wire, Deferred[None]]:
        """A connection with something under way, and what waits for its end."""
        wire = self.connect("hr")
        self.hand.held = True
        wire.ask("employee.list")
        return wire, self.factory.finish()

    def test_after_finish(self) -> None:
        """It ends what did not finish, and a waiting client for the end is reported."""
        wire, gone = self.half_finished()
        self.factory.abort()
        self.turn()
        self.assertTrue(wire.lost)
        self.successResultOf(gone)

    def test_after_giving_up(self) -> None:
        """So it does when nobody waits for the end any more."""
        wire, gone = self.half_finished()
        gone.cancel()
        self.failureResultOf(gone, CancelledError)
        self.factory.abort()
        self.turn()
        self.assertTrue(wire.lost)
