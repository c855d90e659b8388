"""What the tests of conversations share: a store that the test drives, and the other end.

The database is a real one. What the test holds in its hand is when work is done and answered,
so that something can be under way for as long as a test wants to look at it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar, TypeVarTuple

import msgspec
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.python.failure import Failure

from records.api.messages import PROTOCOL, Limits, ServerInfo
from records.auth.cred import make_portal
from records.auth.hashing import HashingQueue
from records.auth.login import Passwords
from records.auth.throttle import Throttle
from records.gateway.gateway import Gateway
from records.gateway.rate_limit import RateLimit
from records.gateway.session import Services
from records.model.access import Role
from records.model.accounts import Account, session_id
from records.operations.boundaries import Store, Transaction
from records.server.conversation import Conversation, Peer
from records.test.auth.login_case import GOOD, PasswordsCase
from records.test.operations.operations_case import LIMITS, SOURCE
from records.test.samples import ANN
from records.testing import InlineStore

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class Waiting(msgspec.Struct, frozen=True):
    """Work that has been handed to the store. kind: "read" or "write"."""

    kind: str
    operation: str
    work: Callable[[], Deferred[Any]]
    outcome: Deferred[Any]


class HandStore:
    """A real store that does its work at once or, while `held`, when it is told to.

    handed: everything that was ever submitted, as (kind, operation's name). bulk: whether it
    was in bulk, for each of those.
    seen_through: what operations see in place of their transaction.
    """

    def __init__(self, store: InlineStore) -> None:
        self._store = store
        self.held = False
        self.waiting: list[Waiting] = []
        self.handed: list[tuple[str, str]] = []
        self.bulk: list[bool] = []
        self.seen_through: Callable[[Transaction], Transaction] = lambda tx: tx

    def read(
        self, operation: Callable[[Transaction, *Ts], T], *args: *Ts, bulk: bool = False
    ) -> Deferred[T]:
        """See `records.operations.boundaries.Store`."""
        return self._hand("read", bulk, operation, lambda op: self._store.read(op, *args))

    def write(
        self, operation: Callable[[Transaction, *Ts], T], *args: *Ts, bulk: bool = False
    ) -> Deferred[T]:
        """See `records.operations.boundaries.Store`."""
        return self._hand("write", bulk, operation, lambda op: self._store.write(op, *args))

    def read_now(self, operation: Callable[[Transaction, *Ts], T], *args: *Ts) -> T:
        """See `records.operations.boundaries.Store`."""
        found: T = self._store.read_now(self._seeing(operation), *args)
        return found

    def _seeing(self, operation: Callable[..., Any]) -> Any:
        return lambda tx, *args: operation(self.seen_through(tx), *args)

    def _hand(
        self,
        kind: str,
        is_bulk: bool,
        operation: Callable[..., Any],
        begin: Callable[[Any], Deferred[Any]],
    ) -> Deferred[Any]:
        outcome: Deferred[Any] = Deferred()
        name = operation.__name__
        self.handed.append((kind, name))
        self.bulk.append(is_bulk)
        self.waiting.append(Waiting(kind, name, lambda: begin(self._seeing(operation)), outcome))
        if not self.held:
            self.fire(-1)
        return outcome

    def fire(self, index: int = 0) -> None:
        """Do one piece of the work that waits, and tell how it ended."""
        waiting = self.waiting.pop(index)
        waiting.work().chainDeferred(waiting.outcome)

    def fire_all(self) -> None:
        """Do everything that waits, and what comes up meanwhile."""
        while self.waiting:
            self.fire()

    def refuse(self, error: Exception, index: int = 0) -> None:
        """Leave a piece of work undone."""
        self.waiting.pop(index).outcome.errback(Failure(error))

    @property
    def under_way(self) -> list[str]:
        """The kinds of what waits, in the order in which it was submitted."""
        return [waiting.kind for waiting in self.waiting]


def person(given_name: str) -> dict[str, object]:
    """A new employee of that name, as it is sent."""
    return {"given_name": given_name, "family_name": ANN["family_name"]}


EMPLOYEE_METHODS: dict[str, dict[str, Any]] = {
    "employee.get": {"id": 1},
    "employee.list": {},
    "employee.add": {"employee": person("Al")},
    "employee.update": {"id": 1, "revision": 1, "changes": {}},
    "employee.delete": {"id": 1, "revision": 1},
}
"""Every method about employees, with params that are good if there is an employee 1."""


def request(method: str, number: object = 1, **params: object) -> bytes:
    """A request's line, without its end."""
    return msgspec.json.encode({"jsonrpc": "2.0", "method": method, "params": params, "id": number})


def notification(method: str, **params: object) -> bytes:
    """A line that wants no answer."""
    return msgspec.json.encode({"jsonrpc": "2.0", "method": method, "params": params})


def batch(*lines: bytes) -> bytes:
    """Several requests in one line."""
    return b"[%b]" % b",".join(lines)


def reason(answer: Any) -> str:
    """Why a request was not done; empty if it was."""
    return str(answer["error"]["data"]["reason"]) if "error" in answer else ""


class Talk:
    """A conversation, and its other end, which keeps the lines that it is sent."""

    def __init__(self, services: Services, source: str = SOURCE) -> None:
        self.lines: list[bytes] = []
        self.settlings = 0
        self._count = 0
        self.conversation = Conversation(Gateway(services), self, source)

    def send(self, line: bytes) -> None:
        """See `Peer`."""
        self.lines.append(line)

    def settled(self) -> None:
        """See `Peer`."""
        self.settlings += 1

    def say(self, *lines: bytes) -> None:
        """Send lines, one after the other."""
        for line in lines:
            self.conversation.receive(line)

    def ask(self, method: str, **params: object) -> int:
        """Send a request, and return its id: they count from 1."""
        self._count += 1
        self.say(request(method, self._count, **params))
        return self._count

    def answers(self) -> list[Any]:
        """What has come since this was last asked."""
        lines, self.lines = self.lines, []
        return [msgspec.json.decode(line) for line in lines]

    def numbers(self) -> list[object]:
        """The ids of the answers that have come since they were last asked for."""
        return [answer["id"] for answer in self.answers()]

    def one(self, line: bytes) -> Any:
        """The one line that answers a line."""
        self.say(line)
        (answer,) = self.answers()
        return answer

    def is_silent(self, line: bytes) -> bool:
        """Whether a line is not answered, and nothing of it is left under way."""
        self.say(line)
        return not self.lines and not self.conversation.under_way

    def call(self, method: str, **params: object) -> Any:
        """The one answer to a request."""
        number = self.ask(method, **params)
        (answer,) = self.answers()
        assert answer["id"] == number, answer
        return answer

    def result(self, method: str, **params: object) -> Any:
        """What a request that is done is answered with."""
        answer = self.call(method, **params)
        assert "result" in answer, answer
        return answer["result"]

    def reason(self, method: str, **params: object) -> str:
        """Why a request is not done; empty if it is."""
        return reason(self.call(method, **params))


class ConversationCase(PasswordsCase):
    """Conversations over a store in the test's hand; `hr` has a session whose token is "hr"."""

    def setUp(self) -> None:
        super().setUp()
        self.hand = HandStore(self.store)
        self.tokens = 0
        self.passwords = Passwords(
            self.time,
            self.hand,
            self.hasher,
            HashingQueue(self.threads.run),
            Throttle(),
            self.changed.append,
        )
        self.services = Services(
            self.hand,
            make_portal(self.hand, self.passwords),
            self.passwords,
            LIMITS,
            ServerInfo(
                "records",
                "0",
                PROTOCOL,
                Limits(session_idle_seconds=LIMITS.idle, session_lifetime_seconds=LIMITS.lifetime),
            ),
            RateLimit(),
            self.time.seconds,
            partial(deferLater, self.time),
            self.new_token,
        )

    def new_token(self) -> str:
        """Tokens as they would be drawn: "token 1" and so on."""
        self.tokens += 1
        return f"token {self.tokens}"

    def talk(self, token: str | None = None, source: str = SOURCE) -> Talk:
        """A new conversation: an anonymous one, or one that goes on with a session."""
        talk = Talk(self.services, source)
        if token is not None:
            talk.result("resume", token=token)
            self.hand.handed.clear()
            self.hand.bulk.clear()
        return talk

    def log_in_on(self, talk: Talk, username: str = "hr", password: str = GOOD) -> Any:
        """What a login that succeeds is answered with."""
        return talk.result("login", username=username, password=password)

    def account_with_password(self, name: str, *roles: Role, **others: Any) -> None:
        """An account whose password is GOOD, and a session whose token is its name."""
        self.person(name, *roles, **others)
        self.change_account(name, password_hash=self.hasher.hash(GOOD))

    def pass_time(self, seconds: float, step: float = 1.0) -> None:
        """Let time pass, for the reactor and the store, in steps that nothing sleeps through."""
        while seconds > 0:
            self.clock.advance(min(step, seconds))
            self.time.advance(min(step, seconds))
            seconds -= step

    def has_session(self, token: str) -> bool:
        """Whether there is a session with this token."""
        return self.read(lambda tx: tx.accounts.session(session_id(token))) is not None

    def used_at(self, token: str) -> int:
        """When the session was last used, as far as that was noted."""
        session, account = self.read(lambda tx: tx.accounts.session(session_id(token)))
        assert isinstance(account, Account)
        return int(session.used_at)


def _conforms(store: HandStore, peer: Talk) -> tuple[Store, Peer]:
    return store, peer
