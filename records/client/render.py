"""Employees, lists and errors as text. Pure: values in, text out.

Text from a record or from the daemon passes `safe_text` here before it can reach a terminal. Knows
nothing of where the text is shown.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from io import StringIO

import msgspec
from rich import box
from rich.cells import cell_len
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from records.api.messages import FieldInfo, FieldWarning
from records.client.fields import Fields
from records.client.typed import phone_in_words
from records.model.errors import RecordsError
from records.model.fields import Kind
from records.model.names import written_name
from records.model.values import Money

_JOINERS = "\u200c\u200d"  # part of how Persian and several Indian scripts are spelt
_HARMFUL = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
BLANK = "–"
NARROW = 60
"""Columns of a terminal below which a comparison is shown in lines, not in a table."""


class Style(msgspec.Struct, frozen=True):
    """The style of text. colour: False also keeps to ASCII lines, for files and pipes.

    plain: no lines around anything, for screen readers and logs.
    """

    width: int
    colour: bool
    plain: bool = False


def safe_text(text: str) -> str:
    """The text, with every character visible that could control a terminal or mislead a reader.

    Control characters (and so escape sequences), bidirectional overrides, other invisible
    characters, and what UTF-8 cannot encode come out as \\x1b or \\u202e.
    """
    return "".join(
        each
        if unicodedata.category(each) not in _HARMFUL or each in _JOINERS
        else each.encode("unicode_escape").decode("ascii")
        for each in text
    )


NO_NAMES: Mapping[int, str] = {}


def value_text(field: FieldInfo, value: object, names: Mapping[int, str] = NO_NAMES) -> str:
    """A field's value as it is shown. names: of employees, by ID."""
    if value is None or value == "":
        return BLANK
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int) and names.get(value) and field.kind == Kind.REFERENCE.value:
        return safe_text(f"{value} ({names[value]})")
    if isinstance(value, str) and field.kind == Kind.PHONE.value:
        value = phone_in_words(value)
    if isinstance(value, Mapping) and field.kind == Kind.MONEY.value:
        with suppress(msgspec.ValidationError):  # shown as it is
            value = msgspec.convert(value, Money)
    try:
        return safe_text(str(value))
    except ValueError:  # an amount that is no number
        return safe_text(repr(value))


def full_name(employee: Mapping[str, object]) -> str:
    """The full name as it is written."""
    return safe_text(written_name(employee)) or "(no name)"


def _written(content: RenderableType, style: Style) -> str:
    # markup, emoji and highlight off: text is shown as it is, whatever is in it
    console = Console(
        file=StringIO(),
        width=style.width,
        color_system="standard" if style.colour else None,
        force_terminal=style.colour,
        no_color=not style.colour,
        highlight=False,
        markup=False,
        emoji=False,
        legacy_windows=False,
    )
    with console.capture() as capture:
        console.print(content)
    return "\n".join(line.rstrip() for line in capture.get().splitlines())


def _table(columns: Sequence[str], style: Style, *, one_line: bool) -> Table:
    drawn = box.SIMPLE_HEAD if style.colour else box.ASCII2
    table = Table(box=None if style.plain else drawn, header_style="bold")
    for column in columns:
        table.add_column(
            Text(column), no_wrap=one_line, overflow="ellipsis" if one_line else "fold"
        )
    return table


def text_table(columns: Sequence[str], rows: Iterable[Sequence[str]], style: Style) -> str:
    """A table of plain texts, whose cells are folded as the width demands."""
    table = _table(columns, style, one_line=False)
    for row in rows:
        table.add_row(*(Text(safe_text(cell)) for cell in row))
    return _written(table, style)


_COLUMNS = ("employee_number", "title", "department", "location", "status", "email")
"""Columns of a list after ID and name, the most telling first."""
_WHOLE = frozenset({"employee_number"})
"""Those that identify an employee, and so are shown whole or not at all."""
_MIN_COLUMN = 10
"""Columns of the terminal for which a value is worth showing."""
_PADDING = 3
"""Columns that rich's tables take around each column of theirs, and one more at the end."""


def employee_list(
    fields: Fields,
    employees: Iterable[Mapping[str, object]],
    style: Style,
    wanted: Sequence[str] = _COLUMNS,
) -> str:
    """A table with a line for each employee, or some lines for each on a narrow terminal.

    wanted: the fields to show beside ID and name, the most telling first. ID and name are always
    whole. Other columns are left out or cut as the width demands.
    """
    listed = list(employees)
    ids = [safe_text(str(each.get("id"))) for each in listed]
    names = [full_name(each) for each in listed]
    columns = {"ID": ids, "Name": names}
    widths = {label: _widest(label, texts) for label, texts in columns.items()}
    left = style.width - 1 - sum(width + _PADDING for width in widths.values())
    if left < 0:
        return "\n".join(_few_lines(fields, each, style) for each in listed)
    least: dict[str, int] = {}
    for field in map(fields.get, wanted):
        if field is None or all(each.get(field.name) in (None, "") for each in listed):
            continue
        label = "Number" if field.name in _WHOLE else safe_text(field.label)
        texts = [value_text(field, each.get(field.name)) for each in listed]
        widest = _widest(label, texts)
        needed = widest if field.name in _WHOLE else min(widest, _MIN_COLUMN)
        if needed + _PADDING <= left:
            left -= needed + _PADDING
            columns[label], least[label], widths[label] = texts, needed, widest
    for label, needed in least.items():
        more = min(left, widths[label] - needed)
        widths[label], left = needed + more, left - more
    table = _table((), style, one_line=True)
    for label in columns:
        table.add_column(Text(label), no_wrap=True, overflow="ellipsis", width=widths[label])
    table.columns[0].justify = "right"
    for row in zip(*columns.values(), strict=True):
        table.add_row(*map(Text, row))
    return _written(table, style)


def _widest(label: str, texts: Iterable[str]) -> int:
    return max(map(cell_len, (label, *texts)))


def _few_lines(fields: Fields, employee: Mapping[str, object], style: Style) -> str:
    """One employee of a list on a terminal that is too narrow for a line."""
    lines = [f"{safe_text(str(employee.get('id')))}  {full_name(employee)}"]
    for field in map(fields.get, _COLUMNS):
        if field is not None and employee.get(field.name):
            lines.append(f"    {safe_text(field.label)}: {value_text(field, employee[field.name])}")
    return _written(Text("\n".join(lines), overflow="fold"), style)


def employee_view(
    fields: Fields,
    employee: Mapping[str, object],
    masked: Sequence[str],
    style: Style,
    title: str | None = None,
    *,
    names: Mapping[int, str] = NO_NAMES,
    numbered: Collection[str] = (),
) -> str:
    """One employee: a line for each field; masked ones are marked.

    title: instead of ID, name and revision. names: of other employees, by ID. numbered: the fields
    that have a number, by which the user can name them.
    """
    heading = title or (
        f"Employee {safe_text(str(employee.get('id')))}: {full_name(employee)}"
        f"  (revision {safe_text(str(employee.get('revision')))})"
    )
    grid = Table.grid(padding=(0, 2))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for number, field in enumerate(fields, 1):
        if field.name not in employee:
            continue
        value = Text(value_text(field, employee[field.name], names))
        if field.name in masked:
            value.append("  (masked)", style="dim")
        mark = f"{number:>4}" if field.name in numbered else "    " if numbered else ""
        grid.add_row(Text(f"{mark}  {safe_text(field.label)}", style="cyan"), value)
    return _written(Text(heading, style="bold"), style) + "\n" + _written(grid, style)


class Row(msgspec.Struct, frozen=True):
    """One field in two versions."""

    field: FieldInfo
    left: object
    right: object


def comparison(
    rows: Iterable[Row],
    headings: tuple[str, str],
    style: Style,
    names: Mapping[int, str] = NO_NAMES,
) -> str:
    """A table of fields in two versions. names: of employees, by ID."""
    listed = list(rows)
    if style.width < NARROW:
        return "\n".join(_in_lines(row, headings, style, names) for row in listed)
    table = _table(["Field", *headings], style, one_line=False)
    table.columns[0].no_wrap = True
    for row in listed:
        left = value_text(row.field, row.left, names)
        right = value_text(row.field, row.right, names)
        table.add_row(Text(safe_text(row.field.label)), Text(left), Text(right, style="bold"))
    return _written(table, style)


def _in_lines(row: Row, headings: tuple[str, str], style: Style, names: Mapping[int, str]) -> str:
    """A row of a comparison on a narrow terminal."""
    values = (row.left, row.right)
    lines = [safe_text(row.field.label)]
    for heading, value in zip(headings, values, strict=True):
        lines.append(f"  {heading}: {value_text(row.field, value, names)}")
    return _written(Text("\n".join(lines), overflow="fold"), style)


def error_text(error: RecordsError) -> str:
    """The sentence of an error, and a line for each wrong field that says more."""
    more = [each.message for each in error.errors if each.message not in error.message]
    return "\n".join([safe_text(error.message), *(f"  - {safe_text(each)}" for each in more)])


def warning_text(warnings: Iterable[FieldWarning]) -> str:
    """A line for each warning."""
    return "\n".join(f"! {safe_text(each.message)}" for each in warnings)


def styled(text: str, code: str, colour: bool) -> str:
    """Safe text in an ANSI style, such as "31" for red, where colours are wanted."""
    return f"\x1b[{code}m{text}\x1b[0m" if colour else text


def wrapped(text: str, width: int) -> str:
    """Plain text whose long lines are divided between words."""
    return "\n".join(
        _written(Text(line, overflow="fold"), Style(width, False))
        if cell_len(line) > width
        else line
        for line in text.split("\n")
    )


def columns(text: str) -> int:
    """The columns that the text takes on a terminal."""
    return cell_len(text)
