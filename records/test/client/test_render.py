"""Tests for `records.client.render`."""

from __future__ import annotations

import re
import unicodedata

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from records.api.messages import describe
from records.client.fields import Fields
from records.client.render import (
    BLANK,
    Row,
    Style,
    columns,
    comparison,
    employee_list,
    employee_view,
    error_text,
    full_name,
    safe_text,
    styled,
    value_text,
    wrapped,
)
from records.model.errors import FieldError, NotFound, ValidationFailed
from records.model.fields import STANDARD

PLAIN = Style(width=120, colour=False)
STYLED = Style(width=120, colour=True)
ANN: dict[str, object] = {
    "id": 1,
    "revision": 3,
    "given_name": "Ann",
    "family_name": "O'Hara",
    "title": "Engineer",
    "department": "Research",
    "email": "ann.ohara@example.com",
    "phone": None,
    "salary": {"amount": "64000.00", "currency": "USD"},
    "ssn": "***-**-4399",
}
FIELDS = Fields(describe(STANDARD))
FIELD = {field.name: field for field in FIELDS}
NASTY = "\x1b[31m\x07[red]\u202e:smile:\r\n\x9b"


class SafeTextTests(SynchronousTestCase):
    """What reaches a terminal."""

    def test_ordinary(self) -> None:
        """Text of any language stays as it is, joiners included."""
        for text in ("Zoë O’Hara-Lee", "山田 太郎", "می\u200cخواهم", "🎉", "re\u0301"):
            self.assertEqual(safe_text(text), text)

    def test_harmful(self) -> None:
        """Escape sequences, control characters and invisible ones are made visible."""
        self.assertEqual(safe_text("a\x1b[2Jb"), "a\\x1b[2Jb")
        self.assertEqual(safe_text("\r\n\t\x9b\x7f"), "\\r\\n\\t\\x9b\\x7f")
        self.assertEqual(safe_text("\u202e\u2066\ufeff\u2028"), "\\u202e\\u2066\\ufeff\\u2028")
        self.assertEqual(safe_text("\ud800"), "\\ud800")

    @given(st.text(alphabet=st.characters(exclude_categories=())))
    def test_anything(self, text: str) -> None:
        """Whatever comes, what leaves can be encoded and has nothing to act on a terminal."""
        safe = safe_text(text)
        safe.encode("utf-8")
        kinds = {unicodedata.category(each) for each in safe if each not in "\u200c\u200d"}
        self.assertFalse(kinds & {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


class EmployeeTests(SynchronousTestCase):
    """One employee."""

    def test_view(self) -> None:
        """Each field that came has its line; blank ones are dashes, masked ones marked."""
        lines = employee_view(FIELDS, ANN, ["ssn"], PLAIN).splitlines()
        self.assertEqual(lines[0], "Employee 1: Ann O'Hara  (revision 3)")
        self.assertIn("  Phone        –", lines)
        self.assertIn("  Salary       64,000.00 USD per year", lines)
        self.assertIn("  SSN          ***-**-4399  (masked)", lines)
        self.assertNotIn("Birth date", "\n".join(lines))

    def test_nasty(self) -> None:
        """No value acts on the terminal, nor is it taken for markup."""
        nasty = dict.fromkeys(STANDARD.names, NASTY) | {"id": NASTY, "revision": NASTY}
        for text in (
            employee_view(FIELDS, nasty, [], PLAIN),
            employee_list(FIELDS, [nasty], PLAIN),
            comparison([Row(FIELD["title"], NASTY, NASTY)], ("Now", "New"), PLAIN),
        ):
            self.assertFalse(set(text) & set("\x1b\x07\r\x9b\u202e"))
            self.assertIn("[red]", text)
            self.assertIn(":smile:", text)

    def test_colours(self) -> None:
        """Styles come only from here, and only where they are wanted."""
        self.assertIn("\x1b[", employee_view(FIELDS, ANN, ["ssn"], STYLED))
        self.assertNotIn("\x1b", employee_view(FIELDS, ANN, ["ssn"], PLAIN))
        self.assertEqual(styled("x", "31", colour=True), "\x1b[31mx\x1b[0m")
        self.assertEqual(styled("x", "31", colour=False), "x")

    def test_strange_values(self) -> None:
        """Values of another form than the catalogue's are shown as they came."""
        salary = FIELD["salary"]
        self.assertEqual(value_text(salary, {"amount": 3}), "{'amount': 3}")
        self.assertIn("x", value_text(salary, {"amount": "x", "currency": "USD"}))
        self.assertEqual(value_text(salary, ""), BLANK)

    def test_no_name(self) -> None:
        """Somebody without a name is said to have none."""
        self.assertEqual(full_name({}), "(no name)")

    def test_long_value(self) -> None:
        """A long value is folded, and none of it lost."""
        text = employee_view(FIELDS, {"home_address": "x" * 200}, [], Style(60, colour=False))
        self.assertEqual(text.count("x"), 200)
        self.assertLessEqual(max(map(len, text.splitlines())), 60)


class ListTests(SynchronousTestCase):
    """A list."""

    def test_table(self) -> None:
        """A list has a line for each employee, with what tells them apart."""
        text = employee_list(FIELDS, [ANN, {"id": 12, "given_name": "Ko"}], PLAIN)
        self.assertRegex(text, r"ID +\| Name +\| Job title")
        self.assertRegex(text, r" 1 +\| Ann O'Hara +\| Engineer +\| Research")
        self.assertRegex(text, r"12 +\| Ko +\| –")

    def test_narrow(self) -> None:
        """On a narrow screen what matters least is left out, and nothing wraps."""
        text = employee_list(FIELDS, [ANN | {"title": "Very " * 30}], Style(60, colour=False))
        self.assertNotIn("example.com", text)
        self.assertIn("…", text)
        self.assertLessEqual(max(map(columns, text.splitlines())), 60)

    def test_wide_characters(self) -> None:
        """Columns stay in line beside characters that are two columns wide."""
        people = [{"id": 1, "given_name": "山田", "title": "x"}, ANN]
        lines = employee_list(FIELDS, people, PLAIN).splitlines()
        ends = {columns(line) for line in lines if line.startswith("|")}
        self.assertEqual(len(ends), 1)


class ErrorTests(SynchronousTestCase):
    """Errors."""

    def test_fields(self) -> None:
        """Every wrong field has a line of its own."""
        error = ValidationFailed(
            "Some fields are not right.", [FieldError("ssn", "SSN\x1b."), FieldError("x", "No.")]
        )
        self.assertEqual(error_text(error), "Some fields are not right.\n  - SSN\\x1b.\n  - No.")

    def test_said_once(self) -> None:
        """A field's sentence that is the error's own is not said twice."""
        self.assertEqual(
            error_text(ValidationFailed("No. Go.", [FieldError("x", "No.")])), "No. Go."
        )
        self.assertEqual(error_text(NotFound("None.")), "None.")


WIDTHS = (40, 44, 60, 80, 100, 200)
NAMES = st.text(st.sampled_from("abc -李龙한é"), min_size=1, max_size=60)


class NarrowTests(SynchronousTestCase):
    """Lists and comparisons on terminals of all widths."""

    def listed(self, width: int, *employees: dict[str, object], colour: bool = False) -> str:
        return employee_list(FIELDS, employees, Style(width, colour))

    @given(
        st.lists(st.tuples(st.integers(1, 2**31 - 1), NAMES, NAMES), min_size=1, max_size=4),
        st.sampled_from(WIDTHS),
        st.booleans(),
    )
    def test_identity(
        self, people: list[tuple[int, str, str]], width: int, is_terminal: bool
    ) -> None:
        """ID and name of everybody are whole, and no line is wider than the terminal."""
        employees: list[dict[str, object]] = [
            {
                "id": number,
                "given_name": one,
                "family_name": other,
                "title": "x" * 50,
                "email": None,
            }
            for number, one, other in people
        ]
        shown = self.listed(width, *employees, colour=is_terminal)
        plain = re.sub(r"\x1b\[[0-9;]*m", "", shown)
        self.assertLessEqual(max(map(columns, plain.splitlines())), width)
        together = re.sub(r"\s", "", plain)
        for employee in employees:
            for text in (str(employee["id"]), full_name(employee)):
                self.assertIn(re.sub(r"\s", "", text), together)

    def test_columns_go(self) -> None:
        """The least telling columns go first, and blank ones are not there at all."""
        employee = ANN | {"id": 10001, "location": "Springfield", "status": "active"}
        labels = ("Job title", "Department", "Location", "Status", "E-mail")
        shown = {
            width: [label for label in labels if label in self.listed(width, employee)]
            for width in (60, 80, 100, 120)
        }
        self.assertEqual(shown[60], ["Job title", "Department", "Location"])
        self.assertEqual(shown[80], ["Job title", "Department", "Location", "Status"])
        self.assertEqual(shown[120], list(labels))
        self.assertNotIn("Number", self.listed(200, employee))
        self.assertIn("JAW-0018", self.listed(60, employee | {"employee_number": "JAW-0018"}))

    def test_lines(self) -> None:
        """Where not even the names fit, a row becomes a few lines."""
        name = "Wilhelmina Theodora van der Berg"
        shown = self.listed(44, ANN | {"id": 10001}, ANN | {"id": 10002, "given_name": name})
        self.assertIn("10001  Ann O'Hara\n    Job title: Engineer\n", shown)

    def test_comparison(self) -> None:
        """On a narrow terminal two versions stand one below the other, with whole labels."""
        row = Row(FIELD["termination_date"], None, "2020-01-01")
        for width in (40, 44):
            shown = comparison([row], ("Now", "New"), Style(width, False))
            self.assertEqual(shown, f"Termination date\n  Now: {BLANK}\n  New: 2020-01-01")

    def test_view(self) -> None:
        """Labels are whole on a narrow terminal; values go on in the next line."""
        employee = ANN | {"emergency_contact": "Bob O'Hara and others, +1 212 736 5001"}
        for width in (40, 44, 80):
            shown = employee_view(FIELDS, employee, ["ssn"], Style(width, False), numbered=FIELD)
            self.assertLessEqual(max(map(columns, shown.splitlines())), width)
            for name in employee.keys() - {"id", "revision"}:
                self.assertIn(FIELD[name].label, shown)
            self.assertIn("ann.ohara@example.com", re.sub(r"\s", "", shown))

    def test_names_of_others(self) -> None:
        """A manager is shown with their name, where it is known."""
        employee = ANN | {"manager_id": 7}
        shown = employee_view(FIELDS, employee, (), PLAIN, names={7: "Bo Lee"})
        self.assertRegex(shown, r"Manager's ID +7 \(Bo Lee\)")
        self.assertRegex(employee_view(FIELDS, employee, (), PLAIN), r"Manager's ID +7\n")

    def test_numbered(self) -> None:
        """Fields that can be named by a number have it, the place among all fields."""
        shown = employee_view(FIELDS, ANN, (), PLAIN, numbered=("title", "ssn"))
        self.assertRegex(shown, r"\n +9  Job title")
        self.assertRegex(shown, r"\n {6}Given name")

    def test_wrapped(self) -> None:
        """Long lines are divided between words, and short ones stay as they are."""
        text = "  - a\n2 employees match. Type the ID of the one you mean, or more of the name."
        lines = wrapped(text, 40).split("\n")
        self.assertEqual(lines[:2], ["  - a", "2 employees match. Type the ID of the"])
        self.assertEqual(" ".join(lines[1:]), text.split("\n")[1])
        self.assertEqual(wrapped("x" * 50, 40), "x" * 40 + "\n" + "x" * 10)
