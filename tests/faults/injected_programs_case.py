"""What the tests of whole programs share: all faults at all calls, and the look at what is left."""

from __future__ import annotations

import os
import re
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from records.model.audit import Head
from records.model.fields import STANDARD
from records.operations.audit import verify_journal
from records.operations.boundaries import Transaction
from records.store.sqlite.database import SqliteDatabase
from records.store.sqlite.upgrade import SchemaFile, schema_files
from tests.daemon_case import STOPPED
from tests.faults.injected import WRITES, Call, How
from tests.faults.injected_case import FaultCase
from tests.faults.injected_daemon import Forked, ForkedDaemon
from tests.faults.injected_programs import HOWS, Program, cut_at
from tests.faults.scale import IS_LONG

T = TypeVar("T")
COST = ["--bcrypt-cost", "10"]
Check = Callable[[Path, Forked, How], str]
"""What is checked after a run, given its folder and process; says how the run ended."""


def read(path: Path, operation: Callable[[Transaction], T], steps: list[SchemaFile]) -> T:
    """What an operation finds in a database, once it is at a schema."""
    database = SqliteDatabase(
        path, lambda: time.time_ns() // 1000, os.urandom, steps, catalogue=STANDARD
    )
    reader = database.reader()
    try:
        return operation(reader.begin())
    finally:
        reader.end()
        reader.close()


def head_of(folder: Path, name: str = "records.sqlite") -> Head:
    """Where the audit log ends, of a database that is whole. Raises `BrokenChain`."""
    return read(folder / "data" / name, verify_journal, schema_files())


def lone(calls: Sequence[Call]) -> list[int]:
    """The short form's choice: some of the calls, no two of the same name on the same file."""
    seen: set[tuple[str, str]] = set()
    chosen = []
    for number, call in enumerate(calls):
        what = (call.point.name, call.path.rpartition("/")[2])
        if what not in seen and not what[1].endswith(("-shm", "-journal")):
            seen.add(what)
            chosen.append(number)
    return chosen[:: 1 + len(chosen) // 8]


def _without_pidfile(told: str) -> str:
    """What was written to standard error, but for what twistd says after a kill."""
    return re.sub(r"Removing stale pidfile .*\n", "", told)


def is_sync_of_log(calls: Sequence[Call], number: int) -> bool:
    """Whether a call makes durable what has just been written to a write-ahead log."""
    call, before = calls[number], calls[number - 1]
    return (
        call.point.name == "fdatasync"
        and call.path == before.path
        and call.path.endswith("-wal")
        and before.point.name in WRITES
    )


class ProgramCase(FaultCase):
    """Tests of a whole program."""

    def check_program(self, program: Program, check: Check, hows: Sequence[How] = HOWS) -> None:
        """All faults at all of its calls; in the short form, one at each sort of call."""
        self.outcomes = Counter()
        folder = self.folder() / "run"
        process, calls = program.run(program.copy(folder))
        check(folder, process, How.KILL)
        self.assertGreater(len(calls), 8)
        uncut = 0
        for number in range(len(calls)) if IS_LONG else lone(calls):
            call = calls[number]
            for how in hows if IS_LONG else [hows[number % len(hows)]]:
                cut = cut_at(calls, number) if how.is_short and call.point.name in WRITES else None
                if how.is_short and cut is None:
                    uncut += call.point.name in WRITES and call.size > 1
                    continue
                process, traced = program.run(program.copy(folder), call.point, how, cut)
                where = f"{how.name} at {call.point} of {call.path}"
                told = f"{where}\n{process.out[-2000:]}\n{process.err}"
                if how.is_short:
                    self.assertTrue(any(each.is_short for each in traced), told)
                elif not how.is_kill:
                    self.assertTrue(any(each.is_injected for each in traced), told)
                if how.is_kill and process.pid in program.killed:
                    self.assertEqual(process.returncode, -9, told)
                elif how.is_kill:  # it was the writer process, whose end is told
                    self.assertEqual(process.returncode, 1, told)
                    self.assertIn("has ended: signal 9", process.err, told)
                for sign in ("Unhandled", "A fault in"):
                    self.assertNotIn(sign, process.out, told)
                try:
                    ended = check(folder, process, how)
                except Exception as error:
                    raise AssertionError(f"{told}\n{type(error).__name__}: {error}") from error
                if is_sync_of_log(calls, number):
                    self.assertNotIn("done", ended, told)
                self.outcomes[f"{call.point.name} {how.name}: {ended}"] += 1
        self.told(f"{self.id()}, {len(calls)} calls, {uncut} writes that could not be cut")

    def started(self, folder: Path) -> ForkedDaemon:
        """A daemon that starts as any other day, and is trusted by its clients."""
        daemon = ForkedDaemon(self.forks, folder, COST)
        self.addCleanup(daemon.end)
        daemon.start()
        return daemon

    def stop(self, daemon: ForkedDaemon) -> None:
        """Stop it; it has had nothing to complain of."""
        self.assertEqual(daemon.stop(), STOPPED)
        self.assertEqual(_without_pidfile(daemon.errors), "")
        # What the machine has too few of is no fault of the program's.
        told = re.sub(r".* Only \d+ connections at once.*\n", "", daemon.log)
        for sign in ("Traceback", "Unhandled", "A fault in", "error]", "warn]", "critical]"):
            self.assertNotIn(sign, told)

    def ending(self, process: Forked) -> str:
        """How a run ended: it was killed, refused in one line, or was not hindered at all."""
        if process.returncode == -9:
            return "killed"
        if process.returncode == 1:
            self.assertRegex(_without_pidfile(process.err), r"\Arecords: [^\n]+\n\Z")
            self.assertNotIn("Traceback", process.out)
            return "refused"
        self.assertIn(process.returncode, (0, STOPPED), process.err)
        return "done"

    def used(self) -> Path:
        """The folder of a daemon that has been used, and is stopped."""
        scene = self.scene()
        scene.daemon.stop()
        return scene.daemon.folder
