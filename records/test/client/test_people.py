"""Naming an employee, changing one thing, warnings: what a user types, sees and gets."""

from __future__ import annotations

from records.api.messages import AddParams
from records.client import changes, commands
from records.client.screen import Stopped
from records.model.access import Role
from records.model.errors import Busy, NotFound
from records.operations.employees import add_employee
from records.test.client.client_case import ScriptedScreen
from records.test.client.test_commands import CommandCase
from records.test.samples import form
from records.testing import user


class PeopleCase(CommandCase):
    """Ann O'Hara (1), Ko (2), and the people of a small company."""

    def setUp(self) -> None:
        super().setUp()
        for employee_id, given, family, more in (
            (10, "Jörg", "Müller", {"employee_number": "JAW-0018"}),
            (11, "Ann", "Lee", {"employee_number": "2", "email": "ann.lee@example.com"}),
            (12, "Anna", "Leeds", {"email": "anna@example.com", "manager_id": 10}),
            (13, "小龙", "李", {"employee_number": "00017"}),
        ):
            employee = {"id": employee_id, "given_name": given, "family_name": family, **more}
            params = AddParams(employee=employee)
            self.records.store.do(add_employee, user(Role.HR), params)


class NamingTests(PeopleCase):
    """Whatever asks for an employee takes more than an ID."""

    def test_found(self) -> None:
        """An ID, a number, an e-mail address and a name all mean the one who has it."""
        for typed, heading in (
            ("1", "Employee 1: Ann O'Hara"),
            ("jaw-0018", "Employee 10: Jörg Müller"),
            ("00017", "Employee 13: 李小龙"),
            ("17", None),
            ("mueller", "Employee 10: Jörg Müller"),
            ("李小龙", "Employee 13: 李小龙"),
            ("ohara", "Employee 1: Ann O'Hara"),
            ("anna@example.com", "Employee 12: Anna Leeds"),
            ("ANNA@example.com", "Employee 12: Anna Leeds"),
            ("leeds", "Employee 12: Anna Leeds"),
        ):
            if heading is None:
                with self.assertRaises(NotFound):
                    self.run_command(commands.show, typed=typed)
            else:
                screen = self.run_command(commands.show, *self.enter(typed), typed=typed)
                self.assertIn(heading, screen.transcript)

    def enter(self, typed: str) -> list[str]:
        """Enter, where there is something to reveal."""
        return [""] if typed in ("1", "ohara") else []

    def test_several(self) -> None:
        """If a few are meant they are shown, and the user says which."""
        screen = self.run_command(commands.show, "11", typed="ann lee")
        self.assertIn("Anna Leeds", screen.transcript)
        self.assertIn("2 employees match. Which one do you mean?", screen.failures[0])
        self.assertIn("Employee 11: Ann Lee", screen.transcript)

    def test_id_or_number(self) -> None:
        """A number that is one employee's ID and another's employee number means both."""
        for answer, heading in (("2", "Employee 2: Ko"), ("11", "Employee 11: Ann Lee")):
            screen = self.run_command(commands.show, answer, typed="2")
            self.assertIn("2 employees match.", screen.failures[0])
            self.assertIn(heading, screen.transcript)
        screen = self.run_command(commands.show, typed="#2")
        self.assertIn("Employee 2: Ko", screen.transcript)
        self.assertEqual(screen.failures, [])
        for typed in ("#", "#99", "#x"):
            with self.assertRaises(NotFound):
                self.run_command(commands.show, typed=typed)

    def test_nobody(self) -> None:
        """If nobody is meant that is the answer, with what can be typed."""
        for typed in ("zzz", "99", "?!", "-"):
            with self.assertRaisesRegex(NotFound, "Nobody is found|no employee 99"):
                self.run_command(commands.show, typed=typed)

    def test_script(self) -> None:
        """A script cannot choose, so it ends there, with the employees that it could mean."""
        screen = ScriptedScreen("x")
        screen.script = True
        with self.assertRaises(Stopped):
            self.run_on(screen, commands.show, "ann lee")
        self.assertIn("Anna Leeds", screen.transcript)

    def test_script_stops(self) -> None:
        """In a script, answers for an employee who is not found become no other commands."""
        for command, typed in (
            (changes.change, "smyth"),
            (changes.delete, "smyth"),
            (changes.change, "12 titel=x"),
        ):
            screen = ScriptedScreen("5", "Ko", "yes")
            screen.script = True
            with self.assertRaises(Stopped):
                self.run_on(screen, command, typed)

    def test_everywhere(self) -> None:
        """Delete, change and the pages of a list take names as well."""
        screen = self.run_command(changes.delete, "no", typed="leeds")
        self.assertIn("Type 12 or yes to delete Anna Leeds", screen.prompts[0])
        screen = self.run_command(changes.change, "title=x", "n", typed="leeds")
        self.assertIn("Nothing was changed.", screen.transcript)
        screen = ScriptedScreen("", "müller", "q")
        screen.page = 1
        self.run_on(screen, commands.find)
        self.assertIn("Employee 10: Jörg Müller", screen.transcript)

    def test_manager_by_name(self) -> None:
        """A manager is shown by name beside the ID, and chosen by a search."""
        screen = self.run_command(commands.show, typed="12")
        self.assertRegex(screen.transcript, r"Manager's ID +10 \(Jörg Müller\)")
        screen = self.run_command(changes.change, "y", typed="12 manager=李小龙")
        self.assertIn("Manager's ID: 13 (李小龙)", screen.transcript)
        self.assertRegex(screen.transcript, r"\| 10 \(Jörg Müller\) \| 13 \(李小龙\)")
        self.assertEqual(self.employee(12)["manager_id"], 13)

    def test_manager_unclear(self) -> None:
        """A manager's name that means nobody or several is asked for again."""
        screen = self.run_command(changes.change, "ann lee", "11", "y", typed="ko manager")
        self.assertIn("2 employees match. Which one", screen.failures[0])
        self.assertEqual(self.employee(2)["manager_id"], 11)
        screen = self.run_command(
            changes.change, "zzz", "x" * 300, "jaw-0018", "y", typed="ko manager"
        )
        self.assertIn('Nobody is found by "zzz"', screen.failures[0])
        self.assertIn("Nobody is found by", screen.failures[1])
        self.assertIn("Manager's ID (an ID or a name) [11 (Ann Lee)]: ", screen.prompts)
        self.assertEqual(self.employee(2)["manager_id"], 10)


class OneFieldTests(PeopleCase):
    """Changing one thing in one step."""

    def test_field_and_value(self) -> None:
        """With field and value only the confirmation is left."""
        screen = self.run_command(changes.change, "y", typed="12 title=Chief engineer")
        self.assertEqual(self.employee(12)["title"], "Chief engineer")
        self.assertEqual(screen.prompts, ["Save these changes? [y/N]: "])

    def test_field(self) -> None:
        """With a field only that one is asked for."""
        screen = self.run_command(changes.change, "Chief", "y", typed="12 title")
        self.assertEqual(self.employee(12)["title"], "Chief")
        self.assertEqual(screen.prompts[0], "Job title (up to 100 characters): ")

    def test_cleared(self) -> None:
        """A dash clears the field, there as in a form."""
        self.run_command(changes.change, "y", typed="12 email=-")
        self.assertIsNone(self.employee(12)["email"])

    def test_wrong_value(self) -> None:
        """A value that is refused is asked for again, and can be brought back."""
        screen = self.run_command(changes.change, "a@example.com", "y", typed="12 email=a@")
        self.assertIn("E-mail must be an e-mail address", screen.failures[0])
        self.assertEqual(screen.recalls[0], ["a@"])
        self.assertEqual(self.employee(12)["email"], "a@example.com")

    def test_numbers(self) -> None:
        """At the question, fields are named by the numbers of the record that is shown."""
        screen = self.run_command(
            changes.change, "x", "9, salary", "Chief", "$64k", "y", typed="12"
        )
        self.assertRegex(screen.transcript, r"\n +9 +Job title +–")
        self.assertIn("x is no field.", screen.failures[0])
        changed = self.employee(12)
        self.assertEqual(changed["title"], "Chief")
        self.assertEqual(
            changed["salary"], {"amount": "64000.00", "currency": "USD", "per": "year"}
        )

    def test_no_field(self) -> None:
        """A value for what is no field changes nothing."""
        screen = self.run_command(changes.change, typed="12 titel=Chief")
        self.assertIn("titel is no field", screen.failures[0].replace("'", ""))

    def test_not_allowed(self) -> None:
        """Fields that one may not change are refused before anything is asked."""
        self.records.begin()
        assert self.records.session is not None
        kept = [p for p in self.records.session.permissions if p.field_class == "directory"]
        self.records.session.permissions[:] = kept
        screen = self.run_command(changes.change, typed="12 salary=1")
        self.assertEqual(screen.failures, ["You may not change Salary of this employee."])
        screen = self.run_command(changes.change, "salary", "title=x", "n", typed="12")
        self.assertEqual(screen.failures, ["You may not change all of these."])

    def test_offers(self) -> None:
        """Tab offers the departments, titles and locations in use, and choices."""
        screen = self.run_command(changes.change, "", "", "", typed="1 title,department,status")
        self.assertEqual(screen.offers[0], ["Analyst", "Engineer"])
        self.assertEqual(screen.offers[1], ["Research"])
        self.assertEqual(screen.offers[2], ["active", "on_leave", "left"])

    def test_no_offers(self) -> None:
        """If the values in use cannot be had, the question is asked all the same."""

        async def busy(field: str) -> list[str]:
            raise Busy("Busy.")

        self.records.values = busy  # type: ignore[method-assign]
        screen = self.run_command(changes.change, "Chief", "y", typed="12 title")
        self.assertEqual(screen.offers[0], [])
        self.assertEqual(self.employee(12)["title"], "Chief")

    def test_no_offers_in_a_script(self) -> None:
        """Nobody presses Tab in a script, so nothing is asked of the daemon for it."""
        screen = ScriptedScreen("")
        screen.page = None
        self.run_on(screen, changes.change, "1 title")
        self.assertEqual(screen.offers, [[]])


class TypedFormsTests(PeopleCase):
    """Values as people type them."""

    def test_echoed(self) -> None:
        """What is read otherwise than it was typed is told, a date in words."""
        answers = form(
            given_name="Ed",
            birth_date="3/4/1990",
            phone="212-736-5000 x123",
            employment_type="full time",
            salary="$64k",
            ssn="536 90 4397",
        )
        screen = self.run_command(changes.add, "", *answers, "y")
        for told in (
            "  Birth date: 4 March 1990",
            "  Phone: +1 212-736-5000 ext. 123",
            "  Employment type: full_time",
            "  Salary: 64,000.00 USD per year",
            "  SSN: 536-90-4397",
        ):
            self.assertIn(told, screen.transcript)
        added = self.employee(14)
        self.assertEqual(
            [added["birth_date"], added["phone"], added["ssn"]],
            ["1990-03-04", "+12127365000;ext=123", "536-90-4397"],
        )

    def test_region(self) -> None:
        """The daemon's region decides, unless the client was given another one."""
        self.records.region = "GB"
        screen = self.run_command(changes.change, "n", typed="12 birth_date=3/4/1990")
        self.assertIn("Birth date: 3 April 1990", screen.transcript)

    def test_unclear(self) -> None:
        """What has two readings is asked for again, naming both."""
        self.records.region = "CA"
        screen = self.run_command(changes.change, "4 Mar 1990", "y", typed="12 birth_date=3/4/1990")
        self.assertIn("could be 3 April 1990 or 4 March 1990", screen.failures[0])
        self.assertEqual(self.employee(12)["birth_date"], "1990-03-04")


class WarningTests(PeopleCase):
    """Warnings before the confirmation."""

    def test_add(self) -> None:
        """A possible duplicate is told before the employee is added."""
        answers = form(given_name="Al", email="anna@example.com")
        screen = self.run_command(changes.add, "", *answers, "n")
        self.assertIn("! Same e-mail address as Anna Leeds (12).", screen.transcript)
        self.assertIn("Nobody was added.", screen.transcript)

    def test_change(self) -> None:
        """So is what looks wrong about a change; it is not told again when it is saved."""
        screen = self.run_command(changes.change, "y", typed="12 birth_date=4 March 2020")
        warning = "! Younger than 14 today"
        self.assertEqual(screen.transcript.count(warning), 1)
        self.assertLess(screen.transcript.index(warning), screen.transcript.index("Save these"))
        self.assertIn("Saved.", screen.transcript)

    def test_given_up(self) -> None:
        """Whoever changes nothing about what was refused gets out of the form."""
        for answers in (["."], [""]):
            screen = self.run_command(changes.change, *answers, typed="12 status=left")
            self.assertIn("Termination date is missing", screen.failures[0])
            self.assertIn("Nothing was changed.", screen.transcript)
        answers = form(given_name="Al", status="left")
        screen = self.run_command(changes.add, "", *answers, ".")
        self.assertIn("Nobody was added.", screen.transcript)

    def test_after_a_conflict(self) -> None:
        """New warnings about the present version are told before it is changed after a conflict."""
        self.change_behind(12, 1, termination_date=None)
        screen = self.run_command(
            changes.change,
            lambda: self.change_behind(12, 1, birth_date="2015-01-01"),
            "y",
            "r",
            "n",
            typed="12 hire_date=2020-01-01",
        )
        self.assertIn("! Younger than 14 on the hire date", screen.transcript)
        self.assertIn("Nothing was changed.", screen.transcript)

    def test_refused_before(self) -> None:
        """What the daemon refuses is asked for again before the confirmation."""
        screen = self.run_command(
            changes.change, "JAW-0020", "y", typed="12 employee number=jaw-0018"
        )
        self.assertIn("Employee number belongs to another employee.", screen.failures[0])
        self.assertEqual(self.employee(12)["employee_number"], "JAW-0020")
