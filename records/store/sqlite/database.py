"""SQLite: opening a database safely, and copying it.

Owns the file, connections and their settings; `records.store.sqlite.transactions` works with them.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import apsw
from twisted.logger import Logger

from records.model.errors import Damaged, Unusable
from records.model.fields import Catalogue
from records.model.search import search_words, words_version
from records.operations.boundaries import Backend, Description, Flaw
from records.runtime.files import draft_of, put_in_place
from records.store.sqlite.employees import SqliteEmployees
from records.store.sqlite.flaws import description_of, flaws_of, make_keys
from records.store.sqlite.own_fields import catalogue_of
from records.store.sqlite.transactions import SqliteReader, SqliteTransaction, SqliteWriter
from records.store.sqlite.upgrade import (
    SchemaFile,
    make_words,
    missing_steps,
    needs_words,
    schema_files,
    upgrade,
)

MIN_SQLITE = (3, 51, 3)
"""3.7.0 to 3.51.2 can corrupt a database in WAL mode (https://sqlite.org/wal.html, "WAL-reset")."""

BUSY_TIMEOUT = 5000
"""Milliseconds to wait for a transaction of another process, such as `records.admin`."""

HEADER_BYTES = 512
"""Size of the smallest database: one page, which begins with the header."""

QUICK_CHECK_BYTES = 32 * 1024 * 1024
"""Largest database that is checked in full when opened. Larger ones would take too long; of them
only the accounts are checked, which every start reads anyway."""


T = TypeVar("T")
_log = Logger("records.store.sqlite.database")


def _beside(path: Path) -> list[Path]:
    """The files that SQLite keeps beside a database."""
    return [path.with_name(f"{path.name}-{each}") for each in ("wal", "shm", "journal")]


def _lacks_room(error: apsw.Error) -> bool:
    """Whether there was no space for the shared-memory file."""
    return getattr(error, "extendedresult", 0) == apsw.SQLITE_IOERR_SHMSIZE


def _why(error: apsw.Error) -> str:
    """Why a database file cannot be opened or written, for the operator."""
    if isinstance(error, apsw.FullError) or _lacks_room(error):
        return "the disk is full"
    return f"SQLite says {type(error).__name__}"


def _connect(path: Path, *, query_only: bool = False) -> apsw.Connection:
    connection = apsw.Connection(str(path), statementcachesize=200)
    connection.set_busy_timeout(BUSY_TIMEOUT)
    settings: dict[str, int | str] = {
        "journal_mode": "wal",
        "synchronous": 2,  # FULL: a commit is on the disk before it is answered
        "foreign_keys": 1,
        "trusted_schema": 0,
        "cell_size_check": 1,
        "cache_size": -64 * 1024,
        "temp_store": 2,
        "query_only": int(query_only),
    }
    for name, value in settings.items():
        connection.pragma(name, value)
        if connection.pragma(name) != value:
            raise Unusable(f"SQLite does not take the setting {name}={value}")
    return connection


def _opened(path: Path, make: Callable[[], T]) -> T:
    """The result of `make`, which opens a connection. Raises `Unusable` if it cannot."""
    try:
        return make()
    except apsw.Error as error:
        raise Unusable(f"{path} cannot be opened: {_why(error)}.") from None


def writer_of(
    path: Path,
    clock: Callable[[], int],
    random_bytes: Callable[[int], bytes],
    *,
    catalogue: Catalogue,
    is_alone: bool = True,
) -> SqliteWriter:
    """A writer to a database that this program has just checked, in this or another process.

    is_alone: whether no other program has the database open when the writer is closed.
    Raises `Unusable`.
    """

    def make() -> SqliteWriter:
        connection = _connect(path)
        transaction = SqliteTransaction(connection, catalogue, clock, random_bytes)
        return SqliteWriter(connection, transaction, is_alone=is_alone)

    return _opened(path, make)


class SqliteDatabase:
    """`operations.boundaries.Database`: a file that is ours, whole, and of the present schema.

    path: the file, made if it is missing, with access for its owner only. clock: microseconds
    since 1970 in UTC. entropy: secure random bytes. may_upgrade: False for a program that works
    beside a daemon, whose schema must not change while it runs.
    Raises `Unusable` if the file is damaged, newer than this program, or not a database of ours.
    """

    def __init__(
        self,
        path: Path,
        clock: Callable[[], int],
        entropy: Callable[[int], bytes] = os.urandom,
        steps: list[SchemaFile] | None = None,
        *,
        catalogue: Catalogue,
        may_upgrade: bool = True,
    ) -> None:
        self._catalogue = catalogue
        self._words_version = words_version(catalogue)
        self._path = path
        self._clock = clock
        self._entropy = entropy
        self._is_alone = may_upgrade
        found = tuple(int(part) for part in apsw.sqlite_lib_version().split("."))
        if found < MIN_SQLITE:
            raise Unusable(
                f"SQLite {apsw.sqlite_lib_version()} can damage databases; install apsw 3.51.3.0"
                " or newer"
            )
        steps = schema_files() if steps is None else steps
        try:
            self._open(steps, may_upgrade)
        except Unusable as error:
            raise type(error)(f"{path} cannot be used: {error}.") from None
        except OSError as error:
            raise Unusable(f"{path} cannot be opened: {error.strerror}.") from None
        except (apsw.NotADBError, apsw.CorruptError, UnicodeDecodeError):
            raise Damaged(f"{path} is damaged: restore it from a backup.") from None
        except apsw.Error as error:
            raise Unusable(f"{path} cannot be opened: {_why(error)}.") from None

    def _open(self, steps: list[SchemaFile], may_upgrade: bool) -> None:
        """Check the file without writing to it, then bring it to the present schema."""
        if self._path.exists():
            self._look_at_header()
            glance = apsw.Connection(str(self._path), flags=apsw.SQLITE_OPEN_READONLY)
            try:
                glance.set_busy_timeout(BUSY_TIMEOUT)
                is_older = missing_steps(glance, steps) or needs_words(glance, self._words_version)
                if is_older and not may_upgrade:
                    raise Unusable("its schema is older: start this version's daemon once")
            finally:
                glance.close()
        else:
            self._make(steps)
        connection = _connect(self._path)
        try:
            upgrade(connection, self._clock, steps)
            self._check(connection)
            if needs_words(connection, self._words_version):
                self._make_words(connection)
        finally:
            connection.close()

    def _make_words(self, connection: apsw.Connection) -> None:
        catalogue = catalogue_of(connection, self._catalogue)
        employees = SqliteEmployees(connection, catalogue, lambda: None)
        count = connection.execute("SELECT count(*) FROM employees").get
        if count:
            _log.info(
                "Making the search words of {count} employees anew, once, for this version. "
                "It takes about a minute for a million",
                count=count,
            )
        everyone = employees.everyone()
        words = ((each.id, search_words(catalogue, each.id, each.values)) for each in everyone)
        make_words(connection, self._words_version, words)

    def _make(self, steps: list[SchemaFile]) -> None:
        """Make a new database, which is complete or absent."""
        for left in _beside(self._path):
            if left.exists():
                raise Unusable(f"it is not there, but {left.name} is. Restore both from a backup")
        draft = draft_of(self._path)
        for left in (draft, *_beside(draft)):
            left.unlink(missing_ok=True)
        draft.touch(mode=0o600)
        connection = _connect(draft)
        try:
            upgrade(connection, self._clock, steps)
            # Closing copies the log as well, but would not report a full disk.
            connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
        finally:
            connection.close()
        for left in _beside(draft):
            left.unlink(missing_ok=True)
        put_in_place(draft, self._path)

    def _look_at_header(self) -> None:
        """Check the header. SQLite takes a file that is too short for one for a new database."""
        with self._path.open("rb") as file:
            header = file.read(HEADER_BYTES)
        if not header:
            raise Damaged("it is empty. Restore it from a backup, or remove it to start anew")
        if len(header) < HEADER_BYTES:
            raise apsw.NotADBError
        # After a power loss during a checkpoint, the log may still have the torn page.
        if not (header.startswith(b"SQLite format 3\0") or self._has_log()):
            raise apsw.NotADBError

    def _has_log(self) -> bool:
        log = _beside(self._path)[0]
        return log.exists() and log.stat().st_size > 0

    def _check(self, connection: apsw.Connection) -> None:
        """Check the file as far as that is quick. Raises if it is damaged."""
        what = "1" if self._path.stat().st_size <= QUICK_CHECK_BYTES else "accounts"
        told = connection.execute(f"PRAGMA quick_check({what})").get
        if told != "ok":
            raise apsw.CorruptError(str(told))
        for table in ("employees", "accounts", "audit", "history"):
            connection.execute(f"SELECT * FROM {table} ORDER BY 1 DESC LIMIT 1").fetchall()

    def reader(self) -> SqliteReader:
        return _opened(self._path, lambda: SqliteReader(self._reading))

    def _reading(self) -> tuple[apsw.Connection, SqliteTransaction]:
        connection = _connect(self._path, query_only=True)
        # The last connection to close checkpoints the log, even a read-only one. Beside a writer,
        # only the writer may do so.
        connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, int(self._is_alone))
        return connection, SqliteTransaction(
            connection, self._catalogue, self._clock, self._entropy
        )

    def writer(self) -> SqliteWriter:
        return writer_of(
            self._path,
            self._clock,
            self._entropy,
            catalogue=self._catalogue,
            is_alone=self._is_alone,
        )

    def copy_to(self, path: Path) -> None:
        """Write a copy of one instant, for its owner only, while others read and write.

        The copy is complete or absent. Raises `Unusable` if it cannot be written.
        """
        draft = draft_of(path)
        try:
            for left in (draft, *_beside(draft)):
                left.unlink(missing_ok=True)
            draft.touch(mode=0o600, exist_ok=False)
            try:
                self._fill(draft)
                put_in_place(draft, path)
            finally:
                draft.unlink(missing_ok=True)
        except OSError as error:
            raise Unusable(f"{path} cannot be written: {error.strerror}.") from None
        except apsw.Error as error:
            raise Unusable(f"{path} cannot be written: {_why(error)}.") from None

    def _fill(self, draft: Path) -> None:
        source, target = _connect(self._path, query_only=True), apsw.Connection(str(draft))
        try:
            with target.backup("main", source, "main") as backup:
                backup.step()  # all pages at once: a change in between would restart the copy
        finally:
            target.close()
            source.close()

    def description(self) -> Description:
        connection = _opened(self._path, lambda: self._reading()[0])
        try:
            return description_of(connection)
        finally:
            connection.close()

    def flaws(self, step: Callable[[str], None]) -> list[Flaw]:
        try:
            connection = _opened(self._path, lambda: self._reading()[0])
        except Unusable as error:
            return [Flaw(str(error))]
        try:
            return flaws_of(connection, self._catalogue, step)
        finally:
            connection.close(force=True)  # a damaged row may have left a cursor in its midst

    def rebuild(self) -> None:
        try:
            connection = _connect(self._path)
            try:
                with connection:
                    make_keys(connection, catalogue_of(connection, self._catalogue))
                    self._make_words(connection)
            finally:
                connection.close()
        except apsw.Error as error:
            raise Unusable(f"{self._path} cannot be written: {_why(error)}.") from None


class SqliteBackend:
    """`records.operations.boundaries.Backend`: databases that are SQLite files.

    clock: microseconds since 1970 in UTC. entropy: secure random bytes.
    """

    def __init__(
        self, clock: Callable[[], int], entropy: Callable[[int], bytes], catalogue: Catalogue
    ) -> None:
        self._clock = clock
        self._entropy = entropy
        self._catalogue = catalogue

    def files(self, location: Path) -> list[Path]:
        return [location, *_beside(location)]

    def open(self, location: Path, *, may_upgrade: bool = True) -> SqliteDatabase:
        return SqliteDatabase(
            location,
            self._clock,
            self._entropy,
            catalogue=self._catalogue,
            may_upgrade=may_upgrade,
        )

    def open_writer(self, location: Path) -> SqliteWriter:
        return writer_of(location, self._clock, self._entropy, catalogue=self._catalogue)


def _conforms(backend: SqliteBackend) -> Backend:
    return backend
