"""Brings a database to the present schema, and the words of search to the present rules.

Schema files are numbered from 1 without gaps. Each is applied in one transaction, and recorded with
its checksum. A database that is newer, altered or not ours is refused before anything is written.
The words are made anew, in one transaction with their version, when `words_version` of
`records.model.search` has changed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Set
from importlib import resources
from itertools import islice

import apsw
import msgspec

from records.model.errors import Damaged, Unusable
from records.model.search import VERSION

APPLICATION_ID = 0x52454344
"""Marks a database file as ours (https://www.sqlite.org/pragma.html#pragma_application_id)."""

_CHUNK = 50_000
"""Employees whose words are written together: some 100 MB of memory."""

_VERSIONS = (
    "CREATE TABLE schema_versions (number INTEGER PRIMARY KEY, name TEXT NOT NULL, "
    "checksum TEXT NOT NULL, applied_at BIGINT NOT NULL)"
)


class SchemaFile(msgspec.Struct, frozen=True):
    """One step: its number, its name, and its SQL."""

    number: int
    name: str
    sql: str

    @property
    def checksum(self) -> str:
        """SHA-256 of the SQL, hexadecimal."""
        return hashlib.sha256(self.sql.encode("utf-8")).hexdigest()


def schema_files() -> list[SchemaFile]:
    """All steps that this program knows, in their order."""
    found = []
    for file in resources.files("records.store.sqlite.schema").iterdir():
        number, _, rest = file.name.partition("_")
        if rest.endswith(".sql"):
            found.append(
                SchemaFile(int(number), rest.removesuffix(".sql"), file.read_text("utf-8"))
            )
    return sorted(found, key=lambda step: step.number)


def missing_steps(connection: apsw.Connection, steps: list[SchemaFile]) -> list[SchemaFile]:
    """The steps that the database lacks. Only reads. Raises `Unusable`."""
    applied = _applied(connection)
    for step, (number, name, checksum) in zip(steps, applied, strict=False):
        if (step.number, step.checksum) != (number, checksum):
            raise Unusable(f"its schema step {number} ({name}) is not the one this program knows")
    if len(applied) > len(steps):
        raise Unusable(
            f"it was made by a newer version of records (schema {len(applied)}; this one knows "
            f"{len(steps)}). Install that version to use it"
        )
    return steps[len(applied) :]


def upgrade(connection: apsw.Connection, now: Callable[[], int], steps: list[SchemaFile]) -> None:
    """Apply the missing steps. Raises `Unusable`."""
    for step in missing_steps(connection, steps):
        with connection:
            if step.number == 1:
                connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
                connection.execute(_VERSIONS)
            connection.execute(step.sql)
            connection.execute(
                "INSERT INTO schema_versions (number, name, checksum, applied_at) "
                "VALUES (?, ?, ?, ?)",
                (step.number, step.name, step.checksum, now()),
            )


def needs_words(connection: apsw.Connection, version: str) -> bool:
    """Whether the words of search are not of this version. Only reads. Raises `Unusable`."""
    if not connection.table_exists("main", "derived_versions"):
        return False  # the schema is older, and its upgrade comes first
    found = connection.execute("SELECT version FROM derived_versions WHERE kind = 'words'").get
    if found is not None and int(found.partition("-")[0]) > VERSION:
        raise Unusable(
            "its search words were made by a newer version of records. Install that version to use "
            "it"
        )
    return bool(found != version)


def make_words(
    connection: apsw.Connection, version: str, employees: Iterable[tuple[int, Set[str]]]
) -> None:
    """Replace the words of search, all or none. employees: the ID and the words of each."""
    everyone = iter(employees)
    with connection:
        connection.execute("DELETE FROM employee_words")
        while chunk := list(islice(everyone, _CHUNK)):
            # In the order of the index, so that neighbouring pages are written together.
            rows = sorted([(word, number) for number, words in chunk for word in words])
            connection.executemany("INSERT INTO employee_words VALUES (?, ?)", rows)
        connection.execute(
            "INSERT OR REPLACE INTO derived_versions VALUES ('words', ?)", (version,)
        )


def _applied(connection: apsw.Connection) -> list[tuple[int, str, str]]:
    """The steps of the database; none if it is new. Raises `Unusable`."""
    mark = connection.pragma("application_id")
    tables = connection.execute("SELECT count(*) FROM sqlite_schema").get
    if mark == 0 and tables == 0:
        return []
    if mark != APPLICATION_ID:
        raise Damaged("it is not a database of records")
    return list(
        connection.execute("SELECT number, name, checksum FROM schema_versions ORDER BY number")
    )
