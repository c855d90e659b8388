"""The SQL of employees, beside the loader of their rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache

import msgspec
from apsw import Connection

from records.api.query import EmployeeQuery
from records.model.employee import Employee, Listed, name_key, search_words, word_changes
from records.model.fields import NAMES, SEARCHED, Value
from records.model.values import Money, money_from_units, money_to_units
from records.store.sqlite.pages import Row, page_rows

# Salary is the one field that takes two columns, which stand last.
_SINGLE = tuple(name for name in NAMES if name != "salary")
_STORED = (*_SINGLE, "salary_amount", "salary_currency")
_NAMED = frozenset({"given_name", "family_name"})
_SEARCHED = frozenset(SEARCHED)
COLUMNS = ", ".join(("id", "revision", *_STORED))

_GET = f"SELECT {COLUMNS} FROM employees WHERE id = ?"
_EVERYONE = f"SELECT {COLUMNS} FROM employees ORDER BY id"
_ADD = (
    f"INSERT INTO employees ({COLUMNS}, name_key) "
    f"VALUES (:id, :revision, {', '.join(':' + name for name in _STORED)}, :name_key)"
)
_HIGHEST = (
    "SELECT max(coalesce((SELECT max(id) FROM employees), 0), "
    "coalesce((SELECT max(employee_id) FROM history), 0))"
)
_WAS_USED = (
    "SELECT EXISTS (SELECT 1 FROM employees WHERE id = :id) "
    "OR EXISTS (SELECT 1 FROM history WHERE employee_id = :id)"
)
_ADD_WORD = "INSERT INTO employee_words (word, employee_id) VALUES (?, ?)"
_REMOVE_WORD = "DELETE FROM employee_words WHERE word = ? AND employee_id = ?"


@lru_cache(maxsize=256)
def _replacement(columns: tuple[str, ...]) -> str:
    """The statement that sets these columns of one row."""
    return f"UPDATE employees SET {', '.join(f'{each} = ?' for each in columns)} WHERE id = ?"


# A dict is made of such a Struct in less time than by `zip`.
_Values = msgspec.defstruct("_Values", (*_SINGLE, "salary"), gc=False)
_BEFORE_SALARY = 2 + NAMES.index("salary")


def _salary(units: object, currency: object) -> Money | None:
    if isinstance(units, int) and isinstance(currency, str):
        return money_from_units(units, currency)
    return None


def load(row: Row) -> Employee:
    """An employee from a row of COLUMNS."""
    values = msgspec.structs.asdict(_Values(*row[2:-2], _salary(row[-2], row[-1])))
    return Employee(row[0], row[1], values)  # type: ignore[arg-type]


def load_listed(row: Row) -> Listed:
    """An employee of a list from a row of COLUMNS."""
    salary = _salary(row[-2], row[-1])
    values = (*row[2:_BEFORE_SALARY], salary, *row[_BEFORE_SALARY:-2])
    return Listed(row[0], row[1], values)  # type: ignore[arg-type]


def _stored(name: str, value: Value) -> dict[str, object]:
    """A field's value by column."""
    if name != "salary":
        return {name: value}
    if isinstance(value, Money):
        return {"salary_amount": money_to_units(value), "salary_currency": value.currency}
    return {"salary_amount": None, "salary_currency": None}


class SqliteEmployees:
    """`records.operations.boundaries.Employees` in an SQLite connection.

    removed: called when an employee was removed, which also changes whose account that was.
    """

    def __init__(self, connection: Connection, removed: Callable[[], object]) -> None:
        self._removed = removed
        self._connection = connection
        self._execute = connection.execute
        # A cursor that stays saves making one for each statement, a fifth of its time.
        changing = connection.cursor()
        self._change, self._change_many = changing.execute, changing.executemany
        self._read = connection.cursor().execute

    def get(self, employee_id: int) -> Employee | None:
        try:
            row = self._read(_GET, (employee_id,)).get
        except BaseException:
            # What fails halfway, at damaged text, keeps its state as long as its cursor lives.
            self._read = self._connection.cursor().execute
            raise
        return None if row is None else load(row)

    def everyone(self) -> Iterator[Employee]:
        for row in self._execute(_EVERYONE):
            yield load(row)

    def add(self, employee: Employee) -> None:
        bound: dict[str, object] = {"id": employee.id, "revision": employee.revision}
        for name, value in employee.values.items():
            bound.update(_stored(name, value))
        bound["name_key"] = name_key(employee.values)
        self._change(_ADD, bound)
        self._change_words(employee.id, set(), search_words(employee.id, employee.values))

    def replace(self, before: Employee, after: Employee, names: Iterable[str] = NAMES) -> None:
        old, new = before.values, after.values
        bound: dict[str, object] = {"revision": after.revision}
        for name in names:
            if old[name] != new[name]:
                bound.update(_stored(name, new[name]))
        searched = [name for name in bound if name in _SEARCHED]
        if not _NAMED.isdisjoint(bound):
            bound["name_key"] = name_key(new)
        self._change(_replacement(tuple(bound)), (*bound.values(), after.id))
        if searched:
            self._change_words(after.id, *word_changes(after.id, old, new, searched))

    def remove(self, employee: Employee) -> None:
        self._change_words(employee.id, search_words(employee.id, employee.values), set())
        self._change("DELETE FROM employees WHERE id = ?", (employee.id,))
        self._removed()

    def _change_words(self, employee_id: int, gone: set[str], fresh: set[str]) -> None:
        for statement, words in ((_REMOVE_WORD, gone), (_ADD_WORD, fresh)):
            if words:
                self._change_many(statement, [(word, employee_id) for word in sorted(words)])

    def next_id(self) -> int:
        return int(self._execute(_HIGHEST).get) + 1

    def was_used(self, employee_id: int) -> bool:
        return bool(self._execute(_WAS_USED, {"id": employee_id}).get)

    def with_ssn(self, ssn: str) -> int | None:
        found: int | None = self._execute("SELECT id FROM employees WHERE ssn = ?", (ssn,)).get
        return found

    def manager_of(self, employee_id: int) -> int | None:
        found: int | None = self._execute(
            "SELECT manager_id FROM employees WHERE id = ?", (employee_id,)
        ).get
        return found

    def count_reporting_to(self, employee_id: int) -> int:
        return int(
            self._execute(
                "SELECT count(*) FROM employees WHERE manager_id = ? AND id <> manager_id",
                (employee_id,),
            ).get
        )

    def page(self, query: EmployeeQuery, limit: int) -> list[Listed]:
        # Fetched before any is loaded: an error's traceback would keep the cursor and its state.
        rows = page_rows(self._connection, COLUMNS, query, limit)
        return [load_listed(row) for row in rows]
