"""What a shell is told may come next."""

from __future__ import annotations

import contextlib
import io
import shutil
import subprocess

from twisted.trial.unittest import SynchronousTestCase

from records.client.__main__ import main
from records.client.arguments import make_parser
from records.client.completion import SCRIPTS, candidates

FIELDS = {
    **dict.fromkeys(("given_name", "title", "salary", "ssn", "hire_date"), ()),
    "status": ("active", "on_leave", "left"),
}


class CompletionTests(SynchronousTestCase):
    """Commands, options, fields and choices."""

    def found(self, *words: str) -> list[str]:
        return candidates(make_parser(), words, FIELDS)

    def test_commands(self) -> None:
        """Commands, and those within one."""
        self.assertEqual(self.found("em"), ["employee"])
        self.assertIn("import", self.found(""))
        self.assertIn("login", self.found())
        self.assertEqual(self.found("employee", "l"), ["list"])
        self.assertEqual(self.found("--host", "employee", "log"), ["login", "logout"])
        self.assertEqual(self.found("import", ""), ["discard", "list", "undo"])
        self.assertEqual(self.found("completion", "z"), ["zsh"])

    def test_options(self) -> None:
        """Options of the command, and the values that they take."""
        self.assertEqual(self.found("employee", "list", "--se"), ["--search"])
        self.assertEqual(self.found("import", "x.csv", "--dates", ""), ["dmy", "mdy", "ymd"])
        self.assertEqual(self.found("export", "x", "--reveal", "salary,ss"), ["salary,ssn"])
        self.assertEqual(self.found("employee", "list", "--sort", "-hire"), ["-hire_date"])
        self.assertEqual(self.found("employee", "list", "--where", "sta"), ["status="])
        self.assertEqual(self.found("--host", ""), [])

    def test_fields(self) -> None:
        """Fields, and the choices of a field."""
        self.assertEqual(self.found("employee", "add", "given"), ["given_name="])
        choices = ["status=active", "status=left", "status=on_leave"]
        self.assertEqual(self.found("employee", "update", "7", "status="), choices)
        self.assertEqual(self.found("employee", "update", "7", "title=x"), [])

    def told(self, *argv: str) -> str:
        written = io.StringIO()
        with contextlib.redirect_stdout(written):
            main(argv)
        return written.getvalue()

    def test_asked(self) -> None:
        """A shell asks on the command line, and gets one candidate a line."""
        self.assertEqual(self.told("__complete", "employee", "g"), "get\n")
        self.assertEqual(self.told("__complete", "zz"), "\n")

    def test_scripts(self) -> None:
        """Each script is read by its shell, where that is installed."""
        for shell in SCRIPTS:
            script = self.told("completion", shell)
            self.assertIn("records __complete", script)
            program = shutil.which(shell)
            if program is not None:
                done = subprocess.run(
                    [program, "-n"],
                    input=script,
                    encoding="utf-8",
                    capture_output=True,
                    check=False,
                )
                self.assertEqual((done.returncode, done.stderr), (0, ""), shell)
