"""What `records employee list` is told and shows. Pure."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence

from records.api.messages import FieldInfo
from records.client.exports.formats import CsvWriter
from records.model.errors import FieldError, ValidationFailed
from records.model.names import written_name

_OPERATORS = {">=": "ge", "<=": "le", "!=": "ne", ">": "gt", "<": "lt", "~": "co", "=": "eq"}
SIGNS = {operator: sign for sign, operator in _OPERATORS.items()}
"""How an operator of the protocol is typed."""
NAME = "name"
"""Not a field: the name as it is written, beside the fields that it is made of."""


def parse_condition(text: str) -> tuple[str, str, str]:
    """The field, the protocol's operator and the value of a condition as it is typed.

    Raises `ValidationFailed` if there is no operator.
    """
    places = {sign: text.find(sign) for sign in _OPERATORS if sign in text}
    if not places:
        raise wrong_condition(f"{text[:100]} has no operator, such as = or >=.")
    # The first operator in the text; of >= and > the longer one.
    sign = min(places, key=lambda each: (places[each], -len(each)))
    name, _, typed = text.partition(sign)
    return name.strip(), _OPERATORS[sign], typed.strip()


def wrong_condition(why: str) -> ValidationFailed:
    """The error of a condition that cannot be."""
    return ValidationFailed("The list parameters are invalid.", [FieldError("where", why)])


def only(employee: Mapping[str, object], names: Sequence[str]) -> dict[str, object]:
    """The ID and these fields of an employee; `name` is the whole name."""
    told = {"id": employee["id"]}
    return told | {
        name: written_name(employee) if name == NAME else employee.get(name) for name in names
    }


def as_csv(fields: Iterable[FieldInfo], employees: Iterable[Mapping[str, object]]) -> str:
    """The employees as `records export` writes them."""
    file = io.BytesIO()
    writer = CsvWriter(file, list(dict.fromkeys(fields)))
    for each in employees:
        writer.write(each)
    writer.finish()
    return file.getvalue().decode("utf-8")
