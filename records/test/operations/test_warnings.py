"""Warnings, and checks that change nothing."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

from records.model.access import Role
from records.model.errors import (
    AlreadyExists,
    NotFound,
    PermissionDenied,
    RevisionConflict,
    ValidationFailed,
)
from records.model.fields import STANDARD
from records.operations.warnings import warnings_of
from records.test.operations.employee_case import EmployeeCase
from records.testing import user

SAME_NAME = [("possible-duplicate", "birth_date")]
SAME_EMAIL = [("possible-duplicate", "email")]


class WarningsCase(EmployeeCase):
    """Additions and changes, and the codes of their warnings."""

    def setUp(self) -> None:
        super().setUp()
        self.today = datetime.fromtimestamp(self.clock.now // 1_000_000, UTC).date()

    def day(self, days: int) -> str:
        """The date so many days from today."""
        return (self.today + timedelta(days)).isoformat()

    def added(self, **fields: object) -> list[tuple[str, str]]:
        """Code and field of each warning of an addition."""
        answer = self.ask(self.hr, "employee.add", employee={"given_name": "Ann", **fields})
        return self.told(answer)

    def updated(
        self, employee_id: int, revision: int = 1, **changes: object
    ) -> list[tuple[str, str]]:
        answer = self.ask(
            self.hr, "employee.update", id=employee_id, revision=revision, changes=changes
        )
        return self.told(answer)

    def told(self, answer: Any) -> list[tuple[str, str]]:
        for each in answer.warnings:
            self.assertRegex(each.message, r"^[A-Z].*[.?]$")
        return [(each.code, each.field) for each in answer.warnings]


class DuplicateTests(WarningsCase):
    """possible-duplicate"""

    def test_same_name_and_birth_date(self) -> None:
        """Somebody with the same name, in any spelling, and the same birth date is warned of."""
        born = {"birth_date": "1990-05-17"}
        self.assertEqual(self.added(given_name="Jörg", family_name="Müller", **born), [])
        for given_name, family_name, other in (
            ("Joerg", "Mueller", "1990-05-18"),
            ("JORG", "müller", "1990-05-19"),
        ):
            names = {"given_name": given_name, "family_name": family_name}
            self.assertEqual(self.added(**names, **born), SAME_NAME)
            self.assertEqual(self.added(**names, birth_date=other), [])
            self.assertEqual(self.added(**names), [])
        self.assertEqual(self.added(given_name="Anna", family_name="Müller", **born), [])

    def test_who(self) -> None:
        """The warning names the others, a few of them."""
        person = {"given_name": "Ann", "family_name": "Lee", "birth_date": "1990-05-17"}
        messages = [
            [each.message for each in self.ask(self.hr, "employee.add", employee=person).warnings]
            for _ in range(5)
        ]
        self.assertEqual(messages[1], ["Same name and birth date as Ann Lee (1)."])
        self.assertEqual(
            messages[4],
            ["Same name and birth date as Ann Lee (1), Ann Lee (2), Ann Lee (3) and 1 more."],
        )

    def test_same_email(self) -> None:
        """Somebody with the same e-mail address, in whatever case, is warned of."""
        self.added(given_name="Bo", email="ann@example.com")
        self.assertEqual(self.added(email="Ann@Example.com"), SAME_EMAIL)
        self.assertEqual(self.added(email="anne@example.com"), [])

    def test_update(self) -> None:
        """A change that makes two people alike is warned of; a change of anything else is not."""
        born = {"birth_date": "1990-05-17", "email": "ann@example.com"}
        self.added(family_name="Lee", **born)
        self.added(family_name="Li", birth_date="1990-05-17")
        self.assertEqual(self.updated(2, family_name="Lee"), SAME_NAME)
        self.assertEqual(self.updated(2, 2, title="Chief"), [])
        self.assertEqual(self.updated(2, 3, email="ann@example.com"), SAME_EMAIL)

    def test_equal_values(self) -> None:
        """A value that is sent and does not differ is not touched."""
        self.added(email="ann@example.com")
        self.added(given_name="Bo", email="ann@example.com")
        self.assertEqual(self.updated(2, email="ann@example.com", title="Chief"), [])

    def test_among_many(self) -> None:
        """A duplicate is found among very many of the same name."""
        person = {"given_name": "Wei", "family_name": "Li"}
        for number in range(210):
            self.added(**person, birth_date=f"1980-01-{number % 28 + 1:02}")
        self.assertEqual(self.added(**person, birth_date="1990-01-01"), [])
        self.assertEqual(self.added(**person, birth_date="1990-01-01"), SAME_NAME)

    def test_not_oneself(self) -> None:
        """Nobody is a duplicate of themselves."""
        self.added(family_name="Lee", birth_date="1990-05-17", email="ann@example.com")
        self.assertEqual(self.updated(1, given_name="ann", email="ANN@example.com"), [])

    def test_deleted(self) -> None:
        """Nor of somebody who has been deleted."""
        self.added(family_name="Lee", birth_date="1990-05-17")
        self.ask(self.hr, "employee.delete", id=1, revision=1)
        self.assertEqual(self.added(family_name="Lee", birth_date="1990-05-17"), [])


class RuleTests(WarningsCase):
    """The other codes."""

    def test_younger_than_14(self) -> None:
        """Who was 13 on the hire date, or is today without one, is warned of; 14 is old enough."""
        too_young = [("younger-than-14", "birth_date")]
        self.assertEqual(self.added(birth_date="2000-06-02", hire_date="2014-06-01"), too_young)
        self.assertEqual(self.added(birth_date="2000-06-01", hire_date="2014-06-01"), [])
        self.assertEqual(self.added(birth_date="2000-02-29", hire_date="2014-02-28"), too_young)
        self.assertEqual(
            self.added(given_name="Bo", birth_date="2000-02-29", hire_date="2014-03-01"), []
        )
        birthday = date(self.today.year - 14, self.today.month, self.today.day)
        self.assertEqual(self.added(birth_date=birthday.isoformat()), [])
        younger = (birthday + timedelta(1)).isoformat()
        self.assertEqual(self.added(birth_date=younger), too_young)
        # Old enough on a hire date to come, and not today.
        self.assertEqual(self.added(birth_date="2013-05-17", hire_date="2027-01-01"), too_young)

    def test_leaver_not_left(self) -> None:
        """Who should have left by now, but has another status, is warned of."""
        warned = [("leaver-not-left", "status")]
        self.assertEqual(self.added(termination_date=self.day(-1)), warned)
        self.assertEqual(self.added(termination_date=self.day(-1), status="on_leave"), warned)
        self.assertEqual(self.added(termination_date=self.day(-1), status="left"), [])
        self.assertEqual(self.added(termination_date=self.day(0)), [])

    def test_manager_left(self) -> None:
        """A manager who has left is warned of, by name."""
        self.added(given_name="Boss", status="left", termination_date=self.day(-9))
        answer = self.ask(self.hr, "employee.add", employee={"given_name": "Ann", "manager_id": 1})
        self.assertEqual(self.told(answer), [("manager-left", "manager_id")])
        self.assertEqual(answer.warnings[0].message, "The manager, Boss (1), has left.")
        self.assertEqual(self.updated(2, title="Chief"), [])

    def test_hire_far_ahead(self) -> None:
        """A hire date more than a year away is warned of."""
        warned = [("hire-far-ahead", "hire_date")]
        self.assertEqual(self.today.isoformat(), "2026-01-01")
        self.assertEqual(self.added(hire_date="2027-01-01"), [])
        self.assertEqual(self.added(hire_date="2027-01-02"), warned)
        self.clock.advance((date(2028, 2, 29) - self.today).days * 86400)
        self.hr = self.person("hr2", Role.HR)
        self.assertEqual(self.added(hire_date="2029-02-28"), [])
        self.assertEqual(self.added(hire_date="2029-03-01"), warned)

    def test_several(self) -> None:
        """All warnings come together, and the change is made."""
        self.added(email="ann@example.com")
        found = self.added(
            email="ann@example.com", hire_date=self.day(400), termination_date=self.day(401)
        )
        self.assertEqual(found, [("possible-duplicate", "email"), ("hire-far-ahead", "hire_date")])
        self.assertIsNotNone(self.values(2))


class SecretTests(WarningsCase):
    """Warnings go by what the user may read."""

    def test_unreadable_fields(self) -> None:
        """Who may not read birth dates is not warned by them."""
        person = {"given_name": "Ann", "family_name": "Lee", "birth_date": "2020-05-17"}
        self.ask(self.hr, "employee.add", employee=person)

        def seen(tx: Any, role: Role) -> list[str]:
            employee = tx.employees.get(1)
            touched = list(STANDARD.names)
            found = warnings_of(tx, user(role), employee, touched)
            return [each.code for each in found]

        self.ask(self.hr, "employee.add", employee=person)
        self.assertEqual(
            self.read(lambda tx: seen(tx, Role.HR)), ["possible-duplicate", "younger-than-14"]
        )
        self.assertEqual(self.read(lambda tx: seen(tx, Role.MANAGER)), [])


class CheckOnlyTests(WarningsCase):
    """check_only"""

    def check(self, method: str, **params: object) -> Any:
        """The answer to a check, after which everything is as it was."""
        before = self.entries(), self.values(1), self.values(2)
        try:
            return self.ask(self.hr, method, check_only=True, **params)
        finally:
            self.assertEqual((self.entries(), self.values(1), self.values(2)), before)

    def test_add(self) -> None:
        """A checked addition answers with the record as it would be, warnings, and no effect."""
        self.add()
        employee = {"given_name": "Bo", "email": "ann.ohara@example.com"}
        answer = self.check("employee.add", employee=employee)
        self.assertEqual((answer.employee["id"], answer.employee["revision"]), (2, 1))
        self.assertEqual(answer.employee["status"], "active")
        self.assertEqual(self.told(answer), [("possible-duplicate", "email")])
        self.assertEqual(self.ask(self.hr, "employee.add", employee=employee).employee["id"], 2)

    def test_update(self) -> None:
        """So does a checked change."""
        self.add()
        answer = self.check("employee.update", id=1, revision=1, changes={"title": "Chief"})
        self.assertEqual((answer.employee["title"], answer.employee["revision"]), ("Chief", 2))
        self.assertEqual(self.values(1)["title"], "Engineer")  # type: ignore[index]

    def test_refused(self) -> None:
        """A check is refused as the change would be."""
        self.add(ssn="536-90-4399")
        for kind, method, params in (
            (ValidationFailed, "employee.add", {"employee": {}}),
            (
                AlreadyExists,
                "employee.add",
                {"employee": {"given_name": "Bo", "ssn": "536-90-4399"}},
            ),
            (RevisionConflict, "employee.update", {"id": 1, "revision": 2, "changes": {}}),
            (
                ValidationFailed,
                "employee.update",
                {"id": 1, "revision": 1, "changes": {"email": "x"}},
            ),
        ):
            with self.assertRaises(kind):
                self.check(method, **params)

    def test_denied(self) -> None:
        """Who may not make the change may not check it either, and the attempt is audited."""
        self.add()
        boss = self.person("boss", Role.MANAGER)
        params: dict[str, Any] = {"id": 1, "revision": 1, "changes": {"title": "x"}}
        self.refused(PermissionDenied, boss, "employee.update", check_only=True, **params)
        self.assertEqual(self.events()[-1][:4], ("boss", "employee.update", "employee:1", "denied"))

    def test_key(self) -> None:
        """A check under a key leaves the key to the change that follows."""
        employee = {"given_name": "Bo"}
        for _ in range(2):
            self.check("employee.add", employee=employee, key="k")
        first = self.ask(self.hr, "employee.add", employee=employee, key="k")
        again = self.ask(self.hr, "employee.add", employee=employee, key="k")
        self.assertEqual(first.employee, again.employee)
        self.assertIsNone(self.values(2))


class NumberTests(EmployeeCase):
    """employee_number"""

    def test_unique(self) -> None:
        """No two employees have the same number, whatever its case; zeros count."""
        self.add(employee_number="JAW-0018")
        for number in ("JAW-0018", "jaw-0018", " Jaw-0018 ", "ＪＡＷ-0018"):
            error = self.refused(
                AlreadyExists,
                self.hr,
                "employee.add",
                employee={"given_name": "Bo", "employee_number": number},
            )
            self.assertEqual(self.wrong(error), ["employee_number"])
        self.add(employee_number="JAW-18", id=5)
        self.assertEqual(self.update(1, employee_number="jaw-0018")["employee_number"], "jaw-0018")
        self.ask(self.hr, "employee.delete", id=1, revision=2)
        self.add(employee_number="JAW-0018")

    def test_get(self) -> None:
        """An employee is got by number, revealed or not, as by ID."""
        self.add(employee_number="00017", ssn="536-90-4399")
        shown = self.ask(self.hr, "employee.get", employee_number="00017")
        self.assertEqual(shown, self.ask(self.hr, "employee.get", id=1))
        shown = self.ask(self.hr, "employee.get", employee_number="00017", reveal=["ssn"])
        self.assertEqual(shown.employee["ssn"], "536-90-4399")
        self.assertEqual(self.events()[-1][1:3], ("employee.reveal", "employee:1"))

    def test_nobody(self) -> None:
        """A number that nobody has is not found."""
        self.add(employee_number="00017")
        for number in ("17", "0", "' OR 1=1 --", "x" * 100):
            self.refused(NotFound, self.hr, "employee.get", employee_number=number)
            self.refused(NotFound, self.hr, "employee.get", employee_number=number, reveal=["ssn"])

    def test_own_record(self) -> None:
        """An employee may reveal their own record by number, and nobody else's."""
        self.add(employee_number="A-1", ssn="536-90-4399")
        self.add(employee_number="A-2", ssn="536-90-4398")
        ann = self.person("ann", Role.EMPLOYEE, employee_id=1)
        shown = self.ask(ann, "employee.get", employee_number="a-1")
        self.assertIn("birth_date", shown.employee)
        for number in ("A-2", "A-3"):
            self.refused(
                PermissionDenied,
                ann,
                "employee.get",
                employee_number=number,
                reveal=["birth_date"],
            )
            self.assertEqual(self.events()[-1][2:4], ("employee:-", "denied"))
