"""What the tests of the threads share: turns that the test takes, and a writer that can fail."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from queue import Queue
from threading import Thread, current_thread
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from records.model.fields import STANDARD
from records.operations.boundaries import (
    Database,
    Description,
    Done,
    Flaw,
    Reader,
    Transaction,
    Work,
    Writer,
)
from records.runtime.scheduler import Scheduler
from records.store.dispatch import BatchingStore
from records.store.sqlite.database import SqliteDatabase
from records.store.workers import ReactorFromThread, WorkerThread
from records.test.daemon.held_case import WRITER
from records.test.store.store_contract import named
from records.testing import FakeTime


class HeldReactor:
    """A reactor's turns, taken one by one by the test; calls from threads wait in a queue.

    next_turn: calls that the test's own thread, the reactor's, has put off to the next iteration.
    """

    def __init__(self) -> None:
        self.thread = current_thread()
        self.next_turn: list[Callable[[], object]] = []
        self.calls: Queue[tuple[Callable[..., object], tuple[object, ...]]] = Queue()

    def callFromThread(self, call: Callable[..., object], *args: object) -> None:
        if current_thread() is self.thread:
            self.next_turn.append(lambda: call(*args))
        else:
            self.calls.put((call, args))

    def turn(self) -> None:
        """End the present turn: what was put off to the next one happens."""
        calls, self.next_turn = self.next_turn, []
        for call in calls:
            call()

    def one_call(self) -> None:
        """Wait for one call from a thread, and do it."""
        call, args = self.calls.get(timeout=20)
        call(*args)


class ScriptedDatabase:
    """A real database whose writer can be told to fail, and tells the sizes of its batches."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.batches: list[int] = []
        self.readers: list[Reader] = []
        self.fault: BaseException | None = None
        self.refusal: Done | None = None

    def reader(self) -> Reader:
        found = self._database.reader()
        self.readers.append(found)
        return found

    def writer(self) -> Writer:
        self._writer = self._database.writer()
        return self

    def run(self, works: Sequence[Work]) -> list[Done]:
        self.batches.append(len(works))
        if self.fault is not None:
            raise self.fault
        if self.refusal is not None:
            return [self.refusal] * len(works)
        return self._writer.run(works)

    def maintain(self) -> None:
        self._writer.maintain()

    def close(self) -> None:
        self._writer.close()

    def copy_to(self, path: Path) -> None:
        self._database.copy_to(path)

    def description(self) -> Description:
        return self._database.description()

    def flaws(self, step: Callable[[str], None]) -> list[Flaw]:
        return self._database.flaws(step)

    def rebuild(self) -> None:
        self._database.rebuild()


def add(tx: Transaction, number: int) -> int:
    tx.employees.add(named(number))
    return number


def next_id(tx: Transaction) -> int:
    return tx.employees.next_id()


class WriterThread(WorkerThread):
    """A `WriterWorker` that is a thread of the test's own process.

    keep: the descriptors that a process would keep.
    """

    def __init__(
        self,
        reactor: ReactorFromThread,
        open_writer: Callable[[Path], Writer],
        keep: Sequence[int] = (),
    ) -> None:
        super().__init__(reactor, WRITER, self._write, self._leave)
        self._open_writer = open_writer
        self.keep = keep

    def open(self, path: Path) -> None:
        """See `WriterWorker`."""
        self._writer = self._open_writer(path)

    def abandon(self) -> None:
        """See `WriterWorker`."""

    def _write(self, works: Sequence[Work]) -> list[Done]:
        return self._writer.run(works)

    def _leave(self) -> None:
        self._writer.close()


class HeldCase(SynchronousTestCase):
    """A store whose turns the test takes."""

    readers = 1

    def setUp(self) -> None:
        self.turns = HeldReactor()
        self.database = ScriptedDatabase(
            SqliteDatabase(Path(self.mktemp()), FakeTime(), catalogue=STANDARD)
        )
        self.fatal: list[Failure] = []
        self.time = Clock()
        self.writer = WorkerThread(
            self.turns, WRITER, self.database.writer().run, self.database.close
        )
        self.store = BatchingStore(
            self.turns,
            Scheduler(self.turns.callFromThread, self.time.seconds),
            self.database,
            self.writer,
            self.fatal.append,
            self.readers,
            self.time.seconds,
        )
        self.addCleanup(self.stop)

    def stop(self) -> None:
        stopped: list[object] = []
        self.store.stop().addBoth(stopped.append)
        while any(thread.is_alive() for thread in self.threads()):
            self.settle()
        self.settle()

    def threads(self) -> list[Thread]:
        """Those of the store."""
        return [worker.thread for worker in (self.writer, *self.store._readers)]

    def settle(self) -> None:
        """Do what threads have asked for so far."""
        for thread in self.threads():
            thread.join(0.01)
        while not self.turns.calls.empty():
            self.turns.one_call()

    def outcomes(self, deferreds: Sequence[Deferred[Any]]) -> list[object]:
        """What has come out: a value or an exception for each, None for what is under way."""
        found: list[object] = [None] * len(deferreds)
        for place, deferred in enumerate(deferreds):

            def note(outcome: object, place: int = place) -> None:
                found[place] = outcome.value if isinstance(outcome, Failure) else outcome

            deferred.addBoth(note)
        return found
