"""The commands `records import`."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

from records.client.arguments import parse_options
from records.client.cli import Exit
from records.client.screen import Unreachable
from records.model.access import Role
from records.test.client.test_cli import CommandCase
from records.testing import user

HEADER = "Employee number,First name,Last name,Manager,Title\n"


class ImportCommandTests(CommandCase):
    """Imports by a script, on a daemon with Ann O'Hara (1) and Ko (2)."""

    def file(self, rows: str, name: str = "people.csv") -> str:
        folder = Path(self.mktemp())
        folder.mkdir()
        (folder / name).write_text(HEADER + rows)
        return str(folder / name)

    def names(self) -> list[Any]:
        return [each["given_name"] for each in self.done("employee", "list")["employees"]]

    def test_plan(self) -> None:
        """A plan is shown as text or JSON; it changes nothing and leaves nothing."""
        path = self.file("J-1,Bo,Kim,,Boss\nJ-2,Cy,Fox,Bo Kim,=x\nJ-3,Di,,Nobody,\n")
        self.assertEqual(self.run_command("import", path, "--plan"), Exit.DONE)
        self.assertIn("Plan: 2 new, 0 changed, 1 refused.\n", self.out)
        self.assertIn("Line 3, new: Cy Fox:\n", self.out)
        self.assertIn("Bo Kim (line 2)", self.out)
        self.assertIn("line 4: There is no such manager", self.out)
        self.assertIn("separated by commas", self.err)
        found = self.done("import", path, "--plan")
        self.assertEqual(found["counts"]["add"], 2)
        self.assertEqual([row["outcome"] for row in found["rows"]], ["add", "add", "refuse"])
        self.assertEqual(found["columns"]["Title"], "title")
        self.assertEqual(self.done("import", "list"), {"imports": []})
        self.assertEqual(len(self.names()), 2)

    def test_apply_and_undo(self) -> None:
        """A plan is applied, listed, and taken back."""
        path = self.file("J-1,Bo,Kim,Ann O'Hara,Boss\n")
        done = self.done("import", path, "--yes")
        self.assertEqual(done["counts"]["add"], 1)
        number = str(done["import_id"])
        self.assertIn("Bo", self.names())
        (listed,) = self.done("import", "list")["imports"]
        self.assertEqual((listed["name"], listed["state"]), ("people.csv", "applied"))
        self.run_command("import", "list")
        self.assertIn("applied", self.out)
        self.assertEqual(self.done("import", path, "--yes")["counts"]["same"], 1)
        self.run_command("employee", "update", "2", "title=Chief")
        self.assertEqual(self.run_command("import", "undo", number), Exit.DONE)
        self.assertIn("Taken back: 1 row. Left as they are: 0.", self.out)
        self.assertNotIn("Bo", self.names())
        self.assertEqual(self.done("import", "discard", number), {"import_id": int(number)})
        code, error = self.failed("import", "undo", number)
        self.assertEqual((code, error["reason"]), (Exit.NOT_FOUND, "not-found"))

    def test_text(self) -> None:
        """What was applied is told, with the command that takes it back."""
        self.run_command("import", self.file("J-1,Bo,,,\n"), "--yes")
        self.assertIn("Applied. 1 new, 0 changed, 0 refused.\nTo take it back: records", self.out)

    def test_kept(self) -> None:
        """What an undo leaves as it is is told."""
        number = str(self.done("import", self.file("J-1,Bo,,,\n"), "--yes")["import_id"])
        self.run_command("employee", "update", "J-1", "title=Chief")
        self.run_command("import", "undo", number)
        self.assertIn("line 2: Employee 3 was changed since.", self.out)

    def test_refused(self) -> None:
        """Refused rows stop an import, are written to a file, and can be left out."""
        path = self.file("J-1,Bo,Kim,,Boss\nJ-3,Di,,Nobody,\n")
        refused = Path(self.mktemp())
        code = self.run_command("import", path, "--yes", "--refused", str(refused))
        self.assertEqual(code, Exit.VALIDATION_FAILED)
        self.assertIn("line 3: There is no such manager", self.err)
        self.assertEqual(self.done("import", "list"), {"imports": []})
        with refused.open(encoding="utf-8-sig", newline="") as file:
            header, row = csv.reader(file)
        self.assertEqual((header[-1], row[1]), ("Reason", "Di"))
        again = self.run_command("import", path, "--plan", "--refused", str(refused))
        self.assertEqual(again, Exit.VALIDATION_FAILED)
        self.assertIn("cannot be written: File exists", self.err)
        self.assertEqual(self.done("import", path, "--yes", "--skip-refused")["counts"]["add"], 1)

    def test_unclear(self) -> None:
        """What has two readings ends the command, and names the option that decides."""
        folder = Path(self.mktemp())
        folder.mkdir()
        path = folder / "people.csv"
        path.write_text("First name,Start date\nBo,3/4/1990\n")
        code, error = self.failed("import", str(path), "--plan")
        self.assertEqual((code, error["errors"][0]["field"]), (Exit.VALIDATION_FAILED, "dates"))
        self.assertIn("--dates dmy or --dates mdy", error["message"])
        plan = self.done("import", str(path), "--plan", "--dates", "dmy")
        self.assertEqual(plan["rows"][0]["fields"]["hire_date"]["after"], "1990-04-03")

    def test_remembered(self) -> None:
        """How a file is read is remembered by a name, and other options add to it."""
        place = Path(self.mktemp())
        self.environment["XDG_CONFIG_HOME"] = str(place)
        folder = Path(self.mktemp())
        folder.mkdir()
        path = folder / "people.csv"
        path.write_text("Who,Start date,Shoe\nBo,3/4/1990,9\n")
        argv = ("import", str(path), "--plan", "--like", "payroll")
        code, error = self.failed(*argv)
        self.assertEqual((code, error["errors"][0]["field"]), (Exit.VALIDATION_FAILED, "like"))
        options = ("--map", "Who=given_name", "--dates", "dmy", "--save-as", "payroll")
        self.done("import", str(path), "--plan", *options)
        plan = self.done(*argv)
        self.assertEqual(plan["rows"][0]["fields"]["hire_date"]["after"], "1990-04-03")
        plan = self.done(*argv, "--dates", "mdy", "--map", "Shoe=title")
        self.assertEqual(plan["rows"][0]["fields"]["hire_date"]["after"], "1990-03-04")
        self.assertEqual(
            plan["columns"], {"Who": "given_name", "Start date": "hire_date", "Shoe": "title"}
        )
        (place / "records" / "imports" / "payroll.json").write_text("[]")
        self.assertIn("cannot be read", self.failed(*argv)[1]["message"])
        code, _ = self.failed("import", str(path), "--plan", *options[:-1], "../x")
        self.assertEqual(code, Exit.VALIDATION_FAILED)

    def test_wrong_files(self) -> None:
        """A file that is none, has no rows, or too long ones, is told."""
        for path in ("no-such-file.csv", self.file(""), self.file("J-1,,,," + "x" * 70_000 + "\n")):
            code, _ = self.failed("import", path, "--yes")
            self.assertEqual(code, Exit.VALIDATION_FAILED)
        self.assertEqual(self.done("import", "list"), {"imports": []})

    def test_brake(self) -> None:
        """A large change is confirmed by its count."""
        path = self.file("")
        Path(path).write_text("id,status,termination_date\n1,left,2025-01-01\n")
        code, error = self.failed("import", path, "--yes")
        self.assertEqual(
            (code, error["errors"][0]["field"]), (Exit.VALIDATION_FAILED, "expect.end")
        )
        self.assertEqual(
            self.done("import", path, "--yes", "--expect", "end=1")["counts"]["change"], 1
        )

    def test_lost(self) -> None:
        """An import whose application may have been done is not discarded."""
        path = self.file("J-1,Bo,,,\n")
        trouble = Unreachable("Lost.", maybe_done=True)

        async def lost(*args: object, **kwargs: object) -> None:
            raise trouble

        self.records.import_apply = lost  # type: ignore[method-assign, assignment]
        code, error = self.failed("import", path, "--yes")
        self.assertEqual((code, error["reason"]), (Exit.OUTCOME_UNKNOWN, "outcome-unknown"))
        del self.records.import_apply
        self.assertEqual(len(self.done("import", "list")["imports"]), 1)

    def test_denied(self) -> None:
        """Who may not import is told so."""
        self.records = self.make_records(user(Role.EMPLOYEE))
        code, _ = self.failed("import", self.file("J-1,Bo,,,\n"), "--plan")
        self.assertEqual(code, Exit.PERMISSION_DENIED)

    def test_usage(self) -> None:
        """Wrong usage ends with 2 before anything is read."""
        for argv in (
            *(["x.csv"], ["undo"], ["discard"], ["list", "3"], ["x.csv", "3", "--plan"]),
            *(["x.csv", "--plan", "--yes"], ["x.csv", "--yes", "--expect", "zz=1"]),
            *(["x.csv", "--yes", "--map", "x"], ["x.csv", "--yes", "--dates", "zz"]),
        ):
            self.assertRaises(SystemExit, parse_options, ["import", *argv])
        options = parse_options(["import", "x.csv", "--plan", "--map", "a=b=title", "--map", "c="])
        self.assertEqual(options.map, [("a=b", "title"), ("c", "")])
