"""The store's threads: hand-over by turn, order, and what is answered when they stop or die."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.selectreactor import SelectReactor
from twisted.logger import LogEvent, LogLevel, formatEvent, globalLogPublisher
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase, TestCase

from records.model.errors import Busy, RecordsError
from records.model.fields import STANDARD
from records.operations.boundaries import Done, Transaction
from records.runtime.scheduler import Scheduler
from records.store.dispatch import MAX_WAITING_JOBS, BatchingStore
from records.store.sqlite.database import SqliteDatabase
from records.store.workers import MAX_BATCH
from records.test.store.dispatch_case import HeldCase, WriterThread, add, next_id
from records.test.store.store_contract import EVENT
from records.testing import FakeTime


class SchedulerTests(HeldCase):
    """Work goes by turn."""

    def test_one_hand_over(self) -> None:
        """Jobs of an iteration are submitted at its end, as one batch, and answered in one."""
        found = self.outcomes([self.store.write(add, number) for number in (1, 2, 3)])
        self.settle()
        self.assertEqual(self.database.batches, [], "nothing is handed over before")
        self.turns.turn()
        self.turns.one_call()
        self.assertEqual((self.database.batches, found), ([3], [1, 2, 3]))

    def test_next_turn(self) -> None:
        """What comes up later goes in a later batch."""
        first = self.outcomes([self.store.write(add, 1)])
        self.turns.turn()
        self.turns.one_call()
        second = self.outcomes([self.store.write(add, 2)])
        self.assertEqual((first, second), ([1], [None]))
        self.turns.turn()
        self.turns.one_call()
        self.assertEqual((self.database.batches, second), ([1, 1], [2]))

    def test_errors_are_ones_own(self) -> None:
        """An operation that raises fails its own Deferred, and no other."""
        fault = KeyError("x")

        def fail(tx: Transaction) -> None:
            raise fault

        for begin in (self.store.write, self.store.read):
            found = self.outcomes([begin(next_id), begin(fail), begin(next_id)])
            self.turns.turn()
            self.turns.one_call()
            self.assertEqual(found, [1, fault, 1])

    def test_reads_and_writes(self) -> None:
        """Reads and writes of an iteration go to their own threads."""
        found = self.outcomes([self.store.read(next_id), self.store.write(add, 1)])
        self.turns.turn()
        self.turns.one_call()
        self.turns.one_call()
        self.assertEqual(found[1], 1)
        self.assertIn(found[0], (1, 2))
        self.assertEqual(self.database.batches, [1])

    def test_large_batches(self) -> None:
        """No batch grows beyond the limit; each part is answered once it is committed."""
        count = MAX_BATCH * 2 + 5
        writes = [self.store.write(lambda tx: tx.journal.append(EVENT).seq) for _ in range(count)]
        found = self.outcomes(writes)
        self.turns.turn()
        self.turns.one_call()
        self.assertEqual(found, [*range(1, MAX_BATCH + 1)] + [None] * (MAX_BATCH + 5))
        self.turns.one_call()
        self.turns.one_call()
        self.assertEqual(found, list(range(1, count + 1)))
        self.assertEqual(self.database.batches, [MAX_BATCH, MAX_BATCH, 5])

    def test_new_work_from_an_answer(self) -> None:
        """Work that an answer leads to is submitted at the end of that iteration."""
        found: list[object] = []
        self.store.write(add, 1).addCallback(
            lambda number: self.store.read(next_id).addCallback(found.append)
        )
        self.turns.turn()
        self.turns.one_call()
        self.turns.turn()
        self.turns.one_call()
        self.assertEqual(found, [2])


class InlineReadTests(HeldCase):
    """Reads at once."""

    def test_same_state_within_a_turn(self) -> None:
        """Reads of one iteration see one state; the next iteration sees the newest."""
        self.assertEqual(self.store.read_now(next_id), 1)
        self.outcomes([self.store.write(add, 1)])
        self.assertEqual(self.store.read_now(next_id), 1)
        self.turns.turn()
        self.turns.one_call()
        self.assertEqual(self.store.read_now(next_id), 2)

    def test_own_writes(self) -> None:
        """A client that has been answered sees the write, even in the turn of an older read."""
        seen: list[object] = []
        self.store.write(add, 1).addCallback(lambda _: seen.append(self.store.read_now(next_id)))
        self.turns.turn()
        self.assertIn(self.store.read_now(next_id), (1, 2))
        self.turns.one_call()
        self.assertEqual(seen, [2])

    def test_own_writes_by_thread(self) -> None:
        """So does a read that goes by a thread."""
        for number in range(1, 6):
            self.outcomes([self.store.write(add, number)])
            self.turns.turn()
            self.turns.one_call()
            found = self.outcomes([self.store.read(next_id)])
            self.turns.turn()
            self.turns.one_call()
            self.assertEqual(found, [number + 1])

    def test_errors(self) -> None:
        """What the operation raises is raised, and later reads go on."""

        def fail(tx: Transaction) -> None:
            raise KeyError

        with self.assertRaises(KeyError):
            self.store.read_now(fail)
        self.assertEqual(self.store.read_now(next_id), 1)


class ReaderTests(HeldCase):
    """When a reader fails."""

    def test_cannot_begin(self) -> None:
        """Reads that cannot even begin fail, each by itself, and harm no write."""
        self.database.readers[-1].close()
        found = self.outcomes([self.store.read(next_id) for _ in range(2)])
        self.turns.turn()
        self.turns.one_call()
        for each in found:
            self.assertIsInstance(each, Exception)
        written = self.outcomes([self.store.write(add, 1)])
        self.turns.turn()
        self.turns.one_call()
        self.assertEqual((written, self.fatal), ([1], []))


class TroubleTests(HeldCase):
    """When the database takes no changes."""

    def setUp(self) -> None:
        super().setUp()
        self.said: list[str] = []
        observer: Any = self.note
        globalLogPublisher.addObserver(observer)
        self.addCleanup(globalLogPublisher.removeObserver, observer)

    def note(self, event: LogEvent) -> None:
        if event.get("log_level") is LogLevel.warn:
            self.said.append(formatEvent(event))

    def write(self) -> None:
        """Two writes in one iteration, and how they end."""
        found = self.outcomes([self.store.write(add, 1) for _ in range(2)])
        self.turns.turn()
        self.turns.one_call()
        self.assertEqual([type(each) for each in found], [Busy] * 2)

    def test_told(self) -> None:
        """The operator is told of which kind it is, once a minute at the most."""
        self.database.refusal = Done(error=Busy("x"), trouble="FullError")
        self.write()
        self.assertEqual(self.said, ["The database takes no changes: FullError"])
        self.time.advance(59)
        self.write()
        self.assertEqual(len(self.said), 1)
        self.time.advance(1)
        self.write()
        self.assertEqual(len(self.said), 2)
        self.assertEqual(self.fatal, [])

    def test_own_refusals(self) -> None:
        """An operation that refuses by itself is no trouble of the database's."""
        self.database.refusal = Done(error=Busy("x"))
        self.write()
        self.assertEqual(self.said, [])


class LimitTests(HeldCase):
    """Too much at once."""

    def test_waiting(self) -> None:
        """Beyond the limit work is refused at once, and nothing of it is done."""
        first = self.outcomes([self.store.read(next_id) for _ in range(MAX_WAITING_JOBS)])
        refused = self.outcomes([self.store.read(next_id) for _ in range(2)])
        self.assertEqual([type(each) for each in refused], [Busy] * 2)
        self.assertEqual(set(first), {None})
        written = self.outcomes([self.store.write(add, 1)])
        self.turns.turn()
        while None in first + written:
            self.turns.one_call()
        self.assertEqual((len(first), written), (MAX_WAITING_JOBS, [1]))
        again = self.outcomes([self.store.read(next_id)])
        self.turns.turn()
        self.turns.one_call()
        self.assertEqual(again, [2])

    def test_errors_do_not_grow(self) -> None:
        """A refusal is a new error each time: one raised over and over would keep every frame."""
        waiting = self.outcomes([self.store.read(next_id) for _ in range(MAX_WAITING_JOBS)])

        async def ask() -> None:
            await self.store.read(next_id)

        lengths = []
        for _ in range(20):
            failure = self.failureResultOf(Deferred.fromCoroutine(ask()), Busy)
            traceback, length = failure.value.__traceback__, 0
            while traceback is not None:
                traceback, length = traceback.tb_next, length + 1
            lengths.append(length)
        self.assertEqual(len(set(lengths)), 1, lengths)
        self.assertEqual(len(waiting), MAX_WAITING_JOBS)


class ClockTests(SynchronousTestCase):
    """With a real reactor, whose clock is set."""

    def test_set_back(self) -> None:
        """Work is submitted in the next iteration, even if the clock is set back before."""
        turns: Any = SelectReactor()
        self.addCleanup(turns.waker.connectionLost, None)
        now = [1_000_000.0]
        turns.seconds = lambda: now[0]
        path = Path(self.mktemp())
        database = SqliteDatabase(path, FakeTime(), catalogue=STANDARD)
        writer = WriterThread(turns, lambda path: database.writer())
        writer.open(path)
        store = BatchingStore(turns, Scheduler(turns.callFromThread), database, writer, self.fail)

        def until(fired: list[object]) -> object:
            for _ in range(200):
                turns.runUntilCurrent()
                if fired:
                    break
                turns.doIteration(0.02)
            return list(fired)

        found: list[object] = []
        store.write(add, 1).addBoth(found.append)
        now[0] -= 3600
        turns.doIteration(0)
        handed = until(found)
        stopped: list[object] = []
        store.stop().addBoth(stopped.append)
        self.assertEqual((until(stopped), handed), ([None], [1]))


class ReactorTests(TestCase):
    """With the real reactor and its real turns."""

    timeout = 20

    async def test_many(self) -> None:
        """Many writes and reads at once: each has its answer, in order, and is in the chain."""
        fatal: list[Failure] = []
        turns: Any = reactor
        path = Path(self.mktemp())
        database = SqliteDatabase(path, FakeTime(), catalogue=STANDARD)
        writer = WriterThread(turns, lambda path: database.writer())
        writer.open(path)
        store = BatchingStore(
            turns, Scheduler(turns.callFromThread), database, writer, fatal.append
        )
        order: list[int] = []

        def note(seq: int) -> int:
            order.append(seq)
            return seq

        try:
            writes = []
            for _ in range(300):
                write = store.write(lambda tx: tx.journal.append(EVENT).seq)
                writes.append(write.addCallback(note))
            reads = [store.read(next_id) for _ in range(300)]
            numbers = await gatherResults(writes)
            self.assertEqual(numbers, list(range(1, 301)))
            self.assertEqual(order, numbers)
            self.assertEqual(await gatherResults(reads), [1] * 300)
            self.assertEqual(store.read_now(lambda tx: tx.journal.head().seq), 300)
            refused = store.write(self.fail)
            with self.assertRaises(TypeError):
                await store.write(add)  # type: ignore[arg-type]
            with self.assertRaises(Exception):  # noqa: B017
                await refused
        finally:
            await store.stop()
        self.assertEqual(fatal, [])
        with self.assertRaises(RecordsError):
            await store.read(next_id)
