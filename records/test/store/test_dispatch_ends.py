"""The store's threads: what is answered when they stop, and when they die."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from records.model.errors import Busy, OutcomeUnknown
from records.operations.boundaries import CommitUnknown, Transaction
from records.store.workers import MAX_BATCH
from records.test.store.dispatch_case import HeldCase, add, next_id


class StopTests(HeldCase):
    """Stopping."""

    def test_drains(self) -> None:
        """What was submitted before the stop is done, even in the same iteration; later work is
        not.
        """
        before = self.outcomes([self.store.write(add, 1), self.store.read(next_id)])
        stopped: list[object] = []
        self.store.stop().addBoth(stopped.append)
        after = self.outcomes([self.store.write(add, 2), self.store.read(next_id)])
        with self.assertRaises(Busy):
            self.store.read_now(next_id)
        for refused in after:
            self.assertIsInstance(refused, Busy)
        self.assertEqual(stopped, [])
        while not stopped:
            self.turns.one_call()
        self.assertEqual((before[0], stopped), (1, [None]))
        self.assertIn(before[1], (1, 2))
        self.assertEqual(self.fatal, [])

    def test_twice(self) -> None:
        """A second stop fires when the first one has done its work, and not before."""
        fired: list[object] = []
        for _ in range(2):
            self.store.stop().addBoth(fired.append)
        self.assertEqual(fired, [])
        while len(fired) < 2:
            self.turns.one_call()
        third: list[object] = []
        self.store.stop().addBoth(third.append)
        self.assertEqual(third, [None])

    def test_nothing_left_open(self) -> None:
        """Stopped, the database is one file that anybody may open."""
        self.outcomes([self.store.write(add, 1)])
        stopped: list[object] = []
        self.store.stop().addBoth(stopped.append)
        while not stopped:
            self.turns.one_call()
        path: Path = self.database._database._path  # type: ignore[attr-defined]
        self.assertEqual([each.name for each in path.parent.iterdir()], [path.name])


class DeathTests(HeldCase):
    """When the writer cannot go on."""

    def setUp(self) -> None:
        super().setUp()
        self.gone = CommitUnknown("IOError")

    def kinds(self, found: Sequence[object]) -> list[type]:
        return [type(each) for each in found]

    def test_commit_unknown(self) -> None:
        """Whose commit it was is told it is unknown, everybody later that nothing was done."""
        self.database.fault = self.gone
        batch = self.outcomes([self.store.write(add, number) for number in (1, 2)])
        self.turns.turn()
        self.writer.thread.join(20)
        waiting = self.outcomes([self.store.write(add, 3)])
        self.turns.turn()
        new_jobs = self.outcomes([self.store.write(add, 4)])
        self.turns.one_call()
        self.assertEqual(self.kinds(batch), [OutcomeUnknown] * 2)
        self.assertEqual(self.kinds(waiting + new_jobs), [Busy] * 2)
        after = self.outcomes([self.store.write(add, 5)])
        self.assertEqual(self.kinds(after), [Busy])
        self.assertEqual([each.value for each in self.fatal], [self.gone])
        self.assertEqual(self.database.batches, [2])
        self.flushLoggedErrors(CommitUnknown)

    def test_parts(self) -> None:
        """Of a long queue only the part under way is unknown."""
        self.database.fault = self.gone
        found = self.outcomes([self.store.write(add, number) for number in range(MAX_BATCH + 2)])
        self.turns.turn()
        self.turns.one_call()
        self.assertEqual(self.kinds(found), [OutcomeUnknown] * MAX_BATCH + [Busy] * 2)
        self.flushLoggedErrors(CommitUnknown)

    def test_programs_fault(self) -> None:
        """Whatever kills the thread, nobody waits for ever."""
        self.database.fault = fault = ZeroDivisionError()
        found = self.outcomes([self.store.write(add, 1)])
        self.turns.turn()
        self.turns.one_call()
        self.assertEqual(self.kinds(found), [OutcomeUnknown])
        self.assertEqual([each.value for each in self.fatal], [fault])
        self.flushLoggedErrors(ZeroDivisionError)

    def test_told_once(self) -> None:
        """However many threads die, that the store cannot go on is said once."""

        def die(tx: Transaction) -> None:
            raise SystemExit

        self.database.fault = self.gone
        found = self.outcomes([self.store.write(add, 1), self.store.read(die)])
        self.turns.turn()
        self.turns.one_call()
        self.turns.one_call()
        self.assertEqual(self.kinds(found), [OutcomeUnknown] * 2)
        self.assertEqual(len(self.fatal), 1)
        self.flushLoggedErrors(CommitUnknown, SystemExit)

    def test_reads_go_on_no_more(self) -> None:
        """Once broken, reads are refused as well, and stopping still works."""
        self.database.fault = self.gone
        self.outcomes([self.store.write(add, 1)])
        self.turns.turn()
        self.turns.one_call()
        self.assertEqual(self.kinds(self.outcomes([self.store.read(next_id)])), [Busy])
        self.flushLoggedErrors(CommitUnknown)
