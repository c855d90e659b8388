"""The contract suites of a store, for any factory of databases."""

from __future__ import annotations

from collections.abc import Callable

from twisted.trial.unittest import SynchronousTestCase

from records.operations.boundaries import Database
from records.test.store.database_contract import DatabaseContract
from records.test.store.imports_contract import ImportsContract
from records.test.store.lists_contract import ListsContract
from records.test.store.own_fields_contract import OwnFieldsContract
from records.test.store.store_contract import (
    AccountsContract,
    DatabaseCase,
    EmployeesContract,
    JournalContract,
)
from records.test.store.transaction_contract import TransactionContract
from records.testing import FakeTime

SUITES = (
    EmployeesContract,
    AccountsContract,
    JournalContract,
    ImportsContract,
    OwnFieldsContract,
    ListsContract,
    TransactionContract,
    DatabaseContract,
)

Factory = Callable[[SynchronousTestCase, FakeTime], Database]
"""Makes a new, empty database for a test."""


def suites(store: str, factory: Factory, module: str) -> dict[str, type[DatabaseCase]]:
    """A test case of each suite, by its name. A store's test module adds them to its own names.

    store: begins the names. module: the name of the module that they are in.
    """
    found: dict[str, type[DatabaseCase]] = {}
    for suite in SUITES:
        name = f"{store}{suite.__name__.removesuffix('Contract')}Tests"
        members = {
            "make_database": factory,
            "__module__": module,
            "__doc__": f"{store}: {suite.__doc__}",
        }
        found[name] = type(name, (suite,), members)
    return found
