"""SQLite transactions: one for reading, and one for writing with group commit.

Owns savepoints, commits, checkpoints, and what is cached from one transaction to the next. Knows
nothing of how a database is opened, of threads or of Twisted: one thread at a time uses a reader or
the writer, as `records.store.dispatch` and `records.store.writer_main` ensure.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress

import apsw

from records.model.errors import Busy, RecordsError
from records.model.fields import Catalogue
from records.operations.boundaries import CommitUnknown, Done, Refused, Transaction, Work
from records.store.sqlite.accounts import SqliteAccounts
from records.store.sqlite.employees import SqliteEmployees
from records.store.sqlite.imports import SqliteImports
from records.store.sqlite.journal import SqliteJournal
from records.store.sqlite.own_fields import SqliteOwnFields, catalogue_of

CHECKPOINT_PAGES = 2000
"""Pages of 4 KiB in the write-ahead log above which it is copied into the database."""


class SqliteTransaction:
    """`records.operations.boundaries.Transaction` in an SQLite connection."""

    def __init__(
        self,
        connection: apsw.Connection,
        catalogue: Catalogue,
        clock: Callable[[], int],
        entropy: Callable[[int], bytes],
    ) -> None:
        self.catalogue = self._standard = catalogue
        self._connection = connection
        self._fields_version: int | None = None
        self._clock = clock
        self._execute = connection.execute
        self._version: object = None
        self._is_settled = False
        self.now = 0
        self.accounts = SqliteAccounts(connection)
        self.employees = SqliteEmployees(connection, catalogue, self.accounts.forget)
        self.imports = SqliteImports(connection, catalogue)
        self.journal = SqliteJournal(connection, catalogue, lambda: self.now)
        self.own_fields = SqliteOwnFields(connection, self._redefined)
        self.random_bytes = entropy

    def refresh(self) -> None:
        """Start a transaction: set its time, and drop cached state that others have changed.

        SQLite's data_version changes when another connection of any process has committed
        (https://www.sqlite.org/pragma.html#pragma_data_version).
        """
        self.now = self._clock()
        version = self._execute("PRAGMA data_version").get
        if version != self._version:
            self._version = version
            self.forget()
        self.settle()

    def forget(self) -> None:
        """Drop all cached state. `settle` must follow, once the database is as it shall be."""
        self.accounts.forget()
        self.journal.forget()
        self._is_settled = False

    def settle(self) -> None:
        """Have the fields that the database has now, if they may have changed."""
        if not self._is_settled:
            version = self.own_fields.version()
            if version != self._fields_version:
                self._fields_version = version
                self._use(catalogue_of(self._connection, self._standard))
            self._is_settled = True

    def _use(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue
        for each in (self.employees, self.imports, self.journal):
            each.use(catalogue)

    def _redefined(self, name: str) -> None:
        """Called when an own field has been added or changed here."""
        before = self.catalogue
        self._is_settled = False
        self.settle()
        self.employees.rederive(before, name)


class SqliteReader:
    """`records.operations.boundaries.Reader`.

    A cursor that was not exhausted, for example one kept alive by a traceback, keeps its read
    snapshot after ROLLBACK. The connection is then replaced.
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
    """`records.operations.boundaries.Writer`: group commit of works, each of them atomic.

    Nearly every work either succeeds or is refused before it changes anything. So a batch first
    runs without savepoints, which would take a fifth of its time. If a work then fails after a
    change, the whole batch is undone and runs again with a savepoint for each work.
    """

    def __init__(
        self, connection: apsw.Connection, transaction: SqliteTransaction, *, is_alone: bool
    ) -> None:
        self._connection = connection
        self._transaction = transaction
        # Truncating the log waits for all other connections, so only the last one does it.
        self._last_checkpoint = (
            apsw.SQLITE_CHECKPOINT_TRUNCATE if is_alone else apsw.SQLITE_CHECKPOINT_PASSIVE
        )
        self._log_pages = 0
        connection.wal_autocheckpoint(0)
        connection.set_wal_hook(self._note_log)

    def _note_log(self, _connection: apsw.Connection, _name: str, pages: int) -> int:
        self._log_pages = pages
        return apsw.SQLITE_OK

    def run(self, works: Sequence[Work]) -> list[Done]:
        try:
            return self._run(works, self._attempt)
        except _Halfway:
            return self._run(works, self._attempt_in_savepoint)

    def _run(self, works: Sequence[Work], attempt: Callable[..., object]) -> list[Done]:
        execute = self._connection.execute
        try:
            execute("BEGIN IMMEDIATE")
        except apsw.Error as error:
            return _all_refused(works, error)
        try:
            self._transaction.refresh()
            done = [_one(work, attempt) for work in works]
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
        except BaseException as error:
            if self._connection.total_changes() != before:
                if isinstance(error, RecordsError):
                    error.without_traceback()  # it comes up again
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
            self._transaction.settle()
            raise
        execute("RELEASE work")
        return result

    def _abandon(self) -> None:
        self._transaction.forget()
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")

    def maintain(self) -> None:
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
"""Errors that no retry can mend: nothing more may be written to such a database."""

_WHOLE = (apsw.FullError, apsw.IOError, apsw.NoMemError, *_DAMAGE)
"""Errors that concern the whole transaction, and not only the work that raised them."""


class _Halfway(Exception):
    """A work failed after it changed something, and has no savepoint."""


def _one(work: Work, attempt: Callable[..., object]) -> Done:
    try:
        try:
            return Done(attempt(work.operation, *work.args))
        except Refused as refused:
            attempt(refused.remember.operation, *refused.remember.args)
            return Done(error=refused.error.without_traceback())
    except (*_WHOLE, _Halfway):
        raise
    except RecordsError as error:
        return Done(error=error.without_traceback())
    except Exception as error:  # noqa: BLE001  that caller's error; logged there
        return Done(error=error)


def _all_refused(works: Sequence[Work], error: apsw.Error) -> list[Done]:
    """The refusal of every work. Raises `CommitUnknown` if the database is damaged."""
    trouble = type(error).__name__
    if isinstance(error, _DAMAGE):
        raise CommitUnknown(trouble) from error
    return [Done(error=_refusal(error), trouble=trouble) for _ in works]


def _refusal(error: apsw.Error) -> RecordsError:
    if isinstance(error, apsw.FullError):
        return Busy("The disk is full. Nothing was changed; tell the operator of the daemon.")
    return Busy("The database is busy. Nothing was changed; try again.")
