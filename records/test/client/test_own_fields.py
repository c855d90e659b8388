"""The company's own fields at the terminal: the menu's command, `records field`, and files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from records.api.messages import FieldInfo, describe_field
from records.client import own_fields
from records.client.cli import Exit
from records.client.exports.formats import cells_of
from records.client.fields import check_typed, echo
from records.client.imports.reading import ReadOptions, Unclear, open_import
from records.client.region import region_of
from records.client.render import value_text
from records.client.screen import Stopped
from records.model.access import Role
from records.model.fields import Field, FieldClass, Kind
from records.model.values import Invalid
from records.test.client import test_cli, test_commands
from records.test.client.client_case import ScriptedScreen
from records.test.client.imports.reading_case import TODAY
from records.testing import user


def info(kind: Kind, **more: Any) -> FieldInfo:
    """An own field of this type, as the daemon tells it."""
    return describe_field(
        Field("own", "Own", kind, FieldClass.DIRECTORY, "a rule", "", own=True, **more)
    )


class MenuTests(test_commands.CommandCase):
    """The menu's command, for an owner."""

    def setUp(self) -> None:
        super().setUp()
        self.records.who = user(Role.OWNER)
        self.records.begin()

    def test_added(self) -> None:
        """A choice is added with what is asked for, and the client knows it at once."""
        screen = self.run_command(
            own_fields.define_fields,
            *("a shirt_size", "", "colour", "choice", "S, M, L", "public", "directory", "y", ""),
        )
        self.assertIn("no fields of the company's own yet", screen.transcript)
        self.assertIn("Type is one of text, number", screen.transcript)
        self.assertIn("Class is one of directory", screen.transcript)
        self.assertIn("Added Shirt size", screen.transcript)
        self.assertIn("S, M or L", screen.transcript)
        field = self.records.fields.get("shirt_size")
        assert field is not None
        self.assertEqual((field.label, field.required, field.unique), ("Shirt size", True, False))

    def test_identifier(self) -> None:
        """An identifier is asked for its format, and whether it is for one person only."""
        answers = ("a tax", "Tax ID", "identifier", "de.idnr", "identity", "n", "y", "")
        self.run_command(own_fields.define_fields, *answers)
        field = self.records.fields.get("tax")
        assert field is not None
        self.assertEqual((field.number_format, field.unique), ("de.idnr", True))

    def test_retired_and_back(self) -> None:
        """A field is retired after a question, shown as such, and taken back."""
        self.run_command(own_fields.define_fields, "a shoe", "", "number", "directory", "", "", "")
        screen = self.run_command(own_fields.define_fields, "r shoe", "n", "r shoe", "y", "")
        self.assertIn("retired", screen.transcript)
        self.assertIsNone(self.records.fields.get("shoe"))
        self.run_command(own_fields.define_fields, "", typed="u shoe")
        self.assertIsNotNone(self.records.fields.get("shoe"))

    def test_wrong(self) -> None:
        """What cannot be is told, and asked for again."""
        screen = self.run_command(
            own_fields.define_fields,
            *("x", "a Shoe Size", "r nothing", "y", "a email", "", "text", "directory", "", "", ""),
        )
        self.assertIn("such as a shirt_size", screen.transcript)
        self.assertIn("There is no own field nothing", screen.transcript)
        self.assertIn("has a meaning already", screen.transcript)

    def test_script(self) -> None:
        """In a script a wrong answer ends the command."""
        screen = ScriptedScreen("a shoe", "", "colour")
        screen.script = True
        with self.assertRaises(Stopped):
            self.run_on(screen, own_fields.define_fields)


class CommandTests(test_cli.CommandCase):
    """`records field`, and own fields in other commands."""

    def setUp(self) -> None:
        super().setUp()
        self.records.who = user(Role.OWNER)

    def test_defined(self) -> None:
        """A field is added, listed, changed, retired and taken back."""
        added = self.done(
            *("field", "add", "shirt_size", "--type", "choice", "--class", "directory"),
            *("--choices", "S, M,L", "--required"),
        )["field"]
        self.assertEqual((added["label"], added["choices"]), ("Shirt size", ["S", "M", "L"]))
        self.assertTrue(added["required"])
        update = ("field", "update", "shirt_size")
        changed = self.done(*update, "--no-required", "--label", "Shirt", "--class", "personal")
        self.assertEqual(
            [changed["field"][name] for name in ("required", "label", "class")],
            [False, "Shirt", "personal"],
        )
        self.assertEqual(
            self.done("field", "retire", "shirt_size", "--yes")["field"]["retired"], True
        )
        self.assertEqual(self.done("field", "list"), {"fields": []})
        (listed,) = self.done("field", "list", "--retired")["fields"]
        self.assertTrue(listed["retired"])
        self.assertFalse(self.done(*update, "--in-use")["field"]["retired"])

    def test_texts(self) -> None:
        """What people see."""
        self.assertEqual(self.run_command("field", "list"), Exit.DONE)
        self.assertEqual(self.out, "There are no fields of the company's own yet.\n")
        options = ("--type", "employee", "--class", "directory")
        self.assertEqual(self.run_command("field", "add", "buddy", *options), Exit.DONE)
        self.assertIn("Type     reference\n", self.out)
        self.run_command("field", "list")
        self.assertIn("an Employee ID", self.out)

    def test_refused(self) -> None:
        """Each mistake has its exit code and its sentence."""
        options = ("--type", "text", "--class", "directory")
        for code, argv in (
            (Exit.VALIDATION_FAILED, ("add", "Shoe", *options)),
            (Exit.VALIDATION_FAILED, ("add", "x" * 101, *options)),
            (Exit.VALIDATION_FAILED, ("update", "shoe")),
            (Exit.NOT_FOUND, ("update", "shoe", "--unique")),
        ):
            self.assertEqual(self.run_command("field", *argv), code)
            self.assertTrue(self.err.strip(), argv)
        self.records.who = user(Role.HR)
        code = self.run_command("field", "retire", "shoe", "--yes")
        self.assertEqual(code, Exit.PERMISSION_DENIED)

    def test_used(self) -> None:
        """Own fields are set, shown, filtered, sorted and listed by."""
        for name, kind in (("shoe", "number"), ("remote", "yes/no"), ("buddy", "employee")):
            self.done("field", "add", name, "--type", kind, "--class", "directory")
        self.done("employee", "update", "1", "shoe=38.5", "remote=y", "buddy=Ko")
        shown = self.done("employee", "get", "1")["employee"]
        self.assertEqual([shown[n] for n in ("shoe", "remote", "buddy")], [38.5, True, 2])
        self.run_command("employee", "get", "1")
        self.assertIn("Remote", self.out)
        self.assertIn("yes", self.out)
        self.assertRegex(self.out, r"Buddy +2 \(")
        listing = ("employee", "list", "--where", "shoe>38", "--sort", "shoe", "--fields", "shoe")
        found = self.done(*listing)["employees"]
        self.assertEqual(found, [{"id": 1, "shoe": 38.5}])
        self.done("employee", "update", "1", "remote=no")
        self.run_command("employee", "list", "--fields", "remote")
        self.assertRegex(self.out, r"Ann O'Hara +\| no")

    def test_there_and_back(self) -> None:
        """Own fields of every type that are exported and imported again have nothing to change."""
        given = {
            "a_text": ("text", "-1 x", ()),
            "a_number": ("number", "1.125", ()),
            "b_number": ("number", "-1200", ()),
            "a_date": ("date", "2024-05-06", ()),
            "a_choice": ("choice", "Extra Large", ("--choices", "Small,Extra Large")),
            "a_boolean": ("boolean", "no", ()),
            "an_email": ("email", "a@example.com", ()),
            "a_phone": ("phone", "+12127365000", ()),
            "a_sum": ("money", "1234.50 EUR per month", ()),
            "a_buddy": ("reference", "2", ()),
            "an_iban": ("identifier", "GB82WEST12345698765432", ("--format", "iban")),
        }
        for name, (kind, _, more) in given.items():
            self.done("field", "add", name, "--type", kind, "--class", "directory", *more)
        values = [f"{name}={value}" for name, (_, value, _) in given.items()]
        self.done("employee", "update", "1", *values)
        folder = Path(self.mktemp())
        folder.mkdir()
        for name in ("a.csv", "b.xlsx", "c.jsonl"):
            path = folder / name
            self.done("export", str(path))
            plan = self.done("import", str(path), "--plan")
            counts = {each: count for each, count in plan["counts"].items() if count}
            self.assertEqual(counts, {"same": 2}, (name, json.dumps(plan["rows"])))
        self.done("employee", "update", "1", *(f"{name}=" for name in given))
        self.done("import", str(folder / "a.csv"), "--yes")
        again = self.done("employee", "get", "1")["employee"]
        self.assertEqual([name for name in given if again[name] is None], [])


class TypedTests(test_cli.CommandCase):
    """Values as they are typed, shown and read from files."""

    def typed(self, field: FieldInfo, text: str, region: str = "US") -> object:
        return check_typed(field, text, region_of(region), TODAY)

    def test_numbers(self) -> None:
        """A number has the region's decimal mark, or a point."""
        number = info(Kind.NUMBER)
        for region, text, value in (
            ("US", "12.5", 12.5),
            ("DE", "12,5", 12.5),
            ("DE", "12.5", 12.5),
            ("US", "-3", -3),
        ):
            self.assertEqual(self.typed(number, text, region), value)
        for region, text in (("US", "12,5"), ("DE", "1.200,5"), ("US", "1,200"), ("US", "x")):
            self.assertRaises(Invalid, self.typed, number, text, region)

    def test_others(self) -> None:
        """Yes or no, choices by their beginning, identifiers, and a format of a newer daemon."""
        self.assertIs(self.typed(info(Kind.BOOLEAN), "Y"), True)
        choice = info(Kind.CHOICE, choices=("Extra Large", "Small"))
        self.assertEqual(self.typed(choice, "extra"), "Extra Large")
        self.assertRaises(Invalid, self.typed, choice, "medium")
        iban = info(Kind.IDENTIFIER, number_format="iban")
        self.assertRaises(Invalid, self.typed, iban, "GB82WEST12345698765433")
        newer = info(Kind.IDENTIFIER, number_format="xx.new")
        self.assertEqual(self.typed(newer, " 7 "), "7")

    def test_shown(self) -> None:
        """Yes and no are words, on the terminal and in files."""
        field = info(Kind.BOOLEAN)
        self.assertEqual([value_text(field, each) for each in (True, False)], ["yes", "no"])
        self.assertEqual(echo(field, "y", True), "yes")
        self.assertEqual(cells_of([field], {"id": 1, "own": False}), ["1", "no"])

    def column(self, *cells: str, region: str = "US", **options: Any) -> list[object]:
        """What a column of numbers is read as."""
        self.records.who = user(Role.OWNER)
        self.done("field", "add", "shoe", "--type", "number", "--class", "directory")
        self.done("whoami")  # which asks for the fields that there are now
        path = Path(self.mktemp())
        path.write_text("\n".join(["First name;Shoe", *(f"A;{cell}" for cell in cells)]))
        file = open_import(
            path.rename(path.with_suffix(".csv")),
            ReadOptions(**options),
            self.records.fields,
            region_of(region),
            TODAY,
        )
        return [None if row.errors else row.values["shoe"] for row in file.rows()]

    def test_decided_by_the_column(self) -> None:
        """The values that allow one decimal mark decide for the others."""
        self.assertEqual(self.column("1.234", "12,5", "7"), [1234, 12.5, 7])

    def test_asked(self) -> None:
        """Where none does, it is asked, whatever the region."""
        question = self.assertRaises(Unclear, self.column, "1.234", region="DE")
        self.assertIn("--decimal", question.command)

    def test_said(self) -> None:
        """What the user says counts, and what does not fit is refused."""
        self.assertEqual(self.column("1.234", "1,5", decimal="."), [1.234, None])
