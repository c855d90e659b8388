"""A table as it stands in a file, before anything is known of what its columns mean.

Owns the finding of the header, of blank rows, and of a total at the end. Knows no kind of file.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Absent:
    """What stands in a row of JSON lines for a field that its object does not name."""

    def __str__(self) -> str:
        return ""


ABSENT = Absent()

Cell = str | Absent | dict[str, object] | int | float | bool | None
"""A cell: text, but for JSON lines, which have values of the protocol."""

MAX_TITLE_ROWS = 30
"""Rows among which the header is sought."""
MAX_CELLS = 500
"""Columns of a table."""

_TOTALS = frozenset(
    {
        *("total", "totals", "grand total", "sum", "subtotal", "summe", "gesamt", "gesamtsumme"),
        *("insgesamt", "totaal", "total general", "somme", "suma", "totales", "totaux"),
    }
)

_ALSO_NAMES = frozenset({"sum", "suma"})


class Unreadable(Exception):
    """A file that cannot be read. The message says what to do."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class Unclear(Exception):
    """Something about a file has two readings, and must be decided; nothing is guessed.

    option: the member of `ReadOptions` that decides. choices: its possible values, each with text
    for people. command: what a script adds.
    """

    def __init__(
        self, option: str, question: str, choices: Sequence[tuple[str, str]], command: str
    ) -> None:
        super().__init__(question)
        self.option = option
        self.question = question
        self.choices = tuple(choices)
        self.command = command


@dataclass(frozen=True)
class Decision:
    """Something that was decided about a file. text: a sentence for people."""

    about: str
    value: str
    text: str


@dataclass(frozen=True)
class RawFile:
    """The rows of a file, with all that stands above the header.

    rows: begins anew at each call; each row is its line, from 1, and its cells. is_named: whether
    the first row has the names of fields, as in JSON lines. dates: the order of dates in all such
    files, if there is one.
    """

    rows: Callable[[], Iterator[tuple[int, Sequence[Cell]]]]
    decisions: tuple[Decision, ...] = ()
    is_named: bool = False
    dates: str | None = None


@dataclass(frozen=True)
class Table:
    """A table with its header. header_line: where that stands."""

    headers: tuple[str, ...]
    header_line: int
    raw: RawFile
    last_line: int
    count: int
    decisions: tuple[Decision, ...] = field(default=())

    def rows(self) -> Iterator[tuple[int, list[Cell]]]:
        """The rows below the header that are not blank, without a total at the end."""
        width = len(self.headers)
        for line, cells in self.raw.rows():
            if line <= self.header_line or line > self.last_line or is_blank(cells):
                continue
            yield line, [*cells, *[""] * (width - len(cells))]


def is_blank(cells: Sequence[Cell]) -> bool:
    """Whether no cell of a row holds anything."""
    return not any(cell not in (None, "") and str(cell).strip() for cell in cells)


def plain(text: object) -> str:
    """A header or a word as it is compared: without case, accents and signs."""
    spread = unicodedata.normalize("NFKD", str(text).replace("ß", "ss").casefold())
    kept = [each for each in spread if not unicodedata.combining(each)]
    return " ".join(
        "".join(each if each.isalnum() or each == "#" else " " for each in kept).split()
    )


def _told_apart(headers: Sequence[str]) -> list[str]:
    """The headers, of which the second one of a name ends with (2), so that each can be named."""
    found: list[str] = []
    for header in headers:
        times = sum(each == header for each in headers[: len(found)])
        found.append(f"{header} ({times + 1})" if header and times else header)
    return found


def _is_total(cells: Sequence[Cell]) -> bool:
    """Whether a row is a total. Sum and Suma are also names of people, who have more words."""
    texts = [str(cell) for cell in cells if cell not in (None, "") and str(cell).strip()]
    worded = sum(any(each.isalpha() for each in text) for text in texts[1:])
    first = plain(texts[0]) if texts else ""
    return first in _TOTALS and worded < (1 if first in _ALSO_NAMES else 2)


def find_table(raw: RawFile, is_known: Callable[[str], bool]) -> Table:
    """The table of a file. is_known: whether a header is one that names a field.

    Raises `Unreadable` if there is no header among the first rows.
    """
    best: tuple[int, int, Sequence[Cell]] | None = None
    for seen, (line, cells) in enumerate(raw.rows()):
        if seen >= MAX_TITLE_ROWS:
            break
        known = sum(is_known(str(cell)) for cell in cells if cell not in (None, ""))
        if raw.is_named:
            known = len(cells)
        if known and (best is None or known > best[0]):
            best = (known, line, cells)
        if raw.is_named:
            break
    if best is None:
        raise Unreadable(
            "This file has no header that is known. Put the names of the columns into its first "
            "row, such as Employee number, First name, Last name."
        )
    _, header_line, header = best
    headers = [" ".join(str(cell or "").split()) for cell in header]
    while headers and not headers[-1]:
        headers.pop()
    headers = _told_apart(headers)
    if len(headers) > MAX_CELLS:
        raise Unreadable(f"This file has more than {MAX_CELLS} columns. Remove what is not needed.")
    last, count, before, last_cells = header_line, 0, header_line, list[Cell]()
    for line, cells in raw.rows():
        if line > header_line and not is_blank(cells):
            before, last, count, last_cells = last, line, count + 1, list(cells)
    decisions = list(raw.decisions)
    if header_line > 1 and not raw.is_named:
        rows = "The row above it is" if header_line == 2 else "The rows above it are"  # noqa: PLR2004
        text = f"The header is in line {header_line}. {rows} left out."
        decisions.append(Decision("header", str(header_line), text))
    if count > 1 and _is_total(last_cells):
        text = f"Line {last} is a total, and is left out."
        decisions.append(Decision("total", str(last), text))
        last, count = before, count - 1
    return Table(tuple(headers), header_line, raw, last, count, tuple(decisions))
