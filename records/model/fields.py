"""The catalogue of fields: everything that is known about an employee's fields, in one place.

Validation, masking, prompts and SQL statements are derived from a `Catalogue`. It is a value that
is passed to the code that needs it; a transaction has it as `tx.catalogue`. `STANDARD` has the
fields of every installation. Knows nothing of permissions: `records.model.access` goes by a
field's class.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from enum import Enum

import msgspec

from records.model import identifiers, values
from records.model.values import Money

Value = str | int | float | Money | None
"""What a field can hold; None where it is blank. A number is an int if it is whole."""


class FieldClass(Enum):
    """How confidential a field is. Permissions are given by class."""

    __hash__ = object.__hash__  # members are singletons; Enum hashes their names, in Python

    DIRECTORY = "directory"
    PERSONAL = "personal"
    PAY = "pay"
    IDENTITY = "identity"


MASKED_CLASSES = frozenset({FieldClass.PAY, FieldClass.IDENTITY})
"""Classes whose fields are masked unless they are revealed by name."""


class Kind(Enum):
    """The type of a field's value."""

    NAME = "name"
    TEXT = "text"
    CODE = "code"
    CHOICE = "choice"
    DATE = "date"
    EMAIL = "email"
    PHONE = "phone"
    REFERENCE = "reference"
    MONEY = "money"
    SSN = "ssn"
    NUMBER = "number"
    BOOLEAN = "boolean"
    IDENTIFIER = "identifier"


LONG_KINDS = frozenset({Kind.NAME, Kind.TEXT, Kind.CODE})
"""The types that have a `max_length`."""

_SSN = Kind.SSN  # looked up once: in Python 3.11 an Enum's member takes as long as a mask


def check_value(  # noqa: PLR0911, PLR0912  one return a kind
    kind: Kind, raw: object, max_length: int, choices: tuple[str, ...], number_format: str = ""
) -> Value:
    """The canonical form of a value that was typed or sent. Raises `records.model.values.Invalid`.

    max_length: in characters, for names, text and codes. choices: what a CHOICE may hold.
    number_format: what an IDENTIFIER is; see `records.model.identifiers`.
    """
    match kind:
        case Kind.NAME:
            return values.check_name(raw, max_length)
        case Kind.TEXT:
            return values.check_text(raw, max_length)
        case Kind.CODE:
            return values.check_code(raw, max_length)
        case Kind.CHOICE:
            return values.check_choice(raw, choices)
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
        case Kind.NUMBER:
            return values.check_number(raw)
        case Kind.BOOLEAN:
            return values.check_boolean(raw)
        case Kind.IDENTIFIER:
            return identifiers.check(raw, number_format)


@dataclass(frozen=True, slots=True)
class Field:
    """One field of an employee.

    rule: what a value looks like, as prompts show it.
    standard: the attribute's name in SCIM's core and enterprise schemas (RFC 7643), or in
        schema.org where SCIM has none.
    max_length: in characters, for names, text and codes. choices: the values of a CHOICE.
    default: what a new record holds, if the field can never be blank. Its schema file gives the
        column the same DEFAULT, for the records that are there already.
    unique: whether no two employees may have the same value. own: whether the company has added it.
    number_format: what an IDENTIFIER is, by its name in python-stdnum, such as `de.idnr`.
    wanted: whether a new record must have a value; those from before the field may stay blank.
    mask_end: characters at the end of a text that its mask shows, if it is long enough.
    retired: whether the field is kept for its history only.
    """

    name: str
    label: str
    kind: Kind
    field_class: FieldClass
    rule: str
    standard: str
    max_length: int = 100
    choices: tuple[str, ...] = ()
    default: str | None = None
    unique: bool = False
    own: bool = False
    number_format: str = ""
    wanted: bool = False
    mask_end: int = 0
    retired: bool = False

    @property
    def required(self) -> bool:
        """Whether a new record must have a value, and no value can be taken away."""
        return self.wanted or self.default is not None

    @property
    def masked(self) -> bool:
        """Whether the field is masked until it is revealed by name."""
        return self.field_class in MASKED_CLASSES

    def check(self, raw: object) -> Value:
        """The canonical form of a value that was sent. Raises `records.model.values.Invalid`."""
        return check_value(self.kind, raw, self.max_length, self.choices, self.number_format)

    def mask(self, value: Value) -> str | None:
        """What is shown in place of the value; a blank one is not hidden."""
        if value is None:
            return None
        if self.kind is _SSN:
            return f"***-**-{str(value)[-4:]}"
        text = str(value)
        end = self.mask_end
        return f"***{text[-end:]}" if end and len(text) >= 2 * end else "***"

    def key(self, value: Value) -> str:
        """The text that two values share if they count as the same where the field is unique."""
        return values.code_key(str(value)) if self.kind in _KEYED else str(value)


_KEYED = frozenset({Kind.CODE, Kind.TEXT, Kind.NAME, Kind.EMAIL, Kind.CHOICE})


class Catalogue:
    """The fields that an employee has, in their order. Immutable; equal only to itself.

    names: of all fields, the company's own last. own: the company's own, in the same order.
    required: the names of those that no record may lack. wanted: of those that no new one may lack.
    unique: of those whose values no two employees may share. references: of the company's own that
    hold an Employee ID. searched: of those whose words `search` looks through.
    blank: what a new record holds before its first values.
    retired: the fields that are kept for their history; they are none of the others.
    version: a text that differs when the fields differ.
    """

    def __init__(
        self,
        fields: Iterable[Field],
        searched: tuple[str, ...] = (),
        retired: Iterable[Field] = (),
    ) -> None:
        self._fields = {field.name: field for field in fields}
        self.retired: Mapping[str, Field] = {field.name: field for field in retired}
        self.names: tuple[str, ...] = tuple(self._fields)
        self.own = tuple([field for field in self if field.own])
        self.required = tuple([field.name for field in self if field.default is not None])
        self.wanted = tuple([field.name for field in self if field.wanted])
        self.unique = tuple([field.name for field in self if field.unique])
        self.references = tuple([field.name for field in self.own if field.kind is Kind.REFERENCE])
        self.searched = searched
        self.blank: Mapping[str, Value] = {field.name: field.default for field in self}
        described = msgspec.json.encode(
            [[asdict(field) for field in self], searched, sorted(self.retired)]
        )
        self.version = hashlib.sha256(described).hexdigest()[:16]

    def __iter__(self) -> Iterator[Field]:
        return iter(self._fields.values())

    def __contains__(self, name: object) -> bool:
        return name in self._fields

    def __getitem__(self, name: str) -> Field:
        return self._fields[name]

    def get(self, name: str) -> Field | None:
        """The field of that name, or None."""
        return self._fields.get(name)

    def ever(self, name: str) -> Field | None:
        """The field of that name, retired or not; None if there never was one."""
        return self._fields.get(name) or self.retired.get(name)

    def known(self, names: Iterable[str]) -> list[str]:
        """Those of the names that are fields, in their order."""
        return [name for name in names if name in self._fields]

    def present(self, values: Mapping[str, Value]) -> Mapping[str, Value]:
        """Those of the values, from a history, whose fields are not retired."""
        if not self.retired:
            return values
        return {name: value for name, value in values.items() if name in self._fields}


_D, _P = FieldClass.DIRECTORY, FieldClass.PERSONAL
_NAME, _TEXT = "letters of any language", "up to 100 characters"
_DATE, _EMAIL = "a date, YYYY-MM-DD", "an e-mail address"
_PHONE = "with country code, like +1 212 736 5000"
_CONTACT = "a name and how to reach them"
_SALARY = "amount, currency and period, like 64000.00 USD per year"
_NUMBER = "the company's own number, like JAW-0018"
_SSN_RULE = "nine digits, like 536-90-4399"
_HOME = "phoneNumbers[type eq home].value"

STATUSES = ("active", "on_leave", "left")
_STATUS = "active, on_leave or left"
EMPLOYMENT_TYPES = ("full_time", "part_time", "seasonal", "temporary", "contractor", "intern")
_EMPLOYMENT = "full_time, part_time, seasonal, temporary, contractor or intern"

STANDARD = Catalogue(
    (
        Field("given_name", "Given name", Kind.NAME, _D, _NAME, "name.givenName"),
        Field("family_name", "Family name", Kind.NAME, _D, _NAME, "name.familyName"),
        Field("middle_name", "Middle name", Kind.NAME, _D, _NAME, "name.middleName"),
        Field("suffix", "Suffix", Kind.NAME, _D, "like Jr. or III", "name.honorificSuffix", 20),
        Field(
            "preferred_name", "Preferred name", Kind.NAME, _D, "as the person is called", "nickName"
        ),
        Field(
            "employee_number",
            "Employee number",
            Kind.CODE,
            _D,
            _NUMBER,
            "employeeNumber",
            20,
            unique=True,
        ),
        Field("email", "E-mail", Kind.EMAIL, _D, _EMAIL, "emails[type eq work].value"),
        Field("phone", "Phone", Kind.PHONE, _D, _PHONE, "phoneNumbers[type eq work].value"),
        Field("title", "Job title", Kind.TEXT, _D, _TEXT, "title"),
        Field("department", "Department", Kind.TEXT, _D, _TEXT, "department"),
        Field("cost_center", "Cost center", Kind.TEXT, _D, _TEXT, "costCenter"),
        Field("location", "Location", Kind.TEXT, _D, _TEXT, "addresses[type eq work].locality"),
        Field("manager_id", "Manager's ID", Kind.REFERENCE, _D, "an Employee ID", "manager.value"),
        Field(
            "employment_type",
            "Employment type",
            Kind.CHOICE,
            _D,
            _EMPLOYMENT,
            "userType",
            choices=EMPLOYMENT_TYPES,
        ),
        Field("hire_date", "Hire date", Kind.DATE, _D, _DATE, "schema.org/startDate"),
        Field("termination_date", "Termination date", Kind.DATE, _D, _DATE, "schema.org/endDate"),
        Field(
            "status",
            "Status",
            Kind.CHOICE,
            _D,
            _STATUS,
            "active",
            choices=STATUSES,
            default="active",
        ),
        Field("birth_date", "Birth date", Kind.DATE, _P, _DATE, "schema.org/birthDate"),
        Field(
            "home_address",
            "Home address",
            Kind.TEXT,
            _P,
            "up to 200 characters",
            "addresses[type eq home].formatted",
            200,
        ),
        Field(
            "personal_email",
            "Personal e-mail",
            Kind.EMAIL,
            _P,
            _EMAIL,
            "emails[type eq home].value",
        ),
        Field("personal_phone", "Personal phone", Kind.PHONE, _P, _PHONE, _HOME),
        Field(
            "emergency_contact",
            "Emergency contact",
            Kind.TEXT,
            _P,
            _CONTACT,
            "schema.org/contactPoint",
            200,
        ),
        Field("salary", "Salary", Kind.MONEY, FieldClass.PAY, _SALARY, "schema.org/baseSalary"),
        Field(
            "ssn", "SSN", Kind.SSN, FieldClass.IDENTITY, _SSN_RULE, "schema.org/taxID", unique=True
        ),
    ),
    searched=(
        "given_name",
        "middle_name",
        "family_name",
        "preferred_name",
        "employee_number",
        "email",
        "title",
        "department",
        "location",
    ),
)
"""The fields of every installation."""
