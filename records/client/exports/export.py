"""An export: reads all employees that match, in one state, and writes them to a file.

The file is for its owner only, and complete or absent. Asks nothing and shows nothing.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from records.api.messages import MAX_PAGE, FieldInfo
from records.client.exports.formats import CsvWriter, JsonLinesWriter, Writer, XlsxWriter
from records.client.progress import Progress
from records.client.screen import Records

ATTEMPTS = 3
"""How often an export begins anew because somebody has changed an employee meanwhile."""


@dataclass(frozen=True)
class Wanted:
    """What is to be exported. fields: those to write, in this order, besides the Employee ID."""

    fields: Sequence[FieldInfo]
    search: str = ""
    where: Mapping[str, object] = field(default_factory=dict)
    sort: str | None = None
    reveal: Sequence[str] = ()


@dataclass(frozen=True)
class Exported:
    """What was written. seq: the last change of an employee that the file shows."""

    count: int
    seq: int


class Unsettled(Exception):
    """Employees were changed during each attempt, so there was no file of one state."""


def writer_of(file: IO[bytes], wanted: Wanted, name: str, *, excel: bool) -> Writer:
    """The writer of a format."""
    if name == "xlsx":
        return XlsxWriter(file, wanted.fields)
    if name == "jsonl":
        return JsonLinesWriter(file, wanted.fields)
    return CsvWriter(file, wanted.fields, excel=excel)


async def export(
    records: Records,
    path: Path,
    wanted: Wanted,
    format_name: str,
    progress: Progress,
    *,
    excel: bool = False,
    overwrite: bool = False,
) -> Exported:
    """Write the file. Raises OSError, `Unsettled`, `NoWorkbooks`, or what `Records` does."""
    for _ in range(ATTEMPTS):
        with _whole_file(path, overwrite=overwrite) as file:
            writer = writer_of(file, wanted, format_name, excel=excel)
            done = await _write_all(records, writer, wanted, progress)
            if done is not None:
                writer.finish()
                _keep(file, path, overwrite=overwrite)
                return done
    raise Unsettled


async def _write_all(
    records: Records, writer: Writer, wanted: Wanted, progress: Progress
) -> Exported | None:
    """Write all pages; None if they do not show one state."""
    names = [each.name for each in wanted.fields]
    count, cursor, seq, total = 0, None, None, None
    while True:
        page = await records.find(
            wanted.search,
            cursor,
            MAX_PAGE,
            where=wanted.where,
            sort=wanted.sort,
            fields=names or ["given_name"],
            reveal=wanted.reveal,
            count=cursor is None,
        )
        if seq is not None and page.seq != seq:
            return None
        seq, cursor = page.seq, page.cursor
        total = page.count if page.count is not None else total
        for employee in page.employees:
            writer.write(employee)
        count += len(page.employees)
        progress("Exporting", count, total)
        if cursor is None:
            return Exported(count, seq)


@contextmanager
def _whole_file(path: Path, *, overwrite: bool) -> Iterator[IO[bytes]]:
    """A file without a name in the folder of `path`: whatever ends this program, nothing is left.

    Raises FileExistsError if there is one and it is not to be overwritten, and OSError if it is not
    a regular file.
    """
    if os.path.lexists(path):
        if not overwrite:
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path))
        if not stat.S_ISREG(path.lstat().st_mode):  # a device, a link: it would be replaced
            raise OSError(errno.EINVAL, "it is not a regular file", str(path))
    descriptor = os.open(path.parent, os.O_TMPFILE | os.O_RDWR, 0o600)
    with os.fdopen(descriptor, "w+b") as file:
        yield file


def _keep(file: IO[bytes], path: Path, *, overwrite: bool) -> None:
    """Give the file its name, once all of it is on disk."""
    file.flush()
    os.fsync(file.fileno())
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        if not overwrite:
            _link(file, path, folder)
        else:
            aside = path.with_name(f".{path.name}.{os.getpid()}")
            _link(file, aside, folder)
            try:
                os.replace(aside, path)
            except OSError:
                with suppress(OSError):
                    os.unlink(aside)
                raise
        os.fsync(folder)
    finally:
        os.close(folder)


def _link(file: IO[bytes], path: Path, folder: int) -> None:
    """Name a file that has no name; see O_TMPFILE in open(2)."""
    # With a descriptor os.link calls linkat, which alone can follow this link.
    os.link(f"/proc/self/fd/{file.fileno()}", path, src_dir_fd=folder, follow_symlinks=True)
