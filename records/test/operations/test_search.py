"""Conditions against a plain model, and search words, over a real database."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from records.model.fields import STANDARD, Kind
from records.test.operations.list_case import DATES, TITLES, ListCase


def matches(value: Any, operator: str, operand: Any) -> bool:
    """The plain model: what each operator means for a value that may be blank."""
    if operator == "pr":
        return (value is not None) is operand
    if operator in ("eq", "ne"):
        return (value == operand) is (operator == "eq")
    if value is None:
        return False
    meanings: dict[str, Callable[[], bool]] = {
        "in": lambda: value in operand,
        "co": lambda: operand in value,
        "sw": lambda: value.startswith(operand),
        "gt": lambda: value > operand,
        "ge": lambda: value >= operand,
        "lt": lambda: value < operand,
        "le": lambda: value <= operand,
    }
    return meanings[operator]()


OPERANDS: dict[str, st.SearchStrategy[Any]] = {
    "title": st.sampled_from([each for each in TITLES if each]),
    "department": st.sampled_from(("R", "S", "T")),
    "hire_date": st.sampled_from([each for each in DATES if each]),
    "birth_date": st.just("1980-01-01"),
    "manager_id": st.integers(1, 3),
    "status": st.sampled_from(("active", "on_leave", "left")),
    "given_name": st.sampled_from(("Ann", "ann", "Émile", "한")),
    "family_name": st.sampled_from(("Lee", "lee", "Van Dyk", "Öz")),
}


PARTS = st.sampled_from(
    ("e", "E", "n", "É", "%", "_", "'", '"', " ", "技", "🎉", "-", "19", "\x00")
)


@st.composite
def comparisons(draw: st.DrawFn) -> tuple[str, str, Any]:
    field = draw(st.sampled_from(sorted(OPERANDS)))
    words = ["eq", "ne", "gt", "ge", "lt", "le", "pr", "in"]
    operator = draw(st.sampled_from(words if field == "manager_id" else [*words, "co", "sw"]))
    if operator == "pr":
        return field, operator, draw(st.booleans())
    if operator == "in":
        return field, operator, draw(st.lists(OPERANDS[field], min_size=1, max_size=3))
    if operator in ("co", "sw"):
        return field, operator, draw(PARTS | OPERANDS[field])
    blank = st.none() if operator in ("eq", "ne") else st.nothing()
    return field, operator, draw(OPERANDS[field] | blank)


class ConditionTests(ListCase):
    """Which employees are chosen."""

    @given(st.lists(comparisons(), min_size=1, max_size=3))
    def test_every_operator(self, asked: list[tuple[str, str, Any]]) -> None:
        """Every operator, alone and with others, chooses whom a plain model chooses."""
        where: dict[str, dict[str, Any]] = {}
        for field, operator, operand in asked:
            where.setdefault(field, {})[operator] = operand
        expected = {
            each.id
            for each in self.people
            if all(
                matches(each.values[field], operator, operand)
                for field, wanted in where.items()
                for operator, operand in wanted.items()
            )
        }
        self.assertEqual(set(self.ids(where=where)), expected)
        paged = [n for page in self.all_pages(where=where, limit=2, sort="-title") for n in page]
        self.assertEqual(sorted(paged), sorted(expected))

    def test_bare_value(self) -> None:
        """A bare value means equal, and null means blank."""
        self.assertEqual(
            self.ids(where={"title": "Engineer"}), self.ids(where={"title": {"eq": "Engineer"}})
        )
        blank = [each.id for each in self.people if each.values["title"] is None]
        self.assertEqual(sorted(self.ids(where={"title": None})), blank)

    def test_many_conditions(self) -> None:
        """As many conditions as there can be are one good question."""
        every = {"eq": "x", "ne": "y", "gt": "a", "ge": "a", "lt": "z", "le": "z", "pr": True}
        texts = [name for name in STANDARD.names if STANDARD[name].kind in (Kind.TEXT, Kind.NAME)]
        where = {name: every | {"in": ["x"] * 100, "co": "x", "sw": "x"} for name in texts}
        self.assertEqual(self.ids(where=where), [])


class SearchTests(ListCase):
    """Words."""

    def found(self, search: str) -> list[int]:
        return sorted(self.ids(search=search))

    def named(self, *names: tuple[str | None, str | None]) -> list[int]:
        return [
            each.id
            for each in self.people
            if (each.values["given_name"], each.values["family_name"]) in names
        ]

    def test_case_and_accents(self) -> None:
        """Neither case nor accents make a difference."""
        for search in ("zola", "ZOLA", "Zólà"):
            self.assertEqual(self.found(search), self.named(("Émile", "Zola"), ("Emil", "Zola")))
        self.assertEqual(self.found("oz"), self.named(("X", "Öz")))

    def test_beginnings(self) -> None:
        """A word is found by its beginning, not by its middle."""
        self.assertEqual(self.found("emi zo"), self.named(("Émile", "Zola"), ("Emil", "Zola")))
        self.assertEqual(self.found("ola"), [])

    def test_all_words(self) -> None:
        """All words must be found, in any order and any searched field."""
        self.assertEqual(self.found("dyk zoe"), self.named(("Zoe", "van Dyk")))
        self.assertEqual(self.found("dyk bo"), [])

    def test_by_id(self) -> None:
        """An employee is found by the ID."""
        self.assertIn(13, self.found("13"))

    def test_not_through_secrets(self) -> None:
        """Nobody is found by what is not of class directory."""
        self.add(ssn="536-90-4399", home_address="Hidden Lane", title="Engineer")
        for secret in ("hidden", "lane", "536", "4399", "64000", "1990"):
            self.assertEqual(self.found(secret), [])

    def test_signs_mean_nothing(self) -> None:
        """SQL's wildcards and quotes are no part of a word."""
        self.assertEqual(self.found("zo%"), self.found("zo"))
        self.assertEqual(self.found("zola' OR '1'='1"), [])

    def test_after_a_change(self) -> None:
        """Search follows changes: the old word is gone and the new one there."""
        ann = self.add(family_name="Wrigley", title="Wrigley Fan")
        self.assertEqual(self.found("wrigley"), [ann["id"]])
        changed = self.ask(
            self.hr,
            "employee.update",
            id=ann["id"],
            revision=1,
            changes={"family_name": "Mays", "title": "Mays Fan"},
        ).employee
        self.assertEqual((self.found("wrigley"), self.found("mays fan")), ([], [ann["id"]]))
        self.ask(self.hr, "employee.delete", id=ann["id"], revision=changed["revision"])
        self.assertEqual(self.found("mays"), [])

    def test_long_words(self) -> None:
        """A word is found by itself, however long it is."""
        ann = self.add(title="x" * 100)
        self.assertEqual(self.found("x" * 100), [ann["id"]])
