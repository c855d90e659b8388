"""Verification of the audit log, the history, and the employees."""

from __future__ import annotations

from collections.abc import Iterator

from records.model.audit import BrokenChain, Entry, Head, verify
from records.model.employee import Employee
from records.model.history import Change, HistoryReplay
from records.operations.boundaries import Employees, Transaction
from records.operations.journal import digest_of


def verify_journal(tx: Transaction) -> Head:
    """Check the audit log from end to end, and compare each change with its entry.

    Then compare every employee with the sum of its changes. Returns the head of the log. Raises
    `model.audit.BrokenChain` at the first fault; for an employee, seq is that of its last change,
    or of the head if it has none. Accounts, roles, sessions, and what is derived for searching and
    sorting have no history, and are not covered.
    """
    replay = HistoryReplay(tx.catalogue)
    changes = _followed(replay, tx.journal.all_changes())
    head = verify(_compared(tx.journal.entries(), changes))
    _compare_employees(tx.employees, replay, head.seq)
    return head


def _followed(replay: HistoryReplay, changes: Iterator[Change]) -> Iterator[Change]:
    """The changes, each added to the replay on its way."""
    for change in changes:
        replay.follow(change)
        yield change


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


def _compare_employees(employees: Employees, replay: HistoryReplay, head: int) -> None:
    """Compare the employees with the history. Raises `BrokenChain`."""
    expected = replay.employees
    for employee in _readable(employees, head):
        seq = replay.last_changes.get(employee.id, head)
        if employee != expected.pop(employee.id, None):
            raise BrokenChain(seq, f"employee {employee.id} is not what the history says")
    for employee_id in expected:
        seq = replay.last_changes[employee_id]
        raise BrokenChain(seq, f"employee {employee_id} is not there, and should be")


def _readable(employees: Employees, head: int) -> Iterator[Employee]:
    """Every employee. Raises `BrokenChain` at one that cannot be read."""
    last = 0
    try:
        for employee in employees.everyone():
            last = employee.id
            yield employee
    except ValueError:
        raise BrokenChain(head, f"the employee after {last} cannot be read") from None
