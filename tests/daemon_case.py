"""What the whole-system tests share: a daemon that is a process of its own.

Owns starting and ending processes, each within a bounded wait. Knows the daemon only as its users
do: by its commands, its files, its log and its port.
"""

from __future__ import annotations

import atexit
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from tests.daemon_processes import (
    catches,
    end_pid,
    hashers_in,
    others_in,
    parent_of,
    writers_in,
)
from tests.quiet import SharedMachineCase
from tests.wire import WAIT, Wire

HERE = Path(__file__).resolve().parent
CHECKOUT = HERE.parent
BIN = Path(sys.executable).parent
PASSWORD = "seven quiet herons wade"
"""What the first account's password is changed to."""
CHEAP = ("--bcrypt-cost", "10")
"""Options, of the daemon and of `records.admin`, with which password hashes are quick to make."""
STOPPED = -signal.SIGTERM
"""A daemon's exit code after a good stop: twistd ends itself with the signal that it was sent."""
_TWISTD: Sequence[str | Path] = [BIN / "twistd"]
_MEASURED_TWISTD: Sequence[str | Path] = [sys.executable, HERE / "measured_twistd.py"]
_IS_MEASURING = "COVERAGE_PROCESS_START" in os.environ
_LISTENING = re.compile(r"Listening at \S+?:(\d+)\. ")


def unmeasured() -> dict[str, str]:
    """This process's environment, but that nobody measures the coverage of what has it."""
    return {name: told for name, told in os.environ.items() if name != "COVERAGE_PROCESS_START"}


def until(condition: Callable[[], Any], what: str, within: float = WAIT) -> Any:
    """The first true value of the condition, looked at often. Fails after a while."""
    end = time.monotonic() + within
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.01)
    raise AssertionError(f"not within {within} s: {what}")


def end_process(
    process: subprocess.Popen[Any], number: signal.Signals = signal.SIGTERM, within: float = WAIT
) -> int:
    """End one process, by force if it does not end on asking; its exit code."""
    if process.poll() is None:
        process.send_signal(number)
        try:
            process.wait(within)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(WAIT)
    return process.returncode


def free_port() -> int:
    """A port that nobody listens on, chosen by the kernel."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


BREAKDOWN = "The store cannot go on"
"""How the log begins to tell, with a traceback, that nothing more can be written."""


def _catches_signals(process: subprocess.Popen[bytes]) -> bool:
    """Whether a reactor runs there: before that, which is after it listens, SIGTERM just kills.

    It sees to SIGCHLD last. Linux tells in proc(5) which signals a process catches.
    """
    return process.poll() is not None or catches(process.pid, signal.SIGCHLD)


class Daemon:
    """A daemon of one folder, where it can be started again and again.

    options: for `twistd -n records`. twistd: the program; coverage is measured of none but the one
    that keeps what was measured. environment: its variables, or None
    for this process's own. port: where it listens, once it has been started. is_hurt: whether its
    process that writes was ended by a test, of which the log tells in its own way.
    """

    def __init__(
        self,
        folder: Path,
        options: Sequence[str] = (),
        twistd: Sequence[str | Path] = _TWISTD,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.folder = folder
        self.port = 0
        self.is_hurt = False
        self.process: subprocess.Popen[bytes] | None = None
        self.ca = folder / "keys" / "ca.crt"
        self._options = options
        self._twistd = twistd
        self._begun: subprocess.Popen[bytes] | None = None
        self._environment = dict(os.environ if environment is None else environment)
        if twistd is not _MEASURED_TWISTD:
            self._environment.pop("COVERAGE_PROCESS_START", None)

    def command(self) -> list[str | Path]:
        """The command line that starts it at its port."""
        where = f"tcp:{self.port}:interface=127.0.0.1"
        return [*self._twistd, "-n", "records", "--listen", where, *self._options]

    @property
    def pid(self) -> int:
        """The process id of the one that serves."""
        assert self.process is not None
        return self.process.pid

    @property
    def writer(self) -> int:
        """The process id of the one that writes, which it has forked."""
        (pid,) = (each for each in writers_in(self.folder) if parent_of(each) == self.pid)
        return pid

    @property
    def hasher(self) -> int:
        """The process id of the one that hashes passwords, which it has forked as well."""
        (pid,) = (each for each in hashers_in(self.folder) if parent_of(each) == self.pid)
        return pid

    @property
    def pids(self) -> tuple[int, int]:
        """Those of the two that have to do with the data: the one that serves, and the writer."""
        return self.pid, self.writer

    @property
    def all_pids(self) -> tuple[int, int, int]:
        """All of them."""
        return self.pid, self.writer, self.hasher

    @property
    def log(self) -> str:
        """All that it wrote to standard output, at all of its starts."""
        path = self.folder / "out"
        return path.read_text("utf-8") if path.exists() else ""

    @property
    def errors(self) -> str:
        """All that it wrote to standard error."""
        return (self.folder / "err").read_text("utf-8")

    def launch(self, *options: str, stderr: int | None = None) -> subprocess.Popen[bytes]:
        """Start the process, and do not wait for it. stderr: a file descriptor."""
        with (self.folder / "out").open("ab") as out, (self.folder / "err").open("ab") as err:
            self.process = subprocess.Popen(
                [*self.command(), *options],
                cwd=self.folder,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err if stderr is None else stderr,
            )
        return self.process

    def begin(self) -> None:
        """Begin with its first start, at a free port. `start` waits for it."""
        self.port = free_port()
        self._begun = self.launch()

    def start(self, *options: str, stderr: int | None = None) -> None:
        """Start it, and wait until it listens: at the same port as before, or a free one."""
        for _ in range(2):
            process, self._begun, seen = self._begun, None, 0
            if process is None:
                self.port = self.port or free_port()
                seen = len(self.log)
                process = self.launch(*options, stderr=stderr)
            until(partial(self._has_begun, process, seen), "the daemon listens")
            if process.poll() is None:
                until(partial(_catches_signals, process), "the daemon can be stopped")
                return
            if "the port is taken" not in self.errors:
                break
            time.sleep(0.2)
        raise AssertionError(f"the daemon did not start:\n{self.log}\n{self.errors}")

    def _has_begun(self, process: subprocess.Popen[bytes], seen: int) -> bool:
        """Whether it listens, or has ended. seen: how much of the log is from before."""
        return process.poll() is not None or _LISTENING.search(self.log, seen) is not None

    def stop(self, number: signal.Signals = signal.SIGTERM, within: float = WAIT) -> int:
        """End it; the exit code."""
        assert self.process is not None
        return end_process(self.process, number, within)

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal, and do not wait."""
        assert self.process is not None
        self.process.send_signal(number)

    def ended(self, within: float) -> int:
        """Wait until it has ended by itself; the exit code."""
        assert self.process is not None
        try:
            return self.process.wait(within)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"it did not end within {within} s:\n{self.log}") from None

    def kill(self) -> None:
        """End it in the midst of whatever it does."""
        self.stop(signal.SIGKILL)

    def end(self) -> None:
        """End it if it runs. For `addCleanup`."""
        if self.process is not None:
            self.stop()

    def kill_writer(self) -> None:
        """End its process that writes, as the system does where there is no more memory."""
        self.is_hurt = True
        os.kill(self.writer, signal.SIGKILL)

    def kill_hasher(self) -> None:
        """End the one that hashes passwords in the same way."""
        os.kill(self.hasher, signal.SIGKILL)

    def left_behind(self) -> list[int]:
        """Its other processes, once they have had the time to end; there must be none.

        What is there nevertheless is ended.
        """
        try:
            until(lambda: not others_in(self.folder), "its other processes have ended")
        except AssertionError:
            left = others_in(self.folder)
            for pid in left:
                end_pid(pid)
            return left
        return []


class DaemonCase(SharedMachineCase):
    """Tests with a real daemon. Whatever they start is ended with them.

    is_measured: whether coverage is measured in what they start, where it is at all. That makes
    programs slower by half, and most of what they reach the unit tests have reached already.
    is_ahead: whether the next such test's daemon starts while a test is at work with its own.
    """

    is_measured = False
    is_ahead = False
    _next: ClassVar[Daemon | None] = None

    def folder(self) -> Path:
        """A new empty folder."""
        path = Path(self.mktemp()).resolve()
        path.mkdir(parents=True)
        return path

    def make_daemon(self, *options: str, folder: Path | None = None) -> Daemon:
        """A daemon that is not started yet, with password hashes that are quick to make."""
        twistd = _MEASURED_TWISTD if _IS_MEASURING and self.is_measured else _TWISTD
        daemon = Daemon(folder or self.folder(), [*CHEAP, *options], twistd)
        self.addCleanup(self.end_daemon, daemon)
        return daemon

    def end_daemon(self, daemon: Daemon) -> None:
        """End a daemon; whatever it went through, it must not have stumbled."""
        daemon.end()
        self.assertEqual(daemon.left_behind(), [])
        for sign in ("Unhandled", "A fault in"):
            self.assertNotIn(sign, daemon.log)
        breakdowns = daemon.log.count(BREAKDOWN) if daemon.is_hurt else 0
        self.assertEqual(daemon.log.count("Traceback"), breakdowns, daemon.log)

    def start_daemon(self, *options: str, folder: Path | None = None) -> Daemon:
        """A daemon that listens."""
        if self.is_ahead and not (self.is_measured or options or folder):
            return self._start_ahead()
        daemon = self.make_daemon(*options, folder=folder)
        daemon.start()
        return daemon

    def _start_ahead(self) -> Daemon:
        """The daemon that has begun to start during the last test; and begin with another."""
        daemon, DaemonCase._next = DaemonCase._next or Daemon(self.folder(), CHEAP), None
        self.addCleanup(self.end_daemon, daemon)
        daemon.start()
        following = Daemon(self.folder(), CHEAP)
        atexit.register(following.end)
        following.begin()
        DaemonCase._next = following
        return daemon

    def connect(self, daemon: Daemon, *, buffer: int | None = None) -> Wire:
        """A connection on which nobody is logged in."""
        wire = Wire(daemon.port, daemon.ca, buffer=buffer)
        self.addCleanup(wire.close)
        return wire

    def first_password(self, daemon: Daemon) -> str:
        """The first account's password, as the daemon's operator reads it."""
        return (daemon.folder / "data" / "first-password").read_text("ascii").strip()

    def log_in_first(self, daemon: Daemon) -> tuple[Wire, str]:
        """A connection of `admin`, whose password is now `PASSWORD`; and the session's token."""
        wire = self.connect(daemon)
        first = self.first_password(daemon)
        token = wire.ask("login", username="admin", password=first)["token"]
        wire.ask("password.change", current=first, new=PASSWORD)
        return wire, token

    def admin(self, daemon: Daemon) -> Wire:
        """A connection of `admin`, whose password is now `PASSWORD`."""
        return self.log_in_first(daemon)[0]

    def resume(self, daemon: Daemon, token: str, *, buffer: int | None = None) -> Wire:
        """Another connection of a session."""
        wire = self.connect(daemon, buffer=buffer)
        wire.ask("resume", token=token)
        return wire

    def environment(self) -> dict[str, str]:
        """The variables of programs that are started."""
        return dict(os.environ) if self.is_measured else unmeasured()

    def run_program(
        self, arguments: Iterable[str | Path], folder: Path, given: str = ""
    ) -> subprocess.CompletedProcess[str]:
        """Run a program to its end, with this as its standard input."""
        return subprocess.run(
            [*arguments],
            cwd=folder,
            env=self.environment(),
            input=given,
            capture_output=True,
            encoding="utf-8",
            timeout=3 * WAIT,
            check=False,
        )

    def office(self, daemon: Daemon, *arguments: str) -> str:
        """What `python -m records.admin` says in the daemon's folder."""
        done = self.run_program([sys.executable, "-m", "records.admin", *arguments], daemon.folder)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return done.stdout

    def account(self, daemon: Daemon, username: str, *arguments: str) -> str:
        """Add an account; its first password."""
        told = self.office(daemon, *CHEAP, "add", username, *arguments)
        found = re.search(r"Password: (\S+)", told)
        assert found is not None
        return found[1]

    def run_client(
        self, daemon: Daemon, lines: Sequence[str], *options: str
    ) -> subprocess.CompletedProcess[str]:
        """Run the client with its input and output piped."""
        client = [sys.executable, "-m", "records.client", "--port", str(daemon.port)]
        return self.run_program(
            [*client, *options], daemon.folder, "".join(f"{line}\n" for line in lines)
        )
