"""Lists for exports: some fields, some of them revealed, counted, and of one state."""

from __future__ import annotations

from records.api.messages import MAX_ANSWER, MAX_PAGE
from records.model.access import Action, Role
from records.model.employee import Employee
from records.model.errors import PermissionDenied, ValidationFailed
from records.model.fields import STANDARD, Value
from records.operations.boundaries import Transaction
from records.test.operations.list_case import PEOPLE, ListCase


class FieldsTests(ListCase):
    """The fields of a list."""

    def test_some(self) -> None:
        """Only the named fields come, in the record's order, with the ID and the revision."""
        page = self.ask(self.hr, "employee.list", fields=["title", "given_name", "ssn"], limit=2)
        expected = ["id", "revision", "given_name", "title", "ssn"]
        self.assertEqual([list(each) for each in page.employees], [expected] * 2)

    def test_gate(self) -> None:
        """A field that may not be read is refused, an unknown one is named."""
        anybody = self.person("anybody", Role.EMPLOYEE)
        error = self.refused(
            PermissionDenied, anybody, "employee.list", fields=["title", "salary", "birth_date"]
        )
        self.assertEqual([each.field for each in error.errors], ["salary", "birth_date"])
        self.assertEqual(len(self.ask(anybody, "employee.list", fields=["title"]).employees), 13)
        error = self.refused(ValidationFailed, self.hr, "employee.list", fields=["zz", "title"])
        self.assertEqual([each.field for each in error.errors], ["fields.zz"])

    def test_own_record(self) -> None:
        """The user's own record has the same fields, where the others have them."""
        me = self.person("me", Role.EMPLOYEE, employee_id=1)
        page = self.ask(me, "employee.list", fields=["title"], limit=MAX_PAGE)
        self.assertEqual({tuple(each) for each in page.employees}, {("id", "revision", "title")})


class CountTests(ListCase):
    """How many match, and the state that a page shows."""

    def test_count(self) -> None:
        """All that match are counted, on every page the same; it is null unless asked for."""
        for params in (
            {},
            {"search": "lee"},
            {"where": {"department": "R"}},
            {"search": "ann", "where": {"status": {"ne": "active"}}},
            {"where": {"hire_date": {"pr": True}}, "sort": "-title"},
            {"search": "nobody"},
        ):
            everybody = self.ids(limit=MAX_PAGE, **params)
            page = self.ask(self.hr, "employee.list", limit=1, count=True, **params)
            self.assertEqual(page.count, len(everybody), params)
            if page.cursor is not None:
                page = self.ask(
                    self.hr, "employee.list", limit=1, count=True, cursor=page.cursor, **params
                )
                self.assertEqual(page.count, len(everybody), params)
        self.assertIsNone(self.ask(self.hr, "employee.list").count)

    def test_state(self) -> None:
        """The number of the last change stays until an employee changes; a login is none."""

        def seq() -> object:
            return self.ask(self.hr, "employee.list", limit=1).seq

        self.assertEqual(seq(), 0)
        self.add(ssn=None)
        first = seq()
        self.ask(self.hr, "employee.get", id=14, reveal=["salary"])
        self.assertEqual(seq(), first)
        self.ask(self.hr, "employee.update", id=14, revision=1, changes={"title": "x"})
        self.assertNotEqual(seq(), first)


class RevealTests(ListCase):
    """Masked fields of many employees."""

    def test_revealed(self) -> None:
        """They are shown, and each page is one audit entry that names the fields and the number."""
        self.add(ssn="536-90-4399")
        before = len(self.entries())
        page = self.ask(
            self.hr, "employee.list", reveal=["ssn", "title", "ssn"], limit=5, sort="-title"
        )
        self.assertEqual(
            self.events()[before:], [("hr", "employee.reveal", "employees:5", "ok", "ssn")]
        )
        self.assertIsNotNone(page.cursor)
        found = self.ask(self.hr, "employee.list", reveal=["ssn"])
        self.assertIn("536-90-4399", [each["ssn"] for each in found.employees])
        self.assertNotIn("536-90-4399", repr(self.ask(self.hr, "employee.list").employees))

    def test_nothing_masked(self) -> None:
        """Naming fields that have no mask, or are not sent, reveals nothing, and is not audited."""
        before = len(self.entries())
        self.ask(self.hr, "employee.list", reveal=["title"])
        page = self.ask(self.hr, "employee.list", reveal=["ssn"], fields=["title", "salary"])
        self.assertNotIn("ssn", page.employees[0])
        self.assertEqual(len(self.entries()), before)

    def test_denied(self) -> None:
        """Who may not reveal gets nothing, and it is audited; so is one's own scope too small."""
        for name, roles in (("it", (Role.IT,)), ("self", (Role.EMPLOYEE,))):
            who = self.person(name, *roles, employee_id=1)
            before = len(self.entries())
            self.refused(PermissionDenied, who, "employee.list", reveal=["salary"])
            self.assertEqual(self.events()[before][3:], ("denied", "salary"))
        self.restrict(Role.HR, lambda grant: grant.action is not Action.REVEAL)
        self.refused(PermissionDenied, self.hr, "employee.list", reveal=["salary"])
        error = self.refused(ValidationFailed, self.hr, "employee.list", reveal=["zz"])
        self.assertEqual([each.field for each in error.errors], ["reveal.zz"])


class LongTests(ListCase):
    """Pages that would be too long."""

    def test_cut(self) -> None:
        """A page that would not fit into an answer is cut short, and the next one goes on."""
        long: dict[str, Value] = {"home_address": "🎉" * 200, "emergency_contact": "🎉" * 200}

        def fill(tx: Transaction) -> None:
            for number in range(100, 1100):
                values = {**STANDARD.blank, "given_name": "X", **long}
                tx.employees.add(Employee(number, 1, values))

        self.store.do(fill)
        pages = self.all_pages(limit=MAX_PAGE)
        self.assertEqual(sum(map(len, pages)), 1000 + len(PEOPLE))
        self.assertEqual(len({each for page in pages for each in page}), 1000 + len(PEOPLE))
        self.assertGreater(len(pages), 2)
        self.assertLess(max(map(len, pages)) * 1700, MAX_ANSWER)
