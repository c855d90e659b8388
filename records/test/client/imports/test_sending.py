"""How rows are packed into requests, and how refused ones are written to a file."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from records.api.import_messages import PlannedRow
from records.client.imports.reading import Column, Decision, ReadRow
from records.client.imports.sending import (
    MAX_BYTES,
    MAX_ROWS,
    Errors,
    Unsent,
    batches,
    write_refused,
)
from records.model.errors import FieldError


def row(line: int, *errors: FieldError, **values: object) -> ReadRow:
    """A row that was read."""
    return ReadRow(line, values, errors, tuple(str(each) for each in values.values()))


class FakeFile:
    """`records.client.imports.reading.ImportFile` of rows that the test has."""

    headers: tuple[str, ...] = ("Name", "Title")
    columns: tuple[Column, ...] = ()
    decisions: tuple[Decision, ...] = ()

    def __init__(self, rows: Sequence[ReadRow]) -> None:
        self._rows = rows

    def rows(self) -> Iterator[ReadRow]:
        return iter(self._rows)

    def count(self) -> int | None:
        return len(self._rows)


class BatchesTests(SynchronousTestCase):
    """Requests of many rows."""

    @given(st.lists(st.tuples(st.integers(1, 900), st.integers(0, 5000)), max_size=60))
    def test_all_sent(self, steps: Sequence[tuple[int, int]]) -> None:
        """Every row is sent once, in its line, and no request is too long."""
        rows, line = [], 1
        for step, length in steps:
            line += step
            rows.append(row(line, title="x" * length))
        found: dict[int, object] = {}
        for first, packed in batches(iter(rows), Errors()):
            self.assertLessEqual(len(packed), MAX_ROWS)
            self.assertLessEqual(len(msgspec.json.encode(packed)), MAX_BYTES + 2)
            self.assertTrue(packed[0])
            self.assertTrue(packed[-1])
            found |= {first + place: each for place, each in enumerate(packed) if each}
        self.assertEqual(found, {each.line: each.values for each in rows})

    def test_too_long(self) -> None:
        """A row that fits in no request is told by its line."""
        rows = iter([row(7, title="x" * MAX_BYTES)])
        error = self.assertRaises(Unsent, list, batches(rows, Errors()))
        self.assertIn("Line 7", str(error))

    def test_unread(self) -> None:
        """What could not be read is sent as something that no field takes, never as text."""
        errors = Errors()
        wrong = FieldError("title", "Title is odd.")
        ((_, packed),) = batches(iter([row(2, wrong, given_name="A", title="raw")]), errors)
        self.assertEqual(packed, [{"given_name": "A", "title": {"unread": True}}])

    def test_errors(self) -> None:
        """The client's own sentences come in place of the daemon's about the same field."""
        errors = Errors()
        errors.note(row(2, FieldError("title", "Own."), FieldError("name", "More.")))
        told = (FieldError("ssn", "Other."), FieldError("title", "Daemon's."))
        found = errors.of(PlannedRow(2, "refuse", errors=told))
        self.assertEqual([each.message for each in found], ["Other.", "Own.", "More."])
        found = errors.of(PlannedRow(3, "refuse", errors=told))
        self.assertEqual([each.message for each in found], ["Other.", "Daemon's."])


class RefusedTests(SynchronousTestCase):
    """The file of refused rows."""

    def test_written(self) -> None:
        """It has the layout of the file and the reasons, and is for its owner only."""
        path = Path(self.mktemp())
        rows = [row(2, name="A", title="x"), row(3, name='B "q"', title="ä;,\n")]
        planned = [
            PlannedRow(3, "refuse", errors=(FieldError("a", "One."), FieldError("b", "Two.")))
        ]
        write_refused(path, FakeFile(rows), planned, Errors())
        self.assertEqual(path.stat().st_mode & 0o777, 0o600)
        with path.open(encoding="utf-8-sig", newline="") as file:
            found = list(csv.reader(file))
        self.assertEqual(found, [["Name", "Title", "Reason"], ['B "q"', "ä;,\n", "One. Two."]])
        self.assertRaises(FileExistsError, write_refused, path, FakeFile(rows), planned, Errors())
