"""The writer process as the daemon sees it: jobs are submitted to it, and their outcomes come back.

Two processes have two interpreters: while one checks and writes records, the other serves
connections. The frames are in `records.store.writer_frames`, the process's own loop is in
`records.store.writer_main`.
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
from records.runtime.forked import READ_SIZE, ForkedProcess
from records.runtime.framing import ProcessFailed, encode_frame
from records.store.workers import Job, Jobs, WriterWorker, fail_all
from records.store.writer_frames import Closed, Opened, Stop, frame_of_works, outcomes_of
from records.store.writer_main import WriterLoop

NAME = "records-writer"
"""The process name that `ps` shows."""


class WriterProcess(ForkedProcess):
    """A `Worker` in a process of its own. The constructor forks it; `open` opens its database.

    reactor: watches it. open_writer: called in the process with the database's location. keep: the
    file descriptors that stay open in it, such as the lock's. See `ForkedProcess`.
    """

    def __init__(
        self, reactor: Any, open_writer: Callable[[Path], Writer], keep: Sequence[int] = ()
    ) -> None:
        self.new_jobs: Jobs = []
        self.waiting = 0
        self.deliver: Callable[[Jobs, list[Done]], object] = lambda jobs, done: None
        self.finished: Deferred[None] = Deferred()
        self._under_way: dict[bool, deque[Job]] = {
            False: deque(),
            True: deque(),
        }  # by whether they are bulk

        def live(other: socket.socket) -> None:
            WriterLoop(other).serve(open_writer)

        super().__init__(reactor, NAME, "that writes", live, keep)

    def open(self, path: Path) -> None:
        """Have the process open the database, and wait for that. Raises `Unusable`."""
        frames: list[Any] = []
        try:
            self._socket.sendall(encode_frame(path))
            while not frames:
                data = self._socket.recv(READ_SIZE)
                if not data:
                    break
                frames += self._unpacker.decode(data)
        except OSError:
            frames = []
        if frames and isinstance(frames[0], ProcessFailed):
            self._reap()
            raise Unusable(f"The process that writes to {path} has failed: {frames[0].why}.")
        if not frames or not isinstance(frames[0], Opened):
            raise Unusable(f"The process that writes to {path} has ended: {self._reap()}.")
        if frames[0].problem:
            raise Unusable(frames[0].problem)

    def submit(self) -> None:
        """See `Worker`."""
        if not self.new_jobs:
            return
        jobs, self.new_jobs = self.new_jobs, []
        if self._is_over:
            fail_all([], jobs)
        else:
            # Bulk jobs come last, because they may not overtake interactive ones.
            for is_bulk, queued in self._under_way.items():
                self._pack([job for job in jobs if job.is_bulk is is_bulk], queued, is_bulk)
            self.doWrite()

    def _pack(self, jobs: Jobs, queued: deque[Job], is_bulk: bool) -> None:
        """Put the jobs into a frame to be sent."""
        if not jobs:
            return
        try:
            frame = frame_of_works([job.work for job in jobs], is_bulk)
        except Exception:  # noqa: BLE001  a job cannot be pickled: only that one fails
            jobs = [job for job in jobs if self._can_leave(job)]
            frame = frame_of_works([job.work for job in jobs], is_bulk)
        queued += jobs
        self._unsent += frame

    def _can_leave(self, job: Job) -> bool:
        """Whether the job can be pickled. If not, it fails."""
        try:
            frame_of_works([job.work])
        except Exception:  # noqa: BLE001  that caller's error
            self.waiting -= 1
            job.deferred.errback(Failure())
            return False
        return True

    def stop(self) -> None:
        """See `Worker`."""
        self.submit()
        if not self._is_over:
            self.send(encode_frame(Stop()))

    def received(self, frame: Any) -> None:
        """See `ForkedProcess`."""
        if isinstance(frame, Closed):
            self._end_well()
        elif isinstance(frame, ProcessFailed):
            uncertain = self._next(frame.uncertain, frame.is_bulk)
            self.process_ended(Failure(CommitUnknown(frame.why)), uncertain)
        else:
            outcomes, is_bulk = outcomes_of(frame)
            self.deliver(self._next(len(outcomes), is_bulk), outcomes)

    def _next(self, count: int, is_bulk: bool) -> Jobs:
        """Remove and return the jobs that have been under way longest."""
        queued = self._under_way[is_bulk]
        return [queued.popleft() for _ in range(count)]

    def _end_well(self) -> None:
        self._stop_watching()
        self._reap()
        self.finished.callback(None)
        fail_all([], self._left() + self.new_jobs)  # submitted after the stop, and not received
        self.new_jobs = []

    def process_ended(self, failure: Failure | None, uncertain: Jobs | None = None) -> None:
        """See `ForkedProcess`. Fails every pending job.

        uncertain: jobs that may have been committed; by default, all submitted ones.
        """
        if self._is_over:
            return
        self._stop_watching()
        if failure is None:
            failure = Failure(CommitUnknown(self._why_ended()))
        self.finished.errback(failure)
        left, new_jobs, self.new_jobs = self._left(), self.new_jobs, []
        if uncertain is None:
            uncertain, left = left, []
        fail_all(uncertain, left + new_jobs)
        self._reap()  # last, because a process that waits for its disk cannot be reaped at once

    def _left(self) -> Jobs:
        """Remove and return all jobs that have no outcome."""
        left = [job for queued in self._under_way.values() for job in queued]
        for queued in self._under_way.values():
            queued.clear()
        return left


def _conforms(process: WriterProcess) -> WriterWorker:
    return process
