"""A form: asks for the fields of an employee one after another, and checks them as they are typed.

Owns the draft of an addition or a change. Values are checked by the rules that the daemon told. The
daemon's own errors come back and are asked for again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import Enum

import msgspec

from records.api.messages import FieldInfo, describe_field
from records.client.dialogue import Dialogue
from records.client.fields import check_typed
from records.client.render import Row, error_text, safe_text, value_text
from records.model.errors import RecordsError
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

    async def fill(self, dialogue: Dialogue, names: Iterable[str] | None = None) -> None:
        """Ask for each field, or for the named ones."""
        wanted = self._fields if names is None else dict.fromkeys(names)
        for name in wanted:
            field = self._fields[name]
            value = await self._ask(dialogue, field)
            if value is Answer.KEEP_ALL:
                return
            if not isinstance(value, Answer):
                self._draft[name] = value

    async def correct(self, dialogue: Dialogue, error: RecordsError) -> None:
        """Ask again for the fields that the daemon refused; the rest stays.

        Raises the error if it concerns none of them.
        """
        refused = {each.field for each in error.errors}
        names = [name for name in self._fields if name in refused]
        if not names:
            raise error
        dialogue.screen.reject_answer(error_text(error))
        await self.fill(dialogue, names)

    async def _ask(self, dialogue: Dialogue, field: FieldInfo) -> Value | Answer:
        present = self._draft.get(field.name, self._base.get(field.name))
        shown = value_text(field, msgspec.to_builtins(present))
        now = "" if present is None else f" [{shown}]"
        recall: list[str] = []
        while True:
            line = await dialogue.ask(
                safe_text(f"{field.label} ({field.rule}){now}: "), recall=recall
            )
            special = _SPECIAL.get(line.strip(), line)
            if not isinstance(special, str):
                return special
            try:
                return check_typed(field, line)
            except Invalid as reason:
                dialogue.screen.reject_answer(safe_text(f"{field.label} {reason}"))
                recall = [line]
