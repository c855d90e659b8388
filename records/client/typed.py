"""How dates, amounts and numbers that people type are read into the protocol's forms.

What can be read in two ways is refused, and the message names both, unless the region decides.
Pure: the region and today's date come in as arguments. The daemon checks everything again.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import date, timedelta

import phonenumbers

from records.client.region import DateOrder, Region, month_key
from records.model.values import (
    EARLIEST_DATE,
    LATEST_DATE,
    MINOR_DIGITS,
    Invalid,
    check_choice,
    check_date,
    check_number,
    check_phone,
    check_ssn,
    choice_key,
)

_MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)
_DATE_EXAMPLE = "Type it like 4 March 1990 or 1990-03-04."
_DASHES = re.compile("[‐‑‒–—―−]")
_YEAR_FIRST = re.compile(
    r"([0-9]{4})(?:[-/.]|[年년] ?)([0-9]{1,2})(?:[-/.]|[月월] ?)([0-9]{1,2})(?:\.|[日일])?",
    re.ASCII,
)
_YEAR_LAST = re.compile(r"([0-9]{1,2})([-/. ])([0-9]{1,2})\2([0-9]{4})", re.ASCII)
_SHORT_YEAR = re.compile(r"[0-9]{1,2}([-/.])[0-9]{1,2}\1[0-9]{2}", re.ASCII)
_RELATIVE = re.compile(
    r"([+-]) ?([0-9]{1,4}) ?(?:(d)(?:ays?)?|(w)(?:eeks?)?|(m)(?:onths?)?|(y)(?:ears?)?)"
)
_DAY = re.compile(r"([0-9]{1,2})(?:st|nd|rd|th|er|o|a|\.)?", re.ASCII)
_YEAR = re.compile(r"[0-9]{4}", re.ASCII)
_STOP_WORDS = frozenset({"of", "the", "de", "del", "den", "di", "le", "г.", "года"})
_NAMED_DAYS = {"today": 0, "yesterday": -1, "tomorrow": 1}


def _normal(text: str) -> str:
    """One line in plain digits and dashes, single spaces. Raises `Invalid` for others, as ²."""
    if any(unicodedata.category(character) in ("No", "Nl") for character in text):
        raise Invalid("must be written with plain digits.")
    plain = _DASHES.sub("-", unicodedata.normalize("NFKC", text))
    return " ".join("".join(str(unicodedata.digit(c)) if c.isdigit() else c for c in plain).split())


def read_date(text: str, region: Region, today: date) -> str:
    """A date in whatever way people write it, in ISO 8601's form.

    The order of day and month is that of the region; with points in between the day comes first.
    Raises `records.model.values.Invalid`, also for a year of two digits.
    """
    typed = _normal(text)
    day = _relative(typed.lower(), today)
    if day is None:
        day = _in_numbers(typed, region) or _in_words(typed, region)
    if not EARLIEST_DATE <= day <= LATEST_DATE:
        raise Invalid(f"must lie between {EARLIEST_DATE} and {LATEST_DATE}.")
    return check_date(day.isoformat())


def _relative(typed: str, today: date) -> date | None:
    """today, tomorrow, +2w: a day counted from today."""
    if typed in _NAMED_DAYS:
        return today + timedelta(_NAMED_DAYS[typed])
    found = _RELATIVE.fullmatch(typed)
    if found is None:
        return None
    number = int(found[2]) * (-1 if found[1] == "-" else 1)
    unit = next(each for each in found.groups()[2:] if each)
    if unit in "dw":
        return today + timedelta(number * (7 if unit == "w" else 1))
    months = today.year * 12 + today.month - 1 + number * (12 if unit == "y" else 1)
    year, month = months // 12, months % 12 + 1
    if not EARLIEST_DATE.year <= year <= LATEST_DATE.year:
        raise Invalid(f"must lie between {EARLIEST_DATE} and {LATEST_DATE}.")
    for day in range(today.day, 27, -1):  # the last day of a shorter month
        try:
            return date(year, month, day)
        except ValueError:
            continue
    return date(year, month, min(today.day, 28))


def _day(year: int, month: int, day: int) -> date:
    try:
        return date(year, month, day)
    except ValueError:
        raise Invalid("must be a day that exists.") from None


def _in_numbers(typed: str, region: Region) -> date | None:
    close = re.sub(r" ?([-/.]) ?", r"\1", typed)
    found = _YEAR_FIRST.fullmatch(close)
    if found is not None:
        return _day(int(found[1]), int(found[2]), int(found[3]))
    found = _YEAR_LAST.fullmatch(close)
    if found is not None:
        return _year_last(int(found[1]), int(found[3]), int(found[4]), found[2], region)
    if _SHORT_YEAR.fullmatch(close):
        raise Invalid(f"must have all four digits of the year. {_DATE_EXAMPLE}")
    return None


def _year_last(first: int, second: int, year: int, mark: str, region: Region) -> date:
    most = len(_MONTHS)
    if first > most or second > most or first == second:  # only one order is possible
        return _day(year, second, first) if second <= most else _day(year, first, second)
    if mark == "." or region.order is DateOrder.DAY_FIRST:
        return _day(year, second, first)
    if region.order is DateOrder.MONTH_FIRST:
        return _day(year, first, second)
    one, other = _day(year, second, first), _day(year, first, second)
    raise Invalid(
        f"could be {date_in_words(one.isoformat())} or {date_in_words(other.isoformat())}. "
        "Type the month's name, or the year first."
    )


def _in_words(typed: str, region: Region) -> date:
    """4 March 1990, March 4th, 1990, 4. März 1990, 4 de marzo de 1990."""
    words = re.sub("[,/-]", " ", typed).split()
    left = [word for word in words if word.lower() not in _STOP_WORDS]
    months = [region.months.get(month_key(word)) for word in left]
    if len(left) == 3 and sum(month is not None for month in months) == 1:  # noqa: PLR2004
        month = next(month for month in months if month is not None)
        numbers = [word for word, named in zip(left, months, strict=True) if named is None]
        for day, year in (numbers, numbers[::-1]):
            found = _DAY.fullmatch(day.lower())
            if found is not None and _YEAR.fullmatch(year):
                return _day(int(year), month, int(found[1]))
        if all(_DAY.fullmatch(number.lower()) for number in numbers):
            raise Invalid(f"must have all four digits of the year. {_DATE_EXAMPLE}")
    raise Invalid(f"must be a date. {_DATE_EXAMPLE}")


def date_in_words(iso: str) -> str:
    """A date of ISO 8601's form as 4 March 1990. Anything else comes back as it is."""
    try:
        day = date.fromisoformat(iso)
    except ValueError:
        return iso
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"


_WRONG_AMOUNT = "must be an amount, like 64,000 or 64000.00 USD."
_PERIOD = re.compile(
    r"(?:(?:/|\bper\b|\ban?\b) ?(?P<unit>[a-z]+)\.?|\bp\.? ?(?P<short>[amh])\.?"
    r"|\b(?P<word>hourly|monthly|yearly|annually))$"
)
_UNITS = {
    **dict.fromkeys(("hour", "hr", "h", "hourly"), "hour"),
    **dict.fromkeys(("month", "mo", "mth", "m", "monthly"), "month"),
    **dict.fromkeys(("year", "yr", "y", "a", "annum", "yearly", "annually"), "year"),
}
_SCALES = {"": 0, "k": 3, "m": 6}
# A point may be part of a sign before it, as in kr.500.
_NUMBER = re.compile(r"(?:(?<![^\W\d_])[.,])?[0-9][0-9.,' ]*")
_SCALE = re.compile(r" ?([km])(?![^\W\d_])", re.IGNORECASE)
_GROUP_MARKS = str.maketrans({"’": "'", "\u00a0": " ", "\u202f": " ", "\u2009": " ", "٬": "'"})


def read_money(text: str, region: Region) -> dict[str, str]:
    """An amount in whatever way people write it, as {"amount", "currency", "per"}.

    Without a currency it is in the region's, without a period for a year. Raises
    `records.model.values.Invalid`, also for a number with two readings.
    """
    typed = _normal(text.translate(_GROUP_MARKS))
    per = "year"
    found = _PERIOD.search(typed.lower())
    if found is not None:
        unit = found["unit"] or found["short"] or found["word"]
        if unit not in _UNITS:
            raise Invalid("must be paid per year, month or hour.")
        per, typed = _UNITS[unit], typed[: found.start()].strip()
    typed = re.sub("([0-9])[.,]-+", r"\1", typed)  # 5'000.- for no cents
    number = _NUMBER.search(typed)
    if number is None:
        raise Invalid(_WRONG_AMOUNT)
    scale, end = _scale(typed, number, region)
    before, after = typed[: number.start()].strip(), typed[end:].strip()
    if before and after:
        raise Invalid("must be one amount in one currency, like 64000.00 USD.")
    currency = _currency(before or after, region)
    # Pay for an hour may well have three digits after its point.
    is_fine = bool(scale) or (per == "hour" and MINOR_DIGITS[currency] > 0)
    readings = _readings(number[0].strip(), region, currency, is_fine=is_fine)
    amounts = [_scaled(each, scale) for each in readings]
    if len(amounts) > 1:
        exact = [f"{each}0" if "." in each else each for each in amounts]
        raise Invalid(f"could be {amounts[0]} or {amounts[1]}. Type {exact[0]} or {exact[1]}.")
    return {"amount": amounts[0], "currency": currency, "per": per}


def _scale(typed: str, number: re.Match[str], region: Region) -> tuple[str, int]:
    """k or m after a number, for thousands or millions, or ""; and where the number ends.

    In some countries they are signs of the currency. m is a million only in a short number, as in
    1.2m; elsewhere it might be a month.
    """
    found = _SCALE.match(typed, len(typed[: number.end()].rstrip()))
    if found is None or region.signs.get(found[1]) == region.currency:
        return "", number.end()
    scale = found[1].lower()
    digits = re.split("[.,]", number[0].strip())[0]
    is_long = len(re.sub("[.,' ]", "", digits)) > 3  # noqa: PLR2004
    if scale == "m" and (is_long or " " in found[0] or " " in number[0]):
        raise Invalid("could be in millions, or for a month. Type all digits, or per month.")
    if is_long:
        raise Invalid("must have all its digits, without k.")
    return scale, found.end()


def _currency(named: str, region: Region) -> str:
    if not named:
        return region.currency
    if named.upper() in MINOR_DIGITS:
        return named.upper()
    currency = region.signs.get(named) or region.signs.get(named.rstrip("."))
    if currency is None:
        raise Invalid("must name its currency by its ISO 4217 code, like USD.")
    return currency


def _readings(typed: str, region: Region, currency: str, *, is_fine: bool) -> list[str]:
    """The digits of a number, with a point as its decimal mark; of two readings both.

    is_fine: whether it may have more digits after the point than the currency.
    """
    marks = sorted({mark for mark in ".,' " if mark in typed}, key=typed.rindex)
    if not marks:
        return [typed]
    last, is_last_once = marks[-1], typed.count(marks[-1]) == 1
    whole, _, fraction = typed.rpartition(last)
    if len(marks) == 1 and (last in "' " or not is_last_once):
        return [_ungrouped(typed, last)]  # nothing but groups
    if len(marks) == 2 and last in ".," and is_last_once:  # noqa: PLR2004
        return [f"{_ungrouped(whole, marks[0])}.{fraction}"]
    if len(marks) > 1:
        raise Invalid(_WRONG_AMOUNT)
    # One point or comma. With three digits after it, it may divide thousands.
    if re.fullmatch("[1-9][0-9]{0,2}", whole) and re.fullmatch("[0-9]{3}", fraction):
        if MINOR_DIGITS[currency] < len(fraction) and not is_fine:
            return [whole + fraction]  # no amount in this currency has as many digits
        return [whole + fraction, f"{whole}.{fraction}"]
    if last == "," and region.decimal != ",":
        raise Invalid(_WRONG_AMOUNT)  # a digit of a group is missing, or there is one too many
    return [f"{whole or '0'}.{fraction}"]


def _ungrouped(typed: str, mark: str) -> str:
    """A whole number without the marks between its groups of three digits.

    In India the groups before the last have two.
    """
    first, *others = typed.split(mark)
    sizes = [len(group) for group in others]
    by_three = all(size == 3 for size in sizes)  # noqa: PLR2004
    by_two = mark == "," and sizes[-1:] == [3] and all(size == 2 for size in sizes[:-1])  # noqa: PLR2004
    longest = 3 if by_three else 2
    if first.startswith("0") or not (by_three or by_two) or not 1 <= len(first) <= longest:
        raise Invalid(_WRONG_AMOUNT)
    return "".join([first, *others])


def _scaled(digits: str, scale: str) -> str:
    """The number times a thousand or a million, exactly."""
    whole, _, fraction = digits.partition(".")
    places = _SCALES[scale]
    if not places:
        return digits.rstrip(".")
    padded = fraction.ljust(places, "0")
    whole, fraction = whole + padded[:places], padded[places:].rstrip("0")
    return f"{whole}.{fraction}" if fraction else whole


def read_ssn(text: str) -> str:
    """A social security number, with spaces, dashes or points between its parts or none."""
    return check_ssn(re.sub("[ .-]", "", _normal(text)))


_PHONE = re.compile(
    r"[+(0-9][0-9 ()./+-]{0,30}(?:(?:;ext=|,| ?(?:x|ext|extn?|extension|#)[.:]? ?)[0-9]{1,20}#?)?",
    re.IGNORECASE,
)


_EXTENSION = re.compile(
    r" ?\b(?:durchwahl|dw|poste|ramal|anexo|interno)\b[.:]? ?([0-9]+)$", re.IGNORECASE
)


def _is_two_numbers(typed: str) -> bool:
    """Whether digits stand in brackets, or after a stroke, for another ending of the number."""
    before = typed.partition("(")[0] if "(" in typed else ""
    after = typed.rpartition("/")[2] if "/" in typed else "0000"
    return sum(map(str.isdigit, before)) > 5 or sum(map(str.isdigit, after)) < 4  # noqa: PLR2004


def read_phone(text: str, region: Region) -> str:
    """A phone number as it is dialled in the region, in E.164 form, with ;ext= for an extension.

    Raises `records.model.values.Invalid`.
    """
    typed = _EXTENSION.sub(r" ext. \1", _normal(text).removeprefix("tel:"))
    # The library passes over other text before and after a number.
    if _PHONE.fullmatch(typed) and not _is_two_numbers(typed):
        try:
            number = phonenumbers.parse(typed, region.code)
            if typed.startswith("00") and not phonenumbers.is_valid_number(number):
                number = phonenumbers.parse(f"+{typed[2:]}", region.code)
        except phonenumbers.NumberParseException:
            number = None
        if number is not None and phonenumbers.is_valid_number(number):
            written = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
            return check_phone(f"{written};ext={number.extension}" if number.extension else written)
    raise Invalid(
        f"must be a phone number, like {example_phone(region)}, or with its country code, like "
        "+1 212 736 5000."
    )


def example_phone(region: Region) -> str:
    """A number as it is dialled in the region."""
    number = phonenumbers.example_number(region.code)
    form = phonenumbers.PhoneNumberFormat.NATIONAL
    return str(phonenumbers.format_number(number, form)) if number is not None else "212 736 5000"


def phone_in_words(value: str) -> str:
    """A phone number as people write it. Anything else comes back as it is."""
    try:
        number = phonenumbers.parse(value)
    except phonenumbers.NumberParseException:
        return value
    extension, number.extension = number.extension, None
    form = phonenumbers.PhoneNumberFormat.INTERNATIONAL
    written = str(phonenumbers.format_number(number, form))
    return f"{written} ext. {extension}" if extension else written


def read_choice(text: str, choices: tuple[str, ...]) -> str:
    """One of a few words, or the beginning of one, with spaces or dashes for `_`."""
    wanted = "_".join(re.split("[ _-]+", choice_key(_normal(text))))
    keys = {"_".join(re.split("[ _-]+", choice_key(each))): each for each in choices}
    if wanted in keys:
        return keys[wanted]
    begun = [each for key, each in keys.items() if key.startswith(wanted)]
    if wanted and len(begun) == 1:
        return begun[0]
    return check_choice(text, choices)


def read_number(text: str, region: Region) -> int | float:
    """A number, whose decimal mark is a point, or the region's.

    Marks between thousands are refused: 1.500 is one and a half.
    """
    typed = _normal(text)
    if region.decimal != "." and typed.count(region.decimal) == 1 and "." not in typed:
        typed = typed.replace(region.decimal, ".")
    return check_number(typed)
