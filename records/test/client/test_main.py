"""Tests for `records.client.program` and `arguments`: the command line, and a run of it."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ReactorNotRunning
from twisted.internet.interfaces import IProtocol
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase

from records.client.arguments import parse_options
from records.client.plain import PlainLines, PlainScreen
from records.client.program import run


class OptionsTests(SynchronousTestCase):
    """The command line."""

    def test_defaults(self) -> None:
        """Without options it is the daemon on this computer, known by keys/ca.crt."""
        options = parse_options([])
        self.assertEqual(
            (options.host, options.port, options.ca, options.user),
            ("localhost", 7443, Path("keys/ca.crt"), None),
        )

    def test_given(self) -> None:
        """Each can be given."""
        options = parse_options(["--host", "h", "--port", "1", "--ca", "c", "--user", "u"])
        self.assertEqual(
            (options.host, options.port, options.ca, options.user), ("h", 1, Path("c"), "u")
        )

    def fails(self, *argv: str) -> tuple[Any, str]:
        said = io.StringIO()
        with redirect_stderr(said), redirect_stdout(said), self.assertRaises(SystemExit) as exit:
            parse_options(argv)
        return exit.exception.code, said.getvalue()

    def test_wrong(self) -> None:
        """A wrong use exits with 2, and says what is wrong."""
        for argv in (["--port", "0"], ["--port", "x"], ["--insecure"], ["extra"]):
            self.assertEqual(self.fails(*argv)[0], 2)
        self.assertIn("a port is a whole number from 1 to 65535", self.fails("--port", "x")[1])

    def test_help(self) -> None:
        """The help tells each option's meaning and default."""
        code, text = self.fails("--help")
        self.assertEqual(code, 0)
        for said in ("keys/ca.crt", "7443", "localhost", "always verified"):
            self.assertIn(said, text)


class SteppedReactor(Clock):
    """As much of a reactor as `run` asks for. script: what happens while it runs."""

    def __init__(self, script: Callable[[], None]) -> None:
        super().__init__()
        self._script = script
        self._begin: list[Callable[[], object]] = []
        self._before: list[Callable[[], Deferred[None]]] = []
        self.running = False

    def callWhenRunning(self, call: Callable[[], object]) -> None:
        self._begin.append(call)

    def addSystemEventTrigger(
        self, phase: str, event: str, call: Callable[[], Deferred[None]]
    ) -> None:
        self._before.append(call)

    def run(self) -> None:
        self.running = True
        for begin in self._begin:
            begin()
        self._script()
        for before in self._before:
            before()
        self.running = False
        self.advance(1)

    def stop(self) -> None:
        if not self.running:
            raise ReactorNotRunning
        self.running = False


class RunTests(SynchronousTestCase):
    """A run, from its start to its result."""

    def setUp(self) -> None:
        self.lines = PlainLines(lambda _: None)
        self.screen = PlainScreen(self.lines)
        self.transport = StringTransport()

    def attach(self, protocol: IProtocol) -> StringTransport:
        protocol.makeConnection(self.transport)
        return self.transport

    def run_with(self, script: Callable[[], None]) -> bool:
        options = parse_options(["--ca", "nowhere/ca.crt", "--user", "tess"])
        reactor: Any = SteppedReactor(script)
        return run(options, reactor, self.screen, self.attach)

    def test_failure(self) -> None:
        """What failed makes the run fail."""

        def script() -> None:
            self.lines.dataReceived(b"pw\n")
            self.lines.connectionLost()

        self.assertFalse(self.run_with(script))
        self.assertIn(b"There is no nowhere/ca.crt.", self.transport.value())
        self.assertNotIn(b"Password", self.transport.value())

    def test_signal(self) -> None:
        """A run that a signal ends has failed."""
        self.assertFalse(self.run_with(lambda: None))

    def test_mistake(self) -> None:
        """A mistake of ours is not hidden."""

        def attach(protocol: IProtocol) -> StringTransport:
            raise ZeroDivisionError

        reactor: Any = SteppedReactor(lambda: None)
        with self.assertRaises(ZeroDivisionError):
            run(parse_options([]), reactor, self.screen, attach)


class EchoTests(SynchronousTestCase):
    """A terminal's own echo, where input is one and output is not."""

    def test_toggled(self) -> None:
        """It is switched off and on again."""
        import pty
        import termios

        from records.client.program import set_echo

        controller, terminal = pty.openpty()
        self.addCleanup(os.close, controller)
        self.addCleanup(os.close, terminal)
        set_echo(terminal, False)
        self.assertFalse(termios.tcgetattr(terminal)[3] & termios.ECHO)
        set_echo(terminal, True)
        self.assertTrue(termios.tcgetattr(terminal)[3] & termios.ECHO)

    def test_pipe(self) -> None:
        """A pipe has none."""
        from records.client.program import set_echo

        reading, writing = os.pipe()
        self.addCleanup(os.close, reading)
        self.addCleanup(os.close, writing)
        set_echo(reading, False)
        self.assertIsNotNone(sys.stdout)
