"""SQLite: held to the contract of every database, and to its own promises."""

from __future__ import annotations

import gc
import resource
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from weakref import ref

import apsw
from twisted.trial.unittest import SynchronousTestCase

from records.model.audit import Event, Outcome, verify
from records.model.employee import Employee
from records.model.errors import (
    Busy,
    FieldError,
    NotFound,
    PermissionDenied,
    RecordsError,
    ValidationFailed,
)
from records.model.fields import STANDARD
from records.operations.boundaries import (
    CommitUnknown,
    Database,
    Done,
    KeptOutcome,
    Refused,
    Transaction,
    Work,
)
from records.store.sqlite.database import SqliteDatabase
from records.store.sqlite.transactions import CHECKPOINT_PAGES
from records.test.store.contracts import suites
from records.test.store.store_contract import EVENT, named
from records.testing import Counting, FakeTime, inline_store


def sqlite(case: SynchronousTestCase, clock: FakeTime) -> Database:
    return SqliteDatabase(Path(case.mktemp()), clock, Counting(), catalogue=STANDARD)


globals().update(suites("Sqlite", sqlite, __name__))


class FaultyTime(FakeTime):
    """A clock that can fail."""

    fault: Exception | None = None

    def __call__(self) -> int:
        if self.fault is not None:
            raise self.fault
        return super().__call__()


class ReaderTests(SynchronousTestCase):
    """A reader."""

    def test_cannot_begin(self) -> None:
        """A transaction that fails in its beginning stands in no later one's way."""
        clock = FaultyTime()
        reader = SqliteDatabase(Path(self.mktemp()), clock, catalogue=STANDARD).reader()
        self.addCleanup(reader.close)
        clock.fault = OSError()
        self.assertRaises(OSError, reader.begin)
        clock.fault = None
        self.assertEqual(reader.begin().employees.next_id(), 1)


class WriterCase(SynchronousTestCase):
    """A writer, whose connection tests can reach, and a look at what is stored."""

    def setUp(self) -> None:
        self.path = Path(self.mktemp())
        self.database = SqliteDatabase(self.path, FakeTime(), Counting(), catalogue=STANDARD)
        self.writer = self.database.writer()
        self.connection: apsw.Connection = self.writer._connection
        self.addCleanup(self.connection.close)

    def look(self, statement: str) -> object:
        other = apsw.Connection(str(self.path), flags=apsw.SQLITE_OPEN_READONLY)
        try:
            return other.execute(statement).get
        finally:
            other.close()

    def ids(self) -> list[int]:
        found = self.look(
            "SELECT group_concat(id, ' ') FROM (SELECT id FROM employees ORDER BY id)"
        )
        return [int(each) for each in str(found or "").split()]

    def add(self, number: int) -> Work:
        return Work(lambda tx: tx.employees.add(named(number)))


class RefusedTests(WriterCase):
    """Works that are refused, and what stays of them."""

    def refuse(
        self, tx: Transaction, remember: Callable[[Transaction], None] | None = None
    ) -> None:
        tx.employees.add(named(2))
        tx.journal.append(EVENT)

        def note(tx: Transaction) -> None:
            self.assertIsNone(tx.employees.get(2), "its changes are undone first")
            tx.journal.append(Event("x", "y", "z", "-", Outcome.DENIED))

        raise Refused(NotFound("x"), Work(remember or note))

    def test_remembered(self) -> None:
        """What a refused work wants remembered is written after its changes are undone."""
        done = self.writer.run([self.add(1), Work(self.refuse), self.add(3)])
        self.assertEqual([type(each.error) for each in done], [type(None), NotFound, type(None)])
        self.assertEqual(self.ids(), [1, 3])
        self.assertEqual(self.look("SELECT group_concat(outcome) FROM audit"), "denied")
        store = inline_store(self.path)
        self.addCleanup(store.close)
        self.assertEqual(verify(store.read_now(lambda tx: list(tx.journal.entries()))).seq, 1)

    def assert_harms_no_other(self, fault: object) -> None:
        done = self.writer.run([self.add(1), Work(self.refuse, (fault,)), self.add(3)])
        self.assertEqual([done[0].error, done[2].error], [None, None])
        self.assertIsNotNone(done[1].error)
        self.assertEqual(self.ids(), [1, 3])
        self.assertEqual(self.writer.run([self.add(4)]), [Done()])

    def test_remembering_fails(self) -> None:
        """If remembering fails by a fault of the program, that work alone has failed."""

        def fault(tx: Transaction) -> None:
            raise KeyError

        self.assert_harms_no_other(fault)

    def test_remembering_is_refused(self) -> None:
        """If remembering breaks a rule of the database, that work alone has failed."""
        self.assert_harms_no_other(
            lambda tx: tx.journal.keep_outcome(KeptOutcome(99, "k", 0, b"", "{}"))
        )

    def test_sql_faults(self) -> None:
        """A work that breaks a rule of the database harms no other."""
        done = self.writer.run([self.add(1), self.add(1), self.add(2)])
        self.assertEqual([done[0].error, done[2].error], [None, None])
        self.assertIsInstance(done[1].error, apsw.ConstraintError)
        self.assertEqual(self.ids(), [1, 2])


class KeptErrorsTests(WriterCase):
    """Errors of works that are refused, which nobody is to look for once they are answered."""

    def setUp(self) -> None:
        super().setUp()
        self.made: list[ref[RecordsError]] = []
        if gc.isenabled():
            self.addCleanup(gc.enable)
        gc.disable()

    def wrong(self, tx: Transaction) -> None:
        """Find fields that are not right."""
        error = ValidationFailed("No.", [FieldError("email", "No.")])
        self.made.append(ref(error))
        raise error

    def denied(self, tx: Transaction) -> None:
        """Deny it, and have that remembered."""
        error = PermissionDenied("No.")
        self.made.append(ref(error))
        try:
            raise error
        except PermissionDenied as raised:
            remember = Work(self.note, (raised,))
            raise Refused(raised, remember) from None

    def note(self, tx: Transaction, error: RecordsError) -> None:
        """Remember it."""
        tx.journal.append(Event("x", "y", error.reason, "-", Outcome.DENIED))

    def assert_gone(self, *works: Work) -> None:
        """Nothing is left of the errors as soon as their outcomes are."""
        outcomes = self.writer.run(works)
        self.assertNotIn(None, [done.error for done in outcomes])
        self.assertNotIn(None, [error() for error in self.made])
        outcomes.clear()
        self.assertEqual([error() for error in self.made], [None] * len(works))

    def test_refused(self) -> None:
        """An error that its own operation still refers to makes no circle of references."""
        self.assert_gone(*[Work(self.wrong)] * 50)

    def test_remembered(self) -> None:
        """Nor does one of which something is remembered."""
        self.assert_gone(*[Work(self.denied)] * 50)

    def test_beside_good_works(self) -> None:
        """Nor does one that comes up beside works that are done."""
        self.assertEqual(self.writer.run([self.add(1), Work(self.wrong)])[0], Done())
        self.assertEqual([error() for error in self.made], [None])


class FaultTests(WriterCase):
    """When the disk or the file fails."""

    def fill_with(self, number: int) -> Callable[[Transaction], None]:
        def add(tx: Transaction) -> None:
            values = {**STANDARD.blank, "given_name": "x" * 100, "home_address": "y" * 200_000}
            tx.employees.add(Employee(number, 1, values))

        return add

    def fill(self, number: int) -> Work:
        return Work(self.fill_with(number))

    def test_full(self) -> None:
        """With the disk full nothing of the batch is done, all are told so, and it goes on."""
        self.connection.pragma("max_page_count", int(str(self.connection.pragma("page_count"))) + 4)
        done = self.writer.run([self.add(1), self.fill(2), self.add(3)])
        for each in done:
            self.assertIsInstance(each.error, Busy)
        self.assertIn("full", str(done[0].error))
        self.assertEqual(self.ids(), [])
        self.connection.pragma("max_page_count", 10_000)
        self.assertEqual(self.writer.run([self.add(1), self.fill(2)]), [Done(), Done()])
        self.assertEqual(self.ids(), [1, 2])

    def test_full_while_remembering(self) -> None:
        """Nor is anything done if it is full only once a refusal is to be remembered."""

        def refuse(tx: Transaction) -> None:
            raise Refused(NotFound("x"), Work(self.fill_with(9)))

        self.connection.pragma("max_page_count", int(str(self.connection.pragma("page_count"))) + 4)
        for each in self.writer.run([self.add(1), Work(refuse)]):
            self.assertIsInstance(each.error, Busy)
        self.assertEqual(self.ids(), [])

    def test_kind_of_trouble(self) -> None:
        """What it is that keeps the database from taking changes is told along with it."""
        self.connection.pragma("max_page_count", int(str(self.connection.pragma("page_count"))) + 4)
        done = self.writer.run([self.add(1), self.fill(2)])
        self.assertEqual([each.trouble for each in done], ["FullError"] * 2)
        self.connection.pragma("max_page_count", 10_000)

        def fail(tx: Transaction) -> None:
            raise NotFound("x")

        self.assertEqual([each.trouble for each in self.writer.run([Work(fail)])], [""])

    def test_damaged(self) -> None:
        """A database that turns out to be damaged is fatal: trying again would mend nothing."""
        self.writer.run([self.add(1)])
        self.writer.close()
        page = int(str(self.look("SELECT rootpage FROM sqlite_master WHERE name = 'employees'")))
        self.writer = self.database.writer()
        self.addCleanup(self.writer._connection.close)
        with self.path.open("r+b") as file:
            file.seek((page - 1) * 4096)
            file.write(bytes(4096))
        with self.assertRaisesRegex(CommitUnknown, "CorruptError"):
            self.writer.run([self.add(2)])
        self.assertFalse(self.writer._connection.in_transaction)

    def test_no_database_any_more(self) -> None:
        """So is a file that is no database any more."""

        def fail(tx: Transaction) -> None:
            raise apsw.NotADBError

        with self.assertRaisesRegex(CommitUnknown, "NotADBError"):
            self.writer.run([self.add(1), Work(fail)])
        self.assertEqual(self.ids(), [])

    def test_each_error_is_its_own(self) -> None:
        """Two refused works do not share one exception, which would grow with every raise."""
        self.connection.pragma("max_page_count", int(str(self.connection.pragma("page_count"))) + 4)
        errors = [each.error for _ in range(2) for each in self.writer.run([self.fill(2)])]
        self.assertIsNot(errors[0], errors[1])

    def test_locked(self) -> None:
        """While another process keeps the database locked, works are refused and nothing waits."""
        self.connection.set_busy_timeout(1)
        other = apsw.Connection(str(self.path))
        self.addCleanup(other.close)
        other.execute("BEGIN IMMEDIATE")
        for each in self.writer.run([self.add(1), self.add(2)]):
            self.assertIsInstance(each.error, Busy)
        other.execute("ROLLBACK")
        self.assertEqual(self.writer.run([self.add(1)]), [Done()])

    @contextmanager
    def no_file_may_grow(self, beyond: int) -> Iterator[None]:
        """As if the disk broke: writing past this many bytes of any file fails."""
        old_signal = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (beyond, hard))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
            signal.signal(signal.SIGXFSZ, old_signal)

    def test_commit_unknown(self) -> None:
        """A commit that fails to be written leaves open how it ended, and says so."""
        self.writer.run([self.add(1)])
        log = self.path.with_name(self.path.name + "-wal")
        with self.no_file_may_grow(log.stat().st_size + 10), self.assertRaises(CommitUnknown):
            self.writer.run([self.add(2)])
        self.connection.close()
        self.assertEqual(self.ids(), [1])

    def test_checkpoint_fails(self) -> None:
        """So does a log that cannot be copied into the database."""
        self.writer.run([self.fill(1)])
        self.writer._log_pages = CHECKPOINT_PAGES
        with self.no_file_may_grow(self.path.stat().st_size - 1), self.assertRaises(CommitUnknown):
            self.writer.maintain()


class LogTests(WriterCase):
    """The write-ahead log."""

    def log_bytes(self) -> int:
        return self.path.with_name(self.path.name + "-wal").stat().st_size

    def test_checkpoints(self) -> None:
        """The log is copied when it is long, at rest, and not before."""
        self.writer.run([self.add(1)])
        before = self.path.stat().st_size
        self.writer.maintain()
        self.assertEqual(self.path.stat().st_size, before)
        text = "y" * 2_000_000

        def grow(tx: Transaction, number: int) -> None:
            tx.employees.add(named(number, home_address=text))

        for number in range(2, 7):
            self.writer.run([Work(grow, (number,))])
        self.assertEqual(self.path.stat().st_size, before)
        self.writer.maintain()
        self.assertGreater(self.path.stat().st_size, 8_000_000)
        grown = self.log_bytes()
        self.writer.run([self.add(9)])
        self.assertEqual(self.log_bytes(), grown, "the log is begun anew")

    def test_reader_in_the_way(self) -> None:
        """A user who reads an old state delays the copying and nothing else."""
        reader = self.database.reader()
        self.addCleanup(reader.close)
        reader.begin().employees.next_id()
        self.writer.run([self.add(1)])
        self.writer._log_pages = CHECKPOINT_PAGES
        self.writer.maintain()
        self.assertEqual(self.writer.run([self.add(2)]), [Done()])

    def test_close(self) -> None:
        """Closed, everything is in the one file."""
        self.writer.run([self.add(1)])
        self.writer.close()
        self.assertEqual([each.name for each in self.path.parent.iterdir()], [self.path.name])
        self.assertEqual(self.ids(), [1])
