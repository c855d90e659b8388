"""Brings accounts in from a `user.db` of this program's small predecessor.

Its table is `user(username, password, permissions)`: a plain bcrypt hash, and four flags for get,
add, update and delete, such as `1,0,1,0`. The hashes go on working, and are renewed at the first
login. Knows nothing of this program's own database.
"""

from __future__ import annotations

import argparse
import re
import sqlite3
from collections.abc import Callable, Collection, Sequence
from contextlib import closing
from pathlib import Path

import msgspec

from records.model.access import Role
from records.model.accounts import check_username
from records.model.errors import Unusable
from records.operations.accounts import LOCAL, NewAccount, add_account
from records.operations.boundaries import Transaction

_RIGHTS = ("get", "add", "update", "delete")
_HASH = re.compile(r"\$2[aby]\$(?:0[4-9]|[12]\d|3[01])\$[./A-Za-z0-9]{53}", re.ASCII)


class Former(msgspec.Struct, frozen=True):
    """An account of the predecessor. wrong: why it cannot be taken over."""

    username: str
    rights: tuple[str, ...] = ()
    hashed: str = ""
    wrong: str = ""

    @property
    def role(self) -> Role:
        """The nearest role that gives no right that the account did not have."""
        return Role.HR if self.rights == _RIGHTS else Role.EMPLOYEE

    def __repr__(self) -> str:
        return f"Former({self.username!r}, ...)"


def read_former(path: Path) -> list[Former]:
    """The accounts of a file. Raises `Unusable`."""
    if not path.is_file():
        raise Unusable(f"there is no file {path}")
    address = f"{path.absolute().as_uri()}?mode=ro"
    try:
        with closing(sqlite3.connect(address, uri=True)) as database:
            rows = database.execute(
                "SELECT username, password, permissions FROM user ORDER BY username"
            ).fetchall()
    except sqlite3.Error:
        raise Unusable(
            f"{path} has no table user(username, password, permissions) that can be read"
        ) from None
    return [_former(*row) for row in rows]


def _former(username: object, password: object, permissions: object) -> Former:
    try:
        name = check_username(str(username))
    except ValueError as reason:
        return Former(str(username), wrong=str(reason))
    hashed = password.decode("ascii", "replace") if isinstance(password, bytes) else str(password)
    flags = [flag.strip() for flag in str(permissions).split(",")]
    if not _HASH.fullmatch(hashed):
        return Former(name, wrong="The password is no bcrypt hash.")
    if len(flags) != len(_RIGHTS) or not set(flags) <= {"0", "1"}:
        return Former(name, wrong="The permissions are not four flags, such as 1,0,1,0.")
    rights = [right for right, flag in zip(_RIGHTS, flags, strict=True) if flag == "1"]
    return Former(name, tuple(rights), hashed)


def add_all(tx: Transaction, accounts: Sequence[Former]) -> None:
    """Add the accounts, all or none. Their passwords go on."""
    for each in accounts:
        new = NewAccount(each.username, (each.role,), each.hashed, must_change_password=False)
        add_account(tx, LOCAL, new)


def import_accounts(
    present: Collection[str],
    write: Callable[[Callable[[Transaction, Sequence[Former]], None], Sequence[Former]], object],
    options: argparse.Namespace,
) -> None:
    """`import-accounts`: show what would be done, or do it. present: usernames that are in use."""
    former = read_former(options.file)
    good = [each for each in former if not each.wrong and each.username not in present]
    for each in former:
        if each.wrong:
            print(f"  {ascii(each.username)[1:-1]}: left out. {each.wrong}")
        elif each.username in present:
            print(f"  {each.username}: left out. There is an account of this name already.")
        else:
            had = ", ".join(each.rights) or "nothing"
            more = ""
            if each.role is Role.EMPLOYEE and set(each.rights) - {"get"}:
                more = " There is no role for just these; give it another with roles."
            print(f"  {each.username}: {each.role.value} (could {had}).{more}")
    if not options.yes:
        print(f"Nothing was changed. Add --yes to add these accounts: {len(good)}.")
        return
    write(add_all, good)
    print(f"Added accounts: {len(good)}. Their passwords are those that they had.")
