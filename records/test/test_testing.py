"""What the package offers for tests: clocks, bytes and a store without threads."""

from __future__ import annotations

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from records.model.access import Role
from records.model.employee import check_fields, check_whole
from records.model.errors import NotFound
from records.model.fields import STANDARD
from records.model.history import load
from records.operations.boundaries import Refused, Transaction, Work
from records.operations.warnings import today_of
from records.test.samples import ANN
from records.test.store.store_contract import EVENT, named
from records.testing import START, Counting, FakeTime, inline_store, user


class FixtureTests(SynchronousTestCase):
    """Made-up people and things."""

    def test_ann(self) -> None:
        """The example employee is a good one."""
        good, errors = check_fields(STANDARD, ANN)
        self.assertEqual(errors, [])
        store = inline_store(Path(self.mktemp()))
        self.addCleanup(store.close)
        self.assertEqual(
            check_whole(STANDARD, {"status": "active", **good}, store.read_now(today_of)), []
        )
        self.assertEqual(load(STANDARD, "{}"), {})

    def test_time(self) -> None:
        """A test's clock moves only when it is told to."""
        clock = FakeTime()
        self.assertEqual((clock(), clock()), (START, START))
        clock.advance(1.5)
        self.assertEqual(clock(), START + 1_500_000)

    def test_bytes(self) -> None:
        """Counted bytes are different each time and the same in every run."""
        counting = Counting()
        drawn = [counting(4) for _ in range(3)]
        self.assertEqual(drawn, [b"\0\0\0\1", b"\0\0\0\2", b"\0\0\0\3"])

    def test_user(self) -> None:
        """A logged-in user has the roles that were asked for."""
        self.assertEqual(user(Role.HR, employee_id=3).roles, (Role.HR,))


class InlineStoreTests(SynchronousTestCase):
    """A store that answers at once."""

    def setUp(self) -> None:
        self.store = inline_store(Path(self.mktemp()))
        self.addCleanup(self.store.close)

    def test_answers(self) -> None:
        """Reads and writes fire at once, with a value or a failure."""
        self.assertEqual(self.successResultOf(self.store.write(lambda tx: 7)), 7)
        self.assertEqual(self.successResultOf(self.store.read(lambda tx, x: x, 8)), 8)

        def fail(tx: Transaction) -> None:
            tx.employees.add(named(1))
            raise KeyError

        self.failureResultOf(self.store.write(fail), KeyError)
        self.failureResultOf(self.store.read(fail))
        self.assertIsNone(self.store.read_now(lambda tx: tx.employees.get(1)))

    def test_refused(self) -> None:
        """A refused write fails with its error, and what it wants remembered is written."""

        def remember(tx: Transaction) -> None:
            tx.journal.append(EVENT)

        def refuse(tx: Transaction) -> None:
            raise Refused(NotFound("x"), Work(remember))

        self.failureResultOf(self.store.write(refuse), NotFound)
        self.assertEqual(self.store.read_now(lambda tx: tx.journal.head().seq), 1)
        self.failureResultOf(self.store.read(refuse), Refused)
