"""Which fields a user means: by number, name or label. Pure: text in, fields out.

Reads what stands after the letter of the command that changes an employee: `12 title`,
`12 title=Chief engineer`, `Ann Lee salary, title`. Knows nothing of values.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

import msgspec

from records.api.messages import FieldInfo
from records.model.values import Invalid

MIN_BEGINNING = 3
"""Characters of a name that are enough for the whole of it."""


MAX_DIGITS = 3
"""Digits of a field's number; a longer one is part of an employee number, as in `c JAW 0018`."""

_ONE_VALUE = "One field has one value: name one, then = and its value."


class ChangeRequest(msgspec.Struct, frozen=True):
    """What is to be changed.

    who: the text that means an employee. fields: those that were named; none for all. value: the
    typed value of the only field, or None to ask for it.
    """

    who: str
    fields: tuple[FieldInfo, ...] = ()
    value: str | None = None


def _plain(text: str) -> str:
    return " ".join(text.lower().replace("_", " ").replace("-", "").split())


def _names(field: FieldInfo) -> set[str]:
    """What a field may be called: its name, its label, and manager for manager_id."""
    name, label = _plain(field.name), _plain(field.label)
    return {name, label, name.removesuffix(" id"), label.removesuffix("'s id")}


def _named(text: str, fields: Sequence[FieldInfo]) -> FieldInfo | None:
    """The field of exactly this name."""
    return next((field for field in fields if _plain(text) in _names(field)), None)


def select(text: str, fields: Sequence[FieldInfo]) -> tuple[FieldInfo, ...]:
    """The fields of a list of numbers, names, labels, or beginnings of them, parted by commas.

    fields: those that may be named; a number counts them from 1. Raises
    `records.model.values.Invalid` with a sentence about the first part that names none.
    """
    found = []
    for part in text.replace(";", ",").split(","):
        if part.strip():
            found.append(_one(part.strip(), fields))
    if text.strip() and not found:
        raise Invalid(f"{text} names no field. Type its number or its name, as they are shown.")
    return tuple(dict.fromkeys(found))


def _one(text: str, fields: Sequence[FieldInfo]) -> FieldInfo:
    exact = _of_command(text, fields)
    if exact is not None:
        return exact
    plain = _plain(text)
    begun = [f for f in fields if any(name.startswith(plain) for name in _names(f))]
    if len(plain) >= MIN_BEGINNING and len(begun) == 1:
        return begun[0]
    if len(plain) >= MIN_BEGINNING and begun:
        labels = ", ".join(field.label for field in begun)
        raise Invalid(f"{text} could be {labels}. Type more of it.")
    raise Invalid(f"{text} is no field. Type its number or its name, as they are shown.")


def parse_fields(
    typed: str, fields: Sequence[FieldInfo]
) -> tuple[tuple[FieldInfo, ...], str | None]:
    """Fields, as for `select`, or one field and its value, as in `title=Chief engineer`.

    Raises `records.model.values.Invalid`.
    """
    left, equals, value = typed.partition("=")
    chosen = select(left, fields)
    if equals and len(chosen) != 1:
        raise Invalid(_ONE_VALUE)
    return chosen, (value.strip() or None) if equals else None


def parse_change(typed: str, fields: Sequence[FieldInfo]) -> ChangeRequest:
    """What stands after the letter: somebody, and perhaps a field, and perhaps its value.

    fields: all that there are. Words that name no field belong to the person's name. Raises
    `records.model.values.Invalid` if there is a value and no field.
    """
    left, equals, value = typed.partition("=")
    words = left.split()
    splits = [(" ".join(words[:at]), " ".join(words[at:])) for at in range(1, len(words))]
    several: tuple[FieldInfo, ...] = ()
    for who, rest in splits:
        if equals:
            with suppress(Invalid):
                several = select(rest, fields)
                if len(several) == 1:
                    return ChangeRequest(who, several, value.strip() or None)
                break
        else:
            found = [_of_command(part, fields) for part in rest.split(",")]
            if all(found):
                return ChangeRequest(who, tuple(field for field in found if field is not None))
    if len(several) > 1:
        raise Invalid(_ONE_VALUE)
    if equals:
        raise Invalid(
            f"{words[-1] if words else typed!r} is no field. Type one as in: c 12 title=Chief"
        )
    return ChangeRequest(typed.strip())


def _of_command(part: str, fields: Sequence[FieldInfo]) -> FieldInfo | None:
    """A field by its number or whole name. A beginning could be part of the person's name."""
    text = part.strip()
    if text.isdecimal() and text.isascii() and len(text) <= MAX_DIGITS:
        number = int(text)
        return fields[number - 1] if 1 <= number <= len(fields) else None
    return _named(text, fields)
