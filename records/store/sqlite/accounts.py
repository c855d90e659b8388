"""The SQL of accounts and sessions, beside the loaders of their rows."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from apsw import Connection, Cursor
from msgspec.structs import replace

from records.model.access import Role
from records.model.accounts import Account, Session

_ACCOUNT = (
    "accounts.id, username, password_hash, roles, employee_id, disabled, must_change_password"
)
_GET = f"SELECT {_ACCOUNT} FROM accounts WHERE id = ?"
_NAMED = f"SELECT {_ACCOUNT} FROM accounts WHERE username = ?"
_EVERYONE = f"SELECT {_ACCOUNT} FROM accounts ORDER BY username"
_ADD = (
    "INSERT INTO accounts (username, password_hash, roles, employee_id, disabled, "
    "must_change_password) VALUES (:username, :password_hash, :roles, :employee_id, :disabled, "
    ":must_change_password) RETURNING id"
)
_REPLACE = (
    "UPDATE accounts SET username = :username, password_hash = :password_hash, roles = :roles, "
    "employee_id = :employee_id, disabled = :disabled, "
    "must_change_password = :must_change_password WHERE id = :id"
)
_SESSION = (
    f"SELECT sessions.created_at, sessions.used_at, sessions.source, {_ACCOUNT} "
    "FROM sessions JOIN accounts ON accounts.id = sessions.account_id WHERE sessions.id = ?"
)
_ADD_SESSION = (
    "INSERT INTO sessions (id, account_id, created_at, used_at, source) "
    "VALUES (:id, :account_id, :created_at, :used_at, :source)"
)
_END_OLD = "DELETE FROM sessions WHERE used_at < :used_before OR created_at < :created_before"
_NOTE_SOURCE = (
    "INSERT INTO sources (account_id, source, at) VALUES (:account_id, :source, :at) "
    "ON CONFLICT (account_id, source) DO UPDATE SET at = :at"
)


Bound = tuple[Any, ...] | dict[str, Any]

MAX_REMEMBERED = 20_000
"""The most sessions that are cached."""


@lru_cache(maxsize=256)
def _roles(text: str) -> tuple[Role, ...]:
    return tuple(Role(word) for word in text.split())


def _load(row: tuple[object, ...]) -> Account:
    number, username, password_hash, roles, employee_id, disabled, must_change = row
    return Account(
        number,  # type: ignore[arg-type]
        username,  # type: ignore[arg-type]
        password_hash,  # type: ignore[arg-type]
        _roles(str(roles)),
        employee_id,  # type: ignore[arg-type]
        bool(disabled),
        bool(must_change),
    )


def _stored(account: Account) -> dict[str, object]:
    return {
        "username": account.username,
        "password_hash": account.password_hash,
        "roles": " ".join(role.value for role in account.roles),
        "employee_id": account.employee_id,
        "disabled": int(account.disabled),
        "must_change_password": int(account.must_change_password),
    }


class SqliteAccounts:
    """`records.operations.boundaries.Accounts` in an SQLite connection.

    Sessions are cached, because each request begins with its own. `forget` must be called when
    another connection has changed the database, and when a change was undone. A change of an
    account or session here clears the cache by itself.
    """

    def __init__(self, connection: Connection) -> None:
        self._execute = connection.execute
        self._changes = connection.changes
        self._sessions: dict[bytes, tuple[Session, Account]] = {}

    def forget(self) -> None:
        """Clear the cache of sessions."""
        self._sessions.clear()

    def _change(self, statement: str, bound: Bound) -> Cursor:
        self.forget()
        return self._execute(statement, bound)

    def get(self, account_id: int) -> Account | None:
        row = self._execute(_GET, (account_id,)).get
        return None if row is None else _load(row)

    def named(self, username: str) -> Account | None:
        row = self._execute(_NAMED, (username,)).get
        return None if row is None else _load(row)

    def everyone(self) -> list[Account]:
        rows = self._execute(_EVERYONE).fetchall()
        return [_load(row) for row in rows]

    def add(self, account: Account) -> Account:
        number = self._change(_ADD, _stored(account)).get
        return replace(account, id=number)

    def replace(self, account: Account) -> None:
        self._change(_REPLACE, _stored(account) | {"id": account.id})

    def session(self, session_id: bytes) -> tuple[Session, Account] | None:
        found = self._sessions.get(session_id)
        if found is None:
            row = self._execute(_SESSION, (session_id,)).get
            if row is None:
                return None
            created_at, used_at, source, *rest = row
            account = _load(tuple(rest))
            found = Session(session_id, account.id, created_at, used_at, source), account
            if len(self._sessions) >= MAX_REMEMBERED:
                self.forget()
            self._sessions[session_id] = found
        return found

    def add_session(self, session: Session) -> None:
        self._change(
            _ADD_SESSION,
            {
                "id": session.id,
                "account_id": session.account_id,
                "created_at": session.created_at,
                "used_at": session.used_at,
                "source": session.source,
            },
        )

    def note_use(self, session_id: bytes, at: int) -> None:
        self._change(
            "UPDATE sessions SET used_at = :at WHERE id = :id AND used_at < :at",
            {"id": session_id, "at": at},
        )

    def end_session(self, session_id: bytes) -> None:
        self._change("DELETE FROM sessions WHERE id = ?", (session_id,))

    def end_sessions(self, account_id: int, keep: bytes = b"") -> None:
        self._change(
            "DELETE FROM sessions WHERE account_id = :id AND id <> :keep",
            {"id": account_id, "keep": keep},
        )

    def end_old_sessions(self, used_before: int, created_before: int) -> int:
        self._change(_END_OLD, {"used_before": used_before, "created_before": created_before})
        return self._changes()

    def is_familiar(self, account_id: int, source: str) -> bool:
        found = self._execute(
            "SELECT 1 FROM sources WHERE account_id = :id AND source = :source",
            {"id": account_id, "source": source},
        ).get
        return found is not None

    def note_source(self, account_id: int, source: str, at: int) -> None:
        self._execute(_NOTE_SOURCE, {"account_id": account_id, "source": source, "at": at})
