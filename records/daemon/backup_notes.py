"""What the data folder remembers of its backups: the last one made, and the last one proven.

A small private file of JSON. It holds no records, and nothing depends on it but what `check` tells.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import msgspec

from records.daemon.restore import Proof
from records.runtime.files import write_private


class Noted(msgspec.Struct, frozen=True):
    """A backup that was made. head_seq, head_hash: see `daemon.backup.Manifest`."""

    at: datetime
    place: str
    head_seq: int
    head_hash: str


class Proven(msgspec.Struct, frozen=True):
    """An attempt to prove that a backup can be restored. why: "" if it is proven."""

    at: datetime
    place: str
    outcome: Proof
    why: str = ""


class BackupNotes(msgspec.Struct, frozen=True):
    """The last backup, the last attempt to prove one, and the last that succeeded."""

    last_backup: Noted | None = None
    last_attempt: Proven | None = None
    last_proven: Proven | None = None


def notes_file(data: Path) -> Path:
    """Where the notes of a data folder are."""
    return data / "backups.json"


def load_notes(data: Path) -> BackupNotes:
    """The notes of a data folder; empty if there are none, or if they cannot be read."""
    try:
        return msgspec.json.decode(notes_file(data).read_bytes(), type=BackupNotes)
    except (OSError, ValueError):
        return BackupNotes()


def note_backup(data: Path, made: Noted) -> None:
    """Remember a backup. Raises OSError."""
    _save(data, msgspec.structs.replace(load_notes(data), last_backup=made))


def note_proof(data: Path, proof: Proven) -> None:
    """Remember an attempt to prove a backup. Raises OSError."""
    notes = msgspec.structs.replace(load_notes(data), last_attempt=proof)
    if proof.outcome is Proof.PROVEN:
        notes = msgspec.structs.replace(notes, last_proven=proof)
    _save(data, notes)


def _save(data: Path, notes: BackupNotes) -> None:
    content = msgspec.json.format(msgspec.json.encode(notes), indent=2)
    write_private(notes_file(data), content + b"\n")
