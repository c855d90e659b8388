"""Backups, proofs and restores of whole programs, with a fault at each system call.

Each of them is there whole or not at all, the data stays as it was, and what an attempt has left
hinders no other.
"""

from __future__ import annotations

import re
from pathlib import Path

from tests.faults.injected import How
from tests.faults.injected_daemon import Forked
from tests.faults.injected_programs import HOWS, Program
from tests.faults.injected_programs_case import Check, ProgramCase, head_of
from tests.faults.scale import IS_LONG

DAMAGED = 3
SHORT_HOWS = (How.KILL, How.EIO, How.ENOSPC)
"""In the short form no write is cut short, so that more calls have a fault."""


class BackupTests(ProgramCase):
    """`records.admin`, while no daemon runs."""

    def ended(self, process: Forked) -> str:
        """How a run ended: a disk that fails may also look like a backup that is damaged."""
        if process.returncode == DAMAGED:
            self.assertRegex(process.err, r"\Arecords: [^\n]+\n\Z")
            return "damaged"
        if process.returncode == 0:  # it may have been unable to note the backup
            self.assertRegex(process.err, r"\A(records: [^\n]+\n)*\Z")
            return "done"
        return self.ending(process)

    def check_all(self, arguments: list[str], template: Path, check: Check) -> None:
        """All faults at all calls of `records.admin`."""
        program = Program(self.forks, "admin", arguments, template)
        self.check_program(program, check, HOWS if IS_LONG else SHORT_HOWS)
        self.assertGreater(sum(self.outcomes.values()), 5)

    def run_again(self, folder: Path, *arguments: str) -> None:
        """The next attempt succeeds."""
        again = self.forks.fork("admin", list(arguments), folder)
        self.assertEqual((again.wait(), again.err), (0, ""))

    def left(self, folder: Path) -> list[str]:
        """Drafts that are left in a folder."""
        return [each.name for each in folder.rglob(".*.new*")]

    def check_backup(self, name: str) -> None:
        """A backup of this name is whole or absent at each fault."""
        template = self.used()
        head = head_of(template)
        arguments = ["backup", "--with-keys", name]

        def check(folder: Path, process: Forked, how: How) -> str:
            ended = self.ended(process)
            is_there = (folder / name).exists()
            self.assertTrue(is_there or ended != "done")
            self.assertEqual(head_of(folder), head)
            if is_there:
                self.run_again(folder, "restore", name, "one/data")
                self.assertEqual(head_of(folder / "one"), head)
                (folder / name).rename(folder / "first")
            self.run_again(folder, *arguments)
            self.run_again(folder, "restore", name, "other/data")
            self.assertEqual(head_of(folder / "other"), head)
            self.assertTrue((folder / "other" / "data" / "keys" / "server.key").exists())
            self.assertEqual(self.left(folder), [])
            return f"{ended}, {'there' if is_there else 'absent'}"

        (template / "one").mkdir()
        (template / "other").mkdir()
        self.check_all(arguments, template, check)

    def test_tar(self) -> None:
        """A tar is whole or absent."""
        self.check_backup("b.tar")

    def test_folder(self) -> None:
        """So is a folder."""
        self.check_backup("b")

    def test_restore(self) -> None:
        """What is restored is whole or absent, and the backup stays."""
        template = self.used()
        head = head_of(template)
        self.run_again(template, "backup", "--with-keys", "b.tar")
        (template / "new").mkdir()

        def check(folder: Path, process: Forked, how: How) -> str:
            ended = self.ended(process)
            data = folder / "new" / "data"
            is_there = data.exists()
            self.assertTrue(is_there or ended != "done")
            if is_there:
                self.assertEqual(head_of(folder / "new"), head)
                data.rename(folder / "first")
            self.run_again(folder, "restore", "b.tar", "new/data")
            self.assertEqual(head_of(folder / "new"), head)
            self.assertEqual(self.left(folder), [])
            return f"{ended}, {'there' if is_there else 'absent'}"

        arguments = ["restore", "b.tar", "new/data"]
        self.check_all(arguments, template, check)

    def test_proof(self) -> None:
        """A proof that is cut off, or fails, proves nothing; the next one does."""
        template = self.used()
        head = head_of(template)

        def check(folder: Path, process: Forked, how: How) -> str:
            text = (folder / "data" / "backups.json").read_text() if self.noted(folder) else ""
            is_proven = re.search(r'"last_proven": {', text) is not None
            if is_proven:
                self.assertIn("Proven: ", process.out if process.returncode == 0 else "Proven: ")
                self.assertTrue((folder / "b.tar").exists())
            self.assertEqual(head_of(folder), head)
            self.run_again(folder, "backup", "--prove", "again.tar")
            self.assertEqual(self.left(folder / "data"), [])
            self.assertFalse((folder / "data" / "proof").exists())
            return f"{process.returncode}, {'proven' if is_proven else 'not proven'}"

        arguments = ["backup", "--prove", "b.tar"]
        self.check_all(arguments, template, check)

    def noted(self, folder: Path) -> bool:
        """Whether the data folder has notes of backups."""
        return (folder / "data" / "backups.json").exists()
