"""A database of schema version 1 whose upgrade is killed at any moment."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from pathlib import Path
from random import Random

import apsw
from twisted.trial.unittest import SynchronousTestCase

from records.api.messages import ListParams
from records.api.query import parse_query
from records.model.fields import STANDARD
from records.model.search import words_version
from records.test.store.sqlite.test_version_1 import make_version_1
from records.testing import InlineStore, sqlite_backend
from tests.faults.scale import scaled

EMPLOYEES = 20_000
KILLS = scaled(8, 200)

OPEN = """
import sys, time
from pathlib import Path
from records.testing import sqlite_backend
print("begun", flush=True)
sqlite_backend().open(Path(sys.argv[1]))
print("done", flush=True)
"""
"""Opens the database as the daemon does, which upgrades it."""


class KilledUpgradeTests(SynchronousTestCase):
    """Crashes in the middle of the upgrade."""

    def setUp(self) -> None:
        self.folder = Path(self.mktemp()).resolve()
        self.folder.mkdir()
        self.original = self.folder / "original"
        make_version_1(self.original)
        connection = apsw.Connection(str(self.original))
        with connection:
            connection.executemany(
                "INSERT INTO employees (id, revision, given_name, family_name, status, name_key) "
                "VALUES (?, 1, 'Jörg', ?, 'active', ?)",
                [
                    (number, f"Müller{number}", f"muller{number}\x1fjorg")
                    for number in range(100, 100 + EMPLOYEES)
                ],
            )
            connection.execute(
                "INSERT INTO employee_words SELECT 'jorg', id FROM employees WHERE id >= 100"
            )
        connection.close()

    def killed_after(self, path: Path, seconds: float) -> bool:
        """Upgrade in another process, and kill it. Whether it had finished."""
        command = [sys.executable, "-c", OPEN, str(path)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        self.assertEqual(process.stdout.readline(), "begun\n")
        time.sleep(seconds)
        process.kill()
        told, _ = process.communicate()
        return "done" in told

    def words(self, path: Path) -> tuple[int, str | None]:
        """How many words there are, and by which version."""
        connection = apsw.Connection(str(path))
        count = connection.execute("SELECT count(*) FROM employee_words").get
        version = None
        if connection.table_exists("main", "derived_versions"):
            version = connection.execute("SELECT max(version) FROM derived_versions").get
        connection.close()
        return count, version

    def test_killed(self) -> None:
        """The words are all old or all new; the next start finds everybody."""
        whole = self.folder / "whole"
        shutil.copy(self.original, whole)
        began = time.monotonic()
        sqlite_backend().open(whole)
        took = time.monotonic() - began
        before, after = self.words(self.original), self.words(whole)
        self.assertEqual((before[1], after[1]), (None, words_version(STANDARD)))
        random, seen = Random(1), set()
        for number in range(KILLS):
            path = self.folder / f"killed{number}"
            shutil.copy(self.original, path)
            finished = self.killed_after(path, took * 1.2 * random.random())
            count, version = self.words(path)
            self.assertIn((count, version), {(before[0], None), after})
            self.assertTrue(version is not None or not finished)
            seen.add(version)
            store = InlineStore(sqlite_backend().open(path))
            query = parse_query(STANDARD, ListParams(search="mueller10"))
            found = store.read_now(lambda tx, q=query: tx.employees.page(q, 100))
            store.close()
            self.assertEqual(self.words(path), after)
            self.assertEqual(len(found), 100)
        self.assertIn(None, seen, "it was never killed before its end")
