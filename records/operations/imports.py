"""The import methods but the plan and its application: begin, receive, list, discard.

An import belongs to the account that began it; others are told that it does not exist. Rows are
kept apart from the employees until they are applied.
"""

from __future__ import annotations

import msgspec

from records.api.import_messages import (
    ImportBeginParams,
    ImportBegun,
    ImportInfo,
    ImportParams,
    ImportReceived,
    ImportRowsParams,
    ImportsListed,
)
from records.api.messages import NoParams, Nothing
from records.model.access import Action, User, allows
from records.model.errors import FieldError, NotFound, PermissionDenied, ValidationFailed
from records.model.fields import FieldClass
from records.model.imports import MATCH_FIELDS, Import, ImportRow, State, keys_of
from records.operations.boundaries import Transaction
from records.operations.journal import note
from records.operations.sessions import instant

MAX_ROWS = 2_000_000
"""Rows of one import."""
MAX_OPEN = 20
"""Imports of one account that are neither applied nor undone."""


def require_import(user: User) -> None:
    """Return if the user may add or update employees other than the own record."""
    directory = FieldClass.DIRECTORY
    if not (allows(user, Action.ADD, directory) or allows(user, Action.UPDATE, directory)):
        roles = ", ".join(role.value for role in user.roles) or "no role"
        raise PermissionDenied(f"Your role ({roles}) does not allow you to import employees.")


def own_import(tx: Transaction, user: User, import_id: int) -> Import:
    """The user's import of this number. Raises `NotFound`."""
    staged = tx.imports.get(import_id)
    if staged is None or staged.account_id != user.id:
        raise NotFound(f"You have no import {import_id}.")
    return staged


def begin_import(tx: Transaction, user: User, params: ImportBeginParams) -> ImportBegun:
    """A new import, without rows yet."""
    require_import(user)
    match_by = params.match_by or MATCH_FIELDS
    wrong = [name for name in match_by if name not in MATCH_FIELDS]
    if wrong:
        why = f"Rows are matched by {', '.join(MATCH_FIELDS)}."
        raise ValidationFailed(why, [FieldError("match_by", why)])
    pending = (State.RECEIVING, State.PLANNING, State.PLANNED)
    if sum(each.state in pending for each in tx.imports.of_account(user.id)) >= MAX_OPEN:
        raise ValidationFailed(f"You have {MAX_OPEN} imports that are not applied. Discard some.")
    staged = tx.imports.add(
        Import(
            id=0,
            account_id=user.id,
            name=params.name,
            at=tx.now,
            match_by=tuple(dict.fromkeys(match_by)),
            blank_clears=params.blank_clears,
        )
    )
    note(tx, user, "import.begin", f"import:{staged.id}")
    return ImportBegun(staged.id)


def receive_rows(tx: Transaction, user: User, params: ImportRowsParams) -> ImportReceived:
    """Keep some rows. Lines that were sent before change nothing, so it may be repeated."""
    require_import(user)
    staged = own_import(tx, user, params.import_id)
    if staged.state is not State.RECEIVING:
        why = f"Import {staged.id} is {staged.state.value}: it takes no more rows."
        raise ValidationFailed(why, [FieldError("import_id", why)])
    rows, keys = [], []
    for line, given in enumerate(params.rows, params.first_line):
        earlier = tx.imports.row(staged.id, line) if given else None
        if earlier is not None and earlier.given != given:
            why = f"Line {line} was sent before, with other values. Discard the import."
            raise ValidationFailed(why, [FieldError("first_line", why)])
        if given and earlier is None:
            rows.append(ImportRow(line=line, given=given))
            keys += [(key, line) for key in keys_of(tx.catalogue, given)]
    total = staged.rows + len(rows)
    if total > MAX_ROWS:
        raise ValidationFailed(f"An import has at most {MAX_ROWS:,} rows. Divide the file.")
    tx.imports.put(staged.id, rows)
    tx.imports.put_keys(staged.id, keys)
    tx.imports.replace(msgspec.structs.replace(staged, rows=total))
    return ImportReceived(total)


def list_imports(tx: Transaction, user: User, params: NoParams) -> ImportsListed:
    """The user's own imports."""
    require_import(user)
    return ImportsListed(
        [
            ImportInfo(
                each.id,
                each.name,
                each.state.value,
                instant(each.at),
                each.rows,
                each.counts,
            )
            for each in tx.imports.of_account(user.id)
        ]
    )


def discard_import(tx: Transaction, user: User, params: ImportParams) -> Nothing:
    """Remove an import with its rows. What it has changed stays, and cannot be undone any more."""
    require_import(user)
    staged = own_import(tx, user, params.import_id)
    tx.imports.remove(staged.id)
    note(tx, user, "import.discard", f"import:{staged.id}")
    return Nothing()
