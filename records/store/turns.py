"""Taking turns at the interpreter: either the reactor's thread works, or the one that writes.

SQLite and OpenSSL let go of the interpreter's lock at every call, and two threads that both have
work would pass it to and fro thousands of times a second, each time by way of the operating
system. So each says when it begins and when it is done. Commits, which wait for the disk, and
what waits for the network are outside of any turn: there the two really run side by side.

Nothing depends on it but speed: whoever does not get the turn in good time goes on without it.
"""

from __future__ import annotations

from threading import Lock
from types import TracebackType

PATIENCE = 0.01
"""Seconds to wait for the other's turn to end. It is also the longest that the reactor is held."""


class Turn:
    """The one turn, for two threads. Each side has a `Side` of its own."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.entry = Lock()
        """Held by who waits, so that the other, who has just given the turn, does not take it
        again at once."""


class Side:
    """One thread's way to the turn: `take` and `give`, or a `with`. Used by that thread only."""

    def __init__(self, turn: Turn) -> None:
        self._lock, self._entry = turn.lock, turn.entry
        self._has_it = False

    def take(self) -> None:
        """Begin. Taken already, or not to be had in good time, it is no matter."""
        if not self._has_it and self._entry.acquire(timeout=PATIENCE):
            try:
                self._has_it = self._lock.acquire(timeout=PATIENCE)
            finally:
                self._entry.release()

    def give(self) -> None:
        """End."""
        if self._has_it:
            self._has_it = False
            self._lock.release()

    def __enter__(self) -> None:
        self.take()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.give()
