"""What waits for a worker, in two lanes, so that who asks for little waits for little.

Work in bulk, that is, of those who have more than one request under way, has a lane of its own.
The two are served by turns, so that neither waits for the whole of the other. But bulk overtakes
nothing that came before it: that may be from the same connection, whose requests are done in their
order.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Generic, TypeVar

T = TypeVar("T")

CAREFUL_BATCHES = 8
"""For how many turns of the bulk it is thought of the others after they had one."""


class JobQueue(Generic[T]):
    """many: how much is taken at a time, at most. fewer: how much of the bulk while others come."""

    def __init__(self, many: int, bulk_size: int) -> None:
        self._batch_size = many
        self._bulk_size = bulk_size
        self._interactive: deque[T] = deque()
        self._bulk: deque[tuple[int, T]] = deque()  # after how many of the others it came
        self._served = 0  # of the others
        self._was_bulk = True
        self._careful = 0

    def __bool__(self) -> bool:
        return bool(self._interactive or self._bulk)

    def add(self, things: Iterable[T], is_bulk: bool) -> None:
        """Put these at the end of a lane."""
        if is_bulk:
            _before = self._served + len(self._interactive)
            self._bulk.extend((_before, thing) for thing in things)
        else:
            self._interactive.extend(things)

    def take(self) -> tuple[list[T], bool]:
        """What is to be done next, and whether it is of the bulk."""
        if self._bulk_is_next():
            self._was_bulk = True
            return self._take_bulk(), True
        self._was_bulk = False
        self._careful = CAREFUL_BATCHES
        taken = [
            self._interactive.popleft()
            for _ in range(min(self._batch_size, len(self._interactive)))
        ]
        self._served += len(taken)
        return taken, False

    def _bulk_is_next(self) -> bool:
        may = bool(self._bulk) and self._bulk[0][0] <= self._served
        return may and (not self._interactive or not self._was_bulk)

    def _take_bulk(self) -> list[T]:
        most = self._bulk_size if self._careful else self._batch_size
        self._careful = max(0, self._careful - 1)
        taken: list[T] = []
        while self._bulk and len(taken) < most and self._bulk[0][0] <= self._served:
            taken.append(self._bulk.popleft()[1])
        return taken

    def rest(self) -> list[T]:
        """All that still waits, which is taken away."""
        left = [*self._interactive, *(thing for _, thing in self._bulk)]
        self._interactive.clear()
        self._bulk.clear()
        return left
