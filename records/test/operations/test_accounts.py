"""Accounts: who may run them, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from records.model.access import Action, Role, User, allows
from records.model.errors import AlreadyExists, NotFound, PermissionDenied, ValidationFailed
from records.operations.accounts import (
    LOCAL,
    NewAccount,
    account_named,
    add_account,
    list_accounts,
    reset_password,
    set_disabled,
    set_employee,
    set_roles,
)
from records.operations.boundaries import Transaction
from records.operations.sessions import Caller
from records.test.operations.operations_case import OperationsCase
from records.testing import user

NEW = NewAccount("ann", (Role.EMPLOYEE,), "hash")


class AccountsCase(OperationsCase):
    """What tests of accounts share: an owner `boss` besides `hr`."""

    def setUp(self) -> None:
        super().setUp()
        self.boss = self.person("boss", Role.OWNER)

    def account(self, name: str) -> Any:
        return self.read(lambda tx: tx.accounts.named(name))

    def lives(self, who: Caller) -> bool:
        return self.read(lambda tx: tx.accounts.session(who.session_id)) is not None


class GateTests(AccountsCase):
    """Which role may do what."""

    def test_every_operation(self) -> None:
        """Each operation is denied to every role that lacks one of its permissions."""
        self.add()
        operations: list[tuple[set[Action], Callable[[Transaction, User], object]]] = [
            ({Action.READ_ACCOUNTS}, list_accounts),
            (
                {Action.ADD_ACCOUNTS, Action.GRANT_ROLES},
                lambda tx, who: add_account(
                    tx, who, msgspec.structs.replace(NEW, username=f"new.{who.username}")
                ),
            ),
            ({Action.GRANT_ROLES}, lambda tx, who: set_roles(tx, who, "hr", (Role.HR,))),
            (
                {Action.UPDATE_ACCOUNTS, Action.GRANT_ROLES},
                lambda tx, who: set_employee(tx, who, "hr", 1),
            ),
            ({Action.UPDATE_ACCOUNTS}, lambda tx, who: set_disabled(tx, who, "nobody", True)),
            ({Action.UPDATE_ACCOUNTS}, lambda tx, who: reset_password(tx, who, "nobody", "new")),
        ]
        self.person("nobody")
        for roles in [(role,) for role in Role] + [()]:
            who = user(*roles, name="-".join(["x", *(role.value for role in roles)]))
            for needed, operation in operations:
                before = self.read(lambda tx: tx.accounts.everyone())
                if all(allows(who, action) for action in needed):
                    self.store.do(operation, who)
                else:
                    with self.assertRaises(PermissionDenied):
                        self.store.do(operation, who)
                    self.assertEqual(self.read(lambda tx: tx.accounts.everyone()), before)

    def test_local(self) -> None:
        """Whoever is at the daemon's own machine may do all of it."""
        for action in Action:
            if "." in action.value:
                self.assertTrue(allows(LOCAL, action))


class AddTests(AccountsCase):
    """add_account"""

    def test_add(self) -> None:
        """A new account has its roles and must change its first password; it is audited."""
        log = len(self.entries())
        account = self.store.do(add_account, LOCAL, msgspec.structs.replace(NEW, username=" ANN "))
        self.assertEqual((account.username, account.roles), ("ann", (Role.EMPLOYEE,)))
        self.assertEqual(self.account("ann"), account)
        self.assertTrue(account.must_change_password)
        self.assertFalse(account.disabled)
        self.assertEqual(self.events(log), [("local", "account.add", "user:ann", "ok", "employee")])

    def test_refused(self) -> None:
        """A bad name, a name in use, no role, or an employee who is not there is refused."""
        count = len(self.read(lambda tx: tx.accounts.everyone()))
        for kind, changes in (
            (ValidationFailed, {"username": "ann ohara"}),
            (ValidationFailed, {"username": ""}),
            (AlreadyExists, {"username": "HR"}),
            (ValidationFailed, {"roles": ()}),
            (ValidationFailed, {"employee_id": 99}),
        ):
            with self.assertRaises(kind):
                self.store.do(add_account, LOCAL, msgspec.structs.replace(NEW, **changes))
        self.assertEqual(len(self.read(lambda tx: tx.accounts.everyone())), count)

    def test_own_record(self) -> None:
        """An account can have an employee's record as its own from the beginning."""
        self.add()
        account = self.store.do(add_account, LOCAL, msgspec.structs.replace(NEW, employee_id=1))
        self.assertEqual(account.employee_id, 1)


class ChangeTests(AccountsCase):
    """Roles, records, passwords, closing."""

    def test_roles(self) -> None:
        """Roles are replaced, the sessions go on, and it is audited."""
        log = len(self.entries())
        self.store.do(set_roles, LOCAL, " HR ", (Role.MANAGER, Role.IT))
        self.assertEqual(self.account("hr").roles, (Role.MANAGER, Role.IT))
        self.assertTrue(self.lives(self.hr))
        self.assertEqual(self.events(log), [("local", "role.grant", "user:hr", "ok", "manager it")])
        with self.assertRaises(ValidationFailed):
            self.store.do(set_roles, LOCAL, "hr", ())

    def test_employee(self) -> None:
        """An account's own record is set to one that is there, or to none."""
        self.add()
        self.store.do(set_employee, LOCAL, "hr", 1)
        self.assertEqual(self.account("hr").employee_id, 1)
        with self.assertRaises(ValidationFailed):
            self.store.do(set_employee, LOCAL, "hr", 2)
        self.store.do(set_employee, LOCAL, "hr", None)
        self.assertIsNone(self.account("hr").employee_id)
        self.assertEqual(self.entries()[-1].event.fields, ("employee_id",))

    def test_disabled(self) -> None:
        """Closing an account ends its sessions; opening it again does not bring them back."""
        self.store.do(set_disabled, LOCAL, "hr", True)
        self.assertFalse(self.lives(self.hr))
        self.assertTrue(self.account("hr").disabled)
        self.assertTrue(self.lives(self.boss))
        self.store.do(set_disabled, LOCAL, "hr", False)
        self.assertFalse(self.account("hr").disabled)
        self.assertFalse(self.lives(self.hr))
        self.assertEqual(
            [entry.event.action for entry in self.entries()][-2:],
            ["account.disable", "account.enable"],
        )

    def test_reset(self) -> None:
        """A new password given by another must be changed; the account's sessions end."""
        self.store.do(reset_password, LOCAL, "hr", "another hash")
        account = self.account("hr")
        self.assertEqual(account.password_hash, "another hash")
        self.assertTrue(account.must_change_password)
        self.assertFalse(self.lives(self.hr))
        self.assertTrue(self.lives(self.boss))
        self.assertNotIn("another", repr(self.entries()[-1].event))

    def test_no_such_account(self) -> None:
        """What concerns nobody is refused."""
        for operation, value in (
            (set_roles, (Role.HR,)),
            (set_employee, None),
            (set_disabled, True),
            (reset_password, "hash"),
        ):
            with self.assertRaises(NotFound):
                self.store.do(operation, LOCAL, "nobody", value)  # type: ignore[arg-type]
        with self.assertRaises(NotFound):
            self.read(lambda tx: account_named(tx, "nobody"))


class LastOwnerTests(AccountsCase):
    """A user must be able to give roles."""

    def test_last_owner(self) -> None:
        """The only owner can neither be closed nor lose the role."""
        for operation, value in ((set_disabled, True), (set_roles, (Role.HR, Role.IT))):
            with self.assertRaises(ValidationFailed):
                self.store.do(operation, LOCAL, "boss", value)  # type: ignore[arg-type]
        self.store.do(set_roles, LOCAL, "boss", (Role.OWNER, Role.HR))
        self.store.do(set_disabled, LOCAL, "boss", False)
        self.store.do(reset_password, LOCAL, "boss", "hash")

    def test_second_owner(self) -> None:
        """One of two owners can go, and then the other cannot."""
        self.person("second", Role.HR, Role.OWNER)
        self.store.do(set_disabled, LOCAL, "boss", True)
        with self.assertRaises(ValidationFailed):
            self.store.do(set_roles, LOCAL, "second", (Role.HR,))
        self.store.do(set_roles, LOCAL, "boss", (Role.HR,))

    def test_closed_owner_does_not_count(self) -> None:
        """An owner whose account is closed is nobody who could help."""
        self.person("closed", Role.OWNER, disabled=True)
        with self.assertRaises(ValidationFailed):
            self.store.do(set_disabled, LOCAL, "boss", True)
