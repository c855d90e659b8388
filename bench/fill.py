"""Makes a database file of so many employees by the product's own operations, with no daemon.

The file is a genuine one: `python -m records.admin verify` accepts it. What is left out is only
the network, and sharing commits by chance. Takes about 150 microseconds an employee.
"""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

from bench.people import CURRENCY, SALARY, employee
from records.api.messages import AddParams
from records.auth.hashing import BcryptHasher
from records.model.access import Role
from records.model.fields import STANDARD
from records.operations.accounts import LOCAL, NewAccount, add_account
from records.operations.boundaries import Transaction, Work
from records.operations.employees import add_employee
from records.store.sqlite.database import SqliteDatabase

PASSWORD = "a benchmark's own password 42"
OWNER = "bench"
ACCOUNTS = 16
"""How many accounts there are to log in to, `user1` and so on."""

BATCH = 1000


def fill(data: Path, employees: int) -> None:
    """Make the folder `data` with a database of so many employees and accounts."""
    data.mkdir(mode=0o700, parents=True)
    database = SqliteDatabase(
        data / "records.sqlite", lambda: time.time_ns() // 1000, catalogue=STANDARD
    )
    writer = database.writer()
    hashed = BcryptHasher().hash(PASSWORD)
    try:
        for works in _batches(employees, hashed):
            for done in writer.run(works):
                if done.error is not None:
                    raise done.error
            writer.maintain()
    finally:
        writer.close()


def _batches(employees: int, hashed: str) -> Iterator[list[Work]]:
    accounts = [(OWNER, Role.OWNER)]
    accounts += [(f"user{number}", Role.EMPLOYEE) for number in range(1, ACCOUNTS + 1)]
    yield [Work(_add_account, (name, role, hashed)) for name, role in accounts]
    for start in range(1, employees + 1, BATCH):
        numbers = range(start, min(start + BATCH, employees + 1))
        yield [Work(add_employee, (LOCAL, _params(number))) for number in numbers]


def _params(number: int) -> AddParams:
    salary = {"amount": SALARY, "currency": CURRENCY}
    return AddParams({"id": number, **employee(number), "salary": salary})


def _add_account(tx: Transaction, username: str, role: Role, hashed: str) -> None:
    """An account whose password need not be changed first."""
    made = add_account(tx, LOCAL, NewAccount(username, (role,), hashed))
    tx.accounts.replace(msgspec.structs.replace(made, must_change_password=False))


def filled(data: Path, employees: int, cache: Path | None) -> None:
    """`fill`, or a copy of what is in the cache; what is made goes there for the next time.

    Remove the cache when the schema or these employees change.
    """
    kept = None if cache is None else cache / f"employees-{employees}"
    if kept is not None and kept.exists():
        shutil.copytree(kept, data)
        return
    print(f"  making a database of {employees:,} employees ...", file=sys.stderr, flush=True)
    fill(data, employees)
    if kept is not None:
        draft = kept.with_name(f"{kept.name}-draft-{os.getpid()}")
        shutil.copytree(data, draft)
        draft.rename(kept)
