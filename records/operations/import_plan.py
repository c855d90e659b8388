"""The plan of an import: which employee each row is about, and what it would change.

A plan takes one pass over the rows for each `Phase`, some rows a transaction, so that nobody waits
long for a large one. It changes no employee. What the user may not write is left out, and told.
"""

from __future__ import annotations

import msgspec

from records.api.import_messages import FieldChange, ImportPlanned, ImportPlanParams, PlannedRow
from records.api.messages import FieldWarning
from records.model.access import User, view
from records.model.errors import FieldError, ValidationFailed
from records.model.imports import Import, ImportRow, Phase, RowOutcome, State, confirmations
from records.model.names import written_name
from records.operations.boundaries import Transaction
from records.operations.import_judge import Planner
from records.operations.imports import own_import, require_import

MAX_SHOWN = 200
"""Rows of one answer."""
MAX_SHOWN_BYTES = 512 * 1024
"""Bytes of the rows of one answer, about, which may have one row more."""


def plan_import(tx: Transaction, user: User, params: ImportPlanParams) -> ImportPlanned:
    """Go on with the plan, or show a page of a finished one."""
    require_import(user)
    staged = own_import(tx, user, params.import_id)
    outcome = _outcome(params.outcome)
    after = _after(params.cursor)
    is_open = staged.state in (State.PLANNING, State.PLANNED)
    has_other_fields = staged.catalogue != tx.catalogue.version
    if staged.state is State.RECEIVING or (is_open and (params.again or has_other_fields)):
        staged = _begun(tx, user, staged)
    if staged.state is State.PLANNING:
        staged = Planner(tx, user, staged).go_on()
        tx.imports.replace(staged)
    done = staged.state is not State.PLANNING
    rows, cursor = _shown(tx, user, staged, outcome, after) if done else ([], None)
    total = max(1, staged.rows) * len(Phase)
    past = staged.phase.value * staged.rows + tx.imports.count_to(staged.id, staged.line)
    return ImportPlanned(
        staged.state.value,
        done,
        total if done else past,
        total,
        staged.counts,
        staged.denied,
        confirmations(staged) if staged.state is State.PLANNED else {},
        rows,
        cursor,
    )


def _outcome(name: str | None) -> RowOutcome | None:
    if name is None:
        return None
    try:
        return RowOutcome(name)
    except ValueError:
        why = f"An outcome is one of {', '.join(each.value for each in RowOutcome)}."
        raise ValidationFailed(why, [FieldError("outcome", why)]) from None


def _after(cursor: str | None) -> int:
    if cursor is None:
        return 0
    if not (cursor.isascii() and cursor.isdecimal()):
        why = "This cursor belongs to another list; start again without it."
        raise ValidationFailed(why, [FieldError("cursor", why)])
    return int(cursor)


def _begun(tx: Transaction, user: User, staged: Import) -> Import:
    """The import at the beginning of its plan."""
    return msgspec.structs.replace(
        staged,
        state=State.PLANNING,
        phase=Phase.MATCH,
        line=0,
        counts={**{each.value: 0 for each in RowOutcome}, "warn": 0},
        ending=0,
        paid=0,
        highest_id=0,
        present=tx.employees.count(),
        add_fields=(),
        update_fields=(),
        denied=(),
        catalogue=tx.catalogue.version,
    )


def _shown(
    tx: Transaction, user: User, staged: Import, outcome: RowOutcome | None, after: int
) -> tuple[list[PlannedRow], str | None]:
    """A page of the plan, through the gate, and the cursor of the next."""
    rows: list[PlannedRow] = []
    size = 0
    found = tx.imports.rows(staged.id, after, MAX_SHOWN + 1, outcome)
    for row in found[:MAX_SHOWN]:
        shown = _planned(tx, user, staged, row)
        size += len(msgspec.json.encode(shown))
        if rows and size > MAX_SHOWN_BYTES:
            return rows, str(rows[-1].line)
        rows.append(shown)
    return rows, str(rows[-1].line) if len(found) > MAX_SHOWN else None


def _planned(tx: Transaction, user: User, staged: Import, row: ImportRow) -> PlannedRow:
    catalogue = tx.catalogue
    before = None
    if staged.state is State.PLANNED and row.employee_id is not None:
        before = tx.employees.get(row.employee_id)
    seen = view(catalogue, user, row.employee_id)
    fields = {}
    for name, value in row.changes.items():
        old: object = None
        if before is not None and name in seen.plain:
            old = before.values[name]
        elif before is not None and name in seen.masked:
            old = catalogue[name].mask(before.values[name])
        fields[name] = FieldChange(old, value)
    if row.manager_line is not None:
        old = before.values["manager_id"] if before is not None else None
        fields["manager_id"] = FieldChange(old, _manager_shown(tx, staged, row.manager_line))
    warnings = tuple([FieldWarning(each.code, each.field, each.message) for each in row.warnings])
    assert row.outcome is not None
    return PlannedRow(row.line, row.outcome.value, row.employee_id, fields, row.errors, warnings)


def _manager_shown(tx: Transaction, staged: Import, line: int) -> dict[str, object]:
    """A manager who is new as well: the row, and who it is."""
    manager = tx.imports.row(staged.id, line)
    given = manager.given if manager is not None else {}
    shown: dict[str, object] = {"line": line, "name": written_name(given)}
    if given.get("employee_number"):
        shown["employee_number"] = given["employee_number"]
    return shown
