"""The menu's import, as a user goes through it."""

from __future__ import annotations

import csv
from pathlib import Path

from twisted.internet.defer import Deferred

from records.client.imports.reading import ReadOptions
from records.client.imports.wizard import import_employees, with_choice
from records.client.screen import Interrupted
from records.model.errors import ValidationFailed
from records.test.client.client_case import ClientCase, ScriptedScreen


class WizardTests(ClientCase):
    """An import from the menu, on a daemon with Ann O'Hara (1) and Ko (2)."""

    def file(self, content: str) -> Path:
        folder = Path(self.mktemp())
        folder.mkdir()
        path = folder / "people.csv"
        path.write_text(content)
        return path

    def follow(self, typed: str, *answers: object) -> ScriptedScreen:
        """The screen after a user has answered like this."""
        screen = ScriptedScreen(*answers)
        work = import_employees(self.dialogue(screen), typed)
        self.successResultOf(Deferred.fromCoroutine(work))
        self.assertEqual(screen.answers, [])
        return screen

    def states(self) -> list[str]:
        listed = self.successResultOf(Deferred.fromCoroutine(self.records.import_list()))
        return [each.state for each in listed]

    def test_all(self) -> None:
        """The file, the columns, the plan, the refused rows, and the application."""
        path = self.file("First name,Start date,Who\nBo,3/4/1990,Boss\nCy,13/13/1990,x\n")
        target = path.parent / "refused.csv"
        screen = self.follow(
            *("", str(path)),
            *("3", "1", "Who=zz", "Zz=title", "Who=Job title", ""),
            *(str(path), str(target), "y"),
        )
        self.assertIn("1  day first: 3 April 1990", screen.transcript)
        self.assertIn("Who         Job title (as you have said)", screen.transcript)
        self.assertIn("Hire date   1990-04-03", screen.transcript)
        self.assertIn("Plan: 1 new, 0 changed, 1 refused.", screen.transcript)
        self.assertIn("Apply this plan without the refused rows?", screen.transcript)
        self.assertIn("Applied as import 1: 1 new, 0 changed, 1 refused.", screen.transcript)
        self.assertEqual(self.employee(3)["title"], "Boss")
        with target.open(encoding="utf-8-sig", newline="") as file:
            self.assertEqual(len(list(csv.reader(file))), 2)
        expected = ["number", "no such column", "no field zz", "File exists"]
        for part, failure in zip(sorted(expected), sorted(screen.failures), strict=True):
            self.assertTrue(any(each in failure for each in expected), (part, failure))

    def test_given_up(self) -> None:
        """Nothing stays of an import that is not confirmed, or interrupted."""
        path = str(self.file("First name\nBo\n"))
        screen = self.follow(path, "", "n")
        self.assertIn("Nothing was changed.", screen.transcript)
        dialogue = self.dialogue(ScriptedScreen("", Interrupted()))
        self.failureResultOf(Deferred.fromCoroutine(import_employees(dialogue, path)), Interrupted)
        self.assertEqual(self.states(), [])

    def test_nothing_to_do(self) -> None:
        """A file with nothing new asks for no confirmation."""
        screen = self.follow(str(self.file("id,title\n2,Analyst\n")), "")
        self.assertIn("There is nothing to change.", screen.transcript)

    def test_brake(self) -> None:
        """A large change is confirmed by typing its count."""
        path = str(self.file("id,status,termination_date\n2,left,2025-01-01\n"))
        self.assertIn("Nothing was changed.", self.follow(path, "", "yes").transcript)
        screen = self.follow(path, "", "1", "y")
        self.assertIn("It ends the employment of 1 person.", screen.transcript)
        self.assertEqual(self.employee(2)["status"], "left")

    def test_undo(self) -> None:
        """Earlier imports are listed, and one is taken back."""
        self.assertIn("You have no imports.", self.follow("", "").transcript)
        self.follow(str(self.file("First name\nBo\nCy\n")), "", "y")
        self.change_behind(4, 1, title="x")
        self.assertIn("applied", self.follow("", "", "").transcript)
        self.assertIn("Nothing was changed.", self.follow("", "", "1", "n").transcript)
        screen = self.follow("", "", "7", "1", "y")
        self.assertIn("1 row was taken back.", screen.transcript)
        self.assertIn("line 3 stays: Employee 4 was changed since.", screen.transcript)
        self.assertEqual(self.states(), ["undone"])
        self.follow("", "")

    def test_unreadable(self) -> None:
        """A file that cannot be read ends it, with the reason."""
        dialogue = self.dialogue(ScriptedScreen())
        work = import_employees(dialogue, "no-such-file.csv")
        self.failureResultOf(Deferred.fromCoroutine(work), ValidationFailed)

    def test_choices(self) -> None:
        """Each kind of choice is kept in its place."""
        options = ReadOptions()
        for option, value in (
            *(("encoding", "cp1252"), ("dates", "dmy"), ("decimal", ","), ("sheet", "One")),
        ):
            options = with_choice(options, option, value)
        options = with_choice(options, "mapping", "Email=")
        expected = ReadOptions({"Email": ""}, "cp1252", "dmy", ",", "One")
        self.assertEqual(options, expected)
