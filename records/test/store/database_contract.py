"""What every database must tell of itself. See `store_contract`."""

from __future__ import annotations

from pathlib import Path

from records.model.employee import Employee
from records.model.history import Change, ChangeKind
from records.operations.boundaries import Transaction
from records.test.store.store_contract import EVENT, FULL, DatabaseCase, named


class DatabaseContract(DatabaseCase):
    """boundaries.Database"""

    def fill(self) -> None:
        """Add three employees, one of whom has a value in every field, and an entry."""
        self.do(lambda tx: tx.employees.add(named(1, "Zoë")))
        self.do(lambda tx: tx.employees.add(named(2, employee_number="E-7")))
        full = Employee(3, 1, FULL)
        self.do(lambda tx: tx.employees.add(full))
        self.do(lambda tx: tx.journal.append(EVENT))

    def test_description(self) -> None:
        """It says how many rows it has, beside a writer, and what keeps them."""
        before = self.made.description()
        self.assertEqual(set(before.counts.values()), {0})
        self.assertTrue(before.engine)
        self.fill()
        after = self.made.description()
        self.assertEqual(after.counts, {"employees": 3, "accounts": 0, "changes": 0, "entries": 1})
        self.assertEqual((after.schema, after.engine), (before.schema, before.engine))

    def test_no_flaws(self) -> None:
        """A database that is whole has no flaws, and says what it checks; nor has its copy."""
        self.fill()
        steps: list[str] = []
        self.assertEqual(self.made.flaws(steps.append), [])
        self.assertNotEqual(steps, [])
        copy = Path(self.mktemp())
        self.made.copy_to(copy)
        self.assertTrue(copy.exists())

    def test_changes_by_employee(self) -> None:
        """The changes of one employee come after those of another, in the order of revisions."""

        def add(tx: Transaction, number: int, revision: int) -> Change:
            entry = tx.journal.append(EVENT)
            change = Change(
                *(entry.seq, entry.at, "ann", number, revision, ChangeKind.UPDATE, {}, {}),
                salt=bytes(16),
            )
            tx.journal.add_change(change)
            return change

        made = [self.do(add, n, r) for n, r in ((7, 1), (8, 1), (7, 2), (7, 10), (7, 3))]
        self.assertEqual(
            self.see(lambda tx: list(tx.journal.changes_by_employee())),
            [made[i] for i in (0, 2, 4, 3, 1)],
        )

    def test_rebuild(self) -> None:
        """What is derived can be made anew, and is then as it was."""
        self.fill()
        self.made.rebuild()
        self.assertEqual(self.made.flaws(lambda _: None), [])
        self.assertEqual(self.see(lambda tx: tx.employees.with_word("zoe", 5)), [1])
