"""Tests for `records.client.commands`, `changes`, and the forms that they ask with."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from twisted.internet.defer import Deferred

from records.api.messages import AddParams
from records.client import changes, commands
from records.client.dialogue import Dialogue
from records.client.screen import Interrupted, Stopped
from records.model.access import Role
from records.model.errors import (
    FieldError,
    NotAuthenticated,
    NotFound,
    PermissionDenied,
    RevisionConflict,
    ValidationFailed,
)
from records.model.fields import STANDARD, FieldClass
from records.operations.employees import add_employee
from records.test.client.client_case import PASSWORD, ClientCase, ScriptedScreen
from records.test.samples import form
from records.testing import user

Command = Callable[[Dialogue, str], Awaitable[None]]


class CommandCase(ClientCase):
    """A test that runs one command."""

    def run_command(self, command: Command, *answers: object, typed: str = "") -> ScriptedScreen:
        """The command, with these answers to what it asks."""
        screen = ScriptedScreen(*answers)
        self.run_on(screen, command, typed)
        self.assertEqual(screen.answers, [])
        return screen

    def run_on(self, screen: ScriptedScreen, command: Command, typed: str = "") -> None:
        async def run() -> Exception | None:
            try:
                await command(self.dialogue(screen), typed)
            except Exception as error:  # noqa: BLE001  raised below, with its own traceback
                return error
            return None

        error = self.successResultOf(Deferred.fromCoroutine(run()))
        if error is not None:
            raise error


class FindTests(CommandCase):
    """Finding employees."""

    def test_words(self) -> None:
        """Employees are found by words, and counted."""
        screen = self.run_command(commands.find, "o'hara")
        self.assertIn("Ann O'Hara", screen.transcript)
        self.assertNotIn("Analyst", screen.transcript)
        self.assertIn("1 employee.", screen.transcript)

    def test_typed_at_the_menu(self) -> None:
        """Words typed after the letter are not asked for again."""
        screen = self.run_command(commands.find, typed="research")
        self.assertIn("2 employees.", screen.transcript)

    def test_nobody(self) -> None:
        """It is said when nobody is found."""
        screen = self.run_command(commands.find, "zzz")
        self.assertIn('No employee matches "zzz".', screen.transcript)

    def test_nobody_at_all(self) -> None:
        """It is said when there is nobody to be found."""
        for employee_id in (1, 2):
            self.run_command(changes.delete, "yes", typed=str(employee_id))
        screen = self.run_command(commands.find, "")
        self.assertIn("There are no employees yet.", screen.transcript)

    def test_pages(self) -> None:
        """A long list stops at each page, where an employee can be looked at."""
        screen = ScriptedScreen("", "x", "2", "", "n")
        screen.page = 1
        self.run_on(screen, commands.find)
        self.assertIn('Nobody is found by "x"', screen.failures[0])
        self.assertIn("Employee 2: Ko", screen.transcript)
        self.assertIn("2 employees.", screen.transcript)

    def test_back(self) -> None:
        """A list can be left before its end."""
        screen = ScriptedScreen("", "q")
        screen.page = 1
        self.run_on(screen, commands.find)
        self.assertNotIn("O'Hara", screen.transcript)

    def test_all_at_once(self) -> None:
        """A script gets all pages without being asked."""
        hr = user(Role.HR)
        for number in range(100):
            params = AddParams(employee={"given_name": f"Extra {number}"})
            self.records.store.do(add_employee, hr, params)
        screen = ScriptedScreen("")
        screen.page = None
        self.run_on(screen, commands.find)
        self.assertIn("102 employees.", screen.transcript)


class ShowTests(CommandCase):
    """Showing an employee."""

    def test_masked(self) -> None:
        """Masked fields are marked, and stay so unless they are asked for."""
        screen = self.run_command(commands.show, "1", "")
        self.assertIn("***-**-4399  (masked)", screen.transcript)
        self.assertIn("r to reveal Salary, SSN", screen.prompts[-1])

    def test_blank(self) -> None:
        """Where there is no own record, a blank answer is asked for again."""
        screen = self.run_command(commands.show, "", "2")
        self.assertIn("Type an Employee ID, an employee number", screen.failures[0])
        self.assertIn("Employee 2: Ko", screen.transcript)

    def test_own(self) -> None:
        """A blank ID means one's own record, and nothing is asked where nothing is masked."""
        self.records = self.make_records(user(Role.EMPLOYEE, employee_id=2))
        self.records.begin()
        screen = self.run_command(commands.show, "")
        self.assertIn("[2, your own]", screen.prompts[0])
        self.assertIn("Employee 2: Ko", screen.transcript)

    def test_reveal_one(self) -> None:
        """One field is revealed by its name, after which the other can be."""
        screen = self.run_command(commands.show, "what", "r", "first", "ssn", "r", typed="1")
        self.assertEqual(len(screen.failures), 2)
        self.assertIn("536-90-4399", screen.transcript)
        self.assertIn("64,000.00 USD", screen.transcript)

    def test_reveal_all(self) -> None:
        """All are revealed at once."""
        screen = self.run_command(commands.show, "r", "all", typed="1")
        self.assertIn("536-90-4399", screen.transcript)
        self.assertIn("64,000.00 USD", screen.transcript)

    def test_reveal_numbers(self) -> None:
        """Fields to reveal are chosen by number, and none by a blank line."""
        screen = self.run_command(commands.show, "r", "1, 2", typed="1")
        self.assertIn("536-90-4399", screen.transcript)
        screen = self.run_command(commands.show, "r", "", typed="1")
        self.assertNotIn("536-90-4399", screen.transcript)

    def test_no_right_to_reveal(self) -> None:
        """Who may not reveal is not asked."""
        self.records = self.make_records(user(Role.EMPLOYEE, employee_id=2))
        self.records.begin()
        screen = self.run_command(commands.show, typed="1")
        self.assertEqual(screen.prompts, [])


ADD_FIELDS = 1 + len(STANDARD.names)
"""The questions of the form for HR: the ID and every field."""


class AddTests(CommandCase):
    """Adding an employee."""

    def test_add(self) -> None:
        """An employee is added from the answers, canonical, after a summary and a yes."""
        answers = form(
            given_name="Zoë", family_name="Ng", email="ZOE@EXAMPLE.COM", phone="(212) 736-5000"
        )
        screen = self.run_command(changes.add, "", *answers, "y")
        added = self.employee(3)
        self.assertEqual(
            [added["given_name"], added["email"], added["phone"]],
            ["Zoë", "ZOE@example.com", "+12127365000"],
        )
        self.assertIn("New employee: Zoë Ng", screen.transcript)
        self.assertIn("Employee 3: Zoë Ng", screen.transcript)
        self.assertEqual(self.records.keys, ["key-1"])

    def test_all_fields(self) -> None:
        """Every field that one may add is asked for, with its rule, once."""
        screen = self.run_command(changes.add, "", "Ed", *[""] * (ADD_FIELDS - 2), "y")
        self.assertIn("Status (active, on_leave or left) [active]: ", screen.prompts)
        self.assertEqual(screen.prompts[0], "ID (a whole number): ")
        self.assertEqual(len(screen.prompts), ADD_FIELDS + 1)

    def test_checked_as_typed(self) -> None:
        """A wrong value is asked for again, and can be brought back to be mended."""
        screen = self.run_command(changes.add, "", "7", "Ed", ".", "n")
        self.assertIn("Given name must have at least one letter.", screen.failures)
        self.assertEqual(screen.recalls[2], ["7"])

    def test_harmless(self) -> None:
        """What is said of a wrong value cannot act on the terminal."""
        screen = self.run_command(changes.add, "", "a\u202eb$", "Ed", ".", "n")
        self.assertNotIn("\u202e", screen.transcript)

    def test_not_confirmed(self) -> None:
        """Without a yes nobody is added."""
        screen = self.run_command(changes.add, "9", "Ed", ".", "what", "")
        self.assertIn("Employee ID 9", screen.transcript)
        self.assertIn("Nobody was added.", screen.transcript)
        self.assertEqual(self.records.keys, [])

    def test_corrected(self) -> None:
        """What only the daemon can know is asked for again, and the rest is kept."""
        screen = self.run_command(
            changes.add, "1", *form(given_name="Ed", employee_number="A1"), "5", "y"
        )
        self.assertIn("Employee ID 1 is or was in use.", screen.failures[0])
        self.assertEqual(self.employee(5)["employee_number"], "A1")
        self.assertEqual(self.records.keys, ["key-1"])

    def test_taken_meanwhile(self) -> None:
        """So is what somebody else has taken between the summary and the yes."""
        hr = user(Role.HR)
        taken = AddParams(employee={"given_name": "Al", "id": 5})
        screen = self.run_command(
            changes.add,
            "5",
            "Ed",
            ".",
            lambda: self.records.store.do(add_employee, hr, taken),
            "y",
            "6",
            "y",
        )
        self.assertIn("Employee ID 5 is or was in use.", screen.failures[0])
        self.assertEqual(self.employee(6)["given_name"], "Ed")
        self.assertEqual(self.records.keys, ["key-1", "key-2"])

    def test_another_error(self) -> None:
        """An error about no field of the form ends the command."""
        self.records.trouble = [ValidationFailed("No.", [FieldError("key", "No.")])]
        with self.assertRaises(ValidationFailed):
            self.run_command(changes.add, "", "Ed", ".", "y")

    def test_only_what_is_allowed(self) -> None:
        """Fields of classes that one may not add are not asked for."""
        self.records.begin()
        assert self.records.session is not None
        kept = [p for p in self.records.session.permissions if p.field_class == "directory"]
        self.records.session.permissions[:] = kept
        directory = [f for f in STANDARD if f.field_class is FieldClass.DIRECTORY]
        screen = self.run_command(changes.add, "", "Ed", *[""] * (len(directory) - 1), "n")
        self.assertFalse(any("SSN" in each or "Birth" in each for each in screen.prompts))


class ChangeTests(CommandCase):
    """Changing an employee."""

    def test_change(self) -> None:
        """Blank keeps, - clears, . keeps the rest; old and new are shown before it is saved."""
        answers = form(preferred_name="Annie", email="-", title="Director")
        screen = self.run_command(changes.change, "", *answers, "yes", typed="1")
        changed = self.employee(1)
        self.assertEqual(
            [changed["preferred_name"], changed["email"], changed["title"], changed["phone"]],
            ["Annie", None, "Director", "+12127365000"],
        )
        self.assertIn("Job title (up to 100 characters) [Engineer]: ", screen.prompts)
        self.assertRegex(screen.transcript, r"Job title +\| Engineer +\| Director")
        self.assertRegex(screen.transcript, r"E-mail +\| ann.ohara@example.com +\| –")

    def test_same_value(self) -> None:
        """A value typed as it is already is no change."""
        screen = self.run_command(changes.change, "", "Ann", ".", typed="1")
        self.assertIn("Nothing was changed.", screen.transcript)

    def test_masked(self) -> None:
        """A masked value is shown masked; typing another one replaces it."""
        screen = self.run_command(changes.change, "1", "", *form(salary="70000 USD"), "y")
        self.assertIn("[***]", screen.prompts[-3])
        self.assertIn("[***-**-4399]", screen.transcript)
        self.assertEqual(
            self.employee(1)["salary"], {"amount": "70000.00", "currency": "USD", "per": "year"}
        )
        self.assertEqual(self.employee(1)["ssn"], "536-90-4399")

    def test_not_confirmed(self) -> None:
        """Without a yes nothing is changed."""
        screen = self.run_command(changes.change, "", "Anna", ".", "n", typed="1")
        self.assertIn("Nothing was changed.", screen.transcript)
        self.assertEqual(self.employee(1)["given_name"], "Ann")

    def test_refused_by_the_daemon(self) -> None:
        """What does not fit together is asked for again, also what was not changed."""
        answers = form(status="left")
        screen = self.run_command(changes.change, "", *answers, "2026-01-31", "y", typed="1")
        self.assertIn(
            "Termination date is missing. An employee who has left needs one.", screen.failures[0]
        )
        self.assertEqual(self.employee(1)["termination_date"], "2026-01-31")

    def test_conflict_retried(self) -> None:
        """A conflict shows both versions, and one's changes can be made to the present one."""
        screen = self.run_command(
            changes.change,
            "",
            *form(title="Director", department="Sales"),
            lambda: self.change_behind(1, 1, title="Manager", phone=None),
            "y",
            "what",
            "r",
            typed="1",
        )
        self.assertRegex(screen.failures[0], r"Field +\| Yours +\| Now")
        self.assertRegex(screen.failures[0], r"Job title +\| Director +\| Manager")
        self.assertRegex(screen.failures[0], r"Phone +\| \+1 212-736-5000 +\| –")
        changed = self.employee(1)
        self.assertEqual(
            [changed["title"], changed["department"], changed["phone"], changed["revision"]],
            ["Director", "Sales", None, 3],
        )
        self.assertEqual(self.records.keys, ["key-1", "key-2"])

    def test_conflict_left(self) -> None:
        """A conflict can be left as it is."""
        screen = self.run_command(
            changes.change,
            "",
            "Anna",
            ".",
            lambda: self.change_behind(1, 1, title="Manager"),
            "y",
            "",
            typed="1",
        )
        self.assertIn("Nothing was changed.", screen.transcript)
        self.assertEqual(self.employee(1)["given_name"], "Ann")

    def test_conflict_of_equals(self) -> None:
        """If somebody made the same change meanwhile, nothing is left to do."""
        screen = self.run_command(
            changes.change,
            "",
            "Anna",
            ".",
            lambda: self.change_behind(1, 1, given_name="Anna"),
            "y",
            typed="1",
        )
        self.assertIn("Nothing was changed.", screen.transcript)

    def test_conflict_without_details(self) -> None:
        """A repeated conflict does not tell the present version, which is then asked for."""
        self.change_behind(1, 1, title="Manager")

        def conflict() -> None:
            self.records.trouble = [RevisionConflict("Employee 1 has changed.")]

        self.run_command(changes.change, "", "Anna", ".", conflict, "y", "r", typed="1")
        self.assertEqual(self.employee(1)["given_name"], "Anna")

    def test_conflict_in_a_script(self) -> None:
        """A script cannot answer a conflict, so it ends there."""
        screen = ScriptedScreen(
            "", "Anna", ".", lambda: self.change_behind(1, 1, title="Manager"), "y", "r"
        )
        screen.script = True
        with self.assertRaises(Stopped):
            self.run_on(screen, changes.change, "1")

    def test_not_allowed(self) -> None:
        """Who may change nothing of an employee is told so at once."""
        self.records = self.make_records(user(Role.EMPLOYEE, employee_id=2))
        self.records.begin()
        screen = self.run_command(changes.change, typed="1")
        self.assertEqual(screen.failures, ["You may not change anything of this employee."])

    def test_given_up(self) -> None:
        """Ctrl-C in the middle of a form changes nothing."""
        with self.assertRaises(Interrupted):
            self.run_command(changes.change, "", "Anna", Interrupted(), typed="1")
        self.assertEqual(self.records.keys, [])

    def test_not_waited_for(self) -> None:
        """Who does not wait for a change is told that it may have been made."""

        def impatient() -> None:
            self.records.trouble = [Interrupted()]

        screen = ScriptedScreen("", "Anna", ".", impatient, "y")
        with self.assertRaises(Interrupted):
            self.run_on(screen, changes.change, "1")
        self.assertIn("The change may have been saved", screen.transcript)

    def test_session_over(self) -> None:
        """If the session ends over a long form, a login saves what was typed, under its key."""

        def end() -> None:
            self.records.trouble = [NotAuthenticated("Your session has ended. Log in again.")]

        screen = self.run_command(changes.change, "", "Anna", ".", end, "y", PASSWORD, typed="1")
        self.assertEqual(self.employee(1)["given_name"], "Anna")
        self.assertEqual(self.records.keys, ["key-1", "key-1"])
        self.assertEqual(screen.secrets, ["Password of tess: "])

    def test_long_prompt(self) -> None:
        """A prompt that leaves no room for an answer gets a line of its own."""
        self.change_behind(1, 1, home_address="1 " + "Very " * 20 + "Long Street")
        screen = self.run_command(changes.change, "", *form(home_address="9 Elm"), "y", typed="1")
        self.assertIn("> ", screen.prompts)
        self.assertEqual(self.employee(1)["home_address"], "9 Elm")


class DeleteTests(CommandCase):
    """Deleting an employee."""

    def test_delete(self) -> None:
        """An employee is deleted when their ID is typed again."""
        screen = self.run_command(changes.delete, "2", "2")
        self.assertIn("Type 2 or yes to delete Ko", screen.prompts[1])
        self.assertIn("Deleted employee 2, Ko.", screen.transcript)
        with self.assertRaises(NotFound):
            self.employee(2)

    def test_kept(self) -> None:
        """Anything else keeps them."""
        screen = self.run_command(changes.delete, "y", typed="2")
        self.assertIn("Nobody was deleted.", screen.transcript)
        self.assertEqual(self.records.keys, [])

    def test_changed_meanwhile(self) -> None:
        """If they changed meanwhile, they are shown and asked about anew."""
        screen = self.run_command(
            changes.delete,
            lambda: self.change_behind(2, 1, title="Chief"),
            "yes",
            "yes",
            typed="2",
        )
        self.assertIn("has changed since you saw it", screen.failures[0])
        self.assertIn("Chief", screen.transcript)
        with self.assertRaises(NotFound):
            self.employee(2)

    def test_denied(self) -> None:
        """A refusal of the daemon is raised, for the menu to tell."""
        self.records = self.make_records(user(Role.EMPLOYEE, employee_id=2))
        self.records.begin()
        with self.assertRaises(PermissionDenied):
            self.run_command(changes.delete, "yes", typed="2")
