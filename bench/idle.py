"""Idle connections: how much memory each takes of the daemon, and whether the open one notices."""

from __future__ import annotations

import selectors
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from bench.daemon import Daemon, get, started
from bench.load import Line, one_at_a_time
from bench.people import somebody
from bench.processes import end, resident
from bench.promises import Spread, Verdict

PATIENCE = 300.0
ASKED = 500
SETTLE = 2.0
SPARE = 100
ROOM = 40.0
"""KiB that a connection may take."""

AS_BEFORE = 1.2
"""How much longer an answer may take and still count as answered as before."""


@dataclass(frozen=True)
class Idle:
    """held: connections. KiB each by Rss and by Pss; p50s in milliseconds, before and meanwhile."""

    held: int
    rss: float
    pss: float
    before: float
    meanwhile: float


@contextmanager
def _held(daemon: Daemon, count: int) -> Iterator[int]:
    """So many idle connections as long as the block lasts."""
    command = [sys.executable, "-m", "bench.held", str(daemon.port), str(daemon.ca), str(count)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(daemon.prologue[0])
            process.stdin.flush()
            with selectors.DefaultSelector() as told:
                told.register(process.stdout, selectors.EVENT_READ)
                if not told.select(PATIENCE):
                    raise RuntimeError(f"{count} connections took more than {PATIENCE} s")
            line = process.stdout.readline()
            if not line:
                raise RuntimeError("the idle connections could not be made; see above")
            yield int(line)
            process.stdin.close()
        finally:
            end(process)


def _p50(line: Line, employees: int, repeats: int) -> float:
    """The typical milliseconds of one request at a time."""
    asked = [get(somebody(0, number, employees)) for number in range(ASKED)]
    return median(one_at_a_time(line, asked).p50 for _ in range(repeats))


def _repeat(folder: Path, employees: int, count: int) -> Idle:
    limit = str(count + SPARE)
    with (
        started(folder, "--max-per-source", limit, "--max-connections", limit) as daemon,
        closing(daemon.line()) as line,
    ):
        _p50(line, employees, 1)
        before, size = _p50(line, employees, 5), resident(daemon.process.pid)
        with _held(daemon, count) as held:
            time.sleep(SETTLE)
            now = resident(daemon.process.pid)
            return Idle(
                held,
                (now["Rss"] - size["Rss"]) / held,
                (now["Pss"] - size["Pss"]) / held,
                before,
                _p50(line, employees, 5),
            )


def measure(folder: Path, employees: int, count: int) -> tuple[list[Verdict], Idle]:
    """folder: with a database of so many employees. Measured once: it takes its time."""
    found = _repeat(folder, employees, count)
    work = f"{count:,} idle connections"
    return [
        Verdict(work, "held", float(count), True, Spread((float(found.held),))),
        Verdict(
            work,
            f"at most {ROOM:.0f} KiB each",
            ROOM,
            False,
            Spread((found.rss,)),
            f"Rss; Pss {found.pss:.1f}",
        ),
        Verdict(
            work,
            f"the open one answers as before (p50 at most {AS_BEFORE} of it)",
            AS_BEFORE,
            False,
            Spread((found.meanwhile / found.before,)),
            f"{found.before:.2f} ms before, {found.meanwhile:.2f} ms meanwhile",
        ),
    ], found
