"""The types that only a company's own fields have: numbers, yes or no, identifiers."""

from __future__ import annotations

from decimal import Decimal
from functools import partial

from hypothesis import given
from hypothesis import strategies as st

from records.model import identifiers
from records.model.values import Invalid, check_boolean, check_number
from records.test.model.values_case import ANYTHING, RulesCase


class NumberTests(RulesCase):
    """`check_number`"""

    def test_canonical(self) -> None:
        """Whole numbers are ints, others floats, from numbers and from text."""
        for raw, kept in (
            (12, 12),
            (12.0, 12),
            ("12.50", 12.5),
            (" -3 ", -3),
            ("-0", 0),
            ("1e3", 1000),
            (0.1, 0.1),
            (1e-7, 1e-7),
            (10**15 - 1, 10**15 - 1),
        ):
            found = check_number(raw)
            self.assertEqual((type(found), found), (type(kept), kept))

    def test_refused(self) -> None:
        """What is no number, or has more digits than come back unchanged."""
        self.assert_refused(
            check_number,
            [
                *(True, None, "", "x", "1,5", "0x1", "١", float("nan"), float("inf"), 1e300),
                *(5e-324, 10**15, "1234567890123456", "1e999", "9" * 5000, "1_0", [1]),
            ],
        )

    @given(st.decimals(allow_nan=False, allow_infinity=False, places=4))
    def test_exact(self, exact: Decimal) -> None:
        """What is taken is written with the same digits."""
        try:
            found = check_number(str(exact))
        except Invalid:
            return
        self.assertEqual(Decimal(repr(found)), exact)
        self.assertEqual(check_number(found), found)

    @given(ANYTHING)
    def test_anything(self, raw: object) -> None:
        """Anything is a number or is refused."""
        try:
            found = check_number(raw)
        except Invalid:
            return
        self.assertEqual(check_number(found), found)


class BooleanTests(RulesCase):
    """`check_boolean`"""

    def test_taken(self) -> None:
        """JSON's booleans, and a few words."""
        for raw in (True, "yes", " YES ", "true", "1"):
            self.assertIs(check_boolean(raw), True)
        for raw in (False, "no", "False", "0"):
            self.assertIs(check_boolean(raw), False)

    def test_refused(self) -> None:
        """Nothing else."""
        self.assert_refused(check_boolean, [None, 1, 0, "", "y", "ja", [True]])


class IdentifierTests(RulesCase):
    """`identifiers`"""

    GOOD = (
        ("iban", "GB82 WEST 1234 5698 7654 32", "GB82WEST12345698765432"),
        ("de.idnr", "36 574 261 809", "36574261809"),
        ("fr.nir", "2 95 10 99 126 111 93", "295109912611193"),
        ("gb.nino", "ab 12 34 56 c", "AB123456C"),
    )

    def test_good(self) -> None:
        """Valid ones are kept in their compact form, which is valid too."""
        for name, typed, compact in self.GOOD:
            self.assertEqual(identifiers.check(typed, name), compact)
            self.assertEqual(identifiers.check(compact, name), compact)

    def test_refused(self) -> None:
        """One wrong digit is found, and so is what is no text of this form."""
        for name, typed, _ in self.GOOD[:3]:
            wrong = typed[:-1] + ("0" if typed[-1] != "0" else "1")
            self.assert_refused(partial(identifiers.check, name=name), [wrong])
        for name, *_ in self.GOOD:
            bad = [None, 7, "", "x" * 61, "٣" * 11, "AB\x00"]
            self.assert_refused(partial(identifiers.check, name=name), bad)
        nino = ["BG123456C", "DA123456C", "AO123456C", "AB123456E", "AB12345C"]
        self.assert_refused(lambda raw: identifiers.check(raw, "gb.nino"), nino)

    def test_formats(self) -> None:
        """Only what checks numbers is a format."""
        for name, *_ in self.GOOD:
            self.assertTrue(identifiers.is_format(name))
            self.assertTrue(identifiers.title(name))
        for name in ("", "util", "exceptions", "os", "..os", "de", "nowhere", "de.idnr.x", "IBAN"):
            self.assertFalse(identifiers.is_format(name), name)
        self.assert_refused(lambda raw: identifiers.check(raw, "nowhere"), ["1"])

    def test_sentence(self) -> None:
        """The sentence says what is wrong, and nothing of the number."""
        with self.assertRaises(Invalid) as caught:
            identifiers.check("GB82WEST12345698765433", "iban")
        self.assertNotIn("1234", str(caught.exception))
        self.assertTrue(str(caught.exception).endswith("."))
