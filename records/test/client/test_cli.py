"""Commands: their results, their errors, and their exit codes."""

from __future__ import annotations

import contextlib
import io
import json
import os
from datetime import date
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from records.client.arguments import parse_options
from records.client.cli import COMMANDS, EXIT_BY_REASON, Command, Exit
from records.client.program import read_password
from records.client.screen import Unreachable
from records.model.access import Role
from records.model.errors import BY_REASON, Busy, OutcomeUnknown, RevisionConflict
from records.test.client.client_case import PASSWORD, ClientCase
from records.testing import user

DOCUMENT = Path(__file__).parents[3] / "docs" / "cli.md"


class CommandCase(ClientCase):
    """Commands of a user, on a daemon with Ann O'Hara (1) and Ko (2)."""

    def setUp(self) -> None:
        super().setUp()
        self.records.session = None
        self.out, self.err = "", ""
        self.environment: dict[str, str] = {}

    def run_command(self, *argv: str, password: str = PASSWORD) -> Exit:
        """The exit code of a command; what it wrote is in `out` and `err`."""
        out, err = io.StringIO(), io.StringIO()
        options = parse_options(["--user", "tess", *argv])
        command = Command(
            options,
            self.records,
            out.write,
            err.write,
            100,
            lambda: date(2026, 1, 31),
            environment=self.environment,
        )
        code = self.successResultOf(Deferred.fromCoroutine(command.run(password)))
        self.out, self.err = out.getvalue(), err.getvalue()
        self.assertIsNone(self.records.session)
        return code

    def done(self, *argv: str) -> Any:
        """The result of a command that succeeds, from its JSON."""
        self.assertEqual(self.run_command(*argv, "--json"), Exit.DONE, self.err)
        self.assertEqual(self.err, "")
        self.assertTrue(self.out.endswith("}\n"))
        return json.loads(self.out)

    def failed(self, *argv: str) -> tuple[Exit, Any]:
        """The exit code and the error of a command that fails, from its JSON."""
        code = self.run_command(*argv, "--json")
        self.assertEqual(self.out, "")
        return code, json.loads(self.err)["error"]


class ResultTests(CommandCase):
    """What commands print."""

    def test_get(self) -> None:
        """An employee, named in any way, masked unless revealed."""
        for who in ("1", "#1", "ohara", "ann.ohara@example.com"):
            found = self.done("employee", "get", who)
            self.assertEqual((found["employee"]["id"], found["masked"]), (1, ["salary", "ssn"]))
        found = self.done("employee", "get", "1", "--reveal", "ssn, salary")
        self.assertEqual(found["employee"]["ssn"], "536-90-4399")
        self.run_command("employee", "get", "1", "--reveal", "ssn")
        self.assertIn("536-90-4399\n", self.out)
        self.assertIn("***  (masked)", self.out)

    def test_list(self) -> None:
        """Employees by words, conditions and order, with the fields that were asked for."""
        for argv, ids in (
            ((), [2, 1]),
            (("--search", "ann"), [1]),
            (("--sort", "-hire_date"), [2, 1]),
            (("--sort", "hire_date"), [1, 2]),
            (("--where", "hire_date>=1 Jan 2021"), [2]),
            (("--where", "hire_date<2021-01-01", "--where", "department=Research"), [1]),
            (("--where", "title~nal"), [2]),
            (("--where", "title!=Analyst"), [1]),
            (("--where", "family_name="), [2]),
            (("--where", "status!="), [2, 1]),
            (("--limit", "1"), [2]),
        ):
            found = self.done("employee", "list", *argv)["employees"]
            self.assertEqual([each["id"] for each in found], ids, argv)
        found = self.done("employee", "list", "--fields", "title,department", "--limit", "1")
        self.assertEqual(
            found["employees"], [{"id": 2, "title": "Analyst", "department": "Research"}]
        )

    def test_list_pages(self) -> None:
        """All pages are listed."""
        for number in range(120):
            self.run_command("employee", "add", f"given_name=Extra {number}")
        self.assertEqual(len(self.done("employee", "list")["employees"]), 122)
        self.assertEqual(len(self.done("employee", "list", "--limit", "110")["employees"]), 110)
        self.run_command("employee", "list", "--search", "extra")
        self.assertIn("Extra 119", self.out)

    def test_add_update_delete(self) -> None:
        """Values are typed as people write them; each change is made once."""
        added = self.done("employee", "add", "given_name=Zoë", "salary=$64k", "manager_id=ohara")
        self.assertEqual((added["employee"]["id"], added["employee"]["manager_id"]), (3, 1))
        self.assertEqual(self.employee(3)["salary"]["amount"], "64000.00")  # type: ignore[index]
        changed = self.done("employee", "update", "zoe", "title=Head = R&D", "manager_id=")
        self.assertEqual(changed["employee"]["title"], "Head = R&D")
        self.assertIsNone(changed["employee"]["manager_id"])
        self.assertEqual(self.done("employee", "delete", "zoe", "--yes"), {"id": 3, "revision": 3})

    def test_check(self) -> None:
        """With --check nothing is changed; warnings go to standard error, or into the JSON."""
        argv = ("employee", "add", "given_name=Al", "email=ann.ohara@example.com", "--check")
        self.assertEqual(self.run_command(*argv), Exit.DONE)
        self.assertEqual(self.err, "Warning: Same e-mail address as Ann O'Hara (1).\n")
        self.assertEqual(self.done(*argv)["warnings"][0]["code"], "possible-duplicate")
        self.run_command("employee", "update", "1", "title=Boss", "--check")
        self.assertEqual(self.employee(1)["title"], "Engineer")
        self.assertEqual(self.records.keys, [])

    def test_described(self) -> None:
        """Who the user is, and what the daemon is; the latter without a login."""
        self.assertEqual(self.done("whoami")["roles"], ["hr"])
        self.run_command("whoami")
        self.assertEqual(self.out, "tess (hr)\n")
        self.assertEqual(self.run_command("server", "info", password=""), Exit.DONE)
        self.assertEqual(self.out, "records 9, protocol 1, region US\n")


class ErrorTests(CommandCase):
    """What commands do when something is wrong."""

    def test_codes(self) -> None:
        """Each kind of error has its exit code."""
        for argv, expected, reason in (
            (("employee", "get", "99"), Exit.NOT_FOUND, "not-found"),
            (("employee", "get", "zzz"), Exit.NOT_FOUND, "not-found"),
            (("employee", "add", "title=x"), Exit.VALIDATION_FAILED, "validation-failed"),
            (("employee", "add", "id=1", "given_name=A"), Exit.CONFLICT, "already-exists"),
            (("employee", "list", "--where", "x=1"), Exit.VALIDATION_FAILED, "validation-failed"),
            (("employee", "list", "--where", "x"), Exit.VALIDATION_FAILED, "validation-failed"),
            (("employee", "list", "--sort", "ssn"), Exit.VALIDATION_FAILED, "validation-failed"),
        ):
            code, error = self.failed(*argv)
            self.assertEqual((code, error["reason"]), (expected, reason), argv)

    def test_all_wrong_at_once(self) -> None:
        """All values that cannot be read are told together, before anything is sent."""
        code, error = self.failed("employee", "update", "1", "email=x@", "hire_date=3/4/90")
        self.assertEqual(code, Exit.VALIDATION_FAILED)
        self.assertEqual([each["field"] for each in error["errors"]], ["email", "hire_date"])
        self.run_command("employee", "update", "1", "email=x@")
        self.assertEqual(self.out, "")
        self.assertIn("E-mail must be an e-mail address", self.err)

    def test_given_twice(self) -> None:
        """Of two values for one thing none is chosen without a word."""
        for argv, expected in (
            (("update", "1", "title=x", "title=y"), "title is given twice."),
            (("add", "given_name=x", "id=7", "id=8"), "id is given twice."),
            (("list", "--where", "title=x", "--where", "title=y"), "title= is given twice."),
        ):
            code, error = self.failed("employee", *argv)
            self.assertEqual(code, Exit.VALIDATION_FAILED)
            self.assertEqual([each["message"] for each in error["errors"]], [expected])

    def test_trouble(self) -> None:
        """What the daemon or the network refuses has its code, too."""
        for trouble, expected in (
            (Busy("Busy."), Exit.REFUSED),
            (RevisionConflict("Changed."), Exit.CONFLICT),
            (OutcomeUnknown("Unknown."), Exit.OUTCOME_UNKNOWN),
            (Unreachable("No daemon."), Exit.UNREACHABLE),
            (Unreachable("Lost.", maybe_done=True), Exit.OUTCOME_UNKNOWN),
        ):

            async def update(*args: object, trouble: Exception = trouble) -> object:
                raise trouble

            self.records.update = update  # type: ignore[method-assign,assignment]
            self.assertEqual(self.run_command("employee", "update", "1", "title=x"), expected)

    def test_login(self) -> None:
        """A wrong password, no password, and a right that one does not have."""
        wrong = self.run_command("whoami", password="wrong")
        self.assertEqual(wrong, Exit.NOT_AUTHENTICATED)
        self.assertEqual(self.run_command("whoami", password=""), Exit.NOT_AUTHENTICATED)
        self.assertIn("RECORDS_PASSWORD", self.err)
        self.records = self.make_records(user(Role.EMPLOYEE, employee_id=2))
        code, error = self.failed("employee", "update", "1", "title=x")
        self.assertEqual((code, error["reason"]), (Exit.PERMISSION_DENIED, "permission-denied"))

    def test_ambiguous(self) -> None:
        """A name of several employees is refused, and they are shown."""
        self.run_command("employee", "add", "given_name=Anna", "family_name=O'Hara")
        self.assertEqual(self.run_command("employee", "delete", "ohara", "--yes"), Exit.REFUSED)
        self.assertIn("Anna O'Hara", self.err)
        self.assertIn("Name one by its ID, such as #12.", self.err)
        code, error = self.failed("employee", "get", "ohara")
        self.assertEqual((code, error["reason"]), (Exit.REFUSED, "ambiguous"))


class ArgumentsTests(SynchronousTestCase):
    """The command line."""

    def wrong(self, *argv: str) -> str:
        """What is said of a wrong command line."""
        told = io.StringIO()
        with contextlib.redirect_stderr(told), self.assertRaises(SystemExit) as caught:
            parse_options(argv)
        self.assertEqual(caught.exception.code, Exit.USAGE)
        return told.getvalue()

    def test_anywhere(self) -> None:
        """Connection and output options stand before or after the command."""
        for argv in (
            ("--host", "h", "--json", "employee", "get", "7"),
            ("employee", "get", "7", "--json", "--host", "h"),
            ("--json", "employee", "get", "--host", "h", "7"),
        ):
            options = parse_options(argv)
            self.assertEqual((options.host, options.json, options.who), ("h", True, "7"))
            self.assertEqual((options.port, options.command), (7443, "employee get"))

    def test_menu(self) -> None:
        """Without a command there is the menu."""
        self.assertIsNone(parse_options([]).command)

    def test_wrong(self) -> None:
        """What is no command, or lacks something, is refused."""
        self.assertIn("invalid choice: 'bogus'", self.wrong("employee", "bogus"))
        self.assertIn("COMMAND", self.wrong("employee"))
        self.assertIn("--yes", self.wrong("employee", "delete", "7"))
        self.assertIn("FIELD=VALUE", self.wrong("employee", "update", "7", "title"))
        self.assertIn("from 1", self.wrong("employee", "list", "--limit", "0"))
        self.assertIn("expected one argument", self.wrong("employee", "list", "--limit"))
        for command in (["get", " "], ["update", "", "title=x"], ["delete", "", "--yes"]):
            self.assertIn("an employee number, an e-mail", self.wrong("employee", *command))
        for descriptor in ("-1", "2147483648", "x"):
            self.assertIn("from 0", self.wrong("whoami", "--password-fd", descriptor))
        self.assertIn("not in UTF-8", self.wrong("employee", "list", "--search", "\udcff"))

    def test_every_command(self) -> None:
        """Each command of the command line does something."""
        for argv in (
            *(["employee", "get", "7"], ["employee", "list"], ["employee", "add", "a=b"]),
            *(["employee", "update", "7", "a=b"], ["employee", "delete", "7", "--yes"]),
            *(["server", "info"], ["whoami"], ["import", "list"], ["import", "x.csv", "--plan"]),
            *(["export", "x.csv"], ["login"], ["logout"], ["field", "list"]),
            ["field", "add", "shoe", "--type", "number", "--class", "directory"],
            *(["field", "update", "shoe", "--unique"], ["field", "retire", "shoe", "--yes"]),
        ):
            self.assertIn(parse_options(argv).command, COMMANDS)
        self.assertEqual(len(COMMANDS), 15)

    def test_password(self) -> None:
        """The password comes from a file descriptor, or from the environment."""
        self.assertEqual(read_password(None, {"RECORDS_PASSWORD": "secret"}), "secret")
        self.assertEqual(read_password(None, {}), "")
        reading, writing = os.pipe()
        os.write(writing, b"a secret\nand more\n")
        os.close(writing)
        self.assertEqual(read_password(reading, {"RECORDS_PASSWORD": "x"}), "a secret")
        os.close(reading)
        with self.assertRaises(SystemExit):
            read_password(reading, {})
        with self.assertRaises(SystemExit):
            read_password(None, {"RECORDS_PASSWORD": "not \udcff text"})


class FormTests(CommandCase):
    """The forms of a result."""

    def test_csv(self) -> None:
        """A list as CSV has the chosen fields, the ID first, and the two names for `name`."""
        self.done("employee", "update", "1", "title==x")
        listing = ("employee", "list", "--sort", "name", "--csv")
        self.assertEqual(self.run_command(*listing, "--fields", "id,name,title"), Exit.DONE)
        self.assertEqual(
            self.out, "id,given_name,family_name,title\r\n2,Ko,,Analyst\r\n1,Ann,O'Hara,'=x\r\n"
        )
        self.run_command(*listing)
        header = self.out.partition("\r\n")[0].split(",")
        self.assertIn("salary_currency", header)

    def test_name(self) -> None:
        """`name` is the whole name in JSON, and always in the table."""
        found = self.done("employee", "list", "--fields", "name,email", "--sort", "name")
        names = [(each["id"], each["name"]) for each in found["employees"]]
        self.assertEqual(names, [(2, "Ko"), (1, "Ann O'Hara")])
        self.assertEqual(set(found["employees"][0]), {"id", "name", "email"})
        self.assertEqual(self.run_command("employee", "list", "--fields", "name"), Exit.DONE)
        self.assertIn("Ann O'Hara", self.out)

    def test_plain(self) -> None:
        """--plain draws no lines, and says the same."""
        self.run_command("employee", "list")
        drawn = self.out
        self.run_command("employee", "list", "--plain")
        self.assertNotRegex(self.out, "[-+|]{2}")
        self.assertEqual(self.out.split(), [w for w in drawn.split() if w.strip("+-|")])

    def test_one_form(self) -> None:
        """Only one form at a time, and CSV only for lists."""
        for argv in (
            ["employee", "list", "--csv", "--json"],
            ["--table", "employee", "list", "--csv"],
            ["employee", "get", "1", "--csv"],
        ):
            with contextlib.redirect_stderr(io.StringIO()), self.assertRaises(SystemExit) as left:
                parse_options(argv)
            self.assertEqual(left.exception.code, Exit.USAGE)


class DocumentTests(SynchronousTestCase):
    """docs/cli.md"""

    def test_exit_codes(self) -> None:
        """The document has each exit code, and the reasons that lead to it."""
        if not DOCUMENT.exists():
            self.skipTest("docs/cli.md is not here: the package is installed without it")
        text = DOCUMENT.read_text("utf-8")
        for code in Exit:
            self.assertIn(f"| {code.value} |", text)
        for reason, code in EXIT_BY_REASON.items():
            self.assertRegex(text, rf"\| {code.value} \|.*`{reason}`")
            self.assertIn(reason, BY_REASON)

    def test_commands(self) -> None:
        """The document has each command."""
        if not DOCUMENT.exists():
            self.skipTest("docs/cli.md is not here: the package is installed without it")
        for command in COMMANDS:
            self.assertIn(f"`records {command}", DOCUMENT.read_text("utf-8"))
