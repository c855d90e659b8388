"""The SQL of imports and their rows, beside the loaders of their rows."""

from __future__ import annotations

from array import array
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import msgspec
from apsw import Connection

from records.model.errors import FieldError
from records.model.fields import Catalogue
from records.model.history import dump, load
from records.model.imports import Import, ImportRow, RowOutcome, RowWarning, State

_ROW = "line, outcome, employee_id, level, content"
_PUT = (
    f"INSERT INTO import_rows (import_id, {_ROW}) VALUES (?, ?, ?, ?, ?, ?) "
    "ON CONFLICT (import_id, line) DO UPDATE SET outcome = excluded.outcome, "
    "employee_id = excluded.employee_id, level = excluded.level, content = excluded.content"
)


class _Content(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a row holds besides its columns. changes: as `model.history.dump` writes them."""

    given: Mapping[str, Any] = {}
    revision: int = 0
    manager_id: int | None = None
    manager_line: int | None = None
    changes: str = "{}"
    errors: tuple[FieldError, ...] = ()
    warnings: tuple[RowWarning, ...] = ()


_content = msgspec.json.Decoder(_Content).decode
_import = msgspec.json.Decoder(Import).decode
_encode = msgspec.json.Encoder().encode


class SqliteImports:
    """`records.operations.boundaries.Imports` in an SQLite connection."""

    def __init__(self, connection: Connection, catalogue: Catalogue) -> None:
        self._execute = connection.execute
        self.use(catalogue)
        writing = connection.cursor()
        self._change, self._change_many = writing.execute, writing.executemany

    def use(self, catalogue: Catalogue) -> None:
        """Employees have these fields from now on."""
        self._catalogue = catalogue

    def add(self, staged: Import) -> Import:
        number = self._execute("UPDATE import_numbers SET last = last + 1 RETURNING last").get
        added = msgspec.structs.replace(staged, id=int(number))
        self._change(
            "INSERT INTO imports (id, account_id, at, state, content) VALUES (?, ?, ?, ?, ?)",
            (added.id, added.account_id, added.at, added.state.value, _encode(added).decode()),
        )
        return added

    def replace(self, staged: Import) -> None:
        content = _encode(staged).decode("utf-8")
        self._change(
            "UPDATE imports SET state = ?, content = ? WHERE id = ?",
            (staged.state.value, content, staged.id),
        )

    def get(self, import_id: int) -> Import | None:
        found = self._execute("SELECT content FROM imports WHERE id = ?", (import_id,)).get
        return None if found is None else _import(found)

    def of_account(self, account_id: int) -> list[Import]:
        rows = self._execute(
            "SELECT content FROM imports WHERE account_id = ? ORDER BY id DESC", (account_id,)
        )
        return [_import(row[0]) for row in rows]

    def remove(self, import_id: int) -> None:
        for table, column in (("import_keys", "import_id"), ("import_rows", "import_id")):
            self._change(f"DELETE FROM {table} WHERE {column} = ?", (import_id,))
        self._change("DELETE FROM imports WHERE id = ?", (import_id,))

    def forget(self, before: int) -> int:
        found: int | None = self._execute(
            "SELECT id FROM imports WHERE at < ? AND state NOT IN (?, ?) LIMIT 1",
            (before, State.APPLIED.value, State.UNDONE.value),
        ).get
        if found is None:
            return 0
        self.remove(found)
        return 1

    def put(self, import_id: int, rows: Collection[ImportRow]) -> None:
        self._change_many(_PUT, [self._stored(import_id, row) for row in rows])

    def _stored(self, import_id: int, row: ImportRow) -> tuple[object, ...]:
        content = _Content(
            row.given,
            row.revision,
            row.manager_id,
            row.manager_line,
            dump(row.changes) if row.changes else "{}",
            row.errors,
            row.warnings,
        )
        outcome = None if row.outcome is None else row.outcome.value
        text = _encode(content).decode("utf-8")
        return import_id, row.line, outcome, row.employee_id, row.level, text

    def put_keys(self, import_id: int, keys: Collection[tuple[str, int]]) -> None:
        self._change_many(
            "INSERT OR IGNORE INTO import_keys (import_id, key, line) VALUES (?, ?, ?)",
            [(import_id, key, line) for key, line in sorted(keys)],
        )

    def forget_keys(self, import_id: int) -> None:
        self._change("DELETE FROM import_keys WHERE import_id = ?", (import_id,))

    def lines_with(self, import_id: int, key: str, limit: int) -> list[int]:
        rows = self._execute(
            "SELECT line FROM import_keys WHERE import_id = ? AND key = ? ORDER BY line LIMIT ?",
            (import_id, key, limit),
        )
        return [row[0] for row in rows]

    def line_of(self, import_id: int, employee_id: int) -> int | None:
        found: int | None = self._execute(
            "SELECT min(line) FROM import_rows WHERE import_id = ? AND employee_id = ?",
            (import_id, employee_id),
        ).get
        return found

    def row(self, import_id: int, line: int) -> ImportRow | None:
        found = self._execute(
            f"SELECT {_ROW} FROM import_rows WHERE import_id = ? AND line = ?", (import_id, line)
        ).fetchall()
        return self._load(found[0]) if found else None

    def rows(
        self, import_id: int, after: int, limit: int, outcome: RowOutcome | None = None
    ) -> list[ImportRow]:
        wanted = "" if outcome is None else "AND outcome = :outcome "
        bound = {"id": import_id, "after": after, "limit": limit}
        if outcome is not None:
            bound["outcome"] = outcome.value  # type: ignore[assignment]
        found = self._execute(
            f"SELECT {_ROW} FROM import_rows WHERE import_id = :id AND line > :after "
            f"{wanted}ORDER BY line LIMIT :limit",
            bound,
        ).fetchall()
        return [self._load(row) for row in found]

    def lines_by_level(
        self, import_id: int, outcomes: Sequence[RowOutcome], *, downwards: bool
    ) -> Iterator[int]:
        way = "DESC" if downwards else "ASC"
        names = ", ".join("?" * len(outcomes))
        found = self._execute(
            f"SELECT line FROM import_rows WHERE import_id = ? AND outcome IN ({names}) "
            f"ORDER BY level {way}, line",
            (import_id, *(each.value for each in outcomes)),
        )
        # All are fetched first, because the rows change while they are followed: 8 bytes each.
        return iter(array("q", (row[0] for row in found)))

    def count_to(self, import_id: int, line: int) -> int:
        return int(
            self._execute(
                "SELECT count(*) FROM import_rows WHERE import_id = ? AND line <= ?",
                (import_id, line),
            ).get
        )

    def _load(self, row: tuple[Any, ...]) -> ImportRow:
        line, outcome, employee_id, level, text = row
        content = _content(text)
        return ImportRow(
            line=line,
            given=content.given,
            outcome=None if outcome is None else RowOutcome(outcome),
            employee_id=employee_id,
            revision=content.revision,
            manager_id=content.manager_id,
            manager_line=content.manager_line,
            level=level,
            changes=load(self._catalogue, content.changes),
            errors=content.errors,
            warnings=content.warnings,
        )
