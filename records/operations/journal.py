"""Noting what happens: audit entries, and changes with their history."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from records.access import User
from records.audit import Event, Outcome, change_digest
from records.boundaries import Transaction
from records.employee import BLANK, Employee
from records.fields import Value
from records.history import Change, ChangeKind, difference, dump

SALT_BYTES = 16


def note(
    tx: Transaction,
    user: User,
    action: str,
    subject: str = "-",
    outcome: Outcome = Outcome.OK,
    fields: Iterable[str] = (),
) -> None:
    """Write an audit entry that is about no change of an employee."""
    tx.journal.append(Event(user.username, user.source, action, subject, outcome, tuple(fields)))


def note_change(
    tx: Transaction, user: User, before: Employee | None, after: Employee | None
) -> int:
    """Write the history and the audit entry of a change; `before` and `after` tell its kind.

    Returns the revision that the change made.
    """
    if after is None:
        assert before is not None
        kind, employee_id, revision = ChangeKind.DELETE, before.id, before.revision + 1
        old, new = difference(before.values, BLANK)
    else:
        kind = ChangeKind.ADD if before is None else ChangeKind.UPDATE
        employee_id, revision = after.id, after.revision
        old, new = difference(before.values if before else BLANK, after.values)
    salt = tx.random_bytes(SALT_BYTES)
    digest = _digest(salt, employee_id, revision, kind, old, new)
    entry = tx.journal.append(
        Event(
            user.username,
            user.source,
            f"employee.{kind.value}",
            f"employee:{employee_id}",
            Outcome.OK,
            tuple(new),
            digest,
        )
    )
    tx.journal.add_change(
        Change(entry.seq, entry.at, user.username, employee_id, revision, kind, old, new, salt)
    )
    return revision


def _digest(
    salt: bytes,
    employee_id: int,
    revision: int,
    kind: ChangeKind,
    before: Mapping[str, Value],
    after: Mapping[str, Value],
) -> str:
    return change_digest(salt, employee_id, revision, kind.value, dump(before), dump(after))


def digest_of(change: Change) -> str:
    """The digest that a change's audit entry must have."""
    return _digest(
        change.salt,
        change.employee_id,
        change.revision,
        change.kind,
        change.before,
        change.after,
    )
