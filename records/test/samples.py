"""Samples for tests: values of each field, and params of each method.

A new field needs a line in `VALUES`, a new method one in `PARAMS`. All personal data is made up.
"""

from __future__ import annotations

from collections.abc import Mapping

from records.model.fields import STANDARD

VALUES: Mapping[str, tuple[object, ...]] = {
    "given_name": ("Ann", "Bo"),
    "family_name": ("O'Hara", "Lee"),
    "middle_name": ("B.", "Chris"),
    "suffix": ("Jr.", "III"),
    "preferred_name": ("Annie", "Bobby"),
    "employee_number": ("JAW-0018", "00017", "JAW-0019"),
    "email": ("ann.ohara@example.com", "bo@example.com"),
    "phone": ("+12127365000", "+12127365001"),
    "title": ("Engineer", "Boss"),
    "department": ("Research", "Sales"),
    "cost_center": ("4100 Research", "CC-7"),
    "location": ("Springfield", "Paris"),
    "manager_id": (1, 3),
    "employment_type": ("full_time", "contractor"),
    "hire_date": ("2020-02-03", "2021-01-01"),
    "termination_date": ("2025-12-31", "2025-01-01"),
    "status": ("left", "on_leave"),
    "birth_date": ("1990-05-17", "1991-01-01"),
    "home_address": ("1 Elm Street, Springfield", "2 Oak Street"),
    "personal_email": ("ann@example.org", "bo@example.org"),
    "personal_phone": ("+442079460018", "+12127365002"),
    "emergency_contact": ("Bob O'Hara, +1 212 736 5001", "Al Lee"),
    "salary": (
        {"amount": "64000.00", "currency": "USD", "per": "year"},
        {"amount": "1.00", "currency": "EUR", "per": "hour"},
    ),
    "ssn": ("536-90-4399", "536-90-4397", "536-90-4398"),
}
"""Two values of each field, three of a unique one, as they are sent and answered."""

FULL: Mapping[str, object] = {name: values[0] for name, values in VALUES.items()}
"""A record without a blank field."""
OTHER: Mapping[str, object] = {name: values[1] for name, values in VALUES.items()}
"""Another one: no field has the same value."""
THIRD: Mapping[str, object] = {name: values[2] for name, values in VALUES.items() if values[2:]}
"""Values of the unique fields that neither has."""

ANN: dict[str, object] = {
    name: FULL[name]
    for name in FULL
    if name in ("given_name", "family_name", "email", "phone", "title", "department", "hire_date")
    or name in ("birth_date", "home_address", "salary", "ssn")
}
"""A new employee with some blank fields."""

PARAMS: Mapping[str, Mapping[str, object]] = {
    "server.fields": {},
    "employee.get": {"id": 1},
    "employee.list": {},
    "employee.values": {"field": "department"},
    "employee.add": {"employee": {"given_name": "X"}},
    "employee.update": {"id": 1, "revision": 1, "changes": {"title": "x"}},
    "employee.delete": {"id": 1, "revision": 1},
    "field.add": {"name": "shirt", "label": "Shirt", "type": "text", "class": "directory"},
    "field.update": {"name": "shirt", "label": "Shirt size"},
    "field.retire": {"name": "shirt"},
    "import.begin": {"name": "people.csv"},
    "import.rows": {"import_id": 1, "first_line": 2, "rows": [{"given_name": "X"}]},
    "import.plan": {"import_id": 1},
    "import.apply": {"import_id": 1},
    "import.undo": {"import_id": 1},
    "import.list": {},
    "import.discard": {"import_id": 1},
}
"""Params of each method that works in a transaction, about employee 1."""


def form(**answers: str) -> list[str]:
    """The answers to a form of all fields, in their order, up to the last field that is named.

    Other fields are left blank, and a dot ends the form.
    """
    last = max(STANDARD.names.index(name) for name in answers)
    return [*(answers.get(name, "") for name in STANDARD.names[: last + 1]), "."]
