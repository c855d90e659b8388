"""A company's own fields: what a definition may say, and the catalogue with them.

A definition is a `Field` whose `own` is true. Fields are never removed: a retired one keeps its
place in the history, and can be taken into use again. Knows nothing of storage, nor of who may
define fields.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import lru_cache

from records.model import identifiers
from records.model.errors import FieldError
from records.model.fields import LONG_KINDS, MASKED_CLASSES, Catalogue, Field, FieldClass, Kind
from records.model.values import Invalid, check_text, choice_key

MAX_FIELDS = 200
"""Own fields, retired ones included."""
MAX_NAME = 40
MAX_LABEL = 60
MAX_RULE = 100
MAX_CHOICES = 100
DEFAULT_LENGTH = 100
MAX_TEXT = 200
"""Characters that a text field may allow at most, and a choice may have."""
MASK_END = 4
"""Characters at the end that the mask `last4` leaves."""

TYPES = {
    "text": Kind.TEXT,
    "number": Kind.NUMBER,
    "date": Kind.DATE,
    "choice": Kind.CHOICE,
    "boolean": Kind.BOOLEAN,
    "email": Kind.EMAIL,
    "phone": Kind.PHONE,
    "money": Kind.MONEY,
    "reference": Kind.REFERENCE,
    "identifier": Kind.IDENTIFIER,
}
"""The types that an own field can have. `reference` is an Employee ID."""

MASKS = {"all": 0, "last4": MASK_END}
"""How a masked value is shown: as ***, or with its last characters."""

_RULES = {
    Kind.NUMBER: "a number, like 12 or 12.5",
    Kind.DATE: "a date, YYYY-MM-DD",
    Kind.BOOLEAN: "yes or no",
    Kind.EMAIL: "an e-mail address",
    Kind.PHONE: "with country code, like +1 212 736 5000",
    Kind.MONEY: "amount, currency and period, like 500.00 USD per month",
    Kind.REFERENCE: "an Employee ID",
}
_SEARCHED = frozenset({Kind.TEXT, Kind.CHOICE, Kind.EMAIL, Kind.IDENTIFIER})
_HAS_NO_END = frozenset({Kind.NUMBER, Kind.DATE, Kind.CHOICE, Kind.BOOLEAN, Kind.MONEY})
"""Types of which the last characters would tell too much, or nothing."""

_NAME = re.compile(r"[a-z](?:_?[a-z0-9])*", re.ASCII)
_TAKEN = frozenset({"id", "revision", "name", "masked", "manager", "own"})
"""Names with another meaning in requests, lists and files."""


def is_name(name: str) -> bool:
    """Whether an own field could have this name."""
    return len(name) <= MAX_NAME and _NAME.fullmatch(name) is not None


_MONEY_PARTS = ("_currency", "_per")
"""Columns that an amount has beside its own in files."""


def _clashes(catalogue: Catalogue, name: str, kind: Kind | None) -> bool:
    """Whether a name is that of a standard field, or of a column that an amount has in files."""
    if name in catalogue and not catalogue[name].own:
        return True
    if kind is Kind.MONEY and any(catalogue.ever(f"{name}{part}") for part in _MONEY_PARTS):
        return True
    for part in _MONEY_PARTS:
        amount = catalogue.ever(name.removesuffix(part)) if name.endswith(part) else None
        if amount is not None and amount.kind is Kind.MONEY:
            return True
    return False


def check_name(catalogue: Catalogue, name: str, kind: Kind | None) -> list[FieldError]:
    """What is wrong with the name of a new field, but for that an own field may have it already."""
    if not is_name(name):
        why = f"A name has small letters, digits and single _, at most {MAX_NAME}: shirt_size."
    elif name in _TAKEN or _clashes(catalogue, name, kind):
        why = f"{name} has a meaning already. Choose another name."
    else:
        return []
    return [FieldError("name", why)]


def check_definition(field: Field) -> tuple[Field, list[FieldError]]:
    """The definition in canonical form, and everything that is wrong with it.

    An empty rule becomes what the type says by itself.
    """
    errors: list[FieldError] = []
    kind = field.kind

    def text(member: str, raw: str, longest: int) -> str:
        try:
            return check_text(raw, longest)
        except Invalid as reason:
            errors.append(FieldError(member, f"{member.capitalize()} {reason}"))
            return ""

    label = text("label", field.label, MAX_LABEL)
    choices = tuple([text("choices", each, MAX_TEXT) for each in field.choices])
    if (kind is Kind.CHOICE) != bool(choices):
        why = "A choice needs its choices." if kind is Kind.CHOICE else "Only a choice has choices."
        errors.append(FieldError("choices", why))
    elif len(choices) > MAX_CHOICES:
        errors.append(FieldError("choices", f"There can be at most {MAX_CHOICES} choices."))
    elif len(set(map(choice_key, choices))) < len(choices):
        errors.append(FieldError("choices", "Two choices are the same but for case or blanks."))
    if (kind is Kind.IDENTIFIER) != bool(field.number_format):
        why = "An identifier needs a format, like iban or de.idnr."
        if kind is not Kind.IDENTIFIER:
            why = "Only an identifier has a format."
        errors.append(FieldError("format", why))
    elif field.number_format and not identifiers.is_format(field.number_format):
        why = f"There is no format {field.number_format[:40]}. It is named as in python-stdnum."
        errors.append(FieldError("format", why))
    if field.max_length != DEFAULT_LENGTH and kind not in LONG_KINDS:
        errors.append(FieldError("max_length", "Only a text has a length."))
    elif not 1 <= field.max_length <= MAX_TEXT:
        errors.append(FieldError("max_length", f"A length lies between 1 and {MAX_TEXT}."))
    if field.mask_end and field.field_class not in MASKED_CLASSES:
        errors.append(FieldError("mask", "Only fields of the classes pay and identity are masked."))
    elif field.mask_end and kind in _HAS_NO_END:
        errors.append(FieldError("mask", f"A {kind.value} is masked as a whole."))
    if field.unique and kind in (Kind.BOOLEAN, Kind.CHOICE, Kind.MONEY):
        errors.append(FieldError("unique", f"A {kind.value} cannot be unique."))
    canonical = replace(field, label=label, choices=choices)
    rule = text("rule", field.rule, MAX_RULE) if field.rule else _rule(canonical)
    return replace(canonical, rule=rule), errors


def _rule(field: Field) -> str:
    if field.kind is Kind.CHOICE:
        *most, last = field.choices or ("",)
        rule = f"{', '.join(most)} or {last}" if most else last
        return rule if len(rule) <= MAX_RULE else f"one of {len(field.choices)}"
    if field.kind is Kind.IDENTIFIER:
        return identifiers.title(field.number_format)[:MAX_RULE] or field.number_format
    if field.kind is Kind.TEXT:
        return f"up to {field.max_length} characters"
    return _RULES[field.kind]


def is_searched(field: Field) -> bool:
    """Whether `search` looks through an own field: those of class directory that hold words."""
    return field.field_class is FieldClass.DIRECTORY and field.kind in _SEARCHED


@lru_cache(maxsize=16)
def with_own(standard: Catalogue, own: Sequence[Field]) -> Catalogue:
    """The catalogue with a company's own fields, retired ones included. The same for the same."""
    if not own:
        return standard
    present = [field for field in own if not field.retired]
    searched = [field.name for field in present if is_searched(field)]
    return Catalogue(
        (*standard, *present),
        (*standard.searched, *searched),
        [field for field in own if field.retired],
    )


def changed(before: Field, after: Field) -> Iterable[str]:
    """The members of a definition that differ, as `field.update` names them."""
    return [
        member
        for attribute, member in _MEMBERS.items()
        if getattr(before, attribute) != getattr(after, attribute)
    ]


_MEMBERS = {
    "label": "label",
    "field_class": "class",
    "rule": "rule",
    "max_length": "max_length",
    "choices": "choices",
    "wanted": "required",
    "unique": "unique",
    "mask_end": "mask",
    "retired": "retired",
}
