"""What many clients were answered, gathered by employee and account, and judged at times of rest.

Owns the histories under way, and the sessions that clients share; the rules and the search are
those of `tests.faults.histories`.
"""

from __future__ import annotations

import json
import threading
from collections import defaultdict
from itertools import count
from time import monotonic, sleep
from typing import Any

from tests.faults.histories import Account, Call, Employee, LogIn, Operation, states_after
from tests.wire import Refusal, Wire, request


def whole_answer(wire: Wire) -> dict[str, Any]:
    """The next answer. Raises ConnectionError where the connection ended before all of it came."""
    line = wire.line()
    if not line.endswith(b"\n"):
        raise ConnectionError("no more answers")
    answer: dict[str, Any] = json.loads(line)
    return answer


def ask(wire: Wire, method: str, **params: Any) -> Any:
    """The result of a request. Raises `Refusal`, or ConnectionError."""
    wire.send(request(method, **params))
    answer = whole_answer(wire)
    if "error" in answer:
        raise Refusal(answer["error"])
    return answer["result"]


class Ledger:
    """All that was seen of each employee and account.

    faults: what must never have been seen. answers: how many calls were judged. refused: how many
    of them were refused for the account's sake.
    """

    def __init__(self) -> None:
        self.faults: list[str] = []
        self.answers = 0
        self.refused = 0
        self._ids = count(1)
        self._lock = threading.Lock()
        self._employees: defaultdict[int, list[Call[Employee]]] = defaultdict(list)
        self._accounts: defaultdict[str, list[Call[Account]]] = defaultdict(list)
        self._employee_states: dict[int, frozenset[Employee]] = {}
        self._account_states: dict[str, frozenset[Account]] = {}

    def fresh_id(self) -> int:
        """An Employee ID that nobody has used."""
        with self._lock:
            return next(self._ids)

    def begin(self, username: str, account: Account) -> None:
        """This account is known to be so."""
        self._account_states[username] = frozenset({account})

    def note(self, employee_id: int, operation: Operation[Employee], called: float) -> None:
        """An employee's operation was answered just now."""
        call = Call(operation, called, monotonic())
        with self._lock:
            self._employees[employee_id].append(call)

    def note_account(self, username: str, operation: Operation[Account], called: float) -> None:
        """An account's operation was answered just now."""
        call = Call(operation, called, monotonic())
        with self._lock:
            self._accounts[username].append(call)

    @property
    def unjudged(self) -> int:
        """How many calls of employees' operations were answered since the last `check`."""
        with self._lock:
            return sum(map(len, self._employees.values()))

    def has_unjudged(self, calls: int) -> bool:
        """Whether there are more than so many."""
        return self.unjudged > calls

    def check(self) -> int:
        """Whether all since the last time is linearizable; the number of calls. Only at rest.

        Raises `NotLinearizable`.
        """
        calls = 0
        for employee_id, history in self._employees.items():
            before = self._employee_states.get(employee_id, frozenset({Employee()}))
            self._employee_states[employee_id] = states_after(history, before)
            calls += len(history)
        for username, asked in self._accounts.items():
            before_it = self._account_states[username]
            self._account_states[username] = states_after(asked, before_it)
            calls += len(asked)
            self.refused += sum(
                getattr(call.operation, "reason", None) is not None for call in asked
            )
        self._employees.clear()
        self._accounts.clear()
        self.answers += calls
        return calls


class Session:
    """An account's login, which many clients share, and which one of them renews."""

    def __init__(self, ledger: Ledger, username: str, password: str, token: str) -> None:
        self.username = username
        self.name = f"{username}/0"
        self.token = token
        self._ledger = ledger
        self._password = password
        self._lock = threading.Lock()
        self._count = count(1)

    def renew(self, wire: Wire, ended: str) -> None:
        """Log in if that is still the session that has ended. Waits if it is refused."""
        with self._lock:
            if self.name != ended:
                return
            called = monotonic()
            try:
                told = ask(wire, "login", username=self.username, password=self._password)
            except Refusal as refusal:
                if refusal.reason == "not-authenticated":
                    self._ledger.note_account(self.username, LogIn(None), called)
                # Where the outcome is unknown, there may be a session whose token nobody has.
                elif refusal.reason not in ("busy", "too-many-attempts", "outcome-unknown"):
                    self._ledger.faults.append(f"login: {refusal}")
                sleep(refusal.data.get("retry_after", 0.2))
                return
            name = f"{self.username}/{next(self._count)}"
            self._ledger.note_account(self.username, LogIn(name), called)
            self.name, self.token = name, told["token"]
