"""Files that are there whole or not at all, whenever the machine stops.

A draft is written beside a file's place and brought to the disk, and only then takes the place.
"""

from __future__ import annotations

import os
from errno import EACCES, EINVAL, EPERM, EROFS
from pathlib import Path


def draft_of(path: Path) -> Path:
    """Where a draft of this file stands; what an earlier attempt left there is worth nothing."""
    return path.with_name(f".{path.name}.new")


def make_folder(path: Path) -> None:
    """Have a folder for its owner only, durably; with those above it, if they are missing too.

    One that is there already may be from a start that was cut off before this was durable.
    """
    place = path.absolute()
    made = [each for each in place.parents if not each.exists()]
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    for each in (place, *made):
        try:
            _sync(each.parent)
        except OSError as error:
            # Somebody made it who may look into its folder, or there is nothing to be made durable.
            if error.errno not in (EACCES, EPERM, EROFS, EINVAL):
                raise


def put_in_place(draft: Path, path: Path) -> None:
    """Have a finished draft take its place, durably."""
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
    """Write a file for its owner's eyes only."""
    draft = draft_of(path)
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    put_in_place(draft, path)
