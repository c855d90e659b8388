"""SQLite: opening a database safely, and running work in its transactions.

Owns connections, their settings, savepoints and commits. Knows nothing of threads or of Twisted:
each reader and the writer is used by one thread at a time, as `records.store.batching` sees to.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from pathlib import Path

import apsw

from records.boundaries import CommitUnknown, Done, Refused, Transaction, Work
from records.errors import Busy, RecordsError, Unusable
from records.files import draft_of, put_in_place
from records.store.accounts import SqliteAccounts
from records.store.employees import SqliteEmployees
from records.store.journal import SqliteJournal
from records.store.upgrade import SchemaFile, missing_steps, schema_files, upgrade

MIN_SQLITE = (3, 51, 3)
"""3.7.0 to 3.51.2 can corrupt a database in WAL mode (https://sqlite.org/wal.html, "WAL-reset")."""

BUSY_TIMEOUT = 5000
"""How many milliseconds to wait for another process's transaction, such as `records.admin`'s."""

CHECKPOINT_PAGES = 2000
"""How long the write-ahead log grows, in pages of 4 KiB, before it is copied into the database."""

HEADER_BYTES = 512
"""The least that a database has: one page of the smallest size, which begins with the header."""

QUICK_CHECK_BYTES = 32 * 1024 * 1024
"""Databases up to this size are checked in full when opened; larger ones take too long."""


WORKS_A_TURN = 50
"""How many works are run before the reactor may have its turn: some milliseconds' worth."""

_NO_TURN = nullcontext()


class SqliteTransaction:
    """`records.boundaries.Transaction` in an SQLite connection."""

    def __init__(
        self, connection: apsw.Connection, clock: Callable[[], int], entropy: Callable[[int], bytes]
    ) -> None:
        self._clock = clock
        self._execute = connection.execute
        self._version: object = None
        self.now = 0
        self.accounts = SqliteAccounts(connection)
        self.employees = SqliteEmployees(connection, self.accounts.forget)
        self.journal = SqliteJournal(connection, lambda: self.now)
        self.random_bytes = entropy

    def refresh(self) -> None:
        """Begin anew: the instant is now, and nothing is remembered that others have changed.

        SQLite's data_version is another one if any other connection, of whatever process, has
        committed since (https://www.sqlite.org/pragma.html#pragma_data_version).
        """
        self.now = self._clock()
        version = self._execute("PRAGMA data_version").get
        if version != self._version:
            self._version = version
            self.forget()

    def forget(self) -> None:
        """Remember nothing of an earlier state."""
        self.accounts.forget()
        self.journal.forget()


class SqliteReader:
    """`records.boundaries.Reader`.

    A statement that somebody has not read to its end, such as the traceback of an error, keeps
    its state past the ROLLBACK, and later transactions would go on in it. The connection is then
    given up for a new one.
    """

    def __init__(self, connect: Callable[[], tuple[apsw.Connection, SqliteTransaction]]) -> None:
        self._connect = connect
        self._connection, self._transaction = connect()
        self._is_given_up = False

    def begin(self) -> Transaction:
        if self._is_given_up:
            self._connection, self._transaction = self._connect()
            self._is_given_up = False
        self._connection.execute("BEGIN")
        try:
            self._transaction.refresh()
        except BaseException:
            self.end()
            raise
        return self._transaction

    def end(self) -> None:
        connection = self._connection
        with suppress(apsw.Error):
            if connection.in_transaction:
                connection.execute("ROLLBACK")
        if connection.in_transaction or connection.txn_state() != apsw.SQLITE_TXN_NONE:
            connection.close(force=True)
            self._is_given_up = True

    def close(self) -> None:
        self._connection.close()


class SqliteWriter:
    """`records.boundaries.Writer`: group commit of works that are each all or nothing.

    Nearly every work either succeeds or is refused before it has changed anything, so a batch is
    first run without savepoints, which would take a fifth of its time. If a work then fails
    halfway, the whole batch is undone and run again, with a savepoint for each work.
    """

    def __init__(
        self, connection: apsw.Connection, transaction: SqliteTransaction, *, is_alone: bool
    ) -> None:
        self._connection = connection
        self._transaction = transaction
        # Emptying the log waits for everybody else, which only the last one may do.
        self._last_checkpoint = (
            apsw.SQLITE_CHECKPOINT_TRUNCATE if is_alone else apsw.SQLITE_CHECKPOINT_PASSIVE
        )
        self._log_pages = 0
        connection.wal_autocheckpoint(0)
        connection.set_wal_hook(self._note_log)

    def _note_log(self, _connection: apsw.Connection, _name: str, pages: int) -> int:
        self._log_pages = pages
        return apsw.SQLITE_OK

    def run(
        self, works: Sequence[Work], turn: AbstractContextManager[None] = _NO_TURN
    ) -> list[Done]:
        try:
            return self._run(works, self._attempt, turn)
        except _Halfway:
            return self._run(works, self._attempt_in_savepoint, turn)

    def _run(
        self,
        works: Sequence[Work],
        attempt: Callable[..., object],
        turn: AbstractContextManager[None],
    ) -> list[Done]:
        execute = self._connection.execute
        try:
            execute("BEGIN IMMEDIATE")
        except apsw.Error as error:
            return _all_refused(works, error)
        done: list[Done] = []
        try:
            self._transaction.refresh()
            for start in range(0, len(works), WORKS_A_TURN):
                with turn:
                    done += [_one(work, attempt) for work in works[start : start + WORKS_A_TURN]]
        except _Halfway:
            self._abandon()
            raise
        except apsw.Error as error:
            # The whole transaction is in doubt or gone (full disk, I/O): so is every work in it.
            self._abandon()
            return _all_refused(works, error)
        try:
            execute("COMMIT")
        except (apsw.FullError, apsw.BusyError) as error:
            # Neither has made the commit's last frame durable: it is known not to be done.
            self._abandon()
            return _all_refused(works, error)
        except apsw.Error as error:
            raise CommitUnknown(type(error).__name__) from error
        return done

    def _attempt(self, operation: Callable[..., object], *args: object) -> object:
        """Run one operation. Raises `_Halfway` if it raises after it has changed something."""
        before = self._connection.total_changes()
        try:
            return operation(self._transaction, *args)
        except _WHOLE:
            raise
        except BaseException:
            if self._connection.total_changes() != before:
                raise _Halfway from None
            raise

    def _attempt_in_savepoint(self, operation: Callable[..., object], *args: object) -> object:
        """Run one operation in a savepoint, which is undone if it raises."""
        execute = self._connection.execute
        execute("SAVEPOINT work")
        try:
            result = operation(self._transaction, *args)
        except BaseException:
            if self._connection.in_transaction:
                execute("ROLLBACK TO work")
                execute("RELEASE work")
            self._transaction.forget()
            raise
        execute("RELEASE work")
        return result

    def _abandon(self) -> None:
        self._transaction.forget()
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")

    def rest(self) -> None:
        if self._log_pages >= CHECKPOINT_PAGES:
            self._log_pages = 0
            self._checkpoint(apsw.SQLITE_CHECKPOINT_PASSIVE)

    def _checkpoint(self, mode: int) -> None:
        try:
            self._connection.wal_checkpoint(mode=mode)
        except (apsw.BusyError, apsw.LockedError, apsw.FullError):
            # Nothing is lost: the log keeps what could not be copied, and it is tried again.
            self._log_pages = 0
        except apsw.Error as error:
            raise CommitUnknown(type(error).__name__) from error

    def close(self) -> None:
        self._checkpoint(self._last_checkpoint)
        self._connection.close()


_DAMAGE = (apsw.CorruptError, apsw.NotADBError)
"""What no later try can mend: nothing more must be written to such a database."""

_WHOLE = (apsw.FullError, apsw.IOError, apsw.NoMemError, *_DAMAGE)
"""What puts the whole transaction in doubt, and not just the work that it came up in."""


class _Halfway(Exception):
    """A work has failed after it changed something, and there is no savepoint to go back to."""


def _one(work: Work, attempt: Callable[..., object]) -> Done:
    try:
        try:
            return Done(attempt(work.operation, *work.args))
        except Refused as refused:
            attempt(refused.remember)
            return Done(error=refused.error)
    except (*_WHOLE, _Halfway):
        raise
    except Exception as error:  # noqa: BLE001  whatever it is, it is that caller's, and logged
        return Done(error=error)


def _all_refused(works: Sequence[Work], error: apsw.Error) -> list[Done]:
    """Every work's refusal. Raises `CommitUnknown` if the database is damaged."""
    trouble = type(error).__name__
    if isinstance(error, _DAMAGE):
        raise CommitUnknown(trouble) from error
    return [Done(error=_refusal(error), trouble=trouble) for _ in works]


def _refusal(error: apsw.Error) -> RecordsError:
    if isinstance(error, apsw.FullError):
        return Busy("The disk is full; nothing was changed. Tell whoever runs the daemon.")
    return Busy("The database cannot take changes just now; nothing was changed. Try again.")


class SqliteDatabase:
    """`records.boundaries.Database`: a file that is ours, whole, and of the present schema.

    path: the file, made if it is missing, with access for its owner only. clock: microseconds
    since 1970 in UTC. entropy: secure random bytes. may_upgrade: False for a program that works
    beside a daemon, from under whose feet the schema must not be changed.
    Raises `Unusable` if the file is damaged, newer than this program, or not a database of ours.
    """

    def __init__(
        self,
        path: Path,
        clock: Callable[[], int],
        entropy: Callable[[int], bytes] = os.urandom,
        steps: list[SchemaFile] | None = None,
        *,
        may_upgrade: bool = True,
    ) -> None:
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
            raise Unusable(f"{path} cannot be used: {error}.") from None
        except OSError as error:
            raise Unusable(f"{path} cannot be opened: {error.strerror}.") from None
        except (apsw.NotADBError, apsw.CorruptError):
            raise Unusable(f"{path} is damaged: restore it from a backup.") from None
        except apsw.Error as error:
            raise Unusable(
                f"{path} cannot be opened: SQLite says {type(error).__name__}."
            ) from None

    def _open(self, steps: list[SchemaFile], may_upgrade: bool) -> None:
        """Look at the file without writing to it, then bring it to the present schema."""
        if self._path.exists():
            self._look_at_header()
            glance = apsw.Connection(str(self._path), flags=apsw.SQLITE_OPEN_READONLY)
            try:
                if missing_steps(glance, steps) and not may_upgrade:
                    raise Unusable("its schema is older: start this version's daemon once")
            finally:
                glance.close()
        else:
            self._make(steps)
        connection = self._connect(self._path)
        try:
            upgrade(connection, self._clock, steps)
            self._check(connection)
        finally:
            connection.close()

    def _beside(self, path: Path) -> list[Path]:
        """The files that SQLite keeps beside a database."""
        return [path.with_name(f"{path.name}-{each}") for each in ("wal", "shm", "journal")]

    def _make(self, steps: list[SchemaFile]) -> None:
        """Make a new database, which is there whole or not at all."""
        for left in self._beside(self._path):
            if left.exists():
                raise Unusable(f"it is not there, but {left.name} is. Restore both from a backup")
        draft = draft_of(self._path)
        for left in (draft, *self._beside(draft)):
            left.unlink(missing_ok=True)
        draft.touch(mode=0o600)
        connection = self._connect(draft)
        try:
            upgrade(connection, self._clock, steps)
        finally:
            connection.close()
        put_in_place(draft, self._path)

    def _look_at_header(self) -> None:
        """SQLite takes a file too short for a header for a new database, and would fill it."""
        with self._path.open("rb") as file:
            header = file.read(HEADER_BYTES)
        if not header:
            raise Unusable("it is empty. Restore it from a backup, or remove it to start anew")
        if len(header) < HEADER_BYTES or not header.startswith(b"SQLite format 3\0"):
            raise apsw.NotADBError

    def _check(self, connection: apsw.Connection) -> None:
        """Whether the file is whole, as far as that can be told quickly."""
        if self._path.stat().st_size <= QUICK_CHECK_BYTES:
            told = connection.execute("PRAGMA quick_check(1)").get
            if told != "ok":
                raise apsw.CorruptError(str(told))
        for table in ("employees", "accounts", "audit", "history"):
            connection.execute(f"SELECT * FROM {table} ORDER BY 1 DESC LIMIT 1").fetchall()

    def _connect(self, path: Path, *, query_only: bool = False) -> apsw.Connection:
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

    def reader(self) -> SqliteReader:
        return SqliteReader(self._reading)

    def _reading(self) -> tuple[apsw.Connection, SqliteTransaction]:
        connection = self._connect(self._path, query_only=True)
        return connection, self._transaction(connection)

    def writer(self) -> SqliteWriter:
        connection = self._connect(self._path)
        return SqliteWriter(connection, self._transaction(connection), is_alone=self._is_alone)

    def copy_to(self, path: Path) -> None:
        """Write a copy, of one instant and for its owner only, while others read and write.

        It is there whole or not at all. Raises `Unusable` if it cannot be made.
        """
        draft = draft_of(path)
        try:
            for left in (draft, *self._beside(draft)):
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
            why = type(error).__name__
            raise Unusable(f"{path} cannot be written: SQLite says {why}.") from None

    def _fill(self, draft: Path) -> None:
        source, target = self._connect(self._path, query_only=True), apsw.Connection(str(draft))
        try:
            with target.backup("main", source, "main") as backup:
                backup.step()  # all pages at once, or each change meanwhile would begin it anew
        finally:
            target.close()
            source.close()

    def _transaction(self, connection: apsw.Connection) -> SqliteTransaction:
        return SqliteTransaction(connection, self._clock, self._entropy)
