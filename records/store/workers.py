"""Who does the store's work apart from the reactor: what is handed to them, and a thread of them.

Owns what work on its way is, and how it is answered where it cannot be done any more. Knows
nothing of what the work is, nor of when it is handed over.
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
"""How many writes share one commit at most: while the next ones are made, these are answered."""

MAX_BULK = 16
"""How many in bulk, while others come that are not: these wait for no more."""


# Each refusal is an error of its own: one raised over and over would keep every frame it passed.
def outcome_unknown() -> OutcomeUnknown:
    """For what may have been done when the end came."""
    return OutcomeUnknown(
        "The daemon stopped before it knew whether this became durable. "
        "Repeat it under the same key to find out."
    )


class Job(Struct):
    """A piece of work on its way, and the Deferred that waits for it."""

    work: Work
    is_bulk: bool = False
    deferred: Deferred[Any] = field(default_factory=Deferred)


Jobs = list[Job]


def fail_all(uncertain: Jobs, not_started: Jobs) -> None:
    """Answer everything that a worker leaves behind who has come to a bad end."""
    for job in uncertain:
        job.deferred.errback(Failure(outcome_unknown()))
    for job in not_started:
        job.deferred.errback(Failure(stopping()))


class Worker(Protocol):
    """Somebody who does work that is handed over in the reactor's thread.

    fresh: what is handed over next. waiting: how much is on its way. deliver: called in the
    reactor's thread with work and its outcomes. finished: fires once the worker has ended, and
    fails if that was a bad end; what it leaves behind is answered right after.
    """

    new_jobs: Jobs
    waiting: int
    deliver: Callable[[Jobs, list[Done]], object]
    finished: Deferred[None]

    def start(self) -> None: ...

    def submit(self) -> None: ...

    def stop(self) -> None:
        """Finish what has been handed in, and end."""


class WriterWorker(Worker, Protocol):
    """A `Worker` that writes to a database, which is opened before it is started."""

    def open(self, path: Path) -> None:
        """Open the database, and wait until that is done. Raises `Unusable`."""

    def abandon(self) -> None:
        """End where nothing comes of the start."""


class ReactorFromThread(Protocol):
    """What a thread asks of the reactor."""

    def callFromThread(self, call: Callable[..., object], *args: object) -> None: ...


class WorkerThread:
    """A `Worker` that is a thread.

    run: does the work, as much as waits but no more than `many` at a time, or `few` in bulk while
    others come. close: called at the end. Both are called in the thread.
    """

    def __init__(
        self,
        reactor: ReactorFromThread,
        name: str,
        run: Callable[[Sequence[Work]], list[Done]],
        close: Callable[[], object],
        many: int = MAX_BATCH,
        few: int = MAX_BULK,
    ) -> None:
        self._reactor = reactor
        self._run = run
        self._close = close
        self._queue: SimpleQueue[Jobs | None] = SimpleQueue()
        self._queued: JobQueue[Job] = JobQueue(many, few)
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
        """Take in everything that waits, blocking until there is something; whether to go on."""
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
        except BaseException:  # noqa: BLE001  the thread's last word, which the reactor logs
            self._reactor.callFromThread(self._fail, Failure())
        else:
            self._reactor.callFromThread(self.finished.callback, None)

    def _run_batch(self) -> None:
        """Do what is next. What it refers to does not live until there is more to be done."""
        self._under_way, _ = self._queued.take()
        done = self._run([job.work for job in self._under_way])
        self._reactor.callFromThread(self.deliver, self._under_way, done)
        self._under_way = []

    def _fail(self, failure: Failure) -> None:
        """Answer everything that the dead thread leaves behind. Runs in the reactor's thread."""
        self.finished.errback(failure)
        not_started = self._queued.rest() + self.new_jobs
        while not self._queue.empty():
            not_started += self._queue.get() or []
        self.new_jobs = []
        fail_all(self._under_way, not_started)


def _conforms(thread: WorkerThread) -> Worker:
    return thread
