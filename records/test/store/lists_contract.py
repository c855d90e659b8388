"""What every database must tell beside a page of employees. See `store_contract`."""

from __future__ import annotations

from records.api.messages import ListParams
from records.api.query import parse_query
from records.model.fields import STANDARD
from records.model.history import Change, ChangeKind
from records.operations.boundaries import Transaction
from records.test.store.store_contract import EVENT, DatabaseCase, named


class ListsContract(DatabaseCase):
    """boundaries.Employees.count_of and boundaries.Journal.last_change"""

    def count(self, **params: object) -> int:
        """How many match, from a list that shows one of them."""
        query = parse_query(STANDARD, ListParams(limit=1, **params))  # type: ignore[arg-type]
        counted: int = self.see(lambda tx: tx.employees.count_of(query))
        return counted

    def test_count_of(self) -> None:
        """All that match are counted, whatever the page, the order and the cursor."""
        people = [
            named(n, name, department="R&D" if n % 3 else None)
            for n, name in enumerate("ABCDEA", 1)
        ]
        self.do(lambda tx: [tx.employees.add(each) for each in people])
        self.assertEqual(self.count(), 6)
        self.assertEqual(self.count(sort="-name"), 6)
        self.assertEqual(self.count(search="a"), 2)
        self.assertEqual(self.count(where={"department": "R&D"}), 4)
        self.assertEqual(self.count(search="a", where={"department": None}), 1)
        self.assertEqual(self.count(where={"title": "x"}), 0)
        query = parse_query(STANDARD, ListParams(limit=1))
        first = self.see(lambda tx: tx.employees.page(query, 1))[0].employee(STANDARD)
        params = ListParams(limit=1, cursor=query.cursor_after(first))
        later = parse_query(STANDARD, params)
        self.assertEqual(self.see(lambda tx: tx.employees.count_of(later)), 6)

    def test_last_change(self) -> None:
        """It is the number of the newest change of an employee, and no other entry's."""

        def change(tx: Transaction, revision: int) -> None:
            entry = tx.journal.append(EVENT)
            kind = ChangeKind.ADD if revision == 1 else ChangeKind.UPDATE
            tx.journal.add_change(
                Change(entry.seq, entry.at, "ann", 1, revision, kind, {}, {}, b"salt")
            )

        def last() -> int:
            found: int = self.see(lambda tx: tx.journal.last_change())
            return found

        self.assertEqual(last(), 0)
        self.do(lambda tx: tx.journal.append(EVENT))
        self.assertEqual(last(), 0)
        for revision in (1, 2):
            self.do(change, revision)
            self.assertEqual(last(), 1 + revision)
        self.do(lambda tx: tx.journal.append(EVENT))
        self.assertEqual(last(), 3)
