"""The order of day, month and year in a column of dates, decided by the values that allow one only.

Where none does it is asked, and never guessed. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

import msgspec

from records.client.imports.tables import Decision, Unclear
from records.client.region import DateOrder, Region
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
AHEAD = 1
"""Years that a date may lie in the future, if its year has two digits."""
END_AHEAD = 20
"""The same for the end of an employment, which may be agreed long before."""
_NUMBERS = re.compile(
    r"(\d{1,4})([-/. ])(\d{1,2})\2(\d{1,4})\.?"
    r"(?: (?:00?:00(?::00(?:\.0+)?)?|12:00(?::00)? ?am))?",
    re.ASCII | re.IGNORECASE,
)
_SPACED = re.compile(r" *([-/.]) *")
_WORDLESS = re.compile(r"[\W\d]+")
_LONG_YEAR = 4


def _parts(text: str) -> re.Match[str] | None:
    return _NUMBERS.fullmatch(_SPACED.sub(r"\1", text.strip()))


@dataclass
class Evidence:
    """What the values of a column say about its order. undecided: one that allows both.

    points: values with points that allow both. They have the day first, as is the custom, unless
    others have the month first.
    """

    dmy: int = 0
    mdy: int = 0
    ymd: int = 0
    points: int = 0
    undecided: str = ""
    short_years: int = 0

    def note(self, text: str) -> None:
        """Count one value."""
        found = _parts(text)
        if found is None or len(found[1]) >= _LONG_YEAR:
            return
        first, mark, second, last = int(found[1]), found[2], int(found[3]), found[4]
        self.short_years += len(last) <= 2  # noqa: PLR2004  digits of a year
        if first > _MONTHS >= second:
            self.dmy += 1
        elif second > _MONTHS >= first:
            self.mdy += 1
        elif first > _MONTHS or first == second:
            return
        elif mark == ".":
            self.points += 1
        elif not self.undecided:
            self.undecided = text.strip()

    def custom(self) -> None:
        """Count the values with points as what they are by custom, unless others outweigh it."""
        if not self.mdy or self.dmy > self.mdy:
            self.dmy, self.points = self.dmy + self.points, 0

    def order(self) -> str | None:
        """The order that the values have; None if they do not tell."""
        more, less = max(self.dmy, self.mdy), min(self.dmy, self.mdy)
        if not more or (less and (more < MIN_EVIDENCE or less * MAX_AGAINST > more + less)):
            return None
        if self.points and more < MIN_EVIDENCE:
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
        for each in self.evidence.values():
            each.custom()
        found = {header: each.order() for header, each in self.evidence.items()}
        own = {order for order in found.values() if order}
        for header, each in self.evidence.items():
            if found[header] is None and (each.undecided or each.points or each.dmy + each.mdy):
                # Another column tells, unless columns differ or this one contradicts itself.
                if len(own) != 1 or each.dmy + each.mdy:
                    raise self._unclear(header, each)
                found[header] = next(iter(own))
        return found

    def _unclear(self, header: str, evidence: Evidence) -> Unclear:
        text = evidence.undecided
        if text:
            what = f"{text} in {header} can be read in two ways, and no other date tells which."
        elif not evidence.dmy + evidence.mdy:
            what = f"Dates in {header} can have the day first or the month; other columns differ."
        else:
            what = f"Some dates in {header} have the day first, and some the month."
        choices = [(order, _example(text, order)) for order in ("dmy", "mdy")]
        return Unclear("dates", what, choices, "--dates dmy or --dates mdy")

    def decisions(self, orders: Mapping[str, str | None]) -> list[Decision]:
        """What was decided about the dates, as sentences."""
        found = []
        for order in dict.fromkeys(each for each in orders.values() if each):
            headers = [header for header, each in orders.items() if each == order]
            why = self._why(order, headers)
            text = f"Dates are read {ORDERS[order]} in {', '.join(headers)}{why}."
            found.append(Decision("dates", order, text))
        short = sum(each.short_years for each in self.evidence.values())
        if short:
            text = (
                f"{short} {'date has' if short == 1 else 'dates have'} a year of two digits: a "
                "birth date is never in the future, a hire date is at most a year ahead, and a "
                f"termination date at most {END_AHEAD}."
            )
            found.append(Decision("years", str(short), text))
        return found

    def _why(self, order: str, headers: Sequence[str]) -> str:
        if self.given is not None:
            return f", {self.why}"
        evidence = [self.evidence[header] for header in headers]
        own = sum(getattr(each, order) for each in evidence)
        other = "mdy" if order == "dmy" else "dmy"
        against = sum(getattr(each, other) for each in evidence)
        told = f", as {own} of them {'shows' if own == 1 else 'show'}"
        if not against:
            return told
        return told + f"; {against} cannot be, and {'is' if against == 1 else 'are'} refused"


def _example(text: str, order: str) -> str:
    if _parts(text) is None:
        return ORDERS[order]
    try:
        day = read_ordered(text, order, "hire_date", date(2000, 1, 1))
    except Invalid:
        return ORDERS[order]
    return f"{ORDERS[order]}: {date_in_words(day)}"


def read_ordered(text: str, order: str, field_name: str, today: date) -> str:
    """A date in numbers in ISO 8601's form. Raises `records.model.values.Invalid`."""
    found = _parts(text)
    assert found is not None
    parts = [found[1], found[3], found[4]]
    if len(parts[0]) >= _LONG_YEAR:
        order = "ymd"
    day, month, year = (parts[order.index(each)] for each in "dmy")
    latest = today.year + {"birth_date": -MIN_AGE, "termination_date": END_AHEAD}.get(
        field_name, AHEAD
    )
    try:
        return _full_day(int(day), int(month), year, latest).isoformat()
    except ValueError:
        raise Invalid(f"is read {ORDERS[order]}, and {text.strip()} is then no day.") from None


def _full_day(day: int, month: int, year: str, latest: int) -> date:
    if len(year) > 2:  # noqa: PLR2004
        return date(int(year), month, day)
    century = latest // 100 * 100
    full = century + int(year)
    return date(full if full <= latest else full - 100, month, day)


def read_in_column(
    text: str, order: str | None, field_name: str, today: date, region: Region
) -> str:
    """A date of a column in ISO 8601's form. Raises `records.model.values.Invalid`."""
    if _parts(text):
        # Without an order it makes no difference: day and month are the same.
        return read_ordered(text, order or "dmy", field_name, today)
    if _WORDLESS.fullmatch(text):
        # Without a month's name the region would decide, which it must not.
        orders = (DateOrder.DAY_FIRST, DateOrder.MONTH_FIRST)
        found = {
            read_date(text, msgspec.structs.replace(region, order=each), today) for each in orders
        }
        if len(found) > 1:
            raise Invalid(f"can be read in two ways: {' or '.join(map(date_in_words, found))}.")
    return read_date(text, region, today)
