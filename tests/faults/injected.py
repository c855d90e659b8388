"""Running a daemon or another program under strace, and reading its trace.

Owns which system calls on which files count as points where a fault can happen, how a fault is
put to one of them, and what is read back. Knows nothing of what a program was doing.

A fault comes to the n-th call of a name on our files, counted by strace within each thread from
when it attaches, of whichever process. A short write is a real one: the kernel cuts a write that
would pass RLIMIT_FSIZE, which is set to the middle of it; what then becomes of the rest is a fault
of its own.
"""

from __future__ import annotations

import os
import re
import resource
import shutil
import signal
import subprocess
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cache
from pathlib import Path

from tests.daemon_case import until
from tests.wire import WAIT

WRITES = ("pwrite64", "write")
CALLS = (
    *WRITES,
    *("fdatasync", "fsync", "ftruncate", "rename", "renameat", "renameat2"),
    *("unlink", "unlinkat", "mkdir", "mkdirat", "chmod", "fchmodat"),
)
"""The system calls by which files change, or are made durable."""

_DATABASES = ("data/records.sqlite", "data/.records.sqlite.new", "data/.copy.sqlite.new")
_BESIDE = ("", "-wal", "-shm", "-journal")
_WHOLE = (
    "data/first-password",
    "data/copy.sqlite",
    *(
        f"keys/{name}"
        for name in (
            "ca.key",
            "ca.crt",
            "server.key",
            "server.crt",
        )
    ),
)
_DRAFTS = (
    *("data/.copy.sqlite.new", "data/.proof.new"),
    *(".b.tar.new", ".b.new", "new/.data.new"),
)
"""Folders in which backups grow, and what is restored from them."""

_IN_DRAFTS = (
    *(f"{name}{end}" for name in ("records.sqlite", ".records.sqlite.new") for end in _BESIDE),
    *("manifest.json", ".manifest.json.new", "backup.tar", "keys"),
    *("keys/ca.key", "keys/ca.crt", "keys/server.key", "keys/server.crt"),
)
_BACKUPS = (
    *_DRAFTS,
    *(f"{draft}/{name}" for draft in _DRAFTS for name in _IN_DRAFTS),
    *("b.tar", "b", "new", "new/data", "data/proof"),
    *("data/backups.json", "data/.backups.json.new"),
)

FILES = (
    *("data", "keys"),
    *_BACKUPS,
    *(f"{database}{end}" for database in _DATABASES for end in _BESIDE),
    *_WHOLE,
    *(f"{name.rpartition('/')[0]}/.{name.rpartition('/')[2]}.new" for name in _WHOLE),
)
"""Every file in which something durable is kept, or which becomes one, and their folders."""


class How(Enum):
    """What happens at the call. SHORT is a write cut short, and then what comes to its rest."""

    KILL = "signal=KILL"  # before it is done: which is after the one before it
    EIO = "error=EIO"
    ENOSPC = "error=ENOSPC"
    SHORT_KILL = "short, then signal=KILL"
    SHORT_EIO = "short, then error=EIO"
    SHORT_ENOSPC = "short, then error=ENOSPC"
    SHORT_MENDED = "short, then the rest"

    @property
    def is_short(self) -> bool:
        """Whether it can only come to a write."""
        return self.value.startswith("short")

    @property
    def is_kill(self) -> bool:
        """Whether nothing of the process is left."""
        return self.value.endswith("KILL")

    @property
    def then(self) -> str:
        """What strace is told to do."""
        return self.value.removeprefix("short, then ")


@dataclass(frozen=True)
class Point:
    """A call that a fault can come to: the at-th of this name in its thread."""

    name: str
    at: int

    def injection(self, how: How) -> str:
        """The options of strace."""
        if how is How.SHORT_MENDED:
            return f"inject={self.name}:signal=STOP:when={self.at}"
        return f"inject={self.name}:{how.then}:when={self.at + how.is_short}"


@dataclass
class Call:
    """A call as it was traced. size, offset: what was to be written where, or -1."""

    thread: int
    point: Point
    path: str
    size: int = -1
    offset: int = -1
    result: str = "?"

    @property
    def is_short(self) -> bool:
        """Whether less was written than was asked for."""
        return self.point.name in WRITES and self.result.isdigit() and int(self.result) < self.size

    @property
    def is_injected(self) -> bool:
        """Whether it failed because it was to."""
        return "(INJECTED)" in self.result


_LINE = re.compile(r"(?P<thread>\d+) +(?P<name>\w+)\((?P<args>.*?)(?:\) += (?P<result>.*)| <unf.*)")
_RESUMED = re.compile(r"(?P<thread>\d+) +<\.\.\. \w+ resumed>.*= (?P<result>.*)")
_KILLED = re.compile(r"^(\d+) +\+\+\+ killed by SIGKILL \+\+\+$", re.MULTILINE)
_PATH = re.compile(r"^\d+<([^>]*)>|\"([^\"]*)\"")
_SIZES = re.compile(r", (\d+)(?:, (\d+))?$")


def parse(trace: str) -> list[Call]:
    """The calls of a trace, in their order."""
    calls: list[Call] = []
    counted: Counter[tuple[int, str]] = Counter()
    last: dict[int, Call] = {}
    for line in trace.splitlines():
        if resumed := _RESUMED.match(line):
            last[int(resumed["thread"])].result = resumed["result"].strip()
        elif found := _LINE.match(line):
            thread, name, args = int(found["thread"]), found["name"], found["args"]
            counted[thread, name] += 1
            where = _PATH.search(args)
            call = Call(
                thread,
                Point(name, counted[thread, name]),
                (where[1] or where[2]) if where else "",
                result=(found["result"] or "?").strip(),
            )
            sizes = _SIZES.search(args)
            if name in WRITES and sizes:
                call.size, call.offset = int(sizes[1]), int(sizes[2] or 0)
            last[thread] = call
            calls.append(call)
    return calls


@cache
def why_not() -> str | None:
    """Why no faults can be injected here, or None if they can."""
    strace = shutil.which("strace")
    if strace is None:
        return "strace is not installed"
    with subprocess.Popen(["sleep", "60"]) as sleeper:
        try:
            with Strace([sleeper.pid], Path(os.devnull), None):
                return None
        except AssertionError as error:
            return f"strace cannot attach to a process: {error}"
        finally:
            sleeper.kill()


class Strace:
    """What traces processes, with all of their threads and forks, from `with` on.

    output: where the trace is written. folder: the daemon's, so that only calls on its `files`
    count; None for all. names: which calls. Where a process has been killed, it must have been
    waited for before the end.
    """

    def __init__(
        self,
        pids: Sequence[int],
        output: Path,
        folder: Path | None,
        injections: Iterable[str] = (),
        names: Sequence[str] = CALLS,
        files: Sequence[str] = FILES,
    ) -> None:
        self._pids = pids
        self._output = output
        counted = files if folder is not None else ()
        paths = [path for name in counted for path in (name, f"{folder}/{name}")]
        self._command = ["strace", "-f", "-y", "-s", "0", "-o", str(output)]
        self._command += [option for pid in pids for option in ("-p", str(pid))]
        self._command += [option for path in paths for option in ("-P", path)]
        self._command += ["-e", "trace=" + ",".join(f"?{name}" for name in names)]
        self._command += [option for each in injections for option in ("-e", each)]
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Strace:
        self._process = subprocess.Popen(
            self._command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        until(self._is_attached, "strace is attached")
        if self._process.poll() is not None:
            assert self._process.stderr is not None
            told = self._process.stderr.read().decode()
            self._process.stderr.close()
            raise AssertionError(told.strip().rpartition("\n")[2])
        return self

    def _is_attached(self) -> bool:
        """Whether every thread is traced; or there is nothing more to wait for."""
        assert self._process is not None
        if self._process.poll() is not None:
            return True
        tasks = [task for pid in self._pids for task in Path(f"/proc/{pid}/task").iterdir()]
        return all(b"TracerPid:\t0\n" not in (task / "status").read_bytes() for task in tasks)

    def __exit__(self, *_: object) -> None:
        assert self._process is not None
        assert self._process.stderr is not None
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(WAIT)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(WAIT)
            raise AssertionError("strace did not let go of the process") from None
        finally:
            self._process.stderr.close()

    @property
    def text(self) -> str:
        """The trace so far."""
        return self._output.read_text("utf-8", "replace")

    @property
    def calls(self) -> list[Call]:
        """The calls so far."""
        return parse(self.text)

    def is_stopped(self, count: int = 1) -> bool:
        """Whether an injected signal has stopped a process, or each of so many."""
        _, _, after = self.text.partition("--- SIGSTOP {")  # not the stop it begins with
        return after.count("--- stopped by SIGSTOP ---") >= count

    @property
    def killed(self) -> set[int]:
        """The threads that SIGKILL has ended, injected or not; a process's first has its id."""
        return {int(each) for each in _KILLED.findall(self.text)}


def limit_files(pid: int, size: int | None) -> None:
    """No file of this process gets longer than this; None for as long as before."""
    _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    soft = hard if size is None else size
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (soft, hard))
