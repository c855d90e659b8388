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

CAREFUL = 8
"""For how many turns of the bulk it is thought of the others after they had one."""


class Lanes(Generic[T]):
    """many: how much is taken at a time, at most. fewer: how much of the bulk while others come."""

    def __init__(self, many: int, fewer: int) -> None:
        self._many = many
        self._fewer = fewer
        self._others: deque[T] = deque()
        self._bulk: deque[tuple[int, T]] = deque()  # after how many of the others it came
        self._taken = 0  # of the others
        self._was_bulk = True
        self._careful = 0

    def __bool__(self) -> bool:
        return bool(self._others or self._bulk)

    def add(self, things: Iterable[T], is_bulk: bool) -> None:
        """Put these at the end of a lane."""
        if is_bulk:
            before = self._taken + len(self._others)
            self._bulk.extend((before, thing) for thing in things)
        else:
            self._others.extend(things)

    def take(self) -> tuple[list[T], bool]:
        """What is to be done next, and whether it is of the bulk."""
        if self._is_bulks_turn():
            self._was_bulk = True
            return self._take_bulk(), True
        self._was_bulk = False
        self._careful = CAREFUL
        taken = [self._others.popleft() for _ in range(min(self._many, len(self._others)))]
        self._taken += len(taken)
        return taken, False

    def _is_bulks_turn(self) -> bool:
        may = bool(self._bulk) and self._bulk[0][0] <= self._taken
        return may and (not self._others or not self._was_bulk)

    def _take_bulk(self) -> list[T]:
        most = self._fewer if self._careful else self._many
        self._careful = max(0, self._careful - 1)
        taken: list[T] = []
        while self._bulk and len(taken) < most and self._bulk[0][0] <= self._taken:
            taken.append(self._bulk.popleft()[1])
        return taken

    def rest(self) -> list[T]:
        """All that still waits, which is taken away."""
        left = [*self._others, *(thing for _, thing in self._bulk)]
        self._others.clear()
        self._bulk.clear()
        return left
