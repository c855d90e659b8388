"""The seams: what each side asks of the other, as Protocols without any logic.

`records.operations` is written against `Transaction` and what hangs on it; a database is an
adapter that provides it, and must pass the contract tests in `records.test.store.store_contract`.
The one name of Twisted here is a type, for what the asynchronous seams return.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Protocol, TypeVar, TypeVarTuple

import msgspec

from records.api.query import EmployeeQuery
from records.model.accounts import Account, Session
from records.model.audit import Entry, Event, Head
from records.model.employee import Employee, Listed
from records.model.errors import RecordsError
from records.model.fields import Catalogue
from records.model.history import Change

if TYPE_CHECKING:
    from pathlib import Path

    from twisted.internet.defer import Deferred

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class KeptOutcome(msgspec.Struct, frozen=True):
    """How a request that had a key ended, as it is kept for that request's repetitions.

    request: SHA-256 over the method and its params; answer: JSON, see `operations.repetition`.
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

    def with_ssn(self, ssn: str) -> int | None:
        """The ID of the employee who has this number."""

    def manager_of(self, employee_id: int) -> int | None: ...

    def count_reporting_to(self, employee_id: int) -> int: ...

    def page(self, query: EmployeeQuery, limit: int) -> list[Listed]:
        """The first `limit` employees that the query asks for, after its place, in its order."""

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
    """What has happened: the audit log, the history, and outcomes kept for repetitions."""

    def head(self) -> Head: ...

    def append(self, event: Event) -> Entry:
        """Chain the event to the audit log."""

    def entries(self, after: int = 0) -> Iterator[Entry]:
        """The audit log in its order, from the entry after number `after`."""

    def add_change(self, change: Change, texts: tuple[str, str] | None = None) -> None:
        """Add to the history.

        texts: what `model.history.dump` gives for the change's before and after, if the caller
        has them already.
        """

    def changes(self, employee_id: int) -> Iterable[Change]:
        """An employee's changes, newest first."""

    def all_changes(self) -> Iterator[Change]:
        """Every change, in the order of seq."""

    def outcome(self, account_id: int, key: str) -> KeptOutcome | None: ...

    def keep_outcome(self, outcome: KeptOutcome) -> None: ...

    def forget_outcomes(self, before: int) -> int: ...


class Transaction(Protocol):
    """Everything that an operation may touch; it sees one state, and changes all or nothing.

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

    def random_bytes(self, count: int) -> bytes: ...


class Work(msgspec.Struct, frozen=True):
    """An operation to be run, with its arguments."""

    operation: Callable[..., object]
    args: tuple[object, ...] = ()


class Refused(Exception):
    """Raised by an operation whose changes are to be undone, but of which something must stay.

    error: what the caller is told. remember: what is done instead, in the same commit if the
    operation was a write, by the caller in a write of its own if it was a read.
    """

    def __init__(self, error: RecordsError, remember: Work) -> None:
        super().__init__(error.reason)
        self.error = error
        self.remember = remember


class Store(Protocol):
    """Transactions, off the reactor's thread.

    An operation's own exception is the Deferred's failure, and undoes all of its changes. A
    write's Deferred fires only after its commit is durable. Fails with `Busy` if nothing was
    done, with `OutcomeUnknown` if that cannot be known.

    bulk: whether this is one of many from the same place, which are not to keep others waiting. It
    may be overtaken by what is not, and overtakes nothing.
    """

    @property
    def is_crowded(self) -> bool:
        """Whether so many writes wait that each connection is to hand in one at a time."""

    def read(
        self, operation: Callable[[Transaction, *Ts], T], *args: *Ts, bulk: bool = False
    ) -> Deferred[T]: ...

    def write(
        self, operation: Callable[[Transaction, *Ts], T], *args: *Ts, bulk: bool = False
    ) -> Deferred[T]: ...

    def read_now(self, operation: Callable[[Transaction, *Ts], T], *args: *Ts) -> T:
        """Read at once, on the caller's thread: for reads of a few rows by their key only."""


class Done(msgspec.Struct, frozen=True):
    """How a piece of work ended: with a value, or with an exception.

    trouble: the kind of the database's own failure, if that is why; for whoever runs the daemon.
    """

    value: object = None
    error: BaseException | None = None
    trouble: str = ""


class CommitUnknown(Exception):
    """A commit failed in a way that leaves open whether it is durable: nothing may go on.

    So it is when the database turns out to be damaged, whatever became of the commit.
    """


class Reader(Protocol):
    """One connection that only reads; used by one thread."""

    def begin(self) -> Transaction:
        """See the newest state, until `end`."""

    def end(self) -> None: ...

    def close(self) -> None: ...


class Writer(Protocol):
    """The one connection that writes; used by one thread of one process."""

    def run(self, works: Sequence[Work]) -> list[Done]:
        """Run all, each atomic by itself, and commit them together, durably.

        Raises `CommitUnknown`.
        """

    def rest(self) -> None:
        """Called between batches, for what need not delay an answer. Raises `CommitUnknown`."""

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


class Database(Protocol):
    """A database that has been opened, checked and brought to the present schema."""

    def reader(self) -> Reader: ...

    def writer(self) -> Writer: ...

    def copy_to(self, path: Path) -> None:
        """Write a copy of one instant, for its owner only. Raises `Unusable`."""


class PasswordHasher(Protocol):
    """Slow, salted password hashes.

    `hash` and `verify` block, and are called in another process: so the hasher can be pickled, and
    remembers nothing.
    """

    def hash(self, password: str) -> str: ...

    def verify(self, password: str, hashed: str) -> bool: ...

    def nobodys(self) -> str:
        """A hash that no password is known for, and that takes as long to compare; made quickly."""

    def is_outdated(self, hashed: str) -> bool:
        """Whether a good password's hash should be made anew."""
