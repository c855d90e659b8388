"""Which field each column of a table holds: by its header, and by what it holds.

Owns the guess and its correction by the user. Reads no values.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from records.client.fields import Fields
from records.client.imports import headers
from records.client.imports.tables import Unclear, Unreadable, plain
from records.model.fields import Kind

SAMPLES = 200
"""Rows by which it is seen what a column holds."""

_AGAIN = re.compile(r" \([2-9]\)$")
_BY_NAME = "by its name"
_MONEY_PARTS = (headers.CURRENCY, headers.PER)
_PAY = ("salary", headers.YEARLY, headers.MONTHLY, headers.HOURLY)
_MANAGERS = (headers.MANAGER, headers.MANAGER_ID, headers.MANAGER_NUMBER, headers.MANAGER_EMAIL)


@dataclass(frozen=True)
class Column:
    """A column. field: the field that it makes, alone or with others; None if it is left out.

    meaning: the field, or one of the constants of `headers`. why: how that was decided.
    """

    header: str
    place: int
    field: str | None
    why: str
    meaning: str = ""


def is_known(header: str, fields: Fields, mapping: Mapping[str, str]) -> bool:
    """Whether a header is that of a column whose meaning is known."""
    return header.strip() in mapping or _by_name(header, fields) is not None


def _by_name(header: str, fields: Fields) -> str | None:
    """What a header means, by the names of fields and by the table."""
    name = _AGAIN.sub("", header.strip())
    if name.casefold() == "id":
        return "id"
    for each in fields:
        if name.casefold() == each.name or plain(name) == plain(each.label):
            return headers.MANAGER_ID if each.name == "manager_id" else each.name
    for money in (each for each in fields if each.kind == Kind.MONEY.value):
        if name.casefold() == f"{money.name}_currency":
            return headers.CURRENCY if not money.own else f"{money.name}/currency"
        if name.casefold() == f"{money.name}_per":
            return headers.PER if not money.own else f"{money.name}/per"
    found = headers.HEADERS.get(plain(name))
    if found is None and plain(name).startswith("employee "):
        found = headers.HEADERS.get(plain(name).removeprefix("employee "))
    return found


def guess(
    names: Sequence[str],
    samples: Mapping[int, Sequence[str]],
    fields: Fields,
    mapping: Mapping[str, str],
) -> tuple[Column, ...]:
    """What each column means. samples: values of each column, by its place.

    Raises `Unclear` if two columns would make the same field, and `Unreadable` if the mapping names
    what is not there.
    """
    unknown = [name for name in mapping if name not in names]
    if unknown:
        raise Unreadable(f"There is no column {unknown[0]}. There are: {', '.join(names)}.")
    meanings = [
        _meaning(name, samples.get(place, ()), fields, mapping) for place, name in enumerate(names)
    ]
    has_given = any(meaning == "given_name" for meaning, _ in meanings)
    found = []
    for place, name in enumerate(names):
        meaning, why = meanings[place]
        is_whole = meaning == "family_name" and not has_given and why == _BY_NAME
        if is_whole and plain(name) in ("name", "nom"):
            meaning = _whole_name(samples.get(place, ()))
        field = field_of(meaning) if meaning else None
        if field not in (None, "id") and fields.get(str(field)) is None:
            field, why = None, "the daemon has no such field"
        found.append(Column(name, place, field, why, meaning if field else ""))
    _check_once(found)
    _check_names(found)
    return tuple(found)


def _whole_name(values: Sequence[str]) -> str:
    named = [value for value in values if value]
    return headers.LAST_FIRST if named and all("," in each for each in named) else headers.FULL_NAME


def _meaning(
    name: str, values: Sequence[str], fields: Fields, mapping: Mapping[str, str]
) -> tuple[str, str]:
    if name in mapping:
        return _wanted(mapping[name], values, fields), "as you have said"
    found = _by_name(name, fields)
    if found is None:
        return "", "not known" if any(values) else "blank"
    held = _held(found, values)
    return held, _BY_NAME if held == found else "by its name and what it holds"


def _wanted(name: str, values: Sequence[str], fields: Fields) -> str:
    """The meaning that the user has said; "" to leave the column out."""
    if not name:
        return ""
    meaning = _by_name(name, fields)
    if meaning is None:
        raise Unreadable(f"There is no field {name}. Write the name of one, such as title.")
    if field_of(meaning) != "manager_id":
        return meaning
    texts = [value for value in values if value]
    are_ids = texts and all(text.isdecimal() for text in texts)
    return _manager(headers.MANAGER_ID if are_ids else headers.MANAGER, values)


def _held(meaning: str, values: Sequence[str]) -> str:
    """The meaning of a column by what it holds, where its name allows several."""
    if meaning in (headers.STATUS, "status", "employment_type"):
        return _status(meaning, values)
    if meaning in _MANAGERS:
        return _manager(meaning, values)
    return _whole_name(values) if meaning == headers.FULL_NAME else meaning


def _status(meaning: str, values: Sequence[str]) -> str:
    """Whether a column holds statuses or types of employment. Without values its name says it."""
    words = {plain(value) for value in values if value}
    statuses, types = len(words & set(headers.STATUSES)), len(words & set(headers.TYPES))
    if statuses == types:
        return "status" if meaning == headers.STATUS else meaning
    return "status" if statuses > types else "employment_type"


def _manager(meaning: str, values: Sequence[str]) -> str:
    if values and any(values) and all("@" in value for value in values if value):
        return headers.MANAGER_EMAIL
    return meaning


def field_of(meaning: str) -> str:
    """The field that a column with this meaning makes."""
    if meaning in headers.ADDRESS:
        return "home_address"
    if meaning in _MONEY_PARTS or meaning in _PAY:
        return "salary"
    if meaning in _MANAGERS:
        return "manager_id"
    if meaning in (headers.LAST_FIRST, headers.FULL_NAME):
        return "family_name"
    own, _, _ = meaning.partition("/")  # bonus/currency belongs to the company's field bonus
    return "status" if meaning == headers.STATUS else own


def _check_names(columns: Sequence[Column]) -> None:
    """Raise `Unclear` if a column has the whole name beside one that has a part of it."""
    wholes = [each for each in columns if each.meaning in (headers.LAST_FIRST, headers.FULL_NAME)]
    parts = [each for each in columns if each.meaning in ("given_name", "family_name")]
    for whole in wholes:
        others = [*(each for each in wholes if each is not whole), *parts]
        if others:
            names = " and ".join(each.header for each in others)
            raise Unclear(
                "mapping",
                f"The column {whole.header} holds names, and so does {names}.",
                [(f"{whole.header}=", f"take {names}, leave {whole.header} out")]
                + [
                    (f"{each.header}=", f"take {whole.header}, leave {each.header} out")
                    for each in others[:1]
                    if len(others) == 1
                ],
                f"--map '{whole.header}='",
            )


def _check_once(columns: Sequence[Column]) -> None:
    """Raise `Unclear` if two columns have the same meaning, or exclude each other."""
    seen: dict[str, Column] = {}
    for column in columns:
        if column.field is None:
            continue
        meaning = "salary" if column.meaning in _PAY else column.meaning
        meaning = "manager_id" if column.meaning in _MANAGERS else meaning
        other = seen.setdefault(meaning, column)
        if other is not column:
            raise Unclear(
                "mapping",
                f"The columns {other.header} and {column.header} both hold {column.field}.",
                [
                    (f"{column.header}=", f"take {other.header}, leave {column.header} out"),
                    (f"{other.header}=", f"take {column.header}, leave {other.header} out"),
                ],
                f"--map '{column.header}=' or --map '{other.header}='",
            )
