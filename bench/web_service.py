"""The same three calls as a FastAPI service over SQLite, as a competent user would write it.

Logins with bcrypt, tokens kept as hashes, roles judged in each request, models that are checked,
changes with a revision, history and audit in one durable transaction (WAL, synchronous FULL).
Reads of a few rows are done in the event loop, which is faster than a thread; changes, which wait
for the disk, are done in threads. The database's path is in BENCH_DATABASE. FastAPI evaluates the
annotations, some of which are local, so they are not postponed.

uvicorn bench.web_service:make --factory
"""

import hashlib
import json
import os
import secrets
import sqlite3
import time
from datetime import date
from threading import Lock
from typing import Annotated, Any

import bcrypt
from fastapi import Depends, FastAPI, Header, HTTPException
from pydantic import BaseModel, Field

SCHEMA = """
CREATE TABLE employees (
    id INTEGER PRIMARY KEY, revision INTEGER NOT NULL, given_name TEXT NOT NULL,
    family_name TEXT NOT NULL, email TEXT, title TEXT, department TEXT, location TEXT,
    hire_date TEXT, birth_date TEXT, home_address TEXT, status TEXT, salary TEXT);
CREATE INDEX by_name ON employees (family_name, given_name, id);
CREATE TABLE accounts (username TEXT PRIMARY KEY, password_hash BLOB NOT NULL, role TEXT NOT NULL);
CREATE TABLE sessions (id BLOB PRIMARY KEY, username TEXT NOT NULL, ends REAL NOT NULL);
CREATE TABLE history (
    seq INTEGER PRIMARY KEY, at REAL, actor TEXT, employee_id INTEGER, revision INTEGER,
    before TEXT, after TEXT);
CREATE TABLE audit (
    seq INTEGER PRIMARY KEY, at REAL, actor TEXT, action TEXT, subject TEXT, fields TEXT);
"""
HOUR = 3600
MAY = {"owner": {"read", "update"}, "employee": {"read"}}


class Login(BaseModel):
    """Who logs in."""

    username: str
    password: str


class Shown(BaseModel):
    """An employee as it is answered."""

    id: int
    revision: int
    given_name: str
    family_name: str
    email: str | None
    title: str | None
    department: str | None
    location: str | None
    hire_date: date | None
    birth_date: date | None
    home_address: str | None
    status: str
    salary: str | None = None


class Page(BaseModel):
    """A list."""

    employees: list[Shown]


class Change(BaseModel):
    """What is to be changed, from which revision on."""

    revision: int = Field(ge=1)
    given_name: str | None = Field(None, max_length=100)
    family_name: str | None = Field(None, max_length=100)
    title: str | None = Field(None, max_length=100)
    department: str | None = Field(None, max_length=100)
    location: str | None = Field(None, max_length=100)
    hire_date: date | None = None
    birth_date: date | None = None


def connect(path: str) -> sqlite3.Connection:
    """A connection that is durable, and may be handed from thread to thread."""
    made = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    made.row_factory = sqlite3.Row
    for setting in ("journal_mode = wal", "synchronous = full", "cache_size = -65536"):
        made.execute(f"PRAGMA {setting}")
    return made


def _shown(row: sqlite3.Row) -> dict[str, Any]:
    return {**dict(row), "salary": "***" if row["salary"] else None}


def make() -> FastAPI:
    """The application."""
    path = os.environ["BENCH_DATABASE"]
    reading, writing = connect(path), connect(path)
    one_writes = Lock()
    app = FastAPI()

    async def user(authorization: Annotated[str, Header()]) -> tuple[str, str]:
        token = authorization.removeprefix("Bearer ")
        row = reading.execute(
            "SELECT username, role FROM sessions JOIN accounts USING (username)"
            " WHERE id = ? AND ends > ?",
            (hashlib.sha256(token.encode()).digest(), time.time()),
        ).fetchone()
        if row is None:
            raise HTTPException(401, "Log in first.")
        return row["username"], row["role"]

    User = Annotated[tuple[str, str], Depends(user)]

    def allow(who: tuple[str, str], action: str) -> None:
        if action not in MAY[who[1]]:
            raise HTTPException(403, "Your role does not allow that.")

    @app.post("/login")
    def login(asked: Login) -> dict[str, str]:
        row = reading.execute(
            "SELECT password_hash FROM accounts WHERE username = ?", (asked.username,)
        ).fetchone()
        if row is None or not bcrypt.checkpw(asked.password.encode(), row["password_hash"]):
            raise HTTPException(401, "Wrong username or password.")
        token = secrets.token_urlsafe(32)
        with one_writes:
            writing.execute(
                "INSERT INTO sessions VALUES (?, ?, ?)",
                (hashlib.sha256(token.encode()).digest(), asked.username, time.time() + 12 * HOUR),
            )
        return {"token": token}

    @app.get("/employees/{employee_id}")
    async def get(employee_id: int, who: User) -> Shown:
        allow(who, "read")
        row = reading.execute("SELECT * FROM employees WHERE id = ?", (employee_id,)).fetchone()
        if row is None:
            raise HTTPException(404, "There is no such employee.")
        return Shown(**_shown(row))

    @app.get("/employees")
    async def page(family_name: str, who: User, limit: int = 50) -> Page:
        allow(who, "read")
        rows = reading.execute(
            "SELECT * FROM employees WHERE family_name >= ? AND family_name < ?"
            " ORDER BY family_name, given_name, id LIMIT ?",
            (family_name, family_name + "\U0010ffff", limit),
        ).fetchall()
        return Page(employees=[Shown(**_shown(row)) for row in rows])

    @app.patch("/employees/{employee_id}")
    def update(employee_id: int, change: Change, who: User) -> Shown:
        allow(who, "update")
        after = change.model_dump(exclude_unset=True, exclude={"revision"}, mode="json")
        with one_writes:
            writing.execute("BEGIN IMMEDIATE")
            try:
                row = _changed(writing, who[0], employee_id, change.revision, after)
            except BaseException:
                writing.execute("ROLLBACK")
                raise
            writing.execute("COMMIT")
        return Shown(**_shown(row))

    return app


def _changed(
    writing: sqlite3.Connection, actor: str, employee_id: int, revision: int, after: dict[str, Any]
) -> sqlite3.Row:
    """Change an employee and note it, in the transaction that is open."""
    select = "SELECT * FROM employees WHERE id = ?"
    old = writing.execute(select, (employee_id,)).fetchone()
    if old is None:
        raise HTTPException(404, "There is no such employee.")
    if old["revision"] != revision:
        raise HTTPException(409, "The employee has changed since you saw it.")
    columns = "".join(f", {name} = ?" for name in after)
    writing.execute(
        f"UPDATE employees SET revision = ?{columns} WHERE id = ?",
        (revision + 1, *after.values(), employee_id),
    )
    before = {name: old[name] for name in after}
    at = time.time()
    writing.execute(
        "INSERT INTO history (at, actor, employee_id, revision, before, after)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        (at, actor, employee_id, revision + 1, json.dumps(before), json.dumps(after)),
    )
    writing.execute(
        "INSERT INTO audit (at, actor, action, subject, fields) VALUES (?, ?, ?, ?, ?)",
        (at, actor, "update", f"employee:{employee_id}", " ".join(after)),
    )
    row: sqlite3.Row = writing.execute(select, (employee_id,)).fetchone()
    return row
