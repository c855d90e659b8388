"""The SQL of a page of employees: which way to it is short, and the statements of that way.

A page is the first few rows of an order, often of very many that fit. To find and sort them all
takes a look at each one's row, which costs far more than to read an index. So, in this order:

1. What can only be few is looked up and sorted.
2. Otherwise a stretch of the index by name is walked, which stops when the page is full.
3. If that stretch did not fill the page, all that fits is looked up and sorted.

A stretch is short, so that one in vain adds little to what the last of these takes alone. How many
a word or a condition may choose is counted first, in its index and not to the end.
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
    """Up to where a way is taken, in rows."""

    few_words: int = 2000
    """A word that is found in fewer rows is rare: they are all looked up."""
    many_words: int = 40_000
    """For a word that is found in as many rows, these are not even listed."""
    few_rows: int = 200
    """An indexed condition that holds for fewer rows is rare: they are all looked up."""
    long_stretch: int = 20_000
    """Walked where only few of the entries need a look at their row."""
    short_stretch: int = 3000
    """Walked where each entry may."""


LENGTHS = Lengths()
"""Measured at a million employees: a look at a row costs 2 us and more, the next entry of an index
0.1, and to list it 0.1 to 0.4."""

_LAST = "\U0010ffff"
"""Follows every character that a text can hold: the end of a range of texts with one beginning."""

_INDEXED = frozenset({"family_name", "department", "manager_id"})

# Without statistics SQLite would rather sort all that fits, or find a whole department to look for
# two names in it. These are SQLite's own; to a planner with statistics the table's name will do.
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


def _condition(condition: Condition, place: int, bound: Bound) -> str:
    """The SQL of a condition, whose operands are put into `bound`.

    The column's name comes from the catalogue and never from a caller.
    """
    column, value, operand = condition.field, f"v{place}", condition.operand
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
    return f"coalesce({sort.field}, {0 if sort.numeric else repr('')})"


def _where(wanted: Iterable[str]) -> str:
    found = " AND ".join(wanted)
    return f" WHERE {found}" if found else ""


def _ids(condition: str) -> str:
    return f"SELECT id FROM employees WHERE {condition}"


def name_range(conditions: Sequence[Condition]) -> tuple[str, str] | None:
    """Between which sort keys by name, the second excluded, all stand for whom these hold.

    `fold` takes a text character by character, and in their order: what a folded text begins with
    is its folded beginning. So whoever has a family name that begins with "Mül" has a key that
    begins with "mul"; many others may have one too.
    """
    for condition in conditions:
        if condition.field == "family_name" and isinstance(condition.operand, str):
            start = fold(condition.operand)
            if condition.operator is Operator.EQUAL:
                start += "\x1f"
            elif condition.operator is not Operator.STARTS_WITH:
                continue
            if start:  # of accents alone nothing is left
                return start, start + _LAST
    return None


class Page:
    """One query's way to its page. columns: what is asked of each employee."""

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

    def _by_name(self, indexed: list[str]) -> list[Row]:
        """The rows of the page, in the order by name, where very many may fit."""
        words, size = self._by_rarity(self._lengths.many_words)
        can_be_listed = bool(words) and size is not None
        if len(words) > 1 and can_be_listed:  # to list them is most of the work, and done once
            return self._all(self._having(words))
        if len(words) == 1 and size is not None and self._is_family_name(words[0], size):
            return self._all(self._beside_own(words[0]))
        rows, are_all = self._stretch(words, can_be_listed=can_be_listed)
        if are_all or len(rows) == self._limit:
            return rows
        if len(words) == 1:
            return self._all(self._beside_own(words[0]))
        # By ID, because rows that stand together are read together.
        return self._all(self._having(words, "" if words else _ids(indexed[0])))

    def _by_rarity(self, most: int) -> tuple[list[str], int | None]:
        """The words' parameters, the rarest word's first; and in how many rows that one is found.

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
        """Whether at least half of the rows in which a word is found have it first in their key."""
        own = f"employees WHERE name_key >= :{word} AND name_key < :{word}_end"
        found = self._size(own, size)
        return found is None or found * 2 >= size

    def _indexed(self) -> list[str]:
        """The conditions for whose rows there is an index."""
        return [
            found
            for each, found in zip(self._query.conditions, self._conditions, strict=True)
            if each.field in _INDEXED
            and each.operator in (Operator.EQUAL, Operator.STARTS_WITH)
            and each.operand is not None
        ]

    def _size(self, rows: str, most: int) -> int | None:
        """How many rows these are; None for `most` or more, which are not counted to their end."""
        counted = f"SELECT count(*) FROM (SELECT 1 FROM {rows} LIMIT {most})"
        size = int(self._execute(counted, self._bound).get)
        return size if size < most else None

    def _having(self, words: Iterable[str], within: str = "") -> list[str]:
        """The condition that an employee has all the words.

        The first word's IDs are listed, those of the next compared with that list, and so on.
        within: SQL of the IDs that come into question.
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
        """The condition that an employee has a word which is found in many.

        Those whose sort key begins with it all have it, and stand together: a page of them will
        do. Where it is a family name hardly anybody is left.
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
        """What fits in the next stretch of the order by name, and whether no more can fit."""
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
        """The conditions on where a stretch begins and where it ends at the latest.

        One for each: of two SQLite would use one for its search, and not always the narrower.
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
        elif after is not None:  # not a cursor of ours, but an answer all the same
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
    """At most `limit` rows of these columns that answer a query, in its order."""
    return Page(connection, columns, query, limit, lengths).rows()
