"""Clients that change employees all the time, and write down when they asked and were answered.

Owns what the clients do, and what of it goes into the `Ledger`, which knows whether it can be. A
client repeats under its key whatever had no answer, on another connection, until it has one. So
once a crowd has come to rest, all that was ever asked is either answered or certainly not done.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import count
from random import Random
from time import monotonic, sleep
from typing import Any

from records.model.access import ROLES, Action, Grant, Role, Scope
from records.model.fields import FieldClass
from tests.daemon_case import Daemon
from tests.faults.histories import (
    Add,
    Answer,
    Ask,
    Delete,
    Get,
    OnEmployee,
    Refused,
    Stored,
    Update,
)
from tests.faults.ledger import Ledger, Session, ask, whole_answer
from tests.wire import WAIT, Refusal, Wire, request


def _holders(action: Action, field_class: FieldClass) -> frozenset[str]:
    """The roles that allow an action on every record's fields of a class."""
    needed = Grant(action, field_class, Scope.ALL)
    return frozenset(role.value for role in Role if needed in ROLES[role])


READERS = _holders(Action.READ, FieldClass.DIRECTORY)
WRITERS = _holders(Action.UPDATE, FieldClass.DIRECTORY)
"""The roles that have these permissions, as the protocol's table has them."""

DENIED = 0.02
"""Seconds to wait after a denial: the daemon answers a great many of them only slowly."""

_ABOUT_THE_EMPLOYEE = ("not-found", "already-exists", "revision-conflict")
_ABOUT_THE_ACCOUNT = ("permission-denied", "not-authenticated")
_AGAIN = ("busy", "outcome-unknown")


@dataclass
class _Wish:
    """One thing that a client wants done. called: when first; sent: when last.

    employee_id: 0 while the daemon is to choose it. key: None for what changes nothing. sessions:
    under which it was asked, time after time.
    """

    method: str
    params: dict[str, Any]
    employee_id: int
    key: str | None
    sent: float = 0.0
    called: float = 0.0
    sessions: list[str] = field(default_factory=list)

    def operation(self, answer: Answer) -> OnEmployee:
        """It and its answer, as a history has them."""
        match self.method:
            case "employee.get":
                return Get(answer)
            case "employee.add":
                return Add(answer, self.params["employee"]["title"])
            case "employee.update":
                return Update(answer, self.params["revision"], self.params["changes"]["title"])
        return Delete(answer, self.params["revision"])


def _record(employee: dict[str, Any]) -> Stored:
    """A record that was answered. Its two fields are always changed together."""
    title, department = employee["title"], employee["department"]
    return Stored(
        employee["revision"], title if title == department else f"{title} but {department}"
    )


class Client:
    """Somebody at one connection after the other.

    shared: Employee IDs that others change too. ahead: how many requests are under way at a time.
    drops: how often, of so many answers, the connection is dropped with requests under way.
    """

    def __init__(
        self,
        name: str,
        session: Session,
        ledger: Ledger,
        shared: Sequence[int],
        *,
        ahead: int = 1,
        drops: float = 0.0,
    ) -> None:
        self._name = name
        self._session = session
        self._ledger = ledger
        self._shared = shared
        self._own = [ledger.fresh_id()]
        self._ahead = ahead
        self._drops = drops
        self._random = Random(name)
        self._count = count(1)
        self._known: dict[int, Stored] = {}
        self._open: deque[_Wish] = deque()
        self._later: list[_Wish] = []
        self._in = ""
        self.repeated = 0

    def visit(self, daemon: Daemon, quitting: threading.Event) -> bool:
        """One connection, from its beginning to its end. Whether nothing is left to be done.

        Raises OSError where the connection broke.
        """
        wire = Wire(daemon.port, daemon.ca)
        try:
            if not self._enter(wire):
                return False
            unanswered = [*self._later, *self._open]
            again = [wish for wish in unanswered if wish.key is not None]
            self._later, self._open = [], deque()
            self.repeated += len(again)
            self._send(wire, [*again, *map(self._look, [*self._own, *self._shared])])
            while True:
                if not quitting.is_set():
                    self._send(wire, [self._next() for _ in range(self._ahead - len(self._open))])
                if not self._open:
                    return not self._later
                self._take(wire)
                if self._random.random() < self._drops:
                    return False
        finally:
            wire.close()

    def _enter(self, wire: Wire) -> bool:
        """Go on with the session. If it has ended there is another one the next time."""
        name, token, called = self._session.name, self._session.token, monotonic()
        try:
            ask(wire, "resume", token=token)
        except Refusal as refusal:
            if refusal.reason == "not-authenticated":
                over = Ask(name, READERS, refusal.reason)
                self._ledger.note_account(self._session.username, over, called)
                self._session.renew(wire, name)
            elif refusal.reason not in _AGAIN:
                self._ledger.faults.append(f"resume: {refusal}")
            return False
        self._ledger.note_account(self._session.username, Ask(name, READERS), called)
        self._in = name
        return True

    def _send(self, wire: Wire, wishes: Iterable[_Wish]) -> None:
        now, lines = monotonic(), []
        for wish in wishes:
            wish.sent = now
            wish.called = wish.called or now
            wish.sessions.append(self._in)
            self._open.append(wish)
            lines.append(request(wish.method, **wish.params))
        if lines:
            wire.send(*lines)

    def _take(self, wire: Wire) -> None:
        """The next answer: what it tells of the employee, and what of the account."""
        answer = whole_answer(wire)
        wish = self._open.popleft()
        error = answer.get("error")
        reason = error["data"]["reason"] if error else None
        if reason in _AGAIN:
            self._later.append(wish)
        elif reason in _ABOUT_THE_ACCOUNT:
            self._note_account(wish, reason)
            if len(wish.sessions) > 1:
                self._later.append(wish)  # an earlier time it may have been done
            sleep(DENIED)
        elif reason is None or reason in _ABOUT_THE_EMPLOYEE:
            self._note_account(wish, None)
            told = self._told(answer)
            if not wish.employee_id:
                wish.employee_id = answer["result"]["employee"]["id"]
            self._ledger.note(wish.employee_id, wish.operation(told), wish.called)
            self._learn(wish.employee_id, told)
        else:
            self._ledger.faults.append(f"{wish}: {error}")

    def _note_account(self, wish: _Wish, reason: str | None) -> None:
        """What was answered tells of the permission; a kept outcome, of that at an earlier time."""
        username, session = self._session.username, wish.sessions[-1]
        needs = READERS if wish.key is None else WRITERS
        if reason is not None or len(wish.sessions) == 1:
            self._ledger.note_account(username, Ask(session, needs, reason), wish.sent)
            return
        self._ledger.note_account(username, Ask(session, READERS), wish.sent)
        if len(set(wish.sessions)) == 1:
            self._ledger.note_account(username, Ask(session, needs), wish.called)

    def _told(self, answer: dict[str, Any]) -> Answer:
        if "error" in answer:
            data = answer["error"]["data"]
            present = _record(data["employee"]) if "employee" in data else None
            return Refused(data["reason"], present)
        result = answer["result"]
        if "employee" in result:
            return _record(result["employee"])
        return Stored(result["revision"], None)

    def _learn(self, employee_id: int, told: Answer) -> None:
        """What the next request will be made of, if nothing else is under way there."""
        if any(wish.employee_id == employee_id for wish in self._open):
            return
        if isinstance(told, Refused) and told.present is None:
            self._known.pop(employee_id, None)
            if told.reason == "already-exists":
                self._known[employee_id] = Stored(1, "")
        else:
            known = told.present if isinstance(told, Refused) else told
            assert isinstance(known, Stored)
            self._known[employee_id] = known

    def _look(self, employee_id: int) -> _Wish:
        return _Wish("employee.get", {"id": employee_id}, employee_id, None)

    def _next(self) -> _Wish:
        """Something to do, for the most part to an employee as it is believed to be."""
        dice = self._random.random()
        employee_id = self._random.choice(self._shared if dice < 0.3 else self._own)
        known = self._known.get(employee_id, Stored(0, None))
        if known.revision and known.contents is None and employee_id in self._own:
            self._own = [employee_id := self._ledger.fresh_id()]
            known = Stored(0, None)
        if 0.25 < dice < 0.5:
            return self._look(employee_id)
        key = f"{self._name}.{next(self._count)}"
        both = {"title": key, "department": key}
        if dice < 0.01:  # without an id there is nothing but the key to keep it from a second time
            return _Wish(
                "employee.add", {"employee": {"given_name": "Ben", **both}, "key": key}, 0, key
            )
        if not known.revision:
            self._known[employee_id] = Stored(1, key)
            employee = {"id": employee_id, "given_name": "Ann", **both}
            params: dict[str, Any] = {"employee": employee, "key": key}
            return _Wish("employee.add", params, employee_id, key)
        revision = known.revision
        if dice > 0.96 and revision > 1:
            revision -= 1
        params = {"id": employee_id, "revision": revision, "key": key}
        if 0.5 < dice < 0.53 and employee_id in self._own:
            self._known[employee_id] = Stored(revision + 1, None)
            return _Wish("employee.delete", params, employee_id, key)
        self._known[employee_id] = Stored(revision + 1, key)
        return _Wish("employee.update", {**params, "changes": both}, employee_id, key)


class Crowd:
    """Clients in threads of their own, who go on until they are told to come to rest.

    They dial while the daemon is said to be up. broken: why connections ended that the clients had
    not dropped.
    """

    def __init__(self, daemon: Daemon, ledger: Ledger, clients: Sequence[Client]) -> None:
        self._daemon = daemon
        self._ledger = ledger
        self._clients = clients
        self._quitting = threading.Event()
        self._is_over = False
        self._threads: list[threading.Thread] = []
        self.broken: list[str] = []
        self.up = threading.Event()

    @property
    def repeated(self) -> int:
        """How many requests were sent again because they had no answer."""
        return sum(client.repeated for client in self._clients)

    def start(self) -> None:
        """Begin."""
        self._quitting.clear()
        self._threads = [
            threading.Thread(target=self._run, args=(client,), daemon=True)
            for client in self._clients
        ]
        for thread in self._threads:
            thread.start()

    def rest(self) -> None:
        """Have all finish what they have begun, and look once more at everything."""
        self._quitting.set()
        end = monotonic() + 2 * WAIT
        for thread in self._threads:
            thread.join(max(0.0, end - monotonic()))
        late = sum(thread.is_alive() for thread in self._threads)
        assert not late, f"{late} clients did not come to rest: {self._ledger.faults}"

    def end(self) -> None:
        """Have all leave off, done or not. For `addCleanup`."""
        self._is_over = True
        self.up.set()

    def _run(self, client: Client) -> None:
        try:
            while not self._is_over:
                quitting = self._quitting.is_set()
                self.up.wait(WAIT)
                try:
                    is_done = client.visit(self._daemon, self._quitting)
                except TimeoutError:
                    raise
                except OSError as reason:
                    is_done = False
                    self.broken.append(repr(reason))
                    sleep(0.02)
                if quitting and is_done:
                    return
        except Exception as fault:  # noqa: BLE001  it is the test's, which reads it there
            self._ledger.faults.append(repr(fault))
