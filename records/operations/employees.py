"""The employee methods, each in one transaction: gate, validate, change, history and audit entry.

Each function takes the transaction, the user, and checked params, and returns a result or raises a
`RecordsError`. The gate comes first, so a refusal never follows a change and tells nothing of the
record.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from records.api.messages import (
    AddParams,
    DeleteParams,
    EmployeeDeleted,
    EmployeeShown,
    EmployeeStored,
    GetParams,
    UpdateParams,
    ValuesInUse,
    ValuesParams,
)
from records.model.access import Action, User, require, require_on_record, view
from records.model.employee import Employee, check_fields, check_whole, visible
from records.model.errors import (
    AlreadyExists,
    FieldError,
    NotFound,
    RevisionConflict,
    ValidationFailed,
)
from records.model.fields import Kind, Value
from records.model.values import MAX_ID, Invalid, check_reference
from records.operations.boundaries import Transaction
from records.operations.journal import note, note_change
from records.operations.warnings import today_of, warnings_of

MAX_LEVELS = 1000
"""Levels of management that are followed upwards; no company has as many."""


def _existing(tx: Transaction, employee_id: int) -> Employee:
    employee = tx.employees.get(employee_id)
    if employee is None:
        raise NotFound(f"There is no employee {employee_id}.")
    return employee


def _shown(
    tx: Transaction, user: User, employee: Employee, revealed: tuple[str, ...] = ()
) -> EmployeeShown:
    catalogue = tx.catalogue
    seen = view(catalogue, user, employee.id, revealed)
    values = employee.values
    hidden = tuple([name for name in seen.masked if values[name] is not None])
    return EmployeeShown(visible(catalogue, employee, seen), hidden)


def _stored(
    tx: Transaction, user: User, employee: Employee, touched: Collection[str] = ()
) -> EmployeeStored:
    catalogue = tx.catalogue
    shown = visible(catalogue, employee, view(catalogue, user, employee.id))
    return EmployeeStored(shown, warnings_of(tx, user, employee, touched))


def _id_of(tx: Transaction, params: GetParams) -> int | None:
    """The Employee ID that the params name; None for an unknown employee number."""
    if params.employee_number is None:
        return params.id
    return tx.employees.holder("employee_number", params.employee_number)


def _named(tx: Transaction, params: GetParams, employee_id: int | None) -> Employee:
    if employee_id is None:
        raise NotFound("There is no employee with this employee number.")
    return _existing(tx, employee_id)


def get_employee(tx: Transaction, user: User, params: GetParams) -> EmployeeShown:
    """One employee, masked."""
    employee_id = _id_of(tx, params)
    require(tx.catalogue, user, Action.READ, ("given_name",), employee_id)
    return _shown(tx, user, _named(tx, params, employee_id))


def reveal_employee(tx: Transaction, user: User, params: GetParams) -> EmployeeShown:
    """One employee with some fields unmasked. It writes an audit entry, so it is a write."""
    catalogue = tx.catalogue
    known = catalogue.known(params.reveal)
    unknown = [name for name in params.reveal if name not in catalogue]
    masked = tuple(dict.fromkeys(name for name in known if catalogue[name].masked))
    employee_id = _id_of(tx, params)
    require(catalogue, user, Action.READ, ("given_name", *known), employee_id)
    require(catalogue, user, Action.REVEAL, masked, employee_id)
    if unknown:
        raise ValidationFailed(
            "These fields cannot be revealed.",
            [FieldError(f"reveal.{name[:100]}", "There is no such field.") for name in unknown],
        )
    employee = _named(tx, params, employee_id)
    if masked:
        note(tx, user, "employee.reveal", f"employee:{employee.id}", fields=masked)
    return _shown(tx, user, employee, masked)


def list_values(tx: Transaction, user: User, params: ValuesParams) -> ValuesInUse:
    """The values that employees have in a field, such as all departments."""
    field = tx.catalogue.get(params.field)
    require(tx.catalogue, user, Action.READ, ("given_name", *([field.name] if field else ())))
    if field is None or field.masked or field.kind is Kind.MONEY:
        why = f"{field.label} has no values to list." if field else "There is no such field."
        raise ValidationFailed("This field cannot be listed.", [FieldError("field", why)])
    return ValuesInUse(tx.employees.values_of(field.name, params.limit))


def checked(
    tx: Transaction, before: Mapping[str, Value], raw: Mapping[str, object]
) -> tuple[dict[str, Value], dict[str, Value], list[FieldError]]:
    """The changes in canonical form, the whole record with them, and the errors so far.

    before: the values so far; the catalogue's `blank` for a new record.
    """
    catalogue = tx.catalogue
    good, errors = check_fields(catalogue, raw)
    values = {**before, **good}
    wrong = [error.field for error in errors]
    # Employees from before a field may lack it; but it cannot be taken away.
    is_new = before is catalogue.blank
    wanted = [name for name in catalogue.wanted if is_new or before[name] is not None]
    errors += check_whole(catalogue, values, today_of(tx), wrong, wanted)
    return good, values, errors


def check_references(
    tx: Transaction, old: Mapping[str, Value], new: Mapping[str, Value]
) -> Iterable[FieldError]:
    """Errors for new values of own fields that name an employee who is not there."""
    for name in tx.catalogue.references:
        value = new[name]
        if isinstance(value, int) and value != old[name] and tx.employees.get(value) is None:
            yield FieldError(name, f"There is no employee {value}. Enter an Employee ID.")


def check_manager(
    tx: Transaction, employee_id: int | None, manager_id: Value
) -> Iterable[FieldError]:
    """Errors if the manager does not exist, is the employee, or reports to the employee."""
    if not isinstance(manager_id, int):
        return
    if manager_id == employee_id:
        yield FieldError("manager_id", "An employee cannot be their own manager.")
        return
    if tx.employees.get(manager_id) is None:
        yield FieldError(
            "manager_id", f"There is no employee {manager_id}. Enter the manager's Employee ID."
        )
        return
    above: int | None = manager_id
    for _ in range(MAX_LEVELS):
        if above is None:
            return
        if above == employee_id:
            break
        above = tx.employees.manager_of(above)
    yield FieldError(
        "manager_id",
        f"Employee {manager_id} already reports, directly or indirectly, to this employee.",
    )


def check_unique(
    tx: Transaction, employee_id: int | None, old: Mapping[str, Value], new: Mapping[str, Value]
) -> Iterable[FieldError]:
    """Errors for new values of unique fields that another employee has."""
    for name in tx.catalogue.unique:
        value = new[name]
        if value in (None, old[name]):
            continue
        if tx.employees.holder(name, value) not in (None, employee_id):
            yield FieldError(name, f"{tx.catalogue[name].label} belongs to another employee.")


def _refuse(errors: list[FieldError], taken: list[FieldError]) -> None:
    """Raise the errors, if any. Only values that are taken make a conflict."""
    if errors:
        raise ValidationFailed("Some fields are not right.", errors + taken)
    if taken:
        raise AlreadyExists(taken[0].message, taken)


def add_employee(tx: Transaction, user: User, params: AddParams) -> EmployeeStored:
    """Add an employee under the given ID or the next free one, or only check the addition."""
    raw: dict[str, object] = dict(params.employee)
    wanted = raw.pop("id", None)
    require(tx.catalogue, user, Action.ADD, ("given_name", *tx.catalogue.known(raw)))
    errors: list[FieldError] = []
    taken: list[FieldError] = []
    employee_id: int | None = None
    if wanted is not None:
        try:
            employee_id = check_reference(wanted)
        except Invalid as reason:
            errors.append(FieldError("id", f"Employee ID {reason}"))
        else:
            if tx.employees.was_used(employee_id):
                taken.append(FieldError("id", f"Employee ID {employee_id} is or was in use."))
    _, values, wrong = checked(tx, tx.catalogue.blank, raw)
    errors += wrong
    errors += check_manager(tx, employee_id, values["manager_id"])
    errors += check_references(tx, tx.catalogue.blank, values)
    taken += check_unique(tx, None, tx.catalogue.blank, values)
    _refuse(errors, taken)
    if employee_id is None:
        employee_id = tx.employees.next_id()
        if employee_id > MAX_ID:
            raise ValidationFailed(
                "Some fields are not right.",
                [
                    FieldError(
                        "id",
                        "Employee ID is missing: the highest one is in use, so choose a free one.",
                    )
                ],
            )
    employee = Employee(employee_id, 1, values)
    result = _stored(tx, user, employee, [name for name in values if values[name] is not None])
    if not params.check_only:
        tx.employees.add(employee)
        note_change(tx, user, None, employee)
    return result


def _at_revision(tx: Transaction, user: User, employee_id: int, revision: int) -> Employee:
    employee = _existing(tx, employee_id)
    if employee.revision != revision:
        shown = _shown(tx, user, employee)
        raise RevisionConflict(
            f"Employee {employee_id} has changed since you saw it: it is at revision "
            f"{employee.revision}, and you named {revision}.",
            details={"employee": shown.employee, "masked": shown.masked},
        )
    return employee


def update_employee(tx: Transaction, user: User, params: UpdateParams) -> EmployeeStored:
    """Change some fields of an employee, or only check that. Equal values are no change."""
    named = ("given_name", *tx.catalogue.known(params.changes))
    require(tx.catalogue, user, Action.UPDATE, named, params.id)
    before = _at_revision(tx, user, params.id, params.revision)
    good, values, errors = checked(tx, before.values, params.changes)
    if values["manager_id"] != before.values["manager_id"]:
        errors += check_manager(tx, before.id, values["manager_id"])
    errors += check_references(tx, before.values, values)
    taken = list(check_unique(tx, before.id, before.values, values))
    _refuse(errors, taken)
    if values == before.values:
        return _stored(tx, user, before)
    after = Employee(before.id, before.revision + 1, values)
    # In the record's order. The one field of most changes needs no sorting.
    touched = list(good) if len(good) == 1 else [name for name in values if name in good]
    differ = [name for name in touched if values[name] != before.values[name]]
    result = _stored(tx, user, after, differ)
    if not params.check_only:
        tx.employees.replace(before, after, touched)
        note_change(tx, user, before, after, touched)
    return result


def why_needed(tx: Transaction, employee_id: int) -> tuple[str, str] | None:
    """Who needs an employee, and what to do about it; None if the employee can be deleted."""
    reports = tx.employees.count_reporting_to(employee_id)
    if reports:
        people = "1 employee reports" if reports == 1 else f"{reports} employees report"
        return f"{people} to employee {employee_id}", "Give them another manager first."
    named = tx.employees.count_naming(employee_id)
    if named:
        people = "1 employee names" if named == 1 else f"{named} employees name"
        where = "in one of the company's own fields"
        return f"{people} employee {employee_id} {where}", "Change that first."
    return None


def delete_employee(tx: Transaction, user: User, params: DeleteParams) -> EmployeeDeleted:
    """Delete an employee to whom nobody reports, and whom nobody names. The ID is never reused."""
    require_on_record(user, Action.DELETE, params.id)
    employee = _at_revision(tx, user, params.id, params.revision)
    needed = why_needed(tx, employee.id)
    if needed is not None:
        who, remedy = needed
        raise ValidationFailed(f"{who}. {remedy}", [FieldError("id", f"{who}.")])
    tx.employees.remove(employee)
    return EmployeeDeleted(employee.id, note_change(tx, user, employee, None))
