"""Params and result of the import methods, as `records.api.messages` has those of the others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from records.api.messages import FieldWarning, Key, Params
from records.model.errors import FieldError
from records.model.values import MAX_ID

ImportId = Annotated[int, Meta(ge=1, le=MAX_ID)]
MatchBy = Annotated[list[str], Meta(max_length=10)]
Line = Annotated[int, Meta(ge=1, le=MAX_ID)]


class ImportBeginParams(Params, frozen=True):
    """import.begin. name: for people, such as a file's name. match_by: some of
    `MATCH_FIELDS`, by which rows are matched in this order; none for all of them.

    blank_clears: whether a blank value clears the field of an employee who is there already.
    """

    name: Annotated[str, Meta(min_length=1, max_length=200)]
    match_by: MatchBy | None = None
    blank_clears: bool = False
    key: Key | None = None


class ImportRowsParams(Params, frozen=True):
    """import.rows. rows: consecutive lines from `first_line` on; an empty one counts as a line."""

    import_id: ImportId
    first_line: Line
    rows: Annotated[list[dict[str, Any]], Meta(min_length=1, max_length=1000)]

    def __repr__(self) -> str:
        return "ImportRowsParams(...)"


class ImportPlanParams(Params, frozen=True):
    """import.plan. outcome: only rows with this one. again: plan anew."""

    import_id: ImportId
    outcome: Annotated[str, Meta(max_length=20)] | None = None
    cursor: Annotated[str, Meta(max_length=20)] | None = None
    again: bool = False


class ImportApplyParams(Params, frozen=True):
    """import.apply. skip_refused: apply the others. expect: confirms large counts by their name."""

    import_id: ImportId
    skip_refused: bool = False
    expect: Annotated[dict[str, int], Meta(max_length=10)] | None = None
    key: Key | None = None


class ImportParams(Params, frozen=True):
    """import.undo and import.discard"""

    import_id: ImportId
    key: Key | None = None


class ImportBegun(msgspec.Struct, frozen=True):
    """import.begin"""

    import_id: int


class ImportReceived(msgspec.Struct, frozen=True):
    """import.rows. received: rows so far."""

    received: int


class FieldChange(msgspec.Struct, frozen=True):
    """A field before and after an import. before: masked, null in a new record."""

    before: object
    after: object


class PlannedRow(msgspec.Struct, frozen=True, omit_defaults=True):
    """A row of a plan. id: the employee's, unless it is new. fields: those that would change."""

    line: int
    outcome: str
    id: int | None = None
    fields: Mapping[str, FieldChange] = {}
    errors: tuple[FieldError, ...] = ()
    warnings: tuple[FieldWarning, ...] = ()

    def __repr__(self) -> str:
        return f"PlannedRow(line={self.line}, ...)"


class ImportPlanned(msgspec.Struct, frozen=True):
    """import.plan. done: whether all rows are planned; otherwise ask again.

    steps, of: how far the plan has come. denied: fields that the user may not write. expect: the
    counts that `import.apply` must confirm.
    """

    state: str
    done: bool
    steps: int
    of: int
    counts: Mapping[str, int]
    denied: tuple[FieldError, ...]
    expect: Mapping[str, int]
    rows: list[PlannedRow]
    cursor: str | None


class ImportApplied(msgspec.Struct, frozen=True):
    """import.apply. counts: as in the plan; `refuse` rows were left out."""

    import_id: int
    counts: Mapping[str, int]


class KeptRow(msgspec.Struct, frozen=True):
    """A row that import.undo could not take back. why: a sentence."""

    line: int
    id: int
    why: str


class ImportUndone(msgspec.Struct, frozen=True):
    """import.undo. kept: rows that stay as they are, because of what happened since."""

    import_id: int
    undone: int
    kept: list[KeptRow]
    kept_count: int


class ImportInfo(msgspec.Struct, frozen=True):
    """One import of import.list. began_at: ISO 8601 in UTC."""

    import_id: int
    name: str
    state: str
    began_at: str
    rows: int
    counts: Mapping[str, int]


class ImportsListed(msgspec.Struct, frozen=True):
    """import.list. The user's own imports, newest first."""

    imports: list[ImportInfo]
