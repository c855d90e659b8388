"""The check of an installation: what it finds, and what it says of it."""

from __future__ import annotations

import os
import shutil
from datetime import UTC, datetime, timedelta

import apsw

from records.daemon.backup_commands import shown_lines
from records.daemon.backup_notes import (
    Noted,
    Proven,
    load_notes,
    note_backup,
    note_proof,
    notes_file,
)
from records.daemon.checkup import Checkup, Finding, Severity, check
from records.daemon.restore import Proof
from records.operations.boundaries import Work
from records.test.daemon.bootstrap_case import PlacesCase
from records.test.store.store_contract import EVENT, named
from records.testing import START, sqlite_backend
from records.tls.keys import prepare_keys

NOW = datetime.fromtimestamp(START / 1_000_000, UTC)
GIB = 1024**3


class CheckCase(PlacesCase):
    """An installation with keys, and a backup that was just made and proven."""

    def setUp(self) -> None:
        super().setUp()
        self.addCleanup(os.umask, os.umask(0o077))
        self.now, self.free = NOW, GIB
        self.backend = sqlite_backend()
        self.places.data.mkdir()
        prepare_keys(self.places.keys, ["localhost"], NOW)
        self.backend.open(self.places.database)
        note_backup(self.places.data, Noted(NOW, "b.tar", 0, ""))
        note_proof(self.places.data, Proven(NOW, "b.tar", Proof.PROVEN))

    def check(self) -> Checkup:
        """The outcome of a check."""
        return check(self.places, self.backend, self.now, lambda _: self.free, lambda _: None)

    def found(self) -> list[tuple[Severity, str, str]]:
        """What is found: severity, message and mend."""
        return [(each.severity, each.message, each.mend) for each in self.check().findings]

    def one(self, severity: Severity, message: str, mend: str) -> None:
        """One thing is found, with this in its message and its mend."""
        ((how, told, command),) = self.found()
        self.assertIs(how, severity, told)
        self.assertIn(message, told)
        self.assertIn(mend, command)

    def tamper(self, statement: str) -> None:
        """Change the database behind the program's back."""
        hand = apsw.Connection(str(self.places.database))
        hand.execute(statement)
        hand.close()


class CheckTests(CheckCase):
    """Each kind of finding."""

    def test_well(self) -> None:
        """Of an installation in order nothing is found, and nothing is changed."""
        before = sorted(each.name for each in self.root.rglob("*"))
        found = self.check()
        self.assertEqual((found.findings, found.worst), ([], Severity.NOTE))
        self.assertEqual(found.counts["entries"], 0)
        self.assertEqual(set(found.versions), {"program", "schema", "engine"})
        after = [each.name for each in self.root.rglob("*") if not each.name.endswith("-shm")]
        self.assertEqual([name for name in sorted(after) if not name.endswith("-wal")], before)

    def test_exposed(self) -> None:
        """Files that others can read are found, each with the command that closes it."""
        for path, mode in (
            (self.places.data, 0o770),
            (self.places.database, 0o640),
            (self.places.keys.key, 0o604),
            (notes_file(self.places.data), 0o644),
        ):
            before = path.stat().st_mode & 0o777
            path.chmod(mode)
            self.one(Severity.ERROR, f"mode {mode:04o}", f"chmod {before:o} {path}")
            path.chmod(before)

    def test_certificate(self) -> None:
        """A certificate that ends soon, has ended, or cannot be read is found."""
        self.now = NOW + timedelta(days=350)
        note_backup(self.places.data, Noted(self.now, "b.tar", 0, ""))
        note_proof(self.places.data, Proven(self.now, "b.tar", Proof.PROVEN))
        self.one(Severity.WARNING, "ends in 15 days", "twistd -n records")
        self.now = NOW + timedelta(days=366)
        note_backup(self.places.data, Noted(self.now, "b.tar", 0, ""))
        self.one(Severity.ERROR, "has ended", "twistd -n records")
        self.places.keys.ca_key.unlink()
        self.one(Severity.ERROR, "has ended", "keys/README.md")
        self.places.keys.certificate.write_text("x")
        self.one(Severity.ERROR, "no certificate in PEM form", "keys/README.md")
        self.places.keys.certificate.unlink()
        self.one(Severity.NOTE, "Name the daemon's folder with --keys", "--keys")

    def test_room(self) -> None:
        """Little disk space is found."""
        self.free = 100 * 1024 * 1024
        self.one(Severity.WARNING, "has 100 MiB left", "df -h")

    def test_backups(self) -> None:
        """A backup's age is told, and what became of the last proof."""
        data = self.places.data
        self.now = NOW + timedelta(days=8)
        self.one(Severity.WARNING, "last backup is 8 days old", "backup --prove")
        self.now = NOW + timedelta(days=100)
        note_backup(data, Noted(self.now, "b.tar", 0, ""))
        self.one(Severity.NOTE, "last proven restorable 100 days ago", "backup --prove")
        self.now = NOW
        note_proof(data, Proven(NOW, "b.tar", Proof.NOT_PROVEN, "The disk is full."))
        self.one(Severity.WARNING, "could not be proven. The disk is full.", "backup --prove")
        note_proof(data, Proven(NOW, "b.tar", Proof.DAMAGED, "x is damaged."))
        self.one(Severity.ERROR, "was damaged. x is damaged.", "backup --prove")
        kept = load_notes(data).last_proven
        self.assertEqual(kept, Proven(NOW, "b.tar", Proof.PROVEN))
        notes_file(data).unlink()
        self.one(Severity.WARNING, "No backup has been made", "backup --prove")
        note_backup(data, Noted(NOW, "b.tar", 0, ""))
        self.one(Severity.NOTE, "No backup has been proven", "backup --prove")
        notes_file(data).write_text("no JSON")
        self.one(Severity.WARNING, "No backup has been made", "backup --prove")

    def write(self, employee_id: int = 0) -> None:
        """Write an audit entry or an employee without one."""
        writer = self.backend.open(self.places.database).writer()

        def work(tx: object) -> None:
            if employee_id:
                tx.employees.add(named(employee_id))  # type: ignore[attr-defined]
            else:
                tx.journal.append(EVENT_WITHOUT_CHANGE)  # type: ignore[attr-defined]

        self.assertIsNone(writer.run([Work(work)])[0].error)
        writer.close()

    def test_clock(self) -> None:
        """An audit entry of the future is found."""
        self.write()
        self.assertEqual(self.found(), [])
        self.now = NOW - timedelta(hours=1)
        self.one(Severity.WARNING, "1:00:00 ahead of this machine's clock", "timedatectl")

    def test_chain(self) -> None:
        """An audit log that was tampered with is found, and so is an employee without history."""
        self.write()
        self.tamper("UPDATE audit SET actor = 'x'")
        self.one(Severity.ERROR, "Audit entry 1: does not have the hash", "restore")
        self.tamper("DELETE FROM audit")
        self.write(7)
        self.one(Severity.ERROR, "employee 7 is not what the history says", "restore")

    def test_derived(self) -> None:
        """What is found or sorted by outdated names is found, and what mends it is named."""
        self.tamper("INSERT INTO employee_words VALUES ('x', 1)")
        self.one(Severity.WARNING, "words to search by that nobody has", "records-admin rebuild")

    def test_damaged(self) -> None:
        """A database that is damaged, of another version, or not there is told; none is made."""
        content = self.places.database.read_bytes()
        self.places.database.write_bytes(b"something else" * 100)
        self.one(Severity.ERROR, "is damaged", "records-admin restore")
        self.places.database.write_bytes(content)
        self.tamper("DELETE FROM schema_versions WHERE number > 1")
        self.one(Severity.WARNING, "its schema is older", "twistd -n records")
        self.places.database.unlink()
        self.one(Severity.ERROR, "There is no database", "--data FOLDER")
        self.assertFalse(self.places.database.exists())
        shutil.rmtree(self.places.data)
        self.assertIs(self.check().worst, Severity.ERROR)


EVENT_WITHOUT_CHANGE = type(EVENT)(EVENT.actor, EVENT.source, "login", "-", EVENT.outcome)


class ShownTests(CheckCase):
    """What people see."""

    def test_lines(self) -> None:
        """Each finding is one line with its mend, and the verdict is the last."""
        found = Checkup(
            {},
            {},
            [Finding(Severity.WARNING, "A.", "mend a"), Finding(Severity.ERROR, "B.", "mend b")],
        )
        self.assertEqual(
            shown_lines(found),
            [
                "warning  A.  -> mend a",
                "error    B.  -> mend b",
                "Something is damaged or unusable: 1 error, 1 warning.",
            ],
        )

    def test_verdicts(self) -> None:
        """There is one verdict, by the worst of all."""
        for findings, verdict in (
            ([], "All is well."),
            ([Severity.NOTE], "All is well: 1 note."),
            ([Severity.NOTE, *[Severity.WARNING] * 2], "to be done: 2 warnings, 1 note."),
        ):
            made = Checkup({}, {}, [Finding(each, "x") for each in findings])
            self.assertIn(verdict, shown_lines(made)[-1])
