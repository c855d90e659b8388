"""Logins and sessions, each function in one transaction."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec

from records.api.messages import Permission, Resumed, WireUser
from records.model.access import User, grants_of
from records.model.accounts import SECOND, Account, Session, SessionLimits
from records.model.audit import Outcome
from records.model.errors import NotAuthenticated
from records.operations.boundaries import Transaction
from records.operations.journal import note

_NOBODY = User(0, "-", ())


class Caller(msgspec.Struct, frozen=True):
    """The session that a request uses, and the address that it comes from."""

    session_id: bytes
    source: str
    limits: SessionLimits


def authenticate(tx: Transaction, caller: Caller) -> User:
    """The user of the session, as of this transaction. Raises `NotAuthenticated`."""
    found = tx.accounts.session(caller.session_id)
    if found is None or found[1].disabled or caller.limits.is_over(found[0], tx.now):
        raise NotAuthenticated("Your session has ended. Log in again.")
    return found[1].user(caller.source)


def describe_session(tx: Transaction, caller: Caller) -> Resumed:
    """The description of a session for its client. Raises `NotAuthenticated`."""
    user = authenticate(tx, caller)
    found = tx.accounts.session(caller.session_id)
    assert found is not None
    return Resumed(
        expires_at=instant(caller.limits.end(found[0])),
        user=WireUser(user.username, [role.value for role in user.roles], user.employee_id),
        permissions=permissions(user),
        must_change_password=user.must_change_password,
    )


def permissions(user: User) -> list[Permission]:
    """The user's grants for the client, in a fixed order."""
    told = [
        Permission(
            grant.action.value,
            grant.scope.value,
            grant.field_class.value if grant.field_class else None,
        )
        for grant in grants_of(user.roles)
    ]
    return sorted(told, key=lambda each: (each.action, each.field_class or "", each.scope))


def instant(at: int) -> str:
    """Microseconds since 1970 as ISO 8601 in UTC, to the second."""
    return datetime.fromtimestamp(at // SECOND, UTC).isoformat().replace("+00:00", "Z")


def resume_session(tx: Transaction, caller: Caller) -> Resumed:
    """Resume a session on another connection."""
    told = describe_session(tx, caller)
    tx.accounts.note_use(caller.session_id, tx.now)
    return told


def find_login(tx: Transaction, username: str, source: str) -> tuple[Account | None, bool]:
    """The account of a username, and whether it has logged in from this source before."""
    account = tx.accounts.named(username)
    return account, account is not None and tx.accounts.is_familiar(account.id, source)


def open_session(
    tx: Transaction, account: Account, caller: Caller, renewed_hash: str | None
) -> None:
    """Open a session for an account whose password was right.

    account: as it was when its password was compared; if it has changed since, the comparison no
    longer counts. renewed_hash: a new hash of the same password, if one is due.
    """
    present = tx.accounts.get(account.id)
    if present is None or present.disabled or present.password_hash != account.password_hash:
        raise NotAuthenticated("Wrong username or password.")
    if renewed_hash is not None:
        tx.accounts.replace(msgspec.structs.replace(present, password_hash=renewed_hash))
    tx.accounts.add_session(Session(caller.session_id, account.id, tx.now, tx.now, caller.source))
    tx.accounts.note_source(account.id, caller.source, tx.now)
    note(tx, present.user(caller.source), "login", f"user:{present.username}")


def note_failed_login(tx: Transaction, account: Account | None, source: str) -> None:
    """Audit a failed login. Unknown names are not stored, because people type passwords there."""
    _note_no_login(tx, account, source, Outcome.FAILED)


def note_refused_login(tx: Transaction, account: Account | None, source: str) -> None:
    """Audit that logins are refused for some time without a comparison."""
    _note_no_login(tx, account, source, Outcome.DENIED)


def _note_no_login(tx: Transaction, account: Account | None, source: str, outcome: Outcome) -> None:
    subject = f"user:{account.username}" if account else "user:unknown"
    anonymous = msgspec.structs.replace(_NOBODY, source=source)
    note(tx, anonymous, "login", subject, outcome)


def end_session(tx: Transaction, caller: Caller) -> None:
    """Log out."""
    user = authenticate(tx, caller)
    tx.accounts.end_session(caller.session_id)
    note(tx, user, "logout", f"user:{user.username}")


def note_use(tx: Transaction, caller: Caller) -> None:
    """Store that a session is used, so that it does not end as unused. An ended one stays ended."""
    try:
        authenticate(tx, caller)
    except NotAuthenticated:
        return  # the request itself is answered with this error
    tx.accounts.note_use(caller.session_id, tx.now)


def whose_password(tx: Transaction, caller: Caller) -> Account:
    """The account of the session, whose password is to change. Raises `NotAuthenticated`."""
    user = authenticate(tx, caller)
    account = tx.accounts.get(user.id)
    assert account is not None
    return account


def change_password(
    tx: Transaction, caller: Caller, compared_hash: str, password_hash: str
) -> None:
    """Set a new password, and end the account's other sessions.

    compared_hash: the hash with which the current password was compared.
    """
    account = whose_password(tx, caller)
    user = account.user(caller.source)
    if account.password_hash != compared_hash:
        raise NotAuthenticated("The password was changed meanwhile. Log in again.")
    tx.accounts.replace(
        msgspec.structs.replace(account, password_hash=password_hash, must_change_password=False)
    )
    tx.accounts.end_sessions(account.id, keep=caller.session_id)
    note(tx, user, "password.change", f"user:{account.username}")


def note_failed_change(tx: Transaction, caller: Caller) -> None:
    """Audit an attempt to change a password with a wrong current one."""
    user = authenticate(tx, caller)
    note(tx, user, "password.change", f"user:{user.username}", Outcome.FAILED)


def note_refused_change(tx: Transaction, caller: Caller) -> None:
    """Audit that changes are refused for some time without a comparison."""
    user = authenticate(tx, caller)
    note(tx, user, "password.change", f"user:{user.username}", Outcome.DENIED)


OUTCOMES_KEPT = 48 * 60 * 60
"""Seconds for which the outcome of a request with a key is kept."""


IMPORTS_KEPT = 7 * 24 * 60 * 60
"""Seconds for which an import that is not applied is kept: its rows are personal data."""


def sweep(tx: Transaction, limits: SessionLimits) -> None:
    """Delete ended sessions, old outcomes, and imports that were never applied."""
    tx.accounts.end_old_sessions(tx.now - limits.idle * SECOND, tx.now - limits.lifetime * SECOND)
    tx.journal.forget_outcomes(tx.now - OUTCOMES_KEPT * SECOND)
    while tx.imports.forget(tx.now - IMPORTS_KEPT * SECOND):
        pass
