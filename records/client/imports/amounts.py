"""The decimal mark of a column of amounts, decided by the values that allow one only. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

import msgspec

from records.client.imports.tables import Decision, Unclear
from records.client.region import Region
from records.client.typed import read_money
from records.model.values import Invalid, check_money, check_number

_NUMBER = re.compile(r"\d[\d.,' \u00a0\u202f\u2009’]*")
_GROUP = 3
_OTHER = {".": ",", ",": "."}


def _number(text: str) -> str:
    found = _NUMBER.search(text)
    return found[0].strip() if found else ""


def mark_of(text: str) -> str | None:
    """The decimal mark that an amount must have; "" if it has none; None if it allows both."""
    number = _number(text)
    points, commas = number.count("."), number.count(",")
    if not points + commas:
        return ""
    if points and commas:
        return max(".,", key=number.rindex)
    mark = "." if points else ","
    if points + commas > 1:
        return _OTHER[mark]  # several times: it divides thousands
    whole, _, fraction = number.partition(mark)
    digits = re.sub(r"\D", "", whole)
    if len(fraction) != _GROUP or len(digits) > _GROUP or digits in ("", "0"):
        return mark
    return None


@dataclass
class AmountColumn:
    """The decimal mark of a column. given: what the user has said."""

    header: str
    given: str | None
    points: int = 0
    commas: int = 0
    undecided: str = ""

    def note(self, text: str) -> None:
        """Count one value."""
        mark = mark_of(text)
        if mark is None:
            self.undecided = self.undecided or text.strip()
        self.points += mark == "."
        self.commas += mark == ","

    def mark(self) -> str | None:
        """The decimal mark; None if there is none. Raises `Unclear`."""
        if self.given is not None:
            return self.given
        if self.points and self.commas and not self.undecided:
            return None  # each value tells for itself, or is refused
        if bool(self.points) != bool(self.commas):
            return "." if self.points else ","
        if self.undecided:
            whole = re.sub("[.,]", "", _number(self.undecided))
            used = "," if "," in self.undecided else "."
            choices = [
                (_OTHER[used], f"{whole} ({used} divides thousands)"),
                (used, f"{_number(self.undecided).replace(',', '.')} ({used} is the decimal mark)"),
            ]
            raise Unclear(
                "decimal",
                f"{self.undecided} in {self.header} can be read in two ways, and "
                + ("others have both marks." if self.points else "no other amount tells which."),
                choices,
                "--decimal . or --decimal ,",
            )
        return None

    def decision(self, mark: str | None) -> Decision | None:
        """What was decided, as a sentence."""
        if mark is None:
            return None
        word = "point" if mark == "." else "comma"
        why = (
            "as you have said" if self.given else f"as {max(self.points, self.commas)} of them show"
        )
        return Decision("numbers", mark, f"Amounts in {self.header} have a decimal {word}, {why}.")


def read_amount(text: str, mark: str | None, currency: str, per: str, region: Region) -> object:
    """An amount as {"amount", "currency", "per"}. Raises `records.model.values.Invalid`.

    currency, per: from other columns; "" if the cell, or the region, tells.
    """
    number = _number(text)
    if mark is not None and number:
        plain = _plain(number, mark)
        if len(plain.partition(".")[2]) == _GROUP:
            plain += "0"  # so that it is not read as thousands
        text = text.replace(number, plain)
    found = read_money(f"{text} {currency}" if currency else text, region)
    if per and found["per"] not in ("year", per):  # for a year is also what is not said
        raise Invalid(f"is per {found['per']} in its own cell, and per {per} by its column.")
    return msgspec.to_builtins(check_money({**found, "per": per} if per else found))


def read_plain(text: str, mark: str | None) -> int | float:
    """A number that is no amount. Raises `records.model.values.Invalid`."""
    number = _number(text)
    own = mark_of(text) if mark is None else mark
    return check_number(text.replace(number, _plain(number, own)) if number and own else text)


def _plain(number: str, mark: str) -> str:
    """The number with a decimal point and nothing between its thousands. Raises `Invalid`."""
    whole, point, fraction = number.rpartition(mark)
    if not point:
        whole, fraction = number, ""
    if (point and not fraction.isdecimal()) or not _is_grouped(whole, _OTHER[mark]):
        raise Invalid(f"has a decimal {mark!r} elsewhere; {number} is not read by it.")
    return re.sub(r"\D", "", whole) + (f".{fraction}" if point else "")


def _is_grouped(whole: str, mark: str) -> bool:
    """Whether a whole number has no marks, or others than the decimal one between its thousands."""
    groups = re.split(r"[.,' \u00a0\u202f\u2009’]", whole)
    marks = set(re.sub(r"\d", "", whole))
    if not marks:
        return True
    allowed = {mark, "'", " ", "\u00a0", "\u202f", "\u2009", "’"}
    return marks <= allowed and all(len(group) == _GROUP for group in groups[1:])
