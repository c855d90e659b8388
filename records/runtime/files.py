"""Durable files: a file is complete or absent, whenever the machine stops.

A draft is written beside the file's place and synced to disk, and then renamed.
"""

from __future__ import annotations

import os
from errno import EACCES, EINVAL, EPERM, EROFS
from pathlib import Path


def draft_of(path: Path) -> Path:
    """The path of this file's draft. A draft that an earlier attempt left is to be replaced."""
    return path.with_name(f".{path.name}.new")


def make_folder(path: Path) -> None:
    """Make a folder for its owner only, and its missing parents, durably.

    An existing folder is synced as well: an earlier start may have been cut off before that.
    """
    place = path.absolute()
    made = [each for each in place.parents if not each.exists()]
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    for each in (place, *made):
        try:
            _sync(each.parent)
        except OSError as error:
            # The parent is not ours to read, or its file system has nothing to sync.
            if error.errno not in (EACCES, EPERM, EROFS, EINVAL):
                raise


def put_in_place(draft: Path, path: Path) -> None:
    """Rename a finished draft to its place, durably."""
    _sync(draft)
    draft.rename(path)
    _sync(path.parent)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_private(path: Path, content: bytes) -> None:
    """Write a file that only its owner can read."""
    draft = draft_of(path)
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    put_in_place(draft, path)
