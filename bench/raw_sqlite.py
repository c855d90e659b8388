"""The limit: SQLite alone, in one process and without a network, reading and writing the same rows.

Reads are a transaction each, as JSON. Changes write the employee, its words, and the rows of
history and audit, and are durable 64 at a time: as many as the daemon's 64 connections could share
at best. Nothing is checked, chained or hashed.

python -m bench.raw_sqlite DATABASE get|update SECONDS EMPLOYEES
"""

from __future__ import annotations

import json
import os
import sys
import time
from contextlib import ExitStack, closing
from dataclasses import asdict
from pathlib import Path

import apsw
import msgspec

from bench.load import Result, result_of
from bench.people import somebody
from bench.processes import run
from bench.work import Site, Work
from records.model.fields import STANDARD
from records.store.sqlite.employees import columns_of

NAME = "SQLite"
GROUP = 64


def missing() -> str | None:
    """The product needs it itself."""
    return None


def works(stack: ExitStack, site: Site) -> list[Work]:
    """Each run is a process of its own, on a copy of the database."""
    copy = site.folder / "raw.sqlite"
    with closing(apsw.Connection(str(site.database))) as source:
        source.execute("VACUUM INTO ?", (str(copy),))

    def measure(what: str, seconds: float) -> Result:
        command: list[str | Path] = [
            sys.executable,
            "-m",
            "bench.raw_sqlite",
            copy,
            what,
            str(seconds),
        ]
        return Result(**json.loads(run([*command, str(site.employees)])))

    return [
        Work(NAME, "get", 0, lambda seconds: measure("get", seconds)),
        Work(NAME, "update", 0, lambda seconds: measure("update", seconds)),
    ]


def connect(path: Path) -> apsw.Connection:
    """With the settings that the daemon has."""
    connection = apsw.Connection(str(path))
    for setting in ("journal_mode = wal", "synchronous = full", "cache_size = -65536"):
        connection.execute(f"PRAGMA {setting}")
    return connection


def get(connection: apsw.Connection, seconds: float, employees: int) -> Result:
    """BEGIN, SELECT, COMMIT, and JSON, for one employee after another."""
    execute = connection.execute
    statement = f"SELECT {columns_of(STANDARD).names} FROM employees WHERE id = ?"
    names = columns_of(STANDARD).names.split(", ")
    latencies: list[float] = []
    now = time.perf_counter
    start = sent = now()
    while sent < start + seconds:
        execute("BEGIN")
        row = execute(statement, (somebody(0, len(latencies), employees),)).get
        execute("COMMIT")
        msgspec.json.encode(dict(zip(names, row, strict=True)))
        done = now()
        latencies.append(done - sent)
        sent = done
    return result_of(latencies, sent - start)


def update(connection: apsw.Connection, seconds: float) -> Result:
    """Changes of 64 employees in turn, one commit for each 64. The latency is that of a commit."""
    execute = connection.execute
    seq = execute("SELECT max(seq) FROM audit").get
    latencies = []
    now = time.perf_counter
    start = sent = now()
    while sent < start + seconds:
        execute("BEGIN IMMEDIATE")
        for employee in range(1, GROUP + 1):
            seq += 1
            revision, location = execute(
                "SELECT revision, location FROM employees WHERE id = ?", (employee,)
            ).get
            place = f"Room{seq}"
            execute(
                "UPDATE employees SET revision = ?, location = ? WHERE id = ?",
                (revision + 1, place, employee),
            )
            execute(
                "DELETE FROM employee_words WHERE word = ? AND employee_id = ?",
                (location.lower(), employee),
            )
            execute("INSERT INTO employee_words VALUES (?, ?)", (place.lower(), employee))
            execute(
                "INSERT INTO audit VALUES (?, ?, 'bench', '127.0.0.1', 'employee.update', ?, 'ok',"
                " 'location', ?, ?)",
                (seq, time.time_ns() // 1000, f"employee:{employee}", "0" * 64, os.urandom(32)),
            )
            execute(
                "INSERT INTO history VALUES (?, ?, 'bench', ?, ?, 'update', ?, ?, ?)",
                (
                    seq,
                    time.time_ns() // 1000,
                    employee,
                    revision + 1,
                    json.dumps({"location": location}),
                    json.dumps({"location": place}),
                    os.urandom(16),
                ),
            )
        execute("COMMIT")
        done = now()
        latencies += [done - sent] * GROUP
        sent = done
    return result_of(latencies, sent - start)


def main(path: str, what: str, seconds: str, employees: str) -> None:
    """Measure, and print the result as JSON."""
    with closing(connect(Path(path))) as connection:
        result = (
            get(connection, float(seconds), int(employees))
            if what == "get"
            else update(connection, float(seconds))
        )
    print(json.dumps(asdict(result)))


if __name__ == "__main__":
    main(*sys.argv[1:])
