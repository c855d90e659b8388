"""The store: which work goes to whom, and together with what.

Owns when work is handed over, and when its outcome comes back. Knows nothing of SQL, nor of
whether it is a thread or a process that does the work.

Work that comes up during one turn of the reactor is handed over together at its end, and its
outcomes come back in one call. A thread woken in mid-turn would compete with the reactor for the
interpreter's lock at every TLS call; measured, that halves the rate. See `runtime.scheduler`.
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

MAX_WAITING = 20_000
"""How many pieces of work may wait for a worker before further ones are refused."""

CROWDED = 512
"""With so many writes waiting, each connection is to hand in one at a time: so nobody waits for
more than a few that others have sent together, and a commit still has many to share it."""

READERS = 2
MAX_READS = 8
"""How many reads are done before the first of them is answered, at most."""
MAX_BULK_READS = 2
"""How many in bulk, while others come that are not."""

TROUBLE_SECONDS = 60.0
"""How long the log says nothing more of a database in trouble once it has."""


def _waiting() -> Busy:
    return Busy("Too many requests are waiting; nothing was changed. Try again.")


class BatchingStore:
    """`records.operations.boundaries.Store` over a `Database`.

    writer: who writes, opened and not yet started. fatal: called once with a Failure when a
    commit's outcome cannot be known, or a worker has come to a bad end; nothing more is written
    after that, and the process must stop. seconds: a clock that is never set, for how often the
    log tells of a database in trouble.
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
        self._outcomes: deque[tuple[Worker, Job, Done]] = deque()  # of the bulk
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

    @property
    def is_crowded(self) -> bool:
        """See `records.operations.boundaries.Store`."""
        return self._writer.waiting >= CROWDED

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
        """See `records.operations.boundaries.Store`. All such reads of one turn see the same state.

        That state is never older than any outcome that has been delivered: `_deliver` ends it.
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
        elif worker.waiting >= MAX_WAITING:
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
        """See `Participant`. It is done as it comes."""
        return False

    def run_bulk(self) -> None:
        """See `Participant`. Gives out outcomes, one at least."""
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
        """Log why the database takes no changes, once in a while."""
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
        """Finish what has been handed in, close every connection, and fire."""
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
        self._writer.stop()  # the last to have the database open: it leaves no log behind
        await self._writer.finished
        self._answer_all()


def following(first: Deferred[None]) -> Deferred[None]:
    """A Deferred that fires with another, which more than one caller may wait for."""
    second: Deferred[None] = Deferred()

    def fire(result: None) -> None:
        second.callback(result)

    def fail(failure: Failure) -> Failure:
        second.errback(failure)
        return failure

    first.addCallbacks(fire, fail).addErrback(lambda _: None)  # `second` has it
    return second


def _read_all(reader: Reader, works: Sequence[Work]) -> list[Done]:
    """Run reads that see one state, each with its own outcome."""
    try:
        transaction = reader.begin()
        try:
            return [_read_one(transaction, work) for work in works]
        finally:
            reader.end()
    except Exception as error:  # noqa: BLE001  a read that fails harms nothing but itself
        return [Done(error=error)] * len(works)


def _read_one(transaction: Transaction, work: Work) -> Done:
    try:
        return Done(work.operation(transaction, *work.args))
    except RecordsError as error:
        return Done(error=error.without_traceback())
    except Exception as error:  # noqa: BLE001  it is that caller's, and logged there
        return Done(error=error)


def _conforms(store: BatchingStore) -> tuple[Store, Participant]:
    return store, store
