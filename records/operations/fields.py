"""The fields that employees have, and the definitions of a company's own.

The gate comes first, as in every operation: only who may define fields changes them. What fields
there are is no secret; it is nobody's data.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

from msgspec import UNSET, UnsetType

from records.api.field_messages import (
    FieldAddParams,
    FieldParams,
    FieldsParams,
    FieldStored,
    FieldUpdateParams,
)
from records.api.messages import MAX_VALUES, FieldsShown, describe, describe_field
from records.model.access import Action, User, require_administration
from records.model.errors import AlreadyExists, FieldError, NotFound, ValidationFailed
from records.model.fields import Field, FieldClass, Kind
from records.model.own_fields import (
    DEFAULT_LENGTH,
    MASKS,
    MAX_FIELDS,
    TYPES,
    changed,
    check_definition,
    check_name,
)
from records.operations.boundaries import Transaction
from records.operations.journal import note

T = TypeVar("T")


def list_fields(tx: Transaction, user: User, params: FieldsParams) -> FieldsShown:
    """The catalogue. Every user may see which fields there are; it holds nobody's data."""
    return describe(tx.catalogue, retired=params.retired)


def add_field(tx: Transaction, user: User, params: FieldAddParams) -> FieldStored:
    """Define a new field. All employees have it from now on, and it is blank."""
    require_administration(user, Action.DEFINE_FIELDS)
    kind = TYPES.get(params.kind)
    errors = check_name(tx.catalogue, params.name, kind)
    if kind is None:
        errors.append(FieldError("type", f"A type is one of {', '.join(TYPES)}."))
    field_class = _class(params.field_class, errors)
    mask_end = _mask_end(params.mask or "all", errors)
    field, wrong = check_definition(
        Field(
            name=params.name,
            label=params.label,
            kind=kind or Kind.TEXT,
            field_class=field_class,
            rule=params.rule,
            standard="",
            max_length=DEFAULT_LENGTH if params.max_length is None else params.max_length,
            choices=tuple(params.choices or ()),
            unique=params.unique,
            own=True,
            number_format=params.number_format,
            wanted=params.required,
            mask_end=mask_end,
        )
    )
    _refuse(errors + (wrong if kind else []))
    own = tx.own_fields.all()
    if any(each.name == params.name for each in own):
        why = f"There is a field {params.name} already, perhaps a retired one."
        raise AlreadyExists(why, [FieldError("name", why)])
    if len(own) >= MAX_FIELDS:
        raise ValidationFailed(f"There are {MAX_FIELDS} own fields already, and can be no more.")
    _check_label(tx, field)
    tx.own_fields.put(field)
    note(tx, user, "field.add", f"field:{field.name}")
    return FieldStored(describe_field(field))


def update_field(tx: Transaction, user: User, params: FieldUpdateParams) -> FieldStored:
    """Change a definition. A name and a type stay, because the history is made of them."""
    require_administration(user, Action.DEFINE_FIELDS)
    before = _named(tx, params.name)
    errors: list[FieldError] = []
    is_masked_now = params.mask is not UNSET
    field, wrong = check_definition(
        replace(
            before,
            label=_or(params.label, before.label),
            field_class=(
                before.field_class
                if params.field_class is UNSET
                else _class(str(params.field_class), errors)
            ),
            rule=_rule(params, before),
            max_length=_or(params.max_length, before.max_length),
            choices=tuple(_or(params.choices, list(before.choices))),
            wanted=_or(params.required, before.wanted),
            unique=_or(params.unique, before.unique),
            mask_end=_mask_end(str(params.mask), errors) if is_masked_now else before.mask_end,
            retired=_or(params.retired, before.retired),
        )
    )
    _refuse(errors + wrong)
    _check_label(tx, field)
    _check_choices(tx, before, field)
    return _put(tx, user, before, field, "field.update")


def retire_field(tx: Transaction, user: User, params: FieldParams) -> FieldStored:
    """Take a field out of use. Its values and its history are kept, and nobody sees them."""
    require_administration(user, Action.DEFINE_FIELDS)
    before = _named(tx, params.name)
    return _put(tx, user, before, replace(before, retired=True), "field.retire")


def _put(tx: Transaction, user: User, before: Field, field: Field, action: str) -> FieldStored:
    members = list(changed(before, field))
    if members:
        tx.own_fields.put(field)
        if field.unique and not field.retired:
            _check_shared(tx, field)
        note(tx, user, action, f"field:{field.name}", fields=members)
    return FieldStored(describe_field(field))


def _named(tx: Transaction, name: str) -> Field:
    for field in tx.own_fields.all():
        if field.name == name:
            return field
    if name in tx.catalogue:
        why = f"{tx.catalogue[name].label} is a field of every installation, and stays as it is."
        raise ValidationFailed(why, [FieldError("name", why)])
    raise NotFound(f"There is no own field {name[:100]}.")


def _or(given: T | UnsetType, otherwise: T) -> T:
    return otherwise if isinstance(given, UnsetType) else given


def _rule(params: FieldUpdateParams, before: Field) -> str:
    """The rule; made anew from what it says by itself, if that has changed and it was."""
    if isinstance(params.rule, str):
        return params.rule
    was_made = check_definition(replace(before, rule=""))[0].rule == before.rule
    return "" if was_made else before.rule


def _class(name: str, errors: list[FieldError]) -> FieldClass:
    try:
        return FieldClass(name)
    except ValueError:
        classes = ", ".join(each.value for each in FieldClass)
        errors.append(FieldError("class", f"A class is one of {classes}."))
        return FieldClass.DIRECTORY


def _mask_end(name: str, errors: list[FieldError]) -> int:
    if name not in MASKS:
        errors.append(FieldError("mask", f"A mask is one of {', '.join(MASKS)}."))
    return MASKS.get(name, 0)


def _refuse(errors: list[FieldError]) -> None:
    if errors:
        raise ValidationFailed("This field cannot be defined so.", errors)


def _check_label(tx: Transaction, field: Field) -> None:
    """People tell fields apart by their labels."""
    for other in tx.catalogue:
        same = other.label.casefold() == field.label.casefold()
        if same and other.name != field.name and not field.retired:
            why = f"{other.name} has the label {other.label} already. Choose another one."
            raise AlreadyExists(why, [FieldError("label", why)])


def _check_choices(tx: Transaction, before: Field, field: Field) -> None:
    """A choice that employees have stays."""
    if before.choices == field.choices or before.retired:
        return
    gone = set(before.choices) - set(field.choices)
    used = [each for each in tx.employees.values_of(before.name, MAX_VALUES) if each in gone]
    if used:
        why = f"Employees have {used[0]!r}. Give them another choice first."
        raise ValidationFailed(why, [FieldError("choices", why)])


def _check_shared(tx: Transaction, field: Field) -> None:
    shared = tx.employees.shared(field.name)
    if shared is not None:
        why = f"Employees {shared[0]} and {shared[1]} have the same value."
        raise ValidationFailed(
            f"{field.label} cannot be unique. {why}", [FieldError("unique", why)]
        )
