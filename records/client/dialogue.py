"""What every command uses: the user interface, the daemon, and small questions.

Knows nothing of any single command.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date

from records.client.fields import Fields
from records.client.menu import Rights
from records.client.region import Region, region_of
from records.client.render import Style, columns
from records.client.screen import Records, Screen

ROOM = 20
"""Columns that a prompt leaves for the answer. A longer prompt gets a line of its own."""


class Dialogue:
    """A user at a screen, and the daemon.

    new_key: returns a key that no other change has. today: returns the date at the user's place.
    region: an ISO 3166 code, if the user has chosen another one than the daemon's. username: of the
    last login. plain: no lines around tables.
    """

    def __init__(
        self,
        screen: Screen,
        records: Records,
        new_key: Callable[[], str],
        today: Callable[[], date],
        region: str | None = None,
        *,
        plain: bool = False,
    ) -> None:
        self._is_plain = plain
        self.screen = screen
        self.records = records
        self.new_key = new_key
        self.today = today
        self.username: str | None = None
        self._region = region

    @property
    def region(self) -> Region:
        """Whose forms of dates, amounts and phone numbers are read."""
        return region_of(self._region or self.records.region)

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
        return Style(self.screen.width, self.screen.colour, self._is_plain)

    async def ask(
        self, prompt: str, *, recall: Sequence[str] = (), offers: Sequence[str] = ()
    ) -> str:
        """`Screen.ask` with a prompt of any length."""
        if columns(prompt) > self.screen.width - ROOM:
            self.screen.show(prompt.rstrip().removesuffix(":"))
            prompt = "> "
        return await self.screen.ask(prompt, recall=recall, offers=offers)

    async def confirm(self, question: str) -> bool:
        """Whether the user says yes. A blank answer is no."""
        while True:
            answer = (await self.ask(f"{question} [y/N]: ")).strip().lower()
            if answer in ("y", "yes"):
                return True
            if answer in ("", "n", "no"):
                return False
            self.screen.reject_answer("Answer y for yes, or n for no.")
