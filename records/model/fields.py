"""The field catalogue: everything that is known of an employee's fields, said once.

Validation, masking, prompts, the protocol's schema and the database's columns are derived from
`CATALOGUE`. Knows nothing of who may see what: that is `model.access`, which goes by a field's
class.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from records.model import values
from records.model.values import Invalid, Money

Value = str | int | Money | None
"""What a field can hold; None where it is blank."""


class FieldClass(Enum):
    """How far a field's content may travel; permissions are given by class."""

    __hash__ = object.__hash__  # members are singletons; Enum hashes their names, in Python

    DIRECTORY = "directory"
    PERSONAL = "personal"
    PAY = "pay"
    IDENTITY = "identity"


MASKED_CLASSES = frozenset({FieldClass.PAY, FieldClass.IDENTITY})
"""Classes whose fields come masked unless they are revealed by name."""


class Kind(Enum):
    """What sort of value a field holds."""

    NAME = "name"
    TEXT = "text"
    CHOICE = "choice"
    DATE = "date"
    EMAIL = "email"
    PHONE = "phone"
    REFERENCE = "reference"
    MONEY = "money"
    SSN = "ssn"


_SSN = Kind.SSN  # looked up once: for an Enum's member Python 3.11 takes as long as for a mask


@dataclass(frozen=True, slots=True)
class Field:
    """One field of an employee.

    standard: the attribute's name in SCIM's core and enterprise schemas (RFC 7643), or in
        schema.org where SCIM has none.
    """

    name: str
    label: str
    kind: Kind
    field_class: FieldClass
    rule: str
    standard: str
    max_length: int = 100
    choices: tuple[str, ...] = ()

    @property
    def masked(self) -> bool:
        """Whether the field is shown masked until it is revealed by name."""
        return self.field_class in MASKED_CLASSES

    def check(self, raw: object) -> Value:  # noqa: PLR0911  one a kind
        """The canonical value of what was typed or sent. Raises `records.model.values.Invalid`."""
        match self.kind:
            case Kind.NAME:
                return values.check_name(raw, self.max_length)
            case Kind.TEXT:
                return values.check_text(raw, self.max_length)
            case Kind.CHOICE:
                return values.check_choice(raw, self.choices)
            case Kind.DATE:
                return values.check_date(raw)
            case Kind.EMAIL:
                return values.check_email(raw)
            case Kind.PHONE:
                return values.check_phone(raw)
            case Kind.REFERENCE:
                return values.check_reference(raw)
            case Kind.MONEY:
                return values.check_money(raw)
            case Kind.SSN:
                return values.check_ssn(raw)

    def mask(self, value: Value) -> str | None:
        """What is shown in place of the value; a blank one is not hidden."""
        if value is None:
            return None
        return f"***-**-{str(value)[-4:]}" if self.kind is _SSN else "***"


_D, _P = FieldClass.DIRECTORY, FieldClass.PERSONAL
_PHONE_RULE = "with country code, like +1 212 736 5000"
_DATE_RULE = "a date, YYYY-MM-DD"
_EMAIL_RULE = "an e-mail address"

STATUSES = ("active", "on_leave", "left")

CATALOGUE: tuple[Field, ...] = (
    Field("given_name", "Given name", Kind.NAME, _D, "letters of any language", "name.givenName"),
    Field(
        "family_name", "Family name", Kind.NAME, _D, "letters of any language", "name.familyName"
    ),
    Field("preferred_name", "Preferred name", Kind.NAME, _D, "as the person is called", "nickName"),
    Field("email", "E-mail", Kind.EMAIL, _D, _EMAIL_RULE, "emails[type eq work].value"),
    Field("phone", "Phone", Kind.PHONE, _D, _PHONE_RULE, "phoneNumbers[type eq work].value"),
    Field("title", "Job title", Kind.TEXT, _D, "up to 100 characters", "title"),
    Field("department", "Department", Kind.TEXT, _D, "up to 100 characters", "department"),
    Field(
        "location",
        "Location",
        Kind.TEXT,
        _D,
        "up to 100 characters",
        "addresses[type eq work].locality",
    ),
    Field("manager_id", "Manager's ID", Kind.REFERENCE, _D, "an Employee ID", "manager.value"),
    Field("hire_date", "Hire date", Kind.DATE, _D, _DATE_RULE, "schema.org/startDate"),
    Field("termination_date", "Termination date", Kind.DATE, _D, _DATE_RULE, "schema.org/endDate"),
    Field(
        "status", "Status", Kind.CHOICE, _D, "active, on_leave or left", "active", choices=STATUSES
    ),
    Field("birth_date", "Birth date", Kind.DATE, _P, _DATE_RULE, "schema.org/birthDate"),
    Field(
        "home_address",
        "Home address",
        Kind.TEXT,
        _P,
        "up to 200 characters",
        "addresses[type eq home].formatted",
        max_length=200,
    ),
    Field(
        "personal_email",
        "Personal e-mail",
        Kind.EMAIL,
        _P,
        _EMAIL_RULE,
        "emails[type eq home].value",
    ),
    Field(
        "personal_phone",
        "Personal phone",
        Kind.PHONE,
        _P,
        _PHONE_RULE,
        "phoneNumbers[type eq home].value",
    ),
    Field(
        "emergency_contact",
        "Emergency contact",
        Kind.TEXT,
        _P,
        "a name and how to reach them",
        "schema.org/contactPoint",
        max_length=200,
    ),
    Field(
        "salary",
        "Salary",
        Kind.MONEY,
        FieldClass.PAY,
        "a year's amount and currency, like 64000.00 USD",
        "schema.org/baseSalary",
    ),
    Field(
        "ssn",
        "SSN",
        Kind.SSN,
        FieldClass.IDENTITY,
        "nine digits, like 536-90-4399",
        "schema.org/taxID",
    ),
)

FIELDS: Mapping[str, Field] = {field.name: field for field in CATALOGUE}
NAMES: tuple[str, ...] = tuple(FIELDS)
SEARCHED = (
    "given_name",
    "family_name",
    "preferred_name",
    "email",
    "title",
    "department",
    "location",
)
"""The fields whose words `search` looks through; all of them are of class directory."""

__all__ = [
    "CATALOGUE",
    "FIELDS",
    "MASKED_CLASSES",
    "NAMES",
    "SEARCHED",
    "STATUSES",
    "Field",
    "FieldClass",
    "Invalid",
    "Kind",
    "Money",
    "Value",
]
