"""An import as text: what was understood of the file, and what the plan would do. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from records.api.import_messages import FieldChange, ImportPlanned, PlannedRow
from records.client.fields import Fields
from records.client.imports import headers
from records.client.imports.reading import Column, ImportFile
from records.client.imports.sending import Errors
from records.client.render import full_name, safe_text, value_text

MAX_LISTED = 50
"""Rows of each kind that are listed; the refused ones can be written to a file."""
PREVIEW = 3
"""New or changed rows that are shown as they were understood."""

_WORDS = {
    "add": ("new", "new"),
    "change": ("changed", "changed"),
    "same": ("the same", "the same"),
    "refuse": ("refused", "refused"),
    "warn": ("with a warning", "with warnings"),
}


def understood(name: str, file: ImportFile, fields: Fields) -> str:
    """What was understood of a file: its columns, and each decision about its values."""
    width = max([len(_shown(each.header)) for each in file.columns] or [0])
    lines = [f"{safe_text(name)}:"]
    lines += [f"  {safe_text(each.text)}" for each in file.decisions]
    lines.append("Columns:")
    for column in file.columns:
        why = f" ({column.why})" if column.why != "by its name" else ""
        label = _holds(column, fields)
        lines.append(f"  {_shown(column.header):{width}}  {safe_text(label + why)}")
    return "\n".join(lines)


def _holds(column: Column, fields: Fields) -> str:
    """What a column holds, for people."""
    if column.field is None:
        return "left out"
    if column.meaning in (headers.LAST_FIRST, headers.FULL_NAME):
        return "Family name and given name"
    if column.field == "id":
        return "Employee ID"
    info = fields.get(column.field)
    return info.label if info is not None else column.field


def _shown(header: str) -> str:
    return safe_text(header) or "(no name)"


def counts_text(counts: Mapping[str, int]) -> str:
    """The counts of a plan in one line."""
    told = [
        f"{count:,} {_WORDS[name][count != 1]}"
        for name, count in counts.items()
        if name in _WORDS and (count or name in ("add", "change", "refuse"))
    ]
    return f"Plan: {', '.join(told)}."


def plan_text(
    planned: ImportPlanned,
    fields: Fields,
    preview: Iterable[PlannedRow],
    refused: Sequence[PlannedRow],
    warned: Sequence[PlannedRow],
    errors: Errors,
) -> str:
    """A plan: some rows as they were understood, what is denied, refused and warned about."""
    lines = []
    for row in preview:
        lines += [f"Line {row.line}, {_who(row)}:", *_changes(row, fields)]
    for denied in planned.denied:
        field = fields.get(denied.field)
        label = field.label if field else denied.field
        lines.append(f"{safe_text(label)} stays as it is: {safe_text(denied.message)}")
    if warned:
        lines.append("Warnings:")
        for row in warned[:MAX_LISTED]:
            lines += [f"  line {row.line}: {safe_text(each.message)}" for each in row.warnings]
    if refused:
        lines.append("Refused:")
        for row in refused[:MAX_LISTED]:
            lines += [f"  line {row.line}: {safe_text(each.message)}" for each in errors.of(row)]
    left = planned.counts.get("refuse", 0) - MAX_LISTED
    if left > 0:
        lines.append(f"  and {left:,} more rows")
    lines.append(counts_text(planned.counts))
    return "\n".join(lines)


def _who(row: PlannedRow) -> str:
    if row.id is not None:
        return f"employee {row.id}"
    named = {name: change.after for name, change in row.fields.items()}
    return f"new: {safe_text(full_name(named))}"


def _changes(row: PlannedRow, fields: Fields) -> list[str]:
    labels = {name: _label(name, fields) for name in row.fields}
    width = max([len(label) for label in labels.values()] or [0])
    return [
        f"  {labels[name]:{width}}  {_change(name, change, fields, row.id is None)}"
        for name, change in row.fields.items()
    ]


def _label(name: str, fields: Fields) -> str:
    field = fields.get(name)
    return safe_text(field.label if field else name)


def _change(name: str, change: FieldChange, fields: Fields, is_new: bool) -> str:
    after = _value(name, change.after, fields)
    return after if is_new else f"{_value(name, change.before, fields)} -> {after}"


def _value(name: str, value: object, fields: Fields) -> str:
    field = fields.get(name)
    if isinstance(value, Mapping) and "line" in value:
        return safe_text(f"{value.get('name')} (line {value['line']})")
    if value is None or field is None:
        return "blank"
    return value_text(field, value)
