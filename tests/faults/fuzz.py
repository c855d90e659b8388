"""The daemon in memory, fed with whatever bytes: what it answers, and whom that holds up.

A `Subject` is everything from the protocol down to a real database, without a network, without
threads and without bcrypt. What the daemon would do in the reactor's thread is timed apart from
what it would do in a thread of the store's or in that for passwords.
"""

from __future__ import annotations

import tempfile
import time
from collections import deque
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

from msgspec import structs
from twisted.internet.address import IPv4Address
from twisted.internet.task import deferLater
from twisted.logger import ILogObserver, LogEvent, LogLevel, globalLogPublisher
from zope.interface import implementer

from records.api.messages import PROTOCOL, AddParams, Limits, ServerInfo
from records.auth.cred import make_portal
from records.auth.hashing import HashingQueue
from records.auth.login import Passwords
from records.auth.throttle import Throttle
from records.gateway.gateway import Gateway
from records.gateway.rate_limit import RateLimit
from records.gateway.session import Services
from records.model.access import Role
from records.model.accounts import Account, Session, SessionLimits, session_id
from records.operations.boundaries import Transaction
from records.operations.methods import METHODS, perform
from records.operations.sessions import Caller
from records.runtime.input_batching import InputBatching
from records.runtime.scheduler import Scheduler
from records.server.conversation import Conversation, Peer
from records.server.protocol import Deadlines, RecordsFactory, RecordsProtocol
from records.test.samples import ANN
from records.testing import FakeTime, inline_store
from tests.faults.fuzz_answers import MAX_LINE, faults
from tests.faults.fuzz_surroundings import SOURCE, PlainHasher, TimedStore, Transport, TurnClock

T = TypeVar("T")

PASSWORD = "seven quiet herons wade"
TOKENS = ("hr", "reader")
"""Accounts that are logged in: each one's session has the account's name for its token."""

EMPLOYEES = 120
READ_AT_ONCE = 64 * 1024
"""How many bytes Twisted takes from a connection in one turn of its reactor."""
TURNS = 100_000

PING = b'{"jsonrpc":"2.0","method":"ping","id":"ping"}\n'
PONG = (
    b'{"jsonrpc":"2.0","error":{"code":-32601,"message":"There is no such method. See '
    b'docs/protocol.md.","data":{"reason":"method-not-found"}},"id":"ping"}'
)

_LIMITS = SessionLimits()


@implementer(ILogObserver)
class Subject:
    """The daemon, with `EMPLOYEES` employees of which each reports to the one before.

    longest: the most CPU, in seconds, that any turn has taken of the reactor's thread since
    `feed` began; elsewhere: of other threads in all of it. faults: what was logged as one.
    """

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory()
        self._inline = inline_store(Path(self._folder.name) / "records.sqlite", FakeTime())
        self._store = store = TimedStore(self._inline)
        self.time = TurnClock(self.turn)
        self.longest = 0.0
        self._within = 0.0  # seconds in turns that were called from the present one
        self.faults: list[str] = []
        self._tokens = 0
        self._employees(self._account("hr", Role.HR, None))
        self._account("reader", Role.EMPLOYEE, 1)
        hasher = PlainHasher()
        passwords = Passwords(
            self.time, store, hasher, HashingQueue(store.in_thread), Throttle(), lambda _: None
        )
        limits = Limits(
            session_idle_seconds=_LIMITS.idle, session_lifetime_seconds=_LIMITS.lifetime
        )
        self._services = Services(
            store,
            make_portal(store, passwords),
            passwords,
            _LIMITS,
            ServerInfo("records", "0", PROTOCOL, limits),
            RateLimit(),
            self.time.seconds,
            partial(deferLater, self.time),
            self._token,
        )
        self._factory = RecordsFactory(
            self.time,
            self._new_conversation,
            Deadlines(),
            10,
            10,
            InputBatching(Scheduler(self._call_soon, self.time.seconds)),
        )
        globalLogPublisher.addObserver(self)

    def close(self) -> None:
        """End it, and remove its database."""
        globalLogPublisher.removeObserver(self)
        self._inline.close()
        self._folder.cleanup()

    def __call__(self, event: LogEvent) -> None:
        """See `ILogObserver`."""
        if event["log_level"] >= LogLevel.error:
            self.faults.append(str(event.get("log_format")))

    def _call_soon(self, call: Callable[[], object]) -> None:
        self.time.callLater(0, call)

    def _token(self) -> str:
        self._tokens += 1
        return f"token {self._tokens}"

    def _new_conversation(self, peer: Peer, source: str) -> Conversation:
        return Conversation(Gateway(self._services), peer, source)

    def _account(self, name: str, role: Role, employee_id: int | None) -> Caller:
        def add(tx: Transaction) -> None:
            kept = Account(0, name, PlainHasher().hash(PASSWORD), (role,), employee_id)
            account = tx.accounts.add(kept)
            tx.accounts.add_session(Session(session_id(name), account.id, tx.now, tx.now, SOURCE))

        self._inline.do(add)
        return Caller(session_id(name), SOURCE, _LIMITS)

    def _employees(self, hr: Caller) -> None:
        ann = {name: value for name, value in ANN.items() if name != "ssn"}
        for number in range(1, EMPLOYEES + 1):
            manager = {"manager_id": number - 1} if number > 1 else {}
            params = AddParams(employee={**ann, **manager, "id": number})
            self._inline.do(perform, hr, METHODS["employee.add"], params)

    def keep_sessions(self) -> None:
        """Begin the accounts' sessions anew, and give them their passwords back."""
        self._inline.do(self._begin_sessions)

    def _begin_sessions(self, tx: Transaction) -> None:
        for name in TOKENS:
            account = tx.accounts.named(name)
            assert account is not None
            whole = structs.replace(account, password_hash=PlainHasher().hash(PASSWORD))
            if whole != account:
                tx.accounts.replace(whole)
            if tx.accounts.session(session_id(name)) is None:
                tx.accounts.add_session(
                    Session(session_id(name), account.id, tx.now, tx.now, SOURCE)
                )

    def wait_for(self, other: Subject) -> None:
        """Let time pass for whichever of the two is behind, until it is the same for both."""
        ahead = self.time.seconds() - other.time.seconds()
        (other if ahead > 0 else self).time.advance(abs(ahead))

    @property
    def elsewhere(self) -> float:
        """See the class."""
        return self._store.elsewhere

    def connect(self, token: str | None = None) -> Line:
        """A connection: an anonymous one, or one that goes on with an account's session."""
        protocol = self._factory.buildProtocol(IPv4Address("TCP", SOURCE, 50000))
        assert isinstance(protocol, RecordsProtocol)
        return Line(self, protocol, token)

    def deliver(self) -> bool:
        """Tell what the store's threads have done; whether there was anything."""
        return self._store.deliver()

    def turn(self, call: Callable[[], T]) -> T:
        """Do what the reactor does in one iteration."""
        aside, outer, self._within = self._store.elsewhere, self._within, 0.0
        begun = time.thread_time()
        result = call()
        taken = time.thread_time() - begun - (self._store.elsewhere - aside)
        self.longest = max(self.longest, taken - self._within)
        self._within = outer + taken
        return result

    def begin(self) -> None:
        """Measure anew."""
        self.longest = self._store.elsewhere = 0.0
        self.faults.clear()


class Line:
    """A connection to a `Subject`."""

    def __init__(self, subject: Subject, protocol: RecordsProtocol, token: str | None) -> None:
        self._subject = subject
        self.protocol = protocol
        self.transport = Transport()
        protocol.makeConnection(self.transport)
        protocol.handshakeCompleted()
        if token is not None:
            entered = self.feed(
                b'{"jsonrpc":"2.0","method":"resume","params":{"token":"%b"},"id":0}\n'
                % token.encode()
            )
            assert b'"result"' in entered, entered

    def feed(self, data: bytes, at_once: int = READ_AT_ONCE) -> bytes:
        """Send bytes, read all that they are answered with, and let a second pass if need be."""
        subject, transport = self._subject, self.transport
        subject.begin()
        coming = deque(data[start : start + at_once] for start in range(0, len(data), at_once))
        answered = b""
        for _ in range(TURNS):
            if transport.disconnecting:
                break
            if coming and not transport.paused:
                subject.turn(partial(self.protocol.dataReceived, coming.popleft()))
            elif not subject.turn(subject.deliver):
                if not (coming or self.protocol.paused or self._owes()):
                    break
                subject.turn(partial(subject.time.advance, 1))
            subject.turn(partial(subject.time.advance, 0))
            answered += subject.turn(transport.read)
        else:
            raise AssertionError(f"not answered within {TURNS} turns")
        return answered + transport.read()

    def judge(self, data: bytes) -> list[str]:
        """Send lines one by one, and what is wrong with what becomes of each.

        After each line another request is sent: what comes before its answer is the line's.
        """
        found: list[str] = []
        for line in data.split(b"\n"):
            answers = self.feed(line + b"\n" + PING).split(b"\n")[:-1]
            is_closed = len(line.removesuffix(b"\r")) > MAX_LINE
            if self.transport.disconnecting != is_closed:
                found.append("closed" if self.transport.disconnecting else "not closed")
            elif not is_closed and answers[-1:] != [PONG]:
                found.append(f"the next request is answered {answers[-1:]}")
            else:
                found += faults(line, answers if is_closed else answers[:-1])
            found += self._subject.faults
            if found or is_closed:
                break
        return found

    def _owes(self) -> bool:
        return bool(self.protocol._conversation.under_way)

    def close(self) -> None:
        """Hang up."""
        self.protocol.connectionLost()
