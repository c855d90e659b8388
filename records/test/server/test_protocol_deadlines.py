"""How long a connection has for what it must do, and that nobody is dropped sooner."""

from __future__ import annotations

from records.api.messages import MAX_UNDER_WAY
from records.server.protocol import Deadlines
from records.test.auth.login_case import BAD, GOOD
from records.test.server.conversation_case import person, reason, request
from records.test.server.protocol_case import ProtocolCase

TIMES = Deadlines()
HALF = request("server.info", 1)[:10]
OTHER_HALF = request("server.info", 1)[10:]
LATE = 30.0
"""Seconds by which a drop may come late, where what brought it nearer is not looked for."""


class HandshakeTests(ProtocolCase):
    """The TLS handshake, for which the connection is not yet heard."""

    def test_never(self) -> None:
        """Who does not finish it is dropped."""
        wire = self.connect(secure=False)
        self.stays(wire, TIMES.handshake - 1)
        self.goes(wire)

    def test_in_time(self) -> None:
        """Who has finished it in time has the whole time for a login from then on."""
        wire = self.connect(secure=False)
        self.pass_time(TIMES.handshake - 1)
        wire.protocol.handshakeCompleted()
        self.stays(wire, TIMES.login - 1)
        self.goes(wire)


class LoginTests(ProtocolCase):
    """The time to log in."""

    def test_silent(self) -> None:
        """Who does not log in is dropped."""
        wire = self.connect()
        self.stays(wire, TIMES.login - 1)
        self.goes(wire)

    def test_chatter(self) -> None:
        """Requests that are no login do not give more time."""
        wire = self.connect()
        for _ in range(int(TIMES.login) - 1):
            wire.ask("server.info")
            wire.ask("employee.list")
            self.stays(wire, 1)
        self.goes(wire)

    def test_failed(self) -> None:
        """Nor does a login that fails."""
        wire = self.connect()
        self.pass_time(TIMES.login - 1)
        wire.ask("login", username="hr", password=BAD)
        self.assertEqual([reason(each) for each in wire.answers()], ["not-authenticated"])
        self.goes(wire)

    def test_in_time(self) -> None:
        """Who has logged in may stay."""
        wire = self.connect()
        self.pass_time(TIMES.login - 1)
        wire.ask("login", username="hr", password=GOOD)
        self.stays(wire, 3 * TIMES.login)
        wire.ask("employee.list")
        self.assertEqual([reason(each) for each in wire.answers()], ["", ""])

    def test_under_way(self) -> None:
        """A login that waits its turn is not cut off, whether it is good or bad in the end."""
        self.threads.held = True
        for password in (GOOD, BAD):
            wire = self.connect()
            self.pass_time(TIMES.login - 1)
            wire.ask("login", username="hr", password=password)
            self.stays(wire, 3 * TIMES.login)
            self.threads.finish_all()
            self.assertEqual(len(wire.answers()), 1)
            if password == GOOD:
                self.stays(wire, 3 * TIMES.login)
            else:
                self.goes(wire, LATE)

    def test_logged_out(self) -> None:
        """After a logout the time to log in begins anew, however long one was silent before."""
        for silence in (0.0, 1.0, 31.0, 100.0):
            self.person(f"person {silence}")
            wire = self.connect(f"person {silence}")
            self.pass_time(silence)
            wire.ask("logout")
            self.stays(wire, TIMES.login - 1)
            self.goes(wire, 1 + LATE)

    def test_dropped_by_a_failed_login(self) -> None:
        """So it does after a failed login has taken the place of who was there."""
        wire = self.connect("hr")
        self.pass_time(100)
        wire.ask("login", username="hr", password=BAD)
        self.stays(wire, TIMES.login - 1)
        self.goes(wire, 1 + LATE)


class LineTests(ProtocolCase):
    """The time to send the rest of a line."""

    def test_never_ended(self) -> None:
        """Who begins a line and does not end it is dropped, logged in or not."""
        for token in (None, "hr"):
            wire = self.connect(token)
            self.pass_time(5)
            wire.deliver(HALF)
            self.stays(wire, TIMES.line - 1)
            self.goes(wire)

    def test_drop_by_drop(self) -> None:
        """A byte now and then does not give more time."""
        wire = self.connect("hr")
        for byte in request("server.info", "x" * 50)[: int(TIMES.line)]:
            self.assertFalse(wire.aborted)
            wire.deliver(bytes([byte]))
            self.pass_time(1)
        self.assertTrue(wire.aborted)

    def test_ended(self) -> None:
        """Each line has its own time."""
        wire = self.connect("hr")
        for _ in range(5):
            wire.deliver(HALF)
            self.stays(wire, TIMES.line - 1)
            wire.deliver(OTHER_HALF + b"\n" + HALF)
            self.stays(wire, TIMES.line - 1)
            wire.deliver(OTHER_HALF + b"\n")
        self.assertEqual(len(wire.answers()), 10)
        self.stays(wire, 2 * TIMES.line)

    def test_while_full(self) -> None:
        """While we do not read, the time does not run; it begins anew when we do."""
        wire = self.connect("hr")
        self.hand.held = True
        line = request("employee.add", 1, employee=person("Al")) + b"\n"
        wire.deliver(line * MAX_UNDER_WAY + HALF)
        self.stays(wire, 2 * TIMES.line)
        self.hand.fire_all()
        self.stays(wire, TIMES.line - 1)
        self.goes(wire, 1 + LATE)

    def test_other_times_long(self) -> None:
        """A line has its time even where all other times are very long."""
        self.factory.deadlines = Deadlines(login=600, read=600, idle=600)
        wire = self.connect("hr")
        self.hand.held = True
        line = request("employee.add", 1, employee=person("Al")) + b"\n"
        wire.deliver(line * MAX_UNDER_WAY + HALF)
        self.stays(wire, 2 * TIMES.line)
        self.hand.fire_all()
        self.goes(wire, TIMES.line + LATE)

    def test_none_begun_while_full(self) -> None:
        """Where no line was begun before we stopped reading, none is waited for when we go on."""
        wire = self.connect("hr")
        self.hand.held = True
        wire.deliver((request("employee.add", 1, employee=person("Al")) + b"\n") * MAX_UNDER_WAY)
        self.hand.fire_all()
        self.stays(wire, TIMES.line + LATE + 1)
        wire.ask("employee.list")
        self.hand.fire_all()
        self.assertEqual(len(wire.answers()), MAX_UNDER_WAY + 1)

    def test_none_begun_while_unread(self) -> None:
        """So it is after answers were left unread for a while."""
        wire = self.connect("hr")
        wire.leave_unread()
        self.pass_time(1)
        wire.read_again()
        self.stays(wire, TIMES.line + LATE + 1)

    def test_while_finishing(self) -> None:
        """Once we read no more, a line that was begun costs nobody an answer."""
        wire = self.connect("hr")
        self.hand.held = True
        number = wire.ask("employee.add", employee=person("Al"))
        wire.deliver(HALF)
        self.pass_time(TIMES.line - 1)
        self.factory.finish()
        self.stays(wire, TIMES.line)
        self.hand.fire_all()
        self.assertEqual(wire.numbers(), [number])
        self.assertTrue(wire.disconnecting)


class IdleTests(ProtocolCase):
    """The time between requests."""

    deadlines = Deadlines(idle=120)

    def test_silent(self) -> None:
        """Who is logged in and says nothing is dropped."""
        wire = self.connect("hr")
        self.stays(wire, 119)
        self.goes(wire)

    def test_requests(self) -> None:
        """Each request gives the whole time again."""
        wire = self.connect("hr")
        for _ in range(5):
            self.stays(wire, 119)
            wire.ask("employee.list")
        self.stays(wire, 119)
        self.goes(wire)

    def test_under_way(self) -> None:
        """While a request is under way its connection isn't silent, however long it takes."""
        wire = self.connect("hr")
        self.hand.held = True
        number = wire.ask("employee.list")
        self.stays(wire, 60 * 60)
        self.hand.fire_all()
        self.assertEqual(wire.numbers(), [number])

    def test_after_a_long_one(self) -> None:
        """The time runs from the answer on: whoever has waited for it may read it first."""
        wire = self.connect("hr")
        self.hand.held = True
        for _ in range(2):
            wire.ask("employee.list")
            self.pass_time(300)
            self.hand.fire_all()
            self.stays(wire, 119)
        self.goes(wire, 1 + LATE)
