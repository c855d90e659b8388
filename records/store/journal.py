"""The SQL of the audit log, the history and kept outcomes, beside the loaders of their rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from apsw import Connection

from records.audit import START, Entry, Event, Head, Outcome, follow
from records.boundaries import KeptOutcome
from records.history import Change, ChangeKind, dump, load

_ENTRY = "seq, at, actor, source, action, subject, outcome, fields, digest, hash"
_CHANGE = "seq, at, actor, employee_id, revision, kind, before, after, salt"
_HEAD = "SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1"
_ENTRIES = f"SELECT {_ENTRY} FROM audit WHERE seq > ? ORDER BY seq"
_APPEND = f"INSERT INTO audit ({_ENTRY}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_CHANGES = f"SELECT {_CHANGE} FROM history WHERE employee_id = ? ORDER BY revision DESC"
_ALL_CHANGES = f"SELECT {_CHANGE} FROM history ORDER BY seq"
_ADD_CHANGE = f"INSERT INTO history ({_CHANGE}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
_OUTCOME = (
    "SELECT account_id, key, at, request, answer FROM outcomes WHERE account_id = ? AND key = ?"
)
_KEEP = "INSERT INTO outcomes (account_id, key, at, request, answer) VALUES (?, ?, ?, ?, ?)"


def _entry(row: tuple[object, ...]) -> Entry:
    seq, at, actor, source, action, subject, outcome, fields, digest, chained = row
    event = Event(
        str(actor),
        str(source),
        str(action),
        str(subject),
        Outcome(outcome),
        tuple(str(fields).split()),
        str(digest),
    )
    return Entry(seq, at, event, chained)  # type: ignore[arg-type]


def _change(row: tuple[object, ...]) -> Change:
    seq, at, actor, employee_id, revision, kind, before, after, salt = row
    return Change(
        seq,  # type: ignore[arg-type]
        at,  # type: ignore[arg-type]
        actor,  # type: ignore[arg-type]
        employee_id,  # type: ignore[arg-type]
        revision,  # type: ignore[arg-type]
        ChangeKind(kind),
        load(str(before)),
        load(str(after)),
        salt,  # type: ignore[arg-type]
    )


class SqliteJournal:
    """`records.boundaries.Journal` in an SQLite connection.

    The head is read once a transaction and then followed; whoever undoes a part of the
    transaction calls `forget`, because the head may be of what was undone.
    """

    def __init__(self, connection: Connection, now: Callable[[], int]) -> None:
        self._execute = connection.execute
        self._changes = connection.changes
        self._now = now
        self._head: Head | None = None

    def forget(self) -> None:
        """Read the head anew the next time it is needed."""
        self._head = None

    def head(self) -> Head:
        if self._head is None:
            row = self._execute(_HEAD).get
            self._head = START if row is None else Head(*row)
        return self._head

    def append(self, event: Event) -> Entry:
        entry = follow(self.head(), self._now(), event)
        self._execute(
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
        return map(_entry, self._execute(_ENTRIES, (after,)))

    def add_change(self, change: Change) -> None:
        self._execute(
            _ADD_CHANGE,
            (
                change.seq,
                change.at,
                change.actor,
                change.employee_id,
                change.revision,
                change.kind.value,
                dump(change.before),
                dump(change.after),
                change.salt,
            ),
        )

    def changes(self, employee_id: int) -> Iterator[Change]:
        return map(_change, self._execute(_CHANGES, (employee_id,)))

    def all_changes(self) -> Iterator[Change]:
        return map(_change, self._execute(_ALL_CHANGES))

    def outcome(self, account_id: int, key: str) -> KeptOutcome | None:
        row = self._execute(_OUTCOME, (account_id, key)).get
        return None if row is None else KeptOutcome(*row)

    def keep_outcome(self, outcome: KeptOutcome) -> None:
        self._execute(
            _KEEP, (outcome.account_id, outcome.key, outcome.at, outcome.request, outcome.answer)
        )

    def forget_outcomes(self, before: int) -> int:
        self._execute("DELETE FROM outcomes WHERE at < ?", (before,))
        return self._changes()
