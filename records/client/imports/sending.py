"""An import from file to daemon: sends the rows, follows the plan, and writes the refused rows.

Owns how rows are packed into requests. Asks nothing and shows nothing (`wizard`, `commands`).
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from records.api.import_messages import ImportPlanned, PlannedRow
from records.api.messages import MAX_LINE
from records.client.imports.reading import ImportFile, ReadRow
from records.client.progress import Progress
from records.client.screen import Records
from records.model.errors import FieldError

MAX_ROWS = 500
"""Rows of one request."""
MAX_BYTES = MAX_LINE - 2048
"""Bytes of the rows of one request; the rest of its line is less."""
MAX_GAP = 200
"""Blank lines that are sent as such; after more of them another request begins."""

_UNREAD = {"unread": True}
"""Sent in place of a value that could not be read. No field takes an object of this form, so the
daemon refuses the row."""


class Unsent(Exception):
    """A row is too long to be sent. The text says which."""


class Errors:
    """What could not be read, by line and field: better sentences than the daemon's."""

    def __init__(self) -> None:
        self._by_line: dict[int, tuple[FieldError, ...]] = {}

    def note(self, row: ReadRow) -> None:
        """Remember what was wrong with a row."""
        if row.errors:
            self._by_line[row.line] = row.errors

    def of(self, row: PlannedRow) -> list[FieldError]:
        """What is wrong with a row of the plan, each field once, in the daemon's order."""
        read = self._by_line.get(row.line, ())
        by_field = {each.field: each for each in read}
        found = [by_field.pop(each.field, each) for each in row.errors]
        return found + (list(by_field.values()) if row.outcome == "refuse" else [])


def batches(
    rows: Iterator[ReadRow], errors: Errors
) -> Iterator[tuple[int, list[Mapping[str, object]]]]:
    """The rows as `import.rows` takes them: the first line, and consecutive rows. Raises `Unsent`.

    errors: is told of what could not be read.
    """
    first, packed, size = 0, list[Mapping[str, object]](), 0
    for row in rows:
        errors.note(row)
        sent = {**row.values, **dict.fromkeys((each.field for each in row.errors), _UNREAD)}
        length = len(msgspec.json.encode(sent)) + 1
        if length > MAX_BYTES:
            raise Unsent(f"Line {row.line} is too long: it has {length:,} bytes.")
        gap = row.line - (first + len(packed)) if packed else 0
        is_full = len(packed) + gap >= MAX_ROWS or size + length + 3 * gap > MAX_BYTES
        if packed and (is_full or not 0 <= gap <= MAX_GAP):
            yield first, packed
            packed, size, gap = [], 0, 0
        if not packed:
            first = row.line
        packed += [{}] * gap + [sent]
        size += length + 3 * gap
    if packed:
        yield first, packed


async def send(
    records: Records, import_id: int, file: ImportFile, errors: Errors, progress: Progress
) -> int:
    """Send all rows of a file. Returns how many there were. Raises `Unsent`."""
    received = 0
    for first, rows in batches(file.rows(), errors):
        received = await records.import_rows(import_id, first, rows)
        progress("Sending", received, file.count())
    return received


async def plan(records: Records, import_id: int, progress: Progress) -> ImportPlanned:
    """Let the daemon plan the import to its end. Returns the first page of the plan."""
    planned = await records.import_plan(import_id)
    while not planned.done:
        progress("Planning", planned.steps, planned.of)
        planned = await records.import_plan(import_id)
    return planned


async def planned_rows(
    records: Records, import_id: int, outcome: str | None, most: int | None
) -> list[PlannedRow]:
    """The rows of a plan, all or those of one outcome, at most so many."""
    found: list[PlannedRow] = []
    cursor: str | None = None
    while True:
        page = await records.import_plan(import_id, outcome=outcome, cursor=cursor)
        found += page.rows
        cursor = page.cursor
        if cursor is None or (most is not None and len(found) >= most):
            return found[:most]


def write_refused(
    path: Path, file: ImportFile, refused: Sequence[PlannedRow], errors: Errors
) -> None:
    """Write the refused rows in the layout of the file, with the reasons in a column of their own.

    The file is for its owner only, and must not exist. Raises OSError.
    """
    reasons = {row.line: " ".join(f"{each.message}" for each in errors.of(row)) for row in refused}
    text = io.StringIO()
    # With a mark, so that spreadsheets see that it is UTF-8.
    text.write("\ufeff")
    writer = csv.writer(text)
    writer.writerow([*file.headers, "Reason"])
    for row in file.rows():
        if row.line in reasons:
            writer.writerow([*row.cells, reasons[row.line]])
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as written:
        written.write(text.getvalue())
