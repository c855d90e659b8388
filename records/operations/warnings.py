"""Warnings: what looks wrong about a change of an employee, although it may be right.

A warning never stops a change. It goes by fields that the user may read on the records concerned,
and tells nothing of others. Each concerns fields that the change has touched.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import date
from enum import Enum

from records.api.messages import FieldWarning
from records.model.access import User, view
from records.model.accounts import SECOND
from records.model.employee import Employee
from records.model.names import written_name
from records.model.search import PERSON_FIELDS, email_key, person_key
from records.operations.boundaries import Transaction


class Code(Enum):
    """What a warning is about, for programs."""

    POSSIBLE_DUPLICATE = "possible-duplicate"
    YOUNGER_THAN_14 = "younger-than-14"
    LEAVER_NOT_LEFT = "leaver-not-left"
    MANAGER_LEFT = "manager-left"
    HIRE_FAR_AHEAD = "hire-far-ahead"


MIN_AGE = 14
"""Years. The youngest age for most work in the US (29 CFR part 570, subpart C)."""

MAX_ALIKE = 200
"""Employees alike that are looked at."""

MAX_NAMED = 3
"""Employees that a warning names."""


_DAY = 24 * 60 * 60 * SECOND
_FIRST_DAY = date(1970, 1, 1).toordinal()


def today_of(tx: Transaction) -> date:
    """The date of a transaction, in UTC."""
    return date.fromordinal(_FIRST_DAY + tx.now // _DAY)


def warnings_of(
    tx: Transaction, user: User, employee: Employee, touched: Collection[str]
) -> tuple[FieldWarning, ...]:
    """The warnings about an employee as it is after a change.

    touched: the fields that differ from before.
    """
    if _CONCERNED.isdisjoint(touched):
        return ()
    today = today_of(tx)
    seen = _readable(tx, user, employee.id)
    found = [
        *_duplicates(tx, user, employee, touched),
        *_ages(employee, today),
        *_ends(employee, today),
        *_manager(tx, user, employee),
    ]
    return tuple(
        [
            FieldWarning(code.value, field, message)
            for code, field, message, fields in found
            if seen.issuperset(fields) and not set(fields).isdisjoint(touched)
        ]
    )


_Found = tuple[Code, str, str, tuple[str, ...]]
"""Code, field, message, and the fields that it goes by."""


_CONCERNED = frozenset(
    {
        *("given_name", "family_name", "email", "birth_date"),
        *("hire_date", "termination_date", "status", "manager_id"),
    }
)
"""The fields that warnings are about."""


def _readable(tx: Transaction, user: User, employee_id: int) -> frozenset[str]:
    return frozenset(view(tx.catalogue, user, employee_id).plain)


def _duplicates(
    tx: Transaction, user: User, employee: Employee, touched: Collection[str]
) -> Iterator[_Found]:
    """Other employees with the same name and birth date, or the same e-mail address."""
    values = employee.values
    if values["birth_date"] and not set(PERSON_FIELDS).isdisjoint(touched):
        alike = _others(tx, user, employee, person_key(values), PERSON_FIELDS)
        if alike:
            message = f"Same name and birth date as {_listed(alike)}."
            yield Code.POSSIBLE_DUPLICATE, "birth_date", message, PERSON_FIELDS
    if values["email"] and "email" in touched:
        fields = ("email", "given_name", "family_name")
        alike = _others(tx, user, employee, email_key(str(values["email"])), fields)
        if alike:
            message = f"Same e-mail address as {_listed(alike)}."
            yield Code.POSSIBLE_DUPLICATE, "email", message, ("email",)


def _others(
    tx: Transaction, user: User, employee: Employee, word: str, fields: Collection[str]
) -> list[Employee]:
    """Other employees with this word, as far as the user may read these fields of theirs."""
    found = []
    for other_id in tx.employees.with_word(word, MAX_ALIKE):
        if other_id != employee.id and _readable(tx, user, other_id).issuperset(fields):
            other = tx.employees.get(other_id)
            if other is not None:
                found.append(other)
    return found


def _listed(employees: list[Employee]) -> str:
    named = [f"{written_name(each.values)} ({each.id})" for each in employees[:MAX_NAMED]]
    more = len(employees) - len(named)
    return ", ".join(named) + (f" and {more} more" if more else "")


def _ages(employee: Employee, today: date) -> Iterator[_Found]:
    born, hired = _day(employee, "birth_date"), _day(employee, "hire_date")
    if born is None:
        return
    when = "on the hire date" if hired is not None and _age(born, hired) < MIN_AGE else "today"
    if when != "today" or _age(born, today) < MIN_AGE:
        message = f"Younger than {MIN_AGE} {when}: is the birth date right?"
        yield Code.YOUNGER_THAN_14, "birth_date", message, ("birth_date", "hire_date")


def _ends(employee: Employee, today: date) -> Iterator[_Found]:
    values = employee.values
    left, hired = _day(employee, "termination_date"), _day(employee, "hire_date")
    if left is not None and left < today and values["status"] != "left":
        message = f"The termination date is past, but the status is {values['status']}, not left."
        yield Code.LEAVER_NOT_LEFT, "status", message, ("termination_date", "status")
    if hired is not None and hired > _a_year_after(today):
        message = "The hire date is more than a year away: is the year right?"
        yield Code.HIRE_FAR_AHEAD, "hire_date", message, ("hire_date",)


def _manager(tx: Transaction, user: User, employee: Employee) -> Iterator[_Found]:
    manager_id = employee.values["manager_id"]
    manager = tx.employees.get(manager_id) if isinstance(manager_id, int) else None
    if manager is None or "status" not in _readable(tx, user, manager.id):
        return
    if manager.values["status"] == "left":
        message = f"The manager, {written_name(manager.values)} ({manager.id}), has left."
        yield Code.MANAGER_LEFT, "manager_id", message, ("manager_id",)


def _day(employee: Employee, name: str) -> date | None:
    value = employee.values[name]
    return date.fromisoformat(value) if isinstance(value, str) else None


def _a_year_after(day: date) -> date:
    """The same day of the next year; 28 February after a 29 February."""
    try:
        return day.replace(year=day.year + 1)
    except ValueError:
        return date(day.year + 1, 2, 28)


def _age(born: date, on: date) -> int:
    """Whole years. Who was born on 29 February has a birthday on 1 March in other years."""
    return on.year - born.year - ((on.month, on.day) < (born.month, born.day))
