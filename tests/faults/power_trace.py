"""A program's record as strace(1) writes it down: what it does to the files of one folder.

Owns strace's command line and the reading of its output, as strace(1) describes both. What is
written to memory that is shared (-shm) is no system call and is not in it, nor is what goes to
sockets and to files outside of the folder.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.faults.power import (
    FOLDER,
    Content,
    Event,
    Made,
    Moved,
    Naming,
    Removed,
    Resize,
    Sync,
    SyncFolder,
    Write,
)

_CALLS = (
    "openat,creat,mkdir,mkdirat,write,pwrite64,writev,pwritev,pwritev2,truncate,ftruncate,"
    "fallocate,fsync,fdatasync,rename,renameat,renameat2,unlink,unlinkat,rmdir,link,linkat"
)
_LINE = re.compile(r"(?P<thread>\d+) +(?P<time>\d+\.\d+) (?P<rest>.*)")
_RESUMED = re.compile(r"<\.\.\. \w+ resumed>(?P<rest>.*)")
_CALL = re.compile(r"(?P<name>\w+)\((?P<arguments>.*)\) += (?P<result>-?\d+|\?)")
_STRING = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')
_DESCRIPTOR = re.compile(r"(?:-?\d+|AT_FDCWD)<((?:\\x[0-9a-f]{2})*)>")


def strace(output: Path) -> list[str | Path]:
    """The beginning of a command line, with the program to be traced after it.

    -D: the program is the process that was started, and strace stands aside.
    """
    how = ["-D", "-f", "-q", "-y", "-xx", "-ttt", "-s", "100000000"]
    return ["strace", *how, "-e", f"trace={_CALLS}", "-o", output]


def has_ended(output: Path, process: int) -> bool:
    """Whether the traced process has ended, and strace has written that down last."""
    end = re.compile(rf"{process} .* \+\+\+ (exited|killed) .*\+\+\+\n\Z")
    return end.search(output.read_text("ascii")[-200:]) is not None


@dataclass(frozen=True, slots=True)
class Traced:
    """An event, when the system call for it began, in seconds since 1970, and in which thread."""

    at: float
    event: Event
    thread: int


def read_trace(output: Path, folder: Path) -> list[Traced]:
    """The events in a folder that was empty at the beginning. Raises ValueError."""
    reading = _Reading(folder)
    return [
        Traced(at, event, thread)
        for at, thread, call in _whole_calls(output.read_text("ascii").splitlines())
        for event in reading.events(call)
    ]


def _whole_calls(lines: list[str]) -> Iterator[tuple[float, int, re.Match[str]]]:
    """Each call that succeeded, at its return; when it began, and in which thread."""
    begun: dict[str, tuple[float, str]] = {}
    for line in lines:
        match = _LINE.match(line)
        if match is None:
            raise ValueError(f"strace wrote {line[:200]}")
        thread, at, maintain = match["thread"], float(match["time"]), match["rest"]
        if maintain.endswith("<unfinished ...>"):
            begun[thread] = (at, maintain.removesuffix("<unfinished ...>"))
            continue
        if resumed := _RESUMED.match(maintain):
            at, start = begun.pop(thread)
            maintain = start + resumed["rest"]
        if maintain.startswith(("+++", "---")):
            continue
        call = _CALL.match(maintain)
        if call is None:
            raise ValueError(f"strace wrote {maintain[:200]}")
        if call["result"].isdecimal():  # neither failed nor cut off by the process's end
            yield at, int(thread), call


def _decoded(hexadecimal: str) -> bytes:
    return bytes.fromhex(hexadecimal.replace("\\x", ""))


class _Reading:
    """The files of a folder, followed call by call."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.resolve()
        self._numbers: dict[str, int] = {}
        self._last = FOLDER
        self._ends: dict[int, int] = {}

    def _name(self, path: str) -> str | None:
        """A path within the folder; None if it is not, or is of no account."""
        whole = Path(os.path.normpath(self._folder / path))
        if not whole.is_relative_to(self._folder) or path.endswith(("-shm", "(deleted)")):
            return None
        return str(whole.relative_to(self._folder))

    def events(self, call: re.Match[str]) -> Iterator[Event]:
        """What a call did in the folder."""
        name, arguments = call["name"], call["arguments"]
        strings = [_decoded(each) for each in _STRING.findall(arguments)]
        if name in ("openat", "mkdir", "mkdirat", "unlink", "unlinkat", "rename", "renameat"):
            paths = [self._name(os.fsdecode(each)) for each in strings]
            if None not in paths:
                yield from self._named(name, arguments, [str(path) for path in paths])
            return
        opened = _DESCRIPTOR.match(arguments)
        if opened is None:
            raise ValueError(f"{name} is not understood: {arguments[:200]}")
        path = self._name(os.fsdecode(_decoded(opened[1])))
        if path is None:
            return
        if name in ("fsync", "fdatasync"):
            is_folder = self._numbers.get(path, FOLDER) == FOLDER
            yield SyncFolder(path) if is_folder else Sync(self._numbers[path])
        elif path in self._numbers:  # others were there before, such as the log's
            yield self._changed(name, arguments, self._numbers[path], int(call["result"]), strings)

    def _named(self, name: str, arguments: str, paths: list[str]) -> Iterator[Naming | Resize]:
        path = paths[0]
        if name == "openat":
            if "O_CREAT" in arguments and path not in self._numbers:
                yield self._made(path)
            elif "O_TRUNC" in arguments:
                self._ends[self._numbers[path]] = 0
                yield Resize(self._numbers[path], 0)
        elif name.startswith("mkdir"):
            self._numbers[path] = FOLDER
            yield Made(path, FOLDER)
        elif name.startswith("unlink"):
            if self._numbers.pop(path, None) is not None:
                yield Removed(path)
        else:
            self._numbers[paths[1]] = self._numbers.pop(path)
            yield Moved(path, paths[1])

    def _made(self, path: str) -> Made:
        self._last += 1
        self._numbers[path] = self._last
        self._ends[self._last] = 0
        return Made(path, self._last)

    def _changed(
        self, name: str, arguments: str, file: int, result: int, strings: list[bytes]
    ) -> Content:
        if name == "ftruncate":
            self._ends[file] = size = int(arguments.rpartition(",")[2])
            return Resize(file, size)
        if name == "write":  # nobody here seeks: it goes on where the last one ended
            offset = self._ends[file]
        elif name == "pwrite64":
            offset = int(arguments.rpartition(",")[2])
        else:
            raise ValueError(f"{name} is not understood")
        self._ends[file] = max(self._ends[file], offset + result)
        return Write(file, offset, strings[-1][:result])
