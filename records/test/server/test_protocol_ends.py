"""How a connection ends: with a peer that does not read or close, and with nothing left behind."""

from __future__ import annotations

from twisted.logger import capturedLogs

from records.api.messages import MAX_LINE, MAX_UNDER_WAY
from records.runtime.input_batching import InputBatching
from records.runtime.scheduler import Scheduler
from records.server.protocol import Deadlines
from records.test.operations.operations_case import SOURCE
from records.test.server.conversation_case import request
from records.test.server.protocol_case import ProtocolCase, Wire

TIMES = Deadlines()
HALF = request("server.info", 1)[:10]
OTHER_HALF = request("server.info", 1)[10:]


class UnreadTests(ProtocolCase):
    """The time to read on, when answers wait to be read."""

    def test_never(self) -> None:
        """Who does not read is dropped: logged in or not, with requests under way or without."""
        for token in (None, "hr"):
            for under_way in (False, True):
                wire = self.connect(token)
                self.hand.held = under_way
                wire.ask("employee.list")
                self.pass_time(5)
                wire.leave_unread()
                self.stays(wire, TIMES.read - 1)
                self.goes(wire)
                self.hand.fire_all()
                self.hand.held = False

    def test_in_time(self) -> None:
        """Who reads in time may stay, and has the whole time again when it happens again."""
        wire = self.connect("hr")
        for _ in range(5):
            wire.leave_unread()
            self.stays(wire, TIMES.read - 1)
            wire.read_again()
            self.stays(wire, 1)

    def test_sooner_than_all_others(self) -> None:
        """It counts even where other deadlines are far away."""
        self.factory.deadlines = Deadlines(read=2, login=500, idle=500)
        for token in (None, "hr"):
            wire = self.connect(token)
            self.pass_time(10)
            wire.leave_unread()
            self.stays(wire, 1)
            self.goes(wire)


class CloseTests(ProtocolCase):
    """The time to answer our goodbye."""

    def closing(self, kind: str) -> Wire:
        """A connection that has been told goodbye."""
        self.factory.input_batching = InputBatching(
            Scheduler(lambda call: call(), self.time.seconds)
        )
        wire = self.connect("hr")
        if kind == "too long":
            wire.deliver(b"x" * (MAX_LINE + 2))
        elif kind == "finished":
            wire.deliver(HALF)
            wire.protocol.finish()
        else:
            wire.leave_unread()
            wire.protocol.finish()
        self.assertTrue(wire.disconnecting)
        self.assertFalse(wire.aborted)
        return wire

    def test_never(self) -> None:
        """Who does not close their end is dropped, and more data does not give more time."""
        for kind in ("too long", "finished", "unread"):
            wire = self.closing(kind)
            for _ in range(int(TIMES.close) - 1):
                wire.deliver(b"more", b"x\n" * 10)
                self.stays(wire, 1)
            self.goes(wire)

    def test_thrown_away(self) -> None:
        """What comes after it is received a piece at a time, when it is its turn, and not kept."""
        for kind in ("too long", "finished", "unread"):
            wire = self.closing(kind)
            turns = Scheduler(lambda call: self.time.callLater(0, call), self.time.seconds)
            self.factory.input_batching = InputBatching(turns)
            for _ in range(3):
                wire.deliver(b"x" * 1000)
                self.assertFalse(wire.is_read)
                self.turn()
                self.assertTrue(wire.is_read)
            self.assertEqual(wire.protocol.clearLineBuffer(), b"")

    def test_lost(self) -> None:
        """One that is lost while it waits for its turn, or before it is to wait, harms nothing."""
        for is_closing in (False, True):
            wire = self.closing("finished") if is_closing else self.connect("hr")
            turns = Scheduler(lambda call: self.time.callLater(0, call), self.time.seconds)
            self.factory.input_batching = input_batching = InputBatching(turns)
            wire.protocol.pause()
            input_batching.requeue(wire.protocol)
            wire.on_hangup()
            with capturedLogs() as told:
                self.turn()
            wire.protocol.pause()
            self.assertEqual(list(told), [])

    def test_closed(self) -> None:
        """Who closes it is not dropped."""
        for kind in ("too long", "finished", "unread"):
            wire = self.closing(kind)
            self.pass_time(TIMES.close - 1)
            wire.on_hangup()
            self.pass_time(TIMES.close)
            self.assertFalse(wire.aborted)
            self.assertEqual(self.calls(), [])


class TimerTests(ProtocolCase):
    """What a connection leaves behind."""

    def test_gone(self) -> None:
        """Whatever it was about, once it is lost nothing waits for it any more."""
        for secure, token in ((False, None), (True, None), (True, "hr")):
            for what in ("nothing", "half", "unread", "under way", "full", "finishing", "closing"):
                if not secure and what not in ("nothing", "closing"):
                    continue
                wire = self.connect(token, secure)
                self.hand.held = True
                if what == "half":
                    wire.deliver(HALF)
                elif what == "unread":
                    wire.leave_unread()
                elif what == "closing":
                    wire.protocol.finish()
                elif what != "nothing":
                    count = MAX_UNDER_WAY if what == "full" else 1
                    wire.deliver((request("employee.list") + b"\n") * count)
                    if what == "finishing":
                        wire.protocol.finish()
                wire.on_hangup()
                self.turn()
                self.assertEqual(self.calls(), [], (secure, token, what))
                self.assertEqual(self.factory.connections, set())
                self.hand.fire_all()
                self.hand.held = False
                self.assertEqual(self.calls(), [], (secure, token, what))

    def test_one_each(self) -> None:
        """A connection has one timer, however much it says."""
        wires = [self.connect("hr") for _ in range(3)]
        for wire in wires:
            for _ in range(20):
                wire.ask("employee.list")
                wire.deliver(HALF, OTHER_HALF + b"\n")
        self.assertEqual(len(self.calls()), 3)

    def test_logged(self) -> None:
        """The log says who was dropped and why, and nothing of what was sent."""
        wire = self.connect("hr")
        with capturedLogs() as events:
            wire.deliver(b"secret")
            self.goes(wire, TIMES.line)
        (event,) = events
        text = str(event["log_format"]).format(**event)
        self.assertIn(SOURCE, text)
        self.assertIn("line", text)
        self.assertNotIn("secret", repr(event))
