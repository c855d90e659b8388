"""What the tests of imports share: sending rows, planning to the end, and reading plans."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from records.api.import_messages import ImportPlanned, PlannedRow
from records.operations.sessions import Caller
from records.test.operations.operations_case import OperationsCase

Row = Mapping[str, object]


class ImportCase(OperationsCase):
    """Imports by HR, unless another one is named."""

    def begun(self, rows: Sequence[Row], who: Caller | None = None, **options: object) -> int:
        """An import of these rows, from line 2 on; its number."""
        asking = who or self.hr
        import_id: int = self.ask(asking, "import.begin", name="people.csv", **options).import_id
        for start in range(0, len(rows), 1000):
            chunk = rows[start : start + 1000]
            self.ask(asking, "import.rows", import_id=import_id, first_line=start + 2, rows=chunk)
        return import_id

    def planned(self, import_id: int, who: Caller | None = None, **params: object) -> ImportPlanned:
        """The whole plan, with the rows of all pages."""
        asking = who or self.hr
        plan: Any = self.ask(asking, "import.plan", import_id=import_id, **params)
        steps = -1
        while not plan.done:
            self.assertGreater(plan.steps, steps)
            steps = plan.steps
            plan = self.ask(asking, "import.plan", import_id=import_id)
        rows, cursor = list(plan.rows), plan.cursor
        params.pop("again", None)
        while cursor is not None:
            more = self.ask(asking, "import.plan", import_id=import_id, cursor=cursor, **params)
            rows += more.rows
            cursor = more.cursor
        plan.rows[:] = rows
        found: ImportPlanned = plan
        return found

    def plan(self, rows: Sequence[Row], who: Caller | None = None, **options: object) -> Any:
        """The plan of an import of these rows."""
        return self.planned(self.begun(rows, who, **options), who)

    def row(self, plan: ImportPlanned, line: int) -> PlannedRow:
        """The row of a plan with this line."""
        (found,) = [each for each in plan.rows if each.line == line]
        return found

    def counts(self, plan: ImportPlanned) -> dict[str, int]:
        """The counts of a plan that are not 0."""
        return {name: count for name, count in plan.counts.items() if count}

    def wrong(self, plan: ImportPlanned) -> dict[int, list[str]]:
        """The fields of each refused row."""
        refused = [row for row in plan.rows if row.outcome == "refuse"]
        for row in refused:
            self.assertTrue(row.errors, row)
            for error in row.errors:
                self.assertTrue(error.message.endswith("."), error)
        return {row.line: [each.field for each in row.errors] for row in refused}

    def applied(self, rows: Sequence[Row], **params: object) -> int:
        """An import of these rows that has been applied; its number."""
        import_id = self.begun(rows)
        self.planned(import_id)
        self.ask(self.hr, "import.apply", import_id=import_id, **params)
        return import_id

    def people(self) -> dict[int, dict[str, Any]]:
        """All employees' values that are not blank."""
        found = self.read(lambda tx: list(tx.employees.everyone()))
        return {
            each.id: {name: value for name, value in each.values.items() if value is not None}
            for each in found
        }
