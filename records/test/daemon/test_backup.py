"""Backups and what is restored from them: whole, private, and complete or absent."""

from __future__ import annotations

import io
import tarfile
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from records.daemon.backup import (
    MANIFEST,
    Manifest,
    draft_beside,
    places_in,
    stream_backup,
    write_backup,
)
from records.daemon.restore import Proof, Restored, prove, restore
from records.model.errors import Damaged, Unusable
from records.operations.boundaries import Work
from records.runtime.files import draft_of
from records.test.daemon.bootstrap_case import PlacesCase
from records.test.store.sqlite.test_version_1 import make_version_1
from records.test.store.store_contract import EVENT
from records.testing import sqlite_backend
from records.tls.keys import prepare_keys

NOW = datetime(2026, 1, 1, tzinfo=UTC)


class BackupCase(PlacesCase):
    """A data folder with an entry in its audit log, and keys."""

    def setUp(self) -> None:
        super().setUp()
        self.backend = sqlite_backend()
        self.places.data.mkdir()
        prepare_keys(self.places.keys, ["localhost"], NOW)
        self.database = self.backend.open(self.places.database)
        writer = self.database.writer()
        event = msgspec.structs.replace(EVENT, digest="")
        (done,) = writer.run([Work(lambda tx: tx.journal.append(event))])
        self.assertIsNone(done.error)
        writer.close()
        writer = self.database.writer()
        self.addCleanup(writer.close)

    def backup(self, name: str, *, keys: bool = True) -> tuple[Path, Manifest]:
        """A backup of this name, and its manifest."""
        target = self.root / name
        included = self.places.keys if keys else None
        return target, write_backup(self.database, self.backend, target, included, NOW)

    def restore(self, backup: Path | io.BytesIO, name: str = "restored") -> Restored:
        """Restore a backup into a folder of this name."""
        return restore(backup, self.root / name, self.backend, lambda _: None)

    def names(self, folder: Path) -> list[str]:
        """All files in a folder."""
        return sorted(str(each.relative_to(folder)) for each in folder.rglob("*") if each.is_file())


class WriteTests(BackupCase):
    """Making one."""

    def test_forms(self) -> None:
        """A copy, a folder and a tar are private, and have what they say; no draft is left."""
        copy, _ = self.backup("copy", keys=False)
        folder, manifest = self.backup("folder")
        tar, _ = self.backup("b.tar")
        bare, _ = self.backup("bare.tar", keys=False)
        keys = ["keys/ca.crt", "keys/ca.key", "keys/server.crt", "keys/server.key"]
        self.assertEqual(self.names(folder), [*keys, MANIFEST, "records.sqlite"])
        with tarfile.open(tar) as opened:
            self.assertEqual(opened.getnames(), [MANIFEST, "records.sqlite", *keys])
            self.assertEqual({each.mode for each in opened}, {0o600})
        with tarfile.open(bare) as opened:
            self.assertEqual(opened.getnames(), [MANIFEST, "records.sqlite"])
        for path in (copy, tar, bare, *(each for each in folder.rglob("*") if each.is_file())):
            self.assertEqual(self.mode(path), 0o600, str(path))
        self.assertEqual((self.mode(folder), self.mode(folder / "keys")), (0o700, 0o700))
        self.assertEqual([each.name for each in self.root.glob(".*")], [])
        self.assertTrue(manifest.has_keys)

    def test_manifest(self) -> None:
        """The manifest says where the audit log ends, how much there is, and what made it."""
        folder, manifest = self.backup("folder")
        stored = msgspec.json.decode((folder / MANIFEST).read_bytes(), type=Manifest)
        self.assertEqual(stored, manifest)
        self.assertEqual((manifest.head_seq, manifest.made_at), (1, NOW))
        self.assertEqual(manifest.counts["entries"], 1)
        self.assertIn("SQLite", manifest.engine)

    def test_taken(self) -> None:
        """Nothing is replaced by a backup."""
        for name in ("x", "y.tar"):
            (self.root / name).write_text("dear")
            with self.assertRaisesRegex(Unusable, "exists already"):
                self.backup(name)
            self.assertEqual((self.root / name).read_text(), "dear")

    def test_left_draft(self) -> None:
        """What an attempt that was cut off has left is replaced."""
        draft = draft_of((self.root / "b.tar").absolute())
        draft.mkdir()
        (draft / "records.sqlite").write_text("half")
        self.backup("b.tar")
        self.assertFalse(draft.exists())

    def test_at_once(self) -> None:
        """A second command of the same target is refused while the first is at it."""
        target = self.root / "b.tar"
        with draft_beside(target) as draft:
            with self.assertRaisesRegex(Unusable, "is being written by another command"):
                self.backup("b.tar")
            self.assertTrue(draft.exists())
        self.assertFalse(target.exists())
        self.backup("b.tar")

    def test_nowhere(self) -> None:
        """Where nothing can be written it is refused in one line."""
        with self.assertRaisesRegex(Unusable, "cannot be written: No such file"):
            self.backup("no/b.tar")

    def test_stream(self) -> None:
        """A backup to a stream is a tar, and can be restored from a stream."""
        out = io.BytesIO()
        aside = self.places.data / "backup"
        stream_backup(self.database, self.backend, aside, out, self.places.keys, NOW)
        self.restore(io.BytesIO(out.getvalue()))
        self.assertEqual(len(self.names(self.root / "restored")), 5)
        self.assertEqual([each for each in self.places.data.iterdir() if each.is_dir()], [])

    def test_full_stream(self) -> None:
        """A stream that cannot be written is told as that."""

        class Full(io.BytesIO):
            def write(self, content: object) -> int:
                raise BrokenPipeError(32, "Broken pipe")

        aside = self.places.data / "backup"
        with self.assertRaisesRegex(Unusable, "Standard output cannot be written: Broken pipe"):
            stream_backup(self.database, self.backend, aside, Full(), None, NOW)


class RestoreTests(BackupCase):
    """Restoring one."""

    def test_every_form(self) -> None:
        """What is restored is what was copied, in one file, and the keys in a folder."""
        for name, keys in (("copy", False), ("folder", True), ("b.tar", True), ("n.tar", False)):
            backup, manifest = self.backup(name, keys=keys)
            restored = self.restore(backup, f"{name}-restored")
            self.assertEqual(restored.head.hash.hex(), manifest.head_hash)
            self.assertEqual(restored.manifest, None if name == "copy" else manifest)
            folder = self.root / f"{name}-restored"
            self.assertEqual(self.mode(folder), 0o700)
            self.assertEqual(len(self.names(folder)), 5 if keys else 1)
            opened = self.backend.open(places_in(folder).database)
            self.assertEqual(opened.description(), self.database.description())
            if keys:
                for path in self.places.keys.every:
                    self.assertEqual((folder / "keys" / path.name).read_bytes(), path.read_bytes())

    def test_earlier_version(self) -> None:
        """A backup of an earlier version is brought to the present schema, and stays as it was."""
        old = self.root / "old"
        make_version_1(old)
        before = old.read_bytes()
        restored = self.restore(old)
        self.assertEqual(restored.head.seq, 6)
        self.assertEqual(old.read_bytes(), before)
        self.assertEqual(self.names(self.root / "restored"), ["records.sqlite"])
        opened = self.backend.open(places_in(self.root / "restored").database, may_upgrade=False)
        self.assertEqual(opened.description().schema, self.database.description().schema)

    def test_empty_folder(self) -> None:
        """A folder that is there is used if it is empty; one that is not stays as it is."""
        backup, _ = self.backup("b.tar")
        (self.root / "restored").mkdir()
        self.restore(backup)
        for used in (self.root / "restored", backup, self.places.data):
            before = self.names(used)
            with self.assertRaisesRegex(Unusable, "not an empty folder"):
                restore(backup, used, self.backend, lambda _: None)
            self.assertEqual(self.names(used), before)

    def refused(self, backup: Path) -> str:
        """Why a backup is damaged; nothing is restored from it."""
        with self.assertRaises(Damaged) as caught:
            self.restore(backup)
        self.assertFalse((self.root / "restored").exists())
        self.assertEqual([each.name for each in self.root.glob(".*")], [])
        self.assertNotIn("\n", str(caught.exception))
        return str(caught.exception)

    def test_cut_off(self) -> None:
        """A tar that was cut off anywhere before its end is refused."""
        backup, _ = self.backup("b.tar")
        content = backup.read_bytes()
        with tarfile.open(backup) as opened:
            end = max(each.offset_data + each.size for each in opened)
        for size in (0, 100, 512, 5000, 50_000, end - 600, end - 1):
            backup.write_bytes(content[:size])
            self.refused(backup)

    def test_changed(self) -> None:
        """A byte that was changed in any of its files is found."""
        backup, _ = self.backup("folder")
        for path in [each for each in backup.rglob("*") if each.is_file()]:
            content = bytearray(path.read_bytes())
            content[len(content) // 2] ^= 1
            good = path.read_bytes()
            path.write_bytes(content)
            told = self.refused(backup)
            if path.name != MANIFEST:
                self.assertIn(f"{path.name} is not what it was", told)
            path.write_bytes(good)
        self.restore(backup)

    def test_other_manifest(self) -> None:
        """A database that does not end where the manifest says, or has other rows, is refused."""
        backup, manifest = self.backup("folder")
        for change, told in (
            ({"head_seq": 2}, "does not end where"),
            ({"head_hash": "00"}, "does not end where"),
            ({"counts": {**manifest.counts, "accounts": 7}}, "does not have as many rows"),
            ({"files": {"../x": ""}}, "missing"),
        ):
            other = msgspec.structs.replace(manifest, **change)
            (backup / MANIFEST).write_bytes(msgspec.json.encode(other))
            self.assertIn(told, self.refused(backup))
        (backup / MANIFEST).unlink()
        self.assertIn("has no manifest.json", self.refused(backup))

    def test_foreign_names(self) -> None:
        """A tar with a name, a link or a folder that no backup has is refused, and writes none."""
        for name, kind in (
            ("../outside", tarfile.REGTYPE),
            ("/tmp/outside", tarfile.REGTYPE),
            ("keys/other", tarfile.REGTYPE),
            ("records.sqlite", tarfile.SYMTYPE),
            ("keys", tarfile.DIRTYPE),
        ):
            tar = self.root / "foreign.tar"
            with tarfile.open(tar, "w") as made:
                entry = tarfile.TarInfo(name)
                entry.type, entry.linkname = kind, "/etc/hosts"
                made.addfile(entry, io.BytesIO())
            self.assertIn("which no backup has", self.refused(tar))
        self.assertFalse((self.root / "outside").exists())

    def test_no_backup(self) -> None:
        """A file of something else may be an encrypted backup; an empty one is none."""
        other = self.root / "other"
        other.write_bytes(b"age-encryption.org/v1" * 100)
        self.assertIn("If it is encrypted, decrypt it first", self.refused(other))
        other.write_bytes(b"")
        self.refused(other)
        with self.assertRaisesRegex(Unusable, "cannot be read: No such file"):
            self.restore(self.root / "absent")


class ProveTests(BackupCase):
    """The proof that a backup can be restored."""

    def test_outcomes(self) -> None:
        """It is proven, damaged, or not proven where it cannot be tried; nothing is left."""
        for name, keys in (("b.tar", True), ("copy", False)):
            backup, manifest = self.backup(name, keys=keys)
            aside = self.root / "aside"

            def outcome(aside: Path, backup: Path = backup, manifest: Manifest = manifest) -> Proof:
                return prove(backup, manifest, self.backend, aside, lambda _: None)[0]

            self.assertIs(outcome(aside), Proof.PROVEN)
            aside.mkdir()
            (aside / "left").write_text("from an earlier one")
            self.assertIs(outcome(aside), Proof.PROVEN)
            self.assertFalse(aside.exists())
            self.assertIs(outcome(self.root / "no" / "where"), Proof.NOT_PROVEN)
            content = bytearray(backup.read_bytes())
            content[30_000] ^= 1
            backup.write_bytes(content)
            self.assertIs(outcome(aside), Proof.DAMAGED)
            self.assertFalse(aside.exists())

    def test_other_copy(self) -> None:
        """A copy of another state than was copied is not what was to be proven."""
        backup, manifest = self.backup("copy", keys=False)
        other = msgspec.structs.replace(manifest, head_seq=9)
        outcome, why = prove(backup, other, self.backend, self.root / "aside", lambda _: None)
        self.assertIs(outcome, Proof.DAMAGED)
        self.assertIn("does not end where", why)
