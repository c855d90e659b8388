"""`store.sqlite.employees`: what its statements leave behind, and what they do not touch."""

from __future__ import annotations

from pathlib import Path

import apsw
from twisted.trial.unittest import SynchronousTestCase

from records.model.fields import STANDARD
from records.operations.boundaries import Done, Work
from records.store.sqlite.database import SqliteDatabase
from records.store.sqlite.employees import columns_of
from records.test.store.store_contract import named
from records.testing import Counting, FakeTime


class EmployeeRowsTests(SynchronousTestCase):
    """What is left behind, and what is not touched, by the statements of employees."""

    def setUp(self) -> None:
        self.database = SqliteDatabase(
            Path(self.mktemp()), FakeTime(), Counting(), catalogue=STANDARD
        )
        self.writer = self.database.writer()
        self.connection: apsw.Connection = self.writer._connection
        self.addCleanup(self.connection.close)

    def add(self, number: int) -> Work:
        return Work(lambda tx: tx.employees.add(named(number)))

    def test_columns(self) -> None:
        """The table has the columns of every field, what is derived, and one for own fields."""
        rows = self.connection.execute("PRAGMA table_info(employees)")
        columns = {row[1] for row in rows}
        derived = {"name_key", "employee_number_key", "own"}
        self.assertEqual(columns, {*columns_of(STANDARD).names.split(", "), *derived})

    def test_words_left_alone(self) -> None:
        """A change of no searched field changes the record's row and nothing else."""
        self.writer.run([self.add(1)])
        before = self.connection.total_changes()
        after = named(1, phone="+12127365000", title=None)
        self.writer.run([Work(lambda tx: tx.employees.replace(named(1), after))])
        self.assertEqual(self.connection.total_changes(), before + 1)

    def test_damaged_text(self) -> None:
        """A read that fails halfway leaves no state behind, though its error is kept."""
        self.writer.run([self.add(1), self.add(2)])
        self.connection.execute("UPDATE employees SET title = CAST(x'ff' AS TEXT) WHERE id = 1")
        reader = self.database.reader()
        self.addCleanup(reader.close)
        with self.assertRaises(UnicodeDecodeError) as kept:
            reader.begin().employees.get(1)
        connection = reader._connection
        reader.end()
        self.assertEqual(connection.txn_state(), apsw.SQLITE_TXN_NONE, kept)
        self.assertEqual(reader.begin().employees.get(2), named(2))
        reader.end()
        self.assertIs(reader._connection, connection)

    def test_refused_statement(self) -> None:
        """A statement that was refused leaves the next one nothing to trip over."""
        self.writer.run([self.add(1)])
        self.assertIsInstance(self.writer.run([self.add(1)])[0].error, apsw.ConstraintError)
        self.assertEqual(self.connection.txn_state(), apsw.SQLITE_TXN_NONE)
        self.assertEqual(self.writer.run([self.add(2)]), [Done()])
