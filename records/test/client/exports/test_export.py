"""Exports: what is written, that it is complete or absent, and that it can be imported again."""

from __future__ import annotations

import csv
import json
import os
from datetime import date
from pathlib import Path
from typing import Any

import openpyxl
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from records.api.messages import AddParams
from records.client.cli import Exit
from records.client.exports.commands import export_employees
from records.client.exports.formats import guarded
from records.client.imports.values import _GUARDED
from records.model.access import Role
from records.operations.employees import add_employee
from records.test.client.client_case import ScriptedScreen
from records.test.client.test_cli import CommandCase
from records.test.samples import FULL
from records.testing import user


class GuardTests(SynchronousTestCase):
    """Cells that a spreadsheet would run as formulas."""

    @given(st.text("'=+-@ab\t\r", max_size=8))
    def test_reversible(self, text: str) -> None:
        """A cell is made harmless, and comes back as it was."""
        written = guarded(text)
        self.assertNotIn(written[:1], tuple("=+-@\t\r"))
        self.assertEqual(_GUARDED.sub("", written, count=1), text)


class ExportTests(CommandCase):
    """`records export`, on a daemon with Ann O'Hara (1) and Ko (2)."""

    def setUp(self) -> None:
        super().setUp()
        self.folder = Path(self.mktemp())
        self.folder.mkdir()

    def path(self, name: str) -> Path:
        return self.folder / name

    def add(self, **fields: object) -> None:
        params = AddParams(employee=fields)
        self.records.store.do(add_employee, user(Role.HR), params)

    def rows(self, path: Path, **how: Any) -> list[dict[str, str]]:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return list(csv.DictReader(file, **how))

    def test_csv(self) -> None:
        """Every field that the user may read, masked, in a file for its owner only."""
        path = self.path("people.csv")
        done = self.done("export", str(path))
        self.assertEqual((done["file"], done["count"]), (str(path), 2))
        ko, ann = self.rows(path)
        self.assertEqual((ann["id"], ann["salary"], ann["ssn"]), ("1", "***", "***-**-4399"))
        self.assertEqual((ko["given_name"], ko["salary"], ko["salary_currency"]), ("Ko", "", ""))
        self.assertEqual(ann["phone"][:2], "'+")
        self.assertEqual(path.stat().st_mode & 0o777, 0o600)
        self.run_command("export", str(self.path("b.csv")))
        self.assertIn("Wrote 2 employees", self.out)
        self.assertIn("Masked: Salary, SSN.", self.out)

    def test_choice(self) -> None:
        """Fields, conditions, order and reveals are those of a list; a reveal is audited."""
        path = self.path("people.csv")
        argv = ("--fields", "ssn,title", "--reveal", "ssn", "--where", "title~Engineer")
        self.done("export", str(path), *argv, "--sort", "-title")
        self.assertEqual(self.rows(path), [{"id": "1", "ssn": "536-90-4399", "title": "Engineer"}])
        entries = self.records.store.read_now(lambda tx: list(tx.journal.entries()))
        event = entries[-1].event
        told = (event.action, event.subject, event.fields)
        self.assertEqual(told, ("employee.reveal", "employees:1", ("ssn",)))

    def test_excel(self) -> None:
        """For Excel there are a mark and semicolons."""
        path = self.path("people.csv")
        self.done("export", str(path), "--excel", "--fields", "given_name")
        self.assertTrue(path.read_bytes().startswith(b"\xef\xbb\xbfid;given_name\r\n"))

    def test_json_lines(self) -> None:
        """JSON lines have the values of the protocol."""
        path = self.path("people.jsonl")
        self.done("export", str(path), "--fields", "given_name,salary", "--reveal", "salary")
        lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
        pay = {"amount": "64000.00", "currency": "USD", "per": "year"}
        self.assertEqual(lines[1], {"id": 1, "given_name": "Ann", "salary": pay})

    def test_xlsx(self) -> None:
        """A workbook has dates as dates, amounts as numbers, and texts that nothing runs."""
        self.add(given_name="Bo", title="=1+1", employee_number="00017", hire_date="2020-02-03")
        path = self.path("people.xlsx")
        self.done("export", str(path), "--reveal", "salary")
        sheet = openpyxl.load_workbook(path).active
        rows = list(sheet.values)
        ann, bo = (dict(zip(rows[0], row, strict=True)) for row in (rows[3], rows[1]))
        self.assertEqual((ann["salary"], ann["salary_per"]), (64000, "year"))
        self.assertEqual((bo["title"], bo["employee_number"]), ("'=1+1", "00017"))
        self.assertEqual(bo["hire_date"].date(), date(2020, 2, 3))

    def test_imported_again(self) -> None:
        """An export that is imported again has nothing to change, masked or revealed."""
        texts = {"title": "'=x", "department": "'", "home_address": "-1 'x', \"y\"; z"}
        self.add(given_name="Di", **texts)
        self.add(**{**FULL, "ssn": "536-90-4397", "employee_number": "00042"})
        for name in ("a.csv", "b.xlsx", "c.jsonl"):
            for reveal in ("", "salary,ssn"):
                path = self.path(f"{reveal}{name}")
                self.assertEqual(self.done("export", str(path), "--reveal", reveal)["count"], 4)
                plan = self.done("import", str(path), "--plan")
                counts = {each: count for each, count in plan["counts"].items() if count}
                self.assertEqual(counts, {"same": 4}, (path.name, plan["rows"]))

    def test_complete_or_absent(self) -> None:
        """A file is not touched unless all of it is there, and not overwritten unless asked for."""
        path = self.path("people.csv")
        path.write_text("mine")
        code, error = self.failed("export", str(path))
        self.assertEqual((code, error["errors"][0]["field"]), (Exit.VALIDATION_FAILED, "file"))
        self.records.trouble = []
        self.done("export", str(path), "--yes")
        self.assertNotEqual(path.read_text(), "mine")
        self.path("link.csv").symlink_to(path.absolute())
        os.mkfifo(self.path("pipe.csv"))
        for name in ("link.csv", "pipe.csv"):
            code, error = self.failed("export", str(self.path(name)), "--yes")
            self.assertIn("is not a regular file", error["message"])
            self.path(name).unlink()
        for name in ("no/such/folder.csv", "people.doc"):
            code, _ = self.failed("export", str(self.path(name)))
            self.assertEqual(code, Exit.VALIDATION_FAILED)
        self.assertEqual([each.name for each in self.folder.iterdir()], ["people.csv"])

    def test_no_standard_output(self) -> None:
        """A dash is no file, and is not taken for the name of one."""
        code, _ = self.failed("export", "-", "--format", "csv")
        self.assertEqual(code, Exit.VALIDATION_FAILED)
        self.assertFalse(Path("-").exists())

    def test_denied(self) -> None:
        """Who may not see a field cannot export it, and gets a file without it otherwise."""
        self.records = self.make_records(user(Role.EMPLOYEE))
        code, _ = self.failed("export", str(self.path("a.csv")), "--fields", "salary")
        self.assertEqual(code, Exit.PERMISSION_DENIED)
        self.assertEqual(list(self.folder.iterdir()), [])
        self.done("export", str(self.path("b.csv")))
        self.assertNotIn("salary", self.rows(self.path("b.csv"))[0])

    def test_one_state(self) -> None:
        """If employees change meanwhile it begins anew, and gives up after some attempts."""
        for number in range(1200):
            self.add(given_name=f"N{'x' * (number % 7)}")
        find, changes = self.records.find, [1]

        async def changing(*args: Any, **how: Any) -> Any:
            page = await find(*args, **how)
            if page.cursor and changes[0] > 0:
                changes[0] -= 1
                self.add(given_name="New")
            return page

        self.records.find = changing  # type: ignore[method-assign]
        path = self.path("a.csv")
        self.assertEqual(self.done("export", str(path))["count"], 1203)
        self.assertEqual(len(self.rows(path)), 1203)
        changes[0] = 99
        code, error = self.failed("export", str(self.path("b.csv")))
        self.assertEqual((code, error["reason"]), (Exit.CONFLICT, "revision-conflict"))
        self.assertFalse(self.path("b.csv").exists())

    def test_menu(self) -> None:
        """The menu exports everybody, masked."""
        self.records.begin()
        path = self.path("people.csv")
        for answers in (["", str(path)], []):
            screen = ScriptedScreen(*answers[1:])
            typed = "" if answers else str(self.path("b.csv"))
            work = export_employees(self.dialogue(screen), typed)
            self.successResultOf(Deferred.fromCoroutine(work))
            self.assertIn("Wrote 2 employees", screen.transcript)
        self.assertEqual(len(self.rows(path)), 2)
        work = export_employees(self.dialogue(screen := ScriptedScreen("")), "")
        self.successResultOf(Deferred.fromCoroutine(work))
        self.assertIn("Nothing was exported.", screen.transcript)
