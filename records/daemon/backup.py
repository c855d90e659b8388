"""Backups: what one consists of, and making it.

A backup is a copy of the database of one instant. As a folder or a tar it also has a manifest,
which says what is in it, and the keys if they are wanted. Whatever is made is complete or absent:
it grows in a draft beside its place, which the next attempt replaces. `daemon.restore` reads
it. Knows nothing of SQL, nor of how commands are typed.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import IO

import msgspec

from records import __version__
from records.daemon.bootstrap import Places
from records.model.errors import Damaged, Unusable
from records.operations.boundaries import Backend, CommitUnknown, Database
from records.runtime.files import draft_of, put_in_place, write_private
from records.tls.keys import KeyFiles

MANIFEST = "manifest.json"
CHUNK = 1024 * 1024


class Manifest(msgspec.Struct, frozen=True):
    """What a backup holds, and what it must be once it is restored.

    head_seq, head_hash: where the audit log ends. counts: see `boundaries.Description`. files: the
    SHA-256 of each, hexadecimal.
    """

    program: str
    made_at: datetime
    schema: str
    engine: str
    head_seq: int
    head_hash: str
    counts: dict[str, int]
    files: dict[str, str]
    format: int = 1

    @property
    def has_keys(self) -> bool:
        """Whether the keys are in it."""
        return any(name.startswith("keys/") for name in self.files)


class Form(Enum):
    """What a backup is on disk."""

    COPY = "a copy of the database"
    FOLDER = "a folder"
    TAR = "a tar file"


def form_of(target: Path, *, with_keys: bool) -> Form:
    """The form by the name: `.tar` says what it is; of others, only a folder can hold keys."""
    if target.suffix == ".tar":
        return Form.TAR
    return Form.FOLDER if with_keys else Form.COPY


def places_in(folder: Path) -> Places:
    """Where things are in a backup that is a folder, and in a restored one."""
    return Places(folder, KeyFiles(folder / "keys"))


def known_names() -> frozenset[str]:
    """All files that a backup may have, by their paths in it."""
    places = places_in(Path())
    return frozenset(map(str, (MANIFEST, places.database, *places.keys.every)))


def _claimed(draft: Path) -> int:
    """Make a draft folder in place of one that a killed command has left.

    Returns the descriptor that holds its lock. Raises OSError, `BlockingIOError` if a command that
    runs has it.
    """
    if os.path.lexists(draft):
        os.close(_locked(draft))
        shutil.rmtree(draft)
    draft.mkdir(mode=0o700)
    return _locked(draft)


def _locked(folder: Path) -> int:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


@contextmanager
def draft_beside(target: Path) -> Iterator[Path]:
    """A new private folder beside a place, which is removed at the end. Raises `Unusable`."""
    target = target.absolute()
    draft = draft_of(target)
    try:
        held = _claimed(draft)
        try:
            yield draft
        finally:
            shutil.rmtree(draft, ignore_errors=True)
            os.close(held)
    except BlockingIOError:
        raise Unusable(f"{target} is being written by another command. Wait for it.") from None
    except tarfile.TarError:
        raise Damaged("It is not a whole tar file.") from None
    except OSError as error:
        raise Unusable(f"{target} cannot be written: {error.strerror}.") from None


def digest_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def store(stream: IO[bytes], path: Path) -> None:
    """Write a private file, durably but for its name."""
    path.parent.mkdir(mode=0o700, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        shutil.copyfileobj(stream, file, CHUNK)
        file.flush()
        os.fsync(file.fileno())


def settle(database: Database, backend: Backend, location: Path) -> None:
    """Leave all of a database that only we have open in its one file. Raises `Unusable`."""
    try:
        database.writer().close()
    except CommitUnknown:
        raise Unusable(f"{location} cannot be written: its disk fails.") from None
    # A file that is still there may have what could not be copied into the first one.
    if any(left.exists() for left in backend.files(location)[1:]):
        raise Unusable(f"{location} cannot be finished: the disk is full, or it fails.")


def _fill(
    draft: Path, database: Database, backend: Backend, keys: KeyFiles | None, now: datetime
) -> Manifest:
    """Put everything into a folder: the copy, the keys, and the manifest, which is made of them."""
    places = places_in(draft)
    database.copy_to(places.database)
    files = {}
    for path in keys.every if keys is not None else ():
        if path.exists():  # a company's own certificate has no authority of ours beside it
            copied = places.keys.folder / path.name
            with path.open("rb") as file:
                store(file, copied)
            files[f"keys/{path.name}"] = digest_of(copied)
    found = backend.open(places.database)
    reader = found.reader()
    try:
        head = reader.begin().journal.head()
    finally:
        reader.end()
        reader.close()
    described = found.description()
    settle(found, backend, places.database)
    files = {places.database.name: digest_of(places.database), **files}
    manifest = Manifest(
        program=__version__,
        made_at=now,
        schema=described.schema,
        engine=described.engine,
        head_seq=head.seq,
        head_hash=head.hash.hex(),
        counts=described.counts,
        files=files,
    )
    write_private(
        draft / MANIFEST, msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n"
    )
    return manifest


def _pack(draft: Path, manifest: Manifest, out: IO[bytes]) -> None:
    """Write the files of a draft as a tar, the manifest first."""
    with tarfile.open(fileobj=out, mode="w|", format=tarfile.PAX_FORMAT) as tar:
        for name in (MANIFEST, *manifest.files):
            entry = tarfile.TarInfo(name)
            entry.size = (draft / name).stat().st_size
            entry.mode, entry.mtime = 0o600, int(manifest.made_at.timestamp())
            with (draft / name).open("rb") as file:
                tar.addfile(entry, file)


def refuse_taken(target: Path) -> None:
    """Raise `Unusable` if something is there: a backup replaces nothing."""
    if os.path.lexists(target):
        raise Unusable(f"{target} exists already. Choose another name for the backup.")


def write_backup(
    database: Database,
    backend: Backend,
    target: Path,
    keys: KeyFiles | None,
    now: datetime,
) -> Manifest:
    """Make a backup at a place where nothing is. keys: those to include. Raises `Unusable`."""
    refuse_taken(target)
    form = form_of(target, with_keys=keys is not None)
    with draft_beside(target) as draft:
        manifest = _fill(draft, database, backend, keys, now)
        refuse_taken(target)
        if form is Form.COPY:
            put_in_place(draft / places_in(draft).database.name, target)
        elif form is Form.FOLDER:
            sync_folders(draft)
            put_in_place(draft, target)
        else:
            packed = draft / "backup.tar"
            descriptor = os.open(packed, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as out:
                _pack(draft, manifest, out)
            put_in_place(packed, target)
    return manifest


def stream_backup(
    database: Database,
    backend: Backend,
    aside: Path,
    out: IO[bytes],
    keys: KeyFiles | None,
    now: datetime,
) -> Manifest:
    """Write a backup as a tar to a stream, from a draft beside `aside`. Raises `Unusable`."""
    with draft_beside(aside) as draft:
        manifest = _fill(draft, database, backend, keys, now)
        try:
            _pack(draft, manifest, out)
            out.flush()
        except OSError as error:
            raise Unusable(f"Standard output cannot be written: {error.strerror}.") from None
    return manifest


def sync_folders(folder: Path) -> None:
    """Make the names in a folder durable, and those in its folders."""
    for each in (folder, *(path for path in folder.iterdir() if path.is_dir())):
        descriptor = os.open(each, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
