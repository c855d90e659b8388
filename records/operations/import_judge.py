"""Judges the rows of an import: what each would change, and what is wrong with it.

It goes over the rows once for each `Phase`, a slice at a time. It changes no employee.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import msgspec

from records.model.access import Action, User, allows, explain
from records.model.employee import Employee
from records.model.errors import FieldError
from records.model.fields import Catalogue, Value
from records.model.imports import Import, ImportRow, Phase, RowOutcome, RowWarning, State
from records.model.values import MAX_ID
from records.operations.boundaries import Transaction
from records.operations.employees import check_references, check_unique, checked
from records.operations.import_people import MANY, People, as_id
from records.operations.warnings import warnings_of

SLICE = 500
"""Rows that one transaction passes over: some tens of milliseconds."""


def _writable(
    catalogue: Catalogue, user: User, action: Action
) -> tuple[frozenset[str], tuple[FieldError, ...]]:
    """The fields that the user may write on all records, and why not the others."""
    allowed, denied = set(), []
    for field in catalogue:
        if allows(user, action, field.field_class):
            allowed.add(field.name)
        else:
            denied.append(FieldError(field.name, explain(user, action, field.field_class)))
    return frozenset(allowed), tuple(denied)


class Planner:
    """The next slice of a plan."""

    def __init__(self, tx: Transaction, user: User, staged: Import) -> None:
        self._tx, self._user, self._staged = tx, user, staged
        self._catalogue = tx.catalogue
        self._addable, self._not_added = _writable(tx.catalogue, user, Action.ADD)
        self._updatable, self._not_updated = _writable(tx.catalogue, user, Action.UPDATE)
        self._counts = dict(staged.counts)
        self._ending, self._paid = staged.ending, staged.paid
        self._highest_id = staged.highest_id
        self._add_fields, self._update_fields = set(staged.add_fields), set(staged.update_fields)
        self._denied = {each.field: each for each in staged.denied}
        self._people = People(tx, user, staged)

    def go_on(self) -> Import:
        """Plan the next rows; the import as it is then."""
        left = SLICE
        while left > 0 and self._staged.state is State.PLANNING:
            left -= self._pass_on(left)
        return self._staged

    def _pass_on(self, limit: int) -> int:
        """Go on with the present phase, for at most so many rows. Returns how many there were."""
        staged = self._staged
        rows = self._tx.imports.rows(staged.id, staged.line, limit)
        step: Mapping[Phase, Callable[[ImportRow], ImportRow]] = {
            Phase.MATCH: self._match,
            Phase.MANAGERS: self._find_manager,
            Phase.JUDGE: self._judge,
            Phase.FOLLOW: self._follow,
        }
        for row in rows:
            done = step[staged.phase](row)
            if done is not row:
                self._tx.imports.put(staged.id, [done])
        phase, state, line = staged.phase, staged.state, rows[-1].line if rows else staged.line
        if len(rows) < limit:
            line = 0
            if phase is Phase.FOLLOW:
                state = State.PLANNED
            else:
                phase = Phase(phase.value + 1)
        self._staged = self._counted(phase, state, line)
        if phase is not staged.phase:
            self._people = People(self._tx, self._user, staged)
        return len(rows)

    def _counted(self, phase: Phase, state: State, line: int) -> Import:
        return msgspec.structs.replace(
            self._staged,
            phase=phase,
            state=state,
            line=line,
            counts=self._counts,
            ending=self._ending,
            paid=self._paid,
            highest_id=self._highest_id,
            add_fields=tuple([n for n in self._catalogue.names if n in self._add_fields]),
            update_fields=tuple([n for n in self._catalogue.names if n in self._update_fields]),
            denied=tuple(self._denied.values()),
        )

    def _match(self, row: ImportRow) -> ImportRow:
        """The row with the employee whom it is about, and errors if another row is the same."""
        given, errors = row.given, list[FieldError]()
        for name in ("id", *self._catalogue.unique):
            key = self._people.key(name, given.get(name))
            first = self._tx.imports.lines_with(self._staged.id, key, 1) if key else []
            if first and first[0] < row.line:
                label = "Employee ID" if name == "id" else self._catalogue[name].label
                errors.append(
                    FieldError(name, f"{label} stands in line {first[0]} of the same file, too.")
                )
        employee_id, by, several = self._people.matched(given)
        if several:
            errors.append(FieldError(by, several))
        revision = 0
        if employee_id is not None:
            first_line = self._tx.imports.line_of(self._staged.id, employee_id)
            if not errors and first_line is not None and first_line < row.line:
                errors.append(
                    FieldError(by, f"Line {first_line} is about the same employee, {employee_id}.")
                )
            employee = self._tx.employees.get(employee_id)
            revision = employee.revision if employee is not None else 0
        return ImportRow(
            line=row.line,
            given=given,
            employee_id=employee_id,
            revision=revision,
            errors=tuple(errors),
        )

    def _find_manager(self, row: ImportRow) -> ImportRow:
        """The row with its manager."""
        raw = row.given.get("manager_id")
        if raw in (None, "") or "manager_id" not in self._allowed(row):
            return row
        ids, lines = self._people.managers(raw)
        if len(ids) + len(lines) == 1:
            return msgspec.structs.replace(
                row,
                manager_id=ids[0] if ids else None,
                manager_line=lines[0] if lines else None,
            )
        if ids or lines:
            people = [self._people.person(each) for each in ids]
            people += [f"line {line}" for line in lines]
            why = f"Manager could be {' or '.join(people[:MANY])}. Name one by number or e-mail."
        else:
            why = "There is no such manager, neither in the file nor among the employees."
        return msgspec.structs.replace(row, errors=(*row.errors, FieldError("manager_id", why)))

    def _allowed(self, row: ImportRow) -> frozenset[str]:
        return self._addable if row.employee_id is None else self._updatable

    def _raw(self, row: ImportRow) -> dict[str, object]:
        """The values that the row sets, but for its manager; what is denied is noted and left."""
        allowed = self._allowed(row)
        why = self._not_added if row.employee_id is None else self._not_updated
        clears = self._staged.blank_clears and row.employee_id is not None
        found: dict[str, object] = {}
        for name, value in row.given.items():
            blank = value in (None, "")
            if name == "id" or (blank and not clears) or (name == "manager_id" and not blank):
                continue
            if name in self._catalogue and name not in allowed:
                self._denied.setdefault(name, next(each for each in why if each.field == name))
                continue
            found[name] = None if blank else value
        if row.given.get("manager_id") and "manager_id" not in allowed:
            denied = next(each for each in why if each.field == "manager_id")
            self._denied.setdefault("manager_id", denied)
        return found

    def _judge(self, row: ImportRow) -> ImportRow:
        """The row with its outcome."""
        tx, catalogue = self._tx, self._catalogue
        before = tx.employees.get(row.employee_id) if row.employee_id is not None else None
        old = before.values if before is not None else catalogue.blank
        raw = self._raw(row)
        good, values, errors = checked(tx, old, raw)
        errors = [*row.errors, *errors]
        if row.manager_id is not None:
            good["manager_id"] = row.manager_id
            values = {**values, "manager_id": row.manager_id}
        errors += check_references(tx, old, values)
        told = {each.field for each in errors}
        errors += [
            each
            for each in check_unique(tx, row.employee_id, old, values)
            if each.field not in told
        ]
        errors += self._id_errors(row)
        level, circle = self._people.level(row)
        errors += circle
        # A new manager's row differs from any manager of now.
        changes = {name: values[name] for name in values if name in good}
        changes = {name: new for name, new in changes.items() if new != old[name]}
        if errors:
            outcome = RowOutcome.REFUSE
        elif before is None:
            outcome = RowOutcome.ADD
        else:
            moved = changes or row.manager_line is not None
            outcome = RowOutcome.CHANGE if moved else RowOutcome.SAME
        warnings: tuple[RowWarning, ...] = ()
        if outcome in (RowOutcome.ADD, RowOutcome.CHANGE):
            warnings = self._warnings(row, values, changes)
            self._note(row, outcome, old, changes)
        self._counts[outcome.value] += 1
        self._counts["warn"] += bool(warnings)
        return msgspec.structs.replace(
            row,
            outcome=outcome,
            level=level,
            changes=changes,
            errors=tuple(errors),
            warnings=warnings,
        )

    def _id_errors(self, row: ImportRow) -> Iterator[FieldError]:
        wanted = row.given.get("id")
        if wanted in (None, "") or row.employee_id is not None:
            return
        number = as_id(wanted)
        if number is None:
            yield FieldError("id", f"Employee ID must be a whole number from 1 to {MAX_ID}.")
        elif self._tx.employees.was_used(number):
            yield FieldError("id", f"Employee ID {wanted} was in use, and its employee is deleted.")

    def _warnings(
        self, row: ImportRow, values: Mapping[str, Value], changes: Mapping[str, Value]
    ) -> tuple[RowWarning, ...]:
        employee = Employee(row.employee_id or 0, 1, values)
        found = warnings_of(self._tx, self._user, employee, tuple(changes))
        return tuple([RowWarning(each.code, each.field, each.message) for each in found])

    def _note(
        self,
        row: ImportRow,
        outcome: RowOutcome,
        old: Mapping[str, Value],
        changes: Mapping[str, Value],
    ) -> None:
        """Count what must be confirmed, and the fields that are set."""
        fields = self._add_fields if outcome is RowOutcome.ADD else self._update_fields
        fields.update(changes)
        wanted = row.given.get("id")
        if outcome is RowOutcome.ADD and isinstance(wanted, int):
            self._highest_id = max(self._highest_id, wanted)
        if row.manager_line is not None:
            fields.add("manager_id")
        if outcome is RowOutcome.CHANGE:
            self._ending += changes.get("status") == "left" and old["status"] != "left"
            self._paid += "salary" in changes

    def _follow(self, row: ImportRow) -> ImportRow:
        """The row with a warning if its manager is new, and refused."""
        if row.manager_line is None or row.outcome not in (RowOutcome.ADD, RowOutcome.CHANGE):
            return row
        manager = self._people.row(row.manager_line)
        if manager is not None and manager.outcome is not RowOutcome.REFUSE:
            return row
        self._counts["warn"] += not row.warnings
        message = f"The row of the manager, line {row.manager_line}, is refused: none is set."
        warning = RowWarning("manager-refused", "manager_id", message)
        outcome: RowOutcome = row.outcome
        if outcome is RowOutcome.CHANGE and not row.changes:
            outcome = RowOutcome.SAME
            self._counts["change"] -= 1
            self._counts["same"] += 1
        return msgspec.structs.replace(
            row, outcome=outcome, manager_line=None, warnings=(*row.warnings, warning)
        )
