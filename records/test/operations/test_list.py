"""Lists over a real database: paging, conditions against a plain model, and search."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from records.model.access import Role
from records.model.employee import Employee, name_key
from records.model.errors import PermissionDenied, ValidationFailed
from records.model.fields import STANDARD, FieldClass, Kind
from records.test.operations.list_case import PEOPLE, SORTABLE, ListCase


def sort_key(field: str) -> Callable[[Employee], tuple[str | int, int]]:
    if field == "name":
        return lambda each: (name_key(each.values), each.id)
    empty: Any = 0 if STANDARD[field].kind is Kind.REFERENCE else ""
    return lambda each: (each.values[field] or empty, each.id)  # type: ignore[return-value]


class PagingTests(ListCase):
    """Every employee once, in order."""

    def test_every_sort(self) -> None:
        """In every order, both ways, with ties and blanks, pages visit each exactly once."""
        for field in SORTABLE:
            ordered = sorted(self.people, key=sort_key(field))
            expected = [each.id for each in ordered]
            for sort, order in ((field, expected), (f"-{field}", expected[::-1])):
                pages = self.all_pages(sort=sort, limit=3)
                self.assertEqual([number for page in pages for number in page], order, sort)
                self.assertEqual([len(page) for page in pages], [3, 3, 3, 3, 1])

    def test_page_sizes(self) -> None:
        """Whatever a page's size, the last one has no cursor, even if it is full."""
        for limit in (1, 2, 6, 13, 14, 100):
            pages = self.all_pages(limit=limit)
            self.assertEqual([number for page in pages for number in page], self.ids())
            self.assertTrue(all(pages), "a page was empty")

    def test_nobody(self) -> None:
        """A list of nobody is an empty page."""
        page = self.ask(self.hr, "employee.list", where={"title": "Nothing"})
        self.assertEqual((page.employees, page.cursor), ([], None))

    def test_while_others_are_added(self) -> None:
        """Whoever is there all the time is visited once, whatever comes and goes meanwhile."""
        for sort in ("name", "-name", "title", "-manager_id"):
            seen, cursor = [], None
            there = {each.id for each in self.people}
            for number in range(40):
                extra: dict[str, str] = {} if cursor is None else {"cursor": cursor}
                page = self.ask(self.hr, "employee.list", sort=sort, limit=2, **extra)
                seen += [each["id"] for each in page.employees]
                cursor = page.cursor
                if cursor is None:
                    break
                name = ("Aa", "Lee", "Zz")[number % 3]
                self.ask(self.hr, "employee.add", employee={"family_name": name, "title": name})
                self.people.append(
                    self.read(lambda tx: tx.employees.get(tx.employees.next_id() - 1))
                )
            self.assertIsNone(cursor, "these pages never end")
            self.assertEqual(len(seen), len(set(seen)), sort)
            self.assertLessEqual(there, set(seen), sort)

    def test_after_another_name(self) -> None:
        """Whoever has got another name stands where that belongs."""
        for number, changes in ((12, {"family_name": "Aaa"}), (1, {"given_name": "Zzz"})):
            stored = self.read(lambda tx, n=number: tx.employees.get(n))
            self.ask(
                self.hr, "employee.update", id=number, revision=stored.revision, changes=changes
            )
        self.assertEqual(self.ids()[0], 12)
        self.assertEqual(self.ids(where={"family_name": "Lee"}), [10, 2, 1])
        self.assertEqual(self.ids(), self.ids(sort="-name")[::-1])

    def test_last_one_deleted(self) -> None:
        """A cursor leads on even when the employee it stands behind is gone."""
        first = self.ask(self.hr, "employee.list", limit=3, sort="-name")
        rest = self.ids(sort="-name")[3:]
        gone = first.employees[-1]
        self.assertNotIn(gone["id"], (1, 2), "this one has reports")
        self.ask(self.hr, "employee.delete", id=gone["id"], revision=1)
        self.assertEqual(self.ids(sort="-name", cursor=first.cursor), rest)

    def test_long_names(self) -> None:
        """The cursor behind the longest possible name, in any script, leads on."""
        for given, family in (
            ("한" * 100, "글" * 100),
            ("\ufdfa" * 100, "ﷺ" * 100),
            ("𠀀" * 100,) * 2,
        ):
            for _ in range(2):
                person = {"given_name": given, "family_name": family}
                self.ask(self.hr, "employee.add", employee=person)
        for sort in ("name", "-name", "given_name"):
            pages = self.all_pages(sort=sort, limit=1)
            self.assertEqual(sum(map(len, pages)), len(PEOPLE) + 6)


class GateTests(ListCase):
    """What a list tells."""

    def test_asking_about_fields(self) -> None:
        """Choosing or sorting by a field needs the permission to read it of everybody."""
        for role in Role:
            who = self.person(role.value + "-1", role, employee_id=3)
            for name in STANDARD.names:
                if STANDARD[name].masked:
                    continue
                allowed = role in (Role.OWNER, Role.HR) or (
                    STANDARD[name].field_class is FieldClass.DIRECTORY
                )
                for params in (
                    {"where": {name: {"pr": True}}},
                    {"sort": name},
                    {"sort": f"-{name}"},
                ):
                    if allowed:
                        self.ask(who, "employee.list", **params)
                    else:
                        error = self.refused(PermissionDenied, who, "employee.list", **params)
                        self.assertEqual([each.field for each in error.errors], [name])

    def test_masked_fields(self) -> None:
        """Nobody chooses or sorts by a masked field, and those who may not read it are denied."""
        tess = self.person("tess", Role.EMPLOYEE, employee_id=3)
        for name in ("salary", "ssn"):
            for params in ({"where": {name: {"pr": True}}}, {"sort": f"-{name}"}):
                self.refused(ValidationFailed, self.hr, "employee.list", **params)
                self.refused(PermissionDenied, tess, "employee.list", **params)

    def test_own_record_in_the_list(self) -> None:
        """In a list an employee sees the own record whole, and others' directory fields."""
        tess = self.person("tess", Role.EMPLOYEE, employee_id=3)
        for shown in self.ask(tess, "employee.list").employees:
            self.assertEqual("birth_date" in shown, shown["id"] == 3)
            self.assertEqual("ssn" in shown, shown["id"] == 3)


class ValuesTests(ListCase):
    """employee.values"""

    def test_values(self) -> None:
        """The values in use come once each, the most frequent first; blank is none."""
        for name in STANDARD.names:
            if STANDARD[name].masked:
                continue
            found = self.ask(self.hr, "employee.values", field=name).values
            stored = [each.values[name] for each in self.people if each.values[name] is not None]
            self.assertEqual(sorted(found), sorted(set(stored)), name)
            counts = [stored.count(value) for value in found]
            self.assertEqual(counts, sorted(counts, reverse=True), name)
            two = self.ask(self.hr, "employee.values", field=name, limit=2).values
            self.assertEqual(two, found[:2])

    def test_allowed(self) -> None:
        """Only those who may read a field of everybody are told its values; no one a masked one."""
        for role in Role:
            who = self.person(f"the.{role.value}", role, employee_id=3)
            for name, field in ((name, STANDARD[name]) for name in STANDARD.names):
                allowed = role in (Role.OWNER, Role.HR) or (
                    field.field_class is FieldClass.DIRECTORY
                )
                if allowed and field.masked:
                    self.refused(ValidationFailed, who, "employee.values", field=name)
                elif allowed:
                    self.ask(who, "employee.values", field=name)
                else:
                    self.refused(PermissionDenied, who, "employee.values", field=name)
                    self.assertEqual(self.events()[-1][1:4], ("employee.values", "-", "denied"))

    def test_no_field(self) -> None:
        """What is no field has no values."""
        for name in ("", "id", "name_key", "title; DROP TABLE employees"):
            self.refused(ValidationFailed, self.hr, "employee.values", field=name)
