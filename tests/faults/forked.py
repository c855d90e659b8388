"""The programs that faults are injected into, each a fork of one process that has imported them.

Run as a program it takes an order a line, in JSON, and answers each with a line. Imports are most
of the time that a daemon takes to start; a fork of this is `twistd -n records` as its users run
it, from there on. The reactor is not imported before: each daemon makes its own.

Orders: `fork` (a program's name and arguments, its folder, and whether it stops itself, by SIGSTOP,
before it begins) is answered with its process id; `poll` (a process id) with what it has written
since and, once it has ended, its exit code as `subprocess` has it.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn

import twisted.internet.epollreactor
import twisted.internet.ssl
import twisted.scripts._twistd_unix
from twisted.scripts import twistd

import records.daemon.service
from records import admin
from records.daemon.bootstrap import Places, open_keys
from records.model.errors import Unusable
from records.model.fields import STANDARD
from records.store.sqlite.database import SqliteDatabase
from records.store.sqlite.upgrade import SchemaFile, schema_files
from records.tls.keys import KeyFiles

PLACES = Places(Path("data"), KeyFiles(Path("keys")))
NEXT_STEP = SchemaFile(
    len(schema_files()) + 1,
    "next",
    "CREATE TABLE next_one (x TEXT); ALTER TABLE employees ADD COLUMN next_two TEXT;",
)
"""A schema step as a later version might bring it."""


def next_version() -> list[SchemaFile]:
    """All schema steps of a later version."""
    return [*schema_files(), NEXT_STEP]


def _twistd(arguments: Sequence[str]) -> None:
    sys.argv = ["twistd", *arguments]
    twistd.run()


def _renew(arguments: Sequence[str]) -> None:
    """What a start does about the keys."""
    try:
        open_keys(PLACES, datetime.now(UTC))
    except Unusable as error:
        sys.exit(f"records: {error}")


def _upgrade(arguments: Sequence[str]) -> None:
    """What the first start of a later version does about the database."""
    os.umask(0o077)
    try:
        SqliteDatabase(
            PLACES.database,
            lambda: time.time_ns() // 1000,
            steps=next_version(),
            catalogue=STANDARD,
        )
    except Unusable as error:
        sys.exit(f"records: {error}")


PROGRAMS: dict[str, Callable[[Sequence[str]], object]] = {
    "twistd": _twistd,
    "admin": admin.main,
    "renew": _renew,
    "upgrade": _upgrade,
}


class Child:
    """A program that runs, and the pipes that it writes to."""

    def __init__(self, pid: int, pipes: dict[str, int]) -> None:
        self.pid = pid
        self._pipes = pipes
        self._code: int | None = None

    def poll(self) -> dict[str, Any]:
        """What it has written since the last time, and its exit code if it has ended."""
        if self._code is None:
            ended, status = os.waitpid(self.pid, os.WNOHANG)
            if ended:
                self._code = os.waitstatus_to_exitcode(status)
        told = {name: _all_of(pipe) for name, pipe in self._pipes.items()}
        return {"code": self._code, **told}

    def close(self) -> None:
        """Let go of its pipes."""
        for pipe in self._pipes.values():
            os.close(pipe)

    def end(self) -> None:
        """End it, if it runs."""
        if self.poll()["code"] is None:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)


def _all_of(pipe: int) -> str:
    read = b""
    try:
        while piece := os.read(pipe, 65536):
            read += piece
    except BlockingIOError:
        pass  # so much for now
    return read.decode("utf-8", "replace")


def _begin(order: dict[str, Any], out: int, err: int) -> None:
    """Become the program, in the forked process."""
    null = os.open(os.devnull, os.O_RDONLY)
    for given, number in ((null, 0), (out, 1), (err, 2)):
        os.dup2(given, number)
        os.close(given)
    os.chdir(order["folder"])
    if order["paused"]:
        os.kill(os.getpid(), signal.SIGSTOP)
    PROGRAMS[order["program"]](order["arguments"])


def _serve(orders: Any, answers: int) -> None:
    """Do what is ordered, until nobody is there to order any more, or this is the fork."""
    children: dict[int, Child] = {}
    for line in iter(orders.readline, ""):
        order = json.loads(line)
        if "poll" in order:
            told = children[order["poll"]].poll()
        else:
            (out, out_end), (err, err_end) = os.pipe(), os.pipe()
            pid = os.fork()
            if not pid:
                for other in children.values():
                    other.close()
                for left in (out, err, answers):
                    os.close(left)
                _begin(order, out_end, err_end)
                return
            for pipe in (out, err):
                os.set_blocking(pipe, False)
            os.close(out_end)
            os.close(err_end)
            children[pid] = Child(pid, {"out": out, "err": err})
            if order["paused"]:
                os.waitpid(pid, os.WUNTRACED)
            told = {"pid": pid}
        os.write(answers, json.dumps(told).encode() + b"\n")
    for child in children.values():
        child.end()


def main() -> NoReturn:
    """Serve at standard input and output."""
    answers = os.dup(1)
    _serve(sys.stdin, answers)
    sys.exit(0)


_PRELOADED = (twisted.internet.epollreactor, twisted.internet.ssl, twisted.scripts._twistd_unix)
_PRELOADED_OF_OURS = (records.daemon.service,)

if __name__ == "__main__":
    main()
