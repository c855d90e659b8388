"""Requests with a key: the same key from the same user has one effect, and one outcome.

The outcome is kept without any record's content: a success as the employee and revision that it
made, from which the answer is made anew for what the user may see now; an error as it was told.
"""

from __future__ import annotations

import hashlib

import msgspec

from records.api.messages import EmployeeDeleted, EmployeeStored
from records.model.access import User, view
from records.model.employee import visible
from records.model.errors import BY_REASON, FieldError, NotFound, RecordsError, ValidationFailed
from records.model.history import earlier
from records.operations.boundaries import KeptOutcome, Transaction


class Kept(msgspec.Struct, frozen=True, omit_defaults=True):
    """How a request ended: `id` and `revision` of what it made, or an error."""

    id: int = 0
    revision: int = 0
    deleted: bool = False
    reason: str = ""
    message: str = ""
    errors: tuple[FieldError, ...] = ()


def fingerprint(method: str, params: msgspec.Struct) -> bytes:
    """What tells one request from another under the same key."""
    content = msgspec.json.encode([method, params], order="deterministic")
    return hashlib.sha256(content).digest()


def _kept(outcome: object) -> Kept:
    match outcome:
        case EmployeeStored(employee=shown):
            return msgspec.convert({"id": shown["id"], "revision": shown["revision"]}, Kept)
        case EmployeeDeleted(id=employee_id, revision=revision):
            return Kept(employee_id, revision, deleted=True)
        case RecordsError():
            return Kept(reason=outcome.reason, message=outcome.message, errors=outcome.errors)
    raise TypeError(f"an outcome of type {type(outcome).__name__} cannot be kept")


def keep(tx: Transaction, user: User, key: str, request: bytes, outcome: object) -> None:
    """Keep how a request ended: its result, or its `RecordsError`."""
    answer = msgspec.json.encode(_kept(outcome)).decode("utf-8")
    tx.journal.keep_outcome(KeptOutcome(user.id, key, tx.now, request, answer))


def repeat(tx: Transaction, user: User, key: str, request: bytes) -> object | None:
    """The outcome of the request that had this key before; None if there was none.

    Raises the error that it ended with, or `ValidationFailed` if it was another request.
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
    if kept.deleted:
        return EmployeeDeleted(kept.id, kept.revision)
    changes = tuple(tx.journal.changes(kept.id))
    if not changes:
        raise NotFound(f"There is no employee {kept.id} any more.")
    catalogue = tx.catalogue
    employee = earlier(catalogue, tx.employees.get(kept.id), changes, kept.revision)
    return EmployeeStored(visible(catalogue, employee, view(catalogue, user, employee.id)))
