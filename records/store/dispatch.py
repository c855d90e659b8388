"""The store: chooses the thread or process for each job, and groups jobs.

Owns when jobs are submitted, and when their outcomes come back. Knows nothing of SQL, nor of
whether a thread or a process does the work.

Jobs of one reactor iteration are submitted together at its end, and their outcomes come back in one
call. A thread woken during the iteration would compete with the reactor for the GIL at every TLS
call; measured, that halves the rate. See `records.runtime.scheduler`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from time import monotonic
from typing import Any, TypeVar, TypeVarTuple

from twisted.internet.defer import Deferred, gatherResults
from twisted.logger import Logger
from twisted.python.failure import Failure

from records.model.errors import Busy, RecordsError, stopping
from records.operations.boundaries import Database, Done, Reader, Store, Transaction, Work
from records.runtime.scheduler import Participant, Scheduler
from records.store.workers import Job, Jobs, ReactorFromThread, Worker, WorkerThread

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

MAX_WAITING_JOBS = 20_000
"""The most jobs that may wait for a worker. Further ones are refused."""

READERS = 2
MAX_READS = 8
"""The most reads that run together; the first one is answered after the last one."""
MAX_BULK_READS = 2
"""The most bulk reads that run together while interactive ones arrive."""

TROUBLE_SECONDS = 60.0
"""Seconds between two log messages about a failing database."""


def _waiting() -> Busy:
    return Busy("Too many requests are waiting. Nothing was changed; try again.")


class BatchingStore:
    """`records.operations.boundaries.Store` over a `Database`.

    writer: opened, and not started. fatal: called once with a Failure when the outcome of a commit
    cannot be known, or a worker has died; nothing is written after that, and the process must
    stop. seconds: a monotonic clock, for the interval of log messages.
    """

    _log = Logger()

    def __init__(
        self,
        reactor: ReactorFromThread,
        scheduler: Scheduler,
        database: Database,
        writer: Worker,
        fatal: Callable[[Failure], object],
        readers: int = READERS,
        seconds: Callable[[], float] = monotonic,
    ) -> None:
        self._reactor = reactor
        self._scheduler = scheduler
        self._fatal = fatal
        self._seconds = seconds
        self._quiet_until = float("-inf")
        self._broken = False
        self._stopped: Deferred[None] | None = None
        self._outcomes: deque[tuple[Worker, Job, Done]] = deque()  # of bulk jobs, to be delivered
        self._inline_reader: Reader | None = database.reader()
        self._inline_transaction: Transaction | None = None
        self._writer = writer
        self._readers = [self._reading(database.reader(), n) for n in range(readers)]
        self._workers: list[Worker] = [*self._readers, writer]
        for worker in self._workers:
            worker.deliver = partial(self._deliver, worker)
            worker.finished.addErrback(self._break)
            worker.start()
        scheduler.add(self)

    def _reading(self, reader: Reader, number: int) -> WorkerThread:
        return WorkerThread(
            self._reactor,
            f"records-reader-{number}",
            lambda works: _read_all(reader, works),
            reader.close,
            MAX_READS,
            MAX_BULK_READS,
        )

    def read(
        self, operation: Callable[[Transaction, *Ts], T], *args: *Ts, bulk: bool = False
    ) -> Deferred[T]:
        """See `records.operations.boundaries.Store`."""
        idlest = min(self._readers, key=lambda worker: worker.waiting)
        return self._submit(idlest, operation, args, bulk)

    def write(
        self, operation: Callable[[Transaction, *Ts], T], *args: *Ts, bulk: bool = False
    ) -> Deferred[T]:
        """See `records.operations.boundaries.Store`."""
        return self._submit(self._writer, operation, args, bulk)

    def read_now(self, operation: Callable[[Transaction, *Ts], T], *args: *Ts) -> T:
        """See `records.operations.boundaries.Store`. All such reads of an iteration see one state.

        The state is never older than a delivered outcome: `_deliver` ends the transaction.
        """
        if self._inline_reader is None:
            raise stopping()
        if self._inline_transaction is None:
            self._inline_transaction = self._inline_reader.begin()
            self._scheduler.schedule()
        return operation(self._inline_transaction, *args)

    def _submit(
        self,
        worker: Worker,
        operation: Callable[..., object],
        args: tuple[object, ...],
        is_bulk: bool,
    ) -> Deferred[Any]:
        job = Job(Work(operation, args), is_bulk)
        if self._broken or self._stopped is not None:
            job.deferred.errback(Failure(stopping()))
        elif worker.waiting >= MAX_WAITING_JOBS:
            job.deferred.errback(Failure(_waiting()))
        else:
            worker.waiting += 1
            worker.new_jobs.append(job)
            self._scheduler.schedule()
        return job.deferred

    @property
    def has_work(self) -> bool:
        """See `Participant`."""
        near = self._inline_transaction is not None
        return near or bool(self._outcomes) or any(worker.new_jobs for worker in self._workers)

    @property
    def has_bulk(self) -> bool:
        """See `Participant`."""
        return bool(self._outcomes)

    def run_interactive(self) -> bool:
        """See `Participant`. Interactive outcomes are delivered as they arrive."""
        return False

    def run_bulk(self) -> None:
        """See `Participant`. Delivers at least one outcome."""
        given = 0
        while self._outcomes and not (given and self._scheduler.slice_is_over()):
            self._answer(*self._outcomes.popleft())
            given += 1

    def flush_work(self) -> None:
        """See `Participant`."""
        try:
            self._end_inline()
        finally:
            for worker in self._workers:
                worker.submit()

    def _end_inline(self) -> None:
        if self._inline_transaction is not None and self._inline_reader is not None:
            self._inline_transaction = None
            self._inline_reader.end()

    def _deliver(self, worker: Worker, jobs: Jobs, done: list[Done]) -> None:
        self._scheduler.schedule()
        self._end_inline()
        for job, outcome in zip(jobs, done, strict=True):
            if job.is_bulk:
                self._outcomes.append((worker, job, outcome))
            else:
                self._answer(worker, job, outcome)

    def _answer_all(self) -> None:
        while self._outcomes:
            self._answer(*self._outcomes.popleft())

    def _answer(self, worker: Worker, job: Job, outcome: Done) -> None:
        worker.waiting -= 1
        if outcome.trouble:
            self._log_trouble(outcome.trouble)
        if outcome.error is None:
            job.deferred.callback(outcome.value)
        else:
            job.deferred.errback(Failure(outcome.error))

    def _log_trouble(self, trouble: str) -> None:
        """Log why the database takes no changes, once in an interval."""
        now = self._seconds()
        if now >= self._quiet_until:
            self._quiet_until = now + TROUBLE_SECONDS
            self._log.warn("The database takes no changes: {trouble}", trouble=trouble)

    def _break(self, failure: Failure) -> None:
        if not self._broken:
            self._broken = True
            self._answer_all()
            self._log.failure("The store cannot go on", failure)
            self._fatal(failure)

    def stop(self) -> Deferred[None]:
        """Finish all submitted jobs and close every connection. Fires then."""
        if self._stopped is not None:
            return following(self._stopped)
        self._stopped = Deferred()
        Deferred.fromCoroutine(self._stop()).chainDeferred(self._stopped)
        return following(self._stopped)

    async def _stop(self) -> None:
        self._end_inline()
        if self._inline_reader is not None:
            self._inline_reader.close()
            self._inline_reader = None
        for reader in self._readers:
            reader.stop()
        await gatherResults([reader.finished for reader in self._readers])
        self._writer.stop()  # last to have the database open, so that it leaves no log
        await self._writer.finished
        self._answer_all()


def following(first: Deferred[None]) -> Deferred[None]:
    """A Deferred that fires with another one, for which several callers may wait."""
    second: Deferred[None] = Deferred()

    def fire(result: None) -> None:
        second.callback(result)

    def fail(failure: Failure) -> Failure:
        second.errback(failure)
        return failure

    first.addCallbacks(fire, fail).addErrback(lambda _: None)  # `second` has it
    return second


def _read_all(reader: Reader, works: Sequence[Work]) -> list[Done]:
    """Run reads in one transaction, each with its own outcome."""
    try:
        transaction = reader.begin()
        try:
            return [_read_one(transaction, work) for work in works]
        finally:
            reader.end()
    except Exception as error:  # noqa: BLE001  a failed read harms only itself
        return [Done(error=error)] * len(works)


def _read_one(transaction: Transaction, work: Work) -> Done:
    try:
        return Done(work.operation(transaction, *work.args))
    except RecordsError as error:
        return Done(error=error.without_traceback())
    except Exception as error:  # noqa: BLE001  mapped or logged by that caller
        return Done(error=error)


def _conforms(store: BatchingStore) -> tuple[Store, Participant]:
    return store, store
