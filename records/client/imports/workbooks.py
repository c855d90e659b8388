"""Reads spreadsheets: XLSX by openpyxl, and ODS.

Cells come as text, the way the sheet means them: a date in ISO 8601's form, a number with the zeros
that its format shows. Knows nothing of headers.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import IO, Any
from xml.etree import ElementTree

from records.client.imports.tables import Cell, Decision, RawFile, Unclear, Unreadable, is_blank

LOCKED = b"\xd0\xcf\x11\xe0"
"""How files of Microsoft's old compound format begin: locked workbooks, and XLS."""
MAX_REPEATED = 10_000
"""Copies of a cell or row that a file may ask for at once; more are blank ones at the end."""

_ZEROS = re.compile(r"0+")
_SIGNS = ("€", "£", "$", "¥", "₹")
_SYMBOL = re.compile(r"\[\$([^\]-]*)(?:-[^\]]*)?\]")
"""A currency in a format, and a country: [$CHF-807]. Without a currency it is only the country."""
_EXACT = 3
_OFFICE = "{urn:oasis:names:tc:opendocument:xmlns:office:1.0}"
_TABLE = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}"
_TEXT = "{urn:oasis:names:tc:opendocument:xmlns:text:1.0}"


def read_xlsx(path: Path, sheet: str | None) -> RawFile:
    """The rows of a sheet. Raises `Unclear` or `Unreadable`."""
    _check_unlocked(path)
    try:
        import openpyxl  # noqa: PLC0415  an extra, and slow to import
    except ImportError:
        raise Unreadable(
            "To read XLSX, install the extra: pip install 'records-daemon[import]'. Or save the "
            "sheet as CSV in UTF-8."
        ) from None
    try:
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    except Exception:  # noqa: BLE001  openpyxl raises whatever a damaged file leads to
        raise Unreadable("This is not a workbook, or it is damaged.") from None
    names = [each.title for each in book.worksheets if _has_rows(each)]
    chosen = _chosen(names, sheet)

    def rows() -> Iterator[tuple[int, Sequence[Cell]]]:
        for line, cells in enumerate(book[chosen].iter_rows(), 1):
            yield line, [_xlsx_cell(each) for each in cells]

    return RawFile(rows, (Decision("sheet", chosen, f"The sheet is {chosen}."),))


def _check_unlocked(path: Path) -> None:
    with path.open("rb") as file:
        if file.read(4) == LOCKED:
            raise Unreadable(
                "This workbook is locked with a password, or it is an old XLS. Open it, take the "
                "password away, and save it as XLSX."
            )


def _has_rows(sheet: Any) -> bool:
    return any(not is_blank([cell.value for cell in row]) for row in sheet.iter_rows(max_row=100))


def _chosen(names: Sequence[str], sheet: str | None) -> str:
    """The sheet to read. Raises `Unclear` if there are several."""
    if not names:
        raise Unreadable("There are no rows in this workbook.")
    if sheet is not None:
        found = [name for name in names if name.casefold() == sheet.casefold()]
        if not found:
            raise Unreadable(f"There is no sheet {sheet}. There are: {', '.join(names)}.")
        return found[0]
    if len(names) > 1:
        raise Unclear(
            "sheet",
            f"This workbook has {len(names)} sheets: {', '.join(names)}.",
            [(name, name) for name in names],
            "--sheet NAME",
        )
    return names[0]


def _xlsx_cell(cell: Any) -> Cell:
    value = cell.value
    shown = _as_text(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        form = str(cell.number_format or "").split(";")[0]
        if _ZEROS.fullmatch(form):
            return shown.zfill(len(form))
        if form.replace("\\", "").replace("-", "").isdigit() and set(form) <= set("0-\\ "):
            return shown.zfill(form.count("0"))  # such as an SSN's 000-00-0000
        return _number(shown, _sign(form))
    return shown


def _sign(form: str) -> str:
    """The currency that a format shows, or ""."""
    named: list[str] = [each.strip() for each in _SYMBOL.findall(form) if each.strip()]
    if named:
        return named[0]
    plain = _SYMBOL.sub("", form)
    return next((each for each in _SIGNS if each in plain), "")


def _number(shown: str, sign: str) -> Cell:
    """A number, with its currency. One whose point could divide thousands is not given as text."""
    if len(shown.partition(".")[2]) != _EXACT:
        return f"{shown} {sign}".strip()
    return f"{shown}0 {sign}" if sign else float(shown)


def _as_text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.date().isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else repr(value)
    return str(value)


def read_ods(path: Path, sheet: str | None) -> RawFile:
    """The rows of a sheet. Raises `Unclear` or `Unreadable`."""
    _check_unlocked(path)
    try:
        with zipfile.ZipFile(path) as archive:
            if b"encryption-data" in archive.read("META-INF/manifest.xml"):
                raise Unreadable(
                    "This sheet is locked with a password. Open it, take the password away, and "
                    "save it again."
                )
        names = [name for name, has_rows in _ods_sheets(path) if has_rows]
    except (zipfile.BadZipFile, KeyError, ElementTree.ParseError, OSError):
        raise Unreadable("This is not an ODS file, or it is damaged.") from None
    chosen = _chosen(names, sheet)

    def rows() -> Iterator[tuple[int, Sequence[Cell]]]:
        line = 0
        for name, repeated, cells in _ods_rows(path):
            if name == chosen:
                for _ in range(min(repeated, MAX_REPEATED) if any(cells) else 1):
                    yield line + 1, cells
                    line += 1
                line += repeated - 1 if not any(cells) else 0

    return RawFile(rows, (Decision("sheet", chosen, f"The sheet is {chosen}."),))


def _ods_sheets(path: Path) -> list[tuple[str, bool]]:
    found: dict[str, bool] = {}
    for name, _, cells in _ods_rows(path):
        found[name] = found.get(name, False) or any(cells)
    return list(found.items())


def _ods_rows(path: Path) -> Iterator[tuple[str, int, list[Cell]]]:
    """Each row of all sheets: the sheet's name, how often the row stands there, and its cells."""
    with zipfile.ZipFile(path) as archive, archive.open("content.xml") as content:
        yield from _parsed(content)


def _parsed(content: IO[bytes]) -> Iterator[tuple[str, int, list[Cell]]]:
    name = ""
    for event, element in ElementTree.iterparse(content, events=("start", "end")):  # noqa: S314  a file of the user's own; expat bounds expansion
        if event == "start" and element.tag == f"{_TABLE}table":
            name = element.get(f"{_TABLE}name", "")
        elif event == "end" and element.tag == f"{_TABLE}table-row":
            cells: list[Cell] = []
            for cell in element:
                count = int(cell.get(f"{_TABLE}number-columns-repeated", "1"))
                cells += [_ods_cell(cell)] * min(count, MAX_REPEATED if len(cell) else 1)
                if not len(cell):
                    cells += [""] * min(count - 1, 500)
            while cells and not cells[-1]:
                cells.pop()
            yield name, int(element.get(f"{_TABLE}number-rows-repeated", "1")), cells
            element.clear()


def _ods_cell(cell: ElementTree.Element) -> Cell:
    if cell.get(f"{_OFFICE}value-type") == "date":
        return str(cell.get(f"{_OFFICE}date-value", ""))[:10]
    # Not those of a comment, which stand deeper.
    shown = "\n".join("".join(text.itertext()) for text in cell.findall(f"{_TEXT}p"))
    if cell.get(f"{_OFFICE}value-type") not in ("float", "currency"):
        return shown
    exact = cell.get(f"{_OFFICE}value", "")
    if not exact or (re.fullmatch(r"[0-9][0-9 -]*", shown) and _same(shown, exact)):
        return shown  # with its zeros
    currency = cell.get(f"{_OFFICE}currency", "")
    sign = currency or next((each for each in _SIGNS if each in shown), "")
    try:
        return _number(_as_text(float(exact)), sign)
    except ValueError:
        return shown


def _same(shown: str, exact: str) -> bool:
    """Whether what a cell shows is all of its number."""
    try:
        return float(re.sub("[ -]", "", shown)) == float(exact)
    except ValueError:
        return False
