"""`python -m records.admin`: every command on a real database, and whom it refuses."""

from __future__ import annotations

import os

from records.auth.hashing import PREFIX
from records.model.access import Role
from records.operations.accounts import LOCAL, NewAccount, add_account
from records.operations.boundaries import Work
from records.test.admin_case import AdminCase, done
from records.test.store.store_contract import named


class CommandTests(AdminCase):
    """What each command does."""

    def test_list(self) -> None:
        """All accounts are shown in columns, by name, and nothing is audited."""
        self.does("employee", "hal", "1")
        self.does("disable", "hal")
        self.before = self.events()
        self.assertEqual(
            self.does("list"),
            "USERNAME  ROLES  EMPLOYEE\n"
            "hal       hr     1         disabled\n"
            "olga      owner  -         must change the password\n",
        )
        self.audited()

    def test_add(self) -> None:
        """An account is added; its first password is shown once, and must be changed."""
        said = self.does("add", "Ann", "manager, employee,manager", "--employee", "1")
        self.assertTrue(said.startswith("Added ann.\n"), said)
        self.only_shown(said, "ann")
        account = self.account("ann")
        self.assertEqual(account.roles, (Role.MANAGER, Role.EMPLOYEE))
        self.assertEqual((account.employee_id, account.must_change_password), (1, True))
        self.audited(done("account.add", "ann", "manager", "employee"))

    def test_add_refused(self) -> None:
        """A name that is taken or cannot be one, and an employee who is not there, are refused."""
        self.assertIn("There is an account hal already", self.refused("add", "HAL", "hr"))
        self.assertIn("A username has", self.refused("add", "a b", "hr"))
        self.assertIn("no employee 7", self.refused("add", "ann", "hr", "--employee", "7"))

    def test_roles(self) -> None:
        """An account gets other roles."""
        self.assertIn("effective immediately", self.does("roles", "Hal", " auditor,it,"))
        self.assertEqual(self.account("hal").roles, (Role.AUDITOR, Role.IT))
        self.assertTrue(self.is_logged_in())
        self.audited(done("role.grant", "hal", "auditor", "it"))

    def test_employee(self) -> None:
        """It is said whose record is an account's own, and that none is."""
        self.does("employee", "hal", "1")
        self.assertEqual(self.account("hal").employee_id, 1)
        self.does("employee", "hal", "none")
        self.assertIsNone(self.account("hal").employee_id)
        self.audited(*[done("account.update", "hal", "employee_id")] * 2)
        self.assertIn("no employee 2", self.refused("employee", "hal", "2"))

    def test_impossible(self) -> None:
        """What no employee's number or nobody's name can be is refused like any other mistake."""
        for argv in (
            ["employee", "hal", "9" * 19],
            ["employee", "hal", "9" * 30],
            ["add", "ann", "hr", "--employee", "9" * 30],
            ["disable", os.fsdecode(b"\xff")],
            ["roles", os.fsdecode(b"\xff"), "hr"],
        ):
            code, said, complained = self.run_admin(*argv)
            self.assertIn(code, (1, 2))
            self.assertEqual(said, "")
            self.assertNotEqual(complained, "")
        self.audited()

    def test_disable_and_enable(self) -> None:
        """An account is closed, which ends its sessions, and opened again."""
        self.assertIn("logged out everywhere", self.does("disable", "hal"))
        self.assertTrue(self.account("hal").disabled)
        self.assertFalse(self.is_logged_in())
        self.assertIn("may log in again", self.does("enable", "hal"))
        self.assertFalse(self.account("hal").disabled)
        self.audited(done("account.disable", "hal"), done("account.enable", "hal"))

    def test_reset_password(self) -> None:
        """An account gets a password that is shown once, and its sessions end."""
        first = self.folder / "first-password"
        first.write_text("x")
        said = self.does("reset-password", "hal")
        self.only_shown(said, "hal")
        self.assertTrue(self.account("hal").must_change_password)
        self.assertFalse(self.is_logged_in())
        self.assertTrue(first.exists())
        self.audited(done("password.reset", "hal"))

    def test_cost(self) -> None:
        """New passwords are hashed at the given cost; by default, that of the daemon."""
        self.cost = ()
        for options, cost in (((), 12), (("--bcrypt-cost", "10"), 10)):
            self.does(*options, "add", f"ann{cost}", "hr")
            self.does(*options, "reset-password", "hal")
            for name in (f"ann{cost}", "hal"):
                hashed = self.account(name).password_hash
                self.assertTrue(hashed.startswith(f"{PREFIX}$2b${cost}$"), hashed)

    def test_reset_first_password(self) -> None:
        """If it is the first account's, the file with its first password is removed."""
        self.write(lambda tx: add_account(tx, LOCAL, NewAccount("admin", (Role.IT,), "hash")))
        first = self.folder / "first-password"
        first.write_text("x")
        self.does("reset-password", " Admin ")
        self.assertFalse(first.exists())

    def test_last_owner(self) -> None:
        """The last owner's rights cannot be taken away; those of one of two can."""
        for argv in (["roles", "olga", "hr"], ["disable", "olga"]):
            self.assertIn("olga is the only owner", self.refused(*argv))
        self.does("roles", "hal", "owner")
        self.does("roles", "olga", "hr,employee")
        self.assertIn("hal is the only owner", self.refused("disable", "hal"))

    def test_nobody(self) -> None:
        """Who is nobody cannot be changed."""
        for argv in (
            ["roles", "ann", "hr"],
            ["employee", "ann", "none"],
            ["disable", "ann"],
            ["enable", "ann"],
            ["reset-password", "ann"],
        ):
            self.assertIn("There is no account ann", self.refused(*argv))

    def test_beside_the_daemon(self) -> None:
        """A command works while a daemon has the database open, and the daemon sees what it did."""
        reader, writer = self.database.reader(), self.database.writer()
        self.addCleanup(writer.close)
        self.addCleanup(reader.close)
        self.does("roles", "hal", "it")
        account = reader.begin().accounts.named("hal")
        reader.end()
        assert account is not None
        self.assertEqual(account.roles, (Role.IT,))
        (outcome,) = writer.run([Work(lambda tx: tx.employees.add(named(2)))])
        self.assertIsNone(outcome.error)
        self.does("employee", "hal", "2")
