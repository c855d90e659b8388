"""What every command uses: the user interface, the daemon, and small questions.

Knows nothing of any single command.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from records.client.fields import Fields
from records.client.menu import Rights
from records.client.render import Style, columns, employee_view
from records.client.screen import Records, Screen
from records.model.values import Invalid, check_reference

ROOM = 20
"""Columns that a prompt leaves for the answer. A longer prompt gets a line of its own."""


class Dialogue:
    """A user at a screen, and the daemon.

    new_key: returns a key that no other change has. username: of the last login.
    """

    def __init__(self, screen: Screen, records: Records, new_key: Callable[[], str]) -> None:
        self.screen = screen
        self.records = records
        self.new_key = new_key
        self.username: str | None = None

    @property
    def rights(self) -> Rights:
        """What the user may do; nothing before a login."""
        session = self.records.session
        return Rights.of(session, self.fields) if session is not None else Rights((), None)

    @property
    def fields(self) -> Fields:
        """The fields of the daemon."""
        return self.records.fields

    @property
    def style(self) -> Style:
        """The style of text for this screen, now."""
        return Style(self.screen.width, self.screen.colour)

    def show_employee(self, employee: Mapping[str, object]) -> None:
        """Show an employee from the answer to a change: masked fields are marked."""
        hidden = [f.name for f in self.fields if f.masked and employee.get(f.name) is not None]
        self.screen.show(employee_view(self.fields, employee, hidden, self.style))

    async def ask(self, prompt: str, *, recall: Sequence[str] = ()) -> str:
        """`Screen.ask` with a prompt of any length."""
        if columns(prompt) > self.screen.width - ROOM:
            self.screen.show(prompt.rstrip().removesuffix(":"))
            prompt = "> "
        return await self.screen.ask(prompt, recall=recall)

    async def confirm(self, question: str) -> bool:
        """Whether the user says yes. A blank answer is no."""
        while True:
            answer = (await self.ask(f"{question} [y/N]: ")).strip().lower()
            if answer in ("y", "yes"):
                return True
            if answer in ("", "n", "no"):
                return False
            self.screen.reject_answer("Answer y for yes, or n for no.")

    async def ask_id(self, typed: str, question: str) -> int:
        """The Employee ID: the text typed at the menu, or the answer to the question.

        A blank answer means the user's own record, if there is one.
        """
        own = self.rights.own_id
        prompt = f"{question} [{own}, your own]: " if own is not None else f"{question}: "
        while True:
            line = (typed or await self.ask(prompt)).strip()
            typed = ""
            if not line and own is not None:
                return own
            try:
                return check_reference(line)
            except Invalid as reason:
                self.screen.reject_answer(f"This {reason}")
