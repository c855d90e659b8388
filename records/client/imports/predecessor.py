"""Reads the database of this program's small predecessor, an `employee.db` of SQLite.

Another program's file, read only. Knows nothing of headers, nor of this program's own database.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from itertools import islice
from pathlib import Path

from records.client.imports.tables import Cell, Decision, RawFile, Unreadable

SQLITE = b"SQLite format 3\0"
"""How a database of SQLite begins (https://www.sqlite.org/fileformat.html)."""

_EMPLOYEE = ("id", "fname", "lname", "ssn", "dob", "salary")


def read_predecessor(path: Path) -> RawFile:
    """The rows of an `employee.db`. Raises `Unreadable`."""
    columns = ", ".join(_EMPLOYEE)

    def rows() -> Iterator[tuple[int, Sequence[Cell]]]:
        yield 1, list(_EMPLOYEE)
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as database:
            found = database.execute(f"SELECT {columns} FROM employee ORDER BY id")  # noqa: S608  constants
            for line, row in enumerate(found, 2):
                yield line, ["" if each is None else str(each) for each in row]

    try:
        list(islice(rows(), 2))
    except sqlite3.Error:
        raise Unreadable(
            "This database has no table employee(id, fname, lname, ssn, dob, salary)."
        ) from None
    told = Decision("format", "employee.db", "The file is an employee.db of the predecessor.")
    return RawFile(rows, (told,), dates="mdy")
