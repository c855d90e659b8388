"""A copy of a database is a store as well: the same contract suites, with another factory."""

from __future__ import annotations

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from records.operations.boundaries import Database
from records.test.store.contracts import suites
from records.testing import FakeTime, sqlite_backend


def copied(case: SynchronousTestCase, clock: FakeTime) -> Database:
    """A database that was opened from a backup."""
    backend = sqlite_backend(clock)
    copy = Path(case.mktemp())
    backend.open(Path(case.mktemp())).copy_to(copy)
    return backend.open(copy, may_upgrade=False)


globals().update(suites("Copied", copied, __name__))
