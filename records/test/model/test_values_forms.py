"""How single values with a form of their own are checked: choices, dates, addresses, numbers."""

from __future__ import annotations

from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from records.model.values import (
    EARLIEST_DATE,
    LATEST_DATE,
    MAX_ID,
    check_choice,
    check_code,
    check_date,
    check_email,
    check_phone,
    check_reference,
    check_ssn,
    code_key,
)
from records.test.model.values_case import RulesCase


class ChoiceTests(RulesCase):
    """One of a few words."""

    def test_choice(self) -> None:
        """A choice is taken without regard to case or a space; anything else is refused."""

        def check(raw: object) -> str:
            return check_choice(raw, ("active", "on_leave"))

        self.assert_canonical(
            check, [("active", "active"), (" Active ", "active"), ("On leave", "on_leave")]
        )
        self.assert_refused(check, ("", "gone", "activ", None, 1, True, ["active"], {"active": 1}))


class DateTests(RulesCase):
    """A day."""

    def test_refused(self) -> None:
        """Days that do not exist or are written otherwise are refused."""
        self.assert_refused(
            check_date,
            (
                "2026-02-29",
                "2025-04-31",
                "2026-13-01",
                "2026-00-10",
                "2026-01-00",
                "1900-02-29",
                "0000-01-01",
                "1899-12-31",
                "2200-01-01",
                "20260331",
                "2026-3-31",
                "31.03.2026",
                "2026-03-31T00:00",
                "2026-W14-2",
                "２０２６-03-31",
                "٢٠٢٦-٠٣-٣١",
                "",
                None,
                20260331,
                True,
                date(2026, 3, 31),
                ["2026-03-31"],
            ),
        )

    def test_leap_days(self) -> None:
        """The 29th of February exists in leap years only."""
        self.assert_canonical(
            check_date, [("2024-02-29", "2024-02-29"), (" 2000-02-29 ", "2000-02-29")]
        )

    @given(st.dates(EARLIEST_DATE, LATEST_DATE))
    def test_every_day(self, day: date) -> None:
        """Every day from 1900 to 2199 is its own canonical form."""
        self.assertEqual(check_date(day.isoformat()), day.isoformat())


class CodeTests(RulesCase):
    """A company's own number or code."""

    def test_code(self) -> None:
        """It is text of whatever form, and kept as it is: zeros and capitals count."""
        self.assert_canonical(
            lambda raw: check_code(raw, 20),
            [
                ("JAW-0018", "JAW-0018"),
                (" 00017 ", "00017"),
                ("a/b  7", "a/b 7"),
                ("№ 12", "№ 12"),
                ("工001", "工001"),
            ],
        )
        self.assert_refused(
            lambda raw: check_code(raw, 20),
            ("", " ", "-", "7" * 21, 17, None, True, "7\x00", "\u202e7", "7\u200c8"),
        )

    def test_same(self) -> None:
        """Codes that differ in case, or in forms of the same characters, are the same."""
        for one, other in (
            ("JAW-0018", "jaw-0018"),
            ("ÄB-1", "äb-1"),
            ("ＡＢ１", "ab1"),
            ("ß1", "SS1"),
            (" a  b", "A B"),
        ):
            self.assertEqual(code_key(one), code_key(other))
        self.assertNotEqual(code_key("0017"), code_key("17"))


class ReferenceTests(RulesCase):
    """An Employee ID."""

    def test_reference(self) -> None:
        """A positive whole number of 32 bits is an ID, typed or sent."""
        self.assert_canonical(
            check_reference,
            [(1, 1), ("7", 7), (" 007 ", 7), (MAX_ID, MAX_ID), (str(MAX_ID), MAX_ID)],
        )
        self.assert_refused(
            check_reference,
            (0, -1, MAX_ID + 1, 10**30, "0", "-1", "1.0", "1e3", "", "x", "9" * 5000, "１"),
        )
        self.assert_refused(check_reference, (None, True, False, 1.0, [1], {"id": 1}))


class EmailTests(RulesCase):
    """An e-mail address."""

    def test_email(self) -> None:
        """Addresses are normalized; what is none is refused."""
        self.assert_canonical(
            check_email,
            [
                ("ann@example.com", "ann@example.com"),
                (" ann.o'hara+hr@Example.COM ", "ann.o'hara+hr@example.com"),
                ("jörg@exämple.com", "jörg@exämple.com"),
                # internal mail, of special-use domains (RFC 6761, 6762, 7686, 8375) and others
                ("bob@corp.local", "bob@corp.local"),
                ("bob@corp.test", "bob@corp.test"),
                ("bob@nas.lan", "bob@nas.lan"),
                ("bob@company.internal", "bob@company.internal"),
                ("bob@mail.home.arpa", "bob@mail.home.arpa"),
                ("bob@abcdef.onion", "bob@abcdef.onion"),
            ],
        )
        self.assert_refused(
            check_email,
            (
                "",
                "ann",
                "ann@",
                "@example.com",
                "ann@@example.com",
                "ann@example",
                "ann@localhost",
                "ann@mail.localhost",
                "ann@example.invalid",
                "ann@10.0.0.1",
                "ann@[10.0.0.1]",
                "ann@example.123",
                "ann@corp..local",
                "ann@corp_mail.local",
                "ann example@example.com",
                "Ann <ann@example.com>",
                "ann@example.com, bob@example.com",
                ".ann@example.com",
                "ann@-example.com",
                "a" * 65 + "@example.com",
                "ann@" + "x" * 250 + ".com",
                "ann@example.com" + "m" * 500,
                "ann@example.com\x00",
                "ann@exam\u202eple.com",
                "\ud800@example.com",
                "ann@example.com\r\nBcc: bob@example.com",
                None,
                7,
                ["ann@example.com"],
            ),
        )


class PhoneTests(RulesCase):
    """A phone number."""

    def test_phone(self) -> None:
        """Numbers come out in E.164 form, with or without the country code."""
        self.assert_canonical(
            check_phone,
            [
                ("+1 212 736 5000", "+12127365000"),
                ("(212) 736-5000", "+12127365000"),
                ("212.736.5000", "+12127365000"),
                ("+44 20 7946 0018", "+442079460018"),
                ("+49 30 901820", "+4930901820"),
                ("+81-3-3213-1111", "+81332131111"),
                ("+1 212 736 5000 x123", "+12127365000;ext=123"),
                ("+1 212 736 5000 ext. 007", "+12127365000;ext=007"),
                ("+12127365000;ext=123", "+12127365000;ext=123"),
                ("tel:+1-212-736-5000;ext=123", "+12127365000;ext=123"),
                ("+49 30 901820 #12", "+4930901820;ext=12"),
            ],
        )

    def test_refused(self) -> None:
        """What no country's plan allows is refused."""
        self.assert_refused(
            check_phone,
            (
                "",
                "12",
                "+1 212",
                "+999 123 456 789",
                "000 000 0000",
                "+1 212 736 5000 ext. seven",
                "+12127365000;ext=",
                "+12127365000;ext=1;ext=2",
                "+12127365000;ext=" + "1" * 30,
                "phone",
                "\ud800",
                "1" * 5000,
                None,
                2127365000,
                ["+12127365000"],
            ),
        )

    def test_nothing_is_cut_off(self) -> None:
        """A number that goes on after many spaces is not taken for its beginning."""
        self.assert_refused(check_phone, ("+12127365000" + " " * 60 + "and a half",))


class SsnTests(RulesCase):
    """A social security number."""

    def test_ssn(self) -> None:
        """Nine digits come out with their hyphens, as text."""
        self.assert_canonical(
            check_ssn,
            [
                ("536-90-4399", "536-90-4399"),
                ("536904399", "536-90-4399"),
                (" 536-90-4399 ", "536-90-4399"),
                ("001-01-0001", "001-01-0001"),
                ("899-99-9999", "899-99-9999"),
            ],
        )

    def test_refused(self) -> None:
        """Numbers that the SSA gives to nobody are refused."""
        self.assert_refused(
            check_ssn,
            (
                "000-12-3456",
                "666-12-3456",
                "900-12-3456",
                "999-99-9999",
                "536-00-4399",
                "536-90-0000",
                "078-05-1120",  # on the sample card of a wallet
                "457-55-5462",  # in an advertisement
                "219-09-9999",
                "536-90-439",
                "536-90-43990",
                "5369-04-399",
                "536-90-439x",
                "٥٣٦-٩٠-٤٣٩٩",
                "",
                None,
                536904399,
                ["536-90-4399"],
            ),
        )

    @given(st.integers(0, 999), st.integers(0, 99), st.integers(0, 9999))
    def test_areas_groups_serials(self, area: int, group: int, serial: int) -> None:
        """No area 000, 666 or 9xx, no group 00 and no serial 0000 ever passes; others do."""
        ssn = f"{area:03d}-{group:02d}-{serial:04d}"
        possible = area not in (0, 666) and area < 900 and group and serial
        advertised = ssn in ("078-05-1120", "457-55-5462", "219-09-9999")
        if possible and not advertised:
            self.assertEqual(check_ssn(ssn), ssn)
        else:
            self.assert_refused(check_ssn, [ssn])
