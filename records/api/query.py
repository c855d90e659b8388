"""The query of `employee.list`: search words, conditions, an order, and a cursor.

Turns params into an `EmployeeQuery`, in which everything is checked, and makes the cursor of the
next page. Knows nothing of SQL, nor of permissions.
"""

from __future__ import annotations

import base64
import hashlib
import unicodedata
from collections.abc import Mapping
from enum import Enum

import msgspec

from records.api.messages import ListParams
from records.model.employee import Employee, name_key
from records.model.errors import FieldError, ValidationFailed
from records.model.fields import Catalogue, Field, Kind
from records.model.search import query_words
from records.model.values import MAX_ID, Invalid

MAX_WORDS = 8
MAX_CHOICES = 100
MAX_PART = 200
"""Characters of a text for `co` and `sw`: as many as the longest field has."""
BY_NAME = "name"
"""The order of names: family name, then given name, without case or accents."""


class Operator(Enum):
    """Comparison operators. The words are those of SCIM (RFC 7644, section 3.4.2.2), and `in`."""

    EQUAL = "eq"
    NOT_EQUAL = "ne"
    CONTAINS = "co"
    STARTS_WITH = "sw"
    GREATER = "gt"
    GREATER_OR_EQUAL = "ge"
    LESS = "lt"
    LESS_OR_EQUAL = "le"
    PRESENT = "pr"
    IN = "in"


_PARTIAL = (Operator.CONTAINS, Operator.STARTS_WITH)
_OPERATORS = {operator.value: operator for operator in Operator}

Operand = str | int | float | bool | None | tuple[str | int | float, ...]
_NO_TEXT = (Kind.REFERENCE, Kind.NUMBER, Kind.BOOLEAN)
_LOWEST = -(10**16)
"""Below any number that a field can hold."""


class Condition(msgspec.Struct, frozen=True):
    """field OPERATOR operand. PRESENT takes a bool, IN a tuple, EQUAL and NOT_EQUAL also None.

    own: whether the field is one of the company's own.
    """

    field: str
    operator: Operator
    operand: Operand
    own: bool = False


class Sort(msgspec.Struct, frozen=True):
    """The order of a list; ties are ordered by Employee ID.

    field: BY_NAME or a field's name. numeric: whether its values are numbers rather than text.
    own: whether it is one of the company's own. blank: the number that stands for no value.
    """

    field: str = BY_NAME
    descending: bool = False
    numeric: bool = False
    own: bool = False
    blank: int = 0

    def key(self, employee: Employee) -> str | int | float:
        """The employee's sort key. Blanks come first, as '' or `blank`."""
        if self.field == BY_NAME:
            return name_key(employee.values)
        value = employee.values[self.field]
        if self.numeric:
            # True and False are 1 and 0 in the order, and in a cursor.
            return +value if isinstance(value, int | float) else self.blank
        return str(value or "")


class EmployeeQuery(msgspec.Struct, frozen=True):
    """A checked query. after: the sort key and ID of the last employee already seen."""

    words: tuple[str, ...]
    conditions: tuple[Condition, ...]
    sort: Sort
    limit: int
    after: tuple[str | int | float, int] | None
    fingerprint: str

    def cursor_after(self, employee: Employee) -> str:
        """The cursor of the page after this employee."""
        place = [self.fingerprint, self.sort.key(employee), employee.id]
        return base64.urlsafe_b64encode(msgspec.json.encode(place)).decode("ascii")


def _fingerprint(params: ListParams) -> str:
    asked = msgspec.json.encode([params.search, params.where, params.sort], order="deterministic")
    return hashlib.sha256(asked).hexdigest()[:16]


def _operand(field: Field, operator: Operator, raw: object) -> Operand:
    if operator is Operator.PRESENT:
        if not isinstance(raw, bool):
            raise Invalid("is compared by pr with true or false.")
        return raw
    if operator is Operator.IN:
        if not isinstance(raw, list) or not 1 <= len(raw) <= MAX_CHOICES:
            raise Invalid(f"is compared by in with a list of 1 to {MAX_CHOICES} values.")
        return tuple(_one(field, each) for each in raw)
    if raw is None and operator in (Operator.EQUAL, Operator.NOT_EQUAL):
        return None
    if operator in _PARTIAL:
        if field.kind in _NO_TEXT or not isinstance(raw, str) or not raw:
            raise Invalid(f"cannot be compared by {operator.value} with this; it takes text.")
        if len(raw) > MAX_PART:
            raise Invalid(f"is compared with a text of at most {MAX_PART} characters.")
        return unicodedata.normalize("NFC", raw)
    return _one(field, raw)


def _one(field: Field, raw: object) -> str | int | float:
    value = field.check(raw)
    if not isinstance(value, str | int | float):
        raise Invalid("cannot be used to choose employees.")
    return value


def _conditions(
    catalogue: Catalogue, where: Mapping[str, object], errors: list[FieldError]
) -> list[Condition]:
    found = []
    for name, wanted in where.items():
        field = catalogue.get(name)
        if field is None or field.masked:
            why = (
                "There is no such field."
                if field is None
                else (f"{field.label} cannot be used to choose employees, because it is masked.")
            )
            errors.append(FieldError(f"where.{name[:100]}", why))
            continue
        comparisons = wanted if isinstance(wanted, dict) else {Operator.EQUAL.value: wanted}
        if len(comparisons) > len(_OPERATORS):  # otherwise there could be thousands of errors
            why = f"{field.label} is compared by one of {', '.join(_OPERATORS)}."
            errors.append(FieldError(f"where.{name}", why))
            continue
        for word, raw in comparisons.items():
            try:
                if word not in _OPERATORS:
                    raise Invalid(f"is compared by one of {', '.join(_OPERATORS)}.")
                operator = _OPERATORS[word]
                operand = _operand(field, operator, raw)
                found.append(Condition(name, operator, operand, field.own))
            except Invalid as reason:
                errors.append(FieldError(f"where.{name}", f"{field.label} {reason}"))
    return found


def _sort(catalogue: Catalogue, raw: str | None, errors: list[FieldError]) -> Sort:
    if raw is None:
        return Sort()
    name = raw.removeprefix("-")
    field = catalogue.get(name)
    if name == BY_NAME:
        return Sort(name, raw.startswith("-"))
    if field is None or field.masked or field.kind is Kind.MONEY:
        why = "Employees are sorted by name, or by a field that is neither masked nor money."
        errors.append(FieldError("sort", why))
        return Sort()
    numeric, blank = field.kind in _NO_TEXT, 0 if field.kind is Kind.REFERENCE else _LOWEST
    return Sort(name, raw.startswith("-"), numeric, field.own, blank)


_STALE = FieldError("cursor", "This cursor belongs to another list; start again without it.")


def _after(
    cursor: str | None, sort: Sort, fingerprint: str, errors: list[FieldError]
) -> tuple[str | int | float, int] | None:
    if cursor is None:
        return None
    try:
        encoded = base64.b64decode(cursor.encode("ascii"), altchars=b"-_", validate=True)
        place = msgspec.json.decode(encoded, type=tuple[str, str | int | float, int])
    except (ValueError, UnicodeError):  # binascii's and msgspec's errors are ValueErrors
        place = ("", "", 0)
    mark, key, employee_id = place
    if mark != fingerprint or isinstance(key, int | float) != sort.numeric:
        errors.append(_STALE)
        return None
    if not 1 <= employee_id <= MAX_ID or _is_beyond(key, sort):
        errors.append(_STALE)
        return None
    return key, employee_id


def _is_beyond(key: str | int | float, sort: Sort) -> bool:
    """Whether no employee can have this sort key."""
    if isinstance(key, str):
        return False
    highest = MAX_ID if sort.blank == 0 else -_LOWEST
    return not sort.blank <= key <= highest or (sort.blank == 0 and isinstance(key, float))


def parse_query(catalogue: Catalogue, params: ListParams) -> EmployeeQuery:
    """Check the params. Raises `ValidationFailed` with everything that is wrong."""
    errors: list[FieldError] = []
    words = tuple(dict.fromkeys(query_words(params.search or "")))
    if params.search and params.search.strip() and not words:
        errors.append(FieldError("search", "There is no word in this to search for."))
    if len(words) > MAX_WORDS:
        errors.append(FieldError("search", f"A search has at most {MAX_WORDS} words."))
    conditions = _conditions(catalogue, params.where or {}, errors)
    sort = _sort(catalogue, params.sort, errors)
    fingerprint = _fingerprint(params)
    after = _after(params.cursor, sort, fingerprint, errors)
    if errors:
        raise ValidationFailed("The list parameters are invalid.", errors)
    return EmployeeQuery(words, tuple(conditions), sort, params.limit, after, fingerprint)
