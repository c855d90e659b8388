"""The doctor of an installation: what is wrong with a data folder, and what mends it.

Only reads, and works beside a running daemon. Each finding is one line, and names a command. Knows
nothing of SQL, nor of how findings are shown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from enum import Enum
from pathlib import Path
from stat import S_IMODE

import msgspec

from records import __version__
from records.daemon.backup_notes import load_notes, notes_file
from records.daemon.bootstrap import Places, open_existing
from records.daemon.restore import Proof
from records.model.audit import BrokenChain
from records.model.errors import Unusable
from records.operations.audit import verify_journal
from records.operations.boundaries import Backend, Database
from records.tls.keys import RENEW_DAYS, certificate_end

ADMIN = "records-admin"
BACKUP_DAYS, PROOF_DAYS = 7, 90
"""Ages at which the last backup, and the last proof of one, are told as old."""
LEAST_FREE = 256 * 1024 * 1024
"""Bytes of disk space that a small installation should have left; a large one needs as much as its
database has, for a backup or an upgrade."""
CLOCK_SLACK = timedelta(minutes=1)


class Severity(Enum):
    """How bad a finding is."""

    NOTE = "note"
    WARNING = "warning"
    ERROR = "error"


class Finding(msgspec.Struct, frozen=True):
    """Something that was found. mend: the command that mends it, or what else does."""

    severity: Severity
    message: str
    mend: str = ""


class Checkup(msgspec.Struct, frozen=True):
    """The outcome of a check: what was looked at, and what was found.

    versions: of the program, the schema and the engine; as far as they are known.
    """

    versions: dict[str, str]
    counts: dict[str, int]
    findings: list[Finding]

    @property
    def worst(self) -> Severity:
        """The severity of the worst finding; NOTE if there is none."""
        order = list(Severity)
        return max((each.severity for each in self.findings), key=order.index, default=order[0])


def check(
    places: Places,
    backend: Backend,
    now: datetime,
    free_bytes: Callable[[Path], int],
    step: Callable[[str], None],
) -> Checkup:
    """Look at everything. free_bytes: how much disk space is left for a folder's owner."""
    step("Looking at files, keys and backups")
    versions, counts = {"program": __version__}, {}
    findings = [
        *_exposed(places, backend),
        *_certificate(places, now),
        *_room(places, backend, free_bytes),
        *_backups(places, now),
    ]
    try:
        database = open_existing(places, backend)
        description = database.description()
    except Unusable as error:
        findings.append(_unusable(str(error)))
    else:
        versions |= {"schema": description.schema, "engine": description.engine}
        counts = description.counts
        findings += _database(database, now, counts["entries"], step)
    return Checkup(versions, counts, findings)


def _unusable(message: str) -> Finding:
    if message.startswith("There is no database"):
        return Finding(Severity.ERROR, message, f"{ADMIN} --data FOLDER check")
    if "its schema is older" in message:
        return Finding(Severity.WARNING, message, "twistd -n records")
    return Finding(Severity.ERROR, message, f"{ADMIN} restore BACKUP FOLDER")


def _exposed(places: Places, backend: Backend) -> Iterator[Finding]:
    """Files that others can read or change. The daemon refuses to start with most of them."""
    keys = places.keys
    private = [
        *backend.files(places.database),
        places.first_password,
        notes_file(places.data),
        keys.ca_key,
        keys.key,
    ]
    for path, forbidden, wanted in (
        *((folder, 0o022, "700") for folder in (places.data, keys.folder)),
        *((path, 0o077, "600") for path in private),
    ):
        try:
            mode = S_IMODE(path.stat().st_mode)
        except OSError:
            continue
        if mode & forbidden:
            told = f"{path} can be read or changed by others (mode {mode:04o})."
            yield Finding(Severity.ERROR, told, f"chmod {wanted} {path}")


def _certificate(places: Places, now: datetime) -> Iterator[Finding]:
    keys = places.keys
    if not keys.certificate.exists():
        told = f"There is no certificate in {keys.folder}. Name the daemon's folder with --keys."
        yield Finding(Severity.NOTE, told, f"{ADMIN} --keys FOLDER check")
        return
    try:
        left = certificate_end(keys) - now
    except Unusable as error:
        yield Finding(Severity.ERROR, str(error), "see keys/README.md")
        return
    if left > timedelta(days=RENEW_DAYS):
        return
    # Our own is renewed at a start; a company's is not ours to renew.
    mend = "twistd -n records" if keys.ca_key.exists() else "see keys/README.md"
    if left <= timedelta(0):
        yield Finding(Severity.ERROR, "The certificate has ended: no client can connect.", mend)
    else:
        yield Finding(Severity.WARNING, f"The certificate ends in {left.days} days.", mend)


def _room(places: Places, backend: Backend, free_bytes: Callable[[Path], int]) -> Iterator[Finding]:
    try:
        free = free_bytes(places.data)
        size = sum(path.stat().st_size for path in backend.files(places.database) if path.exists())
    except OSError:
        return  # there is no such folder, which is told with the database
    if free < max(LEAST_FREE, size):
        told = f"The disk of {places.data} has {free // 1024 // 1024} MiB left."
        yield Finding(Severity.WARNING, told, f"df -h {places.data}")


def _backups(places: Places, now: datetime) -> Iterator[Finding]:
    notes = load_notes(places.data)
    mend = f"{ADMIN} --data {places.data} backup --prove FILE"
    if notes.last_backup is None:
        yield Finding(Severity.WARNING, "No backup has been made.", mend)
        return
    age = (now - notes.last_backup.at).days
    if age >= BACKUP_DAYS:
        yield Finding(Severity.WARNING, f"The last backup is {age} days old.", mend)
    attempt, proven = notes.last_attempt, notes.last_proven
    if attempt is not None and attempt.outcome is Proof.DAMAGED:
        told = f"The backup of {attempt.at:%F %H:%M} was damaged. {attempt.why}"
        yield Finding(Severity.ERROR, told, mend)
    elif attempt is not None and attempt.outcome is Proof.NOT_PROVEN:
        told = f"The backup of {attempt.at:%F %H:%M} could not be proven. {attempt.why}"
        yield Finding(Severity.WARNING, told, mend)
    elif proven is None:
        yield Finding(Severity.NOTE, "No backup has been proven restorable yet.", mend)
    elif (now - proven.at).days >= PROOF_DAYS:
        told = f"A backup was last proven restorable {(now - proven.at).days} days ago."
        yield Finding(Severity.NOTE, told, mend)


def _database(
    database: Database, now: datetime, entries: int, step: Callable[[str], None]
) -> Iterator[Finding]:
    for flaw in database.flaws(step):
        if flaw.is_derived:
            yield Finding(Severity.WARNING, flaw.message, f"{ADMIN} rebuild")
        else:
            yield Finding(Severity.ERROR, flaw.message, f"{ADMIN} restore BACKUP FOLDER")

    def told(seq: int) -> None:
        step(f"Checking the audit log: {100 * seq // max(entries, 1)} %")

    step("Checking the audit log, the history and the employees")
    reader = database.reader()
    try:
        transaction = reader.begin()
        head = verify_journal(transaction, told)
        newest = next((entry.at for entry in transaction.journal.entries(head.seq - 1)), 0)
    except BrokenChain as broken:
        message = f"{str(broken)[:1].upper()}{str(broken)[1:]}."
        yield Finding(Severity.ERROR, message, f"{ADMIN} restore BACKUP FOLDER")
        return
    except Exception as error:  # noqa: BLE001  a damaged file can fail in any way
        message = f"The database cannot be read to its end ({type(error).__name__})."
        yield Finding(Severity.ERROR, message, f"{ADMIN} restore BACKUP FOLDER")
        return
    finally:
        reader.end()
        reader.close()
    ahead = datetime.fromtimestamp(newest / 1_000_000, UTC) - now
    if ahead > CLOCK_SLACK:
        message = f"The newest audit entry is {ahead} ahead of this machine's clock."
        yield Finding(Severity.WARNING, message, "timedatectl")
