"""What tests need, of this project and of its users: a store without threads, and sample values.

All personal data in here is made up. The rest of the package imports nothing from here.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, TypeVarTuple

from twisted.internet.defer import Deferred, fail, succeed

from records.model.access import Role, User
from records.model.fields import STANDARD
from records.operations.boundaries import Database, Store, Transaction, Work
from records.store.sqlite.database import SqliteBackend

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

START = 1_767_225_600_000_000
"""2026-01-01T00:00:00Z in microseconds: the start of test clocks."""


class FakeTime:
    """A clock that stands still until it is advanced. Calling it returns microseconds."""

    def __init__(self, now: int = START) -> None:
        self.now = now

    def __call__(self) -> int:
        return self.now

    def advance(self, seconds: float) -> None:
        """Advance the clock."""
        self.now += int(seconds * 1_000_000)


class Counting:
    """Bytes that differ in each call and are the same in every run, instead of random ones."""

    def __init__(self) -> None:
        self._count = 0

    def __call__(self, size: int) -> bytes:
        self._count += 1
        return self._count.to_bytes(size, "big")


class InlineStore:
    """`operations.boundaries.Store` over a real database, on the caller's thread and at once."""

    def __init__(self, database: Database) -> None:
        self._reader = database.reader()
        self._writer = database.writer()

    def read(
        self, operation: Callable[[Transaction, *Ts], T], *args: *Ts, bulk: bool = False
    ) -> Deferred[T]:
        """See `records.operations.boundaries.Store`."""
        try:
            return succeed(self.read_now(operation, *args))
        except Exception:  # noqa: BLE001  the Deferred carries it
            return fail()

    def read_now(self, operation: Callable[[Transaction, *Ts], T], *args: *Ts) -> T:
        """See `records.operations.boundaries.Store`."""
        transaction = self._reader.begin()
        try:
            return operation(transaction, *args)
        finally:
            self._reader.end()

    def write(
        self, operation: Callable[[Transaction, *Ts], T], *args: *Ts, bulk: bool = False
    ) -> Deferred[T]:
        """See `records.operations.boundaries.Store`."""
        (done,) = self._writer.run([Work(operation, args)])
        if done.error is not None:
            return fail(done.error)
        value: Any = done.value
        return succeed(value)

    def do(self, operation: Callable[[Transaction, *Ts], T], *args: *Ts) -> T:
        """Write, and return the result or raise the error."""
        (done,) = self._writer.run([Work(operation, args)])
        if done.error is not None:
            raise done.error
        value: Any = done.value
        return value  # type: ignore[no-any-return]

    def close(self) -> None:
        """Close the database's connections."""
        self._reader.close()
        self._writer.close()


def sqlite_backend(
    clock: Callable[[], int] | None = None, entropy: Callable[[int], bytes] | None = None
) -> SqliteBackend:
    """A backend with the standard fields, whose clock stands still."""
    return SqliteBackend(clock or FakeTime(), entropy or Counting(), STANDARD)


def inline_store(path: Path, clock: Callable[[], int] | None = None) -> InlineStore:
    """An `InlineStore` over a new SQLite database at `path`."""
    return InlineStore(sqlite_backend(clock).open(path))


def user(*roles: Role, employee_id: int | None = None, name: str = "tess") -> User:
    """A logged-in user with these roles."""
    return User(1, name, roles, employee_id)


def _conforms(store: InlineStore) -> Store:
    return store
