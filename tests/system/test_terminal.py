"""The client as a person at a terminal sees it, from the login to the end."""

from __future__ import annotations

from records.test.samples import form
from tests.daemon_case import PASSWORD
from tests.terminal_case import MENU, TerminalCase
from tests.wire import Refusal

OTHER_PASSWORD = "nine violet otters sleep"
SSN = "536-90-4399"
ADA = {"given_name": "Ada", "family_name": "Byron", "title": "Analyst"}


class VisitTests(TerminalCase):
    """Login, the menu, and what it offers."""

    def test_first_login(self) -> None:
        """The first login has the password changed before anything else, and echoes none."""
        daemon = self.start_daemon()
        first = self.first_password(daemon)
        terminal = self.sit_down(daemon)
        terminal.expect("Username: ")
        terminal.enter("admin")
        terminal.expect("Password: ")
        terminal.enter(first)
        terminal.expect("Logged in as admin (owner).", "Choose one of your own.", "New password: ")
        terminal.enter("too short")
        terminal.expect("A password has at least 15 characters", "New password: ")
        terminal.enter("passwordpassword")
        terminal.expect("too easy to guess", "New password: ")
        terminal.enter(PASSWORD)
        terminal.expect("New password again: ")
        terminal.enter("seven quiet herons wait")
        terminal.expect("The two are not the same", "New password: ")
        terminal.enter(PASSWORD)
        terminal.expect("New password again: ")
        terminal.enter(PASSWORD)
        terminal.expect("Your password is changed.", "Add an employee", MENU)
        terminal.enter("p")
        terminal.expect("Current password: ")
        terminal.enter(PASSWORD)
        terminal.expect("New password: ")
        terminal.enter(OTHER_PASSWORD)
        terminal.expect("New password again: ")
        terminal.enter(OTHER_PASSWORD)
        terminal.expect("Your password is changed.", MENU)
        terminal.enter("q")
        self.assertEqual(terminal.exit_code(), 0)
        for secret in (
            first,
            PASSWORD,
            OTHER_PASSWORD,
            "too short",
            "herons wait",
            "passwordpassword",
        ):
            self.assertNotIn(secret, terminal.shown)
        self.check_restored(terminal)
        wire = self.connect(daemon)
        wire.ask("login", username="admin", password=OTHER_PASSWORD)

    def test_wrong_password(self) -> None:
        """After three wrong passwords the client leaves."""
        daemon = self.start_daemon()
        terminal = self.sit_down(daemon, "--user", "admin")
        for left in ("2 attempts are left", "1 attempt is left", "Wrong username or password."):
            terminal.expect("Password of admin: ")
            terminal.enter("not the password")
            terminal.expect(left)
        self.assertEqual(terminal.exit_code(), 1)
        self.assertNotIn("not the password", terminal.shown)
        self.check_restored(terminal)

    def test_record(self) -> None:
        """An employee is added, found, shown, revealed, changed and deleted."""
        daemon = self.start_daemon()
        wire = self.admin(daemon)
        terminal = self.logged_in(daemon)
        terminal.enter("a")
        for prompt, answer in (
            ("ID", "12"),
            ("Given name", "Søren"),
            ("Family name", "Müller-Łukasz"),
            ("Middle name", ""),
            ("Suffix", ""),
            ("Preferred name", "山田"),
            ("Employee number", "JAW-0012"),
            ("E-mail", "soren@example.com"),
            ("Phone", "+1 212 736 5000"),
            ("Job title", "Surveyor"),
            ("Department", "Bridges"),
            ("Cost center", ""),
            ("Location", "Århus"),
            ("Manager's ID", ""),
            ("Employment type", "full"),
            ("Hire date", "2024-02-30"),
        ):
            terminal.expect(f"{prompt} (")
            terminal.enter(answer)
        terminal.expect("Hire date must be a day that exists.", "Hire date (")
        terminal.enter("2/29/2024")
        terminal.expect("Hire date: 29 February 2024")
        for prompt in ("Termination date", "Status", "Birth date", "Home address"):
            terminal.expect(f"{prompt} (")
            terminal.enter("")
        for prompt in ("Personal e-mail", "Personal phone", "Emergency contact"):
            terminal.expect(f"{prompt} (")
            terminal.enter("")
        terminal.expect("Salary (")
        terminal.enter("64,000 USD")
        terminal.expect("SSN (")
        terminal.enter(SSN)
        terminal.expect("New employee: Søren Müller-Łukasz", "山田", "Add this employee? [y/N]: ")
        terminal.enter("y")
        terminal.expect("Added.", "Employee 12: ", "***-**-4399", MENU)

        terminal.enter("find muller surveyor")
        terminal.expect("Søren Müller-Łukasz", "1 employee.", MENU)
        terminal.enter("s 12")
        shown = terminal.expect("***-**-4399", "r to reveal Salary, SSN; Enter to go back: ")
        self.assertNotIn("64,000", shown)
        terminal.enter("r")
        terminal.expect("Which (")
        terminal.enter("ssn")
        shown = terminal.expect(SSN, "r to reveal Salary; Enter to go back: ")
        self.assertNotIn("64,000", shown)
        terminal.enter("")
        terminal.expect(MENU)

        terminal.enter("c jaw-0012", "", *form(title="Bridge inspector", department="-"))
        terminal.expect("Surveyor", "Bridge inspector", "Save these changes? [y/N]: ")
        terminal.enter("y")
        terminal.expect("Saved.", "(revision 2)", MENU)
        found = wire.ask("employee.get", id=12)["employee"]
        self.assertEqual(
            (found["title"], found["department"], found["preferred_name"], found["location"]),
            ("Bridge inspector", None, "山田", "Århus"),
        )
        terminal.enter("d 12")
        terminal.expect("Type 12 or yes to delete Søren Müller-Łukasz")
        terminal.enter("no")
        terminal.expect("Nobody was deleted.", MENU)
        terminal.enter("d 12")
        terminal.expect("Type 12 or yes to delete")
        terminal.enter("12")
        terminal.expect("Deleted employee 12, Søren Müller-Łukasz.", MENU)
        refusal = self.assertRaises(Refusal, wire.ask, "employee.get", id=12)
        self.assertEqual(refusal.code, 404)
        self.check_harmless(terminal)

    def test_logout(self) -> None:
        """Logging out ends the session and asks who comes next."""
        daemon = self.start_daemon()
        self.admin(daemon)
        terminal = self.logged_in(daemon)
        terminal.enter("l")
        terminal.expect("Logged out.", "Username: ")
        terminal.enter("nobody")
        terminal.expect("Password: ")
        terminal.enter("nothing at all here")
        terminal.expect("Wrong username or password.", "Username: ")
        terminal.type("\x04")
        self.assertEqual(terminal.exit_code(), 0)
        self.check_restored(terminal)

    def test_pages(self) -> None:
        """A list that is longer than the terminal comes page by page."""
        daemon = self.start_daemon()
        wire = self.admin(daemon)
        for number in range(1, 41):
            wire.ask("employee.add", employee={**ADA, "given_name": f"Ada {number:02d}"})
        terminal = self.logged_in(daemon)
        terminal.enter("f", "")
        self.assertNotIn("Ada 33", terminal.expect("Ada 32", "32 so far. Enter for more"))
        terminal.enter("7")
        terminal.expect("Employee 7: Ada 07 Byron", "so far.")
        terminal.enter("")
        terminal.expect("Ada 33", "Ada 40", "40 employees.", MENU)


class RightsTests(TerminalCase):
    """A user who may do little."""

    def test_employee(self) -> None:
        """An employee is not offered what the role does not allow, and is denied it anyway."""
        daemon = self.start_daemon()
        admin = self.admin(daemon)
        admin.ask("employee.add", employee={**ADA, "id": 1, "ssn": SSN})
        admin.ask("employee.add", employee={**ADA, "id": 2, "home_address": "2 Reed Lane"})
        first = self.account(daemon, "eve", "employee", "--employee", "1")
        terminal = self.sit_down(daemon, "--user", "eve")
        terminal.expect("Password of eve: ")
        terminal.enter(first)
        terminal.expect("Logged in as eve (employee).", "New password: ")
        terminal.enter(OTHER_PASSWORD)
        terminal.expect("New password again: ")
        terminal.enter(OTHER_PASSWORD)
        menu = terminal.expect("Find employees", MENU)
        for label in ("Add an", "Change an", "Delete an"):
            self.assertNotIn(label, menu)
        terminal.enter("a")
        terminal.expect("Your role does not allow you to: Add an employee.", MENU)
        terminal.enter("s 2")
        shown = terminal.expect("Analyst", MENU)
        for hidden in ("Reed Lane", "SSN", "Home address", "reveal"):
            self.assertNotIn(hidden, shown)
        terminal.enter("s", "", "r")  # a blank ID is one's own
        terminal.expect(SSN)
        wire = self.connect(daemon)
        wire.ask("login", username="eve", password=OTHER_PASSWORD)
        for method, params in (
            ("employee.add", {"employee": ADA}),
            ("employee.update", {"id": 1, "revision": 1, "changes": {"title": "Owner"}}),
            ("employee.delete", {"id": 2, "revision": 1}),
            ("employee.get", {"id": 2, "reveal": ["ssn"]}),
            ("employee.list", {"where": {"ssn": SSN}}),
        ):
            refusal = self.assertRaises(Refusal, wire.ask, method, **params)
            self.assertEqual((refusal.code, refusal.reason), (403, "permission-denied"), method)
        self.assertEqual(len(admin.ask("employee.list")["employees"]), 2)
        self.assertIn("is whole", self.office(daemon, "verify"))

    def test_roles_change(self) -> None:
        """Another role counts from the next request on, also for who is logged in."""
        daemon = self.start_daemon()
        self.admin(daemon).ask("employee.add", employee={**ADA, "id": 1})
        first = self.account(daemon, "bob", "hr")
        wire = self.connect(daemon)
        wire.ask("login", username="bob", password=first)
        wire.ask("password.change", current=first, new=OTHER_PASSWORD)
        terminal = self.logged_in(daemon, "bob", OTHER_PASSWORD)
        self.office(daemon, "roles", "bob", "auditor")
        terminal.enter("d 1")
        terminal.expect("Type 1 or yes to delete")
        terminal.enter("yes")
        terminal.expect("Your role (auditor) does not allow you to delete", MENU)
        self.office(daemon, "disable", "bob")
        terminal.enter("f", "")
        terminal.expect("Your session has ended. Log in again.", "Password of bob: ")
