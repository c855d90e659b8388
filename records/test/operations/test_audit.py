"""The journal of a real database: verified, tampered with, verified again."""

from __future__ import annotations

from pathlib import Path

import apsw
from hypothesis import given, settings
from hypothesis import strategies as st

from records.model.audit import BrokenChain, Head
from records.operations.audit import verify_journal
from records.test.operations.operations_case import OperationsCase
from records.testing import inline_store


class VerifyTests(OperationsCase):
    """A database with a little history, and a hand that reaches into its file."""

    def setUp(self) -> None:
        super().setUp()
        self.add(ssn="536-90-4399")
        self.clock.advance(1)
        self.ask(self.hr, "employee.update", id=1, revision=1, changes={"title": "Boss"})
        self.ask(self.hr, "employee.get", id=1, reveal=["ssn", "salary"])
        self.add()
        self.ask(self.hr, "employee.delete", id=2, revision=1)
        self.hand = apsw.Connection(str(self.path))
        self.addCleanup(self.hand.close)
        self.hand.execute(
            "PRAGMA foreign_keys = 0;"
            "CREATE TEMP TABLE good_audit AS SELECT * FROM audit;"
            "CREATE TEMP TABLE good_history AS SELECT * FROM history;"
            "CREATE TEMP TABLE good_employees AS SELECT * FROM employees"
        )

    def restore(self) -> None:
        """Make the journal and the employees good again."""
        self.hand.execute(
            "BEGIN; DELETE FROM history; DELETE FROM audit;"
            "INSERT INTO audit SELECT * FROM good_audit;"
            "INSERT INTO history SELECT * FROM good_history;"
            "DELETE FROM employees; INSERT INTO employees SELECT * FROM good_employees; COMMIT"
        )

    def found_at(self, *statements: str) -> int | None:
        """Where verification finds what the statements have done; None if it does not."""
        for statement in statements:
            self.hand.execute(statement)
            self.assertGreater(self.hand.changes(), 0, statement)
        try:
            self.store.read_now(verify_journal)
        except BrokenChain as broken:
            return broken.seq
        finally:
            self.restore()
        return None

    def test_good(self) -> None:
        """A journal as it was written verifies, to the head that the store has."""
        head = self.store.read_now(verify_journal)
        self.assertEqual(head, self.read(lambda tx: tx.journal.head()))
        self.assertEqual(head.seq, 5)
        self.restore()
        self.assertEqual(self.store.read_now(verify_journal), head)

    def test_empty(self) -> None:
        """So does an empty one."""
        empty = inline_store(Path(self.mktemp()))
        self.addCleanup(empty.close)
        self.assertEqual(empty.read_now(verify_journal), Head(0, bytes(32)))

    def test_rows(self) -> None:
        """A row taken out, put in or exchanged is found, in the log and in the history."""
        for seq in (1, 2, 3, 4):
            self.assertEqual(self.found_at(f"DELETE FROM audit WHERE seq = {seq}"), seq)
        for seq in (1, 2, 4, 5):
            self.assertEqual(self.found_at(f"DELETE FROM history WHERE seq = {seq}"), seq)
        copied = "seq + 100, at, actor, employee_id + 100, revision, kind, before, after, salt"
        self.assertEqual(
            self.found_at(f"INSERT INTO history SELECT {copied} FROM history WHERE seq = 2"), 102
        )
        self.assertEqual(
            self.found_at(
                "UPDATE history SET seq = -seq WHERE seq IN (1, 2)",
                "UPDATE history SET seq = 3 + seq WHERE seq < 0",
            ),
            1,
        )
        self.assertEqual(
            self.found_at(
                "UPDATE audit SET seq = -seq WHERE seq IN (1, 2)",
                "UPDATE audit SET seq = 3 + seq WHERE seq < 0",
            ),
            1,
        )

    def test_last_entry(self) -> None:
        """The newest entry cannot go alone: its change tells of it."""
        self.assertEqual(self.found_at("DELETE FROM audit WHERE seq = 5"), 5)

    def test_every_column(self) -> None:
        """Another value in any column of any row is found, at that row."""
        other = {
            "at": "at + 1",
            "actor": "actor || 'x'",
            "source": "source || 'x'",
            "action": "action || 'x'",
            "subject": "subject || '1'",
            "outcome": "CASE outcome WHEN 'ok' THEN 'denied' ELSE 'ok' END",
            "fields": "fields || ' phone'",
            "digest": "digest || '0'",
            "hash": "zeroblob(32)",
        }
        for seq in range(1, 6):
            for column, value in other.items():
                statement = f"UPDATE audit SET {column} = {value} WHERE seq = {seq}"
                self.assertEqual(self.found_at(statement), seq, statement)
        other = {
            "at": "at + 1",
            "actor": "'mallory'",
            "employee_id": "employee_id + 100",
            "revision": "revision + 100",
            "kind": "CASE kind WHEN 'add' THEN 'update' ELSE 'add' END",
            "before": "json_set(before, '$.title', 'x')",
            "after": "json_set(after, '$.title', 'x')",
            "salt": "zeroblob(16)",
        }
        for column, value in other.items():
            for seq in (1, 2, 4, 5):
                statement = f"UPDATE history SET {column} = {value} WHERE seq = {seq}"
                self.assertEqual(self.found_at(statement), seq, statement)

    def test_employees(self) -> None:
        """An employee put in, taken out or changed behind the journal's back is found."""
        copied = "INSERT INTO employees (id, revision, given_name, status, name_key) VALUES "
        for change, seq in (
            ("UPDATE employees SET title = 'Chief'", 2),
            ("UPDATE employees SET ssn = NULL", 2),
            ("UPDATE employees SET salary_amount = salary_amount + 100", 2),
            ("UPDATE employees SET salary_currency = 'EUR'", 2),
            ("UPDATE employees SET revision = 1", 2),
            ("UPDATE employees SET given_name = CAST(x'ff' AS TEXT)", 5),
            ("UPDATE employees SET id = 3", 5),
            ("DELETE FROM employees", 2),
            (f"{copied} (2, 1, 'Bo', 'active', 'bo')", 5),
            (f"{copied} (7, 1, 'Bo', 'active', 'bo')", 5),
        ):
            self.assertEqual(self.found_at(change), seq, change)
        self.assertIsNone(self.found_at("UPDATE employees SET title = title"))

    def test_says_who(self) -> None:
        """What is told names the employee, and the entry of the last change."""
        for change, why in (
            ("UPDATE employees SET title = 'x'", "employee 1 is not what the history says"),
            ("DELETE FROM employees", "employee 1 is not there, and should be"),
        ):
            self.hand.execute(change)
            with self.assertRaisesRegex(BrokenChain, f"^audit entry 2: {why}$"):
                self.store.read_now(verify_journal)
            self.restore()

    def test_unreadable(self) -> None:
        """What cannot even be read is found as well, and at its row."""
        for statement in (
            "UPDATE history SET before = 'x' WHERE seq = 2",
            "UPDATE history SET after = '[]' WHERE seq = 2",
            """UPDATE history SET after = '{"bogus": 1}' WHERE seq = 2""",
            """UPDATE history SET after = '{"salary": 1}' WHERE seq = 2""",
            "UPDATE history SET kind = 'x' WHERE seq = 2",
            "UPDATE history SET salt = 'x' WHERE seq = 2",
            "UPDATE audit SET outcome = 'x' WHERE seq = 2",
            "UPDATE audit SET hash = 'x' WHERE seq = 2",
            "UPDATE audit SET at = 'x' WHERE seq = 2",
            "UPDATE audit SET actor = x'ff' WHERE seq = 2",
        ):
            self.assertEqual(self.found_at(statement), 2, statement)

    @settings(max_examples=80)
    @given(st.data())
    def test_any_byte(self, data: st.DataObject) -> None:
        """Any one byte changed in any text or blob of the journal is found.

        White space that means nothing in JSON or between words is the one thing that may differ.
        """
        table, columns = data.draw(
            st.sampled_from(
                (
                    ("audit", "actor source action subject outcome fields digest hash"),
                    ("history", "actor kind before after salt"),
                )
            )
        )
        column = data.draw(st.sampled_from(columns.split()))
        rows = list(self.hand.execute(f"SELECT seq, CAST({column} AS BLOB) FROM {table}"))
        seq, content = data.draw(st.sampled_from([row for row in rows if row[1]]))
        place = data.draw(st.integers(0, len(content) - 1))
        byte = data.draw(st.integers(0x21, 0x7E).filter(lambda each: each != content[place]))
        changed = content[:place] + bytes([byte]) + content[place + 1 :]
        target = "BLOB" if column in ("hash", "salt") else "TEXT"
        found = self.found_at(
            f"UPDATE {table} SET {column} = CAST(x'{changed.hex()}' AS {target}) WHERE seq = {seq}"
        )
        self.assertEqual(found, seq, (table, column, changed))
