"""A form: asks for the fields of an employee one after another, and checks them as they are typed.

Owns the draft of an addition or a change. Values are checked by the rules that the daemon told. The
daemon's own errors come back and are asked for again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from enum import Enum

import msgspec

from records.api.messages import FieldInfo, describe_field
from records.client.dialogue import Dialogue
from records.client.fields import check_typed, echo, hint
from records.client.login import call
from records.client.people import choose_one, names_in
from records.client.render import Row, error_text, safe_text, value_text
from records.client.screen import Unreachable
from records.model.errors import NotFound, RecordsError
from records.model.fields import Field, FieldClass, Kind, Value
from records.model.values import Invalid

CLEAR = "-"
REST = "."

ID = describe_field(
    Field("id", "ID", Kind.REFERENCE, FieldClass.DIRECTORY, "a whole number", "id", unique=True)
)
"""The ID is asked for like a field when an employee is added."""


class Answer(Enum):
    """An answer that is not a value."""

    KEEP = "keep"
    KEEP_ALL = "keep all"


_SPECIAL: Mapping[str, Answer | None] = {"": Answer.KEEP, REST: Answer.KEEP_ALL, CLEAR: None}


class Form:
    """The draft.

    fields: those that the user may fill in. base: the values so far, from the daemon. masked: the
    masked ones of them.
    """

    def __init__(
        self, fields: Iterable[FieldInfo], base: Mapping[str, object], masked: Iterable[str] = ()
    ) -> None:
        self._fields = {field.name: field for field in fields}
        self._base = base
        self._masked = frozenset(masked)
        self._draft: dict[str, Value] = {}
        self._offers: dict[str, Sequence[str]] = {}

    @property
    def changes(self) -> dict[str, Value]:
        """The differences from the base, by field; None clears a field."""
        return {
            name: value
            for name, value in self._draft.items()
            if name in self._masked or msgspec.to_builtins(value) != self._base.get(name)
        }

    @property
    def rows(self) -> list[Row]:
        """The changes beside the values before."""
        changes = self.changes
        return [
            Row(field, self._base.get(name), msgspec.to_builtins(changes[name]))
            for name, field in self._fields.items()
            if name in changes
        ]

    def against(self, present: Mapping[str, object]) -> list[Row]:
        """The differences between the draft and the present version; the draft is on the left."""
        changes: dict[str, object] = msgspec.to_builtins(self.changes)
        own = {**self._base, **changes}
        return [
            Row(field, own.get(name), present.get(name))
            for name, field in self._fields.items()
            if own.get(name) != present.get(name)
        ]

    def rebase(self, present: Mapping[str, object], masked: Iterable[str]) -> None:
        """Apply the same changes to another base."""
        self._draft = self.changes
        self._base, self._masked = present, frozenset(masked)

    async def fill(
        self, dialogue: Dialogue, names: Iterable[str] | None = None, typed: str | None = None
    ) -> None:
        """Ask for each field, or for the named ones.

        typed: the answer to the first question, if it was given before.
        """
        wanted = self._fields if names is None else dict.fromkeys(names)
        for name in wanted:
            value, typed = await self._ask(dialogue, self._fields[name], typed), None
            if value is Answer.KEEP_ALL:
                return
            if not isinstance(value, Answer):
                self._draft[name] = value

    async def correct(self, dialogue: Dialogue, error: RecordsError) -> bool:
        """Ask again for the fields that the daemon refused; the rest stays.

        Returns whether anything is different now. Raises the error if it concerns none of them.
        """
        refused = {each.field for each in error.errors}
        names = [name for name in self._fields if name in refused]
        if not names:
            raise error
        dialogue.screen.reject_answer(error_text(error))
        before = dict(self._draft)
        await self.fill(dialogue, names)
        return self._draft != before

    async def _ask(self, dialogue: Dialogue, field: FieldInfo, typed: str | None) -> Value | Answer:
        present = msgspec.to_builtins(self._draft.get(field.name, self._base.get(field.name)))
        names = await names_in(dialogue, {field.name: present})
        now = "" if present is None else f" [{value_text(field, present, names)}]"
        rule = field.rule if field is ID else hint(field, dialogue.region)
        prompt = safe_text(f"{field.label} ({rule}){now}: ")
        recall: list[str] = []
        while True:
            line = typed
            if line is None:
                offers = await self._offered(dialogue, field)
                line = await dialogue.ask(prompt, recall=recall, offers=offers)
            typed = None
            special = _SPECIAL.get(line.strip(), line)
            if not isinstance(special, str):
                return special
            try:
                value = await self._read(dialogue, field, line)
            except Invalid as reason:
                dialogue.screen.reject_answer(safe_text(f"{field.label} {reason}"))
                recall = [line]
                continue
            told = echo(field, line, value)
            if told is not None:
                dialogue.screen.show(safe_text(f"  {field.label}: {told}"))
            return value

    async def _read(self, dialogue: Dialogue, field: FieldInfo, line: str) -> Value:
        if field.kind != Kind.REFERENCE.value or field is ID:
            return check_typed(field, line, dialogue.region, dialogue.today())
        try:
            shown = await choose_one(dialogue, line.strip())
        except NotFound as error:
            raise Invalid(f"must be an employee. {error.message}") from None
        value = msgspec.convert(shown.employee["id"], int)
        names = await names_in(dialogue, {field.name: value})
        dialogue.screen.show(safe_text(f"  {field.label}: {value_text(field, value, names)}"))
        return value

    async def _offered(self, dialogue: Dialogue, field: FieldInfo) -> Sequence[str]:
        """What Tab offers: the choices, or the texts in use. Nothing where nobody can press Tab."""
        if field.choices or dialogue.screen.page is None:
            return field.choices
        if field.kind != Kind.TEXT.value or field.field_class != FieldClass.DIRECTORY.value:
            return ()
        if field.name not in self._offers:
            self._offers[field.name] = ()
            with suppress(RecordsError, Unreachable):  # only a help
                values = await call(dialogue, dialogue.records.values, field.name)
                self._offers[field.name] = [safe_text(value) for value in values]
        return self._offers[field.name]
