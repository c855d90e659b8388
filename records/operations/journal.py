"""Writes audit entries, and changes with their history."""

from __future__ import annotations

from collections.abc import Iterable

from records.model.access import User
from records.model.audit import Event, Outcome, change_digest
from records.model.employee import Employee
from records.model.history import Change, ChangeKind, difference, dump
from records.operations.boundaries import Transaction

SALT_BYTES = 16


def note(
    tx: Transaction,
    user: User,
    action: str,
    subject: str = "-",
    outcome: Outcome = Outcome.OK,
    fields: Iterable[str] = (),
) -> None:
    """Write an audit entry that concerns no change of an employee."""
    tx.journal.append(Event(user.username, user.source, action, subject, outcome, tuple(fields)))


def note_change(
    tx: Transaction,
    user: User,
    before: Employee | None,
    after: Employee | None,
    names: Iterable[str] | None = None,
) -> int:
    """Write the history and the audit entry of a change. `before` and `after` tell its kind.

    names: the fields that may have changed, in the order of the audit entry; None for all. Returns
    the revision of the change.
    """
    blank = tx.catalogue.blank
    if names is None:
        names = tx.catalogue.names
    if after is None:
        assert before is not None
        kind, employee_id, revision = ChangeKind.DELETE, before.id, before.revision + 1
        old, new = difference(before.values, blank, names)
    else:
        kind = ChangeKind.ADD if before is None else ChangeKind.UPDATE
        employee_id, revision = after.id, after.revision
        old, new = difference(before.values if before else blank, after.values, names)
    what, salt = kind.value, tx.random_bytes(SALT_BYTES)
    texts = dump(old), dump(new)
    digest = change_digest(salt, employee_id, revision, what, *texts)
    entry = tx.journal.append(
        Event(
            user.username,
            user.source,
            f"employee.{what}",
            f"employee:{employee_id}",
            Outcome.OK,
            tuple(new),
            digest,
        )
    )
    tx.journal.add_change(
        Change(entry.seq, entry.at, user.username, employee_id, revision, kind, old, new, salt),
        texts,
    )
    return revision


def digest_of(change: Change) -> str:
    """The digest that the audit entry of a change must have."""
    return change_digest(
        change.salt,
        change.employee_id,
        change.revision,
        change.kind.value,
        dump(change.before),
        dump(change.after),
    )
