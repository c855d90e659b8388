"""The process that writes, as the daemon sees it: handed work, and what becomes of that.

Owns who waits for what is in it. Two processes have two interpreters: while one checks and writes
records, the other serves connections. What goes to and fro is in `store.writer_frames`, what
happens there in `records.store.writer_main`.
"""

from __future__ import annotations

import socket
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from records.model.errors import Unusable
from records.operations.boundaries import CommitUnknown, Done, Writer
from records.runtime.forked import PIECE, ForkedProcess
from records.runtime.framing import Broken, pack
from records.store.workers import Item, Items, WriterWorker, answer_all
from records.store.writer_frames import Closed, Opened, Stop, outcomes_of, parcel_of_works
from records.store.writer_main import Writing

NAME = "records-writer"
"""What the process is called where processes are listed."""


class WriterProcess(ForkedProcess):
    """A `Worker` that is a process of its own. It is forked at once, and to be opened later.

    reactor: watches it. open_writer: called there with the database's path. keep: the descriptors
    that are to stay open in it, such as the lock's. See `ForkedProcess`.
    """

    def __init__(
        self, reactor: Any, open_writer: Callable[[Path], Writer], keep: Sequence[int] = ()
    ) -> None:
        self.fresh: Items = []
        self.waiting = 0
        self.deliver: Callable[[Items, list[Done]], object] = lambda items, done: None
        self.finished: Deferred[None] = Deferred()
        self._under_way: dict[bool, deque[Item]] = {False: deque(), True: deque()}  # True: the bulk

        def live(other: socket.socket) -> None:
            Writing(other).serve(open_writer)

        super().__init__(reactor, NAME, "that writes", live, keep)

    def open(self, path: Path) -> None:
        """Have it open the database, and wait until it has. Raises `Unusable`."""
        parcels: list[Any] = []
        try:
            self._socket.sendall(pack(path))
            while not parcels:
                data = self._socket.recv(PIECE)
                if not data:
                    break
                parcels += self._unpacker.unpack(data)
        except OSError:
            parcels = []
        if parcels and isinstance(parcels[0], Broken):
            self._reap()
            raise Unusable(f"The process that writes to {path} has failed: {parcels[0].why}.")
        if not parcels or not isinstance(parcels[0], Opened):
            raise Unusable(f"The process that writes to {path} has ended: {self._reap()}.")
        if parcels[0].problem:
            raise Unusable(parcels[0].problem)

    def hand_over(self) -> None:
        """See `Worker`."""
        if not self.fresh:
            return
        items, self.fresh = self.fresh, []
        if self._is_over:
            answer_all([], items)
        else:
            # The bulk comes last, for it may overtake none of the others.
            for is_bulk, lane in self._under_way.items():
                self._pack([item for item in items if item.is_bulk is is_bulk], lane, is_bulk)
            self.doWrite()

    def _pack(self, items: Items, lane: deque[Item], is_bulk: bool) -> None:
        """Put these into a parcel, which is to be sent."""
        if not items:
            return
        try:
            parcel = parcel_of_works([item.work for item in items], is_bulk)
        except Exception:  # noqa: BLE001  one of them cannot leave: whose that is, is told
            items = [item for item in items if self._can_leave(item)]
            parcel = parcel_of_works([item.work for item in items], is_bulk)
        lane += items
        self._unsent += parcel

    def _can_leave(self, item: Item) -> bool:
        """Whether this work can be put into a parcel. It fails if not."""
        try:
            parcel_of_works([item.work])
        except Exception:  # noqa: BLE001  it is that caller's
            self.waiting -= 1
            item.deferred.errback(Failure())
            return False
        return True

    def stop(self) -> None:
        """See `Worker`."""
        self.hand_over()
        if not self._is_over:
            self.send(pack(Stop()))

    def received(self, parcel: Any) -> None:
        """See `ForkedProcess`."""
        if isinstance(parcel, Closed):
            self._end_well()
        elif isinstance(parcel, Broken):
            in_doubt = self._next(parcel.doubtful, parcel.is_bulk)
            self.ended_badly(Failure(CommitUnknown(parcel.why)), in_doubt)
        else:
            outcomes, is_bulk = outcomes_of(parcel)
            self.deliver(self._next(len(outcomes), is_bulk), outcomes)

    def _next(self, count: int, is_bulk: bool) -> Items:
        """Take this many of those that have been under way longest."""
        lane = self._under_way[is_bulk]
        return [lane.popleft() for _ in range(count)]

    def _end_well(self) -> None:
        self._watch_no_more()
        self._reap()
        self.finished.callback(None)
        answer_all([], self._left() + self.fresh)  # it came after the stop, and was not taken on
        self.fresh = []

    def ended_badly(self, failure: Failure | None, in_doubt: Items | None = None) -> None:
        """See `ForkedProcess`. Answers everything that it leaves behind.

        in_doubt: what may have been done; all that was handed over, if that is not known.
        """
        if self._is_over:
            return
        self._watch_no_more()
        if failure is None:
            failure = Failure(CommitUnknown(self._why_ended()))
        self.finished.errback(failure)
        left, fresh, self.fresh = self._left(), self.fresh, []
        if in_doubt is None:
            in_doubt, left = left, []
        answer_all(in_doubt, left + fresh)
        self._reap()  # last, where it is not needed before: its disk may hold it up

    def _left(self) -> Items:
        """All that has been handed over, and is still to be answered."""
        left = [item for lane in self._under_way.values() for item in lane]
        for lane in self._under_way.values():
            lane.clear()
        return left


def _conforms(process: WriterProcess) -> WriterWorker:
    return process
