"""What every database must do with transactions. See `store_contract`."""

from __future__ import annotations

from records.model.audit import verify
from records.operations.boundaries import Reader, Transaction, Work, Writer
from records.test.store.store_contract import EVENT, DatabaseCase, named
from records.testing import START


class TransactionContract(DatabaseCase):
    """boundaries.Transaction, Reader and Writer"""

    def pair(self) -> tuple[Reader, Writer]:
        """A reader and a writer besides the store's."""
        reader, writer = self.made.reader(), self.made.writer()
        self.addCleanup(reader.close)
        self.addCleanup(writer.close)
        return reader, writer

    def test_one_instant(self) -> None:
        """All of a batch happens at one instant, and the next batch at its own."""

        def look(tx: Transaction) -> int:
            self.clock.advance(1)
            return tx.now

        _, writer = self.pair()
        batches = [[done.value for done in writer.run([Work(look)] * 2)] for _ in range(2)]
        self.assertEqual(batches, [[START, START], [START + 2_000_000] * 2])

    def test_all_or_nothing(self) -> None:
        """A work that raises leaves nothing; those before and after it in the batch stay."""

        def add(tx: Transaction, number: int, fault: Exception | None) -> int:
            tx.employees.add(named(number))
            tx.journal.append(EVENT)
            if fault is not None:
                raise fault
            return number

        fault = KeyError("x")
        _, writer = self.pair()
        works = [Work(add, (number, fault if number == 2 else None)) for number in (1, 2, 3)]
        done = writer.run(works)
        self.assertEqual([each.value for each in done], [1, None, 3])
        self.assertEqual([each.error for each in done], [None, fault, None])
        there = [self.see(lambda tx, n=n: tx.employees.get(n)) is not None for n in (1, 2, 3)]
        self.assertEqual(there, [True, False, True])
        self.assertEqual(verify(self.see(lambda tx: list(tx.journal.entries()))).seq, 2)

    def test_works_see_each_other(self) -> None:
        """A work sees what those before it in the batch have done."""
        _, writer = self.pair()
        done = writer.run(
            [
                Work(lambda tx: tx.employees.add(named(1))),
                Work(lambda tx: tx.employees.next_id()),
                Work(lambda tx: tx.employees.remove(named(1))),
                Work(lambda tx: tx.employees.get(1)),
            ]
        )
        self.assertEqual([each.value for each in done][1::2], [2, None])
        self.assertEqual([each.error for each in done], [None] * 4)

    def test_readers_see_one_state(self) -> None:
        """A reader sees one state from its first look until its end, and then the newest."""
        reader, _ = self.pair()
        tx = reader.begin()
        self.assertEqual(tx.employees.next_id(), 1)
        self.do(lambda tx: tx.employees.add(named(1)))
        self.assertEqual(tx.employees.next_id(), 1)
        reader.end()
        self.assertEqual(reader.begin().employees.next_id(), 2)
        reader.end()
        reader.end()

    def test_readers_do_not_write(self) -> None:
        """A reader cannot change anything."""
        reader, _ = self.pair()
        tx = reader.begin()
        with self.assertRaises(Exception):  # noqa: B017  each adapter has its own
            tx.employees.add(named(1))
        reader.end()
        self.assertIsNone(self.see(lambda tx: tx.employees.get(1)))

    def test_random_bytes(self) -> None:
        """Random bytes are as many as asked for, and different each time."""
        one, other = self.see(lambda tx: (tx.random_bytes(16), tx.random_bytes(16)))
        self.assertEqual((len(one), len(other)), (16, 16))
        self.assertNotEqual(one, other)
