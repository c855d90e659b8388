"""The client at a real pseudo-terminal, with a user who types.

The terminal stays open on both sides, so that its modes can be looked at after the client's end.
"""

from __future__ import annotations

import fcntl
import io
import os
import re
import signal
import struct
import subprocess
import sys
import termios
from collections.abc import Mapping
from typing import Any

import pexpect
from pexpect.fdpexpect import fdspawn

from tests.daemon_case import PASSWORD, Daemon, DaemonCase, end_process
from tests.wire import WAIT

ROWS, COLUMNS = 40, 120
MENU = "Choose ["
ENDED = "(the client has ended)"
_STYLE = re.compile(r"\x1b\[[0-9;]*[mKDC]")
"""What the client itself uses: colours, erasing to the line's end, and moving within the line."""


class Terminal:
    """A client at a terminal of its own. Everything shown so far is in `shown`."""

    def __init__(
        self,
        daemon: Daemon,
        options: tuple[str, ...],
        environment: Mapping[str, str],
        *,
        colour: bool,
    ) -> None:
        self._ours, self._theirs = os.openpty()
        size = struct.pack("HHHH", ROWS, COLUMNS, 0, 0)
        fcntl.ioctl(self._theirs, termios.TIOCSWINSZ, size)
        self.modes_before = self.modes
        self._written = io.StringIO()
        environment = {**environment, "TERM": "xterm-256color", "PYTHONUTF8": "1"}
        if not colour:
            environment["NO_COLOR"] = "1"
        command = [sys.executable, "-m", "records.client", "--port", str(daemon.port), *options]
        self.process = subprocess.Popen(
            command,
            cwd=daemon.folder,
            env=environment,
            stdin=self._theirs,
            stdout=self._theirs,
            stderr=self._theirs,
            start_new_session=True,
        )
        self._keys = fdspawn(self._ours, timeout=WAIT, encoding="utf-8")
        self._keys.logfile_read = self._written

    @property
    def modes(self) -> list[Any]:
        """The terminal's modes, as they are now."""
        return termios.tcgetattr(self._theirs)

    @property
    def shown(self) -> str:
        """Everything that has come to the terminal."""
        return self._written.getvalue()

    def expect(self, *texts: str) -> str:
        """Wait for these texts, one after another; all that was shown up to the last one."""
        told = ""
        for text in texts:
            try:
                self._keys.expect_exact(text)
            except (pexpect.TIMEOUT, pexpect.EOF) as error:
                raise AssertionError(f"{text!r} is not shown:\n{self.shown}") from error
            told += self._keys.before + text
        return told

    def type(self, text: str) -> None:
        """Press these keys, and none more."""
        self._keys.send(text)

    def enter(self, *lines: str) -> None:
        """Type lines, each with the Enter key."""
        for line in lines:
            self._keys.send(f"{line}\r")

    def exit_code(self) -> int:
        """Wait for the client's end; its exit code. What it said to the last is in `shown`."""
        self.process.wait(WAIT)
        os.write(self._theirs, ENDED.encode())  # behind all that the client has written
        self.expect(ENDED)
        return self.process.returncode

    def end(self) -> None:
        """End the client if it is still there. For `addCleanup`."""
        end_process(self.process, signal.SIGTERM, within=5)
        os.close(self._ours)
        os.close(self._theirs)


class TerminalCase(DaemonCase):
    """Tests with clients at terminals."""

    is_ahead = True

    def sit_down(self, daemon: Daemon, *options: str, colour: bool = False) -> Terminal:
        """Start a client at a terminal."""
        terminal = Terminal(daemon, options, self.environment(), colour=colour)
        self.addCleanup(terminal.end)
        return terminal

    def logged_in(
        self, daemon: Daemon, username: str = "admin", password: str = PASSWORD, **how: bool
    ) -> Terminal:
        """A client at its menu."""
        terminal = self.sit_down(daemon, **how)
        terminal.expect("Username: ")
        terminal.enter(username)
        terminal.expect("Password: ")
        terminal.enter(password)
        terminal.expect(f"Logged in as {username}", MENU)
        return terminal

    def check_restored(self, terminal: Terminal) -> None:
        """The terminal is as it was before the client."""
        self.assertEqual(terminal.modes, terminal.modes_before)

    def check_harmless(self, terminal: Terminal) -> None:
        """Nothing came to the terminal that does more than style and place the client's text."""
        plain = _STYLE.sub("", terminal.shown)
        for character in plain:
            self.assertTrue(
                character.isprintable() or character in "\r\n\x08", (character, terminal.shown)
            )
