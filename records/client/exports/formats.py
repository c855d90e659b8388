"""The formats of an export: CSV, XLSX and JSON lines. Each can be imported again without a change.

Owns how a value becomes a cell. Knows nothing of files or of the daemon.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from datetime import date
from typing import IO, Any, Protocol

import msgspec

from records.api.messages import FieldInfo
from records.model.fields import Kind

FORMATS = {"csv": ".csv", "xlsx": ".xlsx", "jsonl": ".jsonl"}
"""Each format, and how the names of its files end."""

_FORMULA = re.compile(r"[=+\-@\t\r]|'[=+\-@\t\r']")
_MAX_DIGITS = 15
"""Digits that a number of a spreadsheet holds exactly (IEEE 754, binary64)."""


def guarded(text: str) -> str:
    """The text, with an apostrophe before what a spreadsheet would run as a formula.

    `records.client.imports` takes one apostrophe away again. See
    https://owasp.org/www-community/attacks/CSV_Injection.
    """
    return f"'{text}" if _FORMULA.match(text) else text


def columns_of(fields: Sequence[FieldInfo]) -> list[str]:
    """The names of the columns: an amount has two more, for its currency and its period."""
    names = ["id"]
    for field in fields:
        names.append(field.name)
        if field.kind == Kind.MONEY.value:
            names += [f"{field.name}_currency", f"{field.name}_per"]
    return names


def _number(value: float) -> str:
    """The number, never with three digits after its point, which might divide thousands."""
    text = str(value)
    return f"{text}0" if len(text.partition(".")[2]) == len("000") else text


_BOOLEANS = {True: "yes", False: "no"}


def cells_of(fields: Sequence[FieldInfo], employee: Mapping[str, object]) -> list[str]:
    """The cells of an employee, in the order of `columns_of`. A blank value is ""."""
    cells = [str(employee["id"])]
    for field in fields:
        value = employee.get(field.name)
        if isinstance(value, float) and field.kind == Kind.NUMBER.value:
            cells.append(_number(value))
        elif field.kind != Kind.MONEY.value:
            cells.append(
                _BOOLEANS[value] if isinstance(value, bool) else "" if value is None else str(value)
            )
        elif isinstance(value, Mapping):
            cells += [str(value.get(part, "")) for part in ("amount", "currency", "per")]
        else:  # masked, or blank
            cells += ["" if value is None else str(value), "", ""]
    return cells


class Writer(Protocol):
    """Writes employees in a format, one by one."""

    def write(self, employee: Mapping[str, object]) -> None: ...

    def finish(self) -> None:
        """Write what is left."""


class CsvWriter:
    """CSV (RFC 4180) in UTF-8. excel: with a mark and semicolons, as Excel reads it in Europe."""

    def __init__(
        self, file: IO[bytes], fields: Sequence[FieldInfo], *, excel: bool = False
    ) -> None:
        self._fields = fields
        self._text = io.TextIOWrapper(file, "utf-8-sig" if excel else "utf-8", newline="")
        self._csv = csv.writer(self._text, delimiter=";" if excel else ",")
        self._csv.writerow(columns_of(fields))

    def write(self, employee: Mapping[str, object]) -> None:
        """See `Writer`."""
        self._csv.writerow([guarded(cell) for cell in cells_of(self._fields, employee)])

    def finish(self) -> None:
        """See `Writer`."""
        self._text.flush()
        self._text.detach()


class JsonLinesWriter:
    """One JSON object a line, with the values of the protocol."""

    def __init__(self, file: IO[bytes], fields: Sequence[FieldInfo]) -> None:
        self._file = file
        self._names = ("id", *(field.name for field in fields))

    def write(self, employee: Mapping[str, object]) -> None:
        """See `Writer`."""
        self._file.write(msgspec.json.encode({name: employee.get(name) for name in self._names}))
        self._file.write(b"\n")

    def finish(self) -> None:
        """See `Writer`."""


class NoWorkbooks(Exception):
    """XLSX needs a library that is not installed. The text says how to install it."""


class XlsxWriter:
    """A workbook with one sheet: texts as texts, dates as dates, amounts as numbers."""

    def __init__(self, file: IO[bytes], fields: Sequence[FieldInfo]) -> None:
        try:
            import openpyxl  # noqa: PLC0415  an extra, and slow to import
            from openpyxl.cell import WriteOnlyCell  # noqa: PLC0415
        except ImportError:
            raise NoWorkbooks(
                "To write XLSX, install the extra: pip install 'records-daemon[import]'. Or write "
                "a file whose name ends in .csv."
            ) from None
        self._file, self._fields, self._cell = file, fields, WriteOnlyCell
        self._book = openpyxl.Workbook(write_only=True)
        self._sheet = self._book.create_sheet("Employees")
        self._sheet.freeze_panes = "A2"
        names = columns_of(fields)
        self._kinds = {field.name: field.kind for field in fields}
        self._names = names
        self._sheet.append([self._text(name) for name in names])

    def _text(self, text: str) -> Any:
        cell = self._cell(self._sheet, value="")
        cell.value, cell.data_type = text, "s"  # also what begins with =
        return cell

    def write(self, employee: Mapping[str, object]) -> None:
        """See `Writer`."""
        cells = cells_of(self._fields, employee)
        self._sheet.append(
            [self._typed(name, cell) for name, cell in zip(self._names, cells, strict=True)]
        )

    def _typed(self, name: str, text: str) -> Any:
        kind = self._kinds.get(name)
        if not text:
            return None
        if name == "id" or (kind == Kind.REFERENCE.value and text.isdecimal()):
            return int(text)
        if kind == Kind.DATE.value:
            cell = self._cell(self._sheet, value=date.fromisoformat(text))
            cell.number_format = "yyyy-mm-dd"
            return cell
        digits = text.replace(".", "", 1)
        if kind == Kind.MONEY.value and digits.isdecimal() and len(digits) <= _MAX_DIGITS:
            cell = self._cell(self._sheet, value=float(text))
            cell.number_format = "0." + "0" * len(text.partition(".")[2]) if "." in text else "0"
            return cell
        if kind == Kind.NUMBER.value:
            return float(text) if "." in text or "e" in text else int(text)
        return self._text(guarded(text))

    def finish(self) -> None:
        """See `Writer`."""
        self._book.save(self._file)
