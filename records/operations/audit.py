"""Verification of the audit log, the history, and the employees."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import groupby

from records.model.audit import BrokenChain, Entry, Head, verify
from records.model.employee import Employee
from records.model.fields import Catalogue
from records.model.history import Change, HistoryReplay
from records.operations.boundaries import Employees, Transaction
from records.operations.journal import digest_of

STRIDE = 10_000
"""Entries between two reports of how far verification is."""


def verify_journal(tx: Transaction, told: Callable[[int], None] | None = None) -> Head:
    """Check the audit log from end to end, and compare each change with its entry.

    Then compare every employee with the sum of its changes. Needs little memory, however many there
    are. told: called with the seq of an entry, once for every `STRIDE` of them. Returns the head of
    the log. Raises `model.audit.BrokenChain` at the first fault; for an employee, seq is that of
    its last change, or of the head if it has none. Accounts, roles, sessions, and what is derived
    for searching and sorting have no history, and are not covered.
    """
    entries = tx.journal.entries() if told is None else _counted(tx.journal.entries(), told)
    head = verify(_compared(entries, tx.journal.all_changes()))
    _compare_employees(tx, head.seq)
    return head


def _counted(entries: Iterator[Entry], told: Callable[[int], None]) -> Iterator[Entry]:
    for entry in entries:
        if entry.seq % STRIDE == 0:
            told(entry.seq)
        yield entry


def _compared(entries: Iterator[Entry], changes: Iterator[Change]) -> Iterator[Entry]:
    """The entries, each compared with its change, if it has one."""
    change = next(changes, None)
    for entry in entries:
        if change is not None and change.seq < entry.seq:
            break
        if change is not None and change.seq == entry.seq:
            if not _tells_of(entry, change):
                raise BrokenChain(entry.seq, "is not what its row in the history says")
            change = next(changes, None)
        elif entry.event.digest:
            raise BrokenChain(entry.seq, "has no row in the history, and should")
        yield entry
    if change is not None:
        raise BrokenChain(change.seq, "is missing, but its row in the history is there")


def _tells_of(entry: Entry, change: Change) -> bool:
    event = entry.event
    return (event.digest, event.actor, entry.at) == (digest_of(change), change.actor, change.at)


def _compare_employees(tx: Transaction, head: int) -> None:
    """Compare the employees with the history, both in the order of IDs. Raises `BrokenChain`."""
    employees = _readable(tx.employees, head)
    employee = next(employees, None)
    missing: BrokenChain | None = None
    for employee_id, changes in groupby(tx.journal.changes_by_employee(), _employee_of):
        if employee is not None and employee.id < employee_id:
            break  # it has no history
        expected, seq = _sum_of(changes, tx.catalogue)
        if employee is not None and employee.id == employee_id:
            if employee != expected:
                raise BrokenChain(seq, f"employee {employee_id} is not what the history says")
            employee = next(employees, None)
        elif expected is not None and missing is None:
            # One who is there and should not be tells more, so that comes first.
            missing = BrokenChain(seq, f"employee {employee_id} is not there, and should be")
    if employee is not None:
        raise BrokenChain(head, f"employee {employee.id} is not what the history says")
    if missing is not None:
        raise missing


def _employee_of(change: Change) -> int:
    return change.employee_id


def _sum_of(changes: Iterable[Change], catalogue: Catalogue) -> tuple[Employee | None, int]:
    """An employee as all its changes give it, None if it is deleted; and the last one's seq.

    Raises `BrokenChain` if revisions were not made in their order.
    """
    replay = HistoryReplay(catalogue)
    employee_id = seq = 0
    for change in changes:
        if change.seq < seq:
            raise BrokenChain(change.seq, f"employee {change.employee_id} has revisions astray")
        employee_id, seq = change.employee_id, change.seq
        replay.follow(change)
    return replay.employees.get(employee_id), seq


def _readable(employees: Employees, head: int) -> Iterator[Employee]:
    """Every employee. Raises `BrokenChain` at one that cannot be read."""
    last = 0
    try:
        for employee in employees.everyone():
            last = employee.id
            yield employee
    except ValueError:
        raise BrokenChain(head, f"the employee after {last} cannot be read") from None
