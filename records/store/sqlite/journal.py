"""The SQL of the audit log, the history and kept outcomes, beside the loaders of their rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TypeVar

from apsw import Connection
from msgspec import convert
from msgspec.structs import replace

from records.model.audit import START, BrokenChain, Entry, Event, Head, follow
from records.model.fields import Catalogue
from records.model.history import Change, dump, load
from records.operations.boundaries import KeptOutcome

_ENTRY = "seq, at, actor, source, action, subject, outcome, fields, digest, hash"
_CHANGE = "seq, at, actor, employee_id, revision, kind, before, after, salt"
_HEAD = "SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1"
_APPEND = f"INSERT INTO audit ({_ENTRY}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_CHANGES = f"SELECT {_CHANGE} FROM history WHERE employee_id = ? ORDER BY revision DESC"
_BY_EMPLOYEE = f"SELECT {_CHANGE} FROM history ORDER BY employee_id, revision"
_ADD_CHANGE = f"INSERT INTO history ({_CHANGE}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
_OUTCOME = (
    "SELECT account_id, key, at, request, answer FROM outcomes WHERE account_id = ? AND key = ?"
)
_KEEP = "INSERT INTO outcomes (account_id, key, at, request, answer) VALUES (?, ?, ?, ?, ?)"


T = TypeVar("T")


# Rows may have been tampered with, and verification must say where. So types are checked, and a row
# that cannot be read is a broken chain.
def _entry(row: tuple[object, ...]) -> Entry:
    seq, at, actor, source, action, subject, outcome, fields, digest, chained = row
    event = {
        "actor": actor,
        "source": source,
        "action": action,
        "subject": subject,
        "outcome": outcome,
        "fields": str(fields).split(),
        "digest": digest,
    }
    return convert(
        {"seq": seq, "at": at, "event": event, "hash": chained}, Entry, builtin_types=(bytes,)
    )


def _change(catalogue: Catalogue, row: tuple[object, ...]) -> Change:
    seq, at, actor, employee_id, revision, kind, before, after, salt = row
    stored = {
        "seq": seq,
        "at": at,
        "actor": actor,
        "employee_id": employee_id,
        "revision": revision,
        "kind": kind,
        "before": {},
        "after": {},
        "salt": salt,
    }
    change = convert(stored, Change, builtin_types=(bytes,))
    return replace(change, before=load(catalogue, str(before)), after=load(catalogue, str(after)))


class SqliteJournal:
    """`records.operations.boundaries.Journal` in an SQLite connection.

    The head is read once a transaction and then followed. After a part of the transaction is
    undone, `forget` must be called, because the head may be of the undone part.
    """

    def __init__(
        self, connection: Connection, catalogue: Catalogue, now: Callable[[], int]
    ) -> None:
        self.use(catalogue)
        self._execute = connection.execute
        self._change = connection.cursor().execute  # see `SqliteEmployees`
        self._changes = connection.changes
        self._now = now
        self._head: Head | None = None

    def use(self, catalogue: Catalogue) -> None:
        """Employees have these fields from now on."""
        self._load_change = partial(_change, catalogue)

    def forget(self) -> None:
        """Read the head again when it is needed next."""
        self._head = None

    def head(self) -> Head:
        if self._head is None:
            row = self._execute(_HEAD).get
            self._head = START if row is None else Head(*row)
        return self._head

    def append(self, event: Event) -> Entry:
        entry = follow(self.head(), self._now(), event)
        self._change(
            _APPEND,
            (
                entry.seq,
                entry.at,
                event.actor,
                event.source,
                event.action,
                event.subject,
                event.outcome.value,
                " ".join(event.fields),
                event.digest,
                entry.hash,
            ),
        )
        self._head = Head(entry.seq, entry.hash)
        return entry

    def entries(self, after: int = 0) -> Iterator[Entry]:
        return self._loaded("audit", _ENTRY, after, _entry)

    def add_change(self, change: Change, texts: tuple[str, str] | None = None) -> None:
        before, after = texts or (dump(change.before), dump(change.after))
        self._change(
            _ADD_CHANGE,
            (
                change.seq,
                change.at,
                change.actor,
                change.employee_id,
                change.revision,
                change.kind.value,
                before,
                after,
                change.salt,
            ),
        )

    def last_change(self) -> int:
        return int(self._execute("SELECT coalesce(max(seq), 0) FROM history").get)

    def changes(self, employee_id: int) -> Iterator[Change]:
        return map(self._load_change, self._execute(_CHANGES, (employee_id,)).fetchall())

    def all_changes(self) -> Iterator[Change]:
        return self._loaded("history", _CHANGE, 0, self._load_change)

    def changes_by_employee(self) -> Iterator[Change]:
        return map(self._load_change, self._execute(_BY_EMPLOYEE))

    def _loaded(
        self, table: str, columns: str, after: int, loader: Callable[[tuple[object, ...]], T]
    ) -> Iterator[T]:
        """Rows in the order of seq. Raises `BrokenChain` at one that cannot be read."""
        seq = after
        rows = self._execute(f"SELECT {columns} FROM {table} WHERE seq > ? ORDER BY seq", (after,))
        try:
            for row in rows:
                seq = row[0]
                loaded = loader(row)
                yield loaded
        except UnicodeDecodeError:  # raised in the place of the row that follows the last one
            following = self._execute(f"SELECT min(seq) FROM {table} WHERE seq > ?", (seq,)).get
            raise BrokenChain(following, "cannot be read") from None
        except ValueError:
            raise BrokenChain(seq, "cannot be read") from None

    def outcome(self, account_id: int, key: str) -> KeptOutcome | None:
        row = self._execute(_OUTCOME, (account_id, key)).get
        return None if row is None else KeptOutcome(*row)

    def keep_outcome(self, outcome: KeptOutcome) -> None:
        self._change(
            _KEEP, (outcome.account_id, outcome.key, outcome.at, outcome.request, outcome.answer)
        )

    def forget_outcomes(self, before: int) -> int:
        self._execute("DELETE FROM outcomes WHERE at < ?", (before,))
        return self._changes()
