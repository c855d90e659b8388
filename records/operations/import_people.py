"""Whom the rows of an import mean: the employee that a row is about, its manager, and the managers
above.

A person is an employee who is there, or a row about a new one. Nobody is found by what the user may
not see.
"""

from __future__ import annotations

from collections.abc import Mapping

from records.api.query import EmployeeQuery, Sort
from records.model.access import Action, User, allows
from records.model.errors import FieldError
from records.model.imports import Import, ImportRow, full_name_key, name_key_of, unique_key
from records.model.names import written_name
from records.model.search import email_key, query_words
from records.model.values import Invalid, check_reference
from records.operations.boundaries import Transaction
from records.operations.employees import MAX_LEVELS

MANY = 5
"""People whom one value may mean, as far as they are told."""

Place = tuple[str, int]
"""A person: ("id", an Employee ID), or ("line", the row of a new one)."""


def as_id(raw: object) -> int | None:
    """The Employee ID that was sent, if it can be one."""
    try:
        return check_reference(raw) if isinstance(raw, int) else None
    except Invalid:
        return None


class People:
    """The people of one import, in one transaction."""

    def __init__(self, tx: Transaction, user: User, staged: Import) -> None:
        self._tx, self._user, self._staged = tx, user, staged
        self._catalogue = tx.catalogue
        # Most of a company have one of a few managers.
        self._names: dict[str, tuple[list[int], list[int]]] = {}
        self._rows: dict[int, ImportRow | None] = {}

    def row(self, line: int) -> ImportRow | None:
        """The row of a manager, as the phase before left it. Neighbours share their managers."""
        if line not in self._rows:
            self._rows[line] = self._tx.imports.row(self._staged.id, line)
        return self._rows[line]

    def key(self, name: str, raw: object) -> str | None:
        """The key of a unique value, or of an ID; None if it is blank or not valid."""
        if raw in (None, ""):
            return None
        return f"id={raw}" if name == "id" else unique_key(self._catalogue, name, raw)

    def matched(self, given: Mapping[str, object]) -> tuple[int | None, str, str]:
        """The employee whom a row is about, the field that told so, and why it is not clear."""
        for name in self._staged.match_by:
            raw = given.get(name)
            if raw in (None, "") or not self._may_match(name):
                continue
            found = self._holders(name, raw)
            if len(found) > 1:
                people = ", ".join(self.person(each) for each in found[:MANY])
                return None, name, f"Several employees have this: {people}. Add a column id."
            if found:
                return found[0], name, self._why_another(given, found[0], name)
        return None, "", ""

    def _why_another(self, given: Mapping[str, object], employee_id: int, by: str) -> str:
        """Why a row is not about an employee after all: what comes first tells of somebody else.

        Otherwise somebody with a borrowed e-mail address would take the place of its owner.
        """
        employee = self._tx.employees.get(employee_id)
        assert employee is not None
        for name in self._staged.match_by[: self._staged.match_by.index(by)]:
            raw = given.get(name)
            own = employee_id if name == "id" else employee.values[name]
            if raw in (None, "") or own is None or not self._may_match(name):
                continue
            if self.key(name, raw) != self.key(name, own):
                label = "Employee ID" if name == "id" else self._catalogue[name].label
                return f"This is {self.person(employee_id)}, who has another {label}."
        return ""

    def _may_match(self, name: str) -> bool:
        """Whether the user may learn who has a value: whoever may see it."""
        if name == "id":
            return True
        field = self._catalogue[name]
        action = Action.REVEAL if field.masked else Action.READ
        return allows(self._user, action, field.field_class)

    def _holders(self, name: str, raw: object) -> list[int]:
        """The employees who have a value of a field by which rows are matched."""
        tx = self._tx
        if name == "id":
            number = as_id(raw)
            return [number] if number and tx.employees.get(number) is not None else []
        if name == "email":
            return tx.employees.with_word(email_key(str(raw).strip()), MANY + 1)
        if unique_key(self._catalogue, name, raw) is None:
            return []
        holder = tx.employees.holder(name, self._catalogue[name].check(raw))
        return [] if holder is None else [holder]

    def person(self, employee_id: int) -> str:
        employee = self._tx.employees.get(employee_id)
        return f"{written_name(employee.values)} ({employee_id})" if employee else str(employee_id)

    def managers(self, raw: object) -> tuple[list[int], list[int]]:
        """Whom a manager may mean: employees who are there, and lines of new ones."""
        if as_id(raw):
            lines = self._tx.imports.lines_with(self._staged.id, f"id={raw}", 1)
            return self._told_apart(self._holders("id", raw), lines)
        kind, text = next(iter(raw.items())) if isinstance(raw, dict) and raw else ("", "")
        if not isinstance(text, str) or not text.strip():
            return [], []
        if kind == "name":
            return self._named(text)
        if kind == "email" and self._may_match(kind):
            lines = self._tx.imports.lines_with(
                self._staged.id, f"email={email_key(text.strip())}", MANY
            )
            return self._told_apart(self._holders(kind, text), lines)
        if kind == "employee_number" and self._may_match(kind):
            key = unique_key(self._catalogue, kind, text)
            lines = self._tx.imports.lines_with(self._staged.id, key, 1) if key else []
            return self._told_apart(self._holders(kind, text), lines)
        return [], []

    def _named(self, text: str) -> tuple[list[int], list[int]]:
        """Whom a manager's name may mean."""
        key = name_key_of(text)
        if key not in self._names:
            lines = self._tx.imports.lines_with(self._staged.id, f"name={key}", MANY)
            self._names[key] = self._told_apart(self._present(text, key), lines)
        return self._names[key]

    def _present(self, text: str, key: str) -> list[int]:
        """Employees who are there already and have this name."""
        words = query_words(text)[:8]
        if not words or not self._may_match("family_name"):
            return []
        query = EmployeeQuery(words, (), Sort(), 50, None, "")
        found = []
        for listed in self._tx.employees.page(query, query.limit):
            values = listed.employee(self._catalogue).values
            given = (values["given_name"], values["preferred_name"])
            if key in [full_name_key(each, values["family_name"]) for each in given]:
                found.append(listed.id)
        return found

    def _told_apart(self, ids: list[int], lines: list[int]) -> tuple[list[int], list[int]]:
        """The same people, each once: a row about somebody who is there is that employee."""
        people, new = dict.fromkeys(ids), []
        for line in lines:
            row = self.row(line)
            if row is None or (row.errors and len(lines) > 1):
                continue
            if row.employee_id is None:
                new.append(line)
            else:
                people[row.employee_id] = None
        return list(people), new

    def level(self, row: ImportRow) -> tuple[int, list[FieldError]]:
        """How many managers above are new, and an error if they come round to this row.

        Of the rows of a circle the last one is refused, which opens it.
        """
        chain: dict[Place, int] = {self._place(row): row.line}
        above, opened = self._above(row), -1
        while above is not None and len(chain) < MAX_LEVELS:
            place, line = above
            if place in chain:
                lines = list(chain.values())
                opened = max(lines[list(chain).index(place) :])
                break
            chain[place] = line
            manager = self.row(line) if line else None
            above = self._above(manager) if manager is not None else None
            cleared = manager is not None and self._clears(manager)
            if above is None and place[0] == "id" and not cleared:
                above = self._stored_above(place[1])
        if opened == row.line:
            why = "This manager reports, directly or indirectly, to this employee."
            return 0, [FieldError("manager_id", why)]
        level = 0
        for place, line in list(chain.items())[1:]:
            if line == opened:
                break
            level += place[0] == "line"
        return level, []

    @staticmethod
    def _place(row: ImportRow) -> Place:
        return ("line", row.line) if row.employee_id is None else ("id", row.employee_id)

    def _above(self, row: ImportRow) -> tuple[Place, int] | None:
        """The manager whom a row names: the person, and the line about that one, or 0."""
        if row.manager_line is not None:
            return ("line", row.manager_line), row.manager_line
        if row.manager_id is not None:
            line = self._tx.imports.line_of(self._staged.id, row.manager_id)
            return ("id", row.manager_id), line or 0
        return None

    def _stored_above(self, employee_id: int) -> tuple[Place, int] | None:
        manager_id = self._tx.employees.manager_of(employee_id)
        if manager_id is None:
            return None
        return ("id", manager_id), self._tx.imports.line_of(self._staged.id, manager_id) or 0

    def _clears(self, row: ImportRow) -> bool:
        """Whether a row takes its employee's manager away."""
        given = row.given
        is_blank = "manager_id" in given and given["manager_id"] in (None, "")
        return self._staged.blank_clears and is_blank
