"""Params and results of the methods that define a company's own fields."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from records.api.messages import FieldInfo, Key, Params

Word = Annotated[str, Meta(max_length=100)]
Text = Annotated[str, Meta(max_length=400)]
Choices = Annotated[list[Text], Meta(max_length=200)]


class FieldsParams(Params, frozen=True):
    """server.fields. retired: tell the retired ones as well."""

    retired: bool = False


class FieldAddParams(
    Params,
    frozen=True,
    rename={"kind": "type", "field_class": "class", "number_format": "format"},
):
    """field.add. kind: one of `records.model.own_fields.TYPES`. field_class: who may see it.

    rule: what a value looks like, for people; by the type if it is left out. mask: one of `MASKS`,
    for the classes that are masked. number_format: of an identifier, as python-stdnum names it.
    """

    name: Word
    label: Text
    kind: Word
    field_class: Word
    rule: Text = ""
    max_length: int | None = None
    choices: Choices | None = None
    required: bool = False
    unique: bool = False
    mask: Word | None = None
    number_format: Word = ""
    key: Key | None = None


class FieldUpdateParams(Params, frozen=True, rename={"field_class": "class"}):
    """field.update. What is left out stays as it is. retired: False takes it into use again."""

    name: Word
    label: Text | UnsetType = UNSET
    field_class: Word | UnsetType = UNSET
    rule: Text | UnsetType = UNSET
    max_length: int | UnsetType = UNSET
    choices: Choices | UnsetType = UNSET
    required: bool | UnsetType = UNSET
    unique: bool | UnsetType = UNSET
    mask: Word | UnsetType = UNSET
    retired: bool | UnsetType = UNSET
    key: Key | None = None


class FieldParams(Params, frozen=True):
    """field.retire"""

    name: Word
    key: Key | None = None


Definition = FieldAddParams | FieldUpdateParams | FieldParams
"""The params of the methods that define a field."""


class FieldStored(msgspec.Struct, frozen=True):
    """field.add, field.update and field.retire"""

    field: FieldInfo


DEFINING: dict[type[Params], str] = {
    FieldAddParams: "field.add",
    FieldUpdateParams: "field.update",
    FieldParams: "field.retire",
}
"""The method of each definition."""
