"""Applies the plan of an import, and takes an applied one back, each in one transaction.

Everything is checked again before the first change: an import is applied exactly as it was planned,
or not at all. Each employee gets its own change in the history and the audit log.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping

import msgspec

from records.api.import_messages import (
    ImportApplied,
    ImportApplyParams,
    ImportParams,
    ImportUndone,
    KeptRow,
)
from records.model.access import Action, User, require, require_on_record
from records.model.employee import Employee
from records.model.errors import FieldError, PlanOutdated, ValidationFailed
from records.model.fields import Value
from records.model.history import Change
from records.model.imports import Import, ImportRow, RowOutcome, State, confirmations
from records.model.values import MAX_ID
from records.operations.boundaries import Transaction
from records.operations.employees import (
    check_manager,
    check_references,
    check_unique,
    why_needed,
)
from records.operations.imports import own_import, require_import
from records.operations.journal import note, note_change

MAX_TOLD = 100
"""Rows that an error or an answer names one by one."""

MAX_REMEMBERED = 10_000
"""Managers whose Employee ID is remembered while their reports are added."""

_WORDS = {"end": "end the employment of", "pay": "change the pay of"}


def apply_import(tx: Transaction, user: User, params: ImportApplyParams) -> ImportApplied:
    """Apply a plan: all rows, or all but the refused ones. Applied again, it changes nothing."""
    require_import(user)
    staged = own_import(tx, user, params.import_id)
    if staged.state is State.APPLIED:
        return ImportApplied(staged.id, staged.counts)
    if staged.state is not State.PLANNED:
        why = f"Import {staged.id} is {staged.state.value}. Plan it first."
        raise ValidationFailed(why, [FieldError("import_id", why)])
    if staged.catalogue != tx.catalogue.version:
        raise PlanOutdated(
            "Fields have been defined otherwise since the plan was made. Nothing was changed. "
            "Plan the import again.",
            details={"lines": [], "ids": []},
        )
    require(tx.catalogue, user, Action.ADD, staged.add_fields)
    require(tx.catalogue, user, Action.UPDATE, staged.update_fields)
    _check_refused(staged, skip=params.skip_refused)
    _check_confirmed(staged, params.expect or {})
    _check_present(tx, staged)
    _Application(tx, user, staged).run()
    fields = dict.fromkeys((*staged.add_fields, *staged.update_fields))
    note(tx, user, "import.apply", f"import:{staged.id}", fields=fields)
    tx.imports.forget_keys(staged.id)
    tx.imports.replace(msgspec.structs.replace(staged, state=State.APPLIED))
    return ImportApplied(staged.id, staged.counts)


def _check_refused(staged: Import, *, skip: bool) -> None:
    refused = staged.counts["refuse"]
    if refused and not skip:
        rows = "1 row is" if refused == 1 else f"{refused} rows are"
        why = f"{rows} refused. Mend the file, or apply the others without them (skip_refused)."
        raise ValidationFailed(why, [FieldError("skip_refused", why)])


def _check_confirmed(staged: Import, expect: Mapping[str, int]) -> None:
    """The brake: large counts need to be confirmed exactly."""
    due = confirmations(staged)
    errors = [
        FieldError(
            f"expect.{name}",
            f"This import would {_WORDS[name]} {count} of {staged.present} employees. "
            f"Confirm it with expect {name}={count}.",
        )
        for name, count in due.items()
        if expect.get(name) != count
    ]
    if errors:
        raise ValidationFailed(errors[0].message, errors, {"expect": due})


def _check_present(tx: Transaction, staged: Import) -> None:
    """Raise `PlanOutdated` if an employee or a value that the plan relies on has moved."""
    lines, people = [], []
    for outcome in (RowOutcome.ADD, RowOutcome.CHANGE):
        after = 0
        while rows := tx.imports.rows(staged.id, after, 500, outcome):
            for row in rows:
                if not _is_as_planned(tx, row):
                    lines.append(row.line)
                    people.append(row.employee_id)
                if len(lines) >= MAX_TOLD:
                    raise _outdated(lines, people)
            after = rows[-1].line
    if lines:
        raise _outdated(lines, people)


def _is_as_planned(tx: Transaction, row: ImportRow) -> bool:
    old: Mapping[str, Value] = tx.catalogue.blank
    if row.employee_id is not None:
        employee = tx.employees.get(row.employee_id)
        if employee is None or employee.revision != row.revision:
            return False
        old = employee.values
    elif isinstance(row.given.get("id"), int) and tx.employees.was_used(_wanted(row)):
        return False
    if row.manager_id is not None and tx.employees.get(row.manager_id) is None:
        return False
    new = {**old, **row.changes}
    errors = (*check_unique(tx, row.employee_id, old, new), *check_references(tx, old, new))
    return not errors


def _wanted(row: ImportRow) -> int:
    return msgspec.convert(row.given["id"], int)


def _outdated(lines: list[int], people: list[int | None]) -> PlanOutdated:
    named = [each for each in people if each is not None]
    told = ", ".join(str(line) for line in lines[:10]) + (", ..." if lines[10:] else "")
    return PlanOutdated(
        f"Employees have changed since the plan was made; it concerns the rows in line {told}. "
        "Nothing was changed. Plan the import again.",
        details={"lines": lines, "ids": named},
    )


class _Application:
    """One application of a plan."""

    def __init__(self, tx: Transaction, user: User, staged: Import) -> None:
        self._tx, self._user, self._staged = tx, user, staged
        # Above all chosen IDs, so that no other row gets one of them.
        self._next = max(tx.employees.next_id(), staged.highest_id + 1)
        self._moved = array("q")
        self._managers: dict[int, int | None] = {}

    def run(self) -> None:
        """Apply all rows. Managers come before those who report to them."""
        tx, staged = self._tx, self._staged
        outcomes = (RowOutcome.ADD, RowOutcome.CHANGE)
        for line in tx.imports.lines_by_level(staged.id, outcomes, downwards=False):
            row = tx.imports.row(staged.id, line)
            assert row is not None
            employee = self._add(row) if row.outcome is RowOutcome.ADD else self._change(row)
            done = ImportRow(
                line=row.line,
                outcome=row.outcome,
                employee_id=employee.id,
                revision=employee.revision,
                level=row.level,
            )
            tx.imports.put(staged.id, [done])
        self._forget_others()
        for employee_id in self._moved:
            manager_id = tx.employees.manager_of(employee_id)
            if list(check_manager(tx, employee_id, manager_id)):
                why = f"Without the refused rows, employee {employee_id} would report to itself."
                raise ValidationFailed(why, [FieldError("skip_refused", why)])

    def _values(self, row: ImportRow, old: Mapping[str, Value]) -> dict[str, Value]:
        values = {**old, **row.changes}
        if row.manager_line is not None:
            values["manager_id"] = self._manager(row.manager_line)
        return values

    def _manager(self, line: int) -> int | None:
        """The Employee ID that the row of a manager has got."""
        if line not in self._managers:
            if len(self._managers) >= MAX_REMEMBERED:
                self._managers.clear()
            manager = self._tx.imports.row(self._staged.id, line)
            assert manager is not None
            self._managers[line] = manager.employee_id
        return self._managers[line]

    def _add(self, row: ImportRow) -> Employee:
        if row.given.get("id"):
            employee_id = _wanted(row)
        else:
            employee_id = self._next
            self._next += 1
        if employee_id > MAX_ID:
            raise ValidationFailed("There are no Employee IDs left. Add a column with free ones.")
        employee = Employee(employee_id, 1, self._values(row, self._tx.catalogue.blank))
        self._tx.employees.add(employee)
        note_change(self._tx, self._user, None, employee)
        return employee

    def _change(self, row: ImportRow) -> Employee:
        assert row.employee_id is not None
        before = self._tx.employees.get(row.employee_id)
        assert before is not None
        values = self._values(row, before.values)
        after = Employee(before.id, before.revision + 1, values)
        self._tx.employees.replace(before, after)
        note_change(self._tx, self._user, before, after)
        if values["manager_id"] not in (None, before.values["manager_id"]):
            self._moved.append(after.id)
        return after

    def _forget_others(self) -> None:
        """Drop what the other rows hold: it is personal, and no more needed."""
        tx, staged = self._tx, self._staged
        for outcome in (RowOutcome.SAME, RowOutcome.REFUSE):
            after = 0
            while rows := tx.imports.rows(staged.id, after, 500, outcome):
                bare = [ImportRow(line=each.line, outcome=each.outcome) for each in rows]
                tx.imports.put(staged.id, bare)
                after = rows[-1].line


def undo_import(tx: Transaction, user: User, params: ImportParams) -> ImportUndone:
    """Take back what an import has done, row by row; employees changed since stay as they are."""
    require_import(user)
    staged = own_import(tx, user, params.import_id)
    if staged.state is State.UNDONE:
        return told_undone(staged)
    if staged.state is not State.APPLIED:
        why = f"Import {staged.id} is {staged.state.value}: there is nothing to undo."
        raise ValidationFailed(why, [FieldError("import_id", why)])
    if staged.counts["add"]:
        require_on_record(user, Action.DELETE)
    require(tx.catalogue, user, Action.UPDATE, tx.catalogue.known(staged.update_fields))
    undone, kept, kept_count = 0, list[KeptRow](), 0
    # Changes go first: employees who were given a new manager get back the one before.
    for outcome in (RowOutcome.CHANGE, RowOutcome.ADD):
        for line in tx.imports.lines_by_level(staged.id, (outcome,), downwards=True):
            row = tx.imports.row(staged.id, line)
            assert row is not None
            assert row.employee_id is not None
            reason = _undo(tx, user, row, row.employee_id)
            if reason is None:
                undone += 1
                continue
            kept_count += 1
            if len(kept) < MAX_TOLD:
                kept.append(KeptRow(line, row.employee_id, reason))
    note(tx, user, "import.undo", f"import:{staged.id}")
    counts = {**staged.counts, "undone": undone}
    tx.imports.replace(
        msgspec.structs.replace(staged, state=State.UNDONE, counts=counts, kept=kept_count)
    )
    return ImportUndone(staged.id, undone, kept, kept_count)


def _undo(tx: Transaction, user: User, row: ImportRow, employee_id: int) -> str | None:
    """Take one row back. Returns why not, if it cannot be."""
    present = tx.employees.get(employee_id)
    if present is None:
        return f"Employee {employee_id} was deleted since."
    if present.revision != row.revision:
        return f"Employee {employee_id} was changed since."
    if row.outcome is RowOutcome.ADD:
        needed = why_needed(tx, employee_id)
        if needed is not None:
            return f"{needed[0]} now."
        tx.employees.remove(present)
        note_change(tx, user, present, None)
        return None
    change = _change_of(tx, employee_id, row.revision)
    values = {**present.values, **tx.catalogue.present(change.before)}
    errors = [
        *check_unique(tx, employee_id, present.values, values),
        *check_references(tx, present.values, values),
        *check_manager(tx, employee_id, values["manager_id"]),
    ]
    if errors:
        return f"Employee {employee_id}: {errors[0].message}"
    after = Employee(employee_id, present.revision + 1, values)
    tx.employees.replace(present, after)
    note_change(tx, user, present, after)
    return None


def _change_of(tx: Transaction, employee_id: int, revision: int) -> Change:
    return next(each for each in tx.journal.changes(employee_id) if each.revision == revision)


def told_undone(staged: Import) -> ImportUndone:
    """What is told of an import that has been undone before."""
    return ImportUndone(staged.id, staged.counts.get("undone", 0), [], staged.kept)
