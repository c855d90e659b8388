"""What the conversations talk to: a screen with a person before it, and the daemon far away.

Only `typing.Protocol`s and the exceptions that cross them; no logic. A terminal and a script are
two screens (`terminal`, `plain`), the daemon is `connection.Connection`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Coroutine, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from twisted.internet.defer import Deferred

from records.api.messages import (
    EmployeeDeleted,
    EmployeePage,
    EmployeeShown,
    EmployeeStored,
    LoggedIn,
    Resumed,
)
from records.client.fields import Fields

T = TypeVar("T")


class Interrupted(Exception):
    """Ctrl-C: the person gives up what is being asked or waited for."""


class Left(Exception):
    """Ctrl-D, or the end of the input: there is nobody to ask any more."""


class Stopped(Exception):
    """A script gave a wrong answer, so its next lines would answer other questions than meant."""


class Unreachable(Exception):
    """The daemon cannot be spoken with; the text says why, and what to do.

    lasting: whether trying again in a moment is of no use.
    """

    def __init__(self, message: str, *, lasting: bool = False) -> None:
        super().__init__(message)
        self.message = message
        self.lasting = lasting


class Screen(Protocol):
    """Where questions are asked and answers shown. All text is safe to write as it is."""

    @property
    def width(self) -> int:
        """How many columns there are, now."""
        ...

    @property
    def page(self) -> int | None:
        """How many employees fit; None where lists are not paged."""
        ...

    @property
    def colour(self) -> bool:
        """Whether text may be styled."""
        ...

    def ask(
        self, prompt: str, *, secret: bool = False, recall: Sequence[str] = ()
    ) -> Awaitable[str]:
        """One line from the person, without its end.

        secret: never shown. recall: earlier lines to go back to, oldest first.
        Raises `Interrupted` or `Left`.
        """
        ...

    def show(self, text: str) -> None:
        """Show lines of text."""
        ...

    def fail(self, text: str) -> None:
        """Show what went wrong; a script's exit code will tell it too."""
        ...

    def again(self, text: str) -> None:
        """Show what was wrong with an answer, before it is asked for again.

        Raises `Stopped` where nobody can correct it.
        """
        ...

    def wait(self, coroutine: Coroutine[Deferred[Any], Any, T]) -> Awaitable[T]:
        """Wait for the daemon. Raises `Interrupted` if the person will not wait."""
        ...


class Records(Protocol):
    """The daemon's methods, as `docs/protocol.md` describes them.

    Each raises `records.model.errors.RecordsError` or `Unreachable`. key: a change's own, new for
    each change and the same for its repetitions.
    """

    @property
    def session(self) -> Resumed | None:
        """Who is logged in, and what they may do, as the daemon told last."""
        ...

    @property
    def fields(self) -> Fields:
        """The fields of the daemon; none before the login."""
        ...

    async def login(self, username: str, password: str) -> LoggedIn:
        """Begin a session."""
        ...

    async def change_password(self, current: str, new: str) -> None:
        """Change one's own password."""
        ...

    async def leave(self) -> None:
        """End the session as well as can be, and the connection. Never raises."""
        ...

    async def get(self, employee_id: int, reveal: Sequence[str] = ()) -> EmployeeShown:
        """One employee."""
        ...

    async def find(self, search: str, cursor: str | None, limit: int) -> EmployeePage:
        """A page of employees."""
        ...

    async def add(self, employee: Mapping[str, object], key: str) -> EmployeeStored:
        """A new employee."""
        ...

    async def update(
        self, employee_id: int, revision: int, changes: Mapping[str, object], key: str
    ) -> EmployeeStored:
        """Change some fields."""
        ...

    async def delete(self, employee_id: int, revision: int, key: str) -> EmployeeDeleted:
        """Remove an employee."""
        ...
