"""Schedules work at the end of each reactor iteration, interactive work first.

Requests read during one iteration are processed together after it, which keeps code and data in the
CPU caches and wakes waiting clients in one burst (docs/decisions/0017). Interactive requests run
first. Bulk requests share a time slice of `BULK_SLICE` seconds, or `SHORT_BULK_SLICE` while
interactive clients are active, and continue in the next iteration. So a client that floods the
daemon delays other such clients, and hardly anyone else. Knows nothing of the work.
"""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic
from typing import Protocol

BULK_SLICE = 0.005
"""Seconds of an iteration for bulk work while no interactive client is active."""

SHORT_BULK_SLICE = 0.0005
"""Seconds of an iteration for bulk work while an interactive client is active."""

INTERACTIVE_WINDOW = 1.0
"""Seconds for which a client counts as active after an interactive request."""


class Participant(Protocol):
    """Has work done at the end of an iteration. See `Scheduler.run` for the order."""

    @property
    def has_work(self) -> bool:
        """Whether there is anything to do."""

    @property
    def has_bulk(self) -> bool:
        """Whether there is bulk work to do."""

    def run_interactive(self) -> bool:
        """Do all interactive work. Returns whether there was any."""

    def run_bulk(self) -> None:
        """Do some bulk work, until `Scheduler.slice_is_over`."""

    def flush_work(self) -> None:
        """Pass on the results."""


class Scheduler:
    """Runs all participants.

    call_soon: calls a function in the reactor's next iteration, before it waits for events.
    seconds: a monotonic clock.
    """

    def __init__(
        self,
        call_soon: Callable[[Callable[[], object]], object],
        seconds: Callable[[], float] = monotonic,
    ) -> None:
        self._call_soon = call_soon
        self._seconds = seconds
        self._participants: list[Participant] = []
        self._is_scheduled = False
        self._is_running = False
        self._slice_ends = 0.0
        self._interactive_until = 0.0

    def add(self, participant: Participant) -> None:
        """Add a participant. It runs before those that were added earlier."""
        self._participants.insert(0, participant)

    def schedule(self) -> None:
        """Run at the end of this iteration: a participant has work."""
        if not (self._is_scheduled or self._is_running):
            self._is_scheduled = True
            self._call_soon(self._run_scheduled)

    def slice_is_over(self) -> bool:
        """Whether the time slice for bulk work in this iteration is used up."""
        return self._seconds() >= self._slice_ends

    def _run_scheduled(self) -> None:
        self._is_scheduled = False
        self.run()

    def run(self) -> None:
        """Do the work of this iteration now: interactive work, then a slice of bulk work."""
        participants = self._participants
        self._is_running = True
        try:
            # A list, because every participant has to run.
            if any([each.run_interactive() for each in participants]):  # noqa: C419
                self._interactive_until = self._seconds() + INTERACTIVE_WINDOW
            for each in participants:
                each.flush_work()
            if any(each.has_bulk for each in participants):
                now = self._seconds()
                is_short = now < self._interactive_until
                self._slice_ends = now + (SHORT_BULK_SLICE if is_short else BULK_SLICE)
                for each in participants:
                    each.run_bulk()
                for each in participants:
                    each.flush_work()
        finally:
            self._is_running = False
            if any(each.has_work for each in participants):
                self.schedule()
