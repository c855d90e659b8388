"""The menu of a user. Pure: permissions in, choices out.

The daemon decides; the menu only leaves out what it would refuse.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import Enum

import msgspec

from records.api.messages import FieldInfo, Permission, Resumed
from records.client.fields import NO_FIELDS, Fields
from records.model.access import Action, Scope
from records.model.fields import FieldClass


class Command(Enum):
    """A command; the value is its letter."""

    FIND = "f"
    SHOW = "s"
    ADD = "a"
    CHANGE = "c"
    DELETE = "d"
    IMPORT = "i"
    EXPORT = "x"
    OWN_FIELDS = "o"
    PASSWORD = "p"  # noqa: S105  a letter of the menu
    LOG_OUT = "l"
    QUIT = "q"


LABELS = {
    Command.FIND: "Find employees",
    Command.SHOW: "Show an employee",
    Command.ADD: "Add an employee",
    Command.CHANGE: "Change an employee",
    Command.DELETE: "Delete an employee",
    Command.IMPORT: "Import employees from a file",
    Command.EXPORT: "Export employees to a file",
    Command.OWN_FIELDS: "Own fields: add or retire fields of the company's",
    Command.PASSWORD: "Change your password",
    Command.LOG_OUT: "Log out",
    Command.QUIT: "Quit",
}


class Rights:
    """What the user may do, from the permissions and the fields that the daemon told."""

    def __init__(
        self, permissions: Iterable[Permission], own_id: int | None, fields: Fields = NO_FIELDS
    ) -> None:
        self.own_id = own_id
        self._fields = fields
        self._granted = frozenset(
            (each.action, each.field_class, each.scope) for each in permissions
        )

    @classmethod
    def of(cls, session: Resumed, fields: Fields) -> Rights:
        """The rights of the session's user."""
        return cls(session.permissions, session.user.employee_id, fields)

    def may(self, action: Action, field_class: str, subject: int | None = None) -> bool:
        """Whether the action is allowed on all records, or on the subject's."""
        wanted = (action.value, field_class)
        if (*wanted, Scope.ALL.value) in self._granted:
            return True
        own = subject is not None and subject == self.own_id
        return own and (*wanted, Scope.SELF.value) in self._granted

    def may_somewhere(self, action: Action, field_class: str) -> bool:
        """Whether the action is allowed on all records, or at least on the user's own."""
        return self.may(action, field_class, self.own_id)

    def may_on_record(self, action: Action) -> bool:
        """Whether the action is allowed on fields of every class, of some record."""
        classes = self._fields.classes
        return bool(classes) and all(self.may_somewhere(action, each) for each in classes)

    def may_define_fields(self) -> bool:
        """Whether the user may change what fields there are."""
        return (Action.DEFINE_FIELDS.value, None, Scope.ALL.value) in self._granted

    def fields(self, action: Action, subject: int | None = None) -> tuple[FieldInfo, ...]:
        """The fields on which the action is allowed, in their order."""
        return tuple(f for f in self._fields if self.may(action, f.field_class, subject))


class Choice(msgspec.Struct, frozen=True):
    """One line of the menu."""

    number: int
    command: Command

    @property
    def label(self) -> str:
        """The label of the command."""
        return LABELS[self.command]


def choices(rights: Rights) -> tuple[Choice, ...]:
    """The menu for this user."""
    # The same conditions as in the daemon: every method needs the directory class, and deletion
    # every class.
    directory = FieldClass.DIRECTORY.value
    offered = {
        Command.FIND: rights.may(Action.READ, directory),
        Command.SHOW: rights.may_somewhere(Action.READ, directory),
        Command.ADD: rights.may(Action.ADD, directory),
        Command.CHANGE: rights.may_somewhere(Action.UPDATE, directory),
        Command.DELETE: rights.may_on_record(Action.DELETE),
        Command.IMPORT: rights.may(Action.ADD, directory) or rights.may(Action.UPDATE, directory),
        Command.EXPORT: rights.may(Action.READ, directory),
        Command.OWN_FIELDS: rights.may_define_fields(),
        Command.PASSWORD: True,
        Command.LOG_OUT: True,
        Command.QUIT: True,
    }
    allowed = [command for command, offer in offered.items() if offer]
    return tuple(Choice(number, command) for number, command in enumerate(allowed, 1))


def menu_text(offered: Sequence[Choice]) -> str:
    """The menu as text."""
    width = len(str(len(offered)))
    lines = [f"  {each.number:{width}}  {each.command.value}  {each.label}" for each in offered]
    return "\n".join(lines)


def menu_prompt(offered: Sequence[Choice]) -> str:
    """The prompt of the menu, with the letters."""
    letters = " ".join(each.command.value for each in offered)
    return f"Choose [{letters}, ? for the menu]: "


def choose(line: str, offered: Sequence[Choice]) -> tuple[Command, str] | None:
    """The chosen command, by letter, number or word, and the text after it; None if it is not one.

    "s 12" shows employee 12 without asking for the ID.
    """
    word, _, rest = line.strip().partition(" ")
    for each in offered:
        if word == str(each.number) or word.lower() in _words(each.command):
            return each.command, rest.strip()
    return None


def _words(command: Command) -> tuple[str, str]:
    return command.value, command.name.lower().replace("_", "")


def why_not(line: str) -> str:
    """Why this line chose nothing."""
    word = line.strip().partition(" ")[0].lower()
    for command in Command:
        if word in _words(command):
            return f"Your role does not allow you to: {LABELS[command]}."
    return "This is not on the menu."
