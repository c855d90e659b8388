"""Employee methods: what holds between records, what is revealed, and what is left behind."""

from __future__ import annotations

from records.model.audit import Outcome
from records.model.employee import Employee
from records.model.errors import (
    AlreadyExists,
    ValidationFailed,
)
from records.model.fields import STANDARD
from records.model.values import Money
from records.operations.boundaries import Transaction
from records.operations.employees import MAX_LEVELS
from records.test.operations.employee_case import EmployeeCase
from records.test.samples import ANN


class SsnTests(EmployeeCase):
    """One number, one person."""

    def test_taken(self) -> None:
        """Another employee's number is refused on add and on update, however it is written."""
        self.add(ssn="536-90-4399")
        self.add()
        for ssn in ("536-90-4399", "536904399"):
            added = self.refused(
                AlreadyExists, self.hr, "employee.add", employee={"given_name": "X", "ssn": ssn}
            )
            changed = self.refused(
                AlreadyExists,
                self.hr,
                "employee.update",
                id=2,
                revision=1,
                changes={"ssn": ssn},
            )
            for error in (added, changed):
                self.assertEqual(self.wrong(error), ["ssn"])
                self.assertNotIn("1", error.message)  # not whose it is

    def test_own(self) -> None:
        """One's own number may be sent along, changed, and given back."""
        self.add(ssn="536-90-4399")
        self.assertEqual(self.update(1, ssn="536-90-4399", title="Boss")["revision"], 2)
        self.update(1, 2, ssn="536-90-4398")
        self.update(1, 3, ssn="536-90-4399")
        self.update(1, 4, ssn=None)
        self.add(ssn="536-90-4399")

    def test_many_without(self) -> None:
        """Any number of employees may have none."""
        for _ in range(3):
            self.add(ssn=None)


class ManagerTests(EmployeeCase):
    """Who reports to whom."""

    def test_nobody(self) -> None:
        """A manager is an employee who is there."""
        self.add()
        self.assertEqual(self.bad_add(given_name="X", manager_id=9), ["manager_id"])
        self.assertEqual(self.bad_update(1, manager_id=9), ["manager_id"])
        self.ask(self.hr, "employee.delete", id=self.add()["id"], revision=1)
        self.assertEqual(self.bad_update(1, manager_id=2), ["manager_id"])

    def test_self(self) -> None:
        """Nobody is the own manager, at birth as later."""
        self.assertEqual(self.bad_add(given_name="X", id=7, manager_id=7), ["manager_id"])
        self.add()
        self.assertEqual(self.bad_update(1, manager_id=1), ["manager_id"])
        error = self.refused(
            ValidationFailed,
            self.hr,
            "employee.update",
            id=1,
            revision=1,
            changes={"manager_id": 1},
        )
        self.assertEqual(error.errors[0].message, "An employee cannot be their own manager.")

    def test_circles(self) -> None:
        """A circle of two or of many is refused; moving within the tree is not."""
        self.add()
        for manager in range(1, 12):
            self.add(manager_id=manager)
        for below in (2, 3, 7, 12):
            self.assertEqual(self.bad_update(1, manager_id=below), ["manager_id"])
        self.assertEqual(self.bad_update(5, manager_id=12), ["manager_id"])
        self.update(12, manager_id=1)
        self.update(5, manager_id=12)

    def test_other_changes_below(self) -> None:
        """Whoever has a manager may change in other ways."""
        self.add()
        self.add(manager_id=1)
        self.update(2, manager_id=1, title="Boss")

    def test_endless_line(self) -> None:
        """A line of managers longer than any company's is refused, not followed for ever."""

        def fill(tx: Transaction) -> None:
            for number in range(1, MAX_LEVELS + 2):
                values = {**STANDARD.blank, "given_name": "X", "manager_id": number - 1 or None}
                tx.employees.add(Employee(number, 1, values))

        self.store.do(fill)
        self.assertEqual(self.bad_add(given_name="X", manager_id=MAX_LEVELS + 1), ["manager_id"])

    def test_very_long_line(self) -> None:
        """A line of a thousand managers is followed to its end without a circle being missed."""

        def fill(tx: Transaction) -> None:
            for number in range(1, 900):
                values = {**STANDARD.blank, "given_name": "X", "manager_id": number - 1 or None}
                tx.employees.add(Employee(number, 1, values))

        self.store.do(fill)
        self.assertEqual(self.bad_update(1, manager_id=899), ["manager_id"])
        self.update(899, title="Boss", manager_id=1)


class RevealTests(EmployeeCase):
    """employee.get with reveal."""

    def test_reveal(self) -> None:
        """Named fields come as they are and leave an audit row; the others stay masked."""
        self.add(ssn="536-90-4399")
        before = len(self.entries())
        shown = self.ask(self.hr, "employee.get", id=1, reveal=["ssn", "ssn", "title"])
        self.assertEqual((shown.employee["ssn"], shown.employee["salary"]), ("536-90-4399", "***"))
        self.assertEqual(shown.masked, ("salary",))
        self.assertEqual(
            self.events(before), [("hr", "employee.reveal", "employee:1", "ok", "ssn")]
        )
        shown = self.ask(self.hr, "employee.get", id=1, reveal=["salary", "ssn"])
        self.assertEqual((shown.employee["salary"], shown.masked), (Money("64000.00", "USD"), ()))
        self.assertEqual(self.entries()[-1].event.fields, ("salary", "ssn"))

    def test_nothing_to_reveal(self) -> None:
        """Naming only fields that are not masked reveals nothing, and is not audited."""
        self.add()
        before = self.entries()
        for reveal in ([], ["title"]):
            shown = self.ask(self.hr, "employee.get", id=1, reveal=reveal)
            self.assertEqual(shown.employee["salary"], "***")
        self.assertEqual(self.entries(), before)

    def test_blank(self) -> None:
        """A blank field is not called masked, and looking at it is audited all the same."""
        self.add(salary=None)
        self.assertEqual(self.ask(self.hr, "employee.get", id=1).masked, ())
        self.ask(self.hr, "employee.get", id=1, reveal=["ssn"])
        self.assertEqual(self.entries()[-1].event.action, "employee.reveal")

    def test_no_such_field(self) -> None:
        """Every field that does not exist is named, and nothing is revealed."""
        self.add(ssn="536-90-4399")
        before = self.entries()
        error = self.refused(
            ValidationFailed, self.hr, "employee.get", id=1, reveal=["ssn", "bogus", "id"]
        )
        self.assertEqual(self.wrong(error), ["reveal.bogus", "reveal.id"])
        self.assertEqual(self.entries(), before)


class NotingTests(EmployeeCase):
    """What every change leaves behind."""

    def test_history_and_audit(self) -> None:
        """Add, update and delete each leave a history row and an audit row of the same number."""
        self.add(ssn="536-90-4399")
        self.clock.advance(60)
        self.update(1, title="Boss", location="Paris")
        self.ask(self.hr, "employee.delete", id=1, revision=2)
        deleted, updated, added = self.changes(1)
        self.assertEqual(
            [(c.kind.value, c.revision, c.actor) for c in (added, updated, deleted)],
            [("add", 1, "hr"), ("update", 2, "hr"), ("delete", 3, "hr")],
        )
        self.assertEqual(updated.before, {"title": "Engineer", "location": None})
        self.assertEqual(updated.after, {"title": "Boss", "location": "Paris"})
        self.assertEqual(set(added.after), set(ANN))
        self.assertEqual(deleted.before["ssn"], "536-90-4399")
        entries = {entry.seq: entry for entry in self.entries()}
        for change in (added, updated, deleted):
            entry = entries[change.seq]
            self.assertEqual(entry.at, change.at)
            self.assertEqual(entry.event.action, f"employee.{change.kind.value}")
            self.assertEqual(entry.event.subject, "employee:1")
            self.assertEqual(entry.event.outcome, Outcome.OK)
            self.assertEqual(set(entry.event.fields), set(change.after))
            self.assertEqual(len(entry.event.digest), 64)
        self.assertEqual(updated.at - added.at, 60_000_000)
        self.assertEqual(len({change.salt for change in (added, updated, deleted)}), 3)

    def test_no_content_in_the_audit_log(self) -> None:
        """The audit log names fields and never what they hold."""
        self.add(ssn="536-90-4399", home_address="Hidden Lane")
        self.ask(self.hr, "employee.get", id=1, reveal=["ssn"])
        log = repr([entry.event for entry in self.entries()])
        for content in ("536", "4399", "Hidden", "64000", "Hara"):
            self.assertNotIn(content, log)
