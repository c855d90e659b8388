"""Params and result of each method, one Struct each.

Only shapes and their limits are here. The catalogue checks the fields inside `employee` and
`changes`, so that every wrong one is reported at once. Knows nothing of framing
(`records.api.jsonrpc`) or execution (`records.operations`).
"""

from __future__ import annotations

from math import isinf
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from records.model.accounts import MAX_USERNAME
from records.model.fields import LONG_KINDS, Catalogue, Field, Kind
from records.model.values import DEFAULT_REGION, MAX_ID

PROTOCOL = 1

MAX_LINE = 64 * 1024
"""Bytes of the longest request line, without its end."""
MAX_ANSWER = 1024 * 1024
"""Bytes of the longest response line."""
MAX_BATCH = 100
MAX_DEPTH = 32
"""Levels of nesting in a request."""
MAX_UNDER_WAY = 256
"""Requests of one connection that may be under way before further lines have to wait."""
MAX_BYTES_UNDER_WAY = 256 * 1024
"""Bytes of such requests."""
MAX_PAGE = 1000
DEFAULT_PAGE = 50
MAX_VALUES = 1000
"""Values of a field that one response names."""
MAX_FIELDS = 250
"""Fields that a request may name: more than a company can have."""
MAX_CURSOR = 16 * 1024
"""In characters: a cursor holds a sort key, which may be the longest name, decomposed."""

Id = Annotated[int, Meta(ge=1, le=MAX_ID)]
Revision = Annotated[int, Meta(ge=1, le=MAX_ID)]
Key = Annotated[str, Meta(min_length=1, max_length=100)]
# Longer than any password, so that the password rules and not the form refuse one.
Secret = Annotated[str, Meta(max_length=1024)]
Username = Annotated[str, Meta(max_length=4 * MAX_USERNAME)]
Names = Annotated[list[str], Meta(max_length=MAX_FIELDS)]
Fields = Annotated[dict[str, Any], Meta(max_length=MAX_FIELDS)]


def real(text: str) -> float:
    """A number with a point or an exponent: the `float_hook` of every decoder.

    msgspec takes up to 10 microseconds for a number as short as 1e308, a tenth of a second for a
    line full of them. Raises `msgspec.DecodeError` beyond the range of a float.
    """
    number = float(text)
    if isinf(number):
        raise msgspec.DecodeError("Number out of range")
    return number


class Params(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True
):
    """The base of all params. Members that the class does not name are refused.

    Defaults are omitted when params are encoded, so that a request with a key keeps its fingerprint
    when its method gets new members.
    """


class NoParams(Params, frozen=True):
    """For methods that take none."""


class LoginParams(Params, frozen=True):
    """login"""

    username: Username
    password: Secret

    def __repr__(self) -> str:
        return "LoginParams(...)"


class ResumeParams(Params, frozen=True):
    """resume"""

    token: Secret

    def __repr__(self) -> str:
        return "ResumeParams(...)"


class PasswordChangeParams(Params, frozen=True):
    """password.change"""

    current: Secret
    new: Secret

    def __repr__(self) -> str:
        return "PasswordChangeParams(...)"


class GetParams(Params, frozen=True):
    """employee.get. Names an employee by id or by employee_number.

    reveal: fields to show unmasked; each is audited.
    """

    id: Id | None = None
    employee_number: Annotated[str, Meta(min_length=1, max_length=100)] | None = None
    reveal: Names = []

    def __post_init__(self) -> None:
        if (self.id is None) == (self.employee_number is None):
            raise ValueError("Name either `id` or `employee_number`")


class ListParams(Params, frozen=True):
    """employee.list. See `records.api.query` for where, sort and cursor.

    fields: those to answer with, besides id and revision; all if there are none. reveal: masked
    fields to show; each page is audited. count: whether to count all that match.
    """

    search: Annotated[str, Meta(max_length=200)] | None = None
    where: Fields | None = None
    sort: Annotated[str, Meta(max_length=60)] | None = None
    limit: Annotated[int, Meta(ge=1, le=MAX_PAGE)] = DEFAULT_PAGE
    cursor: Annotated[str, Meta(max_length=MAX_CURSOR)] | None = None
    fields: Names = []
    reveal: Names = []
    count: bool = False

    def __repr__(self) -> str:
        return "ListParams(...)"


class ValuesParams(Params, frozen=True):
    """employee.values. field: one that is not masked."""

    field: Annotated[str, Meta(max_length=100)]
    limit: Annotated[int, Meta(ge=1, le=MAX_VALUES)] = MAX_VALUES


class AddParams(Params, frozen=True):
    """employee.add. employee: fields by name, and `id` if the caller chooses it.

    check_only: validate, and change nothing.
    """

    employee: Fields
    key: Key | None = None
    check_only: bool = False

    def __repr__(self) -> str:
        return "AddParams(...)"


class UpdateParams(Params, frozen=True):
    """employee.update. changes: fields by name, null to clear one. check_only: see `AddParams`."""

    id: Id
    revision: Revision
    changes: Fields
    key: Key | None = None
    check_only: bool = False

    def __repr__(self) -> str:
        return f"UpdateParams(id={self.id}, ...)"


class DeleteParams(Params, frozen=True):
    """employee.delete"""

    id: Id
    revision: Revision
    key: Key | None = None


class Nothing(msgspec.Struct, frozen=True):
    """The empty result, {}."""


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """The limits of the daemon in server.info: bytes, counts, and seconds."""

    line_bytes: int = MAX_LINE
    answer_bytes: int = MAX_ANSWER
    batch: int = MAX_BATCH
    depth: int = MAX_DEPTH
    under_way: int = MAX_UNDER_WAY
    page: int = MAX_PAGE
    session_idle_seconds: int
    session_lifetime_seconds: int


class ServerInfo(msgspec.Struct, frozen=True):
    """server.info. region: the country whose forms of dates and numbers people use (ISO 3166)."""

    name: str
    version: str
    protocol: int
    limits: Limits
    region: str = DEFAULT_REGION


class Permission(msgspec.Struct, frozen=True, rename={"field_class": "class"}, omit_defaults=True):
    """A permission of the user. Administrative actions have no class."""

    action: str
    scope: str
    field_class: str | None = None


class WireUser(msgspec.Struct, frozen=True):
    """The user who is logged in."""

    username: str
    roles: list[str]
    employee_id: int | None


class Resumed(msgspec.Struct, frozen=True, kw_only=True):
    """resume. expires_at: when the session ends at the latest, ISO 8601 in UTC."""

    expires_at: str
    user: WireUser
    permissions: list[Permission]
    must_change_password: bool


class LoggedIn(Resumed, frozen=True, kw_only=True):
    """login"""

    token: str

    def __repr__(self) -> str:
        return "LoggedIn(...)"


class EmployeeShown(msgspec.Struct, frozen=True):
    """employee.get. masked: the fields whose value is hidden in `employee`."""

    employee: dict[str, object]
    masked: tuple[str, ...]

    def __repr__(self) -> str:
        return "EmployeeShown(...)"


class FieldWarning(msgspec.Struct, frozen=True):
    """Something that looks wrong, but did not stop a change.

    code: for programs. field: the field to look at. message: a sentence for people.
    """

    code: str
    field: str
    message: str

    def __repr__(self) -> str:
        return f"FieldWarning({self.code!r}, ...)"


class EmployeeStored(msgspec.Struct, frozen=True):
    """employee.add and employee.update: the record as it now is, or would be, masked."""

    employee: dict[str, object]
    warnings: tuple[FieldWarning, ...] = ()

    def __repr__(self) -> str:
        return "EmployeeStored(...)"


class EmployeePage(msgspec.Struct, frozen=True):
    """employee.list. cursor: give it back for the next page; None after the last.

    seq: the number of the last change of any employee. If it is the same on all pages, they show
    one state. count: how many employees match; None unless asked for.
    """

    employees: list[dict[str, object]]
    cursor: str | None
    seq: int = 0
    count: int | None = None

    def __repr__(self) -> str:
        return "EmployeePage(...)"


class EmployeeListing(msgspec.Struct, frozen=True):
    """An `EmployeePage` as the daemon makes it: see `records.model.employee.listing`."""

    employees: list[msgspec.Struct]
    cursor: str | None
    seq: int
    count: int | None = None

    def __repr__(self) -> str:
        return "EmployeeListing(...)"


class ValuesInUse(msgspec.Struct, frozen=True):
    """employee.values. The most frequent values first."""

    values: list[str | int | float | bool]

    def __repr__(self) -> str:
        return "ValuesInUse(...)"


class EmployeeDeleted(msgspec.Struct, frozen=True):
    """employee.delete. revision: the one that the deletion was."""

    id: int
    revision: int


class FieldInfo(
    msgspec.Struct,
    frozen=True,
    rename={"kind": "type", "field_class": "class", "number_format": "format"},
    kw_only=True,
):
    """A field as `server.fields` describes it. See `records.model.fields.Field`.

    kind, field_class: text, so that a client can read those of a newer daemon.
    max_length: None where the type has none. number_format: of an identifier. mask: how a masked
    value is shown, "all" or "last4"; empty where the field is not masked. retired: kept for its
    history only.
    """

    name: str
    label: str
    kind: str
    field_class: str
    rule: str
    masked: bool
    required: bool
    unique: bool
    max_length: int | None
    choices: tuple[str, ...]
    standard: str
    own: bool
    number_format: str = ""
    mask: str = ""
    retired: bool = False


class FieldsShown(msgspec.Struct, frozen=True):
    """server.fields. version: differs when the fields differ."""

    fields: tuple[FieldInfo, ...]
    version: str


def describe(catalogue: Catalogue, *, retired: bool = False) -> FieldsShown:
    """The catalogue as `server.fields` answers it. retired: with the retired fields."""
    fields = (*catalogue, *(catalogue.retired.values() if retired else ()))
    return FieldsShown(tuple(describe_field(field) for field in fields), catalogue.version)


def describe_field(field: Field) -> FieldInfo:
    """A field as `server.fields` describes it."""
    return FieldInfo(
        name=field.name,
        label=field.label,
        kind=field.kind.value,
        field_class=field.field_class.value,
        rule=field.rule,
        masked=field.masked,
        required=field.required,
        unique=field.unique,
        max_length=field.max_length if field.kind in LONG_KINDS else None,
        choices=field.choices,
        standard=field.standard,
        own=field.own,
        number_format=field.number_format,
        mask=_mask(field),
        retired=field.retired,
    )


def _mask(field: Field) -> str:
    if not field.masked:
        return ""
    return "last4" if field.mask_end or field.kind is Kind.SSN else "all"
