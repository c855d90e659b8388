"""Employee methods: adding, changing, deleting, and everything that can be wrong with it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from records.model.access import Role
from records.model.errors import (
    AlreadyExists,
    NotFound,
    RevisionConflict,
    ValidationFailed,
)
from records.model.fields import STANDARD
from records.model.values import MAX_ID
from records.test.operations.employee_case import EmployeeCase
from records.test.samples import FULL


class AddTests(EmployeeCase):
    """employee.add"""

    def test_every_field(self) -> None:
        """Every field is stored, and given back masked."""
        self.add()
        shown = self.add(**{**FULL, "ssn": "536-90-4398"})
        self.assertEqual(set(shown), {"id", "revision", *STANDARD.names})
        self.assertEqual((shown["id"], shown["revision"]), (2, 1))
        self.assertEqual((shown["ssn"], shown["salary"]), ("***-**-4398", "***"))
        stored = self.values(2)
        assert stored is not None
        canonical = {name: STANDARD[name].check(value) for name, value in FULL.items()}
        self.assertEqual(stored, canonical | {"ssn": "536-90-4398"})

    def test_only_a_name(self) -> None:
        """Only one name is needed; everything else is blank, and the status active."""
        shown = self.ask(self.hr, "employee.add", employee={"given_name": "Cher"}).employee
        self.assertEqual(shown, {"id": 1, "revision": 1, **STANDARD.blank, "given_name": "Cher"})

    def test_ids(self) -> None:
        """The ID is the caller's or the next free one; a used one is never given again."""
        self.assertEqual(self.add()["id"], 1)
        self.assertEqual(self.add(id=10)["id"], 10)
        self.assertEqual(self.add()["id"], 11)
        self.assertEqual(self.add(id=5)["id"], 5)
        self.ask(self.hr, "employee.delete", id=11, revision=1)
        self.assertEqual(self.add()["id"], 12)
        for used in (10, 11):
            error = self.refused(
                AlreadyExists, self.hr, "employee.add", employee={"given_name": "X", "id": used}
            )
            self.assertEqual(self.wrong(error), ["id"])

    def test_bad_ids(self) -> None:
        """What is no Employee ID is refused."""
        for bad in (0, -1, MAX_ID + 1, 1.5, "x", True, [1]):
            self.assertEqual(self.bad_add(given_name="X", id=bad), ["id"])

    def test_no_id_left(self) -> None:
        """After the highest ID there is no next one, and it says so."""
        self.add(id=MAX_ID)
        self.assertEqual(self.bad_add(given_name="X"), ["id"])
        self.assertEqual(self.add(id=MAX_ID - 1)["id"], MAX_ID - 1)

    def test_all_wrong_at_once(self) -> None:
        """All wrong fields are reported together, and nothing is changed."""
        self.add(ssn="536-90-4399")
        before = self.entries()
        found = self.bad_add(
            given_name="",
            email="nobody",
            phone="1",
            hire_date="2020-02-30",
            birth_date="2030-01-01",
            status="left",
            manager_id=99,
            salary={"amount": "x", "currency": "USD"},
            ssn="536-90-4399",
            revision=7,
            bogus=1,
            id=1,
        )
        self.assertEqual(
            sorted(found),
            sorted(
                [
                    "given_name",
                    "email",
                    "phone",
                    "hire_date",
                    "birth_date",
                    "termination_date",
                    "manager_id",
                    "salary",
                    "ssn",
                    "revision",
                    "bogus",
                    "id",
                ]
            ),
        )
        self.assertEqual(self.entries(), before)
        self.assertIsNone(self.values(2))

    def test_bad_name_alone(self) -> None:
        """An employee whose only name is wrong is told of that name."""
        self.assertEqual(self.bad_add(given_name="<b>"), ["given_name"])

    def test_no_error_follows(self) -> None:
        """Where one value is wrong, no rule that compares it with others is broken as well."""
        self.add(birth_date="1990-05-17", hire_date="2020-02-03", termination_date=None)
        for changes, wrong in (
            ({"given_name": "<b>", "family_name": None}, ["given_name"]),
            ({"hire_date": "soon", "birth_date": "2021-01-01"}, ["hire_date"]),
            ({"hire_date": "soon", "termination_date": "2019-01-01"}, ["hire_date"]),
            ({"status": "left", "termination_date": "x"}, ["termination_date"]),
            ({"status": "gone", "termination_date": "2024-01-01"}, ["status"]),
            ({"manager_id": "x"}, ["manager_id"]),
        ):
            self.assertEqual(self.bad_update(1, **changes), wrong)

    def test_born_today(self) -> None:
        """Whether a birth lies in the future goes by the transaction's own instant."""
        today = datetime.fromtimestamp(self.clock.now // 1_000_000, UTC).date().isoformat()
        self.ask(self.hr, "employee.add", employee={"given_name": "A", "birth_date": today})
        self.clock.advance(-1)
        self.assertEqual(self.bad_add(given_name="A", birth_date=today), ["birth_date"])


class UpdateTests(EmployeeCase):
    """employee.update"""

    def test_every_field(self) -> None:
        """Each field can be changed by itself, and cleared again, and nothing else changes."""
        self.add(id=1)
        self.ask(self.hr, "employee.add", employee={"family_name": "Lee", "given_name": "Bo"})
        expected, revision = self.values(2), 1
        assert expected is not None
        for name, value in FULL.items():
            if name == "status":  # goes with the day of leaving, which has just been set
                continue
            revision = self.update(2, revision, **{name: value})["revision"]
            expected[name] = STANDARD[name].check(value)
            self.assertEqual(self.values(2), expected)
        for name in FULL:
            if name not in ("status", "given_name"):
                revision = self.update(2, revision, **{name: None})["revision"]
                expected[name] = None
                self.assertEqual(self.values(2), expected)

    def test_order_of_fields(self) -> None:
        """In whatever order fields are named, they are noted in that of the record."""
        self.add(id=1)
        self.update(1, 1, title="Chief", email="b@example.com", given_name="Bo")
        self.update(1, 2, given_name="Cy", email="c@example.com", title="Chair")
        noted = [entry.event.fields for entry in self.entries()[-2:]]
        self.assertEqual(noted, [("given_name", "email", "title")] * 2)

    def test_revision(self) -> None:
        """Each change counts the revision up by one."""
        self.add()
        for revision in (1, 2, 3):
            shown = self.update(1, revision, title=f"Engineer {revision + 1}")
            self.assertEqual(shown["revision"], revision + 1)

    def test_no_change(self) -> None:
        """Values that stay the same, however they are written, are no change."""
        self.add(ssn="536-90-4399")
        before = self.entries()
        for changes in (
            {},
            {"title": "Engineer"},
            {"title": " Engineer "},
            {"phone": "(212) 736-5000", "salary": {"amount": "64000", "currency": "USD"}},
            {"ssn": "536904399"},
            {"location": None},
        ):
            self.assertEqual(self.update(1, **changes)["revision"], 1)
        self.assertEqual(self.entries(), before)

    def test_all_wrong_at_once(self) -> None:
        """All wrong fields are reported together, and nothing is changed."""
        self.add()
        before, log = self.values(1), self.entries()
        found = self.bad_update(
            1,
            given_name=None,
            family_name=None,
            email="x",
            hire_date="1980-01-01",
            termination_date="1979-01-01",
            manager_id=1,
            status=None,
            id=2,
            title="Boss",
        )
        self.assertEqual(
            sorted(found),
            sorted(
                [
                    "given_name",
                    "family_name",
                    "email",
                    "birth_date",
                    "termination_date",
                    "manager_id",
                    "status",
                    "id",
                ]
            ),
        )
        self.assertEqual((self.values(1), self.entries()), (before, log))

    def test_fits_what_is_there(self) -> None:
        """A new value must fit the values that stay."""
        self.add()
        self.assertEqual(self.bad_update(1, hire_date="1990-05-17"), ["birth_date"])
        self.assertEqual(self.bad_update(1, termination_date="2020-02-02"), ["termination_date"])
        self.assertEqual(self.bad_update(1, status="left"), ["termination_date"])

    def test_not_found(self) -> None:
        """There is nothing to change of a user who is not there, or not any more."""
        self.refused(NotFound, self.hr, "employee.update", id=9, revision=1, changes={})
        self.add()
        self.ask(self.hr, "employee.delete", id=1, revision=1)
        for method, params in (
            ("employee.get", {}),
            ("employee.get", {"reveal": ["ssn"]}),
            ("employee.update", {"revision": 2, "changes": {}}),
            ("employee.delete", {"revision": 2}),
        ):
            self.refused(NotFound, self.hr, method, id=1, **params)


class RevisionTests(EmployeeCase):
    """Lost updates."""

    def test_conflict(self) -> None:
        """Who saw an older version changes nothing, and is shown the present one, masked."""
        self.add(ssn="536-90-4399")
        self.update(1, title="Boss")
        before, log = self.values(1), self.entries()
        for revision in (1, 3, MAX_ID):
            for method, params in (
                ("employee.update", {"changes": {"title": "Chief"}}),
                ("employee.update", {"changes": {"title": "Boss"}}),
                ("employee.update", {"changes": {"bogus": 1}}),
                ("employee.delete", {}),
            ):
                error = self.refused(
                    RevisionConflict, self.hr, method, id=1, revision=revision, **params
                )
                shown: Any = error.details["employee"]
                self.assertEqual((shown["revision"], shown["title"]), (2, "Boss"))
                self.assertEqual((shown["ssn"], shown["salary"]), ("***-**-4399", "***"))
                self.assertEqual(error.details["masked"], ("salary", "ssn"))
        self.assertEqual((self.values(1), self.entries()), (before, log))


class DeleteTests(EmployeeCase):
    """employee.delete"""

    def test_delete(self) -> None:
        """An employee deleted is gone, with the deletion as one more revision."""
        self.add()
        answer = self.ask(self.hr, "employee.delete", id=1, revision=1)
        self.assertEqual((answer.id, answer.revision), (1, 2))
        self.assertIsNone(self.values(1))
        self.assertEqual(self.ask(self.hr, "employee.list").employees, [])

    def test_with_reports(self) -> None:
        """An employee to whom others report stays until they have another manager."""
        self.add()
        self.add(manager_id=1)
        self.add(manager_id=1)
        for people in ("2 employees report", "1 employee reports"):
            error = self.refused(ValidationFailed, self.hr, "employee.delete", id=1, revision=1)
            self.assertIn(people, error.message)
            last = 3 if people.startswith("2") else 2
            self.update(last, manager_id=None)
        self.ask(self.hr, "employee.delete", id=1, revision=1)

    def test_account_stays(self) -> None:
        """The account of an employee deleted stays, and no record is its own any more."""
        self.add()
        tess = self.person("tess", Role.EMPLOYEE, employee_id=1)
        self.add()
        self.ask(self.hr, "employee.delete", id=1, revision=1)
        self.assertNotIn("ssn", self.ask(tess, "employee.get", id=2).employee)
        account = self.read(lambda tx: tx.accounts.named("tess"))
        self.assertIsNone(account.employee_id)

    def test_ssn_is_free_again(self) -> None:
        """The number of an employee deleted may be entered for a new record of the same person."""
        self.add(ssn="536-90-4399")
        self.ask(self.hr, "employee.delete", id=1, revision=1)
        self.add(ssn="536-90-4399")
