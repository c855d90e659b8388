"""Tests for `records.store.sqlite.database`: who may read a copy of the database."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from records.model.fields import STANDARD
from records.store.sqlite.database import SqliteDatabase
from records.testing import FakeTime


class CopyTests(SynchronousTestCase):
    """A copy holds all that the database does."""

    def test_only_the_owner(self) -> None:
        """It is for its owner's eyes only, whatever the umask."""
        self.addCleanup(os.umask, os.umask(0))
        database, copy = Path(self.mktemp()), Path(self.mktemp())
        SqliteDatabase(database, FakeTime(), catalogue=STANDARD).copy_to(copy)
        self.assertEqual(stat.S_IMODE(copy.stat().st_mode), 0o600)
