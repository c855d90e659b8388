"""What the client's tests share: a person who follows a script, and a daemon close at hand.

The daemon is its own operations over a real database, without a wire between; what the wire does
to values is done here too, by way of JSON.
"""

from __future__ import annotations

from collections.abc import Awaitable, Coroutine, Mapping, Sequence
from datetime import date
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from twisted.internet.defer import Deferred, fail, succeed
from twisted.trial.unittest import SynchronousTestCase

from records.api.field_messages import DEFINING, Definition, FieldsParams, FieldStored
from records.api.import_messages import (
    ImportApplied,
    ImportApplyParams,
    ImportBeginParams,
    ImportBegun,
    ImportInfo,
    ImportParams,
    ImportPlanned,
    ImportPlanParams,
    ImportReceived,
    ImportRowsParams,
    ImportsListed,
    ImportUndone,
)
from records.api.messages import (
    AddParams,
    DeleteParams,
    EmployeeDeleted,
    EmployeePage,
    EmployeeShown,
    EmployeeStored,
    FieldInfo,
    FieldsShown,
    GetParams,
    Limits,
    ListParams,
    LoggedIn,
    NoParams,
    Resumed,
    ServerInfo,
    UpdateParams,
    ValuesParams,
    WireUser,
    describe,
)
from records.client.dialogue import Dialogue
from records.client.fields import Fields
from records.client.screen import Left, Records, Screen, Stopped, Unreachable
from records.model.access import Role, User
from records.model.accounts import Account, password_faults
from records.model.errors import FieldError, NotAuthenticated, ValidationFailed
from records.model.fields import STANDARD
from records.operations.boundaries import Transaction
from records.operations.employees import (
    add_employee,
    delete_employee,
    get_employee,
    list_values,
    reveal_employee,
    update_employee,
)
from records.operations.fields import list_fields
from records.operations.import_apply import apply_import, undo_import
from records.operations.import_plan import plan_import
from records.operations.imports import begin_import, discard_import, list_imports, receive_rows
from records.operations.lists import list_employees, reveal_employees
from records.operations.methods import METHODS
from records.operations.sessions import permissions
from records.test.samples import ANN
from records.testing import inline_store, user

T = TypeVar("T")
PASSWORD = "a horse of another colour"

KO: dict[str, object] = {
    "given_name": "Ko",
    "title": "Analyst",
    "department": "Research",
    "hire_date": "2021-04-01",
}
"""Somebody with a single name, and nothing that is masked."""


def over_the_wire(value: T) -> T:
    """The value as it is after its journey as JSON."""
    return msgspec.json.decode(msgspec.json.encode(value), type=type(value))


FIELDS = Fields(over_the_wire(describe(STANDARD)))


class LocalRecords:
    """`Records` without a wire. trouble: errors to raise instead of what is asked for next."""

    def __init__(self, folder: Path, who: User) -> None:
        self.store = inline_store(folder / "records.db")
        self.who = who
        self.password = PASSWORD
        self.must_change = False
        self.session: Resumed | None = None
        self.trouble: list[Exception] = []
        self.keys: list[str] = []
        self.kept_token: str | None = None
        self.left = 0

        self.region = "US"
        self.info: ServerInfo | None = None
        self.fields = FIELDS

    async def greet(self) -> None:
        limits = Limits(session_idle_seconds=900, session_lifetime_seconds=43200)
        self.info = ServerInfo("records", "9", 1, limits, self.region)
        if self.trouble and isinstance(self.trouble[0], Unreachable):
            raise self.trouble.pop(0)

    async def load_fields(self) -> None:
        self._raise_trouble()
        self.fields = Fields(over_the_wire(self.store.do(list_fields, self.who, FieldsParams())))

    def begin(self) -> None:
        """Be logged in."""
        self.session = Resumed(
            expires_at="2026-01-01T12:00:00Z",
            user=WireUser(
                self.who.username, [role.value for role in self.who.roles], self.who.employee_id
            ),
            permissions=permissions(self.who),
            must_change_password=self.must_change,
        )

    def _raise_trouble(self) -> None:
        if self.trouble:
            error = self.trouble.pop(0)
            if isinstance(error, NotAuthenticated):
                self.session = None
            raise error

    async def login(self, username: str, password: str) -> LoggedIn:
        self._raise_trouble()
        if (username, password) != (self.who.username, self.password):
            raise NotAuthenticated("Wrong username or password.")
        self.begin()
        assert self.session is not None
        return LoggedIn(token="t", **msgspec.structs.asdict(self.session))

    async def change_password(self, current: str, new: str) -> None:
        self._raise_trouble()
        if current != self.password:
            why = "This is not your current password."
            raise ValidationFailed(why, [FieldError("current", why)])
        assert not password_faults(new, self.who.username)
        self.password, self.must_change = new, False
        self.begin()

    async def resume(self, token: str) -> Resumed:
        self._raise_trouble()
        if token != self.kept_token:
            raise NotAuthenticated("Your session has ended. Log in again.")
        self.begin()
        assert self.session is not None
        return self.session

    def keep_session(self) -> str | None:
        self.session, self.kept_token = None, "t"
        return self.kept_token

    async def leave(self) -> None:
        self.left += 1
        if self.session is not None:
            self.kept_token = None
        self.session = None

    async def get(self, employee_id: int, reveal: Sequence[str] = ()) -> EmployeeShown:
        self._raise_trouble()
        operation = reveal_employee if reveal else get_employee
        params = GetParams(id=employee_id, reveal=list(reveal))
        return over_the_wire(self.store.do(operation, self.who, params))

    async def get_by_number(self, employee_number: str) -> EmployeeShown:
        self._raise_trouble()
        params = GetParams(employee_number=employee_number)
        return over_the_wire(self.store.do(get_employee, self.who, params))

    async def values(self, field: str) -> Sequence[str]:
        self._raise_trouble()
        found = self.store.do(list_values, self.who, ValuesParams(field=field)).values
        return [str(value) for value in found]

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
        self._raise_trouble()
        params = ListParams(
            search=search or None,
            where=dict(where) if where else None,
            sort=sort,
            limit=limit,
            cursor=cursor,
            fields=list(fields),
            reveal=list(reveal),
            count=count,
        )
        operation = reveal_employees if reveal else list_employees
        listed = self.store.do(operation, self.who, params)
        return msgspec.json.decode(msgspec.json.encode(listed), type=EmployeePage)

    async def check_add(self, employee: Mapping[str, object]) -> EmployeeStored:
        params = over_the_wire(AddParams(employee=dict(employee), check_only=True))
        return over_the_wire(self.store.do(add_employee, self.who, params))

    async def add(self, employee: Mapping[str, object], key: str) -> EmployeeStored:
        self.keys.append(key)
        self._raise_trouble()
        params = over_the_wire(AddParams(employee=dict(employee), key=key))
        return over_the_wire(self.store.do(add_employee, self.who, params))

    async def check_update(
        self, employee_id: int, revision: int, changes: Mapping[str, object]
    ) -> EmployeeStored:
        params = over_the_wire(
            UpdateParams(id=employee_id, revision=revision, changes=dict(changes), check_only=True)
        )
        return over_the_wire(self.store.do(update_employee, self.who, params))

    async def update(
        self, employee_id: int, revision: int, changes: Mapping[str, object], key: str
    ) -> EmployeeStored:
        self.keys.append(key)
        self._raise_trouble()
        params = over_the_wire(
            UpdateParams(id=employee_id, revision=revision, changes=dict(changes), key=key)
        )
        return over_the_wire(self.store.do(update_employee, self.who, params))

    async def delete(self, employee_id: int, revision: int, key: str) -> EmployeeDeleted:
        self.keys.append(key)
        self._raise_trouble()
        params = DeleteParams(id=employee_id, revision=revision, key=key)
        return self.store.do(delete_employee, self.who, params)

    async def import_begin(
        self, name: str, match_by: Sequence[str], key: str, *, blank_clears: bool
    ) -> int:
        self.keys.append(key)
        self._raise_trouble()
        self._account()
        params = ImportBeginParams(
            name=name, match_by=list(match_by) or None, blank_clears=blank_clears
        )
        begun: ImportBegun = self.store.do(begin_import, self.who, params)
        return begun.import_id

    def _account(self) -> None:
        """The user's account, to which an import belongs."""

        def add(tx: Transaction) -> None:
            if tx.accounts.named(self.who.username) is None:
                tx.accounts.add(Account(0, self.who.username, "hash", self.who.roles, None, False))

        self.store.do(add)

    async def import_rows(
        self, import_id: int, first_line: int, rows: Sequence[Mapping[str, object]]
    ) -> int:
        self._raise_trouble()
        params = ImportRowsParams(
            import_id=import_id, first_line=first_line, rows=[dict(row) for row in rows]
        )
        received: ImportReceived = self.store.do(receive_rows, self.who, over_the_wire(params))
        return received.received

    async def import_plan(
        self,
        import_id: int,
        *,
        outcome: str | None = None,
        cursor: str | None = None,
        again: bool = False,
    ) -> ImportPlanned:
        self._raise_trouble()
        params = ImportPlanParams(import_id=import_id, outcome=outcome, cursor=cursor, again=again)
        return over_the_wire(self.store.do(plan_import, self.who, params))

    async def import_apply(
        self, import_id: int, key: str, expect: Mapping[str, int], *, skip_refused: bool
    ) -> ImportApplied:
        self.keys.append(key)
        self._raise_trouble()
        params = ImportApplyParams(
            import_id=import_id, skip_refused=skip_refused, expect=dict(expect)
        )
        return over_the_wire(self.store.do(apply_import, self.who, params))

    async def import_undo(self, import_id: int, key: str) -> ImportUndone:
        self._raise_trouble()
        return over_the_wire(
            self.store.do(undo_import, self.who, ImportParams(import_id=import_id))
        )

    async def import_list(self) -> Sequence[ImportInfo]:
        listed: ImportsListed = self.store.do(list_imports, self.who, NoParams())
        return listed.imports

    async def import_discard(self, import_id: int, key: str) -> None:
        self._raise_trouble()
        self.store.do(discard_import, self.who, ImportParams(import_id=import_id))

    async def all_fields(self) -> FieldsShown:
        self._raise_trouble()
        shown: FieldsShown = self.store.do(list_fields, self.who, FieldsParams(retired=True))
        return shown

    async def define(self, params: Definition) -> FieldInfo:
        self._raise_trouble()
        operation = METHODS[DEFINING[type(params)]].operation
        assert operation is not None
        stored = self.store.do(operation, self.who, params)
        assert isinstance(stored, FieldStored)
        return stored.field


class ScriptedScreen:
    """`Screen` before a user who follows a script.

    answers: lines, exceptions to meet, or calls to make before the next answer. transcript: all
    that was shown and asked. script: whether nobody is there to correct an answer.
    """

    def __init__(self, *answers: object) -> None:
        self.answers = list(answers)
        self.transcript = ""
        self.prompts: list[str] = []
        self.secrets: list[str] = []
        self.recalls: list[list[str]] = []
        self.offers: list[list[str]] = []
        self.failures: list[str] = []
        self.script = False
        self.width = 100
        self.page: int | None = 10
        self.colour = False

    def ask(
        self,
        prompt: str,
        *,
        secret: bool = False,
        recall: Sequence[str] = (),
        offers: Sequence[str] = (),
    ) -> Awaitable[str]:
        self.prompts.append(prompt)
        self.offers.append([*offers])
        self.recalls.append([*recall])
        self.transcript += f"{prompt}\n"
        if secret:
            self.secrets.append(prompt)
        while self.answers:
            answer = self.answers.pop(0)
            if isinstance(answer, Exception):
                return fail(answer)
            if isinstance(answer, str):
                return succeed(answer)
            assert callable(answer)
            answer()
        return fail(Left())

    def show(self, text: str) -> None:
        self.transcript += f"{text}\n"

    def fail(self, text: str) -> None:
        self.failures.append(text)
        self.show(text)

    def reject_answer(self, text: str) -> None:
        self.fail(text)
        if self.script:
            raise Stopped

    async def wait(self, coroutine: Coroutine[Deferred[Any], Any, T]) -> T:
        return await coroutine


class ClientCase(SynchronousTestCase):
    """A test with a daemon close at hand, in which Ann (1) and Ko (2) are employees."""

    def setUp(self) -> None:
        self.records = self.make_records(user(Role.HR))
        self.records.begin()

    def make_records(self, who: User) -> LocalRecords:
        """Another database, with another user before it."""
        folder = Path(self.mktemp())
        folder.mkdir()
        records = LocalRecords(folder, who)
        self.addCleanup(records.store.close)
        hr = user(Role.HR)
        for employee in (ANN, KO):
            records.store.do(add_employee, hr, AddParams(employee=dict(employee)))
        return records

    def dialogue(self, screen: ScriptedScreen) -> Dialogue:
        """A logged-in user, before this screen."""
        numbers = count(1)
        dialogue = Dialogue(
            screen, self.records, lambda: f"key-{next(numbers)}", lambda: date(2026, 1, 31)
        )
        dialogue.username = self.records.who.username
        return dialogue

    def change_behind(self, employee_id: int, revision: int, **changes: object) -> None:
        """Change an employee as another user would, meanwhile."""
        params = UpdateParams(id=employee_id, revision=revision, changes=changes)
        self.records.store.do(update_employee, user(Role.HR, name="other"), params)

    def employee(self, employee_id: int) -> dict[str, object]:
        """An employee as the database has it, unmasked."""
        params = GetParams(id=employee_id, reveal=["salary", "ssn"])
        hr = user(Role.HR)
        return over_the_wire(self.records.store.do(reveal_employee, hr, params)).employee


def _conforms(screen: ScriptedScreen, records: LocalRecords) -> tuple[Screen, Records]:
    return screen, records
