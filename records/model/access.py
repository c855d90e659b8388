"""Permissions: actions by class of field and scope, grouped in roles, and the one gate.

Everything is denied unless a grant allows it. The gate looks only at its arguments: it knows
nothing of requests, storage or time, and is called inside the transaction that it guards.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache

import msgspec

from records.model.errors import FieldError, PermissionDenied
from records.model.fields import Catalogue, FieldClass


class Action(Enum):
    """What a user can do. Administrative actions do not depend on the class of a field."""

    __hash__ = object.__hash__  # members are singletons; Enum hashes their names, in Python

    READ = "read"
    REVEAL = "reveal"
    ADD = "add"
    UPDATE = "update"
    DELETE = "delete"
    READ_ACCOUNTS = "account.read"
    ADD_ACCOUNTS = "account.add"
    UPDATE_ACCOUNTS = "account.update"
    GRANT_ROLES = "role.grant"
    READ_AUDIT = "audit.read"
    DEFINE_FIELDS = "field.define"


class Scope(Enum):
    """Which records: all, or only the record that belongs to the user's own account."""

    ALL = "all"
    SELF = "self"


class Role(Enum):
    """A role in the company. An account has one or more."""

    __hash__ = object.__hash__  # members are singletons; Enum hashes their names, in Python

    OWNER = "owner"
    HR = "hr"
    MANAGER = "manager"
    EMPLOYEE = "employee"
    AUDITOR = "auditor"
    IT = "it"


@dataclass(frozen=True, slots=True)
class Grant:
    """A permission: this action, on fields of this class (None: administration), in this scope."""

    action: Action
    field_class: FieldClass | None
    scope: Scope


class User(msgspec.Struct, frozen=True):
    """A user, as of the transaction in which it was read.

    id: the account's number. username: its name. employee_id: the user's own record, if any.
    source: where the request came from, an address or "local".
    """

    id: int
    username: str
    roles: tuple[Role, ...]
    employee_id: int | None = None
    must_change_password: bool = False
    source: str = "local"


def _on(actions: Iterable[Action], classes: Iterable[FieldClass], scope: Scope) -> frozenset[Grant]:
    listed = tuple(classes)
    return frozenset(Grant(action, each, scope) for action in actions for each in listed)


def _administer(*actions: Action) -> frozenset[Grant]:
    return frozenset(Grant(action, None, Scope.ALL) for action in actions)


_DIRECTORY = (FieldClass.DIRECTORY,)
_SECRET = (FieldClass.PAY, FieldClass.IDENTITY)
_SEES_DIRECTORY = _on([Action.READ], _DIRECTORY, Scope.ALL)
_SEES_OWN_RECORD = _on([Action.READ], FieldClass, Scope.SELF) | _on(
    [Action.REVEAL], _SECRET, Scope.SELF
)
_KEEPS_RECORDS = _on(
    [Action.READ, Action.ADD, Action.UPDATE, Action.DELETE], FieldClass, Scope.ALL
) | _on([Action.REVEAL], _SECRET, Scope.ALL)

ROLES: Mapping[Role, frozenset[Grant]] = {
    Role.OWNER: _KEEPS_RECORDS
    | _administer(
        Action.READ_ACCOUNTS,
        Action.ADD_ACCOUNTS,
        Action.UPDATE_ACCOUNTS,
        Action.GRANT_ROLES,
        Action.READ_AUDIT,
        Action.DEFINE_FIELDS,
    ),
    Role.HR: _KEEPS_RECORDS,
    # Managers see no more than employees so far; a scope for their reports is to come.
    Role.MANAGER: _SEES_DIRECTORY | _SEES_OWN_RECORD,
    Role.EMPLOYEE: _SEES_DIRECTORY | _SEES_OWN_RECORD,
    Role.AUDITOR: _SEES_DIRECTORY | _administer(Action.READ_ACCOUNTS, Action.READ_AUDIT),
    # IT administers accounts, and sees only the directory.
    Role.IT: _SEES_DIRECTORY
    | _administer(Action.READ_ACCOUNTS, Action.ADD_ACCOUNTS, Action.UPDATE_ACCOUNTS),
}


@lru_cache(maxsize=256)
def grants_of(roles: tuple[Role, ...]) -> frozenset[Grant]:
    """All grants of these roles."""
    return frozenset().union(*(ROLES[role] for role in roles))


@lru_cache(maxsize=1024)
def _allowed(roles: tuple[Role, ...], own: bool) -> frozenset[tuple[Action, FieldClass | None]]:
    return frozenset(
        (grant.action, grant.field_class)
        for grant in grants_of(roles)
        if grant.scope is Scope.ALL or own
    )


@lru_cache(maxsize=1024)
def _allowed_fields(
    catalogue: Catalogue, roles: tuple[Role, ...], own: bool, action: Action
) -> frozenset[str]:
    allowed = _allowed(roles, own)
    return frozenset(f.name for f in catalogue if (action, f.field_class) in allowed)


def owns(user: User, subject: int | None) -> bool:
    """Whether the record with this Employee ID is the user's own; None is nobody's."""
    return subject is not None and user.employee_id == subject


def allows(
    user: User, action: Action, field_class: FieldClass | None = None, subject: int | None = None
) -> bool:
    """THE gate: whether `user` may do `action` on fields of this class of the subject's record.

    subject: an Employee ID; None asks for the permission on everybody's record.
    """
    return (action, field_class) in _allowed(user.roles, owns(user, subject))


def explain(
    user: User, action: Action, field_class: FieldClass | None = None, subject: int | None = None
) -> str:
    """A sentence that explains the answer of the gate. It names no content of a record."""
    what = action.value if field_class is None else f"{action.value} {field_class.value} fields"
    whose = " of this employee" if subject is not None else ""
    roles = ", ".join(role.value for role in user.roles) or "no role"
    if allows(user, action, field_class, subject):
        return f"{user.username} ({roles}) may {what}{whose}."
    own = Grant(action, field_class, Scope.SELF) in grants_of(user.roles)
    hint = " It is allowed on your own record only." if own else ""
    return f"Your role ({roles}) does not allow you to {what}{whose}.{hint}"


def require(
    catalogue: Catalogue,
    user: User,
    action: Action,
    names: Collection[str],
    subject: int | None = None,
) -> None:
    """Return if `action` is allowed on every named field of the catalogue.

    Raises `PermissionDenied` naming every field that is not, so that nothing is half done.
    """
    allowed = _allowed_fields(catalogue, user.roles, owns(user, subject), action)
    if allowed.issuperset(names):
        return
    refused = [
        FieldError(name, explain(user, action, catalogue[name].field_class, subject))
        for name in dict.fromkeys(names)
        if name not in allowed
    ]
    raise PermissionDenied(refused[0].message, refused)


def require_on_record(user: User, action: Action, subject: int | None = None) -> None:
    """As `require`, for an action on a record as a whole: it must be allowed on every class of
    field.
    """
    for field_class in FieldClass:
        if not allows(user, action, field_class, subject):
            raise PermissionDenied(explain(user, action, field_class, subject))


def require_administration(user: User, action: Action) -> None:
    """As `require`, for an administrative action."""
    if not allows(user, action):
        raise PermissionDenied(explain(user, action))


class View(msgspec.Struct, frozen=True):
    """Which fields of a record a user sees plain, and which masked. All others are absent.

    is_whole: whether these are all fields.
    """

    plain: tuple[str, ...]
    masked: tuple[str, ...]
    is_whole: bool = False


@lru_cache(maxsize=1024)
def _view(
    catalogue: Catalogue, roles: tuple[Role, ...], own: bool, revealed: tuple[str, ...]
) -> View:
    allowed = _allowed(roles, own)
    readable = [f for f in catalogue if (Action.READ, f.field_class) in allowed]
    hidden = [f.name for f in readable if f.masked and f.name not in revealed]
    plain, masked = tuple(f.name for f in readable if f.name not in hidden), tuple(hidden)
    return View(plain, masked, len(readable) == len(catalogue.names))


def view(
    catalogue: Catalogue, user: User, subject: int | None, revealed: tuple[str, ...] = ()
) -> View:
    """How the user sees the subject's record.

    subject: an Employee ID; None for any record but the user's own.
    revealed: fields to show unmasked, for which `require` has allowed `Action.REVEAL`.
    """
    return _view(catalogue, user.roles, owns(user, subject), revealed)
