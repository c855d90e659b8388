"""`python -m records.admin`: accounts, verification and backups, on the daemon's machine.

For people who can read the database file: the operating system has let them in already. Commands
use the same operations, gate and audit log as clients, as the user `local`, and work while the
daemon runs. Passwords are generated here, shown once, and never taken as arguments. Exit codes: 0
done, 1 refused, 2 wrong usage; 3 damaged, of `check` and `backup --prove`.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn, TypeVar, TypeVarTuple

from records import __version__
from records.auth.hashing import COST, BcryptHasher
from records.daemon.backup_commands import add_backup_commands
from records.daemon.bootstrap import (
    Places,
    forget_first_password,
    generate_password,
    open_existing,
)
from records.daemon.former_accounts import import_accounts
from records.model.access import Role
from records.model.accounts import Account
from records.model.audit import BrokenChain
from records.model.errors import RecordsError, Unusable
from records.model.fields import STANDARD
from records.model.values import Invalid, check_reference
from records.operations.accounts import (
    LOCAL,
    NewAccount,
    add_account,
    list_accounts,
    reset_password,
    set_disabled,
    set_employee,
    set_roles,
)
from records.operations.audit import verify_journal
from records.operations.boundaries import CommitUnknown, Transaction, Work
from records.store.sqlite.database import SqliteBackend
from records.tls.keys import KeyFiles

LEAST_COST, MOST_COST = 10, 16
"""The range of bcrypt's cost, as for the daemon."""

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


def _backend() -> SqliteBackend:
    return SqliteBackend(lambda: time.time_ns() // 1000, os.urandom, STANDARD)


class AdminDatabase:
    """An existing database, opened for one command. Raises `Unusable` if there is none."""

    def __init__(self, places: Places) -> None:
        self.places = places
        self._database = open_existing(places, _backend())

    def read(self, operation: Callable[[Transaction, *Ts], T], *args: *Ts) -> T:
        """The result of an operation that reads."""
        reader = self._database.reader()
        try:
            return operation(reader.begin(), *args)
        finally:
            reader.end()
            reader.close()

    def write(self, operation: Callable[[Transaction, *Ts], T], *args: *Ts) -> T:
        """The result of an operation that writes. It is durable."""
        writer = self._database.writer()
        try:
            (done,) = writer.run([Work(operation, args)])
        finally:
            writer.close()
        if done.error is not None:
            raise done.error
        value: Any = done.value
        return value  # type: ignore[no-any-return]


def _roles(text: str) -> tuple[Role, ...]:
    known = {role.value: role for role in Role}
    wanted = [word.strip() for word in text.split(",") if word.strip()]
    unknown = [word for word in wanted if word not in known]
    if unknown or not wanted:
        raise argparse.ArgumentTypeError(f"roles are {', '.join(known)}; commas between several")
    return tuple(dict.fromkeys(known[word] for word in wanted))


def _username(text: str) -> str:
    """A username as typed. Text that is not printable is refused."""
    if not text.isprintable():
        raise argparse.ArgumentTypeError("a username is text")
    return text.strip().lower()


def _cost(text: str) -> int:
    if not (text.isascii() and text.isdigit() and LEAST_COST <= int(text[:9]) <= MOST_COST):
        raise argparse.ArgumentTypeError(f"give a cost from {LEAST_COST} to {MOST_COST}")
    return int(text)


def _employee(text: str) -> int | None:
    if text == "none":
        return None
    try:
        return check_reference(text)
    except Invalid:
        raise argparse.ArgumentTypeError("give an Employee ID, or none") from None


def _show_password(username: str, password: str) -> None:
    print(f"  Username: {username}\n  Password: {password}")
    print("It must be changed at the first login. It is shown only here; hand it over safely.")


def _list(database: AdminDatabase, options: argparse.Namespace) -> None:
    accounts = database.read(list_accounts, LOCAL)
    rows = [("USERNAME", "ROLES", "EMPLOYEE", ""), *map(_row, accounts)]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    for row in rows:
        print(
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        )


def _row(account: Account) -> tuple[str, str, str, str]:
    remark = "disabled" if account.disabled else ""
    if account.must_change_password and not remark:
        remark = "must change the password"
    roles = ",".join(role.value for role in account.roles)
    return account.username, roles, str(account.employee_id or "-"), remark


def _add(database: AdminDatabase, options: argparse.Namespace) -> None:
    password = generate_password(os.urandom)
    hashed = BcryptHasher(options.bcrypt_cost).hash(password)
    account = database.write(
        add_account,
        LOCAL,
        NewAccount(options.username, options.roles, hashed, options.employee),
    )
    print(f"Added {account.username}.")
    _show_password(account.username, password)


def _set_roles(database: AdminDatabase, options: argparse.Namespace) -> None:
    database.write(set_roles, LOCAL, options.username, options.roles)
    roles = ", ".join(role.value for role in options.roles)
    print(f"{options.username} now has the roles {roles} (effective immediately).")


def _set_employee(database: AdminDatabase, options: argparse.Namespace) -> None:
    database.write(set_employee, LOCAL, options.username, options.employee)
    if options.employee is None:
        print(f"{options.username} is no longer linked to an employee.")
    else:
        print(f"{options.username} is now linked to employee {options.employee}.")


def _disable(database: AdminDatabase, options: argparse.Namespace) -> None:
    database.write(set_disabled, LOCAL, options.username, True)
    print(f"{options.username} is disabled, and logged out everywhere.")


def _enable(database: AdminDatabase, options: argparse.Namespace) -> None:
    database.write(set_disabled, LOCAL, options.username, False)
    print(f"{options.username} may log in again.")


def _reset_password(database: AdminDatabase, options: argparse.Namespace) -> None:
    password = generate_password(os.urandom)
    hashed = BcryptHasher(options.bcrypt_cost).hash(password)
    database.write(reset_password, LOCAL, options.username, hashed)
    print(f"{options.username} has a new password, and is logged out everywhere.")
    _show_password(options.username, password)
    try:
        forget_first_password(database.places, options.username)
    except OSError as error:
        raise Unusable(
            f"{database.places.first_password} cannot be removed: {error.strerror}."
        ) from None


def _import_accounts(database: AdminDatabase, options: argparse.Namespace) -> None:
    present = {each.username for each in database.read(list_accounts, LOCAL)}
    import_accounts(present, database.write, options)


def _verify(database: AdminDatabase, options: argparse.Namespace) -> None:
    head = database.read(verify_journal)
    print(f"The audit log is whole: {head.seq} entries. History and employees agree with it.")
    print(f"Its head is {head.hash.hex()}. Keep it elsewhere, to notice if entries are cut off.")


def parse_options(argv: Sequence[str]) -> argparse.Namespace:
    """Parse the command line. Exits with 2 if it is wrong."""
    parser = argparse.ArgumentParser(
        prog="python -m records.admin",
        description="Accounts, audit log and backups of a daemon on this machine, running or not.",
        epilog=f"Roles are {', '.join(role.value for role in Role)}.",
    )
    parser.add_argument(
        "--data", default=Path("data"), type=Path, help="the folder of the database (default: data)"
    )
    parser.add_argument(
        "--keys", default=Path("keys"), type=Path, help="the folder of the keys (default: keys)"
    )
    parser.set_defaults(needs_no_database=False)
    parser.add_argument(
        "--bcrypt-cost",
        default=COST,
        type=_cost,
        metavar="COST",
        help=f"the cost of a new password's hash, as the daemon's (default: {COST})",
    )
    parser.add_argument("--version", action="version", version=f"records {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    def command(name: str, does: str, run: Callable[..., int | None]) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=does, description=f"{does[0].upper()}{does[1:]}.")
        made.set_defaults(run=run)
        return made

    command("list", "show all accounts", _list)
    new = command("add", "add an account with a first password", _add)
    new.add_argument("username", type=_username)
    new.add_argument("roles", type=_roles, help="such as hr, or manager,employee")
    new.add_argument("--employee", type=_employee, metavar="ID", help="whose record is their own")
    roles = command("roles", "give an account other roles", _set_roles)
    roles.add_argument("username", type=_username)
    roles.add_argument("roles", type=_roles)
    own = command("employee", "say which employee's record is an account's own", _set_employee)
    own.add_argument("username", type=_username)
    own.add_argument("employee", type=_employee, metavar="ID", help="an Employee ID, or none")
    for name, does, run in (
        ("disable", "close an account and end its sessions", _disable),
        ("enable", "open a disabled account again", _enable),
        ("reset-password", "give an account a new first password", _reset_password),
    ):
        command(name, does, run).add_argument("username", type=_username)
    former = command("import-accounts", "add the accounts of a user.db", _import_accounts)
    former.add_argument("file", type=Path, help="a user.db of this program's predecessor")
    former.add_argument("--yes", action="store_true", help="add them; otherwise they are shown")
    command("verify", "prove that the audit log and the history are whole", _verify)
    add_backup_commands(command)
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> NoReturn:
    """Run one command, and exit."""
    options = parse_options(sys.argv[1:] if argv is None else argv)
    os.umask(0o077)
    places, code = Places(options.data, KeyFiles(options.keys)), None
    try:
        if options.needs_no_database:
            code = options.run(places, _backend(), options)
        else:
            options.run(AdminDatabase(places), options)
    except RecordsError as error:
        print(f"records: {error.message}", file=sys.stderr)
    except KeyboardInterrupt:
        print("records: Stopped. What was not finished is not there.", file=sys.stderr)
    except CommitUnknown:
        print(
            "records: the database is damaged, or its disk fails: look into that", file=sys.stderr
        )
    except (Unusable, BrokenChain) as error:
        print(f"records: {error}", file=sys.stderr)
    else:
        sys.exit(code or 0)
    sys.exit(1)


if __name__ == "__main__":
    main()
