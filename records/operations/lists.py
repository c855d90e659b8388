"""Lists of employees, a page at a time: who matches, in which order, with which fields.

Filtering or sorting by a field reveals its values for all employees, so the gate comes first.
"""

from __future__ import annotations

import msgspec

from records.api.messages import MAX_ANSWER, EmployeeListing, ListParams
from records.api.query import parse_query
from records.model.access import Action, User, View, owns, require, view
from records.model.employee import listing
from records.model.errors import FieldError, ValidationFailed
from records.operations.boundaries import Transaction
from records.operations.journal import note

ROOM = 16 * 1024
"""Bytes of an answer beside its employees."""
SHORT = 100
"""So many employees always fit into an answer."""


def list_employees(tx: Transaction, user: User, params: ListParams) -> EmployeeListing:
    """A page of employees, masked."""
    return _page(tx, user, params, ())


def reveal_employees(tx: Transaction, user: User, params: ListParams) -> EmployeeListing:
    """A page of employees with some fields unmasked. It writes an audit entry, so it is a write."""
    catalogue = tx.catalogue
    _refuse_unknown(tx, "reveal", params.reveal)
    masked = tuple(dict.fromkeys(name for name in params.reveal if catalogue[name].masked))
    require(catalogue, user, Action.READ, ("given_name", *params.reveal))
    require(catalogue, user, Action.REVEAL, masked)
    page = _page(tx, user, params, masked)
    sent = [name for name in masked if not params.fields or name in params.fields]
    if sent:
        note(tx, user, "employee.reveal", f"employees:{len(page.employees)}", fields=sent)
    return page


def _refuse_unknown(tx: Transaction, member: str, names: list[str]) -> None:
    unknown = [name[:100] for name in names if name not in tx.catalogue]
    if unknown:
        raise ValidationFailed(
            "The list parameters are invalid.",
            [FieldError(f"{member}.{name}", "There is no such field.") for name in unknown],
        )


def _page(
    tx: Transaction, user: User, params: ListParams, revealed: tuple[str, ...]
) -> EmployeeListing:
    catalogue = tx.catalogue
    sort = (params.sort or "").removeprefix("-")
    asked = catalogue.known([*(params.where or {}), sort, *params.fields])
    require(catalogue, user, Action.READ, ("given_name", *asked))
    query = parse_query(catalogue, params)
    _refuse_unknown(tx, "fields", params.fields)
    found = tx.employees.page(query, query.limit + 1)
    # All records but the user's own are shown alike.
    fields = frozenset(params.fields)
    show = listing(catalogue, _only(view(catalogue, user, None, revealed), fields))
    show_own = listing(catalogue, _only(view(catalogue, user, user.employee_id, revealed), fields))
    shown = [show_own(each) if owns(user, each.id) else show(each) for each in found[: query.limit]]
    shown = _fitting(shown)
    last = found[len(shown) - 1] if shown else None
    is_last = last is None or len(shown) == len(found)
    return EmployeeListing(
        shown,
        None if is_last or last is None else query.cursor_after(last.employee(catalogue)),
        tx.journal.last_change(),
        tx.employees.count_of(query) if params.count else None,
    )


def _only(seen: View, fields: frozenset[str]) -> View:
    """The view with no other fields than these; all if there are none."""
    if not fields:
        return seen
    plain = tuple([name for name in seen.plain if name in fields])
    return View(plain, tuple([name for name in seen.masked if name in fields]))


def _fitting(shown: list[msgspec.Struct]) -> list[msgspec.Struct]:
    """The first of the employees, as many as fit into one answer."""
    while len(shown) > SHORT and len(msgspec.json.encode(shown)) > MAX_ANSWER - ROOM:
        shown = shown[: len(shown) // 2]
    return shown
