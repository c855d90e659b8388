"""The gate in every method: each role, each field, the own record and others'."""

from __future__ import annotations

from typing import Any

from records.model.access import Action, Role, allows
from records.model.errors import NotFound, PermissionDenied, RecordsError, RevisionConflict
from records.model.fields import STANDARD
from records.operations.sessions import Caller
from records.test.operations.operations_case import SOURCE, OperationsCase
from records.test.samples import FULL, THIRD
from records.test.samples import OTHER as GOOD
from records.testing import user

OWN, OTHER = 1, 2


class GateCase(OperationsCase):
    """Three employees; each role's account has the first as its own record."""

    def setUp(self) -> None:
        super().setUp()
        for unique in ({}, THIRD):
            self.add(**{**FULL, "manager_id": None, **unique})
        self.add()

    def somebody(self, role: Role) -> Caller:
        return self.person(f"the.{role.value}", role, employee_id=OWN)

    def state(self) -> Any:
        return [self.values(number) for number in (1, 2, 3, 4)]

    def assert_denied(
        self, who: Caller, method: str, subject: str, named: str | None, **params: object
    ) -> None:
        """Denied, naming the field, audited once with source and subject, and nothing changed."""
        before, log = self.state(), self.entries()
        error = self.refused(PermissionDenied, who, method, **params)
        fields = [each.field for each in error.errors]
        # The directory part of a record stands for touching the record at all.
        self.assertEqual(set(fields) | {"given_name"}, {"given_name", named or "given_name"})
        self.assertEqual(len(fields), len(set(fields)), fields)
        self.assertIn(named, [*fields, None])
        self.assertEqual(self.state(), before)
        (entry,) = self.entries(len(log))
        event = entry.event
        self.assertEqual(
            (event.action, event.subject, event.outcome.value, list(event.fields), event.source),
            (method, subject, "denied", fields, SOURCE),
        )
        self.assertEqual(event.digest, "")


class EveryFieldTests(GateCase):
    """Method by role by field."""

    def test_get(self) -> None:
        """Each field is there, masked or absent as the role's permissions say."""
        for role in Role:
            who = self.somebody(role)
            seen = user(role, employee_id=OWN)
            for subject in (OWN, OTHER):
                shown = self.ask(who, "employee.get", id=subject)
                for field in STANDARD:
                    name = field.name
                    readable = allows(seen, Action.READ, field.field_class, subject)
                    self.assertEqual(name in shown.employee, readable, (role, subject, name))
                    if readable and field.masked:
                        self.assertIn("***", shown.employee[name])
                        self.assertIn(name, shown.masked)

    def test_reveal(self) -> None:
        """Each field is revealed, audited, or the reveal is denied, and that audited."""
        for role in Role:
            who = self.somebody(role)
            seen = user(role, employee_id=OWN)
            for subject in (OWN, OTHER):
                for field in STANDARD:
                    name = field.name
                    action = Action.REVEAL if field.masked else Action.READ
                    if allows(seen, Action.READ, field.field_class, subject) and allows(
                        seen, action, field.field_class, subject
                    ):
                        count = len(self.entries())
                        shown = self.ask(who, "employee.get", id=subject, reveal=[name])
                        self.assertNotIn("***", str(shown.employee[name]))
                        self.assertEqual(len(self.entries()) - count, int(field.masked))
                    else:
                        self.assert_denied(
                            who,
                            "employee.get",
                            f"employee:{subject}",
                            name,
                            id=subject,
                            reveal=[name],
                        )

    def test_update(self) -> None:
        """Each field is changed by those who may, of anybody and of oneself, and by no one else."""
        for role in Role:
            who = self.somebody(role)
            seen = user(role, employee_id=OWN)
            for subject in (OWN, OTHER):
                for field in STANDARD:
                    name = field.name
                    stored = self.read(lambda tx, number=subject: tx.employees.get(number))
                    params: dict[str, object] = {
                        "id": subject,
                        "revision": stored.revision,
                        "changes": {name: GOOD[name]},
                    }
                    if allows(seen, Action.UPDATE, field.field_class, subject):
                        params["changes"] = {name: None if field.unique else GOOD[name]}
                        changed = self.ask(who, "employee.update", **params).employee
                        self.assertGreaterEqual(changed["revision"], stored.revision)
                    else:
                        self.assert_denied(
                            who, "employee.update", f"employee:{subject}", name, **params
                        )

    def test_add(self) -> None:
        """Each field is entered for a new employee by those who may, and by no one else."""
        for role in Role:
            who = self.somebody(role)
            for field in STANDARD:
                name = field.name
                employee = {"given_name": "New", name: GOOD[name]}
                if allows(user(role), Action.ADD, field.field_class):
                    added = self.ask(who, "employee.add", employee=employee).employee
                    self.ask(self.hr, "employee.delete", id=added["id"], revision=1)
                    self.assertIn(name, added)
                else:
                    self.assert_denied(who, "employee.add", "-", name, employee=employee)

    def test_delete(self) -> None:
        """An employee is deleted by those who may touch every class, and by no one else."""
        for role in Role:
            who = self.somebody(role)
            for subject in (OWN, OTHER, 3):
                if role in (Role.OWNER, Role.HR):
                    added = self.add()
                    self.ask(who, "employee.delete", id=added["id"], revision=1)
                else:
                    self.assert_denied(
                        who,
                        "employee.delete",
                        f"employee:{subject}",
                        None,
                        id=subject,
                        revision=1,
                    )


class OrderTests(GateCase):
    """The gate comes first."""

    def test_denial_before_anything_else(self) -> None:
        """Who may not do a thing learns nothing of whether it could be done."""
        tess = self.somebody(Role.EMPLOYEE)
        params: dict[str, object]
        for params in (
            {"id": 99, "revision": 1, "changes": {"title": "x"}},
            {"id": OTHER, "revision": 77, "changes": {"title": "x"}},
            {"id": OTHER, "revision": 1, "changes": {"ssn": "536-90-4399"}},
            {"id": OTHER, "revision": 1, "changes": {"ssn": "nonsense"}},
            {"id": OTHER, "revision": 1, "changes": {}},
            {"id": OTHER, "revision": 1, "changes": {"bogus": 1}},
        ):
            self.refused(PermissionDenied, tess, "employee.update", **params)
        for subject, revision in ((99, 1), (OTHER, 9)):
            self.refused(PermissionDenied, tess, "employee.delete", id=subject, revision=revision)
        for number in (OTHER, 99):
            self.refused(PermissionDenied, tess, "employee.get", id=number, reveal=["ssn"])
        self.refused(PermissionDenied, tess, "employee.add", employee={"id": 1, "bogus": 1})
        self.refused(NotFound, tess, "employee.get", id=99)

    def test_all_denied_fields_at_once(self) -> None:
        """Every field that may not be changed is named, with a sentence of its own."""
        tess = self.somebody(Role.EMPLOYEE)
        error = self.refused(
            PermissionDenied,
            tess,
            "employee.update",
            id=OWN,
            revision=1,
            changes={"ssn": None, "title": "x", "bogus": 1},
        )
        sentences = {each.field: each.message for each in error.errors}
        self.assertTrue({"ssn", "title"} <= set(sentences) <= {"ssn", "title", "given_name"})
        self.assertIn("identity", sentences["ssn"])
        self.assertIn("directory", sentences["title"])

    def test_nobody(self) -> None:
        """An account without any role may do nothing at all."""
        nobody = self.person("nobody", employee_id=OWN)
        for method, params in (
            ("employee.get", {"id": OWN}),
            ("employee.get", {"id": OWN, "reveal": ["ssn"]}),
            ("employee.list", {}),
            ("employee.add", {"employee": {"given_name": "X"}}),
            ("employee.update", {"id": OWN, "revision": 1, "changes": {}}),
            ("employee.delete", {"id": OWN, "revision": 1}),
        ):
            self.refused(PermissionDenied, nobody, method, **params)

    def test_conflict_shows_what_may_be_seen(self) -> None:
        """The present version in a conflict is the one that this user may see."""
        self.ask(self.hr, "employee.update", id=OTHER, revision=1, changes={"title": "Boss"})
        for role in (Role.OWNER, Role.HR):
            who = self.somebody(role)
            error = self.refused(
                RevisionConflict, who, "employee.update", id=OTHER, revision=1, changes={}
            )
            shown: Any = error.details["employee"]
            self.assertEqual(shown["ssn"], "***-**-4398")


class PresentTests(GateCase):
    """A change of role or account counts from the next request on."""

    def tries(self, who: Caller) -> type[RecordsError] | None:
        try:
            self.ask(who, "employee.get", id=OTHER, reveal=["ssn"])
        except RecordsError as error:
            return type(error)
        return None

    def test_roles(self) -> None:
        """A role given or taken counts for the same session at once."""
        tess = self.somebody(Role.EMPLOYEE)
        self.assertIs(self.tries(tess), PermissionDenied)
        self.change_account("the.employee", roles=(Role.EMPLOYEE, Role.HR))
        self.assertIs(self.tries(tess), None)
        self.change_account("the.employee", roles=())
        self.assertIs(self.tries(tess), PermissionDenied)

    def test_own_record(self) -> None:
        """Which record is the own one counts at once."""
        tess = self.somebody(Role.EMPLOYEE)
        self.change_account("the.employee", employee_id=OTHER)
        self.assertIs(self.tries(tess), None)
        self.change_account("the.employee", employee_id=None)
        self.assertIs(self.tries(tess), PermissionDenied)
