"""The database and its first account, made once, even if a start crashes in the middle."""

from __future__ import annotations

import os

import apsw

from records.daemon.bootstrap import (
    forget_first_password,
    open_database,
)
from records.model.access import Role
from records.model.accounts import Account
from records.model.audit import Event, Outcome
from records.model.errors import Unusable
from records.test.auth.hashing_case import PlainHasher
from records.test.daemon.bootstrap_case import SHAPE, PlacesCase
from records.testing import sqlite_backend


class Crash(Exception):
    """The daemon ends in the middle of something."""


class DatabaseTests(PlacesCase):
    """The database and its first account."""

    def setUp(self) -> None:
        super().setUp()
        self.places.data.mkdir()

    def open(self) -> str | None:
        """A start. Returns the first password, if it was made."""
        _, password = open_database(
            self.places, sqlite_backend(self.clock), PlainHasher(), os.urandom
        )
        return password

    def look(self) -> tuple[list[Account], list[Event]]:
        """The accounts and the audit log."""
        database, password = open_database(self.places, sqlite_backend(), PlainHasher(), os.urandom)
        self.assertIsNone(password)
        reader = database.reader()
        try:
            tx = reader.begin()
            return tx.accounts.everyone(), [entry.event for entry in tx.journal.entries()]
        finally:
            reader.end()
            reader.close()

    def test_first_account(self) -> None:
        """The first account is the owner's, whose password must be changed; this is audited."""
        password = self.open()
        assert password is not None
        self.assertTrue(SHAPE.fullmatch(password))
        accounts, events = self.look()
        self.assertEqual(
            accounts,
            [
                Account(
                    1, "admin", f"new {password}", (Role.OWNER,), None, must_change_password=True
                )
            ],
        )
        self.assertEqual(
            events, [Event("local", "local", "account.add", "user:admin", Outcome.OK, ("owner",))]
        )

    def test_file(self) -> None:
        """The password stands in a file, on a line, for its owner only, whatever the umask."""
        self.addCleanup(os.umask, os.umask(0))
        password = self.open()
        self.assertEqual(self.places.first_password.read_text(), f"{password}\n")
        self.assertEqual(self.mode(self.places.first_password), 0o600)
        self.assertEqual(self.mode(self.places.database), 0o600)

    def test_again(self) -> None:
        """A second start makes no account, and touches neither file nor database."""
        self.open()
        before = self.places.first_password.read_bytes(), self.look()
        self.places.first_password.chmod(0o400)
        self.assertIsNone(self.open())
        self.assertEqual((self.places.first_password.read_bytes(), self.look()), before)
        self.assertEqual(self.mode(self.places.first_password), 0o400)

    def test_after_a_change(self) -> None:
        """Nor does it after the password was changed, and its file removed."""
        self.open()
        forget_first_password(self.places, "admin")
        self.assertIsNone(self.open())
        self.assertFalse(self.places.first_password.exists())

    def test_crash_in_between(self) -> None:
        """The file is there before the account; a crash in between makes both anew."""
        file = self.places.first_password
        seen: list[tuple[int, str]] = []
        good = self.clock

        def crash() -> int:
            if file.exists():
                seen.append((self.mode(file), file.read_text()))
                raise Crash
            return good()

        self.clock = crash
        self.assertRaises(Crash, self.open)
        ((mode, text),) = seen
        self.assertEqual(mode, 0o600)
        self.clock = good
        password = self.open()
        self.assertNotEqual(text, f"{password}\n")
        self.assertEqual(file.read_text(), f"{password}\n")
        (account,) = self.look()[0]
        self.assertEqual(account.password_hash, f"new {password}")

    def test_file_cannot_be_written(self) -> None:
        """Without a place for the password no account is made, and the next start makes it."""
        file = self.places.first_password
        file.mkdir()
        self.unusable(file, self.open)
        file.rmdir()
        self.assertIsNotNone(self.open())
        self.assertEqual(len(self.look()[0]), 1)

    def test_account_cannot_be_made(self) -> None:
        """If the account cannot be made, that is reported in one line."""
        good = self.clock

        def failing() -> int:
            if self.places.first_password.exists():
                return 1 << 70  # more than the database can hold
            return good()

        self.clock = failing
        line = str(self.assertRaises(Unusable, self.open))
        self.assertIn("The first account could not be made", line)

    def test_damaged(self) -> None:
        """A database that is none is refused, and left as it is."""
        self.places.database.write_bytes(b"something else" * 100)
        self.unusable(self.places.database, self.open)
        self.assertEqual(self.places.database.read_bytes(), b"something else" * 100)
        self.assertFalse(self.places.first_password.exists())

    def test_unreadable_account(self) -> None:
        """So is one with an account that is none, though the file is sound."""
        self.open()
        hand = apsw.Connection(str(self.places.database))
        self.addCleanup(hand.close)
        for change in ("roles = 'emplpyee'", "roles = 'hr', username = CAST(x'ff' AS TEXT)"):
            hand.execute(f"UPDATE accounts SET {change}")
            line = str(self.assertRaises(Unusable, self.open))
            self.assertIn("restore it from a backup", line)
            self.assertNotIn("emplpyee", line)

    def test_in_the_way(self) -> None:
        """A folder in the database's place is refused."""
        self.places.database.mkdir()
        self.unusable(self.places.database, self.open)

    def test_forgotten(self) -> None:
        """The file is removed once the first account's password has been changed, and only then."""
        self.open()
        forget_first_password(self.places, "ann")
        self.assertTrue(self.places.first_password.exists())
        forget_first_password(self.places, "admin")
        self.assertFalse(self.places.first_password.exists())
        forget_first_password(self.places, "admin")
