"""Tests that measure others' waits have the machine to themselves, as far as tests are concerned.

Owns who waits for whom among the processes of `trial -j`, which know nothing of each other. The
unit tests in `records` take no part in it: they are short, and come first.
"""

from __future__ import annotations

import os
import unittest
from collections.abc import Iterator
from contextlib import contextmanager
from fcntl import LOCK_EX, LOCK_SH, LOCK_UN, flock
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

_ROOM = Path(__file__).resolve()
"""Locked for as long as a test runs, by those that measure alone, and by the others together."""
_DOOR = _ROOM.parent
"""Locked while one waits for the room, so that those who come later do not keep it out."""


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    """A descriptor of it, which is let go of."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        yield descriptor
    finally:
        flock(descriptor, LOCK_UN)  # or a child that was forked meanwhile would keep it
        os.close(descriptor)


@contextmanager
def turn(*, alone: bool) -> Iterator[None]:
    """Be in the room: alone, or with whoever else need not be alone."""
    with _opened(_ROOM) as room:
        with _opened(_DOOR) as door:
            flock(door, LOCK_EX)
            flock(room, LOCK_EX if alone else LOCK_SH)
        yield


class SharedMachineCase(SynchronousTestCase):
    """Tests that other tests run beside, in other processes, unless `needs_quiet` says no."""

    needs_quiet = False

    def run(self, result: unittest.TestResult) -> None:
        """See `ITestCase`."""
        with turn(alone=self.needs_quiet):
            super().run(result)
