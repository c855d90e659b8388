"""The schema files: numbered without gaps, and every earlier version reaches the present one."""

from __future__ import annotations

import hashlib
import re

import apsw
from twisted.trial.unittest import SynchronousTestCase

from records.model.errors import Unusable
from records.store.sqlite.upgrade import (
    APPLICATION_ID,
    SchemaFile,
    missing_steps,
    schema_files,
    upgrade,
)
from records.testing import FakeTime

TWO = [
    SchemaFile(1, "one", "CREATE TABLE a (x TEXT); CREATE TABLE b (x TEXT)"),
    SchemaFile(2, "two", "ALTER TABLE a ADD COLUMN y TEXT"),
]


def schema_of(database: apsw.Connection) -> list[tuple[object, ...]]:
    return sorted(database.execute("SELECT type, name, sql FROM sqlite_schema"), key=repr)


class FilesTests(SynchronousTestCase):
    """What lies in the package."""

    def test_contiguous(self) -> None:
        """Steps are numbered from 1 without gaps, each with a name."""
        steps = schema_files()
        self.assertEqual([step.number for step in steps], list(range(1, len(steps) + 1)))
        for step in steps:
            self.assertTrue(re.fullmatch(r"[a-z]+(_[a-z]+)*", step.name), step.name)
            self.assertTrue(step.sql.strip().endswith(";"))

    def test_checksum(self) -> None:
        """A step is known by the SHA-256 of its SQL."""
        for step in schema_files():
            self.assertEqual(step.checksum, hashlib.sha256(step.sql.encode()).hexdigest())

    def test_shared_subset(self) -> None:
        """No step needs what only SQLite has: triggers, virtual tables or generated columns."""
        for step in schema_files():
            for word in ("TRIGGER", "VIRTUAL", "GENERATED", "AUTOINCREMENT", "ATTACH", "PRAGMA"):
                self.assertNotIn(word, step.sql.upper(), step.name)


class UpgradeTests(SynchronousTestCase):
    """Bringing a database to the present schema."""

    def setUp(self) -> None:
        self.database = apsw.Connection(":memory:")
        self.addCleanup(self.database.close)

    def upgrade(self, steps: list[SchemaFile]) -> None:
        upgrade(self.database, FakeTime(), steps)

    def applied(self) -> list[tuple[object, ...]]:
        return list(self.database.execute("SELECT * FROM schema_versions ORDER BY number"))

    def test_from_every_version(self) -> None:
        """From nothing and from each earlier version one gets to the same schema."""
        for steps in (schema_files(), TWO):
            schemas = []
            for version in range(len(steps) + 1):
                self.database = apsw.Connection(":memory:")
                self.upgrade(steps[:version])
                self.assertEqual(missing_steps(self.database, steps), steps[version:])
                self.upgrade(steps)
                self.assertEqual(missing_steps(self.database, steps), [])
                schemas.append(schema_of(self.database))
            for schema in schemas:
                self.assertEqual(schema, schemas[0])

    def test_recorded(self) -> None:
        """Each step is recorded with its name, checksum and instant, and the file is marked."""
        self.upgrade(TWO)
        at = FakeTime().now
        self.assertEqual(
            self.applied(), [(step.number, step.name, step.checksum, at) for step in TWO]
        )
        self.assertEqual(self.database.pragma("application_id"), APPLICATION_ID)

    def test_again(self) -> None:
        """A second upgrade does nothing."""
        self.upgrade(TWO)
        before = self.applied()
        self.upgrade(TWO)
        self.assertEqual(self.applied(), before)

    def test_step_fails(self) -> None:
        """A step that fails leaves nothing of itself, and the steps before it stay."""
        bad = SchemaFile(3, "bad", "CREATE TABLE c (x TEXT); CREATE TABLE a (x TEXT)")
        with self.assertRaises(apsw.SQLError):
            self.upgrade([*TWO, bad])
        self.assertEqual(len(self.applied()), 2)
        self.assertEqual(missing_steps(self.database, [*TWO, bad]), [bad])
        self.assertNotIn("c", [name for _, name, _ in schema_of(self.database)])
        good = SchemaFile(3, "good", "CREATE TABLE c (x TEXT)")
        self.upgrade([*TWO, good])
        self.assertEqual(len(self.applied()), 3)

    def test_first_step_fails(self) -> None:
        """If the very first fails, the database is as new."""
        bad = SchemaFile(1, "bad", "CREATE TABLE c (x TEXT); nonsense")
        with self.assertRaises(apsw.SQLError):
            self.upgrade([bad])
        self.assertEqual(schema_of(self.database), [])
        self.assertEqual(self.database.pragma("application_id"), 0)
        self.upgrade(TWO)

    def test_refused(self) -> None:
        """A newer, an altered, a gapped and a foreign database are refused."""
        self.upgrade(TWO)
        three = SchemaFile(3, "three", "CREATE TABLE c (x TEXT)")
        with self.assertRaisesRegex(Unusable, "newer version"):
            missing_steps(self.database, TWO[:1])
        for altered in (
            [SchemaFile(1, "one", TWO[0].sql + " "), TWO[1], three],
            [TWO[0], SchemaFile(2, "two", "CREATE TABLE d (x TEXT)"), three],
        ):
            with self.assertRaisesRegex(Unusable, "schema step"):
                missing_steps(self.database, altered)
        self.database.execute("DELETE FROM schema_versions WHERE number = 1")
        with self.assertRaisesRegex(Unusable, "schema step"):
            missing_steps(self.database, TWO)
        self.database.execute("PRAGMA application_id = 7")
        with self.assertRaisesRegex(Unusable, "not a database of records"):
            missing_steps(self.database, TWO)

    def test_looking_changes_nothing(self) -> None:
        """Finding out what is missing only reads."""
        self.database.execute("PRAGMA query_only = 1")
        self.assertEqual(missing_steps(self.database, TWO), TWO)
        self.assertEqual(schema_of(self.database), [])
