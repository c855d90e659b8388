"""The history of an employee: changes, and how an earlier version is computed from them.

A change keeps only the fields that it touched, before and after, so history grows with changes and
not with the size of a record. Knows nothing of storage.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import Enum

import msgspec

from records.model.employee import Employee
from records.model.fields import Catalogue, Kind, Value
from records.model.values import Money


class ChangeKind(Enum):
    """The kind of a change."""

    ADD = "add"
    UPDATE = "update"
    DELETE = "delete"


class Change(msgspec.Struct, frozen=True):
    """One change of one employee.

    seq: its place among all writes, the same as that of its audit entry. revision: the one that it
    made. before and after: the touched fields only; a deletion has all set fields in `before`.
    """

    seq: int
    at: int
    actor: str
    employee_id: int
    revision: int
    kind: ChangeKind
    before: Mapping[str, Value]
    after: Mapping[str, Value]
    salt: bytes


def difference(
    before: Mapping[str, Value], after: Mapping[str, Value], names: Iterable[str]
) -> tuple[dict[str, Value], dict[str, Value]]:
    """The fields that differ, before and after.

    names: the fields to compare, in this order; no others differ.
    """
    old, new = {}, {}
    for name in names:
        if before[name] != after[name]:
            old[name], new[name] = before[name], after[name]
    return old, new


def earlier(
    catalogue: Catalogue, present: Employee | None, newest_first: Iterable[Change], revision: int
) -> Employee:
    """The employee as it was at `revision`, computed backwards, change by change.

    present: the record as it is now; None if it is deleted. newest_first: all its changes.
    """
    values: dict[str, Value] = dict(present.values if present else catalogue.blank)
    employee_id = present.id if present else 0
    for change in newest_first:
        employee_id = change.employee_id
        if change.revision <= revision:
            break
        values.update(catalogue.present(change.before))
    return Employee(employee_id, revision, values)


class HistoryReplay:
    """The sum of changes, followed in the order of seq.

    employees: the existing ones by ID. last_changes: the seq of the last change by ID, deleted
    employees included.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self.employees: dict[int, Employee] = {}
        self.last_changes: dict[int, int] = {}

    def follow(self, change: Change) -> None:
        """Add one more change."""
        employee_id = change.employee_id
        self.last_changes[employee_id] = change.seq
        before = self.employees.pop(employee_id, None)
        if change.kind is not ChangeKind.DELETE:
            old = before.values if before else self._catalogue.blank
            values = {**old, **self._catalogue.present(change.after)}
            self.employees[employee_id] = Employee(employee_id, change.revision, values)


_encode = msgspec.json.Encoder().encode


def dump(values: Mapping[str, Value]) -> str:
    """Field values as the text that is stored.

    The period of money is left out where it is a year, as in all history from before there were
    periods: digests are made of this text.
    """
    for name, value in values.items():
        if isinstance(value, Money) and value.per == "year":
            values = {**values, name: {"amount": value.amount, "currency": value.currency}}  # type: ignore[dict-item]
    return _encode(values).decode("utf-8")


def load(catalogue: Catalogue, text: str) -> dict[str, Value]:
    """The reverse of `dump`. Raises ValueError if the text was not made by it."""
    raw: dict[str, object] = msgspec.json.decode(text, type=dict[str, object])
    return {name: _loaded(catalogue, name, value) for name, value in raw.items()}


_TYPES: Mapping[Kind, object] = {
    Kind.MONEY: Money | None,
    Kind.NUMBER: int | float | None,
    Kind.BOOLEAN: bool | None,
}


def _loaded(catalogue: Catalogue, name: str, value: object) -> Value:
    field = catalogue.ever(name)
    if field is None:
        raise ValueError("there is no such field")
    loaded: Value = msgspec.convert(value, _TYPES.get(field.kind, str | int | None))
    return loaded
