"""What can be wrong with a database file, and with what is derived from its records.

Only reads, except for `make_keys`. Whether records are what the history says is not known here:
`records.operations.audit` compares them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import apsw

from records.model.employee import Employee, name_key
from records.model.fields import Catalogue, Kind
from records.model.search import search_words
from records.operations.boundaries import Description, Flaw
from records.store.sqlite.employees import SqliteEmployees, columns_of
from records.store.sqlite.own_fields import catalogue_of

MOST = 20
"""Flaws of one kind that are told: one who has more needs no list of them."""

_COUNTS = {
    "employees": "employees",
    "accounts": "accounts",
    "changes": "history",
    "entries": "audit",
}
_HAS_KEY = "SELECT 1 FROM own_keys WHERE name = ? AND key = ? AND employee_id = ?"
_HAS_WORD = "SELECT 1 FROM employee_words WHERE word = ? AND employee_id = ?"


def description_of(connection: apsw.Connection) -> Description:
    """What this database is, all of it at one instant."""
    with connection:
        schema = connection.execute("SELECT max(number) FROM schema_versions").get
        counts = {
            name: int(connection.execute(f"SELECT count(*) FROM {table}").get)
            for name, table in _COUNTS.items()
        }
    return Description(str(schema), f"SQLite {apsw.sqlite_lib_version()}", counts)


def flaws_of(
    connection: apsw.Connection, standard: Catalogue, step: Callable[[str], None]
) -> list[Flaw]:
    """All flaws, those of the file first: what is derived is compared only if the file is whole."""
    connection.execute("BEGIN")
    step("Checking the database file")
    try:
        flaws = _of_file(connection)
        if flaws:
            return flaws
        step("Comparing names with what people are found and sorted by")
        return _of_derived(connection, catalogue_of(connection, standard))
    except apsw.Error as error:
        return [Flaw(f"The database file cannot be read: SQLite says {type(error).__name__}.")]
    except ValueError:  # text that is not UTF-8
        return [Flaw("The database has an employee that cannot be read.")]


def _of_file(connection: apsw.Connection) -> list[Flaw]:
    found = [row[0] for row in connection.execute(f"PRAGMA integrity_check({MOST})")]
    flaws = [Flaw(f"The database file is damaged: {each}.") for each in found if each != "ok"]
    astray = connection.execute("SELECT * FROM pragma_foreign_key_check LIMIT ?", (MOST,))
    return flaws + [
        Flaw(f"Row {row} of {table} names a row of {parent} that is not there.")
        for table, row, parent, _ in astray
    ]


def _of_derived(connection: apsw.Connection, catalogue: Catalogue) -> list[Flaw]:
    """Compare the words and keys with those that each employee should have.

    In bounded memory: each word is looked up, and then their counts tell whether there are more.
    """
    flaws: list[Flaw] = []
    has_word, has_key = connection.cursor().execute, connection.cursor().execute
    count = keyed = 0
    for employee, keys in _with_keys(connection, catalogue):
        if keys != _keys(catalogue, employee):
            flaws.append(Flaw(f"Employee {employee.id} is sorted by an outdated name.", True))
        words = search_words(catalogue, employee.id, employee.values)
        count += len(words)
        if not all(has_word(_HAS_WORD, (word, employee.id)).get for word in words):
            flaws.append(Flaw(f"Employee {employee.id} is not found by every name.", True))
        own = columns_of(catalogue).own.keys(employee.values)
        keyed += len(own)
        if not all(has_key(_HAS_KEY, (*each, employee.id)).get for each in own):
            flaws.append(Flaw(f"Employee {employee.id} is not found by an own field.", True))
        if len(flaws) >= MOST:
            return flaws
    extra = int(connection.execute("SELECT count(*) FROM own_keys").get) - keyed
    if extra > 0:
        flaws.append(Flaw(f"There are {extra} values of own fields that nobody has.", True))
    there = int(connection.execute("SELECT count(*) FROM employee_words").get)
    if there > count:
        flaws.append(Flaw(f"There are {there - count} words to search by that nobody has.", True))
    return flaws


def _key_columns(catalogue: Catalogue) -> list[str]:
    """The columns that are derived from others, the name's first."""
    columns = columns_of(catalogue)
    codes = [field.name for field in catalogue if field.kind is Kind.CODE]
    return ["name_key", *map(columns.key_of, codes)]


def _keys(catalogue: Catalogue, employee: Employee) -> tuple[object, ...]:
    """What an employee should have in these columns."""
    columns, values = columns_of(catalogue), employee.values
    codes = [field.name for field in catalogue if field.kind is Kind.CODE]
    return (name_key(values), *(columns.key(name, values[name]) for name in codes))


def _with_keys(
    connection: apsw.Connection, catalogue: Catalogue
) -> Iterator[tuple[Employee, tuple[object, ...]]]:
    """Every employee, with what is in these columns."""
    rows = connection.cursor().execute(
        f"SELECT {', '.join(_key_columns(catalogue))} FROM employees ORDER BY id"
    )
    everyone = SqliteEmployees(connection, catalogue, lambda: None).everyone()
    yield from zip(everyone, rows, strict=True)


def make_keys(connection: apsw.Connection, catalogue: Catalogue) -> None:
    """Make these columns anew, in the transaction under way."""
    wrong = [
        (*_keys(catalogue, employee), employee.id)
        for employee, keys in _with_keys(connection, catalogue)
        if keys != _keys(catalogue, employee)
    ]
    assigned = ", ".join(f"{each} = ?" for each in _key_columns(catalogue))
    connection.executemany(f"UPDATE employees SET {assigned} WHERE id = ?", wrong)
    connection.execute("DELETE FROM own_keys")
    own = columns_of(catalogue).own
    if own.keyed:
        for employee in SqliteEmployees(connection, catalogue, lambda: None).everyone():
            rows = [(*key, employee.id) for key in sorted(own.keys(employee.values))]
            connection.executemany("INSERT INTO own_keys VALUES (?, ?, ?)", rows)
