"""Starts of the daemon's processes that fail, and a start into the background."""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from subprocess import CompletedProcess

from tests.daemon_case import BIN, STOPPED, Daemon, DaemonCase, free_port, until
from tests.daemon_processes import hashers_in, is_there, others_in, writers_in
from tests.wire import WAIT

SOON = 5.0
"""Seconds that a start may take on however busy a machine."""
PATIENCE = 2.0
"""How long a start waits for a daemon that has just ended."""


class RefusedTests(DaemonCase):
    """Starts that cannot be: reported in one line, and nothing is left of them."""

    def refused(self, daemon: Daemon) -> str:
        """The one line in which a start is refused, of which nothing is left."""
        daemon.port = daemon.port or free_port()
        process = daemon.launch()
        self.assertEqual(process.wait(WAIT), 1)
        until(lambda: not others_in(daemon.folder), "nothing is left")
        self.assertNotIn("Traceback", daemon.log + daemon.errors)
        told = [line for line in daemon.errors.splitlines() if not line.startswith("strace: ")]
        self.assertEqual(len(told), 1, told)
        return told[0]

    def traced(self, *options: str) -> Daemon:
        """A daemon to which something happens at a system call."""
        if shutil.which("strace") is None:
            self.skipTest("strace is not installed")
        strace = ["strace", "-D", "-f", "-qqq", "-o", os.devnull, *options]
        daemon = Daemon(self.folder(), ["--bcrypt-cost", "10"], twistd=[*strace, BIN / "twistd"])
        self.addCleanup(self.end_daemon, daemon)
        return daemon

    def test_in_use(self) -> None:
        """A second daemon of a folder is refused soon, and the first one's processes go on."""
        first = self.start_daemon()
        wire = self.admin(first)
        writer = first.writer
        keys, data = first.folder / "keys", first.folder / "data"
        second = self.make_daemon("--data", str(data), "--keys", str(keys))
        began = time.monotonic()
        self.assertIn("is in use by another daemon that is running.", self.refused(second))
        self.assertLess(time.monotonic() - began, PATIENCE + SOON)
        self.assertEqual(writers_in(first.folder), [writer])
        wire.ask("employee.add", employee={"given_name": "Ann"})
        wire.close()
        self.assertEqual(first.stop(), STOPPED)

    def test_port_taken(self) -> None:
        """So is one that cannot listen."""
        first = self.start_daemon()
        second = self.make_daemon()
        second.port = first.port
        self.assertIn("the port is taken", self.refused(second))

    def test_no_process(self) -> None:
        """Where the system gives no more processes, that is said, and the lock is given back."""
        for number, purpose in (1, "writes"), (2, "hashes passwords"):
            inject = f"inject=?fork,?clone:error=EAGAIN:when={number}"
            daemon = self.traced("-e", "trace=?fork,?clone", "-e", inject)
            self.assertIn(f"There can be no process that {purpose}: ", self.refused(daemon))

    def test_killed_at_its_beginning(self) -> None:
        """A process that writes which ends at once has the start refused."""
        where = ["-P", "/proc/self/comm", "-e", "trace=openat"]
        daemon = self.traced(*where, "-e", "inject=openat:signal=KILL")
        self.assertRegex(self.refused(daemon), "process that writes .* has ended: signal 9")


class BeginningTests(DaemonCase):
    """What comes while a daemon begins."""

    def terminate(self, daemon: Daemon) -> None:
        """Stop it while it begins: its processes end at once, and the next start is a good one."""
        process = daemon.launch()
        until(lambda: writers_in(daemon.folder), "the process that writes is there")
        os.kill(daemon.writer, signal.SIGTERM)
        process.terminate()
        self.assertEqual(process.wait(WAIT), STOPPED)
        until(lambda: not others_in(daemon.folder), "all have ended", SOON)
        daemon.start()
        self.admin(daemon).close()

    def test_terminated(self) -> None:
        """SIGTERM to two of them while they begin ends them all."""
        daemon = self.make_daemon()
        daemon.port = free_port()
        self.terminate(daemon)

    def test_terminated_another_day(self) -> None:
        """The same where there are keys and a database already."""
        daemon = self.start_daemon()
        daemon.stop()
        self.terminate(daemon)

    def test_killed(self) -> None:
        """Killed as soon as the daemon listens, its process that writes ends the daemon."""
        daemon = self.make_daemon()
        daemon.port = free_port()
        process = daemon.launch()
        until(lambda: "Listening at" in daemon.log, "it listens")
        daemon.kill_writer()
        self.assertEqual(process.wait(SOON), 1)
        self.assertIn("the process that writes has ended: signal 9", daemon.log)
        daemon.start()
        self.admin(daemon).close()

    def test_hasher_killed(self) -> None:
        """So it is with the one that hashes passwords."""
        daemon = self.make_daemon()
        daemon.port = free_port()
        process = daemon.launch()
        until(lambda: hashers_in(daemon.folder), "the process that hashes is there")
        daemon.kill_hasher()
        self.assertEqual(process.wait(WAIT), 1)
        self.assertIn("the process that hashes passwords has ended: signal 9", daemon.log)
        daemon.start()
        self.admin(daemon).close()


class BackgroundTests(DaemonCase):
    """`twistd records` without -n: the command returns, and the daemon goes on."""

    def command(self, folder: Path, port: int, name: str) -> CompletedProcess[str]:
        """Start one; its files in the folder have this name."""
        where = ["--pidfile", f"{name}.pid", "--logfile", f"{name}.log"]
        command: list[str | Path] = [BIN / "twistd", *where, "records", "--bcrypt-cost", "10"]
        return self.run_program([*command, "--listen", f"tcp:{port}:interface=127.0.0.1"], folder)

    def in_background(self) -> tuple[Daemon, int]:
        """A daemon that was started so, as far as one can know it; and its process id."""
        daemon = Daemon(self.folder())
        daemon.port = free_port()
        done = self.command(daemon.folder, daemon.port, "first")
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))
        pid = int((daemon.folder / "first.pid").read_text("ascii"))
        self.addCleanup(self.end_both, daemon.folder, pid)
        until(lambda: "Listening at" in self.log(daemon), "it listens")
        return daemon, pid

    def log(self, daemon: Daemon) -> str:
        """What it wrote."""
        return (daemon.folder / "first.log").read_text("utf-8")

    def end_both(self, folder: Path, pid: int) -> None:
        """End what a test has left behind where it failed."""
        for each in (pid, *others_in(folder)):
            if is_there(each, folder):
                os.kill(each, signal.SIGKILL)

    def check_gone(self, folder: Path, pids: Sequence[int]) -> None:
        """All of these have ended, and the file that named one of them is gone."""
        until(
            partial(all_gone, pids, folder),
            "all have ended",
        )
        self.assertFalse((folder / "first.pid").exists())

    def test_stop(self) -> None:
        """It serves, and stops by its pidfile: all its processes."""
        daemon, pid = self.in_background()
        others = others_in(daemon.folder)
        wire = self.admin(daemon)
        wire.ask("employee.add", employee={"given_name": "Ann"})
        wire.close()
        os.kill(pid, signal.SIGTERM)
        self.check_gone(daemon.folder, [pid, *others])
        self.assertIn("Stopped", self.log(daemon))
        self.assertNotIn("Traceback", self.log(daemon))

    def test_second(self) -> None:
        """A second one is refused, and leaves nothing behind; the first one goes on."""
        daemon, pid = self.in_background()
        others = others_in(daemon.folder)
        done = self.command(daemon.folder, free_port(), "second")
        self.assertEqual(done.returncode, 1, done)
        self.assertIn("is in use by another daemon", done.stderr + done.stdout)
        self.assertEqual(others_in(daemon.folder), others)
        self.admin(daemon).close()
        os.kill(pid, signal.SIGTERM)
        self.check_gone(daemon.folder, [pid, *others])

    def test_killed(self) -> None:
        """Its process that writes is killed: the daemon ends, and can be started again."""
        daemon, pid = self.in_background()
        writer, hasher = others_in(daemon.folder)
        os.kill(writer, signal.SIGKILL)
        self.check_gone(daemon.folder, [pid, writer, hasher])
        self.assertIn("the process that writes has ended: signal 9", self.log(daemon))
        done = self.command(daemon.folder, daemon.port, "first")
        self.assertEqual(done.returncode, 0, done)
        pid = int((daemon.folder / "first.pid").read_text("ascii"))
        self.addCleanup(self.end_both, daemon.folder, pid)
        self.admin(daemon).close()
        pids = [pid, *others_in(daemon.folder)]
        os.kill(pid, signal.SIGTERM)
        self.check_gone(daemon.folder, pids)


def all_gone(pids: Sequence[int], folder: Path) -> bool:
    """Whether none of these processes runs."""
    return not any(is_there(pid, folder) for pid in pids)
