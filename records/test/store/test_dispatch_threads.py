"""A thread that does the store's work: in which order, and what it leaves behind."""

from __future__ import annotations

from collections.abc import Sequence
from threading import Event
from typing import Any
from weakref import ref

from twisted.logger import capturedLogs
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from records.model.errors import Busy, OutcomeUnknown
from records.operations.boundaries import Done, Transaction, Work
from records.store.workers import Job, Jobs, WorkerThread
from records.test.store.dispatch_case import HeldReactor

WAIT = 20


def same(tx: Transaction, thing: object) -> object:
    """Stands for an operation whose outcome is what it is given."""
    return thing


class Thing:
    """Something of which can be told when it is gone."""


class WorkerThreadTests(SynchronousTestCase):
    """A thread that takes four works at a time, or two of the bulk while others come."""

    def setUp(self) -> None:
        self.turns = HeldReactor()
        self.batches: list[list[object]] = []
        self.fault: tuple[int, Exception] | None = None
        self.begun, self.go_on = Event(), Event()
        self.worker = WorkerThread(self.turns, "worker", self.run_works, lambda: None, 4, 2)
        self.worker.deliver = self.deliver
        self.ended: list[object] = []
        self.worker.finished.addBoth(self.ended.append)

    def run_works(self, works: Sequence[Work]) -> list[Done]:
        """Called in the thread. In the batch of the fault it waits until it is told to go on."""
        self.batches.append([work.args[0] for work in works])
        if self.fault is not None and len(self.batches) == self.fault[0]:
            self.begun.set()
            self.go_on.wait(WAIT)
            raise self.fault[1]
        return [Done(work.args[0]) for work in works]

    def deliver(self, items: Jobs, done: list[Done]) -> None:
        """As the store does."""
        for item, outcome in zip(items, done, strict=True):
            item.deferred.callback(outcome.value)

    def hand(self, *things: object, bulk: bool = False) -> list[Any]:
        """Submit a work for each; what comes out, later."""
        found: list[Any] = []
        for thing in things:
            item = Job(Work(same, (thing,)), bulk)
            item.deferred.addCallbacks(found.append, lambda failure: found.append(failure.value))
            self.worker.new_jobs.append(item)
        return found

    def end(self) -> None:
        """Do what the thread asks for, to its end."""
        while not self.ended:
            self.turns.one_call()
        self.worker.thread.join(WAIT)

    def test_others_first(self) -> None:
        """Interactive work does not wait for bulk work that was submitted before."""
        bulk, others = self.hand(1, 2, 3, bulk=True), self.hand("a", "b")
        self.worker.stop()
        self.worker.start()
        self.end()
        self.assertEqual(self.batches, [["a", "b"], [1, 2], [3]])
        self.assertEqual((bulk, others, self.ended), ([1, 2, 3], ["a", "b"], [None]))

    def test_by_turns(self) -> None:
        """Of much of both they alternate, each in its order; all of it is done before the stop."""
        bulk = self.hand(*range(5), bulk=True)
        self.worker.submit()
        others = self.hand(*"abcdefghi")
        self.worker.stop()
        self.worker.start()
        self.end()
        told = [list("abcd"), [0, 1], list("efgh"), [2, 3], ["i"], [4]]
        self.assertEqual(self.batches, told)
        self.assertEqual((bulk, others), (list(range(5)), list("abcdefghi")))

    def test_bulk_alone(self) -> None:
        """Where nobody else comes, the bulk goes as much together as anything."""
        self.hand(*range(6), bulk=True)
        self.worker.stop()
        self.worker.start()
        self.end()
        self.assertEqual(self.batches, [[0, 1, 2, 3], [4, 5]])

    def test_breaks(self) -> None:
        """Of what was under way when it breaks the outcome is unknown, nothing else was done."""
        self.fault = 2, LookupError()
        bulk, others = self.hand(1, 2, 3, bulk=True), self.hand(*"abcde")
        self.worker.submit()
        self.worker.start()
        self.assertTrue(self.begun.wait(WAIT))
        queued = self.hand("f"), self.hand(4, bulk=True)
        self.worker.submit()
        new_jobs = self.hand("g"), self.hand(5, bulk=True)
        self.go_on.set()
        with capturedLogs():
            self.end()
        self.assertEqual(self.batches, [list("abcd"), [1, 2]])
        self.assertEqual([type(each) for each in bulk], [OutcomeUnknown, OutcomeUnknown, Busy])
        self.assertEqual(others[:4], list("abcd"))
        for each in (*others[4:], *[one for found in queued + new_jobs for one in found]):
            self.assertIsInstance(each, Busy)
        self.assertEqual([len(found) for found in (others, *queued, *new_jobs)], [5, 1, 1, 1, 1])
        (failure,) = self.ended
        assert isinstance(failure, Failure)
        self.assertIs(failure.value, self.fault[1])

    def test_nothing_is_kept(self) -> None:
        """What is delivered is kept by nobody, while the thread waits for more."""
        for bulk in (False, True):
            thing = Thing()
            gone = ref(thing)
            self.worker.new_jobs.append(Job(Work(same, (thing,)), bulk))
            del thing
            self.worker.submit()
            if not bulk:
                self.worker.start()
            self.turns.one_call()
            self.batches.clear()
            for _ in range(500):  # the thread may still be on its way back to its queue
                if gone() is not None:
                    self.worker.thread.join(0.01)
            self.assertIsNone(gone(), f"bulk: {bulk}")
        self.worker.stop()
        self.end()
