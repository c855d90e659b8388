"""The commands `backup`, `restore`, `check` and `rebuild`: what is typed, shown and exited with."""

from __future__ import annotations

import io
import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path

import apsw

from records.admin import main
from records.daemon.backup_notes import load_notes
from records.daemon.bootstrap import Places, lock
from records.daemon.restore import Proof
from records.test.admin_case import AdminCase
from records.tls.keys import KeyFiles, prepare_keys


class Streams(io.TextIOWrapper):
    """A standard stream over bytes; a terminal if it is said to be."""

    is_terminal = False

    def isatty(self) -> bool:
        return self.is_terminal


class UpkeepCase(AdminCase):
    """An installation with keys."""

    def setUp(self) -> None:
        super().setUp()
        self.folder.chmod(0o700)
        self.keys = KeyFiles(self.folder.parent / f"{self.folder.name}-keys")
        prepare_keys(self.keys, ["localhost"], datetime.now(UTC))
        self.cost = (*self.cost, "--keys", str(self.keys.folder))
        self.root = Path(self.mktemp())
        self.root.mkdir()

    def tamper(self, path: Path, statement: str) -> None:
        """Change a database behind the program's back."""
        hand = apsw.Connection(str(path))
        hand.execute(statement)
        hand.close()


class BackupTests(UpkeepCase):
    """Backup and restore."""

    def test_whole_way(self) -> None:
        """A backup with keys is made, proven, restored into a folder, and used there."""
        tar, folder = self.root / "b.tar", self.root / "new"
        said = self.does("backup", "--with-keys", "--prove", str(tar))
        head = self.look(lambda tx: tx.journal.head())
        self.assertIn(f"ends at audit entry {head.seq} {head.hash.hex()}.", said)
        self.assertIn("Encrypt it.", said)
        self.assertIn("Proven: it was restored aside", said)
        said = self.does("restore", str(tar), str(folder))
        self.assertIn(f"ends at audit entry {head.seq} {head.hash.hex()}.", said)
        self.assertIn(f"twistd -n records --data {folder} --keys {folder / 'keys'}\n", said)
        self.folder = folder
        self.assertIn("is whole", self.does("verify"))
        self.assertIn("olga", self.does("list"))
        self.audited()

    def test_noted(self) -> None:
        """The data folder remembers the last backup and the last proof, in a private file."""
        self.does("backup", str(self.root / "copy"))
        notes = load_notes(self.folder)
        assert notes.last_backup is not None
        self.assertEqual((notes.last_backup.head_seq, notes.last_proven), (len(self.before), None))
        self.assertEqual((self.folder / "backups.json").stat().st_mode & 0o777, 0o600)
        self.does("backup", "--prove", str(self.root / "other"))
        notes = load_notes(self.folder)
        assert notes.last_proven is not None
        self.assertIs(notes.last_proven.outcome, Proof.PROVEN)

    def test_damaged_proof(self) -> None:
        """A backup of a damaged database is told as damaged, with its own exit code."""
        self.tamper(self.path, "UPDATE audit SET actor = 'x' WHERE seq = 1")
        code, _, complained = self.run_admin("backup", "--prove", str(self.root / "copy"))
        self.assertEqual(code, 3)
        self.assertIn("records: Damaged.", complained)
        attempt = load_notes(self.folder).last_attempt
        assert attempt is not None
        self.assertIs(attempt.outcome, Proof.DAMAGED)
        code, said, _ = self.run_admin("check")
        self.assertEqual(code, 3)
        self.assertIn("was damaged.", said)

    def test_unproven(self) -> None:
        """A proof that cannot be tried is told as not proven; the backup stays."""
        (self.folder / "proof").write_text("in the way")
        code, said, complained = self.run_admin("backup", "--prove", str(self.root / "copy"))
        self.assertEqual(code, 1)
        self.assertIn("Copied", said)
        self.assertIn("records: Not proven.", complained)
        self.assertTrue((self.root / "copy").exists())

    def streamed(
        self, *argv: str, given: bytes = b"", terminal: bool = False
    ) -> tuple[object, bytes, str]:
        """Run a command whose streams are of bytes: its exit code, output, and complaints."""
        raw = io.BytesIO()
        out, complained = Streams(raw, write_through=True), io.StringIO()
        out.is_terminal = terminal
        self.patch(sys, "stdout", out)
        self.patch(sys, "stderr", complained)
        self.patch(sys, "stdin", Streams(io.BytesIO(given)))
        code = self.assertRaises(
            SystemExit, main, ["--data", str(self.folder), *self.cost[2:], *argv]
        )
        return code.code, raw.getvalue(), complained.getvalue()

    def test_stream(self) -> None:
        """A backup through pipes is the same as one in a file, and is told on standard error."""
        code, tar, told = self.streamed("backup", "--with-keys", "-")
        self.assertEqual(code, 0)
        self.assertIn("Copied the database and the keys to standard output", told)
        folder = self.root / "new"
        code, said, told = self.streamed("restore", "-", str(folder), given=tar)
        self.assertEqual((code, told), (0, ""))
        self.assertIn(b"The audit log is whole", said)
        self.assertTrue((folder / "keys" / "server.key").exists())
        code, said, told = self.streamed("restore", "-", str(self.root / "x"), given=tar[:9000])
        self.assertEqual((code, said), (3, b""))
        self.assertIn("The backup is damaged or no backup", told)

    def test_stream_refused(self) -> None:
        """A terminal gets no backup, and one that is gone cannot be proven."""
        code, out, told = self.streamed("backup", "-", terminal=True)
        self.assertEqual((code, out), (1, b""))
        self.assertIn("not for a terminal", told)
        self.assertIn("cannot be proven", self.refused("backup", "--prove", "-"))

    def test_refused(self) -> None:
        """What cannot be done is said in one line, and nothing is made."""
        target = self.root / "b.tar"
        missing = self.keys.folder.parent / "nowhere"
        self.cost = (*self.cost, "--keys", str(missing))
        self.assertIn("There are no keys", self.refused("backup", "--with-keys", str(target)))
        self.assertIn("cannot be read", self.refused("restore", str(target), str(self.root / "n")))
        empty = Path(self.mktemp())
        self.assertIn("There is no database", self.refused("backup", str(target), data=empty))
        self.assertEqual(list(self.root.iterdir()), [])

    def test_interrupted(self) -> None:
        """Ctrl-C ends a command in one line, and leaves nothing of what was under way."""

        class Interrupting(io.StringIO):
            def isatty(self) -> bool:
                return True

            def flush(self) -> None:
                if "Copying" in self.getvalue() and "Stopped" not in self.getvalue():
                    raise KeyboardInterrupt

        screen = Interrupting()
        self.patch(sys, "stderr", screen)
        given = ["--data", str(self.folder), "backup", str(self.root / "copy")]
        self.assertEqual(self.assertRaises(SystemExit, main, given).code, 1)
        self.assertIn("records: Stopped.", screen.getvalue())
        self.assertEqual(list(self.root.iterdir()), [])

    def test_progress(self) -> None:
        """A terminal is shown what is being done, and nothing of it stays."""
        screen = Streams(io.BytesIO(), write_through=True)
        screen.is_terminal = True
        self.patch(sys, "stderr", screen)
        self.patch(sys, "stdout", io.StringIO())
        self.assertRaises(SystemExit, main, ["--data", str(self.folder), *self.cost[2:], "check"])
        raw = screen.buffer
        assert isinstance(raw, io.BytesIO)
        shown = raw.getvalue().decode()
        self.assertIn("\r\x1b[KChecking the database file ...", shown)
        self.assertTrue(shown.endswith("\r\x1b[K"))
        self.assertNotIn("\n", shown)


class CheckTests(UpkeepCase):
    """Check and rebuild."""

    def test_well(self) -> None:
        """Of an installation in order the verdict is good, beside a daemon that writes, too."""
        writer = self.database.writer()
        self.addCleanup(writer.close)
        self.does("backup", "--prove", str(self.root / "copy"))
        said = self.does("check")
        self.assertTrue(said.endswith("All is well.\n"), said)
        self.assertIn("employees 1, audit entries", said)
        self.audited()
        self.cost = self.cost[2:]
        self.assertEqual(self.run_admin("check", str(self.folder), data=self.root)[0], 0)

    def test_warning(self) -> None:
        """Without a backup, that is said, and the exit code is 1."""
        code, said, complained = self.run_admin("check")
        self.assertEqual((code, complained), (1, ""))
        self.assertIn("warning  No backup has been made.  -> records-admin", said)

    def test_json(self) -> None:
        """For programs there are the same findings as JSON."""
        code, said, _ = self.run_admin("check", "--json")
        self.assertEqual(code, 1)
        found = json.loads(said)
        self.assertEqual(found["verdict"], "warning")
        self.assertEqual([each["severity"] for each in found["findings"]], ["warning"])
        self.assertEqual(set(found["findings"][0]), {"severity", "message", "mend"})
        self.does("backup", "--prove", str(self.root / "copy"))
        self.assertEqual(json.loads(self.does("check", "--json"))["verdict"], "ok")

    def test_no_database(self) -> None:
        """Without a database nothing is made."""
        empty = Path(self.mktemp())
        code, said, _ = self.run_admin("check", str(empty))
        self.assertEqual(code, 3)
        self.assertIn("There is no database", said)
        self.assertFalse(empty.exists())

    def test_rebuild(self) -> None:
        """What is derived is made anew, but not while a daemon runs."""
        self.does("backup", "--prove", str(self.root / "copy"))
        self.tamper(self.path, "DELETE FROM employee_words")
        code, said, _ = self.run_admin("check")
        self.assertEqual(code, 1)
        self.assertIn("Employee 1 is not found by every name.  -> records-admin rebuild", said)
        held = lock(Places(self.folder, self.keys), [])
        self.assertIn("in use by another daemon", self.refused("rebuild"))
        os.close(held)
        self.does("rebuild")
        self.assertTrue(self.does("check").endswith("All is well.\n"))
        self.audited()

    def test_restored_words(self) -> None:
        """A backup whose derived words are outdated is restored with new ones."""
        self.tamper(self.path, "DELETE FROM employee_words")
        self.does("backup", str(self.root / "copy"))
        self.does("restore", str(self.root / "copy"), str(self.root / "new"))
        hand = apsw.Connection(str(self.root / "new" / "records.sqlite"))
        self.assertGreater(hand.execute("SELECT count(*) FROM employee_words").get, 0)
        hand.close()
