"""A database of schema version 1: everything in it comes along."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apsw
import msgspec
from twisted.trial.unittest import SynchronousTestCase

from records.model.accounts import session_id
from records.model.errors import Unusable, ValidationFailed
from records.model.fields import STANDARD
from records.model.search import VERSION, words_version
from records.model.values import Money
from records.operations.audit import verify_journal
from records.operations.methods import METHODS, perform
from records.operations.sessions import Caller
from records.store.sqlite.database import SqliteDatabase
from records.store.sqlite.upgrade import make_words, schema_files, upgrade
from records.test.operations.operations_case import LIMITS, SOURCE
from records.test.store.sqlite.version_1 import ROWS
from records.testing import Counting, FakeTime, InlineStore

HR = Caller(session_id("hr"), SOURCE, LIMITS)


def make_version_1(path: Path) -> None:
    """A database file as the first version left it."""
    connection = apsw.Connection(str(path))
    connection.pragma("journal_mode", "wal")
    upgrade(connection, FakeTime(), schema_files()[:1])
    connection.execute(ROWS)
    connection.close()


class Version1Tests(SynchronousTestCase):
    """Opening a database of version 1."""

    def setUp(self) -> None:
        self.path = Path(self.mktemp())
        make_version_1(self.path)

    def database(self, *, may_upgrade: bool = True) -> SqliteDatabase:
        return SqliteDatabase(
            self.path, FakeTime(), Counting(), catalogue=STANDARD, may_upgrade=may_upgrade
        )

    def opened(self) -> InlineStore:
        store = InlineStore(self.database())
        self.addCleanup(store.close)
        return store

    def ask(self, store: InlineStore, name: str, **params: object) -> Any:
        method = METHODS[name]
        decoded = msgspec.convert(params, method.decode.type)
        return store.do(perform, HR, method.for_params(decoded), decoded)

    def found(self, store: InlineStore, search: str) -> list[int]:
        return [each.id for each in self.ask(store, "employee.list", search=search).employees]

    def test_records(self) -> None:
        """Each record is there, with blank new fields, and with pay by the year."""
        store = self.opened()
        shown = self.ask(store, "employee.get", id=7, reveal=["salary", "ssn"]).employee
        self.assertEqual(shown["salary"], Money("70000.00", "EUR", "year"))
        self.assertEqual((shown["ssn"], shown["title"]), ("536-90-4399", "Chief"))
        for name in ("middle_name", "suffix", "employee_number", "cost_center", "employment_type"):
            self.assertIsNone(shown[name])

    def test_names_are_found(self) -> None:
        """People are found in the ways that the first version did not find them."""
        store = self.opened()
        for search, number in (
            ("Mueller", 7),
            ("joerg muller", 7),
            ("李小龙", 8),
            ("小龙李", 8),
            ("xiaolong", 8),
        ):
            self.assertEqual(self.found(store, search), [number], search)
        self.assertEqual(self.found(store, "nobody"), [])

    def test_verified(self) -> None:
        """History, audit chain and records still agree, also after a change by this version."""
        store = self.opened()
        self.assertEqual(store.read_now(verify_journal).seq, 6)
        pay = {"amount": "41.5", "currency": "EUR", "per": "hour"}
        self.ask(store, "employee.update", id=7, revision=2, changes={"salary": pay})
        self.assertEqual(store.read_now(verify_journal).seq, 7)

    def test_repeated(self) -> None:
        """A request that the first version did is answered, not done again, when it is repeated."""
        store = self.opened()
        employee = {
            "given_name": "小龙",
            "family_name": "李",
            "email": "xiaolong.li@example.com",
            "salary": {"amount": "5000", "currency": "CHF"},
        }
        again = self.ask(store, "employee.add", employee=employee, key="k-1")
        self.assertEqual((again.employee["id"], again.employee["revision"]), (8, 1))
        changes = {
            "title": "Chief",
            "salary": {"amount": "70000", "currency": "EUR"},
            "phone": "+12127365000",
        }
        params: dict[str, object] = {"id": 7, "revision": 1, "changes": changes, "key": "k-2"}
        self.assertEqual(self.ask(store, "employee.update", **params).employee["revision"], 2)
        with self.assertRaises(ValidationFailed):
            self.ask(store, "employee.update", **params | {"changes": {"title": "Boss"}})

    def test_once(self) -> None:
        """Words are made anew once, not at each start."""
        self.database()
        connection = apsw.Connection(str(self.path))
        connection.execute("INSERT INTO employee_words VALUES ('marked', 7)")
        connection.close()
        self.assertEqual(self.found(self.opened(), "marked"), [7])

    def test_interrupted(self) -> None:
        """If making the words is interrupted, the old ones stay, and the next start makes them."""
        connection = apsw.Connection(str(self.path))
        upgrade(connection, FakeTime(), schema_files())
        before = list(connection.execute("SELECT * FROM employee_words"))

        def torn() -> Iterator[tuple[int, set[str]]]:
            yield 7, {"torn"}
            raise ZeroDivisionError

        with self.assertRaises(ZeroDivisionError):
            make_words(connection, words_version(STANDARD), torn())
        self.assertEqual(list(connection.execute("SELECT * FROM employee_words")), before)
        connection.close()
        self.assertEqual(self.found(self.opened(), "mueller"), [7])

    def test_later_rules(self) -> None:
        """When the rules have changed, the words are made anew; a program beside a daemon waits."""
        self.database()
        connection = apsw.Connection(str(self.path))
        connection.execute("DELETE FROM employee_words")
        connection.execute("UPDATE derived_versions SET version = ?", (f"{VERSION - 1}-x",))
        connection.close()
        with self.assertRaisesRegex(Unusable, "older"):
            self.database(may_upgrade=False)
        self.assertEqual(self.found(self.opened(), "mueller"), [7])

    def test_newer_rules(self) -> None:
        """Words of a newer version are left alone, and the database is refused."""
        self.database()
        connection = apsw.Connection(str(self.path))
        connection.execute("UPDATE derived_versions SET version = ?", (f"{VERSION + 1}-x",))
        connection.close()
        with self.assertRaisesRegex(Unusable, "newer version"):
            self.opened()
