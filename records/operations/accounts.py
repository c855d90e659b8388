"""Changes of accounts, each in one transaction.

`records.admin` uses these operations with `LOCAL` as its user, so its commands pass the gate and
are audited like everything else.
"""

from __future__ import annotations

import msgspec

from records.model.access import Action, Role, User, require_administration
from records.model.accounts import Account, check_username
from records.model.errors import AlreadyExists, FieldError, NotFound, ValidationFailed
from records.operations.boundaries import Transaction
from records.operations.journal import note

LOCAL = User(0, "local", (Role.OWNER,))
"""The user of `records.admin`: the operating system has let this person in already."""


class NewAccount(msgspec.Struct, frozen=True):
    """An account to add. must_change_password: whether it is for the first login only."""

    username: str
    roles: tuple[Role, ...]
    password_hash: str
    employee_id: int | None = None
    must_change_password: bool = True


def add_account(tx: Transaction, user: User, new: NewAccount) -> Account:
    """Add an account."""
    require_administration(user, Action.ADD_ACCOUNTS)
    require_administration(user, Action.GRANT_ROLES)
    try:
        username = check_username(new.username)
    except ValueError as error:
        raise ValidationFailed(str(error), [FieldError("username", str(error))]) from None
    _check_employee(tx, new.employee_id)
    if not new.roles:
        raise ValidationFailed("An account has at least one role.")
    if tx.accounts.named(username) is not None:
        raise AlreadyExists(f"There is an account {username} already.")
    account = tx.accounts.add(
        Account(
            0,
            username,
            new.password_hash,
            new.roles,
            new.employee_id,
            must_change_password=new.must_change_password,
        )
    )
    note(tx, user, "account.add", f"user:{username}", fields=[role.value for role in new.roles])
    return account


def _check_employee(tx: Transaction, employee_id: int | None) -> None:
    if employee_id is not None and tx.employees.get(employee_id) is None:
        why = f"There is no employee {employee_id}."
        raise ValidationFailed(why, [FieldError("employee_id", why)])


def account_named(tx: Transaction, username: str) -> Account:
    """The account of that name. Raises `NotFound`."""
    account = tx.accounts.named(username.strip().lower())
    if account is None:
        raise NotFound(f"There is no account {username}.")
    return account


def list_accounts(tx: Transaction, user: User) -> list[Account]:
    """All accounts, by name."""
    require_administration(user, Action.READ_ACCOUNTS)
    return tx.accounts.everyone()


def set_roles(tx: Transaction, user: User, username: str, roles: tuple[Role, ...]) -> None:
    """Replace the roles of an account. They count from its next request on."""
    require_administration(user, Action.GRANT_ROLES)
    account = account_named(tx, username)
    if not roles:
        raise ValidationFailed("An account has at least one role.")
    _keep_an_owner(tx, account, still_owner=Role.OWNER in roles)
    tx.accounts.replace(msgspec.structs.replace(account, roles=roles))
    note(tx, user, "role.grant", f"user:{account.username}", fields=[role.value for role in roles])


def set_employee(tx: Transaction, user: User, username: str, employee_id: int | None) -> None:
    """Link an account to the record of an employee."""
    require_administration(user, Action.UPDATE_ACCOUNTS)
    require_administration(user, Action.GRANT_ROLES)
    account = account_named(tx, username)
    _check_employee(tx, employee_id)
    tx.accounts.replace(msgspec.structs.replace(account, employee_id=employee_id))
    note(tx, user, "account.update", f"user:{account.username}", fields=["employee_id"])


def set_disabled(tx: Transaction, user: User, username: str, disabled: bool) -> None:
    """Disable an account, which ends its sessions, or enable it again."""
    require_administration(user, Action.UPDATE_ACCOUNTS)
    account = account_named(tx, username)
    _keep_an_owner(tx, account, still_owner=not disabled)
    tx.accounts.replace(msgspec.structs.replace(account, disabled=disabled))
    if disabled:
        tx.accounts.end_sessions(account.id)
    action = "account.disable" if disabled else "account.enable"
    note(tx, user, action, f"user:{account.username}")


def reset_password(tx: Transaction, user: User, username: str, password_hash: str) -> None:
    """Set a password that must be changed at the next login, and end the sessions."""
    require_administration(user, Action.UPDATE_ACCOUNTS)
    account = account_named(tx, username)
    tx.accounts.replace(
        msgspec.structs.replace(account, password_hash=password_hash, must_change_password=True)
    )
    tx.accounts.end_sessions(account.id)
    note(tx, user, "password.reset", f"user:{account.username}")


def _keep_an_owner(tx: Transaction, account: Account, *, still_owner: bool) -> None:
    """Refuse to remove the last owner, whose rights nobody could restore."""
    owners = [each.id for each in tx.accounts.everyone() if _is_owner(each)]
    if owners == [account.id] and not still_owner:
        raise ValidationFailed(f"{account.username} is the only owner. Make another one first.")


def _is_owner(account: Account) -> bool:
    return Role.OWNER in account.roles and not account.disabled
