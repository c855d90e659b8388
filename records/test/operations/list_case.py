"""What the tests of lists share: people with ties, blanks and many scripts."""

from __future__ import annotations

from typing import Any

from records.model.employee import Employee
from records.model.fields import STANDARD, Value
from records.operations.boundaries import Transaction
from records.test.operations.operations_case import OperationsCase

SORTABLE = ("name", *(name for name in STANDARD.names if not STANDARD[name].masked))


Person = dict[str, Value]


# Few values, so that there are ties; blanks, accents, case, signs and the end of an alphabet.
TITLES = (None, "Engineer", "engineer", "Éngineer", "100%_'\"", "Z", "技師", "x🎉", "En", "A B")


DATES = (None, "2020-02-03", "2020-02-04", "1999-12-31")


PEOPLE: list[Person] = [
    {
        "given_name": given,
        "family_name": family,
        "title": TITLES[n % len(TITLES)],
        "department": ("R", None, "S")[n % 3],
        "hire_date": DATES[n % len(DATES)],
        "birth_date": (None, "1980-01-01")[n % 2],
        "manager_id": (None, 1, 2, None, 1)[n % 5],
        "status": ("active", "on_leave")[n % 2],
    }
    for n, (given, family) in enumerate(
        [
            ("Ann", "Lee"),
            ("Bo", "Lee"),
            ("ann", "lee"),
            ("Cher", None),
            (None, "Cher"),
            ("Émile", "Zola"),
            ("Emil", "Zola"),
            ("X", "Öz"),
            ("한", "글"),
            ("Ann", "Lee"),
            ("Ann", "Le"),
            ("Zoe", "van Dyk"),
            ("A", "Van Dyk"),
        ]
    )
]


class ListCase(OperationsCase):
    """A store with PEOPLE, whose IDs count from 1."""

    def setUp(self) -> None:
        super().setUp()
        self.people: list[Employee] = []

        def fill(tx: Transaction) -> None:
            for number, person in enumerate(PEOPLE, 1):
                self.put(tx, number, person)

        self.store.do(fill)

    def put(self, tx: Transaction, number: int, person: Person) -> None:
        employee = Employee(number, 1, {**STANDARD.blank, **person})
        tx.employees.add(employee)
        self.people.append(employee)

    def ids(self, **params: Any) -> list[int]:
        page = self.ask(self.hr, "employee.list", **params)
        return [each["id"] for each in page.employees]

    def all_pages(self, **params: Any) -> list[list[int]]:
        pages: list[list[int]] = []
        cursor = None
        while len(pages) < 100:
            extra: dict[str, str] = {} if cursor is None else {"cursor": cursor}
            page = self.ask(self.hr, "employee.list", **params, **extra)
            pages.append([each["id"] for each in page.employees])
            cursor = page.cursor
            if cursor is None:
                break
        self.assertIsNone(cursor, "these pages never end")
        return pages
