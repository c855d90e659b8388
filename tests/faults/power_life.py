"""A database's life under the recording VFS, and what must be found of it after a power loss.

The life is made of real operations, in batches as the daemon commits them, by a writer that is
closed and opened again, beside another program that writes too, with checkpoints in between.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from random import Random

import apsw
import msgspec

from records.api.messages import EmployeeDeleted, EmployeeStored
from records.model.access import Role
from records.model.accounts import Account, Session, SessionLimits, session_id
from records.model.audit import BrokenChain
from records.model.errors import RecordsError, Unusable
from records.model.fields import STANDARD
from records.operations.audit import verify_journal
from records.operations.boundaries import Done, Transaction, Work
from records.operations.methods import METHODS, perform
from records.operations.sessions import (
    Caller,
    change_password,
    end_session,
    note_failed_login,
    open_session,
    sweep,
)
from records.store.sqlite.database import SqliteDatabase
from records.test.samples import ANN
from records.testing import FakeTime
from tests.faults.power import Acknowledged, Begun, Disk, Event, instants, lay_out
from tests.faults.power_recorder import Recorder

DATABASE = "records.sqlite"
_LIMITS = SessionLimits(idle=10**6, lifetime=10**6)
_SOURCE = "192.0.2.1"
_HR = Caller(session_id("hr"), _SOURCE, _LIMITS)
Told = dict[int, tuple[int, object]]
"""What callers have been told: revision and title of each employee, by ID."""


class Lost(Exception):
    """What was acknowledged is not there, or what was done is there by half."""


class Damaged(Exception):
    """The database cannot be opened, or is not whole."""


@dataclass(frozen=True, slots=True)
class State:
    """A database's whole content, as a hash; and what callers were told of its employees."""

    content: bytes
    told: Told

    def __str__(self) -> str:
        changes = sum(revision for revision, _ in self.told.values())
        return f"{len(self.told)} employees at {changes} revisions (#{self.content.hex()[:6]})"


@dataclass(frozen=True, slots=True)
class Life:
    """What was recorded, and the state after each batch; the first one is that at the start."""

    found: dict[str, bytes | None]
    events: list[Event]
    states: list[State]


def _opened(path: Path) -> SqliteDatabase:
    """The database, as the daemon opens it."""
    return SqliteDatabase(path, FakeTime(), catalogue=STANDARD)


def found_in(folder: Path) -> State:
    """The state of the database in a folder, all of it verified. Raises `Damaged`."""
    path = folder / DATABASE
    try:
        database = _opened(path)
        told = _told(database)
        reader = database.reader()
        try:
            verify_journal(reader.begin())
            reader.end()
        finally:
            reader.close()
        return State(_content(path), told)
    except (Unusable, BrokenChain, apsw.Error) as error:
        raise Damaged(f"{type(error).__name__}: {error}") from None


def _content(path: Path) -> bytes:
    """A hash over every row of every table."""
    with closing(apsw.Connection(str(path), apsw.SQLITE_OPEN_READONLY, "unix")) as connection:
        names = connection.execute("SELECT name FROM sqlite_schema WHERE type='table' ORDER BY 1")
        hashed = hashlib.sha256()
        for (name,) in names.fetchall():
            hashed.update(
                repr((name, connection.execute(f"SELECT * FROM {name}").fetchall())).encode()
            )
        return hashed.digest()


def new_database(folder: Path) -> None:
    """A database with an account `hr` that is logged in, in a new folder."""
    folder.mkdir(parents=True)
    writer = SqliteDatabase(folder / DATABASE, FakeTime(), catalogue=STANDARD).writer()

    def add(tx: Transaction) -> None:
        account = tx.accounts.add(Account(0, "hr", "hash", (Role.HR,)))
        tx.accounts.add_session(Session(_HR.session_id, account.id, tx.now, tx.now, _SOURCE))

    (done,) = writer.run([Work(add)])
    writer.close()
    if done.error is not None:
        raise done.error


@dataclass(frozen=True, slots=True)
class Course:
    """How a life goes.

    sizes: how many works a batch may have. closing: how often the writer is closed after a batch
    and opened again, from 0 to 1; beside: how often another program opens the database and
    closes it, which copies the log. opening: how the database is opened.
    """

    batches: int = 40
    sizes: range = range(1, 9)
    closing: float = 0.05
    beside: float = 0.1
    opening: Callable[[Path], SqliteDatabase] = _opened


USUAL = Course()


def live(folder: Path, random: Random, course: Course = USUAL) -> Life:
    """Work on the database in a folder, and record it.

    Ends as a good stop does. What the power's loss may come upon is any moment of all this.
    """
    path = folder / DATABASE
    recorder = Recorder(folder)
    with recorder.installed():
        database = course.opening(path)
        writer = database.writer()
        told = _told(database)
        states = [State(_content(path), dict(told))]
        for number in range(1, course.batches + 1):
            works = list(_works(random, told, random.choice(course.sizes)))
            recorder.events.append(Begun(number))
            for done in writer.run(works):
                _note(told, done)
            recorder.events.append(Acknowledged(number))
            states.append(State(_content(path), dict(told)))
            writer.maintain()
            if random.random() < course.beside:
                SqliteDatabase(
                    path, FakeTime(), may_upgrade=False, catalogue=STANDARD
                ).writer().close()
            if random.random() < course.closing:
                writer.close()
                writer = course.opening(path).writer()
        writer.close()
    return Life(recorder.found, recorder.events, states)


def _told(database: SqliteDatabase) -> Told:
    """What somebody would be told who asked for everyone. Raises `Damaged`."""
    reader = database.reader()
    try:
        tx = reader.begin()
        told: Told = {}
        for employee in tx.employees.everyone():
            if employee.revision != len(list(tx.journal.changes(employee.id))):
                raise Damaged(f"employee {employee.id} has another number of changes")
            told[employee.id] = (employee.revision, employee.values["title"])
        return told
    finally:
        reader.end()
        reader.close()


def _note(told: Told, done: Done) -> None:
    """Note what a caller was told."""
    match done.value:
        case EmployeeStored(employee=shown):
            told[int(str(shown["id"]))] = (int(str(shown["revision"])), shown.get("title"))
        case EmployeeDeleted(id=employee_id):
            del told[employee_id]
    if done.error is not None and not isinstance(done.error, (RecordsError, _Stumbled)):
        raise done.error


class _Stumbled(Exception):
    """A work's failure, after it has changed something."""


def _ask(method: str, **params: object) -> Work:
    decoded = METHODS[method].decode.decode(msgspec.json.encode(params))
    return Work(perform, (_HR, METHODS[method].for_params(decoded), decoded))


def _works(random: Random, told: Told, size: int) -> Iterator[Work]:
    """Works such as come up. No two of a batch change the same employee."""
    there = [*told]
    random.shuffle(there)
    for _ in range(size):
        number = random.getrandbits(48)  # no key and no token is used twice
        key = {"key": f"key {number}"} if random.random() < 0.7 else {}
        kind = random.random()
        if kind < 0.35 or not there:
            fields = {
                **ANN,
                "title": f"Clerk {number}",
                "home_address": "Elm " * random.randint(1, 40),
            }
            del fields["ssn"]
            yield _ask("employee.add", employee=fields, **key)
        elif kind < 0.65:
            one = there.pop()
            stale = random.random() < 0.1
            revision = told[one][0] + stale
            yield _ask(
                "employee.update",
                id=one,
                revision=revision,
                changes={"title": f"Clerk {number}"},
                **key,
            )
        elif kind < 0.75:
            one = there.pop()
            yield _ask("employee.delete", id=one, revision=told[one][0], **key)
        elif kind < 0.8:
            yield _ask("employee.get", id=there.pop(), reveal=["birth_date", "home_address"])
        elif kind < 0.9:
            yield from _session(f"token {number}")
        elif kind < 0.95:
            yield Work(_stumble)
        else:
            yield Work(sweep, (_LIMITS,))
            yield Work(note_failed_login, (None, _SOURCE))


def _session(token: str) -> Iterator[Work]:
    """A login, a password change and a logout."""
    caller = Caller(session_id(token), _SOURCE, _LIMITS)

    def log_in(tx: Transaction) -> None:
        account = tx.accounts.named("hr")
        assert account is not None
        open_session(tx, account, caller, f"hash {token}")

    yield Work(log_in)
    yield Work(change_password, (_HR, f"hash {token}", f"hash again {token}"))
    yield Work(end_session, (caller,))  # refused: the change has ended that session already


def _stumble(tx: Transaction) -> None:
    note_failed_login(tx, None, _SOURCE)
    raise _Stumbled


@dataclass(frozen=True, slots=True)
class Loss:
    """A power loss before an event of a life, and the folder as it was found after it."""

    instant: int
    folder: Path
    expected: list[State]


def losses(life: Life, random: Random, times: int, place: Path) -> Iterator[Loss]:
    """Lose the power at so many moments of a life, each laid out in a folder of its own."""
    disk = Disk(life.found)
    followed = 0
    for number, instant in enumerate(instants(random, life.events, times)):
        for event in life.events[followed:instant]:
            disk.follow(event)
        followed = instant
        folder = place / str(number)
        lay_out(disk.lose_power(random), folder)
        if random.random() < 0.5:  # what was in memory may be found as anything
            shared = folder / f"{DATABASE}-shm"
            shared.write_bytes(random.randbytes(32768))
            shared.chmod(0o600)
        yield Loss(instant, folder, life.states[disk.acknowledged : disk.begun + 1])


def check(loss: Loss) -> State:
    """Open what is left as the daemon does. Raises `Damaged` or `Lost`.

    All that was acknowledged must be there as it was told, and of the batch that was under way
    all or nothing; what is nobody's answer, such as the audit log, exactly as it was.
    """
    state = found_in(loss.folder)
    if state not in loss.expected:
        expected = " or ".join(map(str, loss.expected))
        raise Lost(f"there is {state} where {expected} was expected")
    return state
