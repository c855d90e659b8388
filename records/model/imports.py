"""An import: rows of employees that are received, planned, applied, and perhaps undone.

Owns what an import and its rows are, and the keys by which rows are found. Knows nothing of
storage, of permissions, or of how a row is judged (`records.operations.import_plan`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from enum import Enum

import msgspec

from records.model.errors import FieldError
from records.model.fields import Catalogue, Value
from records.model.search import email_key
from records.model.values import Invalid, fold

MATCH_FIELDS = ("id", "employee_number", "ssn", "email")
"""What a row may be matched by with an employee, in this order unless the user says otherwise."""

MANY_ENDING = 10
"""More employees than this are not ended by one import without a confirmation."""
SHARE_ENDING = 0.05
"""Nor is a larger share of all employees."""
SHARE_PAID = 0.5
"""The pay of a larger share of all employees is not changed without a confirmation."""


class State(Enum):
    """The state of an import. Rows are received only in the first one."""

    RECEIVING = "receiving"
    PLANNING = "planning"
    PLANNED = "planned"
    APPLIED = "applied"
    UNDONE = "undone"


class Phase(Enum):
    """The passes of a plan over all rows, in their order."""

    MATCH = 0  # which employee a row is about
    MANAGERS = 1  # which row or employee its manager is
    JUDGE = 2  # what the row would change, and what is wrong with it
    FOLLOW = 3  # which rows lose their manager, because that one's row is refused


class RowOutcome(Enum):
    """What a plan has found about a row."""

    __hash__ = object.__hash__

    ADD = "add"
    CHANGE = "change"
    SAME = "same"
    REFUSE = "refuse"


class Import(msgspec.Struct, frozen=True, kw_only=True):
    """An import, without its rows.

    account_id: whose it is; nobody else sees it. at: when it began, microseconds since 1970.
    rows: how many have been received. phase, line: how far the plan has come: the last line that
    this phase has done. counts: rows by outcome, and `warn` for those with warnings. ending,
    paid: employees who would leave, and whose pay would change. present: employees at the time of
    the plan. highest_id: the highest Employee ID that a new row has chosen. add_fields,
    update_fields: the fields that the plan sets. denied: fields that the user may not write, which
    are left as they are. catalogue: the version of the fields that the plan goes by.
    """

    id: int
    account_id: int
    name: str
    at: int
    state: State = State.RECEIVING
    match_by: tuple[str, ...] = MATCH_FIELDS
    blank_clears: bool = False
    rows: int = 0
    phase: Phase = Phase.MATCH
    line: int = 0
    counts: Mapping[str, int] = {}
    ending: int = 0
    paid: int = 0
    highest_id: int = 0
    present: int = 0
    add_fields: tuple[str, ...] = ()
    update_fields: tuple[str, ...] = ()
    denied: tuple[FieldError, ...] = ()
    kept: int = 0
    catalogue: str = ""


class RowWarning(msgspec.Struct, frozen=True):
    """Something that looks wrong about a row, but does not stop it."""

    code: str
    field: str
    message: str


class ImportRow(msgspec.Struct, frozen=True, kw_only=True):
    """One row of an import.

    line: its number in the file. given: as it was sent; empty once it is applied. outcome: None
    before the plan has judged it. employee_id: the employee whom it is about, None for a new one;
    once applied, the one that was added. revision: that employee's, as the plan saw it; once
    applied, the one that it made; 0 if it made none. manager_line: the row of a manager who is new
    as well. level: how many managers above are new as well, so that they are added first.
    changes: the new values, canonical.
    """

    line: int
    given: Mapping[str, object] = {}
    outcome: RowOutcome | None = None
    employee_id: int | None = None
    revision: int = 0
    manager_id: int | None = None
    manager_line: int | None = None
    level: int = 0
    changes: Mapping[str, Value] = {}
    errors: tuple[FieldError, ...] = ()
    warnings: tuple[RowWarning, ...] = ()


def full_name_key(given: object, family: object) -> str:
    """A key by which a row is found by its person's name: given name first, without case."""
    return fold(" ".join(f"{given or ''} {family or ''}".split()))


def name_key_of(text: str) -> str:
    """The same key of a name as it is written, "Ann Lee" or "Lee, Ann"."""
    family, comma, given = text.partition(",")
    return full_name_key(given, family) if comma else full_name_key(text, "")


def unique_key(catalogue: Catalogue, name: str, raw: object) -> str | None:
    """A key by which a row is found by the value of a unique field; None if that is not valid."""
    field = catalogue[name]
    try:
        value = field.check(raw)
    except Invalid:
        return None
    return f"{name}={field.key(value)}"


def keys_of(catalogue: Catalogue, row: Mapping[str, object]) -> Collection[str]:
    """All keys by which other rows find this one."""
    found = set()
    for name in catalogue.unique:
        key = unique_key(catalogue, name, row[name]) if row.get(name) else None
        if key is not None:
            found.add(key)
    employee_id = row.get("id")
    if isinstance(employee_id, int):
        found.add(f"id={employee_id}")
    email = row.get("email")
    if isinstance(email, str) and email:
        found.add(f"email={email_key(email.strip())}")
    family = row.get("family_name")
    for given in (row.get("given_name"), row.get("preferred_name")):
        if given or family:
            found.add(f"name={full_name_key(given, family)}")
    return found


def confirmations(staged: Import) -> dict[str, int]:
    """The counts that must be confirmed before the import is applied, because they are large."""
    found = {}
    if staged.ending > min(MANY_ENDING, staged.present * SHARE_ENDING):
        found["end"] = staged.ending
    if staged.paid > staged.present * SHARE_PAID:
        found["pay"] = staged.paid
    return found
