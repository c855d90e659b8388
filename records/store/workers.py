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
from records.store.queues import Lanes

MAX_BATCH = 256
"""How many writes share one commit at most: while the next ones are made, these are answered."""

MAX_BULK = 16
"""How many in bulk, while others come that are not: these wait for no more."""


# Each refusal is an error of its own: one raised over and over would keep every frame it passed.
def unknown() -> OutcomeUnknown:
    """For what may have been done when the end came."""
    return OutcomeUnknown(
        "The daemon stopped before it knew whether this became durable. "
        "Repeat it under the same key to find out."
    )


class Item(Struct):
    """A piece of work on its way, and the Deferred that waits for it."""

    work: Work
    is_bulk: bool = False
    deferred: Deferred[Any] = field(default_factory=Deferred)


Items = list[Item]


def answer_all(doubtful: Items, never_begun: Items) -> None:
    """Answer everything that a worker leaves behind who has come to a bad end."""
    for item in doubtful:
        item.deferred.errback(Failure(unknown()))
    for item in never_begun:
        item.deferred.errback(Failure(stopping()))


class Worker(Protocol):
    """Somebody who does work that is handed over in the reactor's thread.

    fresh: what is handed over next. waiting: how much is on its way. deliver: called in the
    reactor's thread with work and its outcomes. finished: fires once the worker has ended, and
    fails if that was a bad end; what it leaves behind is answered right after.
    """

    fresh: Items
    waiting: int
    deliver: Callable[[Items, list[Done]], object]
    finished: Deferred[None]

    def start(self) -> None: ...

    def hand_over(self) -> None: ...

    def stop(self) -> None:
        """Finish what has been handed in, and end."""


class WriterWorker(Worker, Protocol):
    """A `Worker` that writes to a database, which is opened before it is started."""

    def open(self, path: Path) -> None:
        """Open the database, and wait until that is done. Raises `Unusable`."""

    def abandon(self) -> None:
        """End where nothing comes of the start."""


class FromThread(Protocol):
    """What a thread asks of the reactor."""

    def callFromThread(self, call: Callable[..., object], *args: object) -> None: ...


class WorkerThread:
    """A `Worker` that is a thread.

    run: does the work, as much as waits but no more than `many` at a time, or `few` in bulk while
    others come. close: called at the end. Both are called in the thread.
    """

    def __init__(
        self,
        reactor: FromThread,
        name: str,
        run: Callable[[Sequence[Work]], list[Done]],
        close: Callable[[], object],
        many: int = MAX_BATCH,
        few: int = MAX_BULK,
    ) -> None:
        self._reactor = reactor
        self._run = run
        self._close = close
        self._queue: SimpleQueue[Items | None] = SimpleQueue()
        self._lanes: Lanes[Item] = Lanes(many, few)
        self._under_way: Items = []
        self.fresh: Items = []
        self.waiting = 0
        self.thread = Thread(target=self._work, name=name, daemon=True)
        self.finished: Deferred[None] = Deferred()
        self.deliver: Callable[[Items, list[Done]], object] = lambda items, done: None

    def start(self) -> None:
        """See `Worker`."""
        self.thread.start()

    def hand_over(self) -> None:
        """See `Worker`."""
        if self.fresh:
            self._queue.put(self.fresh)
            self.fresh = []

    def stop(self) -> None:
        """See `Worker`."""
        self.hand_over()
        self._queue.put(None)

    def _take_in(self) -> bool:
        """Take in everything that waits, blocking until there is something; whether to go on."""
        while not self._lanes or not self._queue.empty():
            more = self._queue.get()
            if more is None:
                return False
            for item in more:
                self._lanes.add([item], item.is_bulk)
        return True

    def _work(self) -> None:
        going_on = True
        try:
            while going_on or self._lanes:
                if going_on:
                    going_on = self._take_in()
                if self._lanes:
                    self._do_some()
            self._close()
        except BaseException:  # noqa: BLE001  the thread's last word, which the reactor logs
            self._reactor.callFromThread(self._give_up, Failure())
        else:
            self._reactor.callFromThread(self.finished.callback, None)

    def _do_some(self) -> None:
        """Do what is next. What it refers to does not live until there is more to be done."""
        self._under_way, _ = self._lanes.take()
        done = self._run([item.work for item in self._under_way])
        self._reactor.callFromThread(self.deliver, self._under_way, done)
        self._under_way = []

    def _give_up(self, failure: Failure) -> None:
        """Answer everything that the dead thread leaves behind. Runs in the reactor's thread."""
        self.finished.errback(failure)
        never_begun = self._lanes.rest() + self.fresh
        while not self._queue.empty():
            never_begun += self._queue.get() or []
        self.fresh = []
        answer_all(self._under_way, never_begun)


def _conforms(thread: WorkerThread) -> Worker:
    return thread
