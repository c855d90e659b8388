"""What a list asks for: every operator against a plain model, faults, and cursors."""

from __future__ import annotations

import base64
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from records.api.messages import ListParams
from records.api.query import BY_NAME, MAX_WORDS, EmployeeQuery, Operator, parse_query
from records.model.employee import Employee
from records.model.errors import ValidationFailed
from records.model.fields import STANDARD, Kind

SORTABLE = ("name", *(name for name in STANDARD.names if not STANDARD[name].masked))


def ask(**params: Any) -> EmployeeQuery:
    return parse_query(STANDARD, ListParams(**params))


class QueryCase(SynchronousTestCase):
    """What tests of queries share."""

    def wrong(self, **params: Any) -> list[str]:
        with self.assertRaises(ValidationFailed) as caught:
            ask(**params)
        for error in caught.exception.errors:
            self.assertTrue(error.message.endswith("."), error)
        return [error.field for error in caught.exception.errors]


class AskedTests(QueryCase):
    """What is understood."""

    def test_nothing(self) -> None:
        """Without params it is the first page of everybody, by name."""
        query = ask()
        self.assertEqual((query.words, query.conditions, query.after), ((), (), None))
        self.assertEqual((query.sort.field, query.sort.descending), (BY_NAME, False))
        self.assertEqual(query.limit, 50)

    def test_words(self) -> None:
        """Search words are folded, and each counts once."""
        self.assertEqual(ask(search="  O'HÁRA ann  Ann ").words, ("ohara", "ann"))
        self.assertEqual(ask(search="").words, ())
        self.assertEqual(ask(search="   ").words, ())
        self.assertEqual(self.wrong(search="'-"), ["search"])
        ask(search=" ".join(f"w{n}" for n in range(MAX_WORDS)))
        self.assertEqual(
            self.wrong(search=" ".join(f"w{n}" for n in range(MAX_WORDS + 1))), ["search"]
        )

    def test_conditions(self) -> None:
        """A bare value means equal; operands come in their field's canonical form."""
        query = ask(
            where={
                "status": "Active",
                "manager_id": {"in": ["7", 8]},
                "hire_date": {"ge": "2020-01-01", "lt": "2021-01-01"},
                "email": {"eq": "ann@EXAMPLE.com"},
                "title": {"co": "ngin", "pr": True},
                "location": None,
                "phone": {"ne": None},
            }
        )
        self.assertEqual(
            [(c.field, c.operator.value, c.operand) for c in query.conditions],
            [
                ("status", "eq", "active"),
                ("manager_id", "in", (7, 8)),
                ("hire_date", "ge", "2020-01-01"),
                ("hire_date", "lt", "2021-01-01"),
                ("email", "eq", "ann@example.com"),
                ("title", "co", "ngin"),
                ("title", "pr", True),
                ("location", "eq", None),
                ("phone", "ne", None),
            ],
        )

    def test_long_part(self) -> None:
        """A part of a text that is looked for is no longer than any text that is stored."""
        self.assertTrue(ask(where={"title": {"co": "x" * 200}}))
        with self.assertRaises(ValidationFailed):
            ask(where={"title": {"co": "x" * 201}})

    def test_sorts(self) -> None:
        """Every field that is not masked can be sorted by, both ways."""
        for name in SORTABLE:
            self.assertEqual(ask(sort=name).sort.descending, False)
            self.assertEqual(ask(sort=f"-{name}").sort.descending, True)
            self.assertEqual(ask(sort=name).sort.numeric, name == "manager_id")

    def test_all_wrong_at_once(self) -> None:
        """Everything that is wrong is reported together."""
        self.assertEqual(
            self.wrong(
                search="?!",
                where={
                    "ssn": "536-90-4399",
                    "salary": {"pr": True},
                    "bogus": 1,
                    "id": 1,
                    "hire_date": "soon",
                    "title": {"like": "x", "co": 5},
                    "email": {"in": []},
                },
                sort="ssn",
                cursor="nonsense",
            ),
            [
                "search",
                "where.ssn",
                "where.salary",
                "where.bogus",
                "where.id",
                "where.hire_date",
                "where.title",
                "where.title",
                "where.email",
                "sort",
                "cursor",
            ],
        )

    def test_wrong_operands(self) -> None:
        """Each operator refuses what it cannot compare with."""
        for field, comparison in (
            ("title", {"pr": "yes"}),
            ("title", {"pr": None}),
            ("title", {"in": "x"}),
            ("title", {"in": ["x"] * 101}),
            ("title", {"in": ["x", None]}),
            ("title", {"co": ""}),
            ("title", {"sw": None}),
            ("title", {"gt": None}),
            ("title", {"eq": ["x"]}),
            ("title", {"EQ": "x"}),
            ("title", ["x"]),
            ("title", 5),
            ("manager_id", {"co": "1"}),
            ("manager_id", {"sw": "1"}),
            ("manager_id", {"eq": 0}),
            ("manager_id", {"gt": "x"}),
            ("manager_id", True),
            ("status", {"eq": "gone"}),
            ("hire_date", {"lt": "2020-02-30"}),
        ):
            self.assertEqual(self.wrong(where={field: comparison}), [f"where.{field}"], comparison)

    def test_wrong_sorts(self) -> None:
        """What cannot be sorted by is refused."""
        for sort in ("ssn", "-salary", "bogus", "", "-", "--name", "Name", "id", "name_key", "1"):
            self.assertEqual(self.wrong(sort=sort), ["sort"], sort)


def place_of(cursor: str) -> list[Any]:
    place: list[Any] = msgspec.json.decode(base64.urlsafe_b64decode(cursor))
    return place


def cursor_of(place: object) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(place)).decode()


class CursorTests(QueryCase):
    """Going on from a page."""

    ann = Employee(
        7, 1, {**STANDARD.blank, "given_name": "Ann", "family_name": "O'Hara", "manager_id": 3}
    )

    def test_round_trip(self) -> None:
        """A cursor leads on to right behind the last employee, in every order."""
        for name in SORTABLE:
            for sort in (name, f"-{name}"):
                query = ask(sort=sort)
                after = ask(sort=sort, cursor=query.cursor_after(self.ann)).after
                self.assertEqual(after, (query.sort.key(self.ann), 7))

    def test_another_page_size(self) -> None:
        """The size of a page may change on the way."""
        cursor = ask(limit=10).cursor_after(self.ann)
        self.assertIsNotNone(ask(limit=20, cursor=cursor).after)

    def test_another_list(self) -> None:
        """A cursor of one list is refused by another."""
        cursor = ask(search="ann").cursor_after(self.ann)
        for params in ({}, {"search": "bob"}, {"search": "ann", "sort": "-name"}):
            self.assertEqual(self.wrong(cursor=cursor, **params), ["cursor"])
        self.assertEqual(self.wrong(search="ann", where={"title": "x"}, cursor=cursor), ["cursor"])

    def test_order_of_conditions(self) -> None:
        """The same list, its conditions written in another order, goes on with the cursor."""
        cursor = ask(where={"title": "x", "status": "active"}).cursor_after(self.ann)
        ask(where={"status": "active", "title": "x"}, cursor=cursor)

    def test_tampered(self) -> None:
        """A cursor with another content's shape is refused like a stale one."""
        for sort in ("name", "manager_id"):
            cursor = ask(sort=sort).cursor_after(self.ann)
            mark, key, number = place_of(cursor)
            for place in (
                [mark, key],
                [mark, key, number, 1],
                [mark, key, 0],
                [mark, key, -1],
                [mark, key, 2**31],
                [mark, key, 10**30],
                [mark, key, "7"],
                [mark, key, 7.5],
                [mark, key, None],
                [mark, None, number],
                [mark, [key], number],
                [mark, True, number],
                [mark, -1, number],
                [mark, 2**31, number],
                [mark, 1 if isinstance(key, str) else "1", number],
                ["0" * 16, key, number],
                [mark.upper() + "x", key, number],
                {"a": 1},
                None,
                7,
            ):
                self.assertEqual(self.wrong(sort=sort, cursor=cursor_of(place)), ["cursor"], place)

    @given(st.text(max_size=40))
    def test_any_text(self, cursor: str) -> None:
        """Whatever is sent as a cursor is refused, and nothing else is raised."""
        self.assertEqual(self.wrong(cursor=cursor), ["cursor"])

    @given(st.data())
    def test_any_byte_changed(self, data: st.DataObject) -> None:
        """A cursor with a letter changed is refused, or is one for another place in the list."""
        cursor = ask().cursor_after(self.ann)
        place = data.draw(st.integers(0, len(cursor) - 1))
        letter = data.draw(st.characters(codec="ascii"))
        try:
            after = ask(cursor=cursor[:place] + letter + cursor[place + 1 :]).after
        except ValidationFailed as refused:
            self.assertEqual([error.field for error in refused.errors], ["cursor"])
        else:
            assert after is not None
            self.assertIsInstance(after[0], str)
            self.assertTrue(1 <= after[1] < 2**31)


class KeyTests(SynchronousTestCase):
    """What employees are sorted by."""

    def test_blanks(self) -> None:
        """A blank is sorted as nothing, of the type that the others have."""
        nobody = Employee(1, 1, STANDARD.blank)
        for name in SORTABLE[1:]:
            key = ask(sort=name).sort.key(nobody)
            numeric = STANDARD[name].kind is Kind.REFERENCE
            self.assertEqual(key, 0 if numeric else STANDARD.blank[name] or "")

    def test_operators(self) -> None:
        """The operators are SCIM's words, and `in`."""
        self.assertEqual(
            {each.value for each in Operator},
            {"eq", "ne", "co", "sw", "gt", "ge", "lt", "le", "pr", "in"},
        )
