"""Tests for `records.operations.employees`: to reveal a field needs more than to read it.

No role of today may read a masked field and not reveal it; so one is made up.
"""

from __future__ import annotations

from records.model import access
from records.model.access import ROLES, Action, Grant, Role, Scope
from records.model.errors import PermissionDenied
from records.model.fields import STANDARD, FieldClass
from records.test.operations.employee_case import EmployeeCase
from records.test.samples import FULL

MASKED = [field.name for field in STANDARD if field.masked]


class ReadOnlyTests(EmployeeCase):
    """A user who may read every class of field, and reveal none."""

    def setUp(self) -> None:
        super().setUp()
        reads = frozenset(Grant(Action.READ, each, Scope.ALL) for each in FieldClass)
        self.forget_roles()
        self.addCleanup(self.forget_roles)
        self.patch(access, "ROLES", {**ROLES, Role.AUDITOR: reads})
        self.reader = self.person("reader", Role.AUDITOR)
        self.add(**{**FULL, "manager_id": None})

    def forget_roles(self) -> None:
        """What was worked out from the table of roles is worked out anew."""
        for remembered in (
            access.grants_of,
            access._allowed,
            access._allowed_fields,
            access._view,
        ):
            remembered.cache_clear()

    def test_reveal(self) -> None:
        """Each masked field is seen masked, and its reveal denied and audited, by name."""
        for name in MASKED:
            shown = self.ask(self.reader, "employee.get", id=1)
            self.assertIn("***", shown.employee[name])
            self.assertIn(name, shown.masked)
            log = len(self.entries())
            error = self.refused(
                PermissionDenied, self.reader, "employee.get", id=1, reveal=["title", name]
            )
            self.assertEqual(self.wrong(error), [name])
            self.assertIn("reveal", error.message)
            self.assertEqual(
                self.events(log), [("reader", "employee.get", "employee:1", "denied", name)]
            )

    def test_without_a_mask(self) -> None:
        """Fields without a mask may be named by whoever may read them."""
        shown = self.ask(self.reader, "employee.get", id=1, reveal=["title", "birth_date"])
        self.assertEqual(shown.masked, tuple(MASKED))
