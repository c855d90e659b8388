"""The SQL of employees, beside the loader of their rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Set
from functools import lru_cache

import msgspec
from apsw import Connection

from records.api.query import EmployeeQuery
from records.model.employee import Employee, Listed, name_key
from records.model.fields import Catalogue, Kind, Value
from records.model.search import PERSON_FIELDS, search_words, word_changes
from records.model.values import Money, code_key, money_from_units, money_to_units
from records.store.sqlite.own_fields import OwnValues
from records.store.sqlite.pages import Row, count_rows, own_column, page_rows

_NAMED = frozenset({"given_name", "family_name"})

_HIGHEST = (
    "SELECT max(coalesce((SELECT max(id) FROM employees), 0), "
    "coalesce((SELECT max(employee_id) FROM history), 0))"
)
_WAS_USED = (
    "SELECT EXISTS (SELECT 1 FROM employees WHERE id = :id) "
    "OR EXISTS (SELECT 1 FROM history WHERE employee_id = :id)"
)
_OWN = "SELECT own FROM employees WHERE id = ?"
_SHARED = (
    "SELECT min(employee_id), max(employee_id) FROM own_keys WHERE name = ? GROUP BY key "
    "HAVING count(*) > 1 LIMIT 1"
)
_ADD_KEY = "INSERT INTO own_keys (name, key, employee_id) VALUES (?, ?, ?)"
_REMOVE_KEY = "DELETE FROM own_keys WHERE name = ? AND key = ? AND employee_id = ?"
_ADD_WORD = "INSERT INTO employee_words (word, employee_id) VALUES (?, ?)"
_REMOVE_WORD = "DELETE FROM employee_words WHERE word = ? AND employee_id = ?"


@lru_cache(maxsize=256)
def _replacement(columns: tuple[str, ...]) -> str:
    """The statement that sets these columns of one row."""
    return f"UPDATE employees SET {', '.join(f'{each} = ?' for each in columns)} WHERE id = ?"


_MONEY = ("amount", "currency", "per")


def _money(units: object, currency: object, per: object) -> Money | None:
    if isinstance(units, int) and isinstance(currency, str):
        return money_from_units(units, currency, str(per))
    return None


class Columns:
    """How the fields of a catalogue are stored: the columns, and the loaders of their rows.

    A field has a column of its name. A field of money has three instead, NAME_amount, NAME_currency
    and NAME_per; they come after the others. A code has NAME_key as well, to be found by. A
    company's own fields share one column, the last of a row, which is not read if there are none.
    own: how they are stored in it.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        standard = [field for field in catalogue if not field.own]
        self._money = frozenset(field.name for field in standard if field.kind is Kind.MONEY)
        self._codes = frozenset(field.name for field in standard if field.kind is Kind.CODE)
        names = [field.name for field in standard]
        single = [name for name in names if name not in self._money]
        money = [name for name in names if name in self._money]
        stored = [*single, *(f"{name}_{part}" for name in money for part in _MONEY)]
        self.own = OwnValues(catalogue)
        self._has_own = bool(catalogue.own)
        read = ["id", "revision", *stored, *(["own"] if self._has_own else [])]
        self.names = ", ".join(read)
        self.get = f"SELECT {self.names} FROM employees WHERE id = ?"
        self.everyone = f"SELECT {self.names} FROM employees ORDER BY id"
        codes = map(self.key_of, sorted(self._codes))
        added = ["id", "revision", *stored, *codes, "name_key", "own"]
        self.add = (
            f"INSERT INTO employees ({', '.join(added)}) "
            f"VALUES ({', '.join(':' + name for name in added)})"
        )
        self._end = 2 + len(single)
        starts = range(self._end, self._end + len(_MONEY) * len(money), len(_MONEY))
        self._starts = tuple(starts)
        self._places = tuple(zip(map(names.index, money), starts, strict=True))
        # Faster than making a dict by `zip`.
        own = [(name, object, None) for name in self.own.blank]
        self._values = msgspec.defstruct("_Values", (*single, *money, *own), gc=False)

    def load(self, row: Row) -> Employee:
        """The employee of a row."""
        money = [_money(*row[start : start + 3]) for start in self._starts]
        values = msgspec.structs.asdict(self._values(*row[2 : self._end], *money))
        if self._has_own and row[-1] is not None:
            values.update(self.own.load(row[-1]))
        return Employee(row[0], row[1], values)  # type: ignore[arg-type]

    def load_listed(self, row: Row) -> Listed:
        """The employee of a row, for a list."""
        values = [*row[2 : self._end]]
        for place, start in self._places:
            values.insert(place, _money(*row[start : start + 3]))
        if self._has_own:
            values.extend(self.own.load(row[-1]).values())
        return Listed(row[0], row[1], tuple(values))  # type: ignore[arg-type]

    def stored(self, name: str, value: Value) -> dict[str, object]:
        """The value of a field of every installation, by column."""
        if name in self._codes:
            return {name: value, self.key_of(name): self.key(name, value)}
        if name not in self._money:
            return {name: value}
        parts: tuple[object, ...] = (None, None, "year")
        if isinstance(value, Money):
            parts = (money_to_units(value), value.currency, value.per)
        return {f"{name}_{part}": each for part, each in zip(_MONEY, parts, strict=True)}

    def key_of(self, name: str) -> str:
        """The column that tells whether two employees have the same value of a field."""
        return f"{name}_key" if name in self._codes else name

    def key(self, name: str, value: Value) -> Value:
        """The value in that column."""
        return code_key(str(value)) if name in self._codes and value is not None else value


columns_of = lru_cache(maxsize=16)(Columns)
"""The `Columns` of a catalogue."""


class SqliteEmployees:
    """`records.operations.boundaries.Employees` in an SQLite connection.

    removed: called when an employee was removed, which may also unlink an account.
    """

    def __init__(
        self, connection: Connection, catalogue: Catalogue, removed: Callable[[], object]
    ) -> None:
        self.use(catalogue)
        self._removed = removed
        self._connection = connection
        self._execute = connection.execute
        # Reusing a cursor saves a fifth of the time of a statement.
        changing = connection.cursor()
        self._change, self._change_many = changing.execute, changing.executemany
        self._read = connection.cursor().execute

    def use(self, catalogue: Catalogue) -> None:
        """Employees have these fields from now on."""
        self._catalogue = catalogue
        self._columns = columns_of(catalogue)
        self._searched = frozenset((*catalogue.searched, *PERSON_FIELDS))

    def get(self, employee_id: int) -> Employee | None:
        try:
            row = self._read(self._columns.get, (employee_id,)).get
        except BaseException:
            # A read that fails, at damaged text, keeps its state as long as its cursor exists.
            self._read = self._connection.cursor().execute
            raise
        return None if row is None else self._columns.load(row)

    def everyone(self) -> Iterator[Employee]:
        for row in self._execute(self._columns.everyone):
            yield self._columns.load(row)

    def add(self, employee: Employee) -> None:
        bound: dict[str, object] = {"id": employee.id, "revision": employee.revision}
        own = self._columns.own
        for name, value in employee.values.items():
            if name not in own.blank:
                bound.update(self._columns.stored(name, value))
        bound["name_key"] = name_key(employee.values)
        bound["own"] = own.stored(employee.values)
        self._change(self._columns.add, bound)
        self._change_words(employee.id, set(), self._words(employee))
        self._change_keys(employee.id, set(), own.keys(employee.values))

    def replace(
        self, before: Employee, after: Employee, names: Iterable[str] | None = None
    ) -> None:
        old, new, own = before.values, after.values, self._columns.own
        bound: dict[str, object] = {"revision": after.revision}
        compared = self._catalogue.names if names is None else names
        changed = [name for name in compared if old[name] != new[name]]
        for name in changed:
            if name not in own.blank:
                bound.update(self._columns.stored(name, new[name]))
            elif "own" not in bound:
                bound["own"] = own.stored(new, self._execute(_OWN, (after.id,)).get)
                self._change_keys(after.id, own.keys(old), own.keys(new))
        searched = [name for name in changed if name in self._searched]
        if not _NAMED.isdisjoint(bound):
            bound["name_key"] = name_key(new)
        self._change(_replacement(tuple(bound)), (*bound.values(), after.id))
        if searched:
            changes = word_changes(self._catalogue, after.id, old, new, searched)
            self._change_words(after.id, *changes)

    def remove(self, employee: Employee) -> None:
        self._change_words(employee.id, self._words(employee), set())
        self._change_keys(employee.id, self._columns.own.keys(employee.values), set())
        self._change("DELETE FROM employees WHERE id = ?", (employee.id,))
        self._removed()

    def _words(self, employee: Employee) -> Set[str]:
        return search_words(self._catalogue, employee.id, employee.values)

    def _change_words(self, employee_id: int, gone: Set[str], fresh: Set[str]) -> None:
        for statement, words in ((_REMOVE_WORD, gone), (_ADD_WORD, fresh)):
            if words:
                self._change_many(statement, [(word, employee_id) for word in sorted(words)])

    def _change_keys(
        self, employee_id: int, old: Set[tuple[str, str]], new: Set[tuple[str, str]]
    ) -> None:
        for statement, keys in ((_REMOVE_KEY, old - new), (_ADD_KEY, new - old)):
            if keys:
                self._change_many(statement, [(*each, employee_id) for each in sorted(keys)])

    def rederive(self, before: Catalogue, name: str) -> None:
        """Make anew what is derived from an own field that was defined otherwise until now.

        before: the catalogue with that definition.
        """
        earlier, present = columns_of(before), self._columns
        is_searched, was_searched = name in self._catalogue.searched, name in before.searched
        if (is_searched, present.own.is_keyed(name)) == (was_searched, earlier.own.is_keyed(name)):
            return
        self._change("DELETE FROM own_keys WHERE name = ?", (name,))
        having = f"SELECT id FROM employees WHERE {own_column(name)} IS NOT NULL"
        for employee_id in [int(row[0]) for row in self._execute(having)]:
            row = self._execute(earlier.get, (employee_id,)).get
            employee = self.get(employee_id)
            assert employee is not None
            keys = {key for key in present.own.keys(employee.values) if key[0] == name}
            self._change_keys(employee_id, set(), keys)
            if is_searched != was_searched:
                words = search_words(before, employee_id, earlier.load(row).values)
                fresh = self._words(employee)
                self._change_words(employee_id, words - fresh, fresh - words)

    def shared(self, name: str) -> tuple[int, int] | None:
        found = self._execute(_SHARED, (name,)).get
        return None if found is None else (int(found[0]), int(found[1]))

    def next_id(self) -> int:
        return int(self._execute(_HIGHEST).get) + 1

    def was_used(self, employee_id: int) -> bool:
        return bool(self._execute(_WAS_USED, {"id": employee_id}).get)

    def holder(self, name: str, value: Value) -> int | None:
        if name not in self._catalogue.unique:  # the name becomes part of a statement
            raise ValueError(f"{name} is not a unique field")
        columns, field = self._columns, self._catalogue[name]
        if field.own:
            statement = "SELECT employee_id FROM own_keys WHERE name = ? AND key = ?"
            bound: tuple[Value, ...] = (name, field.key(value))
        else:
            statement = f"SELECT id FROM employees WHERE {columns.key_of(name)} = ?"
            bound = (columns.key(name, value),)
        found: int | None = self._execute(statement, bound).get
        return found

    def with_word(self, word: str, limit: int) -> list[int]:
        rows = self._execute(
            "SELECT employee_id FROM employee_words WHERE word = ? ORDER BY employee_id LIMIT ?",
            (word, limit),
        )
        return [int(row[0]) for row in rows]

    def manager_of(self, employee_id: int) -> int | None:
        found: int | None = self._execute(
            "SELECT manager_id FROM employees WHERE id = ?", (employee_id,)
        ).get
        return found

    def count(self) -> int:
        return int(self._execute("SELECT count(*) FROM employees").get)

    def count_reporting_to(self, employee_id: int) -> int:
        return int(
            self._execute(
                "SELECT count(*) FROM employees WHERE manager_id = ? AND id <> manager_id",
                (employee_id,),
            ).get
        )

    def count_naming(self, employee_id: int) -> int:
        names = self._catalogue.references
        if not names:
            return 0
        return int(
            self._execute(
                f"SELECT count(DISTINCT employee_id) FROM own_keys WHERE name IN "
                f"({', '.join('?' * len(names))}) AND key = ? AND employee_id <> ?",
                (*names, str(employee_id), employee_id),
            ).get
        )

    def count_of(self, query: EmployeeQuery) -> int:
        return count_rows(self._connection, query)

    def values_of(self, name: str, limit: int) -> list[str | int | float]:
        if name not in self._catalogue:  # the name becomes part of a statement
            raise ValueError(f"{name} is not a field")
        field = self._catalogue[name]
        column = own_column(name) if field.own else name
        rows = self._execute(
            f"SELECT {column} AS value FROM employees WHERE value IS NOT NULL "
            "GROUP BY value ORDER BY count(*) DESC, value LIMIT ?",
            (limit,),
        )
        found = [row[0] for row in rows]
        return [bool(each) for each in found] if field.kind is Kind.BOOLEAN else found

    def page(self, query: EmployeeQuery, limit: int) -> list[Listed]:
        # Fetched before any is loaded: the traceback of an error would keep the cursor and its
        # state.
        rows = page_rows(self._connection, self._columns.names, query, limit)
        load = self._columns.load_listed
        return [load(row) for row in rows]
