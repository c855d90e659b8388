"""The daemon's processes as Linux tells of them in proc(5): which there are, and what they take."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from pathlib import Path

WRITER = "records-writer"
"""What a daemon's process that writes is called."""
HASHER = "records-hasher"
"""What the one that hashes passwords is called."""


def parent_of(pid: int) -> int:
    """Whose child a process is; 0 if there is no such process."""
    try:
        return int(_status(pid).partition("PPid:")[2].split()[0])
    except (FileNotFoundError, ProcessLookupError):
        return 0


def _status(pid: int) -> str:
    return Path(f"/proc/{pid}/status").read_text("ascii", "replace")


def is_there(pid: int, folder: Path) -> bool:
    """Whether a process runs, in this folder."""
    try:
        return Path(f"/proc/{pid}/cwd").readlink() == folder
    except (FileNotFoundError, ProcessLookupError):
        return False


def writers_in(folder: Path) -> list[int]:
    """The processes that write for daemons of this folder, whosever children they are by now."""
    return _called(folder, WRITER)


def hashers_in(folder: Path) -> list[int]:
    """Those that hash passwords for them."""
    return _called(folder, HASHER)


def others_in(folder: Path) -> list[int]:
    """All processes that daemons of this folder have forked."""
    return writers_in(folder) + hashers_in(folder)


def _called(folder: Path, name: str) -> list[int]:
    found = []
    for process in Path("/proc").iterdir():
        with suppress(FileNotFoundError, ProcessLookupError):  # those that end meanwhile
            if process.name.isdigit() and (process / "comm").read_text("utf-8").strip() == name:
                found += [int(process.name)] if is_there(int(process.name), folder) else []
    return found


def end_pid(pid: int) -> None:
    """End a process that is nobody's, if it is there."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def catches(pid: int, number: signal.Signals) -> bool:
    """Whether a process has a handler for this signal."""
    return bool(int(_status(pid).partition("SigCgt:")[2].split()[0], 16) >> (number - 1) & 1)


def memory_of(pid: int) -> int:
    """A process's memory, in KiB, with what it shares with others."""
    return int(_status(pid).partition("VmRSS:")[2].split()[0])


def descriptors_of(pid: int) -> int:
    """How many file descriptors a process has in use."""
    return len(os.listdir(f"/proc/{pid}/fd"))


def files_of(pid: int) -> list[Path]:
    """What a process has open, by path where it has one."""
    found = []
    for each in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # those that it closes meanwhile
            found.append(each.readlink())
    return found


def seconds_of(pid: int) -> float:
    """The seconds of CPU that a process has taken."""
    stat = Path(f"/proc/{pid}/stat").read_text("ascii", "replace")
    user, system = stat.rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")
