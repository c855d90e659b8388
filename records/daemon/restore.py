"""Restoring a backup, for good or aside to prove that it can be, and verifying it from end to end.

What is restored is complete or absent, and nothing that is not whole is put in place. Knows nothing
of SQL, nor of how commands are typed.
"""

from __future__ import annotations

import os
import shutil
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from enum import Enum
from pathlib import Path
from typing import IO

import msgspec

from records.daemon.backup import (
    MANIFEST,
    Manifest,
    digest_of,
    draft_beside,
    known_names,
    places_in,
    settle,
    store,
    sync_folders,
)
from records.model.audit import BrokenChain, Head
from records.model.errors import Damaged, Unusable
from records.operations.audit import verify_journal
from records.operations.boundaries import Backend, Database
from records.runtime.files import put_in_place

Step = Callable[[str], None]
"""Told what is done next."""


def _unpack(backup: Path | IO[bytes], draft: Path) -> None:
    """Copy the files of a backup into a draft. Only names that backups have are taken."""
    places = places_in(draft)
    if isinstance(backup, Path) and backup.is_dir():
        for name in sorted(known_names()):
            if (backup / name).is_file():
                with (backup / name).open("rb") as file:
                    store(file, draft / name)
    elif isinstance(backup, Path) and not _is_tar(backup):
        with backup.open("rb") as file:
            store(file, places.database)
    else:
        with (
            backup.open("rb") if isinstance(backup, Path) else _borrowed(backup) as stream,
            tarfile.open(fileobj=stream, mode="r|") as tar,
        ):
            for member in tar:
                content = tar.extractfile(member) if member.isfile() else None
                if member.name not in known_names() or content is None:
                    raise Damaged(f"It has {member.name!r} in it, which no backup has.")
                store(content, draft / member.name)


def _is_copy(backup: Path | IO[bytes]) -> bool:
    """Whether this is a copy of the database alone, which has no manifest."""
    return isinstance(backup, Path) and backup.is_file() and not _is_tar(backup)


def _is_tar(backup: Path) -> bool:
    """Whether this is a tar, by its content or else by its name."""
    return backup.suffix == ".tar" or tarfile.is_tarfile(backup)


@contextmanager
def _borrowed(stream: IO[bytes]) -> Iterator[IO[bytes]]:
    """A stream that somebody else closes."""
    yield stream


def _manifest_in(draft: Path) -> Manifest | None:
    """The manifest, if there is one. Raises `Damaged`."""
    path = draft / MANIFEST
    if not path.exists():
        return None
    try:
        return msgspec.json.decode(path.read_bytes(), type=Manifest)
    except ValueError:
        raise Damaged("Its manifest cannot be read.") from None


def _compare_files(draft: Path, manifest: Manifest) -> None:
    """Compare the files with those that the manifest names. Raises `Damaged`."""
    for name, digest in manifest.files.items():
        if name not in known_names() or not (draft / name).exists():
            raise Damaged(f"{name} is missing from it.")
        if digest_of(draft / name) != digest:
            raise Damaged(f"{name} is not what it was when the backup was made.")


def _verify(database: Database, expected: Manifest | None, step: Step) -> Head:
    """Check a restored database from end to end. Returns its head. Raises `Damaged`."""
    flaws = database.flaws(step)
    lasting = [flaw for flaw in flaws if not flaw.is_derived]
    if lasting:
        raise Damaged(lasting[0].message)
    if flaws:
        database.rebuild()
    step("Comparing the audit log, the history and the employees")
    reader = database.reader()
    try:
        head = verify_journal(reader.begin())
    except BrokenChain as broken:
        raise Damaged(f"Its {broken}.") from None
    finally:
        reader.end()
        reader.close()
    if expected is not None:
        if (head.seq, head.hash.hex()) != (expected.head_seq, expected.head_hash):
            raise Damaged("Its audit log does not end where the manifest says.")
        if database.description().counts != expected.counts:
            raise Damaged("It does not have as many rows as the manifest says.")
    return head


class Restored(msgspec.Struct, frozen=True):
    """What was restored: where its audit log ends, and its manifest if it had one."""

    head: Head
    manifest: Manifest | None


def restore(
    backup: Path | IO[bytes],
    folder: Path,
    backend: Backend,
    step: Step,
    expected: Manifest | None = None,
) -> Restored:
    """Restore a backup into an empty or absent folder, if it is whole.

    backup: a place, or a stream with a tar. expected: what it must be, if it has no manifest of its
    own. Raises `Damaged` if it is not whole, and `Unusable`.
    """
    folder = folder.absolute()
    name = backup if isinstance(backup, Path) else "The backup"
    if isinstance(backup, Path):
        _refuse_unreadable(backup)
    _refuse_used(folder)
    try:
        with draft_beside(folder) as draft:
            step("Copying the backup")
            _unpack(backup, draft)
            manifest = _manifest_in(draft)
            if manifest is None and not _is_copy(backup):
                raise Damaged(f"It has no {MANIFEST}.")
            head = _restore(draft, manifest or expected, backend, step)
            put_in_place(draft, folder)
    except Damaged as damaged:
        raise Damaged(f"{name} is damaged or no backup. {damaged} Use another one.") from None
    return Restored(head, manifest)


def _refuse_used(folder: Path) -> None:
    try:
        is_free = not os.path.lexists(folder) or (folder.is_dir() and not any(folder.iterdir()))
    except OSError as error:
        raise Unusable(f"{folder} cannot be read: {error.strerror}.") from None
    if not is_free:
        raise Unusable(f"{folder} is not an empty folder. Restore into an empty or a new one.")


def _refuse_unreadable(backup: Path) -> None:
    try:
        with suppress(IsADirectoryError), backup.open("rb"):
            pass
    except OSError as error:
        raise Unusable(f"{backup} cannot be read: {error.strerror}.") from None


def _restore(draft: Path, manifest: Manifest | None, backend: Backend, step: Step) -> Head:
    """Check what was unpacked, and leave it as a daemon wants it. Returns its head."""
    database = places_in(draft).database
    if manifest is not None:
        _compare_files(draft, manifest)
    if not database.exists():
        raise Damaged("It has no database in it.")
    try:
        opened = backend.open(database)
    except Unusable as error:
        told = str(error).replace(str(database), "Its database").partition(": restore")[0]
        if isinstance(error, Damaged):
            raise Damaged(f"{told.rstrip('.')}. If it is encrypted, decrypt it first.") from None
        raise Unusable(told) from None
    head = _verify(opened, manifest, step)
    settle(opened, backend, database)
    (draft / MANIFEST).unlink(missing_ok=True)
    sync_folders(draft)
    return head


class Proof(Enum):
    """Whether a backup can be restored."""

    PROVEN = "proven"
    NOT_PROVEN = "not proven"
    DAMAGED = "damaged"


def prove(
    backup: Path, manifest: Manifest, backend: Backend, aside: Path, step: Step
) -> tuple[Proof, str]:
    """Restore a backup aside, compare it with its manifest, and remove what was restored.

    aside: a place where nothing need be kept. Returns the outcome, and why it is not proven.
    """
    shutil.rmtree(aside, ignore_errors=True)
    try:
        restore(backup, aside, backend, step, manifest)
    except Damaged as damaged:
        return Proof.DAMAGED, str(damaged)
    except (Unusable, OSError) as error:
        return Proof.NOT_PROVEN, str(error)
    finally:
        with suppress(OSError):
            shutil.rmtree(aside, ignore_errors=True)
    return Proof.PROVEN, ""
