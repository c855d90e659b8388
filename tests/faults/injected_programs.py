"""Faults at the system calls of a whole program, which is run from its beginning for each.

Owns running it, and cutting its writes short. Knows nothing of what the program is to do.
"""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.daemon_case import until
from tests.daemon_processes import others_in
from tests.faults.injected import WRITES, Call, How, Point, Strace, limit_files
from tests.faults.injected_daemon import Forked, Forks
from tests.wire import WAIT

HOWS = (How.KILL, How.EIO, How.ENOSPC, How.SHORT_KILL, How.SHORT_ENOSPC)
"""What can come to a program's calls: the rest of a write is not mended here."""


@dataclass(frozen=True)
class Cut:
    """How a write is cut short: files get no longer than `size`, once `after` has been done."""

    size: int
    after: Point | None


def cut_at(calls: Sequence[Call], number: int) -> Cut | None:
    """How the number-th call can be cut, and no earlier one. None if there is no way.

    after: the latest call before it of another name, so that strace can be told of both.
    """
    call = calls[number]
    size = call.offset + call.size // 2
    if call.size < 2:
        return None
    for before in reversed(calls[:number]):
        if before.point.name != call.point.name and before.point.name not in WRITES:
            return Cut(size, before.point)
        if before.point.name in WRITES and before.offset + before.size > size:
            return None
    return Cut(size, None)


NAMED = "/proc/self/comm"
"""What a process that was forked opens first: there it says what it is called."""
_PIDS = int(Path("/proc/sys/kernel/pid_max").read_text("ascii"))


def _forked_first(children: Iterable[int], parent: int) -> int:
    """Which of a process's children it has forked first: process ids go round and round."""
    return min(children, key=lambda child: (child - parent) % _PIDS)


def _all_of(process: Forked, folder: Path) -> list[int]:
    """A program, if it runs, and the processes that it has forked, if it has."""
    return [*([process.pid] if process.poll() is None else []), *others_in(folder)]


class Program:
    """A program, and the folder in which each run of it begins.

    template: copied for each run. is_daemon: whether it goes on once it listens; it is traced
    until then, and stopped. killed: the threads that SIGKILL has ended in the last run.
    """

    def __init__(
        self,
        forks: Forks,
        name: str,
        arguments: Sequence[str],
        template: Path,
        *,
        is_daemon: bool = False,
    ) -> None:
        self._forks = forks
        self._name = name
        self._arguments = arguments
        self._template = template
        self._is_daemon = is_daemon
        self.killed: set[int] = set()

    def _has_begun(self, process: Forked) -> bool:
        ended = process.poll() is not None
        return ended or (self._is_daemon and "Listening at" in process.out)

    def copy(self, folder: Path) -> Path:
        """The folder as it is before a run."""
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(self._template, folder)
        return folder

    def run(
        self, folder: Path, point: Point | None = None, how: How = How.KILL, cut: Cut | None = None
    ) -> tuple[Forked, list[Call]]:
        """Run it in a folder, with this fault at this point; what became of it."""
        process = self._forks.fork(self._name, self._arguments, folder, paused=True)
        injections = [point.injection(how)] if point else []
        if cut is not None and cut.after is None:
            limit_files(process.pid, cut.size)
        elif cut is not None and cut.after is not None:
            injections.append(f"inject={cut.after.name}:signal=STOP:when={cut.after.at}")
        trace = folder.with_name(f"{folder.name}.trace")
        try:
            with Strace([process.pid], trace, folder, injections) as strace:
                process.send_signal(signal.SIGCONT)
                if cut is not None and cut.after is not None:
                    until(lambda: strace.is_stopped() or self._has_begun(process), "it is stopped")
                    for pid in _all_of(process, folder):
                        limit_files(pid, cut.size)
                        os.kill(pid, signal.SIGCONT)
                until(lambda: self._has_begun(process), "it has ended, or listens")
                if self._is_daemon:
                    for pid in _all_of(process, folder):
                        limit_files(pid, None)
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
            process.wait(WAIT)
        finally:
            process.kill()
        return self._ended(process, folder, strace)

    def run_with_writer(
        self, folder: Path, point: Point | None = None, how: How = How.KILL
    ) -> tuple[Forked, list[Call]]:
        """Run a daemon, with a fault that comes to its process that writes alone; its calls."""
        process = self._forks.fork(self._name, self._arguments, folder, paused=True)
        trace = folder.with_name(f"{folder.name}.trace")
        at_first = ["inject=openat:signal=STOP:when=1"]
        try:
            with Strace([process.pid], trace, folder, at_first, ["openat"], [NAMED]) as beginning:
                process.send_signal(signal.SIGCONT)
                until(lambda: beginning.is_stopped(2), "its other processes have begun")
            named = {call.thread for call in beginning.calls}
            writer = _forked_first(named, process.pid)
            for other in named - {writer}:
                os.kill(other, signal.SIGCONT)
            injections = [point.injection(how)] if point else []
            with Strace([writer], trace, folder, injections) as strace:
                os.kill(writer, signal.SIGCONT)
                until(lambda: self._has_begun(process), "it has ended, or listens")
            process.send_signal(signal.SIGTERM)
            process.wait(WAIT)
        finally:
            process.kill()
        return self._ended(process, folder, strace)

    def _ended(self, process: Forked, folder: Path, strace: Strace) -> tuple[Forked, list[Call]]:
        self.killed = strace.killed
        until(lambda: not others_in(folder), "its other processes have ended")
        return process, strace.calls
