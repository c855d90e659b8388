"""The field catalogue, money, and what is derived from the catalogue."""

from __future__ import annotations

import re
from decimal import Decimal

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from records.model.employee import check_fields
from records.model.fields import STANDARD, STATUSES, Field, FieldClass
from records.model.values import (
    MINOR_DIGITS,
    Invalid,
    Money,
    check_money,
    money_from_units,
    money_to_units,
)
from records.test.model.values_case import ANYTHING
from records.test.samples import FULL, VALUES


class CatalogueTests(SynchronousTestCase):
    """What the catalogue says."""

    def test_samples(self) -> None:
        """The tests have a sample of each field, in the order of the catalogue."""
        self.assertEqual(tuple(VALUES), STANDARD.names)

    def test_masked(self) -> None:
        """Exactly the fields of pay and identity are masked."""
        masked = {field.field_class for field in STANDARD if field.masked}
        self.assertEqual(masked, {FieldClass.PAY, FieldClass.IDENTITY})
        self.assertTrue(STANDARD["salary"].masked and STANDARD["ssn"].masked)

    def test_searched(self) -> None:
        """Search looks through fields that everybody may read, so that it tells nothing else."""
        for name in STANDARD.searched:
            self.assertIs(STANDARD[name].field_class, FieldClass.DIRECTORY)

    def test_statuses(self) -> None:
        """An employee is active, on leave, or has left."""
        self.assertEqual(STANDARD["status"].choices, STATUSES)
        self.assertEqual(STATUSES, ("active", "on_leave", "left"))

    def test_every_field_is_described(self) -> None:
        """Each field has a label, a rule for prompts, and a standard's name."""
        for field in STANDARD:
            self.assertTrue(re.fullmatch(r"[a-z]+(_[a-z]+)*", field.name))
            self.assertTrue(field.label and field.rule and field.standard, field.name)

    def test_every_kind_is_checked(self) -> None:
        """Each field takes a good value of its kind and refuses a bad one with its label."""
        for field in STANDARD:
            good, errors = check_fields(STANDARD, {field.name: FULL[field.name]})
            self.assertEqual((list(good), errors), ([field.name], []))
            good, errors = check_fields(STANDARD, {field.name: [object()]})
            self.assertEqual(good, {})
            self.assertEqual([error.field for error in errors], [field.name])
            self.assertTrue(errors[0].message.startswith(field.label))

    @given(st.sampled_from([*STANDARD]), ANYTHING)
    def test_anything(self, field: Field, raw: object) -> None:
        """Whatever is sent, a field's check gives a stable value or `Invalid`."""
        try:
            value = field.check(raw)
        except Invalid:
            return
        self.assertEqual(field.check(value), value)
        msgspec.json.encode(value)

    def test_mask(self) -> None:
        """An SSN shows its last four digits, a salary nothing, and a blank stays blank."""
        self.assertEqual(STANDARD["ssn"].mask("536-90-4399"), "***-**-4399")
        self.assertEqual(STANDARD["salary"].mask(Money("64000.00", "USD")), "***")
        self.assertEqual(STANDARD["salary"].mask(Money("1.00", "USD")), "***")
        self.assertIsNone(STANDARD["ssn"].mask(None))


class MoneyTests(SynchronousTestCase):
    """Exact amounts."""

    def test_canonical_form(self) -> None:
        """An amount has exactly its currency's digits."""
        for amount, currency, canonical in (
            ("1200.5", "USD", "1200.50"),
            ("0001200.50", "USD", "1200.50"),
            ("0", "USD", "0.00"),
            ("1200.500000", "USD", "1200.50"),
            ("1200", "JPY", "1200"),
            ("1200.00", "JPY", "1200"),
            ("1.234", "BHD", "1.234"),
            ("1.2", "CLF", "1.2000"),
            ("999999999999.99", "EUR", "999999999999.99"),
        ):
            money = check_money({"amount": amount, "currency": currency})
            self.assertEqual(money, Money(canonical, currency))
            self.assertEqual(check_money(money), money)

    def test_typed(self) -> None:
        """A person may type an amount with its currency, and commas between thousands."""
        self.assertEqual(check_money("64,000 usd"), Money("64000.00", "USD"))
        self.assertEqual(check_money(" 1,234,567.5  EUR "), Money("1234567.50", "EUR"))
        self.assertEqual(check_money("64000"), Money("64000.00", "USD"))
        self.assertEqual(check_money("32.5 USD per hour"), Money("32.50", "USD", "hour"))

    def test_period(self) -> None:
        """An amount is for a year where nothing is said, otherwise for a month or an hour."""
        sent = {"amount": "5000", "currency": "USD"}
        self.assertEqual(check_money(sent), Money("5000.00", "USD", "year"))
        for per in ("year", "month", "hour"):
            self.assertEqual(check_money({**sent, "per": per}), Money("5000.00", "USD", per))

    def test_withdrawn_currency(self) -> None:
        """An amount in a currency that has been withdrawn since it was stored is still told."""
        self.assertEqual(money_from_units(12_345_600, "XXQ"), Money("1234.56", "XXQ"))
        self.assertEqual(money_from_units(12_345_678, "XXQ"), Money("1234.5678", "XXQ"))

    def test_misplaced_comma(self) -> None:
        """A comma elsewhere is refused rather than read as a hundred times the amount."""
        for typed in ("1200,50 EUR", "1,2 USD", ",5 USD", "12,34,567 USD", "1.234,56 EUR"):
            self.assertRaises(Invalid, check_money, typed)

    def test_refused(self) -> None:
        """What is no exact amount of a currency that exists is refused."""
        for raw in (
            {"amount": "1.001", "currency": "USD"},
            {"amount": "1.5", "currency": "JPY"},
            {"amount": "1.00001", "currency": "CLF"},
            {"amount": "-1.00", "currency": "USD"},
            {"amount": "+1.00", "currency": "USD"},
            {"amount": "1e3", "currency": "USD"},
            {"amount": "NaN", "currency": "USD"},
            {"amount": "Infinity", "currency": "USD"},
            {"amount": " 1", "currency": "USD"},
            {"amount": "1.", "currency": "USD"},
            {"amount": ".5", "currency": "USD"},
            {"amount": "", "currency": "USD"},
            {"amount": "1\n", "currency": "USD"},
            {"amount": "١", "currency": "USD"},
            {"amount": "1000000000000", "currency": "USD"},
            {"amount": "9" * 5000, "currency": "USD"},
            {"amount": 1200, "currency": "USD"},
            {"amount": 1200.5, "currency": "USD"},
            {"amount": None, "currency": "USD"},
            {"amount": "1.00", "currency": "usd"},
            {"amount": "1.00", "currency": "ZZZ"},
            {"amount": "1.00", "currency": "XAU"},  # gold has no minor unit
            {"amount": "1.00", "currency": ["USD"]},
            {"amount": "1.00", "currency": None},
            {"amount": "1.00"},
            {"currency": "USD"},
            {"amount": "1.00", "currency": "USD", "per": "week"},
            {"amount": "1.00", "currency": "USD", "per": None},
            {"amount": "1.00", "currency": "USD", "per": ["year"]},
            {"amount": "1.00", "currency": "USD", "of": "year"},
            {"amount": "1.00", "per": "year"},
            "1200 USD per week",
            {},
            [],
            ["1.00", "USD"],
            1200,
            1200.5,
            True,
            None,
            "",
            "USD 1200",
            "a lot",
        ):
            try:
                self.fail(f"{raw!r} passed as {check_money(raw)}")
            except Invalid as reason:
                self.assertTrue(str(reason).endswith("."))

    def test_scale_holds_every_currency(self) -> None:
        """No currency has more minor digits than stored amounts count."""
        self.assertLessEqual(max(MINOR_DIGITS.values()), 4)
        for currency, digits in (("USD", 2), ("JPY", 0), ("BHD", 3), ("CLF", 4)):
            self.assertEqual(MINOR_DIGITS[currency], digits)

    @given(st.sampled_from(sorted(MINOR_DIGITS)), st.integers(0, 10**12 - 1), st.data())
    def test_round_trip(self, currency: str, whole: int, data: st.DataObject) -> None:
        """What is stored is exact: an amount comes back as it went in, to the last digit."""
        digits = MINOR_DIGITS[currency]
        part = data.draw(st.integers(0, 10**digits - 1))
        amount = f"{whole}.{part:0{digits}d}" if digits else str(whole)
        money = check_money({"amount": amount, "currency": currency})
        self.assertEqual(money.amount, amount)
        units = money_to_units(money)
        self.assertEqual(Decimal(units), Decimal(amount) * 10_000)
        self.assertLess(units, 2**63)
        self.assertEqual(money_from_units(units, currency), money)

    @given(st.sampled_from(("USD", "JPY", "BHD", "CLF")), st.integers(0, 10**12 - 1))
    def test_shown_and_typed_again(self, currency: str, whole: int) -> None:
        """An amount as it is shown can be typed back."""
        money = check_money({"amount": str(whole), "currency": currency})
        self.assertEqual(check_money(str(money)), money)
