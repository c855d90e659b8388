"""Pages of lists: every way to one gives the same rows, and the chosen one is short."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import apsw
from hypothesis import example, given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from records.api.messages import ListParams
from records.api.query import Condition, EmployeeQuery, Operator, parse_query
from records.model.employee import Employee, name_key
from records.model.fields import STANDARD, Value
from records.model.search import search_words
from records.model.values import fold
from records.operations.boundaries import Transaction
from records.store.sqlite.pages import LENGTHS, Lengths, name_range, page_rows
from records.test.operations.test_search import matches
from records.testing import inline_store

CACHE_HIT, CACHE_MISS = apsw.SQLITE_DBSTATUS_CACHE_HIT, apsw.SQLITE_DBSTATUS_CACHE_MISS

NAMES = ("Ann", "ann", "Anna", "Änne", "Anne Marie", "Lee", "Łee", "leE", "ßa", "ssa", "한", "한나")
TITLES = ("Annalist", "Lee Keeper", "Clerk")
EVERY_WAY = (
    LENGTHS,
    Lengths(0, 0, 0, 0, 0),  # a stretch of one entry, then all
    Lengths(0, 0, 0, 3, 3),
    Lengths(0, 99, 0, 3, 3),
    Lengths(4, 99, 4, 9, 5),
    Lengths(0, 0, 0, 99, 99),  # a stretch, and no more
    Lengths(99, 99, 99, 0, 0),  # all at once
)


def people() -> list[Employee]:
    """Many with names that are alike, and with ties."""
    found = []
    for number in range(1, 61):
        values: dict[str, Value] = {
            "family_name": None if number % 11 == 0 else NAMES[number % len(NAMES)],
            "given_name": NAMES[number * 7 // 5 % len(NAMES)],
            "title": TITLES[number % 3],
            "department": ("R", "S", None)[number // 21],
            "manager_id": (None, 1, 2)[number % 3] if number > 2 else None,
        }
        found.append(Employee(number, 1, {**STANDARD.blank, **values}))
    return found


PEOPLE = people()


class PagesCase(SynchronousTestCase):
    """A database with people in it, and a connection to it."""

    people = PEOPLE

    def setUp(self) -> None:
        path = Path(self.mktemp())
        store = inline_store(path)

        def fill(tx: Transaction) -> None:
            for each in self.people:
                tx.employees.add(each)

        store.do(fill)
        store.close()
        self.connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
        self.addCleanup(self.connection.close)

    def ids(self, query: EmployeeQuery, limit: int, lengths: Lengths = LENGTHS) -> list[object]:
        return [row[0] for row in page_rows(self.connection, "id", query, limit, lengths)]

    def looks(self, lengths: Lengths = LENGTHS, limit: int = 50, **params: Any) -> int:
        query = parse_query(STANDARD, ListParams(**params))
        return self.counted(lambda: self.ids(query, limit, lengths))

    def counted(self, ask: Callable[[], object]) -> int:
        """How many times SQLite turns to a page of its file, as it does for a row elsewhere."""
        status = self.connection.status
        before = sum(status(each)[0] for each in (CACHE_HIT, CACHE_MISS))
        ask()
        return sum(status(each)[0] for each in (CACHE_HIT, CACHE_MISS)) - before


BEGINNINGS = st.sampled_from(("a", "A", "an", "Ann", "L", "le", "Ł", "s", "ß", "한", "\u0301", "x"))
CONDITIONS: st.SearchStrategy[dict[str, dict[str, Any]]] = st.fixed_dictionaries(
    {},
    optional={
        "family_name": st.fixed_dictionaries({"sw": BEGINNINGS})
        | st.fixed_dictionaries({"eq": st.sampled_from(NAMES)})
        | st.just({"eq": None})
        | st.fixed_dictionaries({"ge": st.just("B"), "sw": BEGINNINGS}),
        "department": st.fixed_dictionaries({"eq": st.sampled_from(("R", "S", None))})
        | st.just({"sw": "R"}),
        "manager_id": st.just({"eq": 2}) | st.just({"eq": 9}),
        "title": st.just({"co": "e"}) | st.just({"pr": True}),
    },
)
WORDS = st.lists(
    st.sampled_from(("a", "an", "ann", "anne", "l", "lee", "k", "ma", "c", "1", "12", "한", "x")),
    max_size=3,
)
SORTS = st.sampled_from(("name", "-name", "title", "-given_name", "manager_id", "-department"))


class SameRowsTests(PagesCase):
    """Which employees are on a page."""

    @given(CONDITIONS, WORDS, SORTS, st.integers(1, 8))
    @example({"family_name": {"sw": "\u0301"}}, [], "name", 2)
    @example({}, ["ann"], "name", 3)
    @example({}, ["ann"], "-name", 3)
    @example({"family_name": {"sw": "A"}}, [], "-name", 3)
    def test_every_way(
        self, where: dict[str, dict[str, Any]], words: list[str], sort: str, limit: int
    ) -> None:
        """Whatever way is taken, page after page has the rows of a plain model, in order."""
        params: dict[str, Any] = {"where": where, "search": " ".join(words), "sort": sort}
        query = parse_query(STANDARD, ListParams(**params))
        fit = [
            each
            for each in self.people
            if all(
                matches(each.values[field], operator, operand)
                for field, wanted in where.items()
                for operator, operand in wanted.items()
            )
            and all(
                any(word.startswith(begun) for word in search_words(STANDARD, each.id, each.values))
                for begun in query.words
            )
        ]
        fit.sort(key=lambda each: (query.sort.key(each), each.id), reverse=query.sort.descending)
        for start in range(0, len(fit) + 1, limit):
            if start:
                cursor = query.cursor_after(fit[start - 1])
                query = parse_query(STANDARD, ListParams(**params, cursor=cursor))
            expected = [each.id for each in fit[start : start + limit]]
            for lengths in EVERY_WAY:
                self.assertEqual(self.ids(query, limit, lengths), expected, lengths)

    def test_place_outside(self) -> None:
        """To go on from where no such employee can stand gives what stands behind it."""
        for sort in ("name", "-name"):
            query = parse_query(STANDARD, ListParams(where={"family_name": {"sw": "A"}}, sort=sort))
            everyone = self.ids(query, 99)
            self.assertTrue(everyone)
            for key, is_before in (("", True), ("zz", False)):
                behind = EmployeeQuery(
                    query.words, query.conditions, query.sort, 50, (key, 1), query.fingerprint
                )
                expected = everyone if is_before is (sort == "name") else []
                for lengths in EVERY_WAY:
                    self.assertEqual(self.ids(behind, 99, lengths), expected)


def crowd() -> list[Employee]:
    """So many that it matters how they are found: Bergs above all, and Dahls behind them."""
    return [
        Employee(
            number,
            1,
            {
                **STANDARD.blank,
                "family_name": "Dahl" if number % 3 == 0 else f"Berg{number * 7919 % 1000}",
                "given_name": f"Gwen{number * 31 % 97}",
                "title": f"Clerk{number % 5}",
                "department": "Sales",
            },
        )
        for number in range(1, 3001)
    ]


SORTED = "SELECT id FROM employees WHERE {0} ORDER BY name_key, id LIMIT 50"
BE = "family_name >= 'Be' AND family_name < 'Bf'"
FOUND = "id IN (SELECT employee_id FROM employee_words WHERE word >= '{0}' AND word < '{0}~')"
"""The plain statement, for which all that fits is looked up and sorted: the yardstick."""


class CheapPlanTests(PagesCase):
    """How often SQLite turns to its file for a page of a list."""

    people = crowd()

    def plainly(self, wanted: str) -> int:
        statement = SORTED.format(wanted)
        return self.counted(lambda: self.connection.execute(statement).fetchall())

    def test_name_prefix(self) -> None:
        """Of the many whose names begin so, no more are looked at than are shown."""
        for sort in ("name", "-name"):
            params: dict[str, Any] = {"where": {"family_name": {"sw": "Be"}}, "sort": sort}
            self.assertLess(self.looks(**params) * 10, self.plainly(BE))

    def test_next_page(self) -> None:
        """The last page takes no longer than the first."""
        where = {"family_name": {"sw": "Be"}}
        ordered = sorted(
            (each for each in self.people if str(each.values["family_name"]).startswith("Be")),
            key=lambda each: (name_key(each.values), each.id),
        )
        first = self.looks(where=where)
        for sort, behind in (("name", ordered[-60]), ("-name", ordered[60])):
            cursor = parse_query(STANDARD, ListParams(where=where, sort=sort)).cursor_after(behind)
            self.assertLess(self.looks(where=where, sort=sort, cursor=cursor), first * 1.5)

    def test_another_case(self) -> None:
        """To find nobody by another case does not take a look at all who are folded alike."""
        self.assertLess(self.looks(where={"family_name": {"sw": "be"}}), 20)

    def test_frequent_word(self) -> None:
        """A word that is found in many takes a walk by name, and not a look at each."""
        listed = Lengths(few_words=100, many_words=1000)
        self.assertLess(
            self.looks(listed, search="clerk1") * 5, self.plainly(FOUND.format("clerk1"))
        )
        compared = Lengths(few_words=100, many_words=100, short_stretch=500)
        self.assertLess(
            self.looks(compared, search="clerk1") * 5, self.plainly(FOUND.format("clerk1"))
        )

    def test_frequent_family_name(self) -> None:
        """A family name's many bearers, far behind in the order, are not all looked at."""
        lengths = Lengths(few_words=10, long_stretch=20)
        plainly = self.plainly(FOUND.format("berg6"))
        self.assertLess(self.looks(lengths, 10, search="berg6") * 3, plainly)

    def test_two_words(self) -> None:
        """Only those are looked at who have both words, in whatever order these come."""
        plainly = self.plainly(FOUND.format("berg6"))
        for search in ("clerk1 berg6", "berg6 clerk1"):
            self.assertLess(self.looks(search=search) * 2, plainly, search)

    def test_in_vain(self) -> None:
        """A stretch in vain costs a small part of what has to be done anyway."""
        where = {"family_name": {"sw": "Be"}, "title": "Clerk9"}
        looks = self.looks(Lengths(short_stretch=100), where=where)
        self.assertLess(looks, self.plainly(BE) * 1.2)


class NameRangeTests(SynchronousTestCase):
    """Where in the order by name somebody stands whose family name is known, or its beginning."""

    def test_marks(self) -> None:
        """Of marks, which may change places when folded, nothing is left but one kind of letter.

        So it makes no difference in what order they stand, nor whether some are cut off.
        """
        marks = [chr(point) for point in range(0x110000) if unicodedata.combining(chr(point))]
        self.assertGreater(len(marks), 900)
        self.assertEqual({fold(mark) for mark in marks}, {"", "ι"})

    @given(st.text(), st.text())
    @example("α\u0345", "\u0301β")
    @example("\u1100", "\u1161\u11a8")
    @example("e\u0323", "\u0301")
    @example("Σ", "\u03c3\u03c2")
    @example("\u0f73", "\u0f71\uff9e")
    @example("İ", "ı")
    def test_fold_goes_by_character(self, one: str, other: str) -> None:
        """What is folded in two parts is as if it were folded as one."""
        self.assertEqual(fold(one + other), fold(one) + fold(other))

    @given(st.text(min_size=1), st.none() | st.text(), st.integers(0, 9))
    def test_holds_all(self, family: str, first: str | None, length: int) -> None:
        """Whoever has the name, or one that begins so, stands in the range."""
        family = unicodedata.normalize("NFC", family)
        key = name_key({"family_name": family, "given_name": first})
        for operator, operand in (
            (Operator.EQUAL, family),
            (Operator.STARTS_WITH, unicodedata.normalize("NFC", family[: length + 1])),
        ):
            if operator is Operator.STARTS_WITH and not family.startswith(operand):
                continue
            found = name_range([Condition("family_name", operator, operand)])
            if found is not None:
                self.assertTrue(found[0] <= key < found[1], (key, found))

    def test_none(self) -> None:
        """There is none by another field or comparison, nor by what folding leaves nothing of."""
        for field, operator, operand in (
            ("given_name", Operator.STARTS_WITH, "A"),
            ("family_name", Operator.GREATER, "A"),
            ("family_name", Operator.EQUAL, None),
            ("family_name", Operator.PRESENT, True),
            ("family_name", Operator.STARTS_WITH, "\u0301"),
        ):
            self.assertIsNone(name_range([Condition(field, operator, operand)]))
        many = [
            Condition("title", Operator.EQUAL, "x"),
            Condition("family_name", Operator.STARTS_WITH, "Mül"),
        ]
        self.assertEqual(name_range(many), ("mul", "mul\U0010ffff"))
