"""Commands for scripts, with a real daemon: results, exit codes, and where passwords come from."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

from tests.daemon_case import BIN, PASSWORD, Daemon, DaemonCase
from tests.wire import WAIT


class CommandTests(DaemonCase):
    """`records COMMAND`."""

    is_ahead = True

    def run_command(
        self, daemon: Daemon, *argv: str, password: str | None = PASSWORD, **how: Any
    ) -> subprocess.CompletedProcess[str]:
        """A command of the first account. Its standard output is told to be in ASCII."""
        environment = {**self.environment(), "PYTHONUTF8": "1", "PYTHONIOENCODING": "ascii"}
        if password is not None:
            environment["RECORDS_PASSWORD"] = password
        command = [sys.executable, "-m", "records.client", "--port", str(daemon.port)]
        return subprocess.run(
            [*command, "--user", "admin", *argv],
            cwd=daemon.folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **how},
            encoding="utf-8",
            timeout=WAIT,
            check=False,
        )

    def test_life(self) -> None:
        """An employee is added, changed, listed and deleted; errors have their exit codes."""
        daemon = self.start_daemon()
        self.admin(daemon)
        added = self.run_command(
            daemon, "employee", "add", "given_name=Jörg", "family_name=Müller", "--json"
        )
        self.assertEqual((added.returncode, added.stderr), (0, ""))
        self.assertEqual(json.loads(added.stdout)["employee"]["id"], 1)
        changed = self.run_command(daemon, "employee", "update", "mueller", "title=Head of R&D")
        self.assertEqual(changed.returncode, 0, changed.stderr)
        self.assertIn("Head of R&D", changed.stdout)
        self.assertIn("Jörg Müller", changed.stdout)
        listed = self.run_command(daemon, "employee", "list", "--where", "title~Head", "--json")
        self.assertEqual([e["id"] for e in json.loads(listed.stdout)["employees"]], [1])
        for argv, code in (
            (("employee", "get", "9"), 5),
            (("employee", "add", "given_name=A", "id=1"), 6),
            (("employee", "update", "1", "email=x"), 7),
            (("employee", "delete", "1", "--yes"), 0),
            (("employee",), 2),
            (("--ca", "nowhere.crt", "whoami"), 8),
            (("--port", "1", "whoami"), 8),
        ):
            done = self.run_command(daemon, *argv)
            self.assertEqual(done.returncode, code, done.stderr)
            self.assertNotIn("Traceback", done.stderr)

    def test_kept_session(self) -> None:
        """After a login commands need no password, until the logout ends the session."""
        daemon = self.start_daemon()
        self.admin(daemon)
        state = self.folder()
        environment = {**self.environment(), "XDG_STATE_HOME": str(state)}
        program = [BIN / "records", "--port", str(daemon.port), "--ca", str(daemon.ca)]

        def run(*argv: str, **more: str) -> tuple[int, str]:
            done = subprocess.run(
                [*program, *argv],
                cwd=daemon.folder,
                env={**environment, **more},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                encoding="utf-8",
                timeout=WAIT,
                check=False,
            )
            self.assertNotIn("Traceback", done.stderr)
            return done.returncode, done.stdout + done.stderr

        self.assertEqual(run("whoami")[0], 3)
        self.assertEqual(run("login", "--user", "admin", RECORDS_PASSWORD=PASSWORD)[0], 0)
        kept = state / "records" / "default.session"
        self.assertEqual(kept.stat().st_mode & 0o777, 0o600)
        for _ in range(2):
            self.assertEqual(run("whoami"), (0, "admin (owner)\n"))
        self.assertEqual(run("logout"), (0, "Logged out.\n"))
        self.assertEqual(run("whoami")[0], 3)

    def test_moving_in_and_out(self) -> None:
        """A file is imported, exported, and imported again with nothing to change."""
        daemon = self.start_daemon()
        self.admin(daemon)
        path = daemon.folder / "people.csv"
        path.write_text("First name,Manager,Salary\nAnn,,1000.50\nBo,Ann,900.00\n")
        for argv, counts in (
            (("import", "people.csv", "--yes"), {"add": 2, "same": 0}),
            (("export", "out.csv", "--reveal", "salary"), {}),
            (("import", "out.csv", "--plan"), {"add": 0, "same": 2}),
            (("import", "undo", "1"), {}),
        ):
            done = self.run_command(daemon, *argv, "--json")
            self.assertEqual(done.returncode, 0, done.stderr)
            found = json.loads(done.stdout).get("counts", {})
            self.assertEqual({name: found[name] for name in counts}, counts)
        self.assertEqual((daemon.folder / "out.csv").stat().st_mode & 0o777, 0o600)
        done = self.run_command(daemon, "employee", "list", "--json")
        self.assertEqual(json.loads(done.stdout), {"employees": []})

    def test_no_output(self) -> None:
        """A result that cannot be written has its exit code, and a message unless none reads it."""
        daemon = self.start_daemon()
        self.admin(daemon)
        with open("/dev/full", "wb") as full:
            done = self.run_command(daemon, "employee", "list", stdout=full)
        self.assertEqual(done.returncode, 10)
        self.assertEqual(
            done.stderr,
            "The result could not be written to standard output: No space left on device.\n",
        )
        reading, writing = os.pipe()
        os.close(reading)
        self.addCleanup(os.close, writing)
        done = self.run_command(daemon, "employee", "list", stdout=writing)
        self.assertEqual((done.returncode, done.stderr), (10, ""))

    def test_password(self) -> None:
        """The password comes from the environment or a descriptor; a wrong one has its code."""
        daemon = self.start_daemon()
        self.admin(daemon)
        self.assertEqual(self.run_command(daemon, "whoami", password="wrong").returncode, 3)
        self.assertEqual(self.run_command(daemon, "whoami", password=None).returncode, 3)
        reading, writing = os.pipe()
        os.write(writing, f"{PASSWORD}\n".encode())
        os.close(writing)
        self.addCleanup(os.close, reading)
        done = self.run_command(
            daemon,
            *("whoami", "--password-fd", str(reading)),
            password=None,
            pass_fds=(reading,),
        )
        self.assertEqual((done.returncode, done.stdout), (0, "admin (owner)\n"))
