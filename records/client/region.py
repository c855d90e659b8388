"""How people of a country write dates and amounts: the order, the marks, the month names.

The facts are those of Unicode's CLDR, from the library Babel, which is imported when it is first
needed: it takes a while to load. Knows nothing of what is typed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from enum import Enum
from functools import lru_cache
from typing import Any

import msgspec

from records.model.values import MINOR_DIGITS, REGIONS, Invalid, fold

FALLBACK = "GB"
"""Three small British and Dutch territories that CLDR knows no locale for write as in Britain."""


class DateOrder(Enum):
    """The order of a date in numbers whose year comes last."""

    MONTH_FIRST = "month first"
    DAY_FIRST = "day first"
    UNCLEAR = "unclear"  # the country writes the year first, and so gives no order for the others


class Region(msgspec.Struct, frozen=True):
    """A country. code: ISO 3166. order: of dates. decimal: its decimal mark. currency: ISO 4217.

    months: number by folded name, in the country's languages and in English. signs: currency by
    sign, where the country uses the sign for one currency.
    """

    code: str
    order: DateOrder
    decimal: str
    currency: str
    months: Mapping[str, int]
    signs: Mapping[str, str]


@lru_cache(maxsize=16)
def region_of(code: str) -> Region:
    """The region of an ISO 3166 code of two letters. Raises `records.model.values.Invalid`."""
    # Babel takes a tenth of a second to import, and most programs never need it.
    from babel.numbers import get_territory_currencies  # noqa: PLC0415

    code = code.upper()
    if code not in REGIONS:
        raise Invalid("must be a country's ISO 3166 code of two letters, such as US or DE.")
    locale = _locale(code)
    pattern = re.sub("[^yMd]", "", locale.date_formats["short"].pattern)
    orders = {"M": DateOrder.MONTH_FIRST, "d": DateOrder.DAY_FIRST}
    # CLDR may name a neighbour's first. ISO 4217 gives a country's own the country's letters.
    currencies = get_territory_currencies(code)
    currency = next((each for each in currencies if each.startswith(code)), currencies[0])
    return Region(
        code,
        orders.get(pattern[0], DateOrder.UNCLEAR),
        locale.number_symbols["latn"]["decimal"],
        currency if currency in MINOR_DIGITS else "USD",
        dict(_months(code)),
        dict(_signs(locale, currency)),
    )


def _locale(code: str) -> Any:
    from babel import Locale, UnknownLocaleError  # noqa: PLC0415

    try:
        return Locale.parse(f"und_{code}")
    except UnknownLocaleError:
        return Locale.parse(f"und_{FALLBACK}")


def _months(code: str) -> Iterator[tuple[str, int]]:
    from babel import Locale, UnknownLocaleError  # noqa: PLC0415
    from babel.languages import get_official_languages  # noqa: PLC0415

    for language in (*reversed(get_official_languages(code, de_facto=True)), "en"):
        try:
            months = Locale.parse(language).months
        except UnknownLocaleError:
            continue
        for context in ("format", "stand-alone"):
            for width in ("wide", "abbreviated"):
                for number, name in months[context][width].items():
                    yield month_key(name), number
                    yield month_key(name.replace("ä", "ae")), number
    yield "sept", 9


def month_key(name: str) -> str:
    """A month's name as it is compared: without case, accents, and points."""
    return fold(name).replace(".", "").strip()


def _signs(locale: Any, own: str) -> Iterator[tuple[str, str]]:
    """The signs of currencies. A sign of several is that of the country's own, or of the first."""
    from babel import Locale  # noqa: PLC0415

    symbols = dict(Locale.parse("en").currency_symbols)
    for code, sign in symbols.items():
        if code in MINOR_DIGITS:
            yield sign, code
    yield from (("$", "USD"), ("US$", "USD"), ("円", "JPY"), ("元", "CNY"))
    yield from {"INR": (("Rs", "INR"),), "CHF": (("Fr", "CHF"),)}.get(own, ())
    if own in MINOR_DIGITS:
        for sign in (locale.currency_symbols.get(own, own), symbols.get(own, own)):
            # CA$ is told from other dollars abroad, and is $ at home.
            yield sign.rstrip("."), own
            if sign[-1] in "$¥":
                yield sign[-1], own
