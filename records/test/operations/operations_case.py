"""What the tests of operations share: a real database, people with sessions, and asking.

`ask` goes the way of a request: params as JSON, decoded in the method's form, performed in one
transaction as the client; what a refused read leaves behind is written in one of its own, as
the daemon does it.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
from twisted.trial.unittest import SynchronousTestCase

from records.api.jsonrpc import decode_params
from records.api.messages import EmployeeListing, EmployeePage
from records.model import access
from records.model.access import ROLES, Grant, Role
from records.model.accounts import Account, Session, SessionLimits, session_id
from records.model.audit import Entry
from records.model.errors import RecordsError
from records.model.history import Change
from records.operations.boundaries import Refused, Transaction
from records.operations.methods import METHODS, Mode, perform
from records.operations.sessions import Caller
from records.test.samples import ANN
from records.testing import FakeTime, inline_store

SOURCE = "192.0.2.1"
LIMITS = SessionLimits()


def caller(name: str) -> Caller:
    """Who asks in the name of an account that `OperationsCase.person` made."""
    return Caller(session_id(name), SOURCE, LIMITS)


class OperationsCase(SynchronousTestCase):
    """A store with an HR clerk `hr`, to be asked things of."""

    def setUp(self) -> None:
        self.clock = FakeTime()
        self.path = Path(self.mktemp())
        self.store = inline_store(self.path, self.clock)
        self.addCleanup(self.store.close)
        self.hr = self.person("hr", Role.HR)

    def person(
        self,
        name: str,
        *roles: Role,
        employee_id: int | None = None,
        must_change_password: bool = False,
        disabled: bool = False,
    ) -> Caller:
        """An account that is logged in."""

        def add(tx: Transaction) -> None:
            account = tx.accounts.add(
                Account(
                    0, name, f"hash of {name}", roles, employee_id, disabled, must_change_password
                )
            )
            session = Session(session_id(name), account.id, tx.now, tx.now, SOURCE)
            tx.accounts.add_session(session)

        self.store.do(add)
        return caller(name)

    def restrict(self, role: Role, keep: Callable[[Grant], bool]) -> None:
        """Take grants from a role, which is a constant so far."""
        kept = frozenset(filter(keep, ROLES[role]))
        self.patch(access, "ROLES", {**ROLES, role: kept})
        self._forget_grants()
        self.addCleanup(self._forget_grants)

    def _forget_grants(self) -> None:
        """Drop what is cached of the roles."""
        for cached in (access.grants_of, access._allowed, access._allowed_fields, access._view):
            cached.cache_clear()

    def change_account(self, name: str, **changes: Any) -> None:
        """Change an account behind everybody's back."""

        def change(tx: Transaction) -> None:
            account = tx.accounts.named(name)
            assert account is not None
            tx.accounts.replace(msgspec.structs.replace(account, **changes))

        self.store.do(change)

    def ask(self, who: Caller, name: str, /, **params: object) -> Any:
        """What a method answers, as an object; raises the `RecordsError` that it ends with.

        A list is told as a client reads it.
        """
        method = METHODS[name]
        decoded = decode_params(msgspec.Raw(msgspec.json.encode(params)), method.decode)
        form = method.for_params(decoded)
        if form.mode is Mode.WRITE:
            return self._as_read(self.store.do(perform, who, form, decoded))
        try:
            answer = self.store.read_now(perform, who, form, decoded)
        except Refused as refused:
            self.store.do(refused.remember.operation, *refused.remember.args)
            raise refused.error from None
        return self._as_read(answer)

    def _as_read(self, answer: Any) -> Any:
        """A result as a client reads it, if that makes a difference."""
        if isinstance(answer, EmployeeListing):
            return msgspec.json.decode(msgspec.json.encode(answer), type=EmployeePage)
        return answer

    def refused(
        self, kind: type[RecordsError], who: Caller, name: str, /, **params: object
    ) -> RecordsError:
        """The error of exactly this kind that a method ends with."""
        try:
            answer = self.ask(who, name, **params)
        except RecordsError as raised:
            error = raised
        else:
            self.fail(f"{name} was not refused, but answered {msgspec.to_builtins(answer)}")
        self.assertIs(type(error), kind, error.message)
        return error

    def do(self, operation: Callable[..., Any], *args: object) -> Any:
        """What an operation that writes returns or raises."""
        return self.store.do(operation, *args)

    def add(self, **fields: object) -> dict[str, Any]:
        """A new employee, ANN with other fields (None leaves one out), as HR is told of it."""
        sent = {name: value for name, value in (ANN | fields).items() if value is not None}
        if fields.get("ssn") is None:
            sent.pop("ssn", None)
        shown: dict[str, Any] = self.ask(self.hr, "employee.add", employee=sent).employee
        return shown

    def read(self, look: Callable[..., Any]) -> Any:
        """What the store holds, read directly."""
        return self.store.read_now(look)

    def entries(self, after: int = 0) -> list[Entry]:
        """The audit log."""
        return list(self.read(lambda tx: list(tx.journal.entries(after))))

    def events(self, after: int = 0) -> list[tuple[str, str, str, str, str]]:
        """The audit log, as (actor, action, subject, outcome, fields)."""
        return [
            (
                entry.event.actor,
                entry.event.action,
                entry.event.subject,
                entry.event.outcome.value,
                " ".join(entry.event.fields),
            )
            for entry in self.entries(after)
        ]

    def changes(self, employee_id: int) -> list[Change]:
        """An employee's history, newest first."""
        return list(self.read(lambda tx: list(tx.journal.changes(employee_id))))

    def values(self, employee_id: int) -> dict[str, Any] | None:
        """A record as it is stored."""
        found = self.read(lambda tx: tx.employees.get(employee_id))
        return None if found is None else dict(found.values)
