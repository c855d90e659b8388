"""The client with its input and output piped: plain lines for another program, and exit codes."""

from __future__ import annotations

import subprocess
import sys

from records.model.fields import STANDARD
from tests.daemon_case import PASSWORD, DaemonCase
from tests.wire import Refusal


def blanks(first: str, last: str) -> list[str]:
    """The answers that leave out the fields from `first` up to `last`, which is not among them."""
    return [""] * (STANDARD.names.index(last) - STANDARD.names.index(first))


class PipedTests(DaemonCase):
    """Scripts."""

    is_ahead = True

    def check_plain(self, done: subprocess.CompletedProcess[str]) -> None:
        """No control characters, no traceback, no password."""
        for character in done.stdout:
            self.assertTrue(character.isprintable() or character == "\n", repr(done.stdout))
        self.assertNotIn("Traceback", done.stdout + done.stderr)
        self.assertEqual(done.stderr, "")
        self.assertNotIn(PASSWORD, done.stdout)

    def test_first_login(self) -> None:
        """A script can log in for the first time, and change the password."""
        daemon = self.start_daemon()
        first = self.first_password(daemon)
        done = self.run_client(daemon, ["admin", first, PASSWORD, PASSWORD, "l"])
        self.check_plain(done)
        self.assertIn("Your password is changed.", done.stdout)
        self.assertNotIn(first, done.stdout)
        wire = self.connect(daemon)
        told = wire.ask("login", username="admin", password=PASSWORD)
        self.assertFalse(told["must_change_password"])

    def test_add_and_show(self) -> None:
        """A script adds, finds, shows, changes and deletes an employee, and exits with 0."""
        daemon = self.start_daemon()
        wire = self.admin(daemon)
        added = ["a", "", "Zoë", "Østergård", ".", "y"]
        done = self.run_client(daemon, ["admin", PASSWORD, *added, "f", "zoe", "s 1", "", "q"])
        self.check_plain(done)
        self.assertEqual(done.returncode, 0, done.stdout)
        for said in ("Added.", "Zoë Østergård", "1 employee.", "Employee 1: "):
            self.assertIn(said, done.stdout)
        self.assertEqual(wire.ask("employee.get", id=1)["employee"]["family_name"], "Østergård")
        changed = ["c 1", "", *blanks("given_name", "title"), "Surveyor", ".", "y"]
        done = self.run_client(daemon, ["admin", PASSWORD, *changed, "d 1", "yes", "q"])
        self.check_plain(done)
        self.assertEqual(done.returncode, 0, done.stdout)
        for said in ("Surveyor", "Saved.", "Deleted employee 1, Zoë Østergård."):
            self.assertIn(said, done.stdout)
        refusal = self.assertRaises(Refusal, wire.ask, "employee.get", id=1)
        self.assertEqual(refusal.code, 404)

    def test_end_of_input(self) -> None:
        """The end of the input at the menu is a way to leave; a last line needs no end."""
        daemon = self.start_daemon()
        self.admin(daemon)
        client = [sys.executable, "-m", "records.client", "--port", str(daemon.port)]
        done = self.run_program(client, daemon.folder, f"admin\n{PASSWORD}\nf\n")
        self.assertEqual(done.returncode, 1, done.stdout)  # the search words were still to come
        done = self.run_program(client, daemon.folder, f"admin\n{PASSWORD}\nf x")
        self.check_plain(done)
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertIn('No employee matches "x".', done.stdout)

    def test_wrong_password(self) -> None:
        """A wrong password ends the script with a reason and another exit code than 0."""
        daemon = self.start_daemon()
        done = self.run_client(daemon, ["admin", "a wrong password", "f", "", "q"])
        self.check_plain(done)
        self.assertEqual(done.returncode, 1)
        self.assertIn("Wrong username or password.", done.stdout)
        self.assertNotIn("a wrong password", done.stdout)

    def test_validation(self) -> None:
        """A value that cannot be right ends the script with its reason; nothing is added."""
        daemon = self.start_daemon()
        wire = self.admin(daemon)
        added = ["a", "", "Ann", "Lee", *blanks("middle_name", "email"), "no address", ".", "y"]
        done = self.run_client(daemon, ["admin", PASSWORD, *added, "q"])
        self.check_plain(done)
        self.assertEqual(done.returncode, 1)
        self.assertIn("E-mail must be an e-mail address like ann@example.com.", done.stdout)
        self.assertEqual(wire.ask("employee.list")["employees"], [])

    def test_one_field(self) -> None:
        """A script finds an employee by name, and changes one field in one step."""
        daemon = self.start_daemon()
        wire = self.admin(daemon)
        wire.ask("employee.add", employee={"given_name": "Jörg", "family_name": "Müller"})
        lines = ["admin", PASSWORD, "c mueller salary=64.000,50 EUR", "y", "s muller", "", "q"]
        done = self.run_client(daemon, lines)
        self.check_plain(done)
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertIn("Salary: 64,000.50 EUR per year", done.stdout)
        shown = wire.ask("employee.get", id=1, reveal=["salary"])["employee"]
        pay = {"amount": "64000.50", "currency": "EUR", "per": "year"}
        self.assertEqual(shown["salary"], pay)

    def test_no_daemon(self) -> None:
        """Without a daemon, or one to trust, nothing is read, and the exit code is 1."""
        daemon = self.start_daemon()
        for options in (["--ca", "nowhere.crt"], ["--port", "1"]):
            done = self.run_client(daemon, ["admin", PASSWORD], *options)
            self.check_plain(done)
            self.assertEqual(done.returncode, 1)
            self.assertNotIn("Username", done.stdout)

    def test_refused_by_the_daemon(self) -> None:
        """What only the daemon can refuse ends the script with its reason as well."""
        daemon = self.start_daemon()
        wire = self.admin(daemon)
        manager = [*blanks("middle_name", "manager_id"), "77", ".", "y"]
        done = self.run_client(daemon, ["admin", PASSWORD, "a", "", "Ann", "Lee", *manager, "q"])
        self.check_plain(done)
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertIn("Manager's ID must be an employee. There is no employee 77.", done.stdout)
        self.assertEqual(wire.ask("employee.list")["employees"], [])

    def test_not_found(self) -> None:
        """An employee who is not there makes the script fail, although it goes on."""
        daemon = self.start_daemon()
        self.admin(daemon)
        done = self.run_client(daemon, [PASSWORD, "s 12", "f", "", "q"], "--user", "admin")
        self.check_plain(done)
        self.assertEqual(done.returncode, 1)
        self.assertIn("There is no employee 12.", done.stdout)
        self.assertIn("There are no employees yet.", done.stdout)

    def test_wrong_usage(self) -> None:
        """A wrong option is told with exit code 2."""
        daemon = self.start_daemon()
        done = self.run_client(daemon, [], "--password", PASSWORD)
        self.assertEqual(done.returncode, 2)
        self.assertNotIn("Traceback", done.stderr)
