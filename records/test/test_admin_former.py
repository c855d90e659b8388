"""The command `import-accounts`: accounts of the predecessor's user.db."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import bcrypt

from records.auth.hashing import BcryptHasher
from records.model.access import Role
from records.test.admin_case import AdminCase

PASSWORD = "an old password"


class FormerAccountsTests(AdminCase):
    """A user.db with good accounts and others."""

    def setUp(self) -> None:
        super().setUp()
        self.path = Path(self.mktemp())
        hashed = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()
        rows = [
            ("Ann", hashed, "1,1,1,1"),
            ("bo", hashed.encode(), "1,0,0,0"),
            ("cy", hashed, "1, 0, 1, 0"),
            ("di", "plain text", "1,1,1,1"),
            ("ed", hashed, "admin"),
            ("\x1b[2J", hashed, "1,1,1,1"),
            ("hal", hashed, "1,1,1,1"),
        ]
        with closing(sqlite3.connect(self.path)) as database:
            database.execute("CREATE TABLE user (username, password, permissions)")
            database.executemany("INSERT INTO user VALUES (?, ?, ?)", rows)
            database.commit()

    def names(self) -> list[str]:
        return [each.username for each in self.look(lambda tx: tx.accounts.everyone())]

    def test_shown(self) -> None:
        """Without --yes the accounts are shown, with what is left out and why."""
        before = self.names()
        said = self.does("import-accounts", str(self.path))
        self.assertIn("ann: hr (could get, add, update, delete).", said)
        self.assertIn("cy: employee (could get, update). There is no role", said)
        self.assertIn("di: left out. The password is no bcrypt hash.", said)
        self.assertIn("ed: left out. The permissions", said)
        self.assertIn("hal: left out. There is an account of this name already.", said)
        self.assertNotIn("\x1b", said)
        self.assertIn("Add --yes to add these accounts: 3.", said)
        self.assertEqual(self.names(), before)

    def test_added(self) -> None:
        """With --yes they are added and audited; their passwords work, and are renewed."""
        said = self.does("import-accounts", str(self.path), "--yes")
        self.assertIn("Added accounts: 3.", said)
        self.assertNotIn("$2", said)
        ann, bo = self.account("ann"), self.account("bo")
        self.assertEqual((ann.roles, bo.roles), ((Role.HR,), (Role.EMPLOYEE,)))
        self.assertFalse(ann.must_change_password)
        hasher = BcryptHasher(10)
        self.assertTrue(hasher.verify(PASSWORD, ann.password_hash))
        self.assertTrue(hasher.is_outdated(bo.password_hash))
        added = [event.subject for event in self.events() if event.action == "account.add"]
        self.assertEqual(added[-3:], ["user:ann", "user:bo", "user:cy"])
        self.assertIn("these accounts: 0", self.does("import-accounts", str(self.path)))

    def test_wrong_file(self) -> None:
        """A file that is not there, or no user.db, is refused."""
        self.assertIn("no file", self.refused("import-accounts", "nowhere.db"))
        other = Path(self.mktemp())
        other.write_text("text")
        self.assertIn("no table user", self.refused("import-accounts", str(other)))
