"""Tests for the two screens: `records.client.terminal` and `records.client.plain`."""

from __future__ import annotations

import fcntl
import os
import pty
import termios

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock, deferLater
from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase

from records.client.plain import MAX_LINE, PlainLines, PlainScreen
from records.client.screen import Interrupted, Left, Stopped
from records.client.terminal import TerminalScreen, kept_modes, raw, terminal_size


class ModesTests(SynchronousTestCase):
    """The terminal's modes."""

    def setUp(self) -> None:
        self.controller, self.terminal = pty.openpty()
        self.addCleanup(os.close, self.controller)

    def test_restored(self) -> None:
        """Modes and flags are as before, also after an exception."""
        self.addCleanup(os.close, self.terminal)
        before = termios.tcgetattr(self.terminal)
        flags = fcntl.fcntl(self.terminal, fcntl.F_GETFL)
        with self.assertRaises(ZeroDivisionError), kept_modes(self.terminal):
            raw(self.terminal)
            fcntl.fcntl(self.terminal, fcntl.F_SETFL, flags | os.O_NONBLOCK)
            self.assertNotEqual(termios.tcgetattr(self.terminal), before)
            raise ZeroDivisionError
        self.assertEqual(termios.tcgetattr(self.terminal), before)
        self.assertEqual(fcntl.fcntl(self.terminal, fcntl.F_GETFL), flags)

    def test_raw(self) -> None:
        """In between, keys come as they are pressed, unseen, and make no signals."""
        self.addCleanup(os.close, self.terminal)
        raw(self.terminal)
        local = termios.tcgetattr(self.terminal)[3]
        self.assertFalse(local & (termios.ECHO | termios.ICANON | termios.ISIG))

    def test_hung_up(self) -> None:
        """A terminal that is gone by then is no error."""
        with kept_modes(self.terminal):
            os.close(self.terminal)

    def test_no_terminal(self) -> None:
        """A pipe has flags, and no modes."""
        self.addCleanup(os.close, self.terminal)
        reading, writing = os.pipe()
        self.addCleanup(os.close, reading)
        self.addCleanup(os.close, writing)
        with kept_modes(reading):
            fcntl.fcntl(reading, fcntl.F_SETFL, os.O_NONBLOCK)
        self.assertFalse(fcntl.fcntl(reading, fcntl.F_GETFL) & os.O_NONBLOCK)

    def test_size(self) -> None:
        """The size is the terminal's own, or a usual one where it does not say."""
        self.addCleanup(os.close, self.terminal)
        termios.tcsetwinsize(self.terminal, (30, 100))
        self.assertEqual(terminal_size(self.terminal), (100, 30))
        termios.tcsetwinsize(self.terminal, (0, 0))
        self.assertEqual(terminal_size(self.terminal), (80, 24))
        self.assertEqual(terminal_size(-1), (80, 24))


class TerminalScreenTests(SynchronousTestCase):
    """The terminal as a screen."""

    def setUp(self) -> None:
        self.size = (100, 30)
        self.screen = TerminalScreen(lambda: self.size, colour=True)
        self.transport = StringTransport()
        self.screen.protocol.makeConnection(self.transport)

    def test_sizes(self) -> None:
        """Width and page follow the terminal's size as it is now."""
        self.assertEqual((self.screen.width, self.screen.page), (100, 22))
        self.size = (10, 3)
        self.assertEqual((self.screen.width, self.screen.page), (40, 5))

    def test_show(self) -> None:
        """Lines end as a raw terminal needs it; failures are red where colours are wanted."""
        self.screen.show("a\nb")
        self.screen.reject_answer("c")
        self.assertEqual(self.transport.value(), b"a\r\nb\r\n\x1b[31mc\x1b[0m\r\n")
        self.assertTrue(self.screen.colour)
        self.assertFalse(self.screen.failed)

    def test_ask(self) -> None:
        """A question is answered from the keys."""

        async def ask() -> str:
            return await self.screen.ask("> ")

        answer = Deferred.fromCoroutine(ask())
        self.screen.protocol.dataReceived(b"ann\r")
        self.assertEqual(self.successResultOf(answer), "ann")

    def test_wait(self) -> None:
        """What is waited for is returned, or given up by Ctrl-C."""
        clock = Clock()

        async def slow() -> str:
            await deferLater(clock, 10)
            return "done"

        waiting = Deferred.fromCoroutine(self.screen.wait(slow()))
        clock.advance(10)
        self.assertEqual(self.successResultOf(waiting), "done")
        waiting = Deferred.fromCoroutine(self.screen.wait(slow()))
        self.screen.protocol.dataReceived(b"\x03")
        self.failureResultOf(waiting, Interrupted)
        self.screen.protocol.dataReceived(b"\x03")


class PlainScreenTests(SynchronousTestCase):
    """Plain lines as a screen."""

    def setUp(self) -> None:
        self.echoes: list[bool] = []
        self.lines = PlainLines(self.echoes.append)
        self.screen = PlainScreen(self.lines)
        self.transport = StringTransport()
        self.lines.makeConnection(self.transport)

    def ask(self, *, secret: bool = False) -> Deferred[str]:
        async def ask() -> str:
            return await self.screen.ask("Name: ", secret=secret, recall=["never"])

        return Deferred.fromCoroutine(ask())

    def test_lines(self) -> None:
        """Each question takes a line, ended by LF or CRLF, whenever it comes."""
        self.lines.dataReceived("Zoë\r\nKo\n".encode())
        self.assertEqual(self.successResultOf(self.ask()), "Zoë")
        self.assertEqual(self.successResultOf(self.ask()), "Ko")
        third = self.ask()
        self.assertNoResult(third)
        self.lines.dataReceived(b"Ed\n")
        self.assertEqual(self.successResultOf(third), "Ed")
        self.assertEqual(self.transport.value(), b"Name: \n" * 3)

    def test_last_line(self) -> None:
        """A last line without its end counts, and after it there is nobody to ask."""
        self.lines.dataReceived(b"Ed")
        self.lines.readConnectionLost()
        self.assertEqual(self.successResultOf(self.ask()), "Ed")
        self.failureResultOf(self.ask(), Left)

    def test_end_while_asked(self) -> None:
        """The end of input answers a question that waits."""
        answer = self.ask()
        self.lines.readConnectionLost()
        self.failureResultOf(answer, Left)

    def test_too_long(self) -> None:
        """After a line that is no answer to anything nothing more is read."""
        answer = self.ask()
        self.lines.dataReceived(b"x" * (MAX_LINE + 1) + b"\nEd\n")
        self.failureResultOf(answer, Left)

    def test_secret(self) -> None:
        """A secret is not echoed by a terminal that happens to be the input."""
        self.lines.dataReceived(b"pw\n")
        self.assertEqual(self.successResultOf(self.ask(secret=True)), "pw")
        self.assertEqual(self.echoes, [False, True])
        self.assertNotIn(b"pw", self.transport.value())

    def test_failures(self) -> None:
        """A failure is remembered; a wrong answer ends the script, whose lines no longer fit."""
        self.assertFalse(self.screen.failed)
        self.screen.fail("No.")
        self.assertTrue(self.screen.failed)
        with self.assertRaises(Stopped):
            self.screen.reject_answer("Wrong.")
        self.assertEqual(self.transport.value(), b"No.\nWrong.\n")

    def test_plain(self) -> None:
        """There are no colours, no pages, and room for every column."""
        self.assertEqual(
            (self.screen.width, self.screen.page, self.screen.colour), (200, None, False)
        )

    def test_wait(self) -> None:
        """Waiting is only waiting."""

        async def quick() -> int:
            return 3

        self.assertEqual(self.successResultOf(Deferred.fromCoroutine(self.screen.wait(quick()))), 3)

    def test_nobody_reads(self) -> None:
        """When nobody reads the output any more, the input has ended as well."""
        self.lines.dataReceived(b"s 1\n")
        self.lines.writeConnectionLost()
        self.failureResultOf(self.ask(), Left)
        self.successResultOf(self.lines.closed)
        self.lines.connectionLost()

    def test_before_and_after(self) -> None:
        """Writing while there is no output is no error."""
        PlainScreen(PlainLines(self.echoes.append)).show("nobody hears")
