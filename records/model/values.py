"""How a single value is checked and brought into its one canonical form.

Owns the rules for names, texts, dates, money, e-mail addresses, phone numbers and social
security numbers. Knows nothing of which field a value belongs to, who asks, or today's date.
Each function takes what a person typed or a program sent, and returns the canonical value or
raises `Invalid` with a sentence that completes "<Label> ...".
"""

from __future__ import annotations

import re
import unicodedata
from datetime import date
from decimal import Decimal
from functools import lru_cache
from types import ModuleType

import iso4217
import msgspec
import phonenumbers
from stdnum.exceptions import ValidationError as NumberError
from stdnum.us import ssn as us_ssn

DEFAULT_REGION = "US"
"""The country of a phone number that is written without its country code."""

REGIONS: frozenset[str] = frozenset(phonenumbers.SUPPORTED_REGIONS)
"""Countries whose forms of phone numbers are known, by their ISO 3166 codes of two letters."""

EARLIEST_DATE = date(1900, 1, 1)
LATEST_DATE = date(2199, 12, 31)

MAX_ID = 2**31 - 1
"""Employee IDs fit a 32-bit signed integer, which every database and language can hold."""


class Invalid(ValueError):
    """The value cannot be right; the text completes a sentence that begins with the label."""


PERIODS = ("year", "month", "hour")
"""What an amount of pay can be for."""


class Money(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An exact amount: a decimal string with all of its currency's digits, and an ISO 4217 code.

    per: the period that it pays for, one of `PERIODS`.
    """

    amount: str
    currency: str
    per: str = "year"

    def __str__(self) -> str:
        whole, _, cents = self.amount.partition(".")
        return f"{int(whole):,}{'.' if cents else ''}{cents} {self.currency} per {self.per}"


# ISO 4217's table A.1 gives each currency its number of minor digits; funds and metals have none.
MINOR_DIGITS: dict[str, int] = {
    currency.code: currency.exponent
    for currency in iso4217.Currency
    if currency.exponent is not None
}
MAX_WHOLE_DIGITS = 12
MAX_EMAIL = 254  # RFC 5321, section 4.5.3.1, less the angle brackets
_MAX_TYPED = 400
_FEW = 20
_MAX_PHONE = 60  # with spaces and brackets; E.164 itself has 15 digits
_GROUPED = re.compile(r"[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]*)?", re.ASCII)
_AMOUNT = re.compile(r"([0-9]{1,18})(?:\.([0-9]{1,6}))?", re.ASCII)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)

# Joiners are part of how Persian and several Indian scripts are spelt; every other invisible
# format character (bidirectional overrides above all) only serves to make a text look like another.
_JOINERS = "\u200c\u200d"
# Letters by Unicode's category that show nothing: the fillers of Hangul, and Braille's blank.
_FILLERS = "\u115f\u1160\u2800\u3164\uffa0"
_NAME_PUNCTUATION = "'’‘ʼ`´.,·/()‐‑-–•‧・׳״"


def _text(raw: object) -> str:
    if not isinstance(raw, str):
        raise Invalid("must be text.")
    if len(raw) > _MAX_TYPED:  # before anything that takes longer for longer texts
        raise Invalid("is much too long.")
    # SP 800-63 and RFC 8264 aside, NFC is what the Web expects: https://www.w3.org/TR/charmod-norm/
    value = " ".join(unicodedata.normalize("NFC", raw).split())
    # What is printable in ASCII, as nearly all is, needs no look at each character.
    for character in "" if value.isascii() and value.isprintable() else value:
        category = unicodedata.category(character)
        if category in ("Cc", "Cs", "Co", "Cn", "Zl", "Zp"):
            raise Invalid("holds a character that cannot be written out.")
        if character == "\ufffd":  # what decoders put where they could not read
            raise Invalid("holds \ufffd in place of a character that was not in UTF-8.")
        if character in _FILLERS or (category == "Cf" and character not in _JOINERS):
            raise Invalid("holds an invisible character.")
    if not value.strip(_JOINERS + " "):
        raise Invalid("must not be blank.")
    return value


def check_text(raw: object, max_length: int) -> str:
    """A single line of any language's text, at most `max_length` characters."""
    value = _text(raw)
    if len(value) > max_length:
        raise Invalid(f"must be at most {max_length} characters long; this has {len(value)}.")
    return value


def check_name(raw: object, max_length: int) -> str:
    """A person's name: letters of any language, with apostrophes, hyphens, spaces and points.

    Deliberately wide (https://www.w3.org/International/questions/qa-personal-names): only what
    no name is written with is refused, and one letter is enough.
    """
    value = check_text(raw, max_length)
    if not any(character.isalpha() for character in value):
        raise Invalid("must have at least one letter.")
    for character in value:
        kind = unicodedata.category(character)
        if not (kind[0] in "LM" or kind in ("Nd", "Zs", "Cf") or character in _NAME_PUNCTUATION):
            raise Invalid(f"cannot hold the character {character!r}.")
    return value


def check_code(raw: object, max_length: int) -> str:
    """A number or short code by which something is known, such as JAW-0018 or 00017.

    It is text: zeros and capitals are kept. `code_key` tells whether two codes are the same.
    """
    value = check_text(raw, max_length)
    if not any(character.isalnum() for character in value):
        raise Invalid("must have at least one letter or digit.")
    if any(character in _JOINERS for character in value):
        raise Invalid("holds an invisible character.")
    return value


def code_key(code: str) -> str:
    """The text that two codes share if they differ only in case, blanks or forms of characters."""
    code = " ".join(code.split())
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", code).casefold())


def choice_key(choice: str) -> str:
    """The text that two choices share if they differ only in case, or in blanks for underscores."""
    return choice.strip().casefold().replace(" ", "_")


def check_choice(raw: object, choices: tuple[str, ...]) -> str:
    """One of a few words or short texts."""
    if raw in choices:
        return str(raw)
    if isinstance(raw, str) and len(raw) <= _MAX_TYPED:
        key = choice_key(raw)
        for choice in choices:
            if choice_key(choice) == key:
                return choice
    raise Invalid(f"must be one of {', '.join(choices[:_FEW])}{', ...' * (len(choices) > _FEW)}.")


def check_date(raw: object) -> str:
    """A day that exists, in ISO 8601's calendar form YYYY-MM-DD, from 1900 to 2199."""
    if not isinstance(raw, str) or not _DATE.fullmatch(raw.strip()):
        raise Invalid("must be a date like 2026-03-31.")
    try:
        day = date.fromisoformat(raw.strip())
    except ValueError:
        raise Invalid(f"must be a day that exists; {raw.strip()} does not.") from None
    if not EARLIEST_DATE <= day <= LATEST_DATE:
        raise Invalid(f"must lie between {EARLIEST_DATE} and {LATEST_DATE}.")
    return day.isoformat()


def check_reference(raw: object) -> int:
    """An Employee ID: a positive whole number."""
    if isinstance(raw, str) and re.fullmatch(r"[0-9]{1,10}", raw.strip(), re.ASCII):
        raw = int(raw.strip())
    if isinstance(raw, bool) or not isinstance(raw, int) or not 1 <= raw <= MAX_ID:
        raise Invalid(f"must be an Employee ID: a whole number from 1 to {MAX_ID}.")
    return raw


@lru_cache(maxsize=1)
def _email_rules() -> ModuleType:
    """email-validator, whose tables take a while to load: a client that shows a record needs none.

    Companies use special-use domains for their internal mail, such as corp.local. Two cannot be in
    an address (RFC 6761, sections 6.3 and 6.4). Changing this list is the library's documented way.
    """
    import email_validator  # noqa: PLC0415

    email_validator.SPECIAL_USE_DOMAIN_NAMES[:] = ["invalid", "localhost"]
    return email_validator


def check_email(raw: object) -> str:
    """An e-mail address by RFC 5321 and 6531, normalized; whether it can be reached isn't asked."""
    if not isinstance(raw, str):
        raise Invalid("must be text.")
    if len(raw) > _MAX_TYPED:
        raise Invalid(f"must be at most {MAX_EMAIL} characters long.")
    rules = _email_rules()
    try:
        found = rules.validate_email(raw.strip(), check_deliverability=False, strict=True)
    except rules.EmailNotValidError:
        raise Invalid("must be an e-mail address like ann@example.com.") from None
    return str(found.normalized)


def check_phone(raw: object) -> str:
    """A phone number that its country's plan allows, in E.164 form (ITU-T E.164): +15552368000.

    An extension follows as in RFC 3966, section 5.3: +15552368000;ext=123.
    """
    if not isinstance(raw, str):
        raise Invalid("must be text.")
    try:
        number = phonenumbers.parse(raw.strip(), DEFAULT_REGION) if len(raw) <= _MAX_PHONE else None
    except phonenumbers.NumberParseException:
        number = None
    if number is None or not phonenumbers.is_valid_number(number):
        raise Invalid("must be a phone number with its country code, like +1 212 736 5000.")
    e164: str = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return f"{e164};ext={number.extension}" if number.extension else e164


def check_ssn(raw: object) -> str:
    """A social security number that the SSA can have given out, as text: 536-90-4399.

    Source: https://www.ssa.gov/employer/randomization.html (no 000, 666 or 9xx area, no zero
    group or serial), and the numbers known from advertisements.
    """
    try:
        if not isinstance(raw, str) or len(raw) > _MAX_TYPED or not raw.isascii():
            raise Invalid("must be text of nine digits, like 536-90-4399.")
        return str(us_ssn.format(us_ssn.validate(raw.strip())))
    except NumberError:
        raise Invalid("must be a valid social security number, like 536-90-4399.") from None


def check_money(raw: object) -> Money:
    """An amount of at most 12 whole digits, exact to its currency's smallest unit.

    Takes {"amount": "1200.50", "currency": "USD", "per": "month"}, which is a year if `per` is left
    out, a `Money`, or the text "1200.50 USD per month".
    """
    per: object = "year"
    if isinstance(raw, str):
        text, _, period = raw.strip().partition(" per ")
        amount, _, currency = text.strip().partition(" ")
        if _GROUPED.fullmatch(amount):
            amount = amount.replace(",", "")
        raw = {"amount": amount, "currency": currency.strip().upper() or "USD"}
        per = period.strip().lower() or per
    if isinstance(raw, dict) and {"amount", "currency"} <= set(raw) <= {
        "amount",
        "currency",
        "per",
    }:
        amount, currency, per = raw["amount"], raw["currency"], raw.get("per", per)
    elif isinstance(raw, Money):
        amount, currency, per = raw.amount, raw.currency, raw.per
    else:
        raise Invalid('must have an amount and a currency, like {"amount": "1200.50", ...}.')
    if not isinstance(currency, str) or currency not in MINOR_DIGITS:
        raise Invalid("must name its currency by its ISO 4217 code, like USD.")
    if not isinstance(per, str) or per not in PERIODS:
        raise Invalid(f"must be paid per {', '.join(PERIODS[:-1])} or {PERIODS[-1]}.")
    found = _AMOUNT.fullmatch(amount) if isinstance(amount, str) else None
    if found is None:
        raise Invalid("must have an amount in digits, like 1200.50, written as text.")
    whole, fraction = found[1].lstrip("0") or "0", (found[2] or "").rstrip("0")
    digits = MINOR_DIGITS[currency]
    if len(whole) > MAX_WHOLE_DIGITS:
        raise Invalid(f"must be below a 1 with {MAX_WHOLE_DIGITS} zeros.")
    if len(fraction) > digits:
        raise Invalid(f"must have at most {digits} digits after the point in {currency}.")
    exact = f"{whole}.{fraction.ljust(digits, '0')}" if digits else whole
    return Money(exact, currency, per)


MAX_NUMBER_DIGITS = 15
"""So many significant digits come back unchanged from a number of IEEE 754's double precision."""
_MAX_NUMBER = 40
_NUMBER = re.compile(r"[-+]?[0-9]+(?:\.[0-9]+)?(?:e[-+]?[0-9]{1,3})?", re.ASCII)


def check_number(raw: object) -> int | float:
    """A number of at most 15 digits, as a JSON number or as text with a decimal point.

    It is an int if it is whole, and otherwise the float that is written with these digits.
    """
    if isinstance(raw, int | float) and not isinstance(raw, bool):
        raw = repr(raw)
    text = raw.strip() if isinstance(raw, str) else ""
    if len(text) > _MAX_NUMBER or not _NUMBER.fullmatch(text):
        raise Invalid("must be a number, like 12 or 12.5.")
    exact = Decimal(text).normalize()
    _, digits, exponent = exact.as_tuple()
    assert isinstance(exponent, int)
    if len(digits) + max(exponent, 0) > MAX_NUMBER_DIGITS or exponent < -MAX_NUMBER_DIGITS:
        raise Invalid(f"must have at most {MAX_NUMBER_DIGITS} digits.")
    return int(exact) if exponent >= 0 else float(exact)


_BOOLEANS = {"yes": True, "no": False, "true": True, "false": False, "1": True, "0": False}


def check_boolean(raw: object) -> bool:
    """Yes or no: a JSON boolean, or one of a few words."""
    if isinstance(raw, bool):
        return raw
    found = _BOOLEANS.get(raw.strip().lower()) if isinstance(raw, str) else None
    if found is None:
        raise Invalid("must be yes or no (true or false).")
    return found


SCALE = 10_000
"""Stored amounts count ten-thousandths: no ISO 4217 currency has more than four minor digits."""


def money_to_units(money: Money) -> int:
    """The amount as an exact count of ten-thousandths of its currency."""
    return int(Decimal(money.amount) * SCALE)


@lru_cache(maxsize=4096)
def money_from_units(units: int, currency: str, per: str = "year") -> Money:
    """The reverse of `money_to_units`."""
    whole, part = divmod(units, SCALE)
    # A currency that was withdrawn since has no entry any more, and is still to be shown.
    digits = MINOR_DIGITS.get(currency, 4 if part % 100 else 2)
    amount = f"{whole}.{part:04d}"[: len(str(whole)) + 1 + digits] if digits else str(whole)
    return Money(amount, currency, per)


# Letters that Unicode does not take apart, but people who lack the key type without the stroke.
_STROKED = str.maketrans(
    dict(zip("łøđðħŧı", "loddhti", strict=True)) | {"æ": "ae", "œ": "oe", "þ": "th"}
)


def fold(text: str) -> str:
    """A text as it is compared and sorted: without case and without accents."""
    if text.isascii():
        return text.lower()
    # Compatibility forms have capitals of their own, which only come to light by decomposition.
    spread = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    plain = "".join([character for character in spread if not unicodedata.combining(character)])
    return plain.translate(_STROKED)
