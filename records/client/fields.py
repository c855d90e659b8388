"""The fields that the daemon has, and how a value is checked as it is typed.

Forms, tables and checks are built from what `server.fields` answers and not from this program's own
catalogue, so that a client works with a newer daemon. The daemon checks everything again.
"""

from __future__ import annotations

from collections.abc import Iterator

from records.api.messages import FieldInfo, FieldsShown
from records.model.fields import Kind, Value, check_value


class Fields:
    """The fields of the daemon, in their order."""

    def __init__(self, told: FieldsShown) -> None:
        self._fields = {field.name: field for field in told.fields}

    def __iter__(self) -> Iterator[FieldInfo]:
        return iter(self._fields.values())

    def get(self, name: str) -> FieldInfo | None:
        """The field of that name, or None."""
        return self._fields.get(name)

    @property
    def classes(self) -> frozenset[str]:
        """The classes that the fields have."""
        return frozenset(field.field_class for field in self)


NO_FIELDS = Fields(FieldsShown((), ""))
"""Used until the daemon has told its fields."""


def check_typed(field: FieldInfo, typed: str) -> Value:
    """The canonical form of what was typed. Raises `records.model.values.Invalid`.

    Values of a type that this client does not know are left for the daemon to check.
    """
    try:
        kind = Kind(field.kind)
    except ValueError:
        return typed.strip()
    return check_value(kind, typed, field.max_length or len(typed), field.choices)
