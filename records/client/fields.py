"""The fields that the daemon has, and how a value is checked as it is typed.

Forms, tables and checks are built from what `server.fields` answers and not from this program's own
catalogue, so that a client works with a newer daemon. The daemon checks everything again.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from records.api.messages import FieldInfo, FieldsShown
from records.client.region import Region
from records.client.typed import (
    date_in_words,
    example_phone,
    phone_in_words,
    read_choice,
    read_date,
    read_money,
    read_number,
    read_phone,
    read_ssn,
)
from records.model.fields import Kind, Value, check_value
from records.model.identifiers import check as check_identifier
from records.model.identifiers import is_format
from records.model.values import check_boolean, check_money


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
    def all(self) -> tuple[FieldInfo, ...]:
        """All of them. Users name a field by its number among these, from 1."""
        return tuple(self._fields.values())

    @property
    def classes(self) -> frozenset[str]:
        """The classes that the fields have."""
        return frozenset(field.field_class for field in self)


NO_FIELDS = Fields(FieldsShown((), ""))
"""Used until the daemon has told its fields."""


_YES_OR_NO = {
    **dict.fromkeys(("y", "ja", "oui", "si", "sí"), "yes"),
    **dict.fromkeys(("n", "nein", "non", "nee"), "no"),
}


def check_typed(field: FieldInfo, typed: str, region: Region, today: date) -> Value:  # noqa: PLR0911
    """The canonical form of what was typed. Raises `records.model.values.Invalid`.

    region: whose forms of dates, amounts and phone numbers are read. Values of a type that this
    client does not know are left for the daemon to check.
    """
    try:
        kind = Kind(field.kind)
    except ValueError:
        return typed.strip()
    match kind:
        case Kind.DATE:
            return read_date(typed, region, today)
        case Kind.MONEY:
            return check_money(read_money(typed, region))
        case Kind.PHONE:
            return read_phone(typed, region)
        case Kind.SSN:
            return read_ssn(typed)
        case Kind.CHOICE:
            return read_choice(typed, field.choices)
        case Kind.NUMBER:
            return read_number(typed, region)
        case Kind.BOOLEAN:
            return check_boolean(_YES_OR_NO.get(typed.strip().lower(), typed))
        case Kind.IDENTIFIER if not is_format(field.number_format):
            return typed.strip()  # this client's python-stdnum is older than the daemon's
        case Kind.IDENTIFIER:
            return check_identifier(typed, field.number_format)
    return check_value(kind, typed, field.max_length or len(typed), field.choices)


def hint(field: FieldInfo, region: Region) -> str:
    """What a value looks like, as people of the region type it."""
    if field.kind == Kind.DATE.value:
        return "a date, like 4 March 1990"
    if field.kind == Kind.PHONE.value:
        return f"like {example_phone(region)}, or with country code"
    if field.kind == Kind.REFERENCE.value:
        return "an ID or a name"
    return field.rule


_ECHOED = frozenset(
    kind.value for kind in (Kind.MONEY, Kind.SSN, Kind.CHOICE, Kind.NUMBER, Kind.IDENTIFIER)
)


def echo(field: FieldInfo, typed: str, value: Value) -> str | None:
    """How a value was read, if that is not what was typed. A date is always told in words."""
    if value is None:
        return None
    if field.kind == Kind.DATE.value:
        return date_in_words(str(value))
    if field.kind == Kind.PHONE.value:
        text = phone_in_words(str(value))
    elif field.kind == Kind.BOOLEAN.value:
        text = "yes" if value else "no"
    elif field.kind in _ECHOED:
        text = str(value)
    else:
        return None
    return None if text == typed.strip() else text
