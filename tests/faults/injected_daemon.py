"""Daemons and other programs that are forks of one process, `tests.faults.forked`.

Owns ordering them there, and reading what they write. They start in a tenth of the time, so that
one can be killed and started again for each of many hundreds of faults.
"""

from __future__ import annotations

import atexit
import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from tests.daemon_case import CHECKOUT, Daemon, until
from tests.wire import WAIT


class Forked:
    """A process that the fork server has made; what is needed of `subprocess.Popen`."""

    def __init__(self, forks: Forks, pid: int) -> None:
        self._forks = forks
        self.pid = pid
        self.returncode: int | None = None
        self.out = ""
        self.err = ""

    def poll(self) -> int | None:
        """Its exit code, if it has ended; and read what it has written."""
        if self.returncode is None:
            told = self._forks.order({"poll": self.pid})
            self.out += told["out"]
            self.err += told["err"]
            self.returncode = told["code"]
        return self.returncode

    def wait(self, timeout: float = WAIT) -> int:
        """Its exit code, once it has ended. Raises `subprocess.TimeoutExpired`."""
        try:
            until(lambda: self.poll() is not None, "it ends", timeout)
        except AssertionError:
            raise subprocess.TimeoutExpired("fork", timeout) from None
        assert self.returncode is not None
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send it a signal, if it has not ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """End it at once."""
        self.send_signal(signal.SIGKILL)


class Forks:
    """The fork server: `tests.faults.forked`."""

    def __init__(self) -> None:
        self._server = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.forked"],
            cwd=CHECKOUT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def order(self, order: dict[str, Any]) -> dict[str, Any]:
        """Have something done; what the server says."""
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        self._server.stdin.write(json.dumps(order).encode() + b"\n")
        self._server.stdin.flush()
        told: dict[str, Any] = json.loads(self._server.stdout.readline())
        return told

    def fork(
        self, program: str, arguments: Sequence[str], folder: Path, *, paused: bool = False
    ) -> Forked:
        """Begin a program. paused: stopped before its first step, until it gets a SIGCONT."""
        order = {"program": program, "arguments": [*arguments], "folder": str(folder)}
        return Forked(self, self.order({**order, "paused": paused})["pid"])

    def close(self) -> None:
        """End it, and whatever it has begun."""
        self._server.communicate(timeout=WAIT)


@cache
def fork_server() -> Forks:
    """The one of this process, until its end."""
    forks = Forks()
    atexit.register(forks.close)
    return forks


class ForkedDaemon(Daemon):
    """A daemon that is a fork."""

    def __init__(self, forks: Forks, folder: Path, options: Sequence[str] = ()) -> None:
        super().__init__(folder, options, twistd=["twistd"])
        self._forks = forks
        self._lives: list[Forked] = []

    @property
    def log(self) -> str:
        for life in self._lives[-1:]:
            life.poll()
        return "".join(life.out for life in self._lives)

    @property
    def life(self) -> str:
        """What it has written since its last start."""
        for life in self._lives[-1:]:
            life.poll()
        return "".join(life.out for life in self._lives[-1:])

    @property
    def errors(self) -> str:
        return "".join(life.err for life in self._lives)

    def launch(self, *options: str, stderr: int | None = None, paused: bool = False) -> Any:
        """Begin the process, and do not wait for it."""
        arguments = [*(str(each) for each in self.command()[1:]), *options]
        self._lives.append(self._forks.fork("twistd", arguments, self.folder, paused=paused))
        self.process = self._lives[-1]  # type: ignore[assignment]  # as much of it as is used
        return self.process
