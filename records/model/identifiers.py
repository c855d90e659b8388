"""Identifiers of many countries and of international bodies, by python-stdnum's names of them.

Owns which formats there are, and how a number is checked and brought into its compact form. Knows
nothing of fields.
"""

from __future__ import annotations

import re
from functools import lru_cache
from importlib import import_module
from typing import Protocol, cast

from stdnum.exceptions import InvalidFormat
from stdnum.exceptions import ValidationError as NumberError

from records.model.values import Invalid

MAX_LENGTH = 60
"""Characters of an identifier as it is typed, with blanks and hyphens; an IBAN has at most 42."""
_NAME = re.compile(r"[a-z][a-z0-9_]{0,20}(?:\.[a-z][a-z0-9_]{0,20})?", re.ASCII)

_NINO = re.compile(
    "(?!BG|GB|KN|NK|NT|TN|ZZ)[ABCEGHJKLMNOPRSTWXYZ][ABCEGHJKLMNPRSTWXYZ][0-9]{6}[ABCD]"
)


class _Nino:
    """NINO (National Insurance number, United Kingdom).

    python-stdnum has none. Source: HMRC's National Insurance Manual, NIM39110.
    """

    @staticmethod
    def validate(number: str) -> str:
        compact = number.replace(" ", "").upper()
        if not _NINO.fullmatch(compact):
            raise InvalidFormat
        return compact


class _Format(Protocol):
    __doc__: str | None

    def validate(self, number: str) -> str:
        """The compact form. Raises `NumberError`."""


_OURS: dict[str, _Format] = {"gb.nino": _Nino()}


@lru_cache(maxsize=256)
def _module(name: str) -> _Format | None:
    """What checks this format, mostly a module of python-stdnum; None if there is none."""
    if name in _OURS:
        return _OURS[name]
    if not _NAME.fullmatch(name):
        return None
    try:
        module = import_module(f"stdnum.{name}")
    except ModuleNotFoundError:
        return None
    return cast(_Format, module) if callable(getattr(module, "validate", None)) else None


def is_format(name: str) -> bool:
    """Whether there is a format of that name, such as `de.idnr` or `iban`."""
    return _module(name) is not None


def title(name: str) -> str:
    """What the format is, in words: the first sentence of python-stdnum's description."""
    first = (getattr(_module(name), "__doc__", None) or "").strip().partition("\n\n")[0]
    return " ".join(first.split()).rstrip(".")


def _short(name: str) -> str:
    """What the format is called by those who use it: IBAN, or IdNr."""
    return title(name).partition(" (")[0]


def check(raw: object, name: str) -> str:
    """A valid identifier in its compact form. Raises `Invalid`."""
    module = _module(name)
    if module is None:
        raise Invalid(f"cannot be checked: this installation has no format {name}.")
    if not isinstance(raw, str) or not raw.isascii() or len(raw) > MAX_LENGTH:
        raise Invalid(f"must be text, a valid {_short(name)}.")
    try:
        compact = str(module.validate(raw.strip()))
    except NumberError as reason:
        raise Invalid(f"must be a valid {_short(name)}: {_why(reason)}") from None
    return compact


def _why(reason: NumberError) -> str:
    """python-stdnum's sentence on what is wrong, which holds nothing of the number."""
    told = str(reason)
    return f"{told[:1].lower()}{told[1:]}".rstrip(".") + "."
