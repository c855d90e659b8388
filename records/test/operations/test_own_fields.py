"""A company's own fields: defined by owners, and then like any other field."""

from __future__ import annotations

from typing import Any, ClassVar

from records.model.access import Role
from records.model.errors import (
    AlreadyExists,
    NotFound,
    PermissionDenied,
    PlanOutdated,
    RecordsError,
    ValidationFailed,
)
from records.operations.audit import verify_journal
from records.test.operations.employee_case import EmployeeCase


class OwnFieldCase(EmployeeCase):
    """An owner, and an employee."""

    def setUp(self) -> None:
        super().setUp()
        self.owner = self.person("owner", Role.OWNER)
        self.ask(self.hr, "employee.add", employee={"given_name": "Ann"})

    def define(self, name: str, kind: str = "text", **more: Any) -> Any:
        params = {"name": name, "label": name.capitalize(), "type": kind, "class": "directory"}
        return self.ask(self.owner, "field.add", **{**params, **more}).field

    def refused_definition(self, error: type[RecordsError], **params: Any) -> list[str]:
        whole = {"name": "shoe", "label": "Shoe", "type": "text", "class": "directory", **params}
        raised: RecordsError = self.refused(error, self.owner, "field.add", **whole)
        return self.wrong(raised)

    def get(self, employee_id: int = 1, **params: Any) -> dict[str, Any]:
        shown: dict[str, Any] = self.ask(self.hr, "employee.get", id=employee_id, **params).employee
        return shown

    def listed(self, **params: Any) -> list[int]:
        page = self.ask(self.hr, "employee.list", **params)
        return [each["id"] for each in page.employees]

    def added(self, **fields: Any) -> int:
        answer = self.ask(self.hr, "employee.add", employee={"given_name": "Ben", **fields})
        return int(answer.employee["id"])


class DefinitionTests(OwnFieldCase):
    """What can be defined, and by whom."""

    def test_owners_only(self) -> None:
        """Nobody but an owner defines a field, and a try is in the audit log."""
        people = [self.person(role.value + "2", role) for role in Role if role is not Role.OWNER]
        for somebody in people:
            for method in ("field.add", "field.update", "field.retire"):
                params = {"name": "shoe", "label": "Shoe"}
                if method == "field.add":
                    params |= {"type": "text", "class": "directory"}
                if method == "field.retire":
                    del params["label"]
                log = len(self.entries())
                self.refused(PermissionDenied, somebody, method, **params)
                (event,) = self.events(log)
                self.assertEqual(event[1:4], (method, "field:shoe", "denied"))

    def test_listed(self) -> None:
        """A new field is the last one that `server.fields` lists, and the version differs."""
        before = self.ask(self.hr, "server.fields")
        added = self.define("shoe", "number")
        after = self.ask(self.hr, "server.fields")
        self.assertEqual(after.fields[:-1], before.fields)
        self.assertEqual(after.fields[-1], added)
        self.assertTrue(added.own)
        self.assertNotEqual(after.version, before.version)

    def test_audited(self) -> None:
        """Each definition is an entry that names the field and what of it was changed."""
        log = len(self.entries())
        self.define("shoe")
        self.ask(self.owner, "field.update", name="shoe", label="Shoes", required=True)
        self.ask(self.owner, "field.update", name="shoe", label="Shoes")
        self.ask(self.owner, "field.retire", name="shoe")
        self.assertEqual(
            [(event[1], event[2], event[4]) for event in self.events(log)],
            [
                ("field.add", "field:shoe", ""),
                ("field.update", "field:shoe", "label required"),
                ("field.retire", "field:shoe", "retired"),
            ],
        )

    def test_everything_wrong(self) -> None:
        """Everything that is wrong with a definition is told at once."""
        wrong = self.refused_definition(
            ValidationFailed,
            name="Shoe size",
            label=" ",
            type="text",
            **{"class": "secret", "choices": ["a"], "mask": "half", "max_length": 900},
        )
        self.assertEqual(sorted(wrong), ["choices", "class", "label", "mask", "max_length", "name"])

    def test_wrong(self) -> None:
        """What no field can be."""
        for member, params in (
            ("type", {"type": "colour"}),
            ("name", {"name": "email"}),
            ("name", {"name": "id"}),
            ("name", {"name": "x" * 41}),
            ("name", {"name": "drop table"}),
            ("name", {"name": "a__b"}),
            ("choices", {"type": "choice"}),
            ("choices", {"type": "choice", "choices": ["Large", "large"]}),
            ("format", {"type": "identifier"}),
            ("format", {"type": "identifier", "format": "nowhere.nothing"}),
            ("format", {"type": "identifier", "format": "util"}),
            ("format", {"format": "iban"}),
            ("mask", {"mask": "last4"}),
            ("mask", {"type": "date", "class": "identity", "mask": "last4"}),
            ("unique", {"type": "boolean", "unique": True}),
        ):
            self.assertEqual(self.refused_definition(ValidationFailed, **params), [member], params)

    def test_in_use(self) -> None:
        """A name and a label are used once, and the name of a retired field stays taken."""
        self.define("shoe")
        self.assertEqual(self.refused_definition(AlreadyExists), ["name"])
        self.assertEqual(self.refused_definition(AlreadyExists, name="boot"), ["label"])
        self.assertEqual(
            self.refused_definition(AlreadyExists, name="boot", label="Job title"), ["label"]
        )
        self.ask(self.owner, "field.retire", name="shoe")
        self.assertEqual(self.refused_definition(AlreadyExists), ["name"])

    def test_others(self) -> None:
        """A field of every installation is not changed; one that is not there is not found."""
        self.refused(ValidationFailed, self.owner, "field.retire", name="ssn")
        self.define("fee_currency")
        self.define("toll", "money")
        for name in ("fee", "toll_per", "salary_currency"):
            wrong = self.refused_definition(ValidationFailed, name=name, type="money")
            self.assertEqual(wrong, ["name"], name)
        self.refused(NotFound, self.owner, "field.retire", name="nothing")

    def test_repeated(self) -> None:
        """Repeated under its key, a definition is made once."""
        first = self.define("shoe", key="k")
        log = len(self.entries())
        self.assertEqual(self.define("shoe", key="k"), first)
        self.assertEqual(self.events(log), [])

    def test_undone_with_its_batch(self) -> None:
        """A definition that fails half way leaves no field behind."""
        self.define("shoe")
        self.added(shoe="9")
        self.added(shoe="9")
        raised = self.refused(
            ValidationFailed, self.owner, "field.update", name="shoe", unique=True
        )
        self.assertEqual(self.wrong(raised), ["unique"])
        (field,) = [f for f in self.ask(self.hr, "server.fields").fields if f.own]
        self.assertFalse(field.unique)
        self.added(shoe="9")


class ValueTests(OwnFieldCase):
    """Values of own fields."""

    SAMPLES: ClassVar[tuple[tuple[str, dict[str, Any], Any, Any, Any], ...]] = (
        ("text", {}, " a  b ", "a b", 7),
        ("number", {}, "12.50", 12.5, "twelve"),
        ("number", {}, 12, 12, 1e300),
        ("date", {}, "2026-03-31", "2026-03-31", "31.3."),
        ("choice", {"choices": ["Small", "Extra Large"]}, "extra_large", "Extra Large", "M"),
        ("boolean", {}, "yes", True, "perhaps"),
        ("email", {}, "a@Example.com", "a@example.com", "a"),
        ("phone", {}, "+1 212 736 5000", "+12127365000", "1"),
        (
            "money",
            {},
            {"amount": "5", "currency": "EUR", "per": "month"},
            {"amount": "5.00", "currency": "EUR", "per": "month"},
            5,
        ),
        ("reference", {}, "1", 1, 99),
        ("identifier", {"format": "iban"}, "GB82 WEST 1234 5698 7654 32",
         "GB82WEST12345698765432", "GB82WEST12345698765433"),
        ("identifier", {"format": "de.idnr"}, "36 574 261 809", "36574261809", "36574261890"),
        ("identifier", {"format": "gb.nino"}, "AB 12 34 56 C", "AB123456C", "BG123456C"),
    )  # fmt: skip

    def test_each_type(self) -> None:
        """Each type is checked, kept in its canonical form, told, listed and verified."""
        for number, (kind, more, typed, kept, bad) in enumerate(self.SAMPLES):
            name = f"own{number}"
            self.define(name, kind, **more)
            self.assertIsNone(self.get()[name], name)
            self.assertEqual(self.bad_add(given_name="X", **{name: bad}), [name], name)
            employee_id = self.added(**{name: typed})
            self.assertEqual(self.plain(self.get(employee_id)[name]), kept, name)
            page = self.ask(self.hr, "employee.list", where={name: {"pr": True}}, fields=[name])
            self.assertEqual([self.plain(each[name]) for each in page.employees], [kept], name)
            self.ask(self.hr, "employee.update", id=employee_id, revision=1, changes={name: None})
            self.assertIsNone(self.get(employee_id)[name], name)
            self.update(employee_id, revision=2, **{name: typed})
        self.store.do(verify_journal)

    @staticmethod
    def plain(value: Any) -> Any:
        return value if not hasattr(value, "amount") else {
            "amount": value.amount, "currency": value.currency, "per": value.per
        }  # fmt: skip

    def test_gate(self) -> None:
        """Who may not see a class does not see its own fields either, in any way."""
        self.define("badge", "text", **{"class": "identity", "mask": "last4"})
        self.define("nick", "text", **{"class": "personal"})
        employee_id = self.added(badge="KEY-12345678", nick="Red")
        self.assertEqual(self.get(employee_id)["badge"], "***5678")
        self.assertEqual(self.get(employee_id, reveal=["badge"])["badge"], "KEY-12345678")
        reader = self.person("reader", Role.EMPLOYEE)
        shown = self.ask(reader, "employee.get", id=employee_id).employee
        self.assertNotIn("badge", shown)
        self.assertNotIn("nick", shown)
        for params in (
            {"where": {"nick": "Red"}},
            {"sort": "nick"},
            {"fields": ["nick"]},
            {"where": {"badge": {"pr": True}}},
        ):
            self.refused(PermissionDenied, reader, "employee.list", **params)
        self.refused(ValidationFailed, self.hr, "employee.list", where={"badge": "KEY-12345678"})
        self.assertEqual(self.listed(search="Red"), [])
        self.assertEqual(self.listed(search="KEY"), [])

    def test_query(self) -> None:
        """Own fields are searched, compared and sorted by, over pages."""
        self.define("shoe", "number")
        self.define("team", "text")
        self.define("remote", "boolean")
        sizes = (38, -2, 9.5, None, 40)
        ids = [
            self.added(team=f"Team {number}", **({} if size is None else {"shoe": size}))
            for number, size in enumerate(sizes)
        ]
        by_size = [ids[1], ids[2], ids[0], ids[4]]
        self.assertEqual(self.listed(sort="shoe")[-4:], by_size)
        self.assertEqual(self.listed(sort="-shoe")[:4], by_size[::-1])
        self.assertEqual(
            self.listed(where={"shoe": {"gt": 9, "le": 38}}, sort="shoe"), by_size[1:3]
        )
        self.assertEqual(self.listed(where={"team": {"co": "am 3"}}), [ids[3]])
        self.assertEqual(
            self.listed(where={"team": {"in": ["Team 0", "Team 4"]}}), [ids[0], ids[4]]
        )
        self.assertEqual(self.listed(search="team 0"), [ids[0]])
        for number in ids[::2]:
            self.update(number, remote=number != ids[0])
        self.assertEqual(self.listed(where={"remote": True}), [ids[2], ids[4]])
        self.assertEqual(self.listed(where={"remote": "no"}), [ids[0]])
        self.assertEqual(self.listed(where={"remote": None}), [1, ids[1], ids[3]])
        for sort in ("shoe", "-shoe", "team", "-team", "remote", "-remote"):
            found, cursor = list[int](), None
            while True:
                page = self.ask(self.hr, "employee.list", sort=sort, limit=2, cursor=cursor)
                found += [each["id"] for each in page.employees]
                cursor = page.cursor
                if cursor is None:
                    break
            self.assertEqual(found, self.listed(sort=sort), sort)
        values = self.ask(self.hr, "employee.values", field="shoe").values
        self.assertEqual(sorted(values), [-2, 9.5, 38, 40])

    def test_unique(self) -> None:
        """No two employees have the same value of a unique field, without regard to case."""
        self.define("badge", unique=True)
        first, second = self.added(badge="ab"), self.added(badge="cd")
        taken = self.refused(AlreadyExists, self.hr, "employee.add", employee={
            "given_name": "X", "badge": "AB"})  # fmt: skip
        self.assertEqual(self.wrong(taken), ["badge"])
        self.update(first, badge=None)
        self.update(second, badge="AB")
        self.ask(self.owner, "field.update", name="badge", unique=False)
        self.update(first, revision=2, badge="ab")
        self.refused(ValidationFailed, self.owner, "field.update", name="badge", unique=True)

    def test_required(self) -> None:
        """A new record needs a required field; one from before may lack it, and not lose it."""
        self.define("badge", required=True)
        self.assertEqual(self.bad_add(given_name="X"), ["badge"])
        self.update(1, title="x")
        self.update(1, revision=2, badge="7")
        self.refused(
            ValidationFailed, self.hr, "employee.update", id=1, revision=3, changes={"badge": None}
        )

    def test_reference(self) -> None:
        """An employee whom another one names cannot be deleted."""
        self.define("buddy", "reference")
        employee_id = self.added(buddy=1)
        raised = self.refused(ValidationFailed, self.hr, "employee.delete", id=1, revision=1)
        self.assertIn("names employee 1", raised.message)
        self.update(employee_id, buddy=employee_id)
        self.ask(self.hr, "employee.delete", id=1, revision=1)
        self.ask(self.hr, "employee.delete", id=employee_id, revision=2)

    def test_choice_in_use(self) -> None:
        """A choice that somebody has is not taken away."""
        self.define("size", "choice", choices=["S", "M"])
        self.added(size="s")
        update = {"name": "size", "choices": ["M", "L"]}
        raised = self.refused(ValidationFailed, self.owner, "field.update", **update)
        self.assertEqual(self.wrong(raised), ["choices"])
        self.ask(self.owner, "field.update", name="size", choices=["S", "L"])
        field = self.ask(self.hr, "server.fields").fields[-1]
        self.assertEqual((field.choices, field.rule), (("S", "L"), "S or L"))

    def test_class_changed(self) -> None:
        """A field that is no longer of class directory is no longer found by its words."""
        self.define("team")
        self.added(team="Zebra")
        self.assertEqual(len(self.listed(search="zebra")), 1)
        self.ask(self.owner, "field.update", name="team", **{"class": "personal"})
        self.assertEqual(self.listed(search="zebra"), [])
        self.ask(self.owner, "field.update", name="team", **{"class": "directory"})
        self.assertEqual(len(self.listed(search="zebra")), 1)

    def test_own_email_is_not_theirs(self) -> None:
        """An address in an own field is not the employee's e-mail address."""
        self.define("alias", "email")
        self.added(alias="ann@example.com")
        answer = self.ask(
            self.hr, "employee.add", employee={"given_name": "Eve", "email": "ann@example.com"}
        )
        self.assertEqual(answer.warnings, ())


class RetiredTests(OwnFieldCase):
    """A field that is out of use."""

    def test_hidden(self) -> None:
        """Nobody sees, finds, changes or asks for a retired field; it can be listed."""
        self.define("team", unique=True)
        employee_id = self.added(team="Zebra")
        self.ask(self.owner, "field.retire", name="team")
        self.assertNotIn("team", self.get(employee_id))
        self.assertEqual(self.listed(search="zebra"), [])
        self.refused(ValidationFailed, self.hr, "employee.list", where={"team": "Zebra"})
        self.assertEqual(self.bad_update(employee_id, team="x"), ["team"])
        names = [each.name for each in self.ask(self.hr, "server.fields").fields]
        self.assertNotIn("team", names)
        (field,) = self.ask(self.hr, "server.fields", retired=True).fields[-1:]
        self.assertEqual((field.name, field.retired), ("team", True))

    def test_history_is_kept(self) -> None:
        """The history keeps what a retired field held, and all is still verified."""
        self.define("team")
        employee_id = self.added(team="Zebra")
        self.ask(self.owner, "field.retire", name="team")
        self.update(employee_id, title="x")
        self.store.do(verify_journal)
        changes = self.read(lambda tx: list(tx.journal.changes(employee_id)))
        self.assertEqual(changes[-1].after["team"], "Zebra")

    def test_taken_into_use_again(self) -> None:
        """Its values come back, even after other changes, and are found again."""
        self.define("team", unique=True)
        self.define("size", "number")
        employee_id = self.added(team="Zebra", size=3)
        self.ask(self.owner, "field.retire", name="team")
        self.update(employee_id, size=4)
        self.update(employee_id, revision=2, size=None)
        self.ask(self.owner, "field.update", name="team", retired=False)
        self.assertEqual(self.get(employee_id)["team"], "Zebra")
        self.assertEqual(self.listed(search="zebra"), [employee_id])
        self.refused(
            AlreadyExists, self.hr, "employee.add", employee={"given_name": "X", "team": "zebra"}
        )
        self.store.do(verify_journal)

    def test_deleted_meanwhile(self) -> None:
        """An employee who was deleted meanwhile does not come back."""
        self.define("team", unique=True)
        employee_id = self.added(team="Zebra")
        self.ask(self.owner, "field.retire", name="team")
        self.ask(self.hr, "employee.delete", id=employee_id, revision=1)
        self.ask(self.owner, "field.update", name="team", retired=False)
        self.added(team="Zebra")
        self.store.do(verify_journal)

    def test_repeated_answer(self) -> None:
        """An answer that is made again from the history does not show a retired field."""
        self.define("team")
        employee = {"given_name": "Cat", "team": "Zebra"}
        self.ask(self.hr, "employee.add", employee=employee, key="k")
        self.ask(self.owner, "field.retire", name="team")
        again = self.ask(self.hr, "employee.add", employee=employee, key="k")
        self.assertNotIn("team", again.employee)


class ImportTests(OwnFieldCase):
    """Imports of own fields."""

    def planned(self, *rows: dict[str, object]) -> tuple[int, Any]:
        number = self.ask(self.hr, "import.begin", name="x").import_id
        self.ask(self.hr, "import.rows", import_id=number, first_line=2, rows=list(rows))
        while True:
            plan = self.ask(self.hr, "import.plan", import_id=number)
            if plan.done:
                return number, plan

    def test_import(self) -> None:
        """Own fields are set, checked and taken back like any others."""
        self.define("badge", unique=True)
        self.define("shoe", "number")
        number, plan = self.planned(
            {"id": 1, "given_name": "Ann", "badge": "7", "shoe": "9.5"},
            {"given_name": "Bob", "badge": "8", "shoe": "large"},
            {"given_name": "Cat", "badge": "7"},
        )
        self.assertEqual([row.outcome for row in plan.rows], ["change", "refuse", "refuse"])
        self.ask(self.hr, "import.apply", import_id=number, skip_refused=True)
        self.assertEqual((self.get()["badge"], self.get()["shoe"]), ("7", 9.5))
        self.ask(self.hr, "import.undo", import_id=number)
        self.assertEqual((self.get()["badge"], self.get()["shoe"]), (None, None))

    def test_fields_have_changed(self) -> None:
        """A plan that was made of other fields is not applied, but made again."""
        self.define("shoe", "number")
        number, _ = self.planned({"given_name": "Bob", "shoe": 9})
        self.ask(self.owner, "field.retire", name="shoe")
        self.refused(PlanOutdated, self.hr, "import.apply", import_id=number)
        plan = self.ask(self.hr, "import.plan", import_id=number)
        self.assertEqual([row.outcome for row in plan.rows], ["refuse"])

    def test_undone_without_the_field(self) -> None:
        """An import is taken back although one of its fields is out of use."""
        self.define("shoe", "number")
        number, _ = self.planned({"id": 1, "shoe": 9, "title": "x"})
        self.ask(self.hr, "import.apply", import_id=number)
        self.ask(self.owner, "field.retire", name="shoe")
        self.assertEqual(self.ask(self.hr, "import.undo", import_id=number).undone, 1)
        self.assertIsNone(self.get()["title"])
        self.store.do(verify_journal)
