"""The daemon at a terminal that is closed."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time

from tests.daemon_case import PASSWORD, Daemon, DaemonCase, free_port, until
from tests.wire import WAIT

TAKE_TERMINAL = (
    "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); "
    "os.execv(sys.argv[1], sys.argv[1:])"
)
"""Makes standard input the controlling terminal, and becomes the command that follows."""

IGNORING = "import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN); "
"""What nohup does before."""


class HangUpTests(DaemonCase):
    """A daemon that runs in the foreground of a terminal."""

    def start_at_terminal(self, before: str = "") -> tuple[Daemon, int]:
        """A daemon that listens, and the other end of its terminal."""
        daemon = self.make_daemon()
        daemon.port = free_port()
        ours, theirs = os.openpty()
        command = [sys.executable, "-c", before + TAKE_TERMINAL, *map(str, daemon.command())]
        daemon.process = subprocess.Popen(
            command,
            cwd=daemon.folder,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)
        self.shown = b""
        self.expect(ours, b"Listening at ")
        return daemon, ours

    def expect(self, ours: int, text: bytes) -> None:
        """Wait until this is shown."""
        end = time.monotonic() + WAIT
        while text not in self.shown:
            self.assertLess(time.monotonic(), end, self.shown)
            if select.select([ours], [], [], 0.1)[0]:
                self.shown += os.read(ours, 65536)
        self.shown = b""

    def test_closed(self) -> None:
        """When its terminal is closed the daemon stops in good order, and can start again."""
        daemon, ours = self.start_at_terminal()
        wire, _ = self.log_in_first(daemon)
        wire.ask("employee.add", employee={"given_name": "Ann"})
        os.close(ours)
        self.assertEqual(daemon.ended(WAIT), 0)
        self.assertFalse((daemon.folder / "data" / "records.db-wal").exists())
        daemon.start()
        wire = self.connect(daemon)
        wire.ask("login", username="admin", password=PASSWORD)
        listed = wire.ask("employee.list")["employees"]
        self.assertEqual([each["given_name"] for each in listed], ["Ann"])

    def test_open(self) -> None:
        """While its terminal is open a SIGHUP loads the certificate, as anywhere else."""
        daemon, ours = self.start_at_terminal()
        self.addCleanup(os.close, ours)
        daemon.signal(signal.SIGHUP)
        self.expect(ours, b"Certificate loaded")
        self.assertEqual(self.connect(daemon).ask("server.info")["name"], "records")

    def test_nohup(self) -> None:
        """Started by nohup it goes on without its terminal, and a SIGHUP loads the certificate."""
        daemon, ours = self.start_at_terminal(IGNORING)
        os.close(ours)
        daemon.signal(signal.SIGHUP)
        until(lambda: self.connect(daemon).ask("server.info")["protocol"] == 1, "it answers")
        time.sleep(0.5)
        self.assertIsNone(daemon.process.poll() if daemon.process else 0)
