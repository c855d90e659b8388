"""Reads a file of employees: which columns it has, what was decided about them, and its rows.

The front of this package's readers. A value with two readings is never guessed: the file as a whole
decides, or `Unclear` asks. Sends nothing and asks nobody.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Protocol

from records.client.fields import Fields
from records.client.imports.columns import SAMPLES, Column, guess, is_known
from records.client.imports.dates import DateColumns
from records.client.imports.delimited import read_delimited
from records.client.imports.json_lines import read_json_lines
from records.client.imports.predecessor import SQLITE, read_predecessor
from records.client.imports.tables import (
    Decision,
    RawFile,
    Table,
    Unclear,
    Unreadable,
    find_table,
)
from records.client.imports.values import RowReader
from records.client.imports.workbooks import LOCKED, read_ods, read_xlsx
from records.client.region import Region
from records.model.errors import FieldError

__all__ = [
    "Column",
    "Decision",
    "ImportFile",
    "ReadOptions",
    "ReadRow",
    "Unclear",
    "Unreadable",
    "open_import",
]

FORMATS = ("csv", "xlsx", "ods", "jsonl", "employee.db")
_BY_SUFFIX = {
    ".csv": "csv",
    ".tsv": "csv",
    ".tab": "csv",
    ".txt": "csv",
    ".xlsx": "xlsx",
    ".xlsm": "xlsx",
    ".ods": "ods",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
}


@dataclass(frozen=True)
class ReadOptions:
    """What the user has decided about a file.

    mapping: the field of a column, by its header; "" leaves the column out. dates: dmy, mdy or ymd.
    decimal: the decimal mark of amounts. format: one of `FORMATS`.
    """

    mapping: Mapping[str, str] = field(default_factory=dict)
    encoding: str | None = None
    dates: str | None = None
    decimal: str | None = None
    sheet: str | None = None
    format: str | None = None


@dataclass(frozen=True)
class ReadRow:
    """A row as it was understood.

    line: as a spreadsheet counts rows, from 1. values: in the protocol's form, "" for a blank cell;
    a cell that holds a mask is left out. errors: fields that could not be read; they are in
    `values` as text. cells: the row as it stands in the file.
    """

    line: int
    values: dict[str, object]
    errors: tuple[FieldError, ...]
    cells: tuple[str, ...]


class ImportFile(Protocol):
    """A file that is understood. decisions: what was decided about it, each as a sentence."""

    @property
    def headers(self) -> tuple[str, ...]: ...

    @property
    def columns(self) -> tuple[Column, ...]: ...

    @property
    def decisions(self) -> tuple[Decision, ...]: ...

    def rows(self) -> Iterator[ReadRow]:
        """The rows, one by one; from the beginning at each call."""

    def count(self) -> int | None:
        """How many rows there are, if that is known."""


class _TableFile:
    """`ImportFile` of a table."""

    def __init__(self, table: Table, reader: RowReader) -> None:
        self._table, self._reader = table, reader
        self.headers = table.headers
        self.columns = reader.columns
        self.decisions = (*table.decisions, *reader.decisions)

    def rows(self) -> Iterator[ReadRow]:
        for line, cells in self._table.rows():
            values, errors = self._reader.read(cells)
            shown = tuple("" if cell is None else str(cell) for cell in cells)
            yield ReadRow(line, values, errors, shown)

    def count(self) -> int | None:
        return self._table.count


def open_import(
    path: Path, options: ReadOptions, fields: Fields, region: Region, today: date
) -> ImportFile:
    """A file as it is understood. Reads it twice, a row at a time.

    Raises `Unclear` where something must be decided first, and `Unreadable`.
    """

    def known(header: str) -> bool:
        return is_known(header, fields, options.mapping)

    raw = _raw(path, options, region, known)
    table = find_table(raw, known)
    samples: dict[int, list[str]] = {place: [] for place in range(len(table.headers))}
    for seen, (_, cells) in enumerate(table.rows()):
        if seen >= SAMPLES:
            break
        for place, values in samples.items():
            values.append("" if cells[place] is None else str(cells[place]))
    if not table.count:
        raise Unreadable("There are no rows below the header of this file.")
    columns = guess(table.headers, samples, fields, options.mapping)
    if not any(each.field for each in columns):
        raise Unreadable("No column of this file is known. Say with --map COLUMN=FIELD.")
    dates = DateColumns(options.dates)
    if options.dates is None and raw.dates is not None:
        dates = DateColumns(raw.dates, "as in all such files")
    reader = RowReader(columns, dates, options.decimal, fields, region, today)
    if not raw.is_named:
        for _, cells in table.rows():
            reader.note(cells)
    reader.decide(is_typed=not raw.is_named)
    return _TableFile(table, reader)


def _raw(path: Path, options: ReadOptions, region: Region, known: Callable[[str], bool]) -> RawFile:
    try:
        with path.open("rb") as file:
            head = file.read(16)
    except OSError as error:
        raise Unreadable(f"{path} cannot be read: {error.strerror}.") from None
    if not head:
        raise Unreadable(f"{path.name} is empty.")
    match options.format or _format(path, head):
        case "xlsx":
            return read_xlsx(path, options.sheet)
        case "ods":
            return read_ods(path, options.sheet)
        case "jsonl":
            return read_json_lines(path, options.encoding, region.code)
        case "employee.db":
            return read_predecessor(path)
        case "csv":
            return read_delimited(path, options.encoding, region.code, known)
    raise Unreadable(f"A format is one of {', '.join(FORMATS)}.")


def _format(path: Path, head: bytes) -> str:
    """The format of a file, by how it begins and then by its name."""
    suffix = path.suffix.lower()
    if head == SQLITE:
        return "employee.db"
    if head.startswith((b"PK\x03\x04", LOCKED)):
        return "ods" if suffix == ".ods" else "xlsx"
    return _BY_SUFFIX.get(suffix, "jsonl" if head.lstrip().startswith(b"{") else "csv")
