"""Requests with a key: the same key from the same user has one effect and one outcome.

The outcome is kept without the content of any record: a success as the employee and revision that
it made, from which the answer is made again for what the user may see now; an error as it was sent.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import msgspec

from records.api.field_messages import FieldStored
from records.api.import_messages import ImportApplied, ImportBegun, ImportUndone
from records.api.messages import EmployeeDeleted, EmployeeStored, Nothing, describe_field
from records.model.access import User, view
from records.model.employee import visible
from records.model.errors import BY_REASON, FieldError, NotFound, RecordsError, ValidationFailed
from records.model.history import earlier
from records.operations.boundaries import KeptOutcome, Transaction
from records.operations.import_apply import told_undone
from records.operations.imports import own_import


class Kept(msgspec.Struct, frozen=True, omit_defaults=True):
    """How a request ended: `id` and `revision` of what it made, a field's name, or an error."""

    id: int = 0
    revision: int = 0
    deleted: bool = False
    name: str = ""
    reason: str = ""
    message: str = ""
    errors: tuple[FieldError, ...] = ()


class Replay(msgspec.Struct, frozen=True):
    """How the result of a method is kept, and made again for a repeated request.

    result: its type.
    """

    result: type
    keep: Callable[[Any], Kept]
    repeat: Callable[[Transaction, User, Kept], object]


def _keep_stored(result: EmployeeStored) -> Kept:
    shown = result.employee
    return msgspec.convert({"id": shown["id"], "revision": shown["revision"]}, Kept)


def _repeat_stored(tx: Transaction, user: User, kept: Kept) -> EmployeeStored:
    changes = tuple(tx.journal.changes(kept.id))
    if not changes:
        raise NotFound(f"There is no employee {kept.id} any more.")
    catalogue = tx.catalogue
    employee = earlier(catalogue, tx.employees.get(kept.id), changes, kept.revision)
    return EmployeeStored(visible(catalogue, employee, view(catalogue, user, employee.id)))


def _keep_deleted(result: EmployeeDeleted) -> Kept:
    return Kept(result.id, result.revision, deleted=True)


def _repeat_deleted(tx: Transaction, user: User, kept: Kept) -> EmployeeDeleted:
    return EmployeeDeleted(kept.id, kept.revision)


def _keep_import(result: ImportBegun | ImportApplied | ImportUndone) -> Kept:
    return Kept(result.import_id)


def _repeat_begun(tx: Transaction, user: User, kept: Kept) -> ImportBegun:
    return ImportBegun(kept.id)


def _repeat_applied(tx: Transaction, user: User, kept: Kept) -> ImportApplied:
    staged = own_import(tx, user, kept.id)
    return ImportApplied(staged.id, staged.counts)


def _repeat_undone(tx: Transaction, user: User, kept: Kept) -> ImportUndone:
    return told_undone(own_import(tx, user, kept.id))


def _keep_defined(result: FieldStored) -> Kept:
    return Kept(name=result.field.name)


def _repeat_defined(tx: Transaction, user: User, kept: Kept) -> FieldStored:
    """The field as it is now: its definition is no secret, and has no versions."""
    field = tx.catalogue.ever(kept.name)
    assert field is not None
    return FieldStored(describe_field(field))


def _keep_nothing(result: Nothing) -> Kept:
    return Kept()


def _repeat_nothing(tx: Transaction, user: User, kept: Kept) -> Nothing:
    return Nothing()


BEGUN = Replay(ImportBegun, _keep_import, _repeat_begun)
"""For import.begin."""
APPLIED = Replay(ImportApplied, _keep_import, _repeat_applied)
"""For import.apply."""
UNDONE = Replay(ImportUndone, _keep_import, _repeat_undone)
"""For import.undo."""
DISCARDED = Replay(Nothing, _keep_nothing, _repeat_nothing)
"""For import.discard."""
DEFINED = Replay(FieldStored, _keep_defined, _repeat_defined)
"""For methods that answer with `FieldStored`."""
STORED = Replay(EmployeeStored, _keep_stored, _repeat_stored)
"""For methods that answer with `EmployeeStored`."""
DELETED = Replay(EmployeeDeleted, _keep_deleted, _repeat_deleted)
"""For methods that answer with `EmployeeDeleted`."""


def fingerprint(method: str, params: msgspec.Struct) -> bytes:
    """SHA-256 over a request, to tell a repetition from another request under the same key."""
    content = msgspec.json.encode([method, params], order="deterministic")
    return hashlib.sha256(content).digest()


def kept_error(error: RecordsError) -> Kept:
    """A request that ended with an error."""
    return Kept(reason=error.reason, message=error.message, errors=error.errors)


def keep(tx: Transaction, user: User, key: str, request: bytes, outcome: Kept) -> None:
    """Store how a request ended."""
    answer = msgspec.json.encode(outcome).decode("utf-8")
    tx.journal.keep_outcome(KeptOutcome(user.id, key, tx.now, request, answer))


def repeat(tx: Transaction, user: User, key: str, request: bytes, replay: Replay) -> object | None:
    """The result of the earlier request with this key; None if there was none.

    Raises the error that it ended with, or `ValidationFailed` if it was a different request.
    """
    found = tx.journal.outcome(user.id, key)
    if found is None:
        return None
    if found.request != request:
        why = "This key was used for another request. Choose a new one."
        raise ValidationFailed(why, [FieldError("key", why)])
    kept = msgspec.json.decode(found.answer, type=Kept)
    if kept.reason:
        raise BY_REASON[kept.reason](kept.message, kept.errors)
    return replay.repeat(tx, user, kept)
