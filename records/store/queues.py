"""A job queue with two priorities: interactive and bulk.

A job is bulk if its connection has more than one request under way. The two kinds alternate in
batches, so that neither waits for the whole of the other. A bulk job never overtakes an earlier
interactive one, because both may belong to the same connection.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Generic, TypeVar

T = TypeVar("T")

CAREFUL_BATCHES = 8
"""After an interactive batch, the next bulk batches stay small, so that a further interactive job
does not wait behind a large one."""


class JobQueue(Generic[T]):
    """Jobs in the order in which they are to run.

    batch_size: the most jobs that run together. bulk_size: the most bulk jobs, for the next
    `CAREFUL_BATCHES` batches after an interactive one.
    """

    def __init__(self, batch_size: int, bulk_size: int) -> None:
        self._batch_size = batch_size
        self._bulk_size = bulk_size
        self._interactive: deque[T] = deque()
        self._bulk: deque[tuple[int, T]] = deque()  # with the count of interactive jobs before it
        self._served = 0  # interactive jobs
        self._was_bulk = True
        self._careful = 0

    def __bool__(self) -> bool:
        return bool(self._interactive or self._bulk)

    def add(self, jobs: Iterable[T], is_bulk: bool) -> None:
        """Add jobs of one kind."""
        if is_bulk:
            earlier = self._served + len(self._interactive)
            self._bulk.extend((earlier, job) for job in jobs)
        else:
            self._interactive.extend(jobs)

    def next_batch(self) -> tuple[list[T], bool]:
        """The jobs to run next, and whether they are bulk."""
        if self._bulk_is_next():
            self._was_bulk = True
            return self._next_bulk(), True
        self._was_bulk = False
        self._careful = CAREFUL_BATCHES
        count = min(self._batch_size, len(self._interactive))
        batch = [self._interactive.popleft() for _ in range(count)]
        self._served += count
        return batch, False

    def _bulk_is_next(self) -> bool:
        may = bool(self._bulk) and self._bulk[0][0] <= self._served
        return may and (not self._interactive or not self._was_bulk)

    def _next_bulk(self) -> list[T]:
        most = self._bulk_size if self._careful else self._batch_size
        self._careful = max(0, self._careful - 1)
        batch: list[T] = []
        while self._bulk and len(batch) < most and self._bulk[0][0] <= self._served:
            batch.append(self._bulk.popleft()[1])
        return batch

    def drain(self) -> list[T]:
        """Remove and return all jobs."""
        left = [*self._interactive, *(job for _, job in self._bulk)]
        self._interactive.clear()
        self._bulk.clear()
        return left
