"""The interfaces between the operations and their surroundings, as Protocols without any logic.

`records.operations` is written against `Transaction`. A store is an adapter that provides it, and
passes the contract suites in `records.test.store`. The one name of Twisted here is a type.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Protocol, TypeVar, TypeVarTuple

import msgspec

from records.api.query import EmployeeQuery
from records.model.accounts import Account, Session
from records.model.audit import Entry, Event, Head
from records.model.employee import Employee, Listed
from records.model.errors import RecordsError
from records.model.fields import Catalogue, Field, Value
from records.model.history import Change
from records.model.imports import Import, ImportRow, RowOutcome

if TYPE_CHECKING:
    from pathlib import Path

    from twisted.internet.defer import Deferred

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class KeptOutcome(msgspec.Struct, frozen=True):
    """The outcome of a request with a key, kept for repetitions of the request.

    request: SHA-256 over the method and its params. answer: JSON, see `operations.repetition`.
    """

    account_id: int
    key: str
    at: int
    request: bytes
    answer: str


class Employees(Protocol):
    """The employees' records, in one transaction."""

    def get(self, employee_id: int) -> Employee | None: ...

    def add(self, employee: Employee) -> None: ...

    def replace(
        self, before: Employee, after: Employee, names: Iterable[str] | None = None
    ) -> None:
        """Put `after` in the place of `before`, which was read in this transaction.

        names: the fields that may differ; None for all.
        """

    def remove(self, employee: Employee) -> None: ...

    def next_id(self) -> int:
        """One more than the highest Employee ID ever used."""

    def was_used(self, employee_id: int) -> bool:
        """Whether an employee has, or had, this ID."""

    def holder(self, name: str, value: Value) -> int | None:
        """The ID of the employee who has this value in a unique field."""

    def with_word(self, word: str, limit: int) -> list[int]:
        """The IDs of the first `limit` employees with this word; see `records.model.search`."""

    def manager_of(self, employee_id: int) -> int | None: ...

    def count(self) -> int:
        """How many employees there are."""

    def count_reporting_to(self, employee_id: int) -> int: ...

    def count_naming(self, employee_id: int) -> int:
        """How many other employees have this one in an own field."""

    def shared(self, name: str) -> tuple[int, int] | None:
        """Two employees with the same value of a unique own field, or None."""

    def page(self, query: EmployeeQuery, limit: int) -> list[Listed]:
        """The first `limit` employees that match the query, after its cursor, in its order."""

    def count_of(self, query: EmployeeQuery) -> int:
        """How many employees match the query, whatever its cursor."""

    def values_of(self, name: str, limit: int) -> list[str | int | float]:
        """The values of a field that is not money, the most frequent first, then by value."""

    def everyone(self) -> Iterator[Employee]:
        """Every employee, in the order of their IDs."""


class Accounts(Protocol):
    """Accounts and their sessions, in one transaction."""

    def get(self, account_id: int) -> Account | None: ...

    def named(self, username: str) -> Account | None: ...

    def everyone(self) -> list[Account]: ...

    def add(self, account: Account) -> Account:
        """Store a new account under the next free number, and return it with that."""

    def replace(self, account: Account) -> None: ...

    def session(self, session_id: bytes) -> tuple[Session, Account] | None:
        """A session, and the account that it belongs to as it now is."""

    def add_session(self, session: Session) -> None: ...

    def note_use(self, session_id: bytes, at: int) -> None: ...

    def end_session(self, session_id: bytes) -> None: ...

    def end_sessions(self, account_id: int, keep: bytes = b"") -> None:
        """End all sessions of an account, except `keep`."""

    def end_old_sessions(self, used_before: int, created_before: int) -> int: ...

    def is_familiar(self, account_id: int, source: str) -> bool:
        """Whether this account has logged in from this source before."""

    def note_source(self, account_id: int, source: str, at: int) -> None: ...


class Journal(Protocol):
    """The audit log, the history, and outcomes kept for repetitions."""

    def head(self) -> Head: ...

    def append(self, event: Event) -> Entry:
        """Chain the event to the audit log."""

    def entries(self, after: int = 0) -> Iterator[Entry]:
        """The audit log in its order, from the entry after number `after`."""

    def add_change(self, change: Change, texts: tuple[str, str] | None = None) -> None:
        """Add a change to the history.

        texts: the results of `model.history.dump` for `before` and `after`, if they are known.
        """

    def last_change(self) -> int:
        """The seq of the last change of an employee; 0 without one."""

    def changes(self, employee_id: int) -> Iterable[Change]:
        """An employee's changes, newest first."""

    def all_changes(self) -> Iterator[Change]:
        """Every change, in the order of seq."""

    def changes_by_employee(self) -> Iterator[Change]:
        """Every change, in the order of the employees' IDs, and of each one's revisions."""

    def outcome(self, account_id: int, key: str) -> KeptOutcome | None: ...

    def keep_outcome(self, outcome: KeptOutcome) -> None: ...

    def forget_outcomes(self, before: int) -> int: ...


class Imports(Protocol):
    """Imports and their rows, in one transaction."""

    def add(self, staged: Import) -> Import:
        """Store a new import under the next free number, and return it with that."""

    def replace(self, staged: Import) -> None: ...

    def get(self, import_id: int) -> Import | None: ...

    def of_account(self, account_id: int) -> list[Import]:
        """The imports of an account, newest first."""

    def remove(self, import_id: int) -> None:
        """Remove an import with its rows."""

    def forget(self, before: int) -> int:
        """Remove one import from before this time that was never applied. Returns how many were."""

    def put(self, import_id: int, rows: Collection[ImportRow]) -> None:
        """Store rows, in the place of those of the same lines."""

    def put_keys(self, import_id: int, keys: Collection[tuple[str, int]]) -> None:
        """Store keys, each with the line that it finds."""

    def forget_keys(self, import_id: int) -> None: ...

    def lines_with(self, import_id: int, key: str, limit: int) -> list[int]:
        """The first `limit` lines with a key, in their order."""

    def line_of(self, import_id: int, employee_id: int) -> int | None:
        """The first line about an employee."""

    def row(self, import_id: int, line: int) -> ImportRow | None: ...

    def rows(
        self, import_id: int, after: int, limit: int, outcome: RowOutcome | None = None
    ) -> list[ImportRow]:
        """The first `limit` rows after a line, in the order of the file; all, or of one outcome."""

    def lines_by_level(
        self, import_id: int, outcomes: Sequence[RowOutcome], *, downwards: bool
    ) -> Iterator[int]:
        """The lines of these outcomes, by level and then by line. downwards: the highest first."""

    def count_to(self, import_id: int, line: int) -> int:
        """How many rows there are up to a line."""


class OwnFields(Protocol):
    """The definitions of a company's own fields, in one transaction."""

    def all(self) -> tuple[Field, ...]:
        """All definitions, retired ones included, in their order."""

    def put(self, field: Field) -> None:
        """Add a definition, or replace that of the same name.

        The transaction's `catalogue` has it from then on, and what is derived from the values of
        employees, to search and to find by, is made anew.
        """


class Transaction(Protocol):
    """Everything that an operation may touch. It sees one state, and changes all or nothing.

    now: the instant of this transaction, microseconds since 1970 in UTC.
    catalogue: the fields that employees have, as of this transaction.
    """

    @property
    def catalogue(self) -> Catalogue: ...

    @property
    def now(self) -> int: ...

    @property
    def employees(self) -> Employees: ...

    @property
    def accounts(self) -> Accounts: ...

    @property
    def journal(self) -> Journal: ...

    @property
    def imports(self) -> Imports: ...

    @property
    def own_fields(self) -> OwnFields: ...

    def random_bytes(self, count: int) -> bytes: ...


class Work(msgspec.Struct, frozen=True):
    """An operation to run, with its arguments."""

    operation: Callable[..., object]
    args: tuple[object, ...] = ()


class Refused(Exception):
    """Raised by an operation whose changes are undone, but whose refusal must leave a trace.

    error: what the client gets. remember: what is run instead: in the same commit if the operation
    was a write; by the caller, in a write of its own, if it was a read.
    """

    def __init__(self, error: RecordsError, remember: Work) -> None:
        super().__init__(error.reason)
        self.error = error
        self.remember = remember


class Store(Protocol):
    """Runs operations in transactions, off the reactor's thread.

    An exception of the operation undoes its changes and is the Deferred's failure. The Deferred of
    a write fires once its commit is durable. It fails with `Busy` if nothing was done, and with
    `OutcomeUnknown` if that cannot be known.

    bulk: whether this is one of several requests of a connection. Bulk work may be overtaken by
    interactive work, and overtakes none.
    """

    def read(
        self, operation: Callable[[Transaction, *Ts], T], *args: *Ts, bulk: bool = False
    ) -> Deferred[T]: ...

    def write(
        self, operation: Callable[[Transaction, *Ts], T], *args: *Ts, bulk: bool = False
    ) -> Deferred[T]: ...

    def read_now(self, operation: Callable[[Transaction, *Ts], T], *args: *Ts) -> T:
        """Read at once, on the caller's thread. For reads of a few rows by key only."""


class Done(msgspec.Struct, frozen=True):
    """The outcome of work: a value or an exception.

    trouble: the kind of failure of the database, if that is the cause; for the daemon's log.
    """

    value: object = None
    error: BaseException | None = None
    trouble: str = ""


class CommitUnknown(Exception):
    """It is not known whether a commit is durable, so nothing more may be written.

    Raised as well when the database turns out to be damaged.
    """


class Reader(Protocol):
    """A connection that only reads. Used by one thread."""

    def begin(self) -> Transaction:
        """Begin a transaction that sees the newest state."""

    def end(self) -> None: ...

    def close(self) -> None: ...


class Writer(Protocol):
    """The one connection that writes. Used by one thread of one process."""

    def run(self, works: Sequence[Work]) -> list[Done]:
        """Run each work, atomically by itself, and commit all of them together, durably.

        Raises `CommitUnknown`.
        """

    def maintain(self) -> None:
        """Upkeep between batches, which delays no response. Raises `CommitUnknown`."""

    def close(self) -> None: ...


class Backend(Protocol):
    """A kind of store. `records.tap` and `records.admin` choose one; nothing else knows which."""

    def files(self, location: Path) -> Sequence[Path]:
        """The files that hold records, whether they exist or not. They must be private."""

    def open(self, location: Path, *, may_upgrade: bool = True) -> Database:
        """Open a database, or make it, and bring it to the present schema. Raises `Unusable`.

        may_upgrade: False for a program that works beside a daemon, whose schema must not change.
        """

    def open_writer(self, location: Path) -> Writer:
        """A writer to a database that has just been opened, here or in another process."""


class Flaw(msgspec.Struct, frozen=True):
    """Something wrong within a store. is_derived: whether `Database.rebuild` mends it."""

    message: str
    is_derived: bool = False


class Description(msgspec.Struct, frozen=True):
    """What a database is: its schema, the engine and its version, and how many rows it has.

    counts: by `employees`, `accounts`, `changes` and `entries`.
    """

    schema: str
    engine: str
    counts: dict[str, int]


class Database(Protocol):
    """A database that has been opened, checked and brought to the present schema."""

    def reader(self) -> Reader: ...

    def writer(self) -> Writer: ...

    def copy_to(self, path: Path) -> None:
        """Write a copy of one instant, for its owner only. Raises `Unusable`."""

    def description(self) -> Description: ...

    def flaws(self, step: Callable[[str], None]) -> list[Flaw]:
        """What is wrong with the store itself, and with what it derives. Only reads.

        step: called with what is checked next. Takes minutes for a million employees.
        """

    def rebuild(self) -> None:
        """Make anew what is derived from the records. Nobody else may have the database open."""


class PasswordHasher(Protocol):
    """Slow, salted password hashes.

    `hash` and `verify` block, and run in another process: a hasher can be pickled and has no state.
    """

    def hash(self, password: str) -> str: ...

    def verify(self, password: str, hashed: str) -> bool: ...

    def dummy_hash(self) -> str:
        """A hash of no known password. Comparing it takes as long; making it is quick."""

    def is_outdated(self, hashed: str) -> bool:
        """Whether the hash should be replaced at the next login."""
