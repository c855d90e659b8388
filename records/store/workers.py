"""Worker interface of the store, and the reader thread.

Owns jobs, and the errors of those that can no longer be done. Knows nothing of what a job does, nor
of when jobs are submitted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import Any, Protocol

from msgspec import Struct, field
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from records.model.errors import OutcomeUnknown, stopping
from records.operations.boundaries import Done, Work
from records.store.queues import JobQueue

MAX_BATCH = 256
"""The most writes that share a commit. They are answered while the next ones run."""

MAX_BULK = 16
"""The most bulk writes in a commit while interactive ones arrive."""


# A new error each time: an exception that is raised again keeps every frame that it passed.
def outcome_unknown() -> OutcomeUnknown:
    """Error for a job that may have been committed when the writer died."""
    return OutcomeUnknown(
        "The daemon stopped before it knew whether this became durable. "
        "Repeat it under the same key to find out."
    )


class Job(Struct):
    """Work that has been submitted, and the Deferred of its result."""

    work: Work
    is_bulk: bool = False
    deferred: Deferred[Any] = field(default_factory=Deferred)


Jobs = list[Job]


def fail_all(uncertain: Jobs, not_started: Jobs) -> None:
    """Fail the jobs of a worker that died. uncertain: those that may have been committed."""
    for job in uncertain:
        job.deferred.errback(Failure(outcome_unknown()))
    for job in not_started:
        job.deferred.errback(Failure(stopping()))


class Worker(Protocol):
    """Runs jobs outside of the reactor's thread.

    new_jobs: to be submitted next. waiting: how many jobs have no outcome yet. deliver: called in
    the reactor's thread with jobs and their outcomes. finished: fires once the worker has ended,
    and fails if it died; its jobs are failed right after.
    """

    new_jobs: Jobs
    waiting: int
    deliver: Callable[[Jobs, list[Done]], object]
    finished: Deferred[None]

    def start(self) -> None: ...

    def submit(self) -> None:
        """Hand the new jobs to the worker."""

    def stop(self) -> None:
        """Finish the submitted jobs, and end."""


class WriterWorker(Worker, Protocol):
    """A `Worker` that writes to a database, which is opened before it is started."""

    def open(self, path: Path) -> None:
        """Open the database, and wait until that is done. Raises `Unusable`."""

    def abandon(self) -> None:
        """End at once, because the daemon does not start."""


class ReactorFromThread(Protocol):
    """The part of a reactor that a thread needs."""

    def callFromThread(self, call: Callable[..., object], *args: object) -> None: ...


class WorkerThread:
    """A `Worker` that is a thread.

    run: runs jobs, at most `batch_size` together, or `bulk_size` bulk ones while interactive ones
    arrive. close: called at the end. Both are called in the thread.
    """

    def __init__(
        self,
        reactor: ReactorFromThread,
        name: str,
        run: Callable[[Sequence[Work]], list[Done]],
        close: Callable[[], object],
        batch_size: int = MAX_BATCH,
        bulk_size: int = MAX_BULK,
    ) -> None:
        self._reactor = reactor
        self._run = run
        self._close = close
        self._queue: SimpleQueue[Jobs | None] = SimpleQueue()
        self._queued: JobQueue[Job] = JobQueue(batch_size, bulk_size)
        self._under_way: Jobs = []
        self.new_jobs: Jobs = []
        self.waiting = 0
        self.thread = Thread(target=self._work, name=name, daemon=True)
        self.finished: Deferred[None] = Deferred()
        self.deliver: Callable[[Jobs, list[Done]], object] = lambda jobs, done: None

    def start(self) -> None:
        """See `Worker`."""
        self.thread.start()

    def submit(self) -> None:
        """See `Worker`."""
        if self.new_jobs:
            self._queue.put(self.new_jobs)
            self.new_jobs = []

    def stop(self) -> None:
        """See `Worker`."""
        self.submit()
        self._queue.put(None)

    def _receive_jobs(self) -> bool:
        """Receive all waiting jobs; block until there is one. Returns whether to go on."""
        while not self._queued or not self._queue.empty():
            more = self._queue.get()
            if more is None:
                return False
            for job in more:
                self._queued.add([job], job.is_bulk)
        return True

    def _work(self) -> None:
        going_on = True
        try:
            while going_on or self._queued:
                if going_on:
                    going_on = self._receive_jobs()
                if self._queued:
                    self._run_batch()
            self._close()
        except BaseException:  # noqa: BLE001  logged in the reactor's thread
            self._reactor.callFromThread(self._fail, Failure())
        else:
            self._reactor.callFromThread(self.finished.callback, None)

    def _run_batch(self) -> None:
        """Run the next batch. Its jobs are not referred to while the thread waits for more."""
        self._under_way, _ = self._queued.next_batch()
        done = self._run([job.work for job in self._under_way])
        self._reactor.callFromThread(self.deliver, self._under_way, done)
        self._under_way = []

    def _fail(self, failure: Failure) -> None:
        """Fail the jobs that the dead thread leaves. Runs in the reactor's thread."""
        self.finished.errback(failure)
        not_started = self._queued.drain() + self.new_jobs
        while not self._queue.empty():
            not_started += self._queue.get() or []
        self.new_jobs = []
        fail_all(self._under_way, not_started)


def _conforms(thread: WorkerThread) -> Worker:
    return thread
