"""Opening SQLite files: which are refused, and how connections are set."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from threading import Timer

import apsw
from twisted.trial.unittest import SynchronousTestCase

from records.model.access import Role
from records.model.accounts import Account
from records.model.errors import Unusable
from records.model.fields import STANDARD
from records.operations.boundaries import Transaction, Work
from records.store.sqlite import database as sqlite
from records.store.sqlite.database import SqliteDatabase
from records.store.sqlite.transactions import SqliteWriter
from records.store.sqlite.upgrade import SchemaFile, schema_files
from records.test.store.store_contract import named
from records.testing import Counting, FakeTime, inline_store


class SettingsTests(SynchronousTestCase):
    """How connections are set."""

    PROMISED: Mapping[str, object] = {
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
        "trusted_schema": 0,
        "cell_size_check": 1,
    }

    def test_pragmas(self) -> None:
        """Commits are durable, foreign keys hold, and readers only read."""
        database = SqliteDatabase(Path(self.mktemp()), FakeTime(), catalogue=STANDARD)
        for side, query_only in ((database.writer(), 0), (database.reader(), 1)):
            connection: apsw.Connection = side._connection
            self.addCleanup(connection.close)
            for name, value in (dict(self.PROMISED) | {"query_only": query_only}).items():
                self.assertEqual(connection.pragma(name), value, name)

    def test_writers_type(self) -> None:
        """The writer checkpoints by itself only when it is told to."""
        database = SqliteDatabase(Path(self.mktemp()), FakeTime(), catalogue=STANDARD)
        writer = database.writer()
        self.assertIsInstance(writer, SqliteWriter)
        self.addCleanup(writer.close)

    def test_only_the_owner(self) -> None:
        """The file and those beside it are for their owner only, whatever the umask."""
        old = os.umask(0)
        try:
            path = Path(self.mktemp())
            store = inline_store(path)
            self.addCleanup(store.close)
            store.do(lambda tx: tx.employees.add(named(1)))
        finally:
            os.umask(old)
        for each in path.parent.iterdir():
            self.assertEqual(each.stat().st_mode & 0o777, 0o600, each.name)
        self.assertEqual(len(list(path.parent.iterdir())), 3)


class OpenTests(SynchronousTestCase):
    """Which files are opened."""

    def setUp(self) -> None:
        self.path = Path(self.mktemp())

    def make(self) -> bytes:
        """A database with an account and a few people in it; returns its bytes."""
        store = inline_store(self.path)
        store.do(lambda tx: tx.accounts.add(Account(0, "ann", "hash", (Role.HR,))))

        def fill(tx: Transaction) -> None:
            for number in range(1, 60):
                tx.employees.add(named(number, title="x" * 100))

        store.do(fill)
        store.close()
        return self.path.read_bytes()

    def assert_refused(self, words: str, steps: list[SchemaFile] | None = None) -> None:
        """One clear line, and the file as it was."""
        before = self.path.read_bytes() if self.path.is_file() else b""
        with self.assertRaises(Unusable) as caught:
            SqliteDatabase(self.path, FakeTime(), Counting(), steps, catalogue=STANDARD)
        line = str(caught.exception)
        self.assertIn(words, line)
        self.assertIn(str(self.path), line)
        self.assertNotIn("\n", line)
        self.assertTrue(line.endswith("."), line)
        if before or self.path.is_file():
            self.assertEqual(self.path.read_bytes(), before)

    def test_again(self) -> None:
        """A database is opened again as it is, and opening changes nothing in it."""
        before = self.make()
        SqliteDatabase(self.path, FakeTime(), catalogue=STANDARD)
        self.assertEqual(self.path.read_bytes(), before)

    def test_after_a_crash(self) -> None:
        """What was committed and not yet copied when the daemon died is there."""
        store = inline_store(self.path)
        store.do(lambda tx: tx.employees.add(named(1)))
        copy = Path(self.mktemp())
        for each in list(self.path.parent.iterdir()):
            suffix = each.name.removeprefix(self.path.name)
            copy.with_name(copy.name + suffix).write_bytes(each.read_bytes())
        store.close()
        again = inline_store(copy)
        self.addCleanup(again.close)
        self.assertIsNotNone(again.read_now(lambda tx: tx.employees.get(1)))

    def test_readers_leave_it(self) -> None:
        """Readers that outlive a writer which cannot go on write nothing, not even at their end."""
        database = SqliteDatabase(self.path, FakeTime(), catalogue=STANDARD)
        reader, writer = database.reader(), database.writer()
        writer.run([Work(lambda tx: tx.employees.add(named(1)))])
        writer._connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)  # as if it were killed
        writer._connection.close()
        reader.begin()
        reader.end()
        before = self.path.read_bytes()
        reader.close()
        self.assertEqual(self.path.read_bytes(), before)
        self.assertTrue(self.path.with_name(f"{self.path.name}-wal").stat().st_size)

    def test_newer(self) -> None:
        """A database of a newer program is refused, and not a byte of it changed."""
        self.make()
        steps = schema_files()
        newer = SchemaFile(len(steps) + 1, "newer", "CREATE TABLE newer (x TEXT)")
        SqliteDatabase(self.path, FakeTime(), Counting(), [*steps, newer], catalogue=STANDARD)
        self.assert_refused("newer version")

    def test_altered(self) -> None:
        """A database whose schema is not the one that this program made is refused."""
        self.make()
        (first, *others) = schema_files()
        altered = [SchemaFile(1, first.name, first.sql + "-- "), *others]
        self.assert_refused("schema step 1", altered)

    def test_foreign(self) -> None:
        """another user's database is refused, however it is marked."""
        for mark in (0, 7):
            other = apsw.Connection(str(self.path))
            other.execute(f"PRAGMA application_id = {mark}; CREATE TABLE IF NOT EXISTS x (y)")
            other.close()
            self.assert_refused("not a database of records")

    def test_empty(self) -> None:
        """A file that has been emptied is refused, rather than begun anew."""
        self.path.touch()
        self.assert_refused("empty")

    def test_only_a_log(self) -> None:
        """A database of which only the log is left is refused, rather than begun anew."""
        log = self.path.with_name(f"{self.path.name}-wal")
        log.write_bytes(b"the last changes")
        with self.assertRaisesRegex(Unusable, "Restore both"):
            SqliteDatabase(self.path, FakeTime(), catalogue=STANDARD)
        self.assertFalse(self.path.exists())

    def test_cut_off_while_made(self) -> None:
        """A draft that an earlier attempt left behind is in nobody's way."""
        draft = self.path.with_name(f".{self.path.name}.new")
        for beside in ("", "-wal", "-shm", "-journal"):
            draft.with_name(draft.name + beside).write_bytes(b"half of something")
        SqliteDatabase(self.path, FakeTime(), catalogue=STANDARD)
        self.assertEqual([each.name for each in self.path.parent.glob(f".{self.path.name}*")], [])

    def test_not_a_database(self) -> None:
        """A file of something else, of whatever length, is refused."""
        for content in (b"\n", b"x", b"hello", b"x" * 99, b"x" * 100, b"x" * 5000, bytes(8192)):
            self.path.write_bytes(content)
            self.assert_refused("")

    def test_cut_off(self) -> None:
        """A database that was cut off is refused."""
        whole = self.make()
        for length in (len(whole) - 4096, len(whole) // 2, 4096, 512, 100, 16, 1):
            self.path.write_bytes(whole[:length])
            self.assert_refused("")
            for beside in ("-wal", "-shm"):
                self.path.with_name(self.path.name + beside).unlink(missing_ok=True)

    def test_damaged(self) -> None:
        """A database with a page of noise in it is refused."""
        whole = self.make()
        for page in range(1, len(whole) // 4096):
            noise = bytes((each * 7 + page) % 251 for each in range(4096))
            self.path.write_bytes(whole[: page * 4096] + noise + whole[(page + 1) * 4096 :])
            with self.assertRaises(Unusable, msg=f"page {page}"):
                SqliteDatabase(self.path, FakeTime(), catalogue=STANDARD)

    def test_damaged_accounts(self) -> None:
        """So is one that is too large to be looked through, where it is the accounts."""
        self.make()
        with closing(apsw.Connection(str(self.path))) as hand:
            hand.execute(
                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500)"
                " INSERT INTO accounts (username, password_hash, roles, disabled,"
                " must_change_password) SELECT printf('somebody%04d', i), 'hash', 'hr', 0, 0 FROM n"
            )
        whole = self.path.read_bytes()
        self.patch(sqlite, "QUICK_CHECK_BYTES", 0)
        SqliteDatabase(self.path, FakeTime(), catalogue=STANDARD)
        pages = [
            page
            for page in range(1, len(whole) // 4096)
            if b"somebody" in whole[page * 4096 : (page + 1) * 4096]
        ]
        self.assertGreater(len(pages), 4)  # of the table, and of the index by name
        for page in pages:
            self.path.write_bytes(whole[: page * 4096] + bytes(4096) + whole[(page + 1) * 4096 :])
            self.assert_refused("is damaged")

    def test_taken(self) -> None:
        """It is waited for while another process has it to itself, as whoever leaves last does."""
        self.make()
        for may_upgrade in (True, False):
            other = apsw.Connection(str(self.path))
            other.pragma("locking_mode", "exclusive")
            other.execute("BEGIN EXCLUSIVE; COMMIT")
            with closing(apsw.Connection(str(self.path))) as hand:
                self.assertRaises(apsw.BusyError, hand.execute, "SELECT * FROM accounts")
            leaving = Timer(0.2, other.close)
            leaving.start()
            SqliteDatabase(self.path, FakeTime(), may_upgrade=may_upgrade, catalogue=STANDARD)
            leaving.join()

    def test_no_place(self) -> None:
        """A folder that is not there, or a folder in the file's place, is reported."""
        self.path = Path(self.mktemp()) / "nowhere" / "x.sqlite"
        self.assert_refused("cannot be opened")
        self.path = Path(self.mktemp())
        self.path.mkdir()
        self.assert_refused("cannot be opened")
