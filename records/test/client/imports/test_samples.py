"""Files as HR programs and spreadsheets export them, each with the plan that it must give."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import records
from records.test.client.test_cli import CommandCase

SAMPLES = Path(records.__file__).parents[2] / "shared" / "data" / "imports"
"""Not a part of the project; a folder beside the checkout."""

REGIONS = {"hr-suite-us.csv": "US", "payroll-us.csv": "US"}


class SampleTests(CommandCase):
    """The plan of each sample."""

    if not SAMPLES.exists():
        skip = "there is no ../shared/data/imports beside the checkout"

    def setUp(self) -> None:
        super().setUp()
        for number in ("1", "2"):
            self.done("employee", "delete", number, "--yes")

    def plan(self, name: str) -> Any:
        region = REGIONS.get(name, "DE")
        return self.done("import", str(SAMPLES / name), "--plan", "--region", region)

    def row(self, plan: Any, key: str) -> Mapping[str, Any]:
        """What the row about somebody would set, by employee number or e-mail address."""
        rows = [
            {name: each["after"] for name, each in row["fields"].items()} for row in plan["rows"]
        ]
        return next(row for row in rows if key in (row.get("employee_number"), row.get("email")))

    def check(self, key: str, name: str, expected: Any, found: Mapping[str, Any]) -> None:
        """Compare one value. Some are told in words."""
        if name == "manager":
            self.assertEqual(found["manager_id"]["employee_number"], expected, key)
        elif name == "phone":
            digits = re.findall(r"\+?[0-9]+", expected)
            self.assertEqual(found["phone"], ";ext=".join(digits), key)
        elif isinstance(expected, dict):
            self.assertEqual({part: found[name][part] for part in expected}, expected, key)
        elif name == "home_address":
            self.assertEqual(found[name], expected.partition(":")[0], key)
        else:
            self.assertEqual(found.get(name), expected, (key, name))

    def test_all(self) -> None:
        """Each file gives the counts, the refused lines and the values that it must give."""
        expected = json.loads((SAMPLES / "expected.json").read_text("utf-8"))
        self.assertTrue(expected)
        for name, wanted in expected.items():
            plan = self.plan(name)
            counts = {each: plan["counts"][each] for each in ("add", "refuse")}
            self.assertEqual(counts, {"add": wanted["add"], "refuse": wanted["refuse"]}, name)
            refused = {
                str(row["line"]): sorted(each["field"] for each in row["errors"])
                for row in plan["rows"]
                if row["outcome"] == "refuse"
            }
            lines = {line: sorted(each) for line, each in wanted.get("refused_lines", {}).items()}
            self.assertEqual(refused, lines, name)
            for key, values in wanted.get("rows", {}).items():
                for field, value in values.items():
                    self.check(key, field, value, self.row(plan, key))

    def test_decisions(self) -> None:
        """What was decided about encoding, dates and numbers is told."""
        texts = {
            name: " ".join(each["text"] for each in self.plan(name)["decisions"])
            for name in ("excel-de-cp1252.csv", "payroll-us.csv", "hr-suite-us.csv")
        }
        self.assertIn("Windows-1252", texts["excel-de-cp1252.csv"])
        self.assertIn("decimal comma", texts["excel-de-cp1252.csv"])
        self.assertIn("year of two digits", texts["payroll-us.csv"])
        self.assertIn("month first", texts["hr-suite-us.csv"])

    def test_nothing_left(self) -> None:
        """A plan changes no employee, and leaves no import behind."""
        self.plan("hr-suite-us.csv")
        self.assertEqual(self.done("import", "list"), {"imports": []})
        self.assertEqual(self.done("employee", "list"), {"employees": []})
