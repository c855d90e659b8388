"""Protocols between the commands and their two sides: the user interface and the daemon.

No logic. `terminal` and `plain` are two user interfaces; `connection.Connection` is the daemon.
"""

from __future__ import annotations

from collections.abc import Awaitable, Coroutine, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from twisted.internet.defer import Deferred

from records.api.field_messages import Definition
from records.api.import_messages import (
    ImportApplied,
    ImportInfo,
    ImportPlanned,
    ImportUndone,
)
from records.api.messages import (
    EmployeeDeleted,
    EmployeePage,
    EmployeeShown,
    EmployeeStored,
    FieldInfo,
    FieldsShown,
    LoggedIn,
    Resumed,
    ServerInfo,
)
from records.client.fields import Fields

T = TypeVar("T")


class Interrupted(Exception):
    """Ctrl-C: the user cancels what is asked or waited for."""


class Left(Exception):
    """Ctrl-D, or the end of the input: no one can be asked any more."""


class Stopped(Exception):
    """A script gave a wrong answer, so its next lines would answer other questions."""


class Unreachable(Exception):
    """The daemon cannot be used. The text says why, and what to do.

    lasting: whether retrying is of no use. maybe_done: whether a change may have been made.
    """

    def __init__(self, message: str, *, lasting: bool = False, maybe_done: bool = False) -> None:
        super().__init__(message)
        self.message = message
        self.lasting = lasting
        self.maybe_done = maybe_done


class Screen(Protocol):
    """Asks questions and shows text. All text is safe to write as it is."""

    @property
    def width(self) -> int:
        """The present number of columns."""
        ...

    @property
    def page(self) -> int | None:
        """How many employees fit on a page; None without paging."""
        ...

    @property
    def colour(self) -> bool:
        """Whether text may be styled."""
        ...

    def ask(
        self,
        prompt: str,
        *,
        secret: bool = False,
        recall: Sequence[str] = (),
        offers: Sequence[str] = (),
    ) -> Awaitable[str]:
        """One line of input, without its end.

        secret: never shown. recall: earlier lines to recall, oldest first. offers: lines that Tab
        completes the answer to. Raises `Interrupted` or `Left`.
        """
        ...

    def show(self, text: str) -> None:
        """Show lines of text."""
        ...

    def fail(self, text: str) -> None:
        """Show what failed. The exit code of a script reports it, too."""
        ...

    def reject_answer(self, text: str) -> None:
        """Show what was wrong with an answer that is asked for again.

        Raises `Stopped` if no one can correct it.
        """
        ...

    def wait(self, coroutine: Coroutine[Deferred[Any], Any, T]) -> Awaitable[T]:
        """Wait for the daemon. Raises `Interrupted` if the user does not wait."""
        ...


class Records(Protocol):
    """The methods of the daemon; see `docs/protocol.md`.

    Each raises `records.model.errors.RecordsError` or `Unreachable`. key: a new one for each
    change, the same for its repetitions.
    """

    @property
    def session(self) -> Resumed | None:
        """The session, as the daemon told last; None before the login."""
        ...

    @property
    def fields(self) -> Fields:
        """The fields of the daemon; none before they are loaded."""
        ...

    @property
    def info(self) -> ServerInfo | None:
        """What the daemon is, once it has been greeted."""
        ...

    @property
    def region(self) -> str:
        """The daemon's region, an ISO 3166 code, once it has been greeted."""
        ...

    async def greet(self) -> None:
        """Connect to the daemon, and verify that it is the right one and speaks this protocol.

        Does nothing while there is a connection.
        """
        ...

    async def load_fields(self) -> None:
        """Ask the daemon for its fields."""
        ...

    async def login(self, username: str, password: str) -> LoggedIn:
        """Begin a session."""
        ...

    async def change_password(self, current: str, new: str) -> None:
        """Change the user's password."""
        ...

    async def resume(self, token: str) -> Resumed:
        """Go on with a session that was begun before."""
        ...

    def keep_session(self) -> str | None:
        """Let the session go on without this connection, which ends. Returns its token."""
        ...

    async def leave(self) -> None:
        """End the session if possible, and the connection. Never raises."""
        ...

    async def get(self, employee_id: int, reveal: Sequence[str] = ()) -> EmployeeShown:
        """One employee."""
        ...

    async def get_by_number(self, employee_number: str) -> EmployeeShown:
        """The employee with this employee number."""
        ...

    async def values(self, field: str) -> Sequence[str]:
        """The texts that employees have in a field, the most frequent first."""
        ...

    async def find(
        self,
        search: str,
        cursor: str | None,
        limit: int,
        *,
        where: Mapping[str, object] | None = None,
        sort: str | None = None,
        fields: Sequence[str] = (),
        reveal: Sequence[str] = (),
        count: bool = False,
    ) -> EmployeePage:
        """A page of employees. fields: only these. reveal: without their masks; it is audited."""
        ...

    async def check_add(self, employee: Mapping[str, object]) -> EmployeeStored:
        """What `add` would answer, without any effect."""
        ...

    async def add(self, employee: Mapping[str, object], key: str) -> EmployeeStored:
        """A new employee."""
        ...

    async def check_update(
        self, employee_id: int, revision: int, changes: Mapping[str, object]
    ) -> EmployeeStored:
        """What `update` would answer, without any effect."""
        ...

    async def update(
        self, employee_id: int, revision: int, changes: Mapping[str, object], key: str
    ) -> EmployeeStored:
        """Change some fields."""
        ...

    async def delete(self, employee_id: int, revision: int, key: str) -> EmployeeDeleted:
        """Remove an employee."""
        ...

    async def import_begin(
        self, name: str, match_by: Sequence[str], key: str, *, blank_clears: bool
    ) -> int:
        """A new import; its number. match_by: none for the daemon's own order."""
        ...

    async def import_rows(
        self, import_id: int, first_line: int, rows: Sequence[Mapping[str, object]]
    ) -> int:
        """Send some rows; how many have been received in all."""
        ...

    async def import_plan(
        self,
        import_id: int,
        *,
        outcome: str | None = None,
        cursor: str | None = None,
        again: bool = False,
    ) -> ImportPlanned:
        """Go on with the plan, or a page of it."""
        ...

    async def import_apply(
        self, import_id: int, key: str, expect: Mapping[str, int], *, skip_refused: bool
    ) -> ImportApplied:
        """Apply a plan. May take minutes."""
        ...

    async def import_undo(self, import_id: int, key: str) -> ImportUndone:
        """Take an import back. May take minutes."""
        ...

    async def import_list(self) -> Sequence[ImportInfo]:
        """The user's imports, the newest first."""
        ...

    async def import_discard(self, import_id: int, key: str) -> None:
        """Remove an import."""
        ...

    async def all_fields(self) -> FieldsShown:
        """The fields, with the company's retired ones."""
        ...

    async def define(self, params: Definition) -> FieldInfo:
        """Add, change or retire an own field: field.add, field.update or field.retire."""
        ...
