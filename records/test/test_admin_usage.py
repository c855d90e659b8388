"""`python -m records.admin`: how it is called, what it proves, and which databases it refuses."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path

import apsw

from records import __version__
from records.admin import main
from records.model.access import Role
from records.test.admin_case import AdminCase


class VerifyTests(AdminCase):
    """Proof of the audit log."""

    def tamper(self, statement: str) -> None:
        connection = apsw.Connection(str(self.path))
        connection.execute(statement)
        connection.close()

    def test_whole(self) -> None:
        """Of a log that is whole, the head is reported, to be kept elsewhere."""
        head = self.look(lambda tx: tx.journal.head())
        said = self.does("verify")
        self.assertIn(f"whole: {len(self.before)} entries", said)
        self.assertIn(head.hash.hex(), said)
        self.audited()

    def test_tampered(self) -> None:
        """If it was tampered with, the first wrong entry is reported, and the exit code is 1."""
        self.tamper("UPDATE audit SET actor = 'hal' WHERE seq = 2")
        self.assertIn("audit entry 2: ", self.refused("verify"))

    def test_unreadable(self) -> None:
        """So it is if an entry cannot even be read."""
        for column, value in (("outcome", "'x'"), ("hash", "x''"), ("fields", "x'ff'")):
            self.tamper(f"UPDATE audit SET {column} = {value} WHERE seq = 2")
            code, said, complained = self.run_admin("verify")
            self.assertEqual((code, said), (1, ""))
            self.assertIn("audit entry 2: ", complained)


class UsageTests(AdminCase):
    """The command line, and databases that are refused."""

    def test_wrong_use(self) -> None:
        """What cannot be understood exits with 2 and says so, and changes nothing."""
        for argv, told in (
            ([], "COMMAND"),
            (["sing"], "sing"),
            (["--bcrypt-cost", "9", "list"], "from 10 to 16"),
            (["--bcrypt-cost", "17", "list"], "from 10 to 16"),
            (["--bcrypt-cost", "x", "list"], "from 10 to 16"),
            (["backup"], "FILE"),
            (["add", "ann"], "roles"),
            (["add", "ann", "boss"], "roles are owner, hr"),
            (["add", "ann", " , "], "commas between several"),
            (["employee", "hal", "one"], "give an Employee ID, or none"),
            (["employee", "hal", "-1"], ""),
            (["add", "ann", "hr", "--password", "x"], "--password"),
        ):
            code, said, complained = self.run_admin(*argv)
            self.assertEqual((code, said), (2, ""), argv)
            self.assertIn(told, complained)
        self.audited()

    def test_version_and_help(self) -> None:
        """The version and the help are reported."""
        self.assertEqual(self.does("--version"), f"records {__version__}\n")
        said = self.does("--help")
        for word in (
            "list",
            "add",
            "roles",
            "employee",
            "disable",
            "enable",
            "reset-password",
            "backup",
        ):
            self.assertRegex(said, rf"(?m)^    {word}\b")
        self.assertIn(f"Roles are {', '.join(role.value for role in Role)}.", said)

    def test_arguments(self) -> None:
        """Without arguments of its own it takes those of the process."""
        self.patch(sys, "argv", ["records.admin", "--data", str(self.folder), "list"])
        said = io.StringIO()
        self.patch(sys, "stdout", said)
        self.assertEqual(self.assertRaises(SystemExit, main).code, 0)
        self.assertIn("olga", said.getvalue())

    def test_no_database(self) -> None:
        """Without a database nothing is made, and the option to name it is reported."""
        empty = Path(self.mktemp())
        self.assertIn("--data", self.refused("list", data=empty))
        self.assertFalse(empty.exists())

    def test_impossible_folder(self) -> None:
        """A folder that cannot be looked into is refused like one that is not there."""
        for folder in (self.path, Path("x" * 300)):
            self.assertIn(str(folder), self.refused("list", data=folder))

    def test_other_databases(self) -> None:
        """A database of an older schema, a newer one, a damaged and an empty one are refused."""
        newer = "INSERT INTO schema_versions VALUES (99, 'x', 'x', 0)"
        older = (
            "PRAGMA application_id = 0x52454344; "
            "CREATE TABLE schema_versions (number INTEGER, name TEXT, checksum TEXT)"
        )
        for content, statement, told in (
            (b"", older, "older"),
            (self.path.read_bytes(), newer, "newer version"),
            (b"something else" * 100, "", "damaged"),
            (b"", "", "empty"),
        ):
            folder = Path(self.mktemp())
            folder.mkdir()
            file = folder / "records.sqlite"
            file.write_bytes(content)
            if statement:
                connection = apsw.Connection(str(file))
                connection.execute(statement)
                connection.close()
            before = file.read_bytes()
            self.assertIn(told, self.refused("list", data=folder))
            self.assertEqual(file.read_bytes(), before)

    def test_private(self) -> None:
        """Whatever it makes is for its owner's eyes only."""
        self.does("list")
        self.assertEqual(os.umask(0), 0o077)
