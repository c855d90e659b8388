"""The store's threads: reads see the newest state, whatever an earlier read has left open."""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from pathlib import Path

import apsw

from records.model.access import Role
from records.model.accounts import Account
from records.model.audit import Entry
from records.operations.boundaries import Transaction
from records.test.store.dispatch_case import HeldCase, add, next_id
from records.test.store.store_contract import EVENT

ANN = Account(0, "ann", "hash", (Role.HR,), None, disabled=False, must_change_password=False)


class Outcome(set[int]):
    """What a read finds, of which can be told when it is gone."""


def is_disabled(tx: Transaction) -> bool:
    found = tx.accounts.named("ann")
    assert found is not None
    return found.disabled


class LeftOpenTests(HeldCase):
    """Statements that are still open when their transaction ends."""

    def setUp(self) -> None:
        super().setUp()
        path: Path = self.database._database._path  # type: ignore[attr-defined]
        self.hand = apsw.Connection(str(path))
        self.addCleanup(self.hand.close)
        self.kept: list[Iterator[Entry]] = []
        self.done(lambda tx: [tx.accounts.add(ANN), *[tx.journal.append(EVENT) for _ in range(9)]])

    def done(self, operation: object) -> None:
        self.outcomes([self.store.write(operation)])  # type: ignore[arg-type]
        self.turns.turn()
        self.turns.one_call()

    def reads(self, operation: object) -> object:
        """How a read by a thread ends."""
        found = self.outcomes([self.store.read(operation)])  # type: ignore[arg-type]
        self.turns.turn()
        self.turns.one_call()
        return found[0]

    def leave_open(self, tx: Transaction) -> None:
        """Read a part of the log, and keep the place."""
        entries = tx.journal.entries()
        next(entries)
        self.kept.append(entries)

    def disable(self) -> None:
        self.hand.execute("UPDATE accounts SET disabled = 1")

    def test_damaged_row(self) -> None:
        """A row that cannot be loaded fails its read, and the next one sees what changed since."""
        self.hand.execute(
            "INSERT INTO accounts SELECT 99, 'bob', password_hash, 'bogus', employee_id, disabled,"
            " must_change_password FROM accounts"
        )
        error = self.reads(lambda tx: tx.accounts.everyone())
        self.assertIsInstance(error, ValueError)
        self.disable()
        self.assertIs(self.reads(is_disabled), True)

    def test_by_thread(self) -> None:
        """So it does after a read that has kept an open statement."""
        self.assertIsNone(self.reads(self.leave_open))
        self.disable()
        self.assertIs(self.reads(is_disabled), True)
        self.assertIs(self.reads(is_disabled), True)

    def test_at_once(self) -> None:
        """So do reads at once, from the next iteration on."""
        self.store.read_now(self.leave_open)
        self.turns.turn()
        self.disable()
        self.assertIs(self.store.read_now(is_disabled), True)

    def test_cannot_connect(self) -> None:
        """If there is no new connection, reads fail until there is one; writes go on."""
        self.assertIsNone(self.reads(self.leave_open))
        path: Path = self.database._database._path  # type: ignore[attr-defined]
        elsewhere = path.rename(path.with_name("elsewhere"))
        path.mkdir()
        self.assertIsInstance(self.reads(is_disabled), apsw.Error)
        path.rmdir()
        elsewhere.rename(path)
        self.assertIs(self.reads(is_disabled), False)
        self.done(lambda tx: add(tx, 1))
        self.assertEqual(self.reads(next_id), 2)

    def test_nothing_is_kept(self) -> None:
        """An outcome that nobody keeps is gone once it is delivered, and not with the next one."""
        made: list[weakref.ref[set[int]]] = []

        def make(tx: Transaction) -> set[int]:
            outcome = Outcome()
            made.append(weakref.ref(outcome))
            return outcome

        self.store.read(make)
        self.turns.turn()
        self.turns.one_call()
        for _ in range(500):  # the thread may still be on its way back to its queue
            if made[0]() is not None:
                self.settle()
        self.assertIsNone(made[0]())
