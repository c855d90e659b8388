"""The order of day, month and year in a column of dates, decided by the values that allow one only.

Where none does it is asked, and never guessed. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from records.client.imports.tables import Decision, Unclear
from records.client.region import Region
from records.client.typed import date_in_words, read_date
from records.model.values import Invalid

ORDERS = {"dmy": "day first", "mdy": "month first", "ymd": "year first"}
MIN_EVIDENCE = 3
"""Values for one order that outweigh some for the other, which are then wrong themselves."""
MAX_AGAINST = 4
"""At most one in so many may be for the other."""
MIN_AGE = 14
"""Years: nobody who is younger is employed, so a year of birth is of the century before."""

_MONTHS = 12
_NUMBERS = re.compile(r"(\d{1,4})([-/. ])(\d{1,2})\2(\d{1,4})\.?(?: 00?:00(?::00)?)?", re.ASCII)
_LONG_YEAR = 4


@dataclass
class Evidence:
    """What the values of a column say about its order. undecided: one that allows both."""

    dmy: int = 0
    mdy: int = 0
    ymd: int = 0
    undecided: str = ""
    short_years: int = 0

    def note(self, text: str) -> None:
        """Count one value."""
        found = _NUMBERS.fullmatch(text.strip())
        if found is None or len(found[1]) >= _LONG_YEAR:
            return
        first, mark, second, last = int(found[1]), found[2], int(found[3]), found[4]
        self.short_years += len(last) <= 2  # noqa: PLR2004  digits of a year
        if mark == ".":
            self.dmy += 1  # nobody writes the month first with points
        elif first > _MONTHS >= second:
            self.dmy += 1
        elif second > _MONTHS >= first:
            self.mdy += 1
        elif first != second and first <= _MONTHS and not self.undecided:
            self.undecided = text.strip()

    def order(self) -> str | None:
        """The order that the values have; None if they do not tell."""
        more, less = max(self.dmy, self.mdy), min(self.dmy, self.mdy)
        if not more or (less and (more < MIN_EVIDENCE or less * MAX_AGAINST > more + less)):
            return None
        return "dmy" if self.dmy > self.mdy else "mdy"


@dataclass
class DateColumns:
    """The order of each date column of a file. given: what the user has said, or the format says.

    why: who has said that.
    """

    given: str | None
    why: str = "as you have said"
    evidence: dict[str, Evidence] = field(default_factory=dict)

    def note(self, header: str, text: str) -> None:
        """Count one value of a column."""
        self.evidence.setdefault(header, Evidence()).note(text)

    def orders(self) -> dict[str, str | None]:
        """The order by column; None where it makes no difference. Raises `Unclear`."""
        if self.given is not None:
            return dict.fromkeys(self.evidence, self.given)
        whole = Evidence()
        for each in self.evidence.values():
            whole.dmy += each.dmy
            whole.mdy += each.mdy
        found = {}
        for header, each in self.evidence.items():
            order = each.order() or (whole.order() if not each.dmy + each.mdy else None)
            if order is None and (each.undecided or each.dmy + each.mdy):
                raise self._unclear(header, each)
            found[header] = order
        return found

    def _unclear(self, header: str, evidence: Evidence) -> Unclear:
        text = evidence.undecided
        if text:
            what = f"{text} in {header} can be read in two ways, and no other date tells which."
        else:
            what = f"Some dates in {header} have the day first, and some the month."
        choices = [(order, _example(text, order)) for order in ("dmy", "mdy")]
        return Unclear("dates", what, choices, "--dates dmy or --dates mdy")

    def decisions(self, orders: Mapping[str, str | None]) -> list[Decision]:
        """What was decided about the dates, as sentences."""
        found = []
        for order in dict.fromkeys(each for each in orders.values() if each):
            headers = [header for header, each in orders.items() if each == order]
            text = f"Dates are read {ORDERS[order]} in {', '.join(headers)}{self._why(order)}."
            found.append(Decision("dates", order, text))
        short = sum(each.short_years for each in self.evidence.values())
        if short:
            text = (
                f"{short} {'date has' if short == 1 else 'dates have'} a year of two digits: a "
                "birth date is never in the future, other dates are at most a year ahead."
            )
            found.append(Decision("years", str(short), text))
        return found

    def _why(self, order: str) -> str:
        if self.given is not None:
            return f", {self.why}"
        own = sum(getattr(each, order) for each in self.evidence.values())
        other = "mdy" if order == "dmy" else "dmy"
        against = sum(getattr(each, other) for each in self.evidence.values())
        told = f", as {own} of them {'shows' if own == 1 else 'show'}"
        if not against:
            return told
        return told + f"; {against} cannot be, and {'is' if against == 1 else 'are'} refused"


def _example(text: str, order: str) -> str:
    found = _NUMBERS.fullmatch(text)
    if found is None:
        return ORDERS[order]
    try:
        day = read_ordered(text, order, is_birth=False, today=date(2000, 1, 1))
    except Invalid:
        return ORDERS[order]
    return f"{ORDERS[order]}: {date_in_words(day)}"


def read_ordered(text: str, order: str, *, is_birth: bool, today: date) -> str:
    """A date in numbers in ISO 8601's form. Raises `records.model.values.Invalid`."""
    found = _NUMBERS.fullmatch(text.strip())
    assert found is not None
    parts = [found[1], found[3], found[4]]
    if len(parts[0]) >= _LONG_YEAR:
        order = "ymd"
    day, month, year = (parts[order.index(each)] for each in "dmy")
    try:
        return _full_day(int(day), int(month), year, is_birth=is_birth, today=today).isoformat()
    except ValueError:
        raise Invalid(f"is read {ORDERS[order]}, and {text.strip()} is then no day.") from None


def _full_day(day: int, month: int, year: str, *, is_birth: bool, today: date) -> date:
    if len(year) > 2:  # noqa: PLR2004
        return date(int(year), month, day)
    this = date(today.year // 100 * 100 + int(year), month, min(day, 28))
    latest = today.year - MIN_AGE if is_birth else today.year + 1
    century = 0 if this.year <= latest else 100
    return date(this.year - century, month, day)


def read_in_column(
    text: str, order: str | None, *, is_birth: bool, today: date, region: Region
) -> str:
    """A date of a column in ISO 8601's form. Raises `records.model.values.Invalid`."""
    if _NUMBERS.fullmatch(text.strip()):
        # Without an order it makes no difference: day and month are the same.
        return read_ordered(text, order or "dmy", is_birth=is_birth, today=today)
    return read_date(text, region, today)
