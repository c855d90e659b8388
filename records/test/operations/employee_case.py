"""What the tests of employee methods share: asking for changes, and naming what was wrong."""

from __future__ import annotations

from typing import Any

from records.model.errors import (
    RecordsError,
    ValidationFailed,
)
from records.test.operations.operations_case import OperationsCase


class EmployeeCase(OperationsCase):
    """What tests of one employee's methods share."""

    def update(self, employee_id: int, revision: int = 1, **changes: object) -> dict[str, Any]:
        answer = self.ask(
            self.hr, "employee.update", id=employee_id, revision=revision, changes=changes
        )
        shown: dict[str, Any] = answer.employee
        return shown

    def wrong(self, error: RecordsError) -> list[str]:
        for each in error.errors:
            self.assertTrue(each.message.endswith("."), each)
        return [each.field for each in error.errors]

    def bad_add(self, **fields: object) -> list[str]:
        return self.wrong(self.refused(ValidationFailed, self.hr, "employee.add", employee=fields))

    def bad_update(self, employee_id: int, **changes: object) -> list[str]:
        return self.wrong(
            self.refused(
                ValidationFailed,
                self.hr,
                "employee.update",
                id=employee_id,
                revision=1,
                changes=changes,
            )
        )
