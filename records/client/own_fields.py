"""The company's own fields at the terminal: a table of them, and the questions that define one.

Used by the menu and by `records field`. The daemon checks every definition.
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeVar

import msgspec

from records.api.field_messages import (
    Definition,
    FieldAddParams,
    FieldParams,
    FieldUpdateParams,
)
from records.api.messages import FieldInfo
from records.client.dialogue import Dialogue
from records.client.login import call
from records.client.render import Style, error_text, safe_text, text_table
from records.model.errors import RecordsError, ValidationFailed
from records.model.fields import FieldClass, Kind
from records.model.own_fields import TYPES, is_name

T = TypeVar("T", FieldAddParams, FieldUpdateParams)

ALIASES = {"employee": "reference", "yes/no": "boolean", "e-mail": "email"}
"""Other words for types, as people say them."""

_CLASSES = {
    "directory": "everybody sees it",
    "personal": "HR and the employee see it",
    "pay": "masked; HR and the employee can reveal it",
    "identity": "masked; HR and the employee can reveal it",
}


def type_named(text: str) -> str:
    """The type that somebody means."""
    word = text.strip().lower()
    return ALIASES.get(word, word)


def label_of(name: str) -> str:
    """The label of a field that is given none: shirt_size is Shirt size."""
    return name.replace("_", " ").capitalize()


def own_fields_table(fields: Iterable[FieldInfo], style: Style) -> str:
    """The own fields, a line each."""
    rows = [[f.name, f.label, f.kind, f.field_class, f.rule, _traits(f)] for f in fields]
    if not rows:
        return "There are no fields of the company's own yet."
    return text_table(("Name", "Label", "Type", "Class", "Rule", ""), rows, style)


def _traits(field: FieldInfo) -> str:
    traits = {"required": field.required, "unique": field.unique, "retired": field.retired}
    return ", ".join(name for name, has in traits.items() if has)


async def define_fields(dialogue: Dialogue, typed: str) -> None:
    """The menu's command: show the own fields, and add, retire or take back some of them."""
    line = typed
    while True:
        if not line:
            told = await call(dialogue, dialogue.records.all_fields)
            own = [field for field in told.fields if field.own]
            dialogue.screen.show(own_fields_table(own, dialogue.style))
            prompt = "a NAME to add, r NAME to retire, u NAME to use again; Enter to go back: "
            line = (await dialogue.ask(prompt)).strip()
            if not line:
                return
        letter, _, name = line.partition(" ")
        line, name = "", name.strip()
        action = _ACTIONS.get(letter.lower())
        if action is None or not is_name(name):
            dialogue.screen.reject_answer("Answer with a letter and a name, such as a shirt_size.")
            continue
        try:
            await action(dialogue, name)
        except RecordsError as error:
            dialogue.screen.reject_answer(error_text(error))


async def _add(dialogue: Dialogue, name: str) -> None:
    label = await dialogue.ask(f"Label [{label_of(name)}]: ")
    kind = await _one_of(dialogue, "Type", list(TYPES), type_named)
    choices = number_format = None
    if kind == Kind.CHOICE.value:
        typed = await dialogue.ask("Its choices, with commas between: ")
        choices = [each.strip() for each in typed.split(",") if each.strip()]
    if kind == Kind.IDENTIFIER.value:
        number_format = await dialogue.ask("Format, such as iban, de.idnr, gb.nino or fr.nir: ")
    for each, meaning in _CLASSES.items():
        dialogue.screen.show(f"  {each}: {meaning}")
    field_class = await _one_of(dialogue, "Class", [each.value for each in FieldClass], str.lower)
    required = await dialogue.confirm("Must new employees have a value?")
    cannot_be_unique = kind in (Kind.BOOLEAN.value, Kind.CHOICE.value, Kind.MONEY.value)
    unique = not cannot_be_unique and await dialogue.confirm("Is each value for one person only?")
    told = {
        "name": name,
        "label": label.strip() or label_of(name),
        "type": kind,
        "class": field_class,
        "choices": choices,
        "required": required,
        "unique": unique,
        "format": (number_format or "").strip(),
        "key": dialogue.new_key(),
    }
    field = await _define(dialogue, _checked(told, FieldAddParams))
    dialogue.screen.show(safe_text(f"Added {field.label}. All employees have it now, blank."))


async def _retire(dialogue: Dialogue, name: str) -> None:
    question = f"Retire {name}? Nobody sees its values any more; they are kept."
    if await dialogue.confirm(question):
        field = await _define(dialogue, FieldParams(name=name, key=dialogue.new_key()))
        dialogue.screen.show(safe_text(f"Retired {field.label}."))


async def _use_again(dialogue: Dialogue, name: str) -> None:
    params = FieldUpdateParams(name=name, retired=False, key=dialogue.new_key())
    field = await _define(dialogue, params)
    dialogue.screen.show(safe_text(f"{field.label} is in use, with the values that it had."))


_ACTIONS = {"a": _add, "r": _retire, "u": _use_again}


async def _define(dialogue: Dialogue, params: Definition) -> FieldInfo:
    """Define it, and know of it from now on."""
    field = await call(dialogue, dialogue.records.define, params)
    await call(dialogue, dialogue.records.load_fields)
    return field


async def _one_of(
    dialogue: Dialogue, what: str, words: Sequence[str], read: Callable[[str], str]
) -> str:
    prompt = f"{what} ({', '.join(words)}): "
    while True:
        answer = read((await dialogue.ask(prompt, offers=words)).strip())
        if answer in words:
            return answer
        dialogue.screen.reject_answer(f"{what} is one of {', '.join(words)}.")


def definition(options: Namespace, key: str) -> Definition:
    """The params of what `records field add`, `update` or `retire` was told.

    Raises `ValidationFailed` if an update says nothing.
    """
    if options.command == "field retire":
        return FieldParams(name=options.name, key=key)
    told = {
        "label": options.label,
        "class": options.field_class,
        "rule": options.rule,
        "max_length": options.max_length,
        "choices": options.choices,
        "required": options.required,
        "unique": options.unique,
        "mask": options.mask,
    }
    given = {member: value for member, value in told.items() if value is not None}
    if options.command == "field add":
        given |= {"type": type_named(options.type), "format": options.format}
        given.setdefault("label", label_of(options.name))
        return _checked({"name": options.name, "key": key, **given}, FieldAddParams)
    if options.in_use:
        given["retired"] = False
    if not given:
        raise ValidationFailed("Say what to change, such as --label or --required.")
    return _checked({"name": options.name, "key": key, **given}, FieldUpdateParams)


def _checked(told: Mapping[str, object], form: type[T]) -> T:
    try:
        return msgspec.convert(told, form)
    except msgspec.ValidationError as reason:
        raise ValidationFailed(f"This field cannot be defined so: {reason}.") from None


def shown_field(field: FieldInfo) -> str:
    """One definition, a line for each member."""
    told = {
        "Name": field.name,
        "Label": field.label,
        "Type": f"{field.kind} {field.number_format}".strip(),
        "Class": field.field_class,
        "Rule": field.rule,
        "Choices": ", ".join(field.choices),
        "Mask": field.mask,
        "Traits": _traits(field),
    }
    width = max(map(len, told))
    return "\n".join(f"{name:{width}}  {safe_text(value)}" for name, value in told.items() if value)
