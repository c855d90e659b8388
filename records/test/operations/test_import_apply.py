"""Applying an import, exactly as planned or not at all, and taking it back."""

from __future__ import annotations

from records.model.access import Role
from records.model.errors import PermissionDenied, PlanOutdated, ValidationFailed
from records.model.fields import FieldClass
from records.operations.audit import verify_journal
from records.operations.sessions import IMPORTS_KEPT, sweep
from records.test.operations.import_case import ImportCase, Row
from records.test.operations.operations_case import LIMITS

ANN: Row = {"employee_number": "J-1", "given_name": "Ann", "family_name": "Lee"}
BO: Row = {"employee_number": "J-2", "given_name": "Bo", "family_name": "Kim"}
PAY = {"amount": "9.00", "currency": "USD"}


class ApplyCase(ImportCase):
    """What both share: the history must always tell the records."""

    def verify(self) -> None:
        self.read(verify_journal)


class ApplyTests(ApplyCase):
    """An import that is applied."""

    def test_all(self) -> None:
        """New employees come with their managers, the others change, each with its own audit."""
        self.add(**ANN, title="Engineer", ssn=None)
        import_id = self.begun(
            [
                {"given_name": "Di", "manager_id": {"name": "Cy Fox"}},
                {
                    "given_name": "Cy",
                    "family_name": "Fox",
                    "manager_id": {"employee_number": "J-2"},
                },
                {**BO, "manager_id": 1},
                {"given_name": "Ed", "id": 90},
                {**ANN, "title": "Boss"},
            ]
        )
        self.planned(import_id)
        before = len(self.entries())
        done = self.ask(self.hr, "import.apply", import_id=import_id)
        self.assertEqual((done.counts["add"], done.counts["change"]), (4, 1))
        people = self.people()
        by_name = {each["given_name"]: each.get("manager_id") for each in people.values()}
        ids = {each["given_name"]: employee_id for employee_id, each in people.items()}
        self.assertEqual(ids["Ed"], 90)
        self.assertEqual(
            by_name, {"Ann": None, "Bo": 1, "Cy": ids["Bo"], "Di": ids["Cy"], "Ed": None}
        )
        self.assertEqual(people[1]["title"], "Boss")
        events = self.events()[before:]
        subjects = [(action, subject) for _, action, subject, _, _ in events]
        self.assertEqual(subjects[-1], ("import.apply", f"import:{import_id}"))
        changed = {subject for action, subject in subjects if action.startswith("employee.")}
        self.assertEqual(changed, {f"employee:{each}" for each in people})
        self.verify()

    def test_again(self) -> None:
        """Applied again, after a lost answer, it changes nothing; the same under a key."""
        import_id = self.begun([ANN, BO])
        self.planned(import_id)
        first = self.ask(self.hr, "import.apply", import_id=import_id, key="k")
        head = len(self.entries())
        for params in ({"key": "k"}, {}):
            again = self.ask(self.hr, "import.apply", import_id=import_id, **params)
            self.assertEqual(again, first)
        self.assertEqual(len(self.entries()), head)

    def test_second_import(self) -> None:
        """The same file again has nothing to change."""
        rows = [
            {**ANN, "salary": PAY, "ssn": "536-90-4399"},
            {**BO, "manager_id": {"name": "Ann Lee"}},
        ]
        self.applied(rows)
        self.assertEqual(self.counts(self.plan(rows)), {"same": 2})

    def test_refused_rows(self) -> None:
        """Refused rows stop the whole, unless the others are wanted without them."""
        rows = [ANN, {**BO, "ssn": "1"}, {"given_name": "Cy", "manager_id": {"name": "Bo Kim"}}]
        import_id = self.begun(rows)
        self.planned(import_id)
        why = self.refused(ValidationFailed, self.hr, "import.apply", import_id=import_id)
        self.assertEqual([each.field for each in why.errors], ["skip_refused"])
        self.assertEqual(self.people(), {})
        self.ask(self.hr, "import.apply", import_id=import_id, skip_refused=True)
        self.assertEqual([each["given_name"] for each in self.people().values()], ["Ann", "Cy"])
        self.assertNotIn("manager_id", self.people()[2])
        self.verify()

    def test_circle_without_refused(self) -> None:
        """Rows that would make a circle once refused ones are left out are not applied."""
        self.add(**ANN, ssn=None)
        self.add(**BO, ssn=None, manager_id=1)
        rows: list[Row] = [{"id": 2, "manager_id": "", "ssn": "1"}, {"id": 1, "manager_id": 2}]
        import_id = self.begun(rows, blank_clears=True)
        plan = self.planned(import_id)
        self.assertEqual(self.wrong(plan), {2: ["ssn"]})
        params = {"import_id": import_id, "skip_refused": True}
        self.refused(ValidationFailed, self.hr, "import.apply", **params)
        self.assertNotIn("manager_id", self.people()[1])

    def test_not_planned(self) -> None:
        """Only a plan can be applied, and only what was applied can be undone."""
        import_id = self.begun([ANN])
        self.refused(ValidationFailed, self.hr, "import.apply", import_id=import_id)
        self.refused(ValidationFailed, self.hr, "import.undo", import_id=import_id)

    def test_outdated(self) -> None:
        """If a record that it touches has moved, nothing is done, and it says which."""
        self.add(**ANN, ssn=None)
        import_id = self.begun([{**ANN, "title": "X"}, BO, {"given_name": "Cy", "id": 7}])
        self.planned(import_id)
        self.ask(self.hr, "employee.update", id=1, revision=1, changes={"location": "Paris"})
        why = self.refused(PlanOutdated, self.hr, "import.apply", import_id=import_id)
        self.assertEqual(why.details, {"lines": [2], "ids": [1]})
        self.add(employee_number="j-2", ssn=None, id=8)
        self.add(ssn=None, id=7)
        why = self.refused(PlanOutdated, self.hr, "import.apply", import_id=import_id)
        self.assertEqual(why.details, {"lines": [3, 4, 2], "ids": [1]})
        self.planned(import_id, again=True)
        self.ask(self.hr, "import.apply", import_id=import_id)
        self.assertEqual(self.people()[1]["title"], "X")

    def test_manager_gone(self) -> None:
        """A manager who is deleted meanwhile makes the plan outdated."""
        self.add(**ANN, ssn=None)
        import_id = self.begun([{**BO, "manager_id": 1}])
        self.planned(import_id)
        self.ask(self.hr, "employee.delete", id=1, revision=1)
        self.refused(PlanOutdated, self.hr, "import.apply", import_id=import_id)

    def test_right_lost(self) -> None:
        """A right that is lost after the plan stops the application."""
        import_id = self.begun([ANN])
        self.planned(import_id)
        self.change_account("hr", roles=(Role.EMPLOYEE,))
        self.refused(PermissionDenied, self.hr, "import.apply", import_id=import_id)

    def test_nothing_kept(self) -> None:
        """Once applied, the rows hold no personal data any more; neither after a week unplanned."""
        import_id = self.applied([{**ANN, "ssn": "536-90-4399"}])
        rows = self.read(lambda tx: tx.imports.rows(import_id, 0, 10))
        self.assertEqual([(row.given, row.changes) for row in rows], [({}, {})])
        waiting = self.begun([BO])
        self.clock.advance(IMPORTS_KEPT + 1)
        self.store.do(sweep, LIMITS)
        self.assertIsNone(self.read(lambda tx: tx.imports.get(waiting)))
        self.assertIsNotNone(self.read(lambda tx: tx.imports.get(import_id)))


class BrakeTests(ApplyCase):
    """Changes of many at once need their counts confirmed."""

    def test_end(self) -> None:
        """Who ends more than 10 people, or more than one in twenty, confirms how many."""
        for number in range(40):
            self.add(employee_number=f"J-{number}", ssn=None, hire_date=None)
        left = {"status": "left", "termination_date": "2020-01-01"}
        rows = [{"employee_number": f"J-{number}", **left} for number in range(3)]
        import_id = self.begun(rows)
        self.assertEqual(dict(self.planned(import_id).expect), {"end": 3})
        for expect in ({}, {"end": 2}, {"pay": 3}):
            params = {"import_id": import_id, "expect": expect}
            why = self.refused(ValidationFailed, self.hr, "import.apply", **params)
            self.assertEqual(why.details, {"expect": {"end": 3}})
            self.assertIn("end the employment of 3 of 40", why.message)
        self.ask(self.hr, "import.apply", import_id=import_id, expect={"end": 3})
        self.assertEqual(self.planned(self.begun(rows[:2])).expect, {})

    def test_pay(self) -> None:
        """The same for a change of the pay of more than half."""
        for number in range(4):
            self.add(employee_number=f"J-{number}", ssn=None)
        rows = [{"employee_number": f"J-{number}", "salary": PAY} for number in range(3)]
        self.assertEqual(self.plan(rows).expect, {"pay": 3})
        self.assertEqual(self.plan(rows[:2]).expect, {})


class NoPayTests(ApplyCase):
    """HR whose role lacks the class pay."""

    def test_salary_stays(self) -> None:
        """A column that may not be written leaves the value, and nothing tells what it was."""
        self.add(**ANN, ssn=None, salary=PAY)
        self.restrict(Role.HR, lambda grant: grant.field_class is not FieldClass.PAY)
        for amount in ("9.00", "10.00"):
            row = {**ANN, "title": f"T{amount}", "salary": {"amount": amount, "currency": "USD"}}
            import_id = self.begun([row])
            plan = self.planned(import_id)
            self.assertEqual([each.field for each in plan.denied], ["salary"])
            self.assertNotIn("salary", self.row(plan, 2).fields)
            self.assertEqual(plan.expect, {})
            self.assertEqual(self.row(plan, 2).outcome, "change")
        self.ask(self.hr, "import.apply", import_id=import_id)
        self.assertEqual(str(self.people()[1]["salary"]), "9.00 USD per year")
        done = self.ask(self.hr, "import.undo", import_id=import_id)
        self.assertEqual(done.undone, 1)
        self.assertEqual(str(self.people()[1]["salary"]), "9.00 USD per year")
        self.applied([{**BO, "salary": PAY}])
        self.assertNotIn("salary", self.people()[2])


class UndoTests(ApplyCase):
    """An applied import that is taken back."""

    def test_all(self) -> None:
        """Everything is as before, with a history of it; undone again it changes nothing."""
        self.add(**ANN, title="Engineer", ssn=None)
        before = self.people()
        import_id = self.applied(
            [
                {"given_name": "Cy", "manager_id": {"name": "Bo Kim"}},
                BO,
                {**ANN, "title": "Boss", "manager_id": {"name": "Bo Kim"}},
            ]
        )
        self.assertEqual(self.people()[1]["manager_id"], 2)
        done = self.ask(self.hr, "import.undo", import_id=import_id, key="u")
        self.assertEqual((done.undone, done.kept), (3, []))
        self.assertEqual(self.people(), before)
        self.assertEqual([each.revision for each in self.changes(1)], [3, 2, 1])
        self.verify()
        head = len(self.entries())
        for params in ({"key": "u"}, {}):
            again = self.ask(self.hr, "import.undo", import_id=import_id, **params)
            self.assertEqual((again.undone, again.kept_count), (3, 0))
        self.assertEqual(len(self.entries()), head)
        self.assertEqual(self.ask(self.hr, "import.list").imports[0].state, "undone")
        self.assertEqual(self.planned(import_id, again=True).state, "undone")

    def test_changed_since(self) -> None:
        """Employees who were changed, deleted or given reports since stay, and are told."""
        self.add(**ANN, ssn=None)
        rows = [{"given_name": name} for name in ("Cy", "Di", "Ed", "Fe")]
        import_id = self.applied([{**ANN, "employee_number": "J-9", "id": 1}, *rows])
        self.ask(self.hr, "employee.update", id=2, revision=1, changes={"title": "X"})
        self.ask(self.hr, "employee.delete", id=3, revision=1)
        self.add(manager_id=4, employee_number="J-1", ssn=None)
        done = self.ask(self.hr, "import.undo", import_id=import_id)
        self.assertEqual((done.undone, done.kept_count), (1, 4))
        why = {each.line: each.why for each in done.kept}
        self.assertIn("changed since", why[3])
        self.assertIn("deleted since", why[4])
        self.assertIn("1 employee reports", why[5])
        self.assertIn("belongs to another", why[2])
        self.verify()
        again = self.ask(self.hr, "import.undo", import_id=import_id)
        self.assertEqual(again.kept_count, 4)

    def test_discard(self) -> None:
        """A discarded import is gone; what it changed stays."""
        import_id = self.applied([ANN])
        for _ in range(2):
            self.ask(self.hr, "import.discard", import_id=import_id, key="d")
        self.assertEqual(self.ask(self.hr, "import.list").imports, [])
        self.assertEqual(len(self.people()), 1)
