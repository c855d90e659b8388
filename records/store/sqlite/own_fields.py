"""The SQL of a company's own fields: their definitions, and how their values are stored.

An employee's values of own fields are one JSON object in a column, so that blank ones cost nothing
and a new field needs no change of the schema. Values of retired fields stay in it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Set
from typing import Any

import msgspec
from apsw import Connection

from records.model.fields import Catalogue, Field, Kind, Value
from records.model.history import dump
from records.model.own_fields import with_own
from records.model.values import Money

_ALL = "SELECT content FROM own_fields ORDER BY place"
_PUT = (
    "INSERT INTO own_fields (name, place, content) "
    "VALUES (:name, (SELECT coalesce(max(place), 0) + 1 FROM own_fields), :content) "
    "ON CONFLICT (name) DO UPDATE SET content = excluded.content"
)

_field = msgspec.json.Decoder(Field).decode
_encode = msgspec.json.Encoder().encode
_object = msgspec.json.Decoder(dict[str, Any]).decode


def own_fields_of(connection: Connection) -> tuple[Field, ...]:
    """All definitions, retired ones included, in their order."""
    return tuple([_field(row[0]) for row in connection.execute(_ALL)])


def catalogue_of(connection: Connection, standard: Catalogue) -> Catalogue:
    """The fields that the database has."""
    return with_own(standard, own_fields_of(connection))


class SqliteOwnFields:
    """`records.operations.boundaries.OwnFields` in an SQLite connection.

    changed: called when a definition has been changed.
    """

    def __init__(self, connection: Connection, changed: Callable[[str], object]) -> None:
        self._connection = connection
        self._execute = connection.execute
        self._changed = changed

    def version(self) -> int:
        """A number that differs when the definitions differ."""
        return int(self._execute("SELECT version FROM own_fields_version").get)

    def all(self) -> tuple[Field, ...]:
        return own_fields_of(self._connection)

    def put(self, field: Field) -> None:
        self._execute(_PUT, {"name": field.name, "content": _encode(field).decode("utf-8")})
        self._execute("UPDATE own_fields_version SET version = version + 1")
        self._changed(field.name)


class OwnValues:
    """How the values of a catalogue's own fields are stored in one column.

    keyed: the fields whose values are found by their key, unique ones and references.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        self.blank: Mapping[str, Value] = {field.name: None for field in catalogue.own}
        self._money = frozenset(f.name for f in catalogue.own if f.kind is Kind.MONEY)
        self.keyed = tuple([f for f in catalogue.own if f.unique or f.kind is Kind.REFERENCE])

    def is_keyed(self, name: str) -> bool:
        """Whether the values of an own field are found by their key."""
        return any(field.name == name for field in self.keyed)

    def load(self, text: object) -> Mapping[str, Value]:
        """The values of all own fields, from the text of the column."""
        if text is None:
            return self.blank
        found = _object(str(text))
        values = {name: found.get(name) for name in self.blank}
        for name in self._money:
            if values[name] is not None:
                values[name] = msgspec.convert(values[name], Money)
        return values

    def stored(self, values: Mapping[str, Value], present: object = None) -> str | None:
        """The text of the column for a record's values.

        present: the text so far, from which the values of retired fields are kept.
        """
        own = {name: values[name] for name in self.blank if values[name] is not None}
        text = dump(own) if own else None
        if present is None:
            return text
        kept = {
            name: value for name, value in _object(str(present)).items() if name not in self.blank
        }
        if not kept:
            return text
        return _encode({**kept, **(_object(text) if text else {})}).decode("utf-8")

    def keys(self, values: Mapping[str, Value]) -> Set[tuple[str, str]]:
        """The name and key of each value that is found by its key."""
        return {
            (field.name, field.key(values[field.name]))
            for field in self.keyed
            if values[field.name] is not None
        }
