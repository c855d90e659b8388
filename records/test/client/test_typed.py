"""How what people type is read, by region."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from records.client.region import DateOrder, region_of
from records.client.typed import (
    date_in_words,
    example_phone,
    phone_in_words,
    read_choice,
    read_date,
    read_money,
    read_phone,
    read_ssn,
)
from records.model.fields import EMPLOYMENT_TYPES
from records.model.values import EARLIEST_DATE, LATEST_DATE, REGIONS, Invalid, check_money

TODAY = date(2026, 1, 31)

# Region, what is typed, and the date it is read as.
DATES = (
    ("US", "1990-03-04", "1990-03-04"),
    ("US", "1990-3-4", "1990-03-04"),
    ("US", "1990/3/4", "1990-03-04"),
    ("US", "1990.3.4", "1990-03-04"),
    ("US", "3/4/1990", "1990-03-04"),
    ("US", "03-04-1990", "1990-03-04"),
    ("US", " 3 / 4 / 1990 ", "1990-03-04"),
    ("US", "4.3.1990", "1990-03-04"),
    ("US", "04.03.1990", "1990-03-04"),
    ("US", "25/12/1990", "1990-12-25"),
    ("US", "12/25/1990", "1990-12-25"),
    ("US", "4/4/1990", "1990-04-04"),
    ("US", "4 March 1990", "1990-03-04"),
    ("US", "4 march 1990", "1990-03-04"),
    ("US", "March 4, 1990", "1990-03-04"),
    ("US", "Mar 4 1990", "1990-03-04"),
    ("US", "Mar. 4th, 1990", "1990-03-04"),
    ("US", "the 4th of March, 1990", "1990-03-04"),
    ("US", "1990 March 4", "1990-03-04"),
    ("US", "4-Mar-1990", "1990-03-04"),
    ("US", "1 Sept 2020", "2020-09-01"),
    ("US", "29 Feb 2024", "2024-02-29"),
    ("US", "today", "2026-01-31"),
    ("US", "Yesterday", "2026-01-30"),
    ("US", "TOMORROW", "2026-02-01"),
    ("US", "+2w", "2026-02-14"),
    ("US", "+ 3 d", "2026-02-03"),
    ("US", "-1d", "2026-01-30"),
    ("US", "+1m", "2026-02-28"),
    ("US", "-1y", "2025-01-31"),
    ("US", "+25m", "2028-02-29"),
    ("US", "１９９０-０３-０４", "1990-03-04"),
    ("US", "1990–03–04", "1990-03-04"),
    ("US", "+13 months", "2027-02-28"),
    ("US", "−3 days", "2026-01-28"),
    ("US", "-1 year", "2025-01-31"),
    ("US", "25 12 1990", "1990-12-25"),
    ("BR", "1º de março de 1990", "1990-03-01"),
    ("FR", "le 4 mars 1990", "1990-03-04"),
    ("RU", "4 марта 1990 г.", "1990-03-04"),
    ("PH", "3/4/1990", "1990-03-04"),
    ("GB", "3/4/1990", "1990-04-03"),
    ("GB", "3-4-1990", "1990-04-03"),
    ("GB", "1st Sept 2020", "2020-09-01"),
    ("DE", "3/4/1990", "1990-04-03"),
    ("DE", "3.4.1990", "1990-04-03"),
    ("DE", "3. 4. 1990", "1990-04-03"),
    ("DE", "4. März 1990", "1990-03-04"),
    ("DE", "4. Maerz 1990", "1990-03-04"),
    ("DE", "4 marz 1990", "1990-03-04"),
    ("DE", "4 March 1990", "1990-03-04"),
    ("AT", "1. Januar 2020", "2020-01-01"),
    ("FR", "1er mars 1990", "1990-03-01"),
    ("FR", "4 février 1990", "1990-02-04"),
    ("FR", "4 fevrier 1990", "1990-02-04"),
    ("CH", "4 mars 1990", "1990-03-04"),
    ("CH", "4. März 1990", "1990-03-04"),
    ("BR", "4 de março de 1990", "1990-03-04"),
    ("ES", "4 de marzo del 1990", "1990-03-04"),
    ("IN", "3/4/1990", "1990-04-03"),
    ("IN", "4 मार्च 1990", "1990-03-04"),
    ("JP", "1990年3月4日", "1990-03-04"),
    ("KR", "1990년 3월 4일", "1990-03-04"),
    ("HU", "1990. 03. 04.", "1990-03-04"),
    ("SE", "1990-03-04", "1990-03-04"),
    ("CA", "25/12/1990", "1990-12-25"),
    ("CA", "4 mars 1990", "1990-03-04"),
    ("EG", "٤/٣/١٩٩٠", "1990-03-04"),
)

BAD_DATES = (
    ("US", "3/4/90", "four digits of the year"),
    ("US", "4 March 90", "four digits of the year"),
    ("US", "90-03-04", "four digits of the year"),
    ("US", "4.3.90", "four digits of the year"),
    ("US", "2/30/1990", "exists"),
    ("US", "30 February 1990", "exists"),
    ("US", "29.2.2023", "exists"),
    ("US", "13/13/1990", "exists"),
    ("US", "0/4/1990", "exists"),
    ("US", "1990-13-01", "exists"),
    ("US", "4 March 1890", "between"),
    ("US", "+200y", "between"),
    ("US", "-9999w", "between"),
    ("US", "1990", "a date"),
    ("US", "March 1990", "a date"),
    ("US", "soon", "a date"),
    ("US", "", "a date"),
    ("US", "4 Marsh 1990", "a date"),
    ("US", "4 März 1990", "a date"),
    ("US", "March April 1990", "a date"),
    ("US", "4 March 1990 BC", "a date"),
    ("US", "19900304", "a date"),
    ("US", "3/4/1990 or so", "a date"),
    ("US", "+2 fortnights", "a date"),
    ("US", "④ March 1990", "plain digits"),
    ("CA", "3/4/1990", "3 April 1990 or 4 March 1990"),
    ("SE", "3/4/1990", "3 April 1990 or 4 March 1990"),
    ("JP", "3-4-1990", "3 April 1990 or 4 March 1990"),
)

# Region, what is typed, amount, currency and period.
AMOUNTS = (
    ("US", "64000", "64000.00", "USD", "year"),
    ("US", "64,000", "64000.00", "USD", "year"),
    ("US", "$64,000", "64000.00", "USD", "year"),
    ("US", "$ 64,000.50", "64000.50", "USD", "year"),
    ("US", "$64k", "64000.00", "USD", "year"),
    ("US", "64K", "64000.00", "USD", "year"),
    ("US", "64.5k", "64500.00", "USD", "year"),
    ("US", "1.2m", "1200000.00", "USD", "year"),
    ("US", "64.000,00 EUR", "64000.00", "EUR", "year"),
    ("US", "EUR 64.000,00", "64000.00", "EUR", "year"),
    ("US", "64.000 EUR", "64000.00", "EUR", "year"),
    ("US", "64000.00 USD", "64000.00", "USD", "year"),
    ("US", "64000USD", "64000.00", "USD", "year"),
    ("US", "64,000.00 USD per year", "64000.00", "USD", "year"),
    ("US", "1,234,567", "1234567.00", "USD", "year"),
    ("US", "64 000 €", "64000.00", "EUR", "year"),
    ("US", "64\u202f000,50\u00a0€", "64000.50", "EUR", "year"),
    ("US", "64'000 CHF", "64000.00", "CHF", "year"),
    ("US", "64’000.50 CHF", "64000.50", "CHF", "year"),
    ("US", "£32.50/hour", "32.50", "GBP", "hour"),
    ("US", "32.50 per hour", "32.50", "USD", "hour"),
    ("US", "$32 an hour", "32.00", "USD", "hour"),
    ("US", "32/h", "32.00", "USD", "hour"),
    ("US", "32 hourly", "32.00", "USD", "hour"),
    ("US", "5,000 USD a month", "5000.00", "USD", "month"),
    ("US", "5000/mo", "5000.00", "USD", "month"),
    ("US", "$60k p.a.", "60000.00", "USD", "year"),
    ("US", "60000 per annum", "60000.00", "USD", "year"),
    ("US", "US$ 5000", "5000.00", "USD", "year"),
    ("US", "5000 MXN", "5000.00", "MXN", "year"),
    ("US", "CA$5000", "5000.00", "CAD", "year"),
    ("US", "¥5000", "5000", "JPY", "year"),
    ("CA", "$64,000", "64000.00", "CAD", "year"),
    ("AU", "$64,000", "64000.00", "AUD", "year"),
    ("DE", "$64,000", "64000.00", "USD", "year"),
    ("DE", "64.000", "64000.00", "EUR", "year"),
    ("DE", "64.000,50", "64000.50", "EUR", "year"),
    ("DE", "64000,5", "64000.50", "EUR", "year"),
    ("DE", "41,50/h", "41.50", "EUR", "hour"),
    ("DE", "64000.00", "64000.00", "EUR", "year"),
    ("FR", "64 000,50 €", "64000.50", "EUR", "year"),
    ("CH", "64'000", "64000.00", "CHF", "year"),
    ("CH", "CHF 64'000.-", "64000.00", "CHF", "year"),
    ("DE", "64.000,- €", "64000.00", "EUR", "year"),
    ("SE", "30 000 kr/mo", "30000.00", "SEK", "month"),
    ("NO", "30 000 kr/mo", "30000.00", "NOK", "month"),
    ("DK", "30.000 kr.", "30000.00", "DKK", "year"),
    ("CN", "¥5000", "5000.00", "CNY", "year"),
    ("JP", "￥5,000,000", "5000000", "JPY", "year"),
    ("IN", "₹6,40,000", "640000.00", "INR", "year"),
    ("IN", "1,23,45,678", "12345678.00", "INR", "year"),
    ("BR", "R$ 4.500,00/mo", "4500.00", "BRL", "month"),
    ("US", "$.50/h", "0.50", "USD", "hour"),
    ("DK", "kr.500", "500.00", "DKK", "year"),
    ("PL", "60000 PLN", "60000.00", "PLN", "year"),
    ("US", "60000 PHP p.m.", "60000.00", "PHP", "month"),
    ("CZ", "1 234,56 Kč", "1234.56", "CZK", "year"),
    ("ZM", "5000 K", "5000.00", "ZMW", "year"),
    ("LS", "M 5000", "5000.00", "LSL", "year"),
    ("NA", "$5000", "5000.00", "NAD", "year"),
    ("BT", "5000", "5000.00", "BTN", "year"),
    ("CH", "Fr. 64’000.--", "64000.00", "CHF", "year"),
    ("JP", "500000円/mo", "500000", "JPY", "month"),
    ("IN", "Rs. 50,000 a month", "50000.00", "INR", "month"),
    ("KW", "1234.567", "1234.567", "KWD", "year"),
    ("JP", "1,500円 an hour", "1500", "JPY", "hour"),
)

BAD_AMOUNTS = (
    ("US", "", "an amount"),
    ("US", "lots", "an amount"),
    ("US", "64,00", "an amount"),
    ("US", "1234,5", "an amount"),
    ("US", "6,40,00", "an amount"),
    ("US", "64,0000,000", "an amount"),
    ("US", "1.234.5", "an amount"),
    ("US", "1,234.5,6", "an amount"),
    ("US", "1,234 567", "an amount"),
    ("US", "1.234k", "1234000 or 1234. Type 1234000 or 1234"),
    ("KW", "1.234", "could be 1234 or 1.234. Type 1234 or 1.2340"),
    ("US", "5000 m", "millions, or for a month"),
    ("US", "5000m", "millions, or for a month"),
    ("US", "5000 quid", "currency"),
    ("US", "5 m", "millions, or for a month"),
    ("US", "$,50", "an amount"),
    ("US", "64²k", "plain digits"),
    ("US", "1.23.456", "an amount"),
    ("US", "0,000,001", "an amount"),
    ("US", "64000k", "without k"),
    ("US", "12.345 USD per hour", "could be 12345 or 12.345. Type 12345 or 12.3450"),
    ("US", "5e3", "currency"),
    ("KW", "1,234", "1234 or 1.234"),
    ("US", "-5000", "currency"),
    ("US", "5000 quid", "currency"),
    ("US", "5000 XAU", "currency"),
    ("SE", "30 000 quid/mo", "currency"),
    ("US", "USD 5000 EUR", "one amount"),
    ("US", "50000-60000", "currency"),
    ("US", "5000 per week", "year, month or hour"),
    ("US", "5000 / day", "year, month or hour"),
)

PHONES = (
    ("US", "(212) 736-5000", "+12127365000"),
    ("US", "212.736.5000", "+12127365000"),
    ("US", "1-212-736-5000", "+12127365000"),
    ("US", "+44 20 7946 0018", "+442079460018"),
    ("US", "011 44 20 7946 0018", "+442079460018"),
    ("US", "212-736-5000 x123", "+12127365000;ext=123"),
    ("US", "+1 212 736 5000 ext. 123", "+12127365000;ext=123"),
    ("US", "212 736 5000 #007", "+12127365000;ext=007"),
    ("US", "+12127365000;ext=123", "+12127365000;ext=123"),
    ("GB", "020 7946 0018", "+442079460018"),
    ("GB", "00 1 212 736 5000", "+12127365000"),
    ("DE", "030 901820", "+4930901820"),
    ("DE", "030/901820", "+4930901820"),
    ("FR", "01 44 55 66 77", "+33144556677"),
    ("JP", "03-3213-1111", "+81332131111"),
    ("US", "tel:+1-212-736-5000", "+12127365000"),
    ("US", "00 44 20 7946 0018", "+442079460018"),
    ("GB", "+44 (0)20 7946 0018", "+442079460018"),
    ("DE", "030 1234567 Durchwahl 12", "+49301234567;ext=12"),
    ("FR", "01 23 45 67 89 poste 12", "+33123456789;ext=12"),
    ("IN", "011-23012345", "+911123012345"),
)

SHOWN = (
    ("+12127365000", "+1 212-736-5000"),
    ("+12127365000;ext=123", "+1 212-736-5000 ext. 123"),
    ("+4930901820", "+49 30 901820"),
    ("no number", "no number"),
    ("", ""),
)


class TypedCase(SynchronousTestCase):
    """What the tests of each kind share."""

    def refused(self, read: Callable[[], object], why: str) -> None:
        """Reading is refused with a sentence that has these words."""
        try:
            value = read()
        except Invalid as reason:
            self.assertIn(why, str(reason))
            self.assertTrue(str(reason).endswith("."), str(reason))
        else:
            self.fail(f"read as {value}, not refused because of {why}")


class DateTests(TypedCase):
    """read_date"""

    def test_read(self) -> None:
        """Dates are read as people of the region write them."""
        for code, text, iso in DATES:
            self.assertEqual(read_date(text, region_of(code), TODAY), iso, (code, text))

    def test_refused(self) -> None:
        """What is no date, or could be two, is refused, and it is said why."""
        for code, text, why in BAD_DATES:
            self.refused(lambda c=code, t=text: read_date(t, region_of(c), TODAY), why)  # type: ignore[misc]

    @given(st.dates(EARLIEST_DATE, LATEST_DATE), st.sampled_from(sorted(REGIONS)))
    def test_round_trip(self, day: date, code: str) -> None:
        """A date in words, in ISO form and in the region's own order is read as that date."""
        region, iso = region_of(code), day.isoformat()
        ways = [iso, date_in_words(iso), f"{day.day}.{day.month}.{day.year}"]
        if region.order is DateOrder.MONTH_FIRST:
            ways.append(f"{day.month}/{day.day}/{day.year}")
        elif region.order is DateOrder.DAY_FIRST:
            ways += [f"{day.day}/{day.month}/{day.year}", f"{day:%d-%m-%Y}"]
        for text in ways:
            self.assertEqual(read_date(text, region, TODAY), iso, text)

    def test_in_words(self) -> None:
        """Dates are shown in words; anything else is shown as it is."""
        self.assertEqual(date_in_words("1990-03-04"), "4 March 1990")
        self.assertEqual(date_in_words("soon"), "soon")


class MoneyTests(TypedCase):
    """read_money"""

    def test_read(self) -> None:
        """Amounts are read as people write them, exactly, and the daemon takes them."""
        for code, text, amount, currency, per in AMOUNTS:
            money = check_money(read_money(text, region_of(code)))
            self.assertEqual(
                (money.amount, money.currency, money.per), (amount, currency, per), (code, text)
            )

    def test_refused(self) -> None:
        """What is no amount, or could be two, is refused, and it is said why."""
        for code, text, why in BAD_AMOUNTS:
            self.refused(lambda c=code, t=text: read_money(t, region_of(c)), why)  # type: ignore[misc]

    @given(st.integers(0, 10**12 - 1), st.integers(0, 99), st.sampled_from(("US", "DE", "CH")))
    def test_round_trip(self, whole: int, cents: int, code: str) -> None:
        """An amount with groups and both digits of its cents is read exactly."""
        grouped = f"{whole:,}.{cents:02}"
        if code == "DE":
            grouped = grouped.translate(str.maketrans(",.", ".,"))
        elif code == "CH":
            grouped = grouped.replace(",", "’")
        self.assertEqual(
            check_money(read_money(f"{grouped} EUR", region_of(code))).amount, f"{whole}.{cents:02}"
        )

    def test_shown_and_typed_again(self) -> None:
        """An amount as it is shown is read as itself."""
        for code, text, *_ in AMOUNTS:
            money = check_money(read_money(text, region_of(code)))
            self.assertEqual(check_money(read_money(str(money), region_of(code))), money)


class NumberTests(TypedCase):
    """Phone numbers, social security numbers, and choices."""

    def test_phone(self) -> None:
        """Numbers are read as they are dialled in the region, with extensions."""
        for code, text, e164 in PHONES:
            self.assertEqual(read_phone(text, region_of(code)), e164, (code, text))

    def test_bad_phone(self) -> None:
        """What no plan allows is refused, with an example of the region."""
        for code in ("US", "DE", "JP"):
            for text in (
                *("", "12", "call me", "1" * 100, "+999 12345678", "abc 212 736 5000"),
                *("2127365000 \\x 3", "212 736 5000 or so", "212 736 5000 x", "030 123456/57"),
                *("030 12345/67", "030 1234567 (12)", "212-736-5000/5001x"),
            ):
                self.refused(
                    lambda c=code, t=text: read_phone(t, region_of(c)),  # type: ignore[misc]
                    example_phone(region_of(code)),
                )

    def test_phone_in_words(self) -> None:
        """Numbers are shown as people write them."""
        for value, written in SHOWN:
            self.assertEqual(phone_in_words(value), written)

    def test_every_region(self) -> None:
        """Every region has an order, a currency, months, and a phone number that it reads."""
        for code in REGIONS:
            region = region_of(code)
            self.assertEqual(region.months["march"], 3)
            self.assertRegex(region.currency, "^[A-Z]{3}$")
            self.assertTrue(read_phone(example_phone(region), region).startswith("+"), code)

    def test_no_region(self) -> None:
        """What is no country's code is refused."""
        for code in ("", "XX", "USA", "Germany"):
            self.refused(lambda c=code: region_of(c), "ISO 3166")  # type: ignore[misc]

    def test_ssn(self) -> None:
        """Spaces, dashes and points between the parts do not count."""
        forms: Iterable[str] = (
            *("536-90-4399", "536904399", "536 90 4399", "536.90.4399", " 536–90–4399 "),
            "５３６-90-4399",
        )
        for text in forms:
            self.assertEqual(read_ssn(text), "536-90-4399")
        for text in ("", "536-90-439", "000-90-4399", "536-90-4399-1"):
            self.refused(lambda t=text: read_ssn(t), "social security number")  # type: ignore[misc]

    def test_choice(self) -> None:
        """A choice is read with spaces or dashes, and from its beginning if that is only one's."""
        for text in ("full_time", "Full time", "FULL-TIME", " full  time ", "full", "f"):
            self.assertEqual(read_choice(text, EMPLOYMENT_TYPES), "full_time")
        for text in ("", "time", "fulltime", "s p"):
            self.refused(lambda t=text: read_choice(t, EMPLOYMENT_TYPES), "one of")  # type: ignore[misc]
        self.refused(lambda: read_choice("o", ("one", "other")), "one of")
