"""What is found wrong with a database file, and what a rebuild mends."""

from __future__ import annotations

from pathlib import Path

import apsw
from twisted.trial.unittest import SynchronousTestCase

from records.model.fields import STANDARD, Field, FieldClass, Kind
from records.operations.boundaries import Work
from records.store.sqlite.database import SqliteDatabase
from records.test.store.store_contract import named
from records.testing import FakeTime


class FlawsTests(SynchronousTestCase):
    """A database of two employees, and a hand that reaches into its file."""

    def setUp(self) -> None:
        self.path = Path(self.mktemp())
        self.database = SqliteDatabase(self.path, FakeTime(), catalogue=STANDARD)
        writer = self.database.writer()
        for employee in (named(1, "Zoë"), named(2, "Bo", employee_number="e-7")):
            self.assertIsNone(
                writer.run([Work(lambda tx, e=employee: tx.employees.add(e))])[0].error
            )
        writer.close()

    def tamper(self, statement: str) -> None:
        """Change the file behind the program's back."""
        hand = apsw.Connection(str(self.path))
        hand.execute(statement)
        self.assertGreater(hand.changes(), 0, statement)
        hand.close()

    def flaws(self) -> list[str]:
        """What is wrong."""
        return [flaw.message for flaw in self.database.flaws(lambda _: None)]

    def test_derived(self) -> None:
        """A wrong key or word is found, with its employee, and a rebuild mends it."""
        for statement, told in (
            ("UPDATE employees SET name_key = 'x' WHERE id = 1", "Employee 1 is sorted by"),
            ("UPDATE employees SET employee_number_key = 'x' WHERE id = 2", "Employee 2 is sorted"),
            ("DELETE FROM employee_words WHERE word = 'zoe'", "Employee 1 is not found by every"),
            ("INSERT INTO employee_words VALUES ('x', 1)", "There are 1 words to search by"),
            ("INSERT INTO employee_words VALUES ('x', 99)", "There are 1 words to search by"),
        ):
            self.tamper(statement)
            found = self.database.flaws(lambda _: None)
            self.assertEqual([flaw.is_derived for flaw in found], [True], statement)
            self.assertIn(told, found[0].message)
            self.database.rebuild()
            self.assertEqual(self.flaws(), [], statement)

    def test_references(self) -> None:
        """A row that names another which is not there is found, and no rebuild mends it."""
        self.tamper("PRAGMA foreign_keys = 0; UPDATE employees SET manager_id = 77 WHERE id = 2")
        found = self.database.flaws(lambda _: None)
        self.assertEqual([flaw.is_derived for flaw in found], [False])
        self.assertIn("Row 2 of employees names a row of employees", found[0].message)

    def test_unreadable(self) -> None:
        """Text that is not UTF-8 is found."""
        self.tamper("UPDATE employees SET given_name = CAST(x'ff' AS TEXT) WHERE id = 1")
        self.assertIn("cannot be read", self.flaws()[0])

    def test_damaged_file(self) -> None:
        """A page that was written over is found, wherever it is."""
        content = bytearray(self.path.read_bytes())
        for place in range(4096, len(content), 4096):
            damaged = bytearray(content)
            damaged[place : place + 4096] = b"\xee" * 4096
            self.path.write_bytes(damaged)
            self.assertNotEqual(self.flaws(), [], place)
        self.path.write_bytes(content)
        self.assertEqual(self.flaws(), [])

    def test_own_keys(self) -> None:
        """What own fields are found by is compared with their values, and made anew."""
        badge = Field(
            "badge", "Badge", Kind.TEXT, FieldClass.DIRECTORY, "text", "", own=True, unique=True
        )
        writer = self.database.writer()
        works = [
            Work(lambda tx: tx.own_fields.put(badge)),
            Work(lambda tx: tx.employees.add(named(3, badge="b"))),
        ]
        self.assertTrue(all(done.error is None for done in writer.run(works)))
        writer.close()
        self.assertEqual(self.flaws(), [])
        for statement in (
            "UPDATE own_keys SET key = 'x'",
            "DELETE FROM own_keys",
            "INSERT INTO own_keys VALUES ('badge', 'c', 1)",
        ):
            self.tamper(statement)
            self.assertEqual(len(self.flaws()), 1, statement)
            self.database.rebuild()
            self.assertEqual(self.flaws(), [])

    def test_many(self) -> None:
        """Of many flaws some are told."""
        writer = self.database.writer()
        works = [Work(lambda tx, n=n: tx.employees.add(named(n))) for n in range(3, 60)]
        self.assertTrue(all(done.error is None for done in writer.run(works)))
        writer.close()
        self.tamper("UPDATE employees SET name_key = 'x'")
        self.assertEqual(len(self.flaws()), 20)
