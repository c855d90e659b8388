"""What `server.fields` answers: the fields that employees have."""

from __future__ import annotations

from records.api.messages import FieldsShown, NoParams, describe
from records.model.access import User
from records.operations.boundaries import Transaction


def list_fields(tx: Transaction, user: User, params: NoParams) -> FieldsShown:
    """The catalogue. Every user may see which fields there are; it holds nobody's data."""
    return describe(tx.catalogue)
