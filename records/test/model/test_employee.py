"""An employee: applying values, validating all fields at once, and what a viewer sees."""

from __future__ import annotations

from datetime import date

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from records.model.access import Role, View, view
from records.model.employee import (
    Employee,
    Listed,
    check_fields,
    check_whole,
    listing,
    name_key,
    visible,
)
from records.model.fields import STANDARD, Value
from records.model.values import Money
from records.test.samples import ANN
from records.testing import user

TODAY = date(2026, 1, 1)

# Words that meet again in other fields, in parts of words, in an ID, or only once they are folded.
TEXTS = st.none() | st.text(st.sampled_from("ab1 .-_ÁáŁßÉe\u0301\ufb01"), max_size=8) | st.text()
SEARCHABLE = st.fixed_dictionaries(dict.fromkeys(STANDARD.searched, TEXTS))


FULL: dict[str, Value] = {
    **dict.fromkeys(STANDARD.names, "Ångström"),
    "manager_id": 1,
    "salary": Money("64000.00", "USD"),
    "ssn": "536-90-4399",
}


def record(**values: Value) -> dict[str, Value]:
    return {**STANDARD.blank, "given_name": "Ann", "family_name": "O'Hara", **values}


class CheckFieldsTests(SynchronousTestCase):
    """Each value by its own field's rule."""

    def test_good(self) -> None:
        """Good values come back in their canonical form."""
        good, errors = check_fields(STANDARD, ANN)
        self.assertEqual(errors, [])
        self.assertEqual(good, ANN | {"salary": Money("64000.00", "USD")})

    def test_all_wrong_at_once(self) -> None:
        """Every wrong field has its error, and the good ones are not lost."""
        raw: dict[str, object] = dict.fromkeys(STANDARD.names, object()) | {
            "title": "Engineer",
            "bogus": 1,
        }
        good, errors = check_fields(STANDARD, raw)
        self.assertEqual(good, {"title": "Engineer"})
        self.assertEqual(
            {error.field for error in errors}, set(STANDARD.names) - {"title"} | {"bogus"}
        )
        for error in errors:
            self.assertTrue(error.message.endswith("."), error)

    def test_null_clears(self) -> None:
        """Null clears any field."""
        good, errors = check_fields(STANDARD, dict.fromkeys(STANDARD.names))
        self.assertEqual((good, errors), (dict.fromkeys(STANDARD.names), []))

    def test_no_such_field(self) -> None:
        """What is not a field is refused, its name cut to a length that can be answered with."""
        for name in ("id", "revision", "salary_amount", "name_key", "", "Given_Name", "x" * 5000):
            _, errors = check_fields(STANDARD, {name: None})
            self.assertEqual([e.message for e in errors], ["There is no such field."])
            self.assertLessEqual(len(errors[0].field), 100)


class CheckWholeTests(SynchronousTestCase):
    """What must fit together."""

    def wrong(self, **values: Value) -> list[str]:
        errors = check_whole(STANDARD, record(**values), TODAY)
        for error in errors:
            self.assertTrue(error.message.endswith("."), error)
        return [error.field for error in errors]

    def test_good(self) -> None:
        """A whole life fits together."""
        self.assertEqual(self.wrong(), [])
        self.assertEqual(
            self.wrong(
                birth_date="1990-05-17",
                hire_date="2020-02-03",
                termination_date="2025-12-31",
                status="left",
            ),
            [],
        )

    def test_names(self) -> None:
        """One name of the two is enough, whichever it is; none is not."""
        self.assertEqual(self.wrong(given_name=None), [])
        self.assertEqual(self.wrong(family_name=None), [])
        self.assertEqual(
            self.wrong(given_name=None, family_name=None), ["given_name", "family_name"]
        )
        self.assertEqual(
            self.wrong(given_name=None, family_name=None, preferred_name="Annie"),
            ["given_name", "family_name"],
        )

    def test_birth(self) -> None:
        """An employee is born before being hired, before leaving, and not in the future."""
        self.assertEqual(self.wrong(birth_date="2026-01-01"), [])
        self.assertEqual(self.wrong(birth_date="2026-01-02"), ["birth_date"])
        self.assertEqual(
            self.wrong(birth_date="2020-02-03", hire_date="2020-02-03"), ["birth_date"]
        )
        self.assertEqual(self.wrong(birth_date="2020-02-02", hire_date="2020-02-03"), [])
        self.assertEqual(
            self.wrong(birth_date="2020-02-03", termination_date="2020-02-03"), ["birth_date"]
        )

    def test_leaving(self) -> None:
        """Nobody leaves before being hired; one day is enough."""
        self.assertEqual(self.wrong(hire_date="2020-02-03", termination_date="2020-02-03"), [])
        self.assertEqual(
            self.wrong(hire_date="2020-02-03", termination_date="2020-02-02"), ["termination_date"]
        )

    def test_hired_in_future(self) -> None:
        """A user may be hired, and may leave, in the future."""
        self.assertEqual(self.wrong(hire_date="2026-09-01", termination_date="2027-09-01"), [])

    def test_status(self) -> None:
        """There is always a status, and whoever left did so on a day."""
        self.assertEqual(self.wrong(status=None), ["status"])
        self.assertEqual(self.wrong(status="left"), ["termination_date"])

    def test_everything_at_once(self) -> None:
        """All that does not fit is reported together."""
        self.assertEqual(
            self.wrong(
                given_name=None,
                family_name=None,
                status=None,
                birth_date="2030-01-01",
                hire_date="2020-02-03",
                termination_date="2019-01-01",
            ),
            ["given_name", "family_name", "birth_date", "termination_date", "status"],
        )


class VisibleTests(SynchronousTestCase):
    """What a viewer sees."""

    def test_plain_masked_absent(self) -> None:
        """Plain fields are as they are, masked ones masked, and all others absent."""
        values = record(ssn="536-90-4399", salary=Money("64000.00", "USD"), title="Engineer")
        shown = visible(
            STANDARD, Employee(7, 3, values), View(("title", "email"), ("ssn", "salary"))
        )
        self.assertEqual(
            shown,
            {
                "id": 7,
                "revision": 3,
                "title": "Engineer",
                "email": None,
                "ssn": "***-**-4399",
                "salary": "***",
            },
        )

    def test_blank_is_not_masked(self) -> None:
        """That a masked field is blank is no secret of its content."""
        shown = visible(STANDARD, Employee(7, 3, record()), View((), ("ssn", "salary")))
        self.assertEqual((shown["ssn"], shown["salary"]), (None, None))

    @given(
        st.lists(st.sampled_from(Role), max_size=2).map(tuple),
        st.booleans(),
        st.lists(st.sampled_from(STANDARD.names), unique=True).map(tuple),
        st.lists(st.sampled_from(STANDARD.names), unique=True),
    )
    def test_listing(
        self, roles: tuple[Role, ...], own: bool, revealed: tuple[str, ...], blank: list[str]
    ) -> None:
        """In a list everybody is seen as alone: the same fields, in the same JSON."""
        values = FULL | dict.fromkeys(blank)
        seen = view(STANDARD, user(*roles, employee_id=7), 7 if own else None, revealed)
        self.see_alike(values, seen)

    def test_listing_of_little(self) -> None:
        """So it is where hardly anything is seen, or nothing."""
        for plain in ((), ("title",), ("title", "email")):
            for masked in ((), ("ssn",), ("salary", "ssn")):
                self.see_alike(FULL, View(plain, masked))

    def see_alike(self, values: dict[str, Value], seen: View) -> None:
        listed = Listed(7, 3, tuple(values[name] for name in STANDARD.names))
        self.assertEqual(listed.employee(STANDARD), Employee(7, 3, values))
        self.assertEqual(
            msgspec.json.decode(msgspec.json.encode(listing(STANDARD, seen)(listed))),
            msgspec.to_builtins(visible(STANDARD, listed.employee(STANDARD), seen)),
        )


class NameKeyTests(SynchronousTestCase):
    """Sorting."""

    def test_name_key(self) -> None:
        """Family name goes before given name, and a short name before a longer one."""
        people = [("Bo", "Lee"), ("Ann", "Lee"), ("Ann", "Léé"), ("Zoe", "Le"), ("Abe", "Lee-Fox")]
        keys = {name_key(record(given_name=g, family_name=f)): (g, f) for g, f in people}
        self.assertEqual(
            [keys[key] for key in sorted(keys)],
            [("Zoe", "Le"), ("Ann", "Léé"), ("Bo", "Lee"), ("Abe", "Lee-Fox")],
        )

    def test_single_name(self) -> None:
        """An employee with one name is sorted by it, whichever of the two it is."""
        given_only = name_key(record(given_name="Cher", family_name=None))
        self.assertEqual(given_only, name_key(record(given_name=None, family_name="Cher")))
