"""Plans of imports: which employee a row is about, what it would change, and what is wrong."""

from __future__ import annotations

from records.model.access import Role
from records.model.errors import NotFound, PermissionDenied, ValidationFailed
from records.operations import import_judge, import_plan
from records.test.operations.import_case import ImportCase, Row

ANN: Row = {"employee_number": "J-1", "given_name": "Ann", "family_name": "Lee"}
BO: Row = {"employee_number": "J-2", "given_name": "Bo", "family_name": "Kim"}


class PlanTests(ImportCase):
    """What a plan says of each row."""

    def test_new(self) -> None:
        """A row about nobody who is there is new, and nothing is changed by its plan."""
        plan = self.plan([{**ANN, "salary": {"amount": "50000", "currency": "USD"}}, {}, BO])
        self.assertEqual(self.counts(plan), {"add": 2})
        self.assertEqual([row.line for row in plan.rows], [2, 4])
        fields = self.row(plan, 2).fields
        self.assertIsNone(fields["given_name"].before)
        self.assertEqual(fields["given_name"].after, "Ann")
        self.assertEqual(str(fields["salary"].after), "50,000.00 USD per year")
        self.assertEqual(self.people(), {})

    def test_changed_and_same(self) -> None:
        """A row about an employee tells each field before and after; blank cells change nothing."""
        self.add(**ANN, title="Engineer", salary={"amount": "1.00", "currency": "USD"})
        plan = self.plan(
            [{**ANN, "title": "Boss", "phone": "", "salary": {"amount": "2", "currency": "USD"}}]
        )
        self.assertEqual(self.counts(plan), {"change": 1})
        row = self.row(plan, 2)
        self.assertEqual(row.id, 1)
        self.assertEqual(set(row.fields), {"title", "salary"})
        self.assertEqual(
            (row.fields["title"].before, row.fields["title"].after), ("Engineer", "Boss")
        )
        self.assertEqual(row.fields["salary"].before, "***")
        self.assertEqual(self.counts(self.plan([{**ANN, "title": "Engineer"}])), {"same": 1})

    def test_blank_clears(self) -> None:
        """If the user says so, a blank cell clears the field; a missing one leaves it."""
        self.add(**ANN, title="Engineer", location="Paris")
        plan = self.plan([{**ANN, "title": ""}], blank_clears=True)
        self.assertEqual(set(self.row(plan, 2).fields), {"title"})
        self.assertIsNone(self.row(plan, 2).fields["title"].after)

    def test_match_order(self) -> None:
        """Rows are matched by ID, then number, SSN and e-mail, or in the order that is said."""
        self.add(**ANN, email="ann@example.com", ssn="536-90-4399")
        self.add(**BO, email="bo@example.com", ssn=None)
        rows: list[Row] = [
            {"id": 2, "given_name": "B"},
            {"employee_number": "j-1", "given_name": "A"},
            {"email": "BO@example.com", "given_name": "B"},
        ]
        plan = self.plan(rows[:2])
        self.assertEqual([row.id for row in plan.rows], [2, 1])
        self.assertEqual([row.id for row in self.plan(rows[2:]).rows], [2])
        plan = self.plan([{"ssn": "536-90-4399", "given_name": "A"}])
        self.assertEqual([row.id for row in plan.rows], [1])
        plan = self.plan(
            [{"employee_number": "J-1", "email": "bo@example.com"}], match_by=["email"]
        )
        self.assertEqual(self.wrong(plan), {2: ["employee_number"]})

    def test_borrowed_key(self) -> None:
        """Nobody takes another one's place by an e-mail address: what is matched first decides."""
        self.add(**ANN, email="ann@example.com", ssn="536-90-4399")
        self.add(**{**BO, "employee_number": None}, email="bo@example.com", ssn=None)
        plan = self.plan(
            [
                {"employee_number": "J-7", "given_name": "Cy", "email": "ann@example.com"},
                {"id": 77, "employee_number": "J-1", "given_name": "Di"},
                {"employee_number": "j-8", "given_name": "Ed", "email": "bo@example.com"},
            ]
        )
        self.assertEqual(self.wrong(plan), {2: ["email"], 3: ["employee_number"]})
        self.assertIn(
            "Ann Lee (1), who has another Employee number", plan.rows[0].errors[0].message
        )
        self.assertEqual((plan.rows[2].outcome, plan.rows[2].id), ("change", 2))

    def test_odd_values(self) -> None:
        """Values of any form are refused in their row, and stop nothing else."""
        self.add(**ANN)
        odd = [True, 1.5, 2**70, -1, "x" * 9000, [], {"a": {}}, {"name": 1}, "\x00", {}]
        rows: list[Row] = [
            *({"given_name": "A", "id": each} for each in odd),
            *({"given_name": "A", "manager_id": each} for each in odd),
            *({"given_name": each, "email": each, "salary": each} for each in odd),
            *({"employee_number": each, "ssn": each} for each in odd),
            {"zz" * 100: 1, "": 2},
            BO,
        ]
        plan = self.plan(rows)
        self.assertEqual(self.counts(plan), {"add": 1, "refuse": len(rows) - 1})
        self.wrong(plan)

    def test_ambiguous(self) -> None:
        """An e-mail address of two employees matches neither, and is told."""
        self.add(**ANN, email="x@example.com")
        self.add(**BO, email="x@example.com")
        plan = self.plan([{"given_name": "X", "email": "x@example.com"}])
        self.assertEqual(self.wrong(plan), {2: ["email"]})
        self.assertIn("Ann Lee (1), Bo Kim (2)", self.row(plan, 2).errors[0].message)

    def test_all_errors(self) -> None:
        """A refused row names every wrong field, in a sentence each."""
        plan = self.plan(
            [{"given_name": "X", "hire_date": "13/01/2022", "ssn": "1", "salary": "abc", "zz": 1}]
        )
        self.assertEqual(self.wrong(plan), {2: ["hire_date", "ssn", "salary", "zz"]})

    def test_twice_in_file(self) -> None:
        """The second row with a number is refused, and names the first, even a refused one."""
        plan = self.plan([{**ANN, "ssn": "1"}, {**ANN, "given_name": "Anne"}])
        self.assertEqual(self.wrong(plan), {2: ["ssn"], 3: ["employee_number"]})
        self.assertIn("line 2", self.row(plan, 3).errors[0].message)

    def test_same_employee_twice(self) -> None:
        """Two rows about one employee by different keys are not both applied."""
        self.add(**ANN, email="ann@example.com")
        plan = self.plan([{"id": 1, "title": "X"}, {"email": "ann@example.com", "title": "Y"}])
        self.assertEqual(self.wrong(plan), {3: ["email"]})

    def test_deleted_id(self) -> None:
        """The ID of a deleted employee is refused."""
        self.add(**ANN)
        self.ask(self.hr, "employee.delete", id=1, revision=1)
        self.assertEqual(self.wrong(self.plan([{"id": 1, "given_name": "X"}])), {2: ["id"]})
        self.assertEqual(self.wrong(self.plan([{"id": "x", "given_name": "X"}])), {2: ["id"]})

    def test_warnings(self) -> None:
        """What looks wrong about a row is told, and counted beside its outcome."""
        self.add(given_name="Ann", family_name="Lee", birth_date="1990-05-17")
        plan = self.plan([{"given_name": "Ann", "family_name": "LEE", "birth_date": "1990-05-17"}])
        self.assertEqual(self.counts(plan), {"add": 1, "warn": 1})
        self.assertEqual(self.row(plan, 2).warnings[0].code, "possible-duplicate")

    def test_pages(self) -> None:
        """A plan of many rows is shown in pages, all or those of one outcome."""
        count = import_judge.SLICE + import_plan.MAX_SHOWN
        rows = [{"given_name": "N", "employee_number": f"N-{each}"} for each in range(count)]
        import_id = self.begun([*rows, {"given_name": "1"}])
        self.assertEqual(len(self.planned(import_id).rows), count + 1)
        refused = self.planned(import_id, outcome="refuse").rows
        self.assertEqual([row.line for row in refused], [count + 2])
        for wrong in ({"outcome": "zz"}, {"cursor": "x"}):
            self.refused(ValidationFailed, self.hr, "import.plan", import_id=import_id, **wrong)

    def test_again(self) -> None:
        """A plan may be made anew, of the employees as they are then."""
        import_id = self.begun([ANN])
        self.assertEqual(self.counts(self.planned(import_id)), {"add": 1})
        self.add(**ANN)
        self.assertEqual(self.counts(self.planned(import_id)), {"add": 1})
        self.assertEqual(self.counts(self.planned(import_id, again=True)), {"same": 1})


class ManagerTests(ImportCase):
    """Managers by ID, number, e-mail or name, in the file or among the employees."""

    def test_in_file(self) -> None:
        """A manager may stand later in the file, and is told by line and name."""
        plan = self.plan(
            [
                {**BO, "manager_id": {"employee_number": "j-1"}},
                {"given_name": "Cy", "manager_id": {"name": "Lee, Ann"}},
                {"given_name": "Di", "manager_id": {"name": "ann  lee"}},
                {"given_name": "Ed", "manager_id": {"email": "ann@example.com"}},
                {"given_name": "Fe", "manager_id": 77},
                {**ANN, "email": "Ann@example.com", "id": 77},
            ]
        )
        self.assertEqual(self.counts(plan), {"add": 6})
        for row in plan.rows[:5]:
            after = row.fields["manager_id"].after
            expected = {"line": 7, "name": "Ann Lee", "employee_number": "J-1"}
            self.assertEqual(after, expected)

    def test_present(self) -> None:
        """A manager who is there is found by the same, also where a row is about that one."""
        self.add(**ANN, preferred_name="Annie", email="ann@example.com")
        ways = ({"name": "Annie Lee"}, {"name": "Lee, Ann"}, {"employee_number": "J-1"}, 1)
        for way in (*ways, {"email": "ann@example.com"}):
            plan = self.plan([{**BO, "manager_id": way}, {**ANN, "title": "Boss"}])
            self.assertEqual(self.row(plan, 2).fields["manager_id"].after, 1, way)

    def test_unknown_and_several(self) -> None:
        """A manager whom nobody or several people may be is refused, and they are named."""
        self.add(**ANN)
        plan = self.plan(
            [
                {"given_name": "Cy", "manager_id": {"name": "Nobody, Known"}},
                {"given_name": "Di", "manager_id": {"name": "Ann Lee"}},
                {"given_name": "Ann", "family_name": "Lee"},
                {"given_name": "Ed", "manager_id": 5},
                {"given_name": "Fe", "manager_id": {"zz": "5"}},
                {"given_name": "Gu", "manager_id": "text"},
            ]
        )
        self.assertEqual(self.wrong(plan), {line: ["manager_id"] for line in (2, 3, 5, 6, 7)})
        self.assertIn("Ann Lee (1) or line 4", self.row(plan, 3).errors[0].message)

    def test_circle(self) -> None:
        """The last row of a circle is refused; who reported to it has no manager, and is warned."""
        plan = self.plan(
            [
                {"given_name": "Cy", "manager_id": {"employee_number": "J-1"}},
                {**ANN, "manager_id": {"employee_number": "J-2"}},
                {**BO, "manager_id": {"employee_number": "J-1"}},
            ]
        )
        self.assertEqual(self.wrong(plan), {4: ["manager_id"]})
        self.assertEqual(self.row(plan, 3).warnings[0].code, "manager-refused")
        self.assertEqual(self.counts(plan), {"add": 2, "refuse": 1, "warn": 1})

    def test_refused_manager(self) -> None:
        """Whose new manager is refused, and who is there already, stays the same."""
        self.add(**ANN)
        rows: list[Row] = [{**ANN, "manager_id": {"name": "Bo Kim"}}, {**BO, "ssn": "1"}]
        plan = self.plan(rows)
        self.assertEqual(self.counts(plan), {"same": 1, "refuse": 1, "warn": 1})
        self.assertEqual(self.row(plan, 2).fields, {})

    def test_circle_with_store(self) -> None:
        """A circle of a row and of employees is found; a swap of two is none."""
        self.add(**ANN)
        self.add(**BO, manager_id=1, ssn=None)
        self.add(employee_number="J-3", manager_id=2, ssn=None)
        plan = self.plan([{"employee_number": "J-1", "manager_id": 3}])
        self.assertEqual(self.wrong(plan), {2: ["manager_id"]})
        self.assertEqual(self.wrong(self.plan([{"id": 1, "manager_id": 1}])), {2: ["manager_id"]})
        swap: list[Row] = [{"id": 2, "manager_id": ""}, {"id": 1, "manager_id": 2}]
        self.assertEqual(self.wrong(self.plan(swap)), {3: ["manager_id"]})
        self.assertEqual(self.wrong(self.plan(swap, blank_clears=True)), {})


class GateTests(ImportCase):
    """What the user may not do, or see."""

    def test_role(self) -> None:
        """Who may neither add nor update employees has no imports at all."""
        mallory = self.person("mallory", Role.EMPLOYEE, Role.IT, Role.AUDITOR)
        import_id = self.begun([ANN])
        for name, params in (
            ("import.begin", {"name": "x"}),
            ("import.rows", {"import_id": import_id, "first_line": 2, "rows": [ANN]}),
            ("import.plan", {"import_id": import_id}),
            ("import.apply", {"import_id": import_id}),
            ("import.undo", {"import_id": import_id}),
            ("import.discard", {"import_id": import_id}),
            ("import.list", {}),
        ):
            self.refused(PermissionDenied, mallory, name, **params)

    def test_others(self) -> None:
        """Nobody sees another one's import, or learns that there is one."""
        other = self.person("other", Role.HR)
        import_id = self.begun([ANN])
        self.planned(import_id)
        for name in ("import.plan", "import.apply", "import.undo", "import.discard"):
            error = self.refused(NotFound, other, name, import_id=import_id)
            unknown = self.refused(NotFound, other, name, import_id=99)
            self.assertEqual(error.message.replace(str(import_id), "99"), unknown.message)
        rows = {"first_line": 3, "rows": [BO]}
        self.refused(NotFound, other, "import.rows", import_id=import_id, **rows)
        self.assertEqual(self.ask(other, "import.list").imports, [])

    def test_options(self) -> None:
        """Rows are matched by a known field only."""
        why = self.refused(ValidationFailed, self.hr, "import.begin", name="x", match_by=["title"])
        self.assertEqual([each.field for each in why.errors], ["match_by"])

    def test_rows_again(self) -> None:
        """Rows may be sent again after a lost answer; with other values they are refused."""
        import_id = self.begun([ANN, BO])
        params = {"import_id": import_id, "first_line": 2}
        self.assertEqual(self.ask(self.hr, "import.rows", **params, rows=[ANN, BO]).received, 2)
        self.refused(ValidationFailed, self.hr, "import.rows", **params, rows=[BO])
        self.planned(import_id)
        self.refused(ValidationFailed, self.hr, "import.rows", **params, rows=[ANN])

    def test_too_many_open(self) -> None:
        """An account has a bounded number of imports that are not applied."""
        for _ in range(20):
            last = self.begun([])
        self.refused(ValidationFailed, self.hr, "import.begin", name="x")
        self.ask(self.hr, "import.discard", import_id=last)
        self.begun([])
