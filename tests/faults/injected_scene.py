"""A daemon with people in it: what its users ask of it, and what is in its database.

Reads the database itself for the audit log, which no method shows. Knows nothing of faults.
"""

from __future__ import annotations

import os
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from records.model.audit import Head
from records.model.fields import STANDARD
from records.operations.audit import verify_journal
from records.operations.boundaries import Transaction
from records.store.sqlite.database import SqliteDatabase
from tests.faults.injected_daemon import ForkedDaemon
from tests.wire import Refusal, Wire

T = TypeVar("T")
FRAME = 24 + 4096
"""Bytes of a page in the write-ahead log (https://sqlite.org/fileformat2.html#walformat)."""


@dataclass
class Scene:
    """A daemon with a user logged in, `token`, and a clerk who may change nothing."""

    daemon: ForkedDaemon
    token: str
    clerk_token: str = ""
    clerk_password: str = ""
    number: int = 0

    def next(self) -> int:
        """A number that nothing has had yet."""
        self.number += 1
        return self.number

    def wire(self, token: str | None = None) -> Wire:
        """A connection; of a session, if its token is given.

        Nothing is under way on it: not even TLS's session tickets, which come when they like.
        """
        wire = Wire(self.daemon.port, self.daemon.ca)
        try:
            wire.ask("server.info")
            if token is not None:
                wire.ask("resume", token=token)
        except BaseException:
            wire.close()
            raise
        return wire

    def ask(self, method: str, **params: Any) -> Any:
        """The result of a request of the session's. Raises `Refusal`."""
        wire = self.wire(self.token)
        try:
            return wire.ask(method, **params)
        finally:
            wire.close()

    def read(self, operation: Callable[[Transaction], T]) -> T:
        """What an operation finds in the database, beside the daemon that runs."""
        path = self.daemon.folder / "data" / "records.sqlite"
        database = SqliteDatabase(
            path, lambda: time.time_ns() // 1000, os.urandom, may_upgrade=False, catalogue=STANDARD
        )
        reader = database.reader()
        try:
            return operation(reader.begin())
        finally:
            reader.end()
            reader.close()

    def head(self) -> Head:
        """Where the audit log ends, which is whole, as the employees are.

        Raises `records.model.audit.BrokenChain`.
        """
        return self.read(verify_journal)

    def log_end(self) -> int:
        """Where in the write-ahead log the next frame goes: its shared index tells (`mxFrame`)."""
        index = self.daemon.folder / "data" / "records.sqlite-shm"
        with index.open("rb") as file:
            return 32 + FRAME * int(struct.unpack_from("=I", file.read(20), 16)[0])

    def logged_pages(self) -> list[int]:
        """The numbers of the pages that are in the write-ahead log, each once, in their order."""
        log = (self.daemon.folder / "data" / "records.sqlite-wal").read_bytes()
        frames = range(32, self.log_end(), FRAME)
        return sorted({int(struct.unpack_from(">I", log, frame)[0]) for frame in frames})

    def is_chained(self, head: Head) -> bool:
        """Whether the audit log still has this entry, and so all of those before it."""

        def follows(tx: Transaction) -> bool:
            entry = next(tx.journal.entries(head.seq - 1), None)
            return entry is not None and (entry.seq, entry.hash) == (head.seq, head.hash)

        return self.read(follows)

    def title(self, employee_id: int) -> tuple[int, str | None]:
        """An employee's revision and title; 0 if there is none."""
        try:
            employee = self.ask("employee.get", id=employee_id)["employee"]
        except Refusal as refusal:
            if refusal.reason != "not-found":
                raise
            return 0, None
        return employee["revision"], employee["title"]
