"""What every store must do with imports and their rows."""

from __future__ import annotations

from typing import Any

import msgspec

from records.model.access import Role
from records.model.accounts import Account
from records.model.errors import FieldError
from records.model.imports import Import, ImportRow, RowOutcome, RowWarning, State
from records.model.values import Money
from records.operations.boundaries import Transaction
from records.test.store.store_contract import DatabaseCase

NEW = Import(id=0, account_id=1, name="people.csv", at=0)
ROW = ImportRow(
    line=2,
    given={"given_name": "Ann", "id": 7, "manager_id": {"name": "Bo"}},
    outcome=RowOutcome.CHANGE,
    employee_id=7,
    revision=3,
    manager_id=8,
    manager_line=9,
    level=2,
    changes={"given_name": "Änn", "salary": Money("1.00", "USD", "hour"), "title": None},
    errors=(FieldError("ssn", "SSN is wrong."),),
    warnings=(RowWarning("code", "field", "A sentence."),),
)


class ImportsContract(DatabaseCase):
    """Imports: kept, found, and removed with their rows."""

    def setUp(self) -> None:
        super().setUp()
        ann = Account(0, "ann", "hash", (Role.HR,), None, disabled=False)
        self.account_id = self.do(lambda tx: tx.accounts.add(ann).id)
        self.first = self.added()

    def added(self, **changes: Any) -> Import:
        new = msgspec.structs.replace(NEW, account_id=self.account_id, **changes)
        found: Import = self.do(lambda tx: tx.imports.add(new))
        return found

    def put(self, *rows: ImportRow) -> None:
        self.do(lambda tx: tx.imports.put(self.first.id, rows))

    def test_imports(self) -> None:
        """An import is found by its number and by its account, newest first, and replaced."""
        second = self.added(name="other")
        self.assertNotEqual(second.id, self.first.id)
        changed = msgspec.structs.replace(self.first, state=State.PLANNED, counts={"add": 1})
        self.do(lambda tx: tx.imports.replace(changed))
        self.assertEqual(self.do(lambda tx: tx.imports.get(changed.id)), changed)
        found = self.do(lambda tx: tx.imports.of_account(self.account_id))
        self.assertEqual(found, [second, changed])
        self.assertEqual(self.do(lambda tx: tx.imports.of_account(99)), [])
        self.assertIsNone(self.do(lambda tx: tx.imports.get(99)))

    def test_rows(self) -> None:
        """Rows come back as they were stored, and are replaced by others of the same line."""
        bare = ImportRow(line=3)
        self.put(ROW, bare)
        self.assertEqual(self.do(lambda tx: tx.imports.row(self.first.id, 2)), ROW)
        self.assertEqual(self.do(lambda tx: tx.imports.rows(self.first.id, 0, 9)), [ROW, bare])
        changed = ImportRow(line=3, outcome=RowOutcome.SAME)
        self.put(changed)
        self.assertEqual(self.do(lambda tx: tx.imports.rows(self.first.id, 2, 9)), [changed])
        self.assertEqual(self.do(lambda tx: tx.imports.rows(self.first.id, 0, 1)), [ROW])
        same = RowOutcome.SAME
        self.assertEqual(self.do(lambda tx: tx.imports.rows(self.first.id, 0, 9, same)), [changed])
        self.assertIsNone(self.do(lambda tx: tx.imports.row(self.first.id, 4)))
        for line, count in ((1, 0), (2, 1), (99, 2)):
            found = self.do(lambda tx, to: tx.imports.count_to(self.first.id, to), line)
            self.assertEqual(found, count)

    def test_found(self) -> None:
        """Rows are found by their keys and by the employee, in the order of their lines."""
        self.put(ImportRow(line=5, employee_id=7), ROW)
        self.assertEqual(self.do(lambda tx: tx.imports.line_of(self.first.id, 7)), 2)
        self.assertIsNone(self.do(lambda tx: tx.imports.line_of(self.first.id, 8)))
        keys = [("a", 5), ("a", 2), ("b", 2), ("a", 5)]
        self.do(lambda tx: tx.imports.put_keys(self.first.id, keys))

        def lines(key: str, limit: int) -> Any:
            return self.do(lambda tx: tx.imports.lines_with(self.first.id, key, limit))

        self.assertEqual(lines("a", 9), [2, 5])
        self.assertEqual(lines("a", 1), [2])
        self.assertEqual(lines("zz", 9), [])
        self.do(lambda tx: tx.imports.forget_keys(self.first.id))
        self.assertEqual(lines("a", 9), [])

    def test_by_level(self) -> None:
        """Rows are followed by level, upwards or downwards, while they change."""
        levels = {4: 0, 3: 2, 2: 1, 5: 1}
        rows = [
            ImportRow(line=line, level=level, outcome=RowOutcome.ADD)
            for line, level in levels.items()
        ]
        self.put(*rows, ImportRow(line=6, outcome=RowOutcome.SAME))

        def follow(tx: Transaction, downwards: bool) -> list[int]:
            found = []
            only = (RowOutcome.ADD, RowOutcome.CHANGE)
            for line in tx.imports.lines_by_level(self.first.id, only, downwards=downwards):
                tx.imports.put(self.first.id, [ImportRow(line=line, outcome=RowOutcome.CHANGE)])
                found.append(line)
            return found

        self.assertEqual(self.do(follow, False), [4, 2, 5, 3])
        self.put(*rows)
        self.assertEqual(self.do(follow, True), [3, 2, 5, 4])

    def test_removed(self) -> None:
        """An import goes with its rows and keys, and leaves the others."""
        second = self.added()
        self.put(ROW)
        self.do(lambda tx: tx.imports.put(second.id, [ROW]))
        self.do(lambda tx: tx.imports.put_keys(self.first.id, [("a", 2)]))
        self.do(lambda tx: tx.imports.remove(self.first.id))
        self.assertIsNone(self.do(lambda tx: tx.imports.get(self.first.id)))
        self.assertEqual(self.do(lambda tx: tx.imports.rows(self.first.id, 0, 9)), [])
        self.assertEqual(self.do(lambda tx: tx.imports.lines_with(self.first.id, "a", 9)), [])
        self.assertEqual(self.do(lambda tx: tx.imports.rows(second.id, 0, 9)), [ROW])
        self.do(lambda tx: tx.imports.remove(second.id))
        self.assertGreater(self.added().id, second.id)

    def test_forgotten(self) -> None:
        """Old imports that were never applied are removed, one by one."""
        for state in State:
            self.added(at=5, state=state)
        self.added(at=6, name="newer")
        while self.do(lambda tx: tx.imports.forget(6)):
            pass
        found = self.do(lambda tx: tx.imports.of_account(self.account_id))
        names = [(each.state, each.at) for each in found]
        self.assertEqual(names, [(State.RECEIVING, 6), (State.UNDONE, 5), (State.APPLIED, 5)])
