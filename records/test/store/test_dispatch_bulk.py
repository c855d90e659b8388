"""The store: outcomes of work in bulk, which are given out at the end of turns, some in each."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event
from typing import Any
from weakref import ref

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from records.model.errors import OutcomeUnknown
from records.operations.boundaries import CommitUnknown, Transaction
from records.runtime.scheduler import BULK_SLICE, Participant
from records.store.dispatch import MAX_WAITING_JOBS, READERS
from records.store.workers import MAX_BATCH
from records.test.store.dispatch_case import HeldCase, add, next_id


def same(tx: Transaction, number: int) -> int:
    """Give it back."""
    return number


class Thing(set[int]):
    """Something of which can be told when it is gone."""


class Idler:
    """Takes part in the turns, and uses up the time of those who ask for much."""

    has_work = False
    has_bulk = False

    def __init__(self, time: Clock) -> None:
        self._time = time

    def run_interactive(self) -> bool:
        """See `Participant`."""
        return False

    def run_bulk(self) -> None:
        """See `Participant`."""
        self._time.advance(BULK_SLICE)

    def flush_work(self) -> None:
        """See `Participant`."""


class BulkCase(HeldCase):
    """A store that is handed work in bulk."""

    def bulk(self, count: int, *, read: bool = False, seconds: float = 0.0) -> list[object]:
        """Submit work whose outcomes are 0, 1 and so on; what comes out, as it comes.

        seconds: how long it takes to answer each.
        """
        begin = self.store.read if read else self.store.write
        found: list[object] = []

        def note(outcome: object) -> None:
            self.time.advance(seconds)
            found.append(outcome)

        for number in range(count):
            begin(same, number, bulk=True).addBoth(note)
        return found

    def handed_over(self, calls: int = 1) -> None:
        """End the iteration, and take in so many parts of the outcomes."""
        self.turns.turn()
        for _ in range(calls):
            self.turns.one_call()

    def counts(self, found: list[object]) -> list[int]:
        """Take turns while there is something to be done; how much had come out after each."""
        counts: list[int] = []
        while self.turns.next_turn:
            self.turns.turn()
            counts.append(len(found))
            self.assertLess(len(counts), 20, "it does not come to an end")
        return counts


class DeliveredTests(BulkCase):
    """When outcomes are given out."""

    def test_others_at_once(self) -> None:
        """Others get theirs as they are delivered, the bulk at the end of that iteration."""
        for read in (False, True):
            bulk = self.bulk(2, read=read)
            begin: Callable[..., Deferred[Any]] = self.store.read if read else self.store.write
            others = self.outcomes([begin(same, 7)])
            self.handed_over(2)
            self.assertEqual((bulk, others), ([], [7]))
            self.turns.turn()
            self.assertEqual(bulk, [0, 1])
            self.assertEqual(self.turns.next_turn, [], "there is nothing more to be done")

    def test_a_turns_time(self) -> None:
        """Outcomes are delivered until the slice is over, the rest in the next ones, in order."""
        found = self.bulk(7, seconds=BULK_SLICE * 0.4)
        self.handed_over()
        counts = self.counts(found)
        self.assertEqual((counts, found), ([3, 6, 7], list(range(7))))

    def test_one_at_least(self) -> None:
        """Whoever else uses up that time, at least one is given out in each iteration."""
        idler: Participant = Idler(self.time)
        self.store._scheduler.add(idler)
        found = self.bulk(3)
        self.handed_over()
        counts = self.counts(found)
        self.assertEqual((counts, found), ([1, 2, 3], [0, 1, 2]))

    def test_new_work_meanwhile(self) -> None:
        """Others are answered between two turns in which the bulk is, and wait for no more."""
        found = self.bulk(3, seconds=BULK_SLICE)
        self.handed_over()
        others = self.outcomes([self.store.write(same, 7)])
        self.handed_over()
        self.assertEqual((found, others), ([0], [7]))
        self.turns.turn()
        self.turns.turn()
        self.assertEqual(found, [0, 1, 2])

    def test_order_among_kinds(self) -> None:
        """What was delivered first is given out first, whoever did it."""
        order: list[str] = []
        self.store.read(next_id, bulk=True).addCallback(lambda _: order.append("read"))
        self.handed_over()
        self.store.write(add, 1, bulk=True).addCallback(lambda _: order.append("write"))
        for worker in self.store._workers:
            worker.submit()  # the iteration has not ended
        self.turns.one_call()
        self.assertEqual(order, [])
        self.turns.turn()
        self.assertEqual(order, ["read", "write"])

    def test_overtakes_nothing(self) -> None:
        """What came before it is done before it, as it may be from the same connection."""
        done: list[str] = []
        begun, go_on = Event(), Event()

        def hold(tx: Transaction) -> None:
            begun.set()
            go_on.wait(20)

        self.store.write(hold)  # another user's, so that it would be the bulk's turn
        self.turns.turn()
        self.assertTrue(begun.wait(20))
        self.store.write(lambda tx: done.append("first"))
        self.store.write(lambda tx: done.append("second"), bulk=True)
        self.turns.turn()
        go_on.set()
        for _ in range(3):
            self.turns.one_call()
        self.assertEqual(done, ["first", "second"])

    def test_nothing_is_kept(self) -> None:
        """An outcome that nobody keeps is gone once it is given out."""
        made: list[ref[Thing]] = []

        def make(tx: Transaction) -> Thing:
            thing = Thing()
            made.append(ref(thing))
            return thing

        self.store.read(make, bulk=True)
        self.handed_over()
        self.assertIsNotNone(made[0]())
        self.turns.turn()
        for _ in range(500):  # the thread may still be on its way back to its queue
            if made[0]() is not None:
                self.settle()
        self.assertIsNone(made[0]())


class WaitingTests(BulkCase):
    """What counts as waiting."""

    def test_counted(self) -> None:
        """Until it is given out, an outcome counts among what waits."""
        jobs = 2 * MAX_BATCH
        found = self.bulk(jobs, seconds=BULK_SLICE)
        self.handed_over(jobs // MAX_BATCH)
        waiting = [self.writer.waiting]
        for _ in range(2):
            self.turns.turn()
            waiting.append(self.writer.waiting)
        self.assertEqual(waiting, [jobs, jobs - 1, jobs - 2])
        self.assertEqual(found, [0, 1])

    def test_limit(self) -> None:
        """So it does towards the limit beyond which work is refused."""
        self.bulk(2)
        self.handed_over()
        self.writer.waiting += MAX_WAITING_JOBS - 2
        refused = self.outcomes([self.store.write(same, 7)])
        self.turns.turn()
        self.writer.waiting -= MAX_WAITING_JOBS - 2
        self.assertIn("Too many", str(refused[0]))
        self.assertEqual(self.writer.waiting, 0)


class OwnWritesTests(BulkCase):
    """A client that has been answered sees what they wrote."""

    def test_in_a_later_turn(self) -> None:
        """So does a read at once upon an outcome of the bulk, whenever that is given out."""
        seen: list[object] = []

        def look(number: int) -> None:
            seen.append((number, self.store.read_now(next_id)))
            self.time.advance(BULK_SLICE)

        for number in (1, 2, 3):
            self.store.write(add, number, bulk=True).addCallback(look)
        self.assertEqual(self.store.read_now(next_id), 1)
        self.turns.turn()
        self.store.read_now(next_id)  # a state that may be older is looked at in this very turn
        self.turns.one_call()
        for number in (1, 2, 3):
            self.turns.turn()
            self.assertEqual(seen[-1], (number, 4))
        self.assertEqual(len(seen), 3)

    def test_of_the_present_turn(self) -> None:
        """So it does if other writes are delivered between two of them."""
        seen: list[object] = []

        def look(_: object) -> None:
            seen.append(self.store.read_now(next_id))
            self.time.advance(BULK_SLICE)

        for number in (1, 2):
            self.store.write(add, number, bulk=True).addCallback(look)
        self.handed_over()
        self.store.write(add, 3).addCallback(look)
        self.handed_over()
        self.turns.turn()
        self.assertEqual(seen, [3, 4, 4])


class EndTests(BulkCase):
    """Bulk whose outcomes are still to be given out at the end."""

    readers = READERS

    def test_stop(self) -> None:
        """Stopped, the store gives all of them out, without another iteration."""
        written, read = (
            self.bulk(5, seconds=BULK_SLICE),
            self.bulk(3, read=True, seconds=BULK_SLICE),
        )
        stopped: list[object] = []
        self.store.stop().addBoth(lambda _: stopped.append((len(written), len(read))))
        while not stopped:
            self.turns.one_call()
        self.assertEqual(stopped, [(5, 3)])
        self.assertEqual(written, [0, 1, 2, 3, 4])
        self.assertCountEqual(read, [0, 1, 2])
        self.assertEqual(self.fatal, [])

    def test_broken(self) -> None:
        """When the writer breaks, what was done before is told first, as it was."""
        found = self.bulk(5, seconds=BULK_SLICE)
        self.handed_over()
        told: list[int] = []
        self.store._fatal = lambda failure: told.append(len(found))
        self.database.fault = CommitUnknown("IOError")
        later = self.outcomes([self.store.write(same, 5, bulk=True), self.store.write(same, 6)])
        self.writer.submit()  # the iteration has not ended
        self.turns.one_call()
        self.assertEqual((found, told), ([0, 1, 2, 3, 4], [5]))
        self.assertNotIn(None, later)
        self.assertIsInstance(later[1], OutcomeUnknown)
        self.assertEqual(self.writer.waiting, 2, "no more than what it left behind")
        self.flushLoggedErrors(CommitUnknown)
