"""What the tests of `python -m records.admin` share: a database, and running a command on it."""

from __future__ import annotations

import io
import os
import re
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

from twisted.trial.unittest import SynchronousTestCase

from records.admin import main
from records.api.messages import AddParams
from records.auth.hashing import BcryptHasher
from records.model.access import Role, User
from records.model.accounts import Account, Session
from records.model.audit import Event, Outcome
from records.model.fields import STANDARD
from records.operations.accounts import LOCAL, NewAccount, add_account
from records.operations.boundaries import Transaction, Work
from records.operations.employees import add_employee
from records.store.sqlite.database import SqliteDatabase
from records.testing import FakeTime

T = TypeVar("T")
SHOWN = re.compile(r"^  Username: (\S+)\n  Password: (\S+)$", re.M)


def done(action: str, subject: str, *fields: str) -> Event:
    """What the audit log says of a command."""
    return Event("local", "local", action, f"user:{subject}", Outcome.OK, fields)


class AdminCase(SynchronousTestCase):
    """A database with an owner `olga`, `hal` of HR, who is logged in, and an employee 1.

    cost: the options that make new passwords' hashes quick to make.
    """

    cost: tuple[str, ...] = ("--bcrypt-cost", "10")

    def setUp(self) -> None:
        self.addCleanup(os.umask, os.umask(0o022))
        self.folder = Path(self.mktemp())
        self.folder.mkdir()
        self.path = self.folder / "records.sqlite"
        self.database = SqliteDatabase(self.path, FakeTime(), catalogue=STANDARD)
        self.write(self.add_ann)
        for name, role in (("olga", Role.OWNER), ("hal", Role.HR)):
            new = NewAccount(name, (role,), f"{name}'s hash")
            self.write(partial(self.add_account, new=new))
        self.write(lambda tx: tx.accounts.add_session(Session(b"hal", 2, tx.now, tx.now)))
        self.before = self.events()

    def add_ann(self, tx: Transaction) -> None:
        """Add an employee, with a history."""
        owner = User(1, "olga", (Role.OWNER,))
        add_employee(tx, owner, AddParams({"given_name": "Ann", "family_name": "Ohara"}))

    def add_account(self, tx: Transaction, new: NewAccount) -> None:
        """Add an account."""
        add_account(tx, LOCAL, new)

    def write(self, operation: Callable[[Transaction], object]) -> None:
        """Change the database directly."""
        writer = self.database.writer()
        try:
            (outcome,) = writer.run([Work(operation)])
        finally:
            writer.close()
        self.assertIsNone(outcome.error)

    def look(self, look: Callable[[Transaction], T]) -> T:
        """What is in the database."""
        reader = self.database.reader()
        try:
            return look(reader.begin())
        finally:
            reader.end()
            reader.close()

    def events(self) -> list[Event]:
        """The audit log."""
        return self.look(lambda tx: [entry.event for entry in tx.journal.entries()])

    def account(self, name: str) -> Account:
        """An account as it is stored."""
        found = self.look(lambda tx: tx.accounts.named(name))
        assert found is not None
        return found

    def is_logged_in(self) -> bool:
        """Whether hal's session goes on."""
        return self.look(lambda tx: tx.accounts.session(b"hal")) is not None

    def run_admin(self, *argv: str, data: Path | None = None) -> tuple[object, str, str]:
        """Run a command. Returns its exit code, what it said, and what it complained of."""
        said, complained = io.StringIO(), io.StringIO()
        for name, stream in (("stdout", said), ("stderr", complained)):
            self.patch(sys, name, stream)
        folder = self.folder if data is None else data
        given = ["--data", str(folder), *self.cost, *argv]
        code = self.assertRaises(SystemExit, main, given).code
        return code, said.getvalue(), complained.getvalue()

    def does(self, *argv: str) -> str:
        """What a command says that succeeds."""
        code, said, complained = self.run_admin(*argv)
        self.assertEqual((code, complained), (0, ""), argv)
        return said

    def refused(self, *argv: str, data: Path | None = None) -> str:
        """The line in which a command is refused, which changes nothing and shows no password."""
        before = self.look(lambda tx: (tx.accounts.everyone(), tx.journal.head()))
        code, said, complained = self.run_admin(*argv, data=data)
        self.assertEqual((code, said), (1, ""), argv)
        self.assertTrue(complained.startswith("records: "), complained)
        self.assertEqual(complained.count("\n"), 1, complained)
        after = self.look(lambda tx: (tx.accounts.everyone(), tx.journal.head()))
        self.assertEqual(after, before, argv)
        return complained

    def audited(self, *events: Event) -> None:
        """Exactly this was noted."""
        self.assertEqual(self.events(), [*self.before, *events])

    def only_shown(self, said: str, name: str) -> None:
        """A password that was shown is good, and stored nowhere as it is."""
        ((username, password),) = SHOWN.findall(said)
        self.assertEqual(username, name)
        self.assertEqual(said.count(password), 1)
        self.assertRegex(password, r"\A([a-hjkmnp-z2-9]{5}-){4}[a-hjkmnp-z2-9]{5}\Z")
        self.assertTrue(BcryptHasher().verify(password, self.account(name).password_hash))
        for path in self.folder.iterdir():
            self.assertNotIn(password.encode(), path.read_bytes())
