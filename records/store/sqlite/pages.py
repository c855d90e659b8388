"""The SQL of a page of employees: the choice of the cheapest plan, and its statements.

A page is the first few rows of an order, often of very many that match. Finding and sorting all
matches reads the row of each, which costs far more than reading an index. So, in this order:

1. If few rows can match, they are looked up and sorted.
2. Otherwise a range of the name index is scanned until the page is full.
3. If the range did not fill the page, all matches are looked up and sorted.

The scan is short, so a failed scan adds little to the cost of step 3. How many rows a word or a
condition can match is counted first, in its index and up to a bound.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec
from apsw import Connection

from records.api.query import BY_NAME, Condition, EmployeeQuery, Operator, Sort
from records.model.values import fold

Row = tuple[object, ...]
Bound = dict[str, object]


class Lengths(msgspec.Struct, frozen=True):
    """The limits between the plans, in rows."""

    few_words: int = 2000
    """A word in fewer rows is rare: they are all looked up."""
    many_words: int = 40_000
    """A word in at least as many rows is not even listed."""
    few_rows: int = 200
    """An indexed condition that matches fewer rows is rare: they are all looked up."""
    long_stretch: int = 20_000
    """The range to scan if few entries need a look at their row."""
    short_stretch: int = 3000
    """The range to scan if each entry may need one."""


LENGTHS = Lengths()
"""Measured at a million employees: looking up a row costs 2 us and more, the next entry of an index
0.1, and listing it 0.1 to 0.4."""

_LAST = "\U0010ffff"
"""Sorts after every character of a text: the end of a range of texts with a common prefix."""

_INDEXED = frozenset({"family_name", "department", "manager_id"})

# Without statistics SQLite would sort all matches, or find a whole department for two names in
# it. INDEXED BY is specific to SQLite; a planner with statistics needs the table name only.
_BY_NAME = "employees INDEXED BY employees_by_name"
_BY_ID = "employees NOT INDEXED"

_COMPARISONS = {
    Operator.NOT_EQUAL: "{column} IS DISTINCT FROM :{value}",
    Operator.CONTAINS: "replace({column}, :{value}, '') <> {column}",
    Operator.STARTS_WITH: "{column} >= :{value} AND {column} < :{value}_end",
    Operator.GREATER: "{column} > :{value}",
    Operator.GREATER_OR_EQUAL: "{column} >= :{value}",
    Operator.LESS: "{column} < :{value}",
    Operator.LESS_OR_EQUAL: "{column} <= :{value}",
}


def own_column(name: str) -> str:
    """The SQL of the value of a company's own field, whose name has been checked."""
    return f"(own ->> '{name}')"


def _condition(condition: Condition, place: int, bound: Bound) -> str:
    """The SQL of a condition. Its operands are put into `bound`.

    The column name comes from the catalogue, never from a client.
    """
    column = own_column(condition.field) if condition.own else condition.field
    value, operand = f"v{place}", condition.operand
    if condition.operator is Operator.PRESENT:
        return f"{column} IS {'NOT ' if operand else ''}NULL"
    if condition.operator is Operator.IN and isinstance(operand, tuple):
        names = [f"{value}_{index}" for index in range(len(operand))]
        bound.update(zip(names, operand, strict=True))
        return f"{column} IN ({', '.join(':' + name for name in names)})"
    if operand is None:
        return f"{column} IS {'NOT ' if condition.operator is Operator.NOT_EQUAL else ''}NULL"
    bound[value] = operand
    if condition.operator is Operator.EQUAL:
        return f"{column} = :{value}"
    if condition.operator is Operator.STARTS_WITH:
        bound[f"{value}_end"] = f"{operand}{_LAST}"
    return _COMPARISONS[condition.operator].format(column=column, value=value)


def _sorted_by(sort: Sort) -> str:
    if sort.field == BY_NAME:
        return "name_key"
    column = own_column(sort.field) if sort.own else sort.field
    return f"coalesce({column}, {sort.blank if sort.numeric else repr('')})"


def _where(wanted: Iterable[str]) -> str:
    found = " AND ".join(wanted)
    return f" WHERE {found}" if found else ""


def _ids(condition: str) -> str:
    return f"SELECT id FROM employees WHERE {condition}"


def name_range(conditions: Sequence[Condition]) -> tuple[str, str] | None:
    """The range of sort keys, its end excluded, that contains all employees for whom the conditions
    hold.

    `fold` works character by character and keeps their order, so the folded prefix of a text is a
    prefix of the folded text. A family name that begins with "Mül" has a key that begins with
    "mul"; others may have one too.
    """
    for condition in conditions:
        if condition.field == "family_name" and isinstance(condition.operand, str):
            start = fold(condition.operand)
            if condition.operator is Operator.EQUAL:
                start += "\x1f"
            elif condition.operator is not Operator.STARTS_WITH:
                continue
            if start:  # nothing is left of accents alone
                return start, start + _LAST
    return None


class Page:
    """The plan of one query. columns: the columns of each employee."""

    def __init__(
        self,
        connection: Connection,
        columns: str,
        query: EmployeeQuery,
        limit: int,
        lengths: Lengths = LENGTHS,
    ) -> None:
        self._execute = connection.execute
        self._columns, self._query, self._limit = columns, query, limit
        self._lengths = lengths
        self._bound: Bound = {"limit": limit}
        self._conditions = [
            _condition(each, place, self._bound) for place, each in enumerate(query.conditions)
        ]
        for place, word in enumerate(query.words):
            self._bound |= {f"w{place}": word, f"w{place}_end": word + _LAST}
        self._key = _sorted_by(query.sort)
        way = "DESC" if query.sort.descending else "ASC"
        self._order = f"ORDER BY {self._key} {way}, id {way}"
        self._on, self._back = ("<", ">") if query.sort.descending else (">", "<")
        self._after = []
        if query.after is not None:
            self._bound |= {"after_key": query.after[0], "after_id": query.after[1]}
            self._after = [f"({self._key}, id) {self._on} (:after_key, :after_id)"]

    def rows(self) -> list[Row]:
        """The rows of the page, in order."""
        words, size = self._by_rarity(self._lengths.few_words)
        if words and size is not None:
            return self._all(self._having(words))
        indexed = self._indexed()
        for each in indexed:
            if self._size(f"employees WHERE {each}", self._lengths.few_rows) is not None:
                return self._all(self._having(words, _ids(each)))
        if self._key != "name_key" or not (words or indexed):
            return self._all(self._having(words))
        return self._by_name(indexed)

    def count(self) -> int:
        """How many rows match, whatever the cursor."""
        words, _ = self._by_rarity(self._lengths.few_words)
        where = _where([*self._having(words), *self._conditions])
        return int(self._execute(f"SELECT count(*) FROM employees{where}", self._bound).get)

    def _by_name(self, indexed: list[str]) -> list[Row]:
        """The rows of the page, in the order by name, if very many may match."""
        words, size = self._by_rarity(self._lengths.many_words)
        can_be_listed = bool(words) and size is not None
        if len(words) > 1 and can_be_listed:  # listing them is most of the work, and done once
            return self._all(self._having(words))
        if len(words) == 1 and size is not None and self._is_family_name(words[0], size):
            return self._all(self._beside_own(words[0]))
        rows, are_all = self._stretch(words, can_be_listed=can_be_listed)
        if are_all or len(rows) == self._limit:
            return rows
        if len(words) == 1:
            return self._all(self._beside_own(words[0]))
        # By ID, because neighbouring rows are read together.
        return self._all(self._having(words, "" if words else _ids(indexed[0])))

    def _by_rarity(self, most: int) -> tuple[list[str], int | None]:
        """The parameters of the words, the rarest first, and the number of rows with that one.

        None for `most` rows or more. 0 without words.
        """
        sizes = {}
        for place in range(len(self._query.words)):
            rows = f"employee_words WHERE word >= :w{place} AND word < :w{place}_end"
            size = self._size(rows, most)
            sizes[f"w{place}"] = most if size is None else size
        words = sorted(sizes, key=sizes.__getitem__)
        least = sizes[words[0]] if words else 0
        return words, least if least < most else None

    def _is_family_name(self, word: str, size: int) -> bool:
        """Whether a word begins the sort key of at least half of the rows that have it."""
        own = f"employees WHERE name_key >= :{word} AND name_key < :{word}_end"
        found = self._size(own, size)
        return found is None or found * 2 >= size

    def _indexed(self) -> list[str]:
        """The conditions whose column has an index."""
        return [
            found
            for each, found in zip(self._query.conditions, self._conditions, strict=True)
            if each.field in _INDEXED
            and each.operator in (Operator.EQUAL, Operator.STARTS_WITH)
            and each.operand is not None
        ]

    def _size(self, rows: str, most: int) -> int | None:
        """The number of matching rows; None for `most` or more, which are not counted further."""
        counted = f"SELECT count(*) FROM (SELECT 1 FROM {rows} LIMIT {most})"
        size = int(self._execute(counted, self._bound).get)
        return size if size < most else None

    def _having(self, words: Iterable[str], within: str = "") -> list[str]:
        """The condition that an employee has all the words.

        Lists the IDs of the first word, compares those of the next with that list, and so on.
        within: SQL of the candidate IDs.
        """
        ids = within
        for word in words:
            also = f" AND employee_id IN ({ids})" if ids else ""
            ids = (
                "SELECT employee_id FROM employee_words "
                f"WHERE word >= :{word} AND word < :{word}_end{also}"
            )
        return [f"id IN ({ids})"] if ids else []

    def _beside_own(self, word: str) -> list[str]:
        """The condition that an employee has a word that many have.

        Employees whose sort key begins with the word stand together: one page of them is enough. If
        it is a family name, hardly any others are left.
        """
        own = f"name_key >= :{word} AND name_key < :{word}_end"
        page = _where([own, *self._after, *self._conditions])
        return [
            "id IN (SELECT employee_id FROM employee_words "
            f"WHERE word >= :{word} AND word < :{word}_end "
            f"AND employee_id NOT IN (SELECT id FROM employees WHERE {own}) "
            "UNION ALL SELECT id FROM "
            f"(SELECT id FROM {_BY_NAME}{page} {self._order} LIMIT :limit))"
        ]

    def _all(self, having: list[str]) -> list[Row]:
        where = _where([*having, *self._after, *self._conditions])
        table = _BY_ID if having else "employees"
        return self._fetched(f"SELECT {self._columns} FROM {table}{where} {self._order}")

    def _stretch(self, words: list[str], *, can_be_listed: bool) -> tuple[list[Row], bool]:
        """The matches in the next range of the name index, and whether there can be no more."""
        begin, end = self._ends()
        length = self._lengths.long_stretch if can_be_listed else self._lengths.short_stretch
        last = self._execute(
            f"SELECT name_key, id FROM {_BY_NAME}{_where(begin + end)} {self._order} "
            f"LIMIT 1 OFFSET {length}",
            self._bound,
        ).fetchall()
        if last:
            self._bound["last_key"], self._bound["last_id"] = last[0]
            end = [f"(name_key, id) {self._back}= (:last_key, :last_id)"]
        within = "" if can_be_listed else f"SELECT id FROM {_BY_NAME}{_where(begin + end)}"
        having = self._having(words, within) if words else []
        where = _where([*begin, *end, *having, *self._conditions])
        rows = self._fetched(f"SELECT {self._columns} FROM {_BY_NAME}{where} {self._order}")
        return rows, not last

    def _ends(self) -> tuple[list[str], list[str]]:
        """The conditions on the beginning and the end of a range.

        One condition each: of two, SQLite would use one for its search, and not always the
        narrower.
        """
        found = name_range(self._query.conditions)
        if found is None:
            return self._after, []
        self._bound["start"], self._bound["stop"] = found
        begin, end = ["name_key >= :start"], ["name_key < :stop"]
        after = self._query.after
        if self._query.sort.descending:
            begin, end = end, begin
        if after is not None and found[0] <= str(after[0]) < found[1]:
            begin = self._after
        elif after is not None:  # not a cursor of ours, but valid all the same
            begin = begin + self._after
        return begin, end

    def _fetched(self, statement: str) -> list[Row]:
        return self._execute(f"{statement} LIMIT :limit", self._bound).fetchall()


def page_rows(
    connection: Connection,
    columns: str,
    query: EmployeeQuery,
    limit: int,
    lengths: Lengths = LENGTHS,
) -> list[Row]:
    """At most `limit` rows of these columns for a query, in its order."""
    return Page(connection, columns, query, limit, lengths).rows()


def count_rows(connection: Connection, query: EmployeeQuery) -> int:
    """How many employees match a query, whatever its cursor."""
    return Page(connection, "id", query, query.limit).count()
