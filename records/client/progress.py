"""How far something long has come: a line on a terminal, with rate and time left.

Pure but for a clock and a function that writes.
"""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[str, int, int | None], object]
"""Told what is being done, how much of it is done, and of how much, if that is known."""

EVERY = 0.5
"""Seconds between two lines."""
QUIET = 1.0
"""Seconds before the first line: most is done before."""


def no_progress(what: str, done: int, total: int | None) -> None:
    """Where nobody looks."""


class ProgressLine:
    """`Progress` as one line that is written again and again. clock: in seconds."""

    def __init__(self, write: Callable[[str], object], clock: Callable[[], float]) -> None:
        self._write, self._clock = write, clock
        self._what = ""
        self._began = self._told = clock()
        self._first = 0
        self._length = 0

    def __call__(self, what: str, done: int, total: int | None) -> None:
        now = self._clock()
        if what != self._what:
            self.clear()
            self._what, self._first = what, done
            self._began, self._told = now, now + QUIET - EVERY
        if now - self._told < EVERY:
            return
        self._told = now
        text = self._text(done, total, now - self._began)
        self._write(f"\r{text:{self._length}}")
        self._length = len(text)

    def _text(self, done: int, total: int | None, seconds: float) -> str:
        rate = (done - self._first) / seconds if seconds > 0 else 0.0
        text = f"{self._what}: {done:,}"
        if total:
            text += f" of {total:,} ({100 * done // total} %)"
        text += f", {rate:,.0f} a second"
        if total and rate > 0:
            left = round((total - done) / rate)
            text += f", {left // 60}:{left % 60:02} left"
        return text

    def clear(self) -> None:
        """Take the line away, before anything else is written."""
        if self._length:
            self._write(f"\r{'':{self._length}}\r")
            self._length = 0
