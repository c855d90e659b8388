"""The screen of a command for scripts: there is nobody to ask."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, TypeVar

from twisted.internet.defer import Deferred

from records.client.screen import Left, Stopped

T = TypeVar("T")
Write = Callable[[str], object]


class CommandScreen:
    """`records.client.screen.Screen` without a user: what would be asked ends the command.

    show: writes what is shown beside the result.
    """

    def __init__(self, show: Write, width: int) -> None:
        self._show = show
        self.width = width
        self.page: int | None = None
        self.colour = False

    def ask(
        self,
        prompt: str,
        *,
        secret: bool = False,
        recall: Sequence[str] = (),
        offers: Sequence[str] = (),
    ) -> Awaitable[str]:
        """See `Screen`. There is nobody to ask."""
        raise Left

    def show(self, text: str) -> None:
        """See `Screen`."""
        self._show(f"{text}\n")

    def fail(self, text: str) -> None:
        """See `Screen`."""
        self._show(f"{text}\n")

    def reject_answer(self, text: str) -> None:
        """See `Screen`. Ends the command."""
        raise Stopped(text)

    async def wait(self, coroutine: Coroutine[Deferred[Any], Any, T]) -> T:
        """See `Screen`."""
        return await coroutine
