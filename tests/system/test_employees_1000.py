"""A company of a thousand, added over the wire by a short program."""

from __future__ import annotations

import csv
import sys
import time
from collections import Counter

from tests.daemon_case import CHECKOUT, HERE, PASSWORD, DaemonCase

TABLE = CHECKOUT.parent / "shared" / "data" / "employees-1000.csv"
"""Flattened from the public employee sample database; not a part of the project."""

REASON = "already reports, directly or indirectly, to this employee."


class ThousandTests(DaemonCase):
    """1,000 employees."""

    if not TABLE.exists():
        skip = f"there is no {TABLE.name} in ../shared/data beside the checkout"

    def circular(self, rows: dict[int, dict[str, str]]) -> list[int]:
        """Those whose manager would report to them in the end, as the table goes on."""
        above: dict[int, int] = {}
        found = []
        for employee_id, row in rows.items():
            manager: int | None = int(row["manager_id"]) if row["manager_id"] else None
            while manager is not None and manager != employee_id:
                manager = above.get(manager)
            if manager is not None:
                found.append(employee_id)
            elif row["manager_id"]:
                above[employee_id] = int(row["manager_id"])
        return found

    def test_all(self) -> None:
        """A thousand employees are added, found, counted and revealed, each as it was given."""
        with TABLE.open(encoding="utf-8", newline="") as file:
            rows = {int(row["id"]): row for row in csv.DictReader(file)}
        self.assertEqual(len(rows), 1000)
        daemon = self.start_daemon()
        wire = self.admin(daemon)
        began = time.monotonic()
        program = [sys.executable, str(HERE / "add_employees.py")]
        done = self.run_program(
            [*program, str(daemon.port), str(daemon.ca), str(TABLE)], daemon.folder, f"{PASSWORD}\n"
        )
        self.assertLess(time.monotonic() - began, 30)

        circular = self.circular(rows)
        told = [f"{each}: Employee {rows[each]['manager_id']} {REASON}" for each in circular]
        self.assertEqual(done.stderr.splitlines(), told)

        found = wire.everybody()
        self.assertEqual({each["id"] for each in found}, set(rows))
        self.assertEqual(len(found), 1000)
        for each in found:
            row = rows[each["id"]]
            for name in ("given_name", "family_name", "title", "department", "birth_date"):
                self.assertEqual(each[name], row[name], each["id"])
            manager = int(row["manager_id"]) if row["manager_id"] else None
            manager = None if each["id"] in circular else manager
            self.assertEqual(
                (each["manager_id"], each["revision"]), (manager, 1 if manager is None else 2)
            )
            self.assertEqual(each["salary"], "***")
        names = [(each["family_name"].lower(), each["given_name"].lower()) for each in found]
        self.assertEqual(names, sorted(names))

        for name in ("department", "status"):
            for value, count in Counter(row[name] for row in rows.values()).items():
                listed = wire.everybody(where={name: value})
                self.assertEqual(len(listed), count, value)
        for row in (rows[10001], rows[max(rows)]):
            shown = wire.ask("employee.get", id=int(row["id"]), reveal=["salary"])["employee"]
            pay = {"amount": f"{row['salary']}.00", "currency": row["currency"], "per": "year"}
            self.assertEqual(shown["salary"], pay)
        searched = wire.ask("employee.list", search="georgi facello")["employees"]
        self.assertIn(10001, [each["id"] for each in searched])
        self.assertIn("is whole", self.office(daemon, "verify"))
