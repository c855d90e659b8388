"""How single values are checked: names, texts, dates, references, e-mail, phone, SSN, folding."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from records.model.values import (
    Invalid,
    check_choice,
    check_date,
    check_email,
    check_name,
    check_phone,
    check_reference,
    check_ssn,
    check_text,
    fold,
)
from records.test.model.values_case import ANYTHING, RulesCase

NOT_TEXT = (None, True, 0, 1.5, b"Ann", ["Ann"], {"a": "Ann"})
UNWRITABLE = (
    "a\x00b",  # NUL
    "a\x07b",
    "a\x1b[31mb",  # a terminal's escape
    "a\x7fb",
    "a\x9bb",  # the one-byte form of ESC [
    "a\ud800b",  # half of a surrogate pair
    "a\ue000b",  # private use
    "a\uffffb",  # no character
    "a\U0010ffffb",
)
INVISIBLE = (
    "a\u200bb",  # zero-width space
    "a\u202eb",  # right-to-left override
    "a\u2066b",  # left-to-right isolate
    "a\u200fb",  # right-to-left mark
    "a\u2060b",  # word joiner
    "a\ufeffb",  # byte-order mark
    "a\u00adb",  # soft hyphen
    "a\U000e0041b",  # a tag character
)


def name(raw: object) -> str:
    return check_name(raw, 100)


def text(raw: object) -> str:
    return check_text(raw, 100)


class TextTests(RulesCase):
    """A line of text."""

    def test_canonical_form(self) -> None:
        """White space is trimmed and made single, and letters are composed."""
        self.assert_canonical(
            text,
            [
                ("  Head  of\tR&D ", "Head of R&D"),
                ("two\nlines", "two lines"),
                ("two\u2028lines", "two lines"),
                ("Rene\u0301", "René"),
                ("日本語 🎉", "日本語 🎉"),
                ("no-break\u00a0space", "no-break space"),
            ],
        )

    def test_refused(self) -> None:
        """What is not text, blank, not writable or invisible is refused."""
        self.assert_refused(text, NOT_TEXT)
        self.assert_refused(text, ("", " ", "\t\n", "\u3000"))
        self.assert_refused(text, UNWRITABLE)
        self.assert_refused(text, INVISIBLE)

    def test_not_decoded(self) -> None:
        """What was read in another encoding than its own is not kept."""
        with self.assertRaisesRegex(Invalid, "not in UTF-8"):
            check_text("Forsch\ufffdung", 100)

    def test_looks_blank(self) -> None:
        """A letter that shows nothing does not make a text."""
        self.assert_refused(text, ("\u3164", "\u115f", "\u1160", "\uffa0", "\u200d"))

    def test_much_too_long(self) -> None:
        """A text too long to be looked at is refused before anything else is done with it."""
        with self.assertRaisesRegex(Invalid, "much too long"):
            check_text("a" + "\u0327\u0301" * 30_000, 100)

    def test_length(self) -> None:
        """As many characters as allowed pass, one more does not, and it says how many there are."""
        self.assertEqual(check_text("é" * 7, 7), "é" * 7)
        with self.assertRaisesRegex(Invalid, r"at most 7 .*this has 8"):
            check_text("x" * 8, 7)

    def test_joiners(self) -> None:
        """Joiners, which Persian and Indian scripts are spelt with, are kept."""
        self.assertEqual(text("می\u200cخواهم"), "می\u200cخواهم")

    @given(st.text(st.characters(codec=None), max_size=40))
    def test_whatever_passes_is_clean(self, raw: str) -> None:
        """What passes holds no control or format character, is UTF-8, composed and stable."""
        try:
            value = text(raw)
        except Invalid:
            return
        self.assertTrue(value)
        value.encode("utf-8")
        for character in value:
            if character not in "\u200c\u200d":
                self.assertNotIn(
                    unicodedata.category(character)[0], "CZ" if character != " " else "C"
                )
        self.assertTrue(unicodedata.is_normalized("NFC", value))
        self.assertEqual(text(value), value)


class NameTests(RulesCase):
    """A person's name."""

    def test_good(self) -> None:
        """Names of many scripts and forms are taken as they are."""
        for good in (
            "Ann",
            "O'Hara",
            "O’Hara",
            "Jean-Luc",
            "van der Berg",
            "Martin Luther King, Jr.",
            "X",
            "Ō",
            "José María",
            "Nguyễn Thị Minh Khai",
            "李",
            "山田太郎",
            "김민준",
            "Иван",
            "Αλέξανδρος",
            "محمد",
            "דוד",
            "प्रिया",
            "ไพลิน",
            "Kahōʻāliʻi",
            "Hawaiʻi",
            "Louis XIV",
            "John 3rd",
            "Gal·la",
        ):
            self.assertEqual(name(good), unicodedata.normalize("NFC", good))

    def test_refused(self) -> None:
        """What no name is written with is refused, and nothing but signs is no name."""
        self.assert_refused(name, NOT_TEXT)
        self.assert_refused(name, ("", " ", "-", "'", "3", "...", "١٢"))
        self.assert_refused(
            name, ("a<b>", "a@b", "a=b", "a;b", 'a"b', "a|b", "a_b", "Ann🎉", "a\\b", "€uro", "a²")
        )
        self.assert_refused(name, UNWRITABLE)
        self.assert_refused(name, INVISIBLE)

    def test_looks_blank(self) -> None:
        """A letter that shows nothing does not make a name."""
        self.assert_refused(name, ("\u3164", "\u115f\u1160", "\uffa0"))

    def test_length(self) -> None:
        """One letter is enough, and a name has its greatest length."""
        self.assertEqual(check_name("x" * 100, 100), "x" * 100)
        self.assert_refused(name, ("x" * 101,))


class FoldTests(SynchronousTestCase):
    """Comparing without case and accents."""

    def test_fold(self) -> None:
        """Case, accents and width make no difference."""
        for raw, folded in (
            ("ÉCOLE", "ecole"),
            ("Straße", "strasse"),
            ("STRASSE", "strasse"),
            ("Ｆｕｌｌ", "full"),
            ("Ångström", "angstrom"),
            ("ΣΊΣΥΦΟΣ", "σισυφοσ"),
            ("İstanbul", "istanbul"),
            ("𝐀𝐧𝐧", "ann"),
            ("Łukasz Ødegård Þórður", "lukasz odegard thordur"),
        ):
            self.assertEqual(fold(raw), folded, raw)

    @given(st.text(max_size=20))
    def test_idempotent(self, raw: str) -> None:
        """Folding what is folded changes nothing."""
        self.assertEqual(fold(fold(raw)), fold(raw))

    @given(st.text(st.characters(codec="latin-1"), max_size=20))
    def test_composed_or_not(self, raw: str) -> None:
        """It makes no difference whether accents come composed or apart."""
        self.assertEqual(
            fold(unicodedata.normalize("NFC", raw)), fold(unicodedata.normalize("NFD", raw))
        )

    def test_compatibility_capitals(self) -> None:
        """Every single character folds to a text that stays as it is."""
        for point in range(0x20, 0x1FFFF):
            folded = fold(chr(point)) if not 0xD800 <= point < 0xE000 else ""
            if fold(folded) != folded:
                self.fail(f"U+{point:04X} folds to {folded!r}, and that to {fold(folded)!r}")


class NothingElseIsRaisedTests(SynchronousTestCase):
    """Whatever comes in, a rule answers with a value or with `Invalid`."""

    @given(ANYTHING)
    def test_anything(self, raw: object) -> None:
        """No rule raises anything but `Invalid`, and each value is its own canonical form."""
        checks: list[Callable[[object], object]] = [
            name,
            text,
            check_date,
            check_reference,
            check_email,
            check_phone,
            check_ssn,
            lambda each: check_choice(each, ("active",)),
        ]
        for check in checks:
            try:
                value = check(raw)
            except Invalid:
                continue
            self.assertEqual(check(value), value)
