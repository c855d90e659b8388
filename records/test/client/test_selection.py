"""Which employee, fields and value a line means."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from records.api.messages import describe
from records.client.fields import Fields
from records.client.selection import parse_change, parse_fields, select
from records.model.fields import STANDARD
from records.model.values import Invalid

FIELDS = Fields(describe(STANDARD)).all
TITLE = STANDARD.names.index("title") + 1

# What is typed after the letter: who, which fields, which value.
CHANGES: tuple[tuple[str, str, list[str], str | None], ...] = (
    ("", "", [], None),
    ("12", "12", [], None),
    ("Ann Lee", "Ann Lee", [], None),
    ("12 title", "12", ["title"], None),
    ("12 Job title", "12", ["title"], None),
    ("12 job_title", "12", ["title"], None),
    (f"12 {TITLE}", "12", ["title"], None),
    (f"12 {TITLE},ssn", "12", ["title", "ssn"], None),
    ("12 title, department", "12", ["title", "department"], None),
    ("12 manager", "12", ["manager_id"], None),
    ("12 e-mail", "12", ["email"], None),
    ("Ann Lee title", "Ann Lee", ["title"], None),
    ("ann@example.com salary", "ann@example.com", ["salary"], None),
    ("12 title=Chief engineer", "12", ["title"], "Chief engineer"),
    ("12 title = Chief engineer ", "12", ["title"], "Chief engineer"),
    ("12 job title=a=b, c", "12", ["title"], "a=b, c"),
    ("12 tit=Boss", "12", ["title"], "Boss"),
    ("12 birth=1/2/1990", "12", ["birth_date"], "1/2/1990"),
    ("12 title=", "12", ["title"], None),
    ("12 title=-", "12", ["title"], "-"),
    ("Ann Lee title=Boss", "Ann Lee", ["title"], "Boss"),
    # These are parts of a person's name or number, not fields.
    ("title", "title", [], None),
    ("Ann Hire", "Ann Hire", [], None),
    ("JAW 0018", "JAW 0018", [], None),
    ("JAW-0018 title", "JAW-0018", ["title"], None),
    ("12 99", "12 99", [], None),
)


class ParseTests(SynchronousTestCase):
    """parse_change and parse_fields"""

    def test_changes(self) -> None:
        """What stands after the letter is divided into somebody, fields and a value."""
        for typed, who, names, value in CHANGES:
            found = parse_change(typed, FIELDS)
            self.assertEqual(
                (found.who, [field.name for field in found.fields], found.value),
                (who, names, value),
                typed,
            )

    def test_no_such_field(self) -> None:
        """A value for what is no field is refused, naming it."""
        for typed in ("12 titel=Boss", "title=Boss", "=Boss", "12 =Boss"):
            self.assertRaises(Invalid, parse_change, typed, FIELDS)
        with self.assertRaisesRegex(Invalid, "titel"):
            parse_change("12 titel=Boss", FIELDS)

    def test_one_value(self) -> None:
        """A value for several fields, or for none, is refused."""
        for typed in ("12 title, department=x", "Ann Lee title; ssn="):
            with self.assertRaisesRegex(Invalid, "One field"):
                parse_change(typed, FIELDS)
        for typed in ("12 ,=x", "12 ;,=x", "12 , ="):
            with self.assertRaisesRegex(Invalid, "no field"):
                parse_change(typed, FIELDS)
        with self.assertRaisesRegex(Invalid, "no field"):
            select(",", FIELDS)

    def test_fields(self) -> None:
        """Fields are named by number, name, label or a beginning that only one has."""
        for typed, names in (
            ("title", ["title"]),
            ("tit, dep", ["title", "department"]),
            (f"{TITLE}; salary", ["title", "salary"]),
            ("SSN,ssn", ["ssn"]),
            ("Manager's ID", ["manager_id"]),
        ):
            self.assertEqual([field.name for field in select(typed, FIELDS)], names, typed)

    def test_refused(self) -> None:
        """What names none, or several, is refused with a sentence."""
        for typed, why in (
            ("0", "no field"),
            ("99", "no field"),
            ("shoe size", "no field"),
            ("ti", "no field"),
            ("emp", "could be Employee number, Employment type"),
        ):
            with self.assertRaisesRegex(Invalid, why):
                select(typed, FIELDS)

    def test_value(self) -> None:
        """At the question, one field may be given its value at once."""
        (field,), value = parse_fields("title=Boss", FIELDS)
        self.assertEqual((field.name, value), ("title", "Boss"))
        self.assertEqual(parse_fields("title, ssn", FIELDS)[1], None)
        with self.assertRaisesRegex(Invalid, "One field"):
            parse_fields("title, ssn=x", FIELDS)
