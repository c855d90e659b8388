"""`python -m records.admin backup`: a copy of the database, beside whoever works with it."""

from __future__ import annotations

from pathlib import Path

from records.operations.boundaries import Work
from records.test.admin_case import AdminCase
from records.test.store.store_contract import named


class BackupTests(AdminCase):
    """What is copied, and where to."""

    def setUp(self) -> None:
        super().setUp()
        self.copies = Path(self.mktemp())
        self.copies.mkdir()
        self.copy = self.copies / "copy.sqlite"

    def test_copy(self) -> None:
        """The copy stands alone, is private and whole, and holds the employees and accounts."""
        self.assertIn("keys", self.does("backup", str(self.copy)))
        self.assertEqual(list(self.copies.iterdir()), [self.copy])
        self.assertEqual(self.copy.stat().st_mode & 0o777, 0o600)
        restored = self.copies / "data"
        restored.mkdir()
        self.copy.rename(restored / "records.sqlite")
        self.folder, there = restored, self.look(lambda tx: list(tx.employees.everyone()))
        self.assertIn("is whole", self.does("verify"))
        self.assertIn("olga", self.does("list"))
        self.assertEqual([employee.id for employee in there], [1])
        self.audited()

    def test_beside_the_daemon(self) -> None:
        """It is made in the midst of others' transactions, of what they have committed."""
        reader, writer = self.database.reader(), self.database.writer()
        self.addCleanup(writer.close)
        self.addCleanup(reader.close)
        reader.begin()
        self.addCleanup(reader.end)
        copied: list[str] = []

        def change(tx: object) -> None:
            copied.append(self.does("backup", str(self.copy)))

        self.assertIsNone(writer.run([Work(change)])[0].error)
        self.assertIsNone(writer.run([Work(lambda tx: tx.employees.add(named(2)))])[0].error)
        self.does("backup", str(self.copies / "later"))
        self.assertNotEqual(self.copy.read_bytes(), (self.copies / "later").read_bytes())

    def test_taken(self) -> None:
        """A file that exists already stays as it is."""
        self.copy.write_text("dear")
        link = self.copies / "link"
        link.symlink_to("nowhere")
        for path in (self.copy, link, self.copies, self.path):
            self.assertIn("exists already", self.refused("backup", str(path)))
        self.assertEqual(self.copy.read_text(), "dear")
        self.assertEqual(sorted(self.copies.iterdir()), [self.copy, link])

    def test_impossible(self) -> None:
        """Where nothing can be written it is refused in one line."""
        told = self.refused("backup", str(self.copies / "no" / "copy"))
        self.assertIn("cannot be written: No such file", told)
