"""What every database must do that wants to hold the records: one suite for all adapters.

An adapter's own test module makes a subclass of each class here that says how its database is
made, and so is held to `records.operations.boundaries`. Nothing in here knows of SQL.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from twisted.trial.unittest import SynchronousTestCase

from records.api.messages import ListParams
from records.api.query import parse_query
from records.model.access import Role
from records.model.accounts import Account, Session
from records.model.audit import START as BEGINNING
from records.model.audit import Event, Head, Outcome, verify
from records.model.employee import Employee
from records.model.fields import STANDARD, Value
from records.model.history import Change, ChangeKind
from records.model.values import Money
from records.operations.boundaries import Database, KeptOutcome, Transaction, Work
from records.test import samples
from records.testing import START, FakeTime, InlineStore

FULL: dict[str, Value] = {name: STANDARD[name].check(value) for name, value in samples.FULL.items()}
FULL |= {
    "family_name": "O'Hára",
    "preferred_name": "技師🎉",
    "title": '%_";--',
    "department": "R\\D",
    "location": "x" * 100,
    "manager_id": None,
    "salary": Money("999999999999.9999", "CLF"),
}
OTHER = {name: STANDARD[name].check(value) for name, value in samples.THIRD.items()}
EVENT = Event("ann", "local", "employee.add", "employee:1", Outcome.OK, ("title", "ssn"), "ff")


def named(number: int, name: str = "Ann", **values: Value) -> Employee:
    return Employee(number, 1, {**STANDARD.blank, "given_name": name, **values})


class DatabaseCase(SynchronousTestCase):
    """What the suite shares: a database, and a way to read and write in it."""

    def make_database(self, clock: FakeTime) -> Database:
        """A new, empty database. For the adapter's subclass to say."""
        raise NotImplementedError

    def setUp(self) -> None:
        self.clock = FakeTime()
        self.made = self.make_database(self.clock)
        self.store = InlineStore(self.made)
        self.addCleanup(self.store.close)

    def do(self, operation: Callable[..., Any], *args: object) -> Any:
        """What an operation that writes returns or raises."""
        return self.store.do(operation, *args)

    def see(self, operation: Callable[..., Any]) -> Any:
        """What an operation that reads returns."""
        return self.store.read_now(operation)


class EmployeesContract(DatabaseCase):
    """boundaries.Employees"""

    def test_every_field(self) -> None:
        """A record comes back as it was stored: full, blank, and with each field changed."""
        full, blank = Employee(1, 1, FULL), named(2)
        self.do(lambda tx: (tx.employees.add(full), tx.employees.add(blank)))
        self.assertEqual(self.see(lambda tx: tx.employees.get(1)), full)
        self.assertEqual(self.see(lambda tx: tx.employees.get(2)), blank)
        before, values = blank, dict(blank.values)
        for name in STANDARD.names:
            if name != "manager_id":
                values = values | {name: OTHER.get(name, FULL[name])}
                after = Employee(2, before.revision + 1, values)
                self.do(lambda tx, b=before, a=after: tx.employees.replace(b, a))
                self.assertEqual(self.see(lambda tx: tx.employees.get(2)), after)
                before = after
        for name in STANDARD.names:
            if name not in ("given_name", "status"):
                values = values | {name: None}
                after = Employee(2, before.revision + 1, values)
                self.do(lambda tx, b=before, a=after: tx.employees.replace(b, a))
                self.assertEqual(self.see(lambda tx: tx.employees.get(2)), after)
                before = after
        self.assertEqual(self.see(lambda tx: tx.employees.get(1)), full)

    def test_money(self) -> None:
        """Amounts are exact in currencies of no, two, three and four minor digits."""
        amounts = {
            "JPY": ("0", "999999999999"),
            "USD": ("0.01", "999999999999.99"),
            "BHD": ("0.001", "999999999999.999"),
            "CLF": ("0.0001", "0.0000"),
        }
        pairs = [(each, currency) for currency, two in amounts.items() for each in two]
        for number, (amount, currency) in enumerate(pairs, 1):
            employee = named(number, salary=Money(amount, currency))
            self.do(lambda tx, e=employee: tx.employees.add(e))
            self.assertEqual(self.see(lambda tx, n=number: tx.employees.get(n)), employee)

    def test_values_of(self) -> None:
        """Values in use come by how many have them, then in their order; blank is none."""
        for number, title in enumerate(("Boss", "Clerk", None, "Clerk", "Abbot"), 1):
            employee = named(number, title=title)
            self.do(lambda tx, e=employee: tx.employees.add(e))
        found = self.see(lambda tx: tx.employees.values_of("title", 9))
        self.assertEqual(found, ["Clerk", "Abbot", "Boss"])
        self.assertEqual(self.see(lambda tx: tx.employees.values_of("title", 2)), found[:2])
        self.assertEqual(self.see(lambda tx: tx.employees.values_of("location", 9)), [])

    def test_with_word(self) -> None:
        """Employees are found by a whole word, in the order of their IDs."""
        for number, name in ((7, "Ann"), (3, "Ann"), (5, "Anna")):
            employee = named(number, name)
            self.do(lambda tx, e=employee: tx.employees.add(e))
        self.assertEqual(self.see(lambda tx: tx.employees.with_word("ann", 9)), [3, 7])
        self.assertEqual(self.see(lambda tx: tx.employees.with_word("ann", 1)), [3])
        self.assertEqual(self.see(lambda tx: tx.employees.with_word("an", 9)), [])

    def test_page(self) -> None:
        """In a page each record is as it is alone."""
        people = [Employee(1, 3, FULL), named(2), named(3, salary=Money("0", "JPY"))]
        for each in people:
            self.do(lambda tx, e=each: tx.employees.add(e))
        found = self.see(
            lambda tx: tx.employees.page(parse_query(STANDARD, ListParams(sort="-name")), 9)
        )
        self.assertEqual(
            sorted([each.employee(STANDARD) for each in found], key=lambda e: e.id), people
        )

    def test_remove(self) -> None:
        """Somebody removed is not there, in no list, and found by no search."""
        self.do(lambda tx: tx.employees.add(named(1, "Zoe")))
        self.do(lambda tx: tx.employees.remove(named(1, "Zoe")))
        for params in (ListParams(), ListParams(search="zoe"), ListParams(search="1")):
            self.assertEqual(
                self.see(lambda tx, p=params: tx.employees.page(parse_query(STANDARD, p), 9)), []
            )
        self.assertIsNone(self.see(lambda tx: tx.employees.get(1)))

    def test_ids(self) -> None:
        """The next ID is above all that were ever used, in the records or in the history."""

        def change(number: int, seq: int) -> Change:
            return Change(seq, 0, "x", number, 2, ChangeKind.DELETE, {}, {}, b"")

        self.assertEqual(self.see(lambda tx: tx.employees.next_id()), 1)
        self.do(lambda tx: tx.employees.add(named(7)))
        self.assertEqual(self.see(lambda tx: tx.employees.next_id()), 8)

        def delete_twenty(tx: Transaction) -> None:
            tx.journal.add_change(change(20, tx.journal.append(EVENT).seq))

        self.do(delete_twenty)
        self.assertEqual(self.see(lambda tx: tx.employees.next_id()), 21)
        used = [self.see(lambda tx, n=n: tx.employees.was_used(n)) for n in (1, 7, 20, 21)]
        self.assertEqual(used, [False, True, True, False])

    def test_look_ups(self) -> None:
        """Employees are found by SSN; managers and their reports are counted."""
        for employee in (
            named(1, ssn="536-90-4399"),
            named(2, manager_id=1),
            named(3, manager_id=1),
            named(4, manager_id=2),
        ):
            self.do(lambda tx, e=employee: tx.employees.add(e))
        self.assertEqual(self.see(lambda tx: tx.employees.holder("ssn", "536-90-4399")), 1)
        self.assertIsNone(self.see(lambda tx: tx.employees.holder("ssn", "536-90-4398")))
        managers = [self.see(lambda tx, n=n: tx.employees.manager_of(n)) for n in (1, 2, 4, 9)]
        self.assertEqual(managers, [None, 1, 2, None])
        counts = [self.see(lambda tx, n=n: tx.employees.count_reporting_to(n)) for n in (1, 2, 4)]
        self.assertEqual(counts, [2, 1, 0])

    def test_everyone(self) -> None:
        """Everyone is everyone, in the order of their IDs."""
        self.assertEqual(self.see(lambda tx: list(tx.employees.everyone())), [])
        people = [named(number, f"Ann {number}") for number in (10, 2, 1)]
        self.do(lambda tx: [tx.employees.add(each) for each in people])
        self.assertEqual(self.see(lambda tx: list(tx.employees.everyone())), people[::-1])

    def test_limits_of_the_table(self) -> None:
        """The database itself refuses a second SSN, a second ID, and a manager who is not there."""
        self.do(lambda tx: tx.employees.add(named(1, ssn="536-90-4399")))
        for bad in (named(1), named(2, ssn="536-90-4399"), named(2, manager_id=9)):
            with self.assertRaises(Exception):  # noqa: B017  each adapter has its own
                self.do(lambda tx, e=bad: tx.employees.add(e))
        self.assertIsNone(self.see(lambda tx: tx.employees.get(2)))


class AccountsContract(DatabaseCase):
    """boundaries.Accounts"""

    ann = Account(0, "ann", "hash", (Role.HR, Role.IT), None, disabled=False)

    def setUp(self) -> None:
        super().setUp()
        self.stored = self.do(lambda tx: tx.accounts.add(self.ann))

    def test_accounts(self) -> None:
        """An account gets a number, and is found by it and by its name."""
        self.assertEqual(msgspec.structs.replace(self.stored, id=0), self.ann)
        for found in (
            self.see(lambda tx: tx.accounts.get(self.stored.id)),
            self.see(lambda tx: tx.accounts.named("ann")),
        ):
            self.assertEqual(found, self.stored)
        self.assertIsNone(self.see(lambda tx: tx.accounts.get(99)))
        self.assertIsNone(self.see(lambda tx: tx.accounts.named("Ann")))

    def test_everyone(self) -> None:
        """All accounts are told by name; numbers are never the same."""
        for name in ("zoe", "bob"):
            self.do(
                lambda tx, n=name: tx.accounts.add(msgspec.structs.replace(self.ann, username=n))
            )
        everyone = self.see(lambda tx: tx.accounts.everyone())
        self.assertEqual([each.username for each in everyone], ["ann", "bob", "zoe"])
        self.assertEqual(len({each.id for each in everyone}), 3)

    def test_one_name(self) -> None:
        """There is one account of a name."""
        with self.assertRaises(Exception):  # noqa: B017  each adapter has its own
            self.do(lambda tx: tx.accounts.add(self.ann))

    def test_replace(self) -> None:
        """Every attribute can be changed."""
        self.do(lambda tx: tx.employees.add(named(1)))
        for changes in (
            {"username": "anna"},
            {"password_hash": "new"},
            {"roles": ()},
            {"roles": tuple(Role)},
            {"employee_id": 1},
            {"disabled": True},
            {"must_change_password": True},
            {"employee_id": None, "disabled": False, "must_change_password": False},
        ):
            self.stored = msgspec.structs.replace(self.stored, **changes)
            self.do(lambda tx: tx.accounts.replace(self.stored))
            self.assertEqual(self.see(lambda tx: tx.accounts.get(self.stored.id)), self.stored)

    def session(self, name: bytes, created: int = 0, used: int = 0) -> Session:
        made = Session(name * 32, self.stored.id, START + created, START + used, "192.0.2.1")
        self.do(lambda tx: tx.accounts.add_session(made))
        return made

    def there(self, *sessions: Session) -> list[bool]:
        return [self.see(lambda tx, s=s: tx.accounts.session(s.id)) is not None for s in sessions]

    def test_sessions(self) -> None:
        """A session comes with its account as it now is."""
        made = self.session(b"a")
        self.assertEqual(self.see(lambda tx: tx.accounts.session(made.id)), (made, self.stored))
        closed = msgspec.structs.replace(self.stored, disabled=True)
        self.do(lambda tx: tx.accounts.replace(closed))
        self.assertEqual(self.see(lambda tx: tx.accounts.session(made.id)), (made, closed))
        self.assertIsNone(self.see(lambda tx: tx.accounts.session(b"")))

    def test_use(self) -> None:
        """Use is noted forwards only."""
        made = self.session(b"a", used=10)
        for at, noted in ((20, 20), (5, 20), (30, 30)):
            self.do(lambda tx, a=at: tx.accounts.note_use(made.id, START + a))
            found = self.see(lambda tx: tx.accounts.session(made.id))
            assert found is not None
            self.assertEqual(found[0].used_at, START + noted)

    def test_ends(self) -> None:
        """Sessions end one by one, all of an account but one, or for their age."""
        a, b, c, d = (self.session(name) for name in (b"a", b"b", b"c", b"d"))
        self.do(lambda tx: tx.accounts.end_session(a.id))
        self.assertEqual(self.there(a, b, c, d), [False, True, True, True])
        other = self.do(
            lambda tx: tx.accounts.add(msgspec.structs.replace(self.ann, username="bo"))
        )
        self.do(lambda tx: tx.accounts.end_sessions(other.id))
        self.do(lambda tx: tx.accounts.end_sessions(self.stored.id, c.id))
        self.assertEqual(self.there(b, c, d), [False, True, False])
        self.do(lambda tx: tx.accounts.end_sessions(self.stored.id))
        self.assertEqual(self.there(c), [False])

    def test_old_sessions(self) -> None:
        """Those used or made before an instant end; it says how many."""
        sessions = [
            self.session(b"a", 0, 50),
            self.session(b"b", 10, 10),
            self.session(b"c", 10, 20),
        ]
        ended = self.do(lambda tx: tx.accounts.end_old_sessions(START + 20, START + 10))
        self.assertEqual((ended, self.there(*sessions)), (2, [False, False, True]))

    def test_never_stale(self) -> None:
        """A session is told with its account as it is now, whoever has changed either."""
        person = named(1)
        self.do(lambda tx: tx.employees.add(person))
        made = self.session(b"s")
        other = self.made.writer()
        self.addCleanup(other.close)
        changes: list[Callable[[Transaction], object]] = [
            lambda tx: tx.accounts.replace(
                msgspec.structs.replace(self.stored, roles=(Role.IT,), employee_id=1)
            ),
            lambda tx: tx.employees.remove(person),
            lambda tx: tx.accounts.note_use(made.id, START + 5),
            lambda tx: tx.accounts.replace(
                msgspec.structs.replace(self.stored, disabled=True, username="anna")
            ),
            lambda tx: tx.accounts.end_sessions(self.stored.id),
            lambda tx: tx.accounts.add_session(made),
            lambda tx: tx.accounts.end_session(made.id),
            lambda tx: tx.accounts.add_session(made),
            lambda tx: tx.accounts.end_old_sessions(START + 1, START + 1),
        ]

        def look(tx: Transaction) -> object:
            return tx.accounts.session(made.id)

        def change_and_fail(tx: Transaction) -> None:
            tx.accounts.replace(msgspec.structs.replace(self.stored, roles=tuple(Role)))
            look(tx)
            raise KeyError

        seen = [self.do(look)]
        for place, change in enumerate(changes):
            self.assertEqual([self.do(look), self.see(look)], [seen[-1]] * 2)
            self.assertRaises(KeyError, self.do, change_and_fail)
            self.assertEqual([self.do(look), self.see(look)], [seen[-1]] * 2, "undone")
            if place % 2:
                self.do(change)
            else:
                (done,) = other.run([Work(change)])
                self.assertIsNone(done.error)
            new_jobs = self.made.reader()
            seen.append(look(new_jobs.begin()))
            new_jobs.end()
            new_jobs.close()
            self.assertEqual([self.do(look), self.see(look)], [seen[-1]] * 2, place)
        self.assertEqual(len({repr(each) for each in seen}), 7)

    def test_sources(self) -> None:
        """Where an account logged in from is remembered for that account alone."""
        for at in (1, 2):
            self.do(lambda tx, a=at: tx.accounts.note_source(self.stored.id, "192.0.2.1", a))
        told = [
            self.see(lambda tx, n=n, s=s: tx.accounts.is_familiar(n, s))
            for n, s in (
                (self.stored.id, "192.0.2.1"),
                (self.stored.id, "192.0.2.2"),
                (99, "192.0.2.1"),
            )
        ]
        self.assertEqual(told, [True, False, False])


class JournalContract(DatabaseCase):
    """boundaries.Journal"""

    def test_chain(self) -> None:
        """Events are chained in their order, over transactions and within one."""
        self.assertEqual(self.see(lambda tx: tx.journal.head()), BEGINNING)
        for outcome in Outcome:
            event = msgspec.structs.replace(EVENT, outcome=outcome, fields=())
            self.do(lambda tx, e=event: (tx.journal.append(e), tx.journal.append(EVENT)))
            self.clock.advance(1)
        entries = self.see(lambda tx: list(tx.journal.entries()))
        self.assertEqual([entry.seq for entry in entries], [1, 2, 3, 4, 5, 6])
        self.assertEqual(
            [entry.at - START for entry in entries], [0, 0, 10**6, 10**6, 2 * 10**6, 2 * 10**6]
        )
        self.assertEqual(entries[1].event, EVENT)
        head = Head(6, entries[-1].hash)
        self.assertEqual(verify(entries), head)
        self.assertEqual(self.see(lambda tx: tx.journal.head()), head)
        self.assertEqual(self.see(lambda tx: list(tx.journal.entries(4))), entries[4:])
        self.assertEqual(self.see(lambda tx: list(tx.journal.entries(6))), [])

    def test_words_as_they_are(self) -> None:
        """Whatever text an event is made of comes back, so that the chain holds."""
        for text in ("", "-", "é🎉", "a'b\"c", "\\", "%s", "user:ann@example.com", " "):
            self.do(
                lambda tx, t=text: tx.journal.append(Event(t, t, t, t, Outcome.FAILED, ("a",), t))
            )
        verify(self.see(lambda tx: list(tx.journal.entries())))

    def test_undone(self) -> None:
        """What is undone leaves no gap and no trace in the chain."""

        def fail(tx: Transaction) -> None:
            tx.journal.append(EVENT)
            tx.journal.append(EVENT)
            raise KeyError

        for _ in range(2):
            self.do(lambda tx: tx.journal.append(EVENT))
            with self.assertRaises(KeyError):
                self.do(fail)
        entries = self.see(lambda tx: list(tx.journal.entries()))
        self.assertEqual([entry.seq for entry in entries], [1, 2])
        verify(entries)

    def test_changes(self) -> None:
        """Changes come back as they were: one employee's newest first, all in order."""
        kinds = list(ChangeKind)

        def add(tx: Transaction, number: int, revision: int) -> Change:
            entry = tx.journal.append(EVENT)
            before: dict[str, Value] = {"salary": None, "title": "é'🎉"}
            after: dict[str, Value] = {"salary": Money("1.0000", "CLF"), "title": None}
            change = Change(
                *(entry.seq, entry.at, "ann", number, revision, kinds[revision % 3], before, after),
                salt=bytes(range(16)),
            )
            tx.journal.add_change(change)
            return change

        made = [self.do(add, n, r) for n, r in ((7, 1), (8, 1), (7, 2), (7, 10), (7, 3))]
        self.assertEqual(
            self.see(lambda tx: list(tx.journal.changes(7))), [made[i] for i in (3, 4, 2, 0)]
        )
        self.assertEqual(self.see(lambda tx: list(tx.journal.all_changes())), made)
        self.assertEqual(self.see(lambda tx: list(tx.journal.changes(9))), [])

    def test_outcomes(self) -> None:
        """Outcomes are kept by account and key, and forgotten by age."""
        account = self.do(lambda tx: tx.accounts.add(AccountsContract.ann))
        kept = [
            KeptOutcome(account.id, key, at, b"\x00\xff", '{"é":1}')
            for key, at in (("k", 1), ("K", 2))
        ]
        for each in kept:
            self.do(lambda tx, e=each: tx.journal.keep_outcome(e))
        found = [
            self.see(lambda tx, k=k: tx.journal.outcome(account.id, k)) for k in ("k", "K", "x")
        ]
        self.assertEqual(found, [*kept, None])
        self.assertIsNone(self.see(lambda tx: tx.journal.outcome(99, "k")))
        self.assertEqual(self.do(lambda tx: tx.journal.forget_outcomes(2)), 1)
        found = [self.see(lambda tx, k=k: tx.journal.outcome(account.id, k)) for k in ("k", "K")]
        self.assertEqual(found, [None, kept[1]])
