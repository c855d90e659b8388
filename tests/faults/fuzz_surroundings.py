"""What is around the daemon that is fed in memory: a store, a clock, a connection and a hasher.

None of them waits or has threads; each keeps account of what it would have cost, and to whom.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar, TypeVarTuple

from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred, execute
from twisted.internet.task import Clock

from records.operations.boundaries import PasswordHasher, Store, Transaction
from records.testing import InlineStore

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

SOURCE = "192.0.2.1"
UNREAD = 128 * 1024
"""How many bytes of answers make Twisted's TLS and TCP together stop a connection's producer."""


class PlainHasher:
    """In place of bcrypt, whose time has a queue and threads of its own."""

    def hash(self, password: str) -> str:
        """See `PasswordHasher`."""
        return f"plain {password}"

    def verify(self, password: str, hashed: str) -> bool:
        """See `PasswordHasher`."""
        return hashed == self.hash(password)

    def dummy_hash(self) -> str:
        """See `PasswordHasher`."""
        return "plain"

    def is_outdated(self, hashed: str) -> bool:
        """See `PasswordHasher`."""
        return not hashed.startswith("plain ")


class TimedStore:
    """A store whose threads are done by the reactor's next iteration.

    elsewhere: seconds of CPU that its threads, and those for passwords, would have spent.
    """

    def __init__(self, store: InlineStore) -> None:
        self._store = store
        self._waiting: list[tuple[Callable[[], Deferred[Any]], Deferred[Any]]] = []
        self.elsewhere = 0.0

    def read(
        self, operation: Callable[[Transaction, *Ts], T], *args: *Ts, bulk: bool = False
    ) -> Deferred[T]:
        """See `records.operations.boundaries.Store`."""
        return self._hand_over(lambda: self._store.read(operation, *args))

    def write(
        self, operation: Callable[[Transaction, *Ts], T], *args: *Ts, bulk: bool = False
    ) -> Deferred[T]:
        """See `records.operations.boundaries.Store`."""
        return self._hand_over(lambda: self._store.write(operation, *args))

    def read_now(self, operation: Callable[[Transaction, *Ts], T], *args: *Ts) -> T:
        """The one thing that the reactor's thread does itself."""
        return self._store.read_now(operation, *args)

    def in_thread(self, call: Callable[[], Any]) -> Deferred[Any]:
        """In place of the threads for passwords."""
        return self._hand_over(lambda: execute(call))

    def _hand_over(self, work: Callable[[], Deferred[Any]]) -> Deferred[Any]:
        outcome: Deferred[Any] = Deferred()
        self._waiting.append((work, outcome))
        return outcome

    def deliver(self) -> bool:
        """Tell the outcomes of all that was submitted; whether there were any."""
        waiting, self._waiting = self._waiting, []
        begun = time.thread_time()
        done = [(work(), outcome) for work, outcome in waiting]
        self.elsewhere += time.thread_time() - begun
        for result, outcome in done:
            result.chainDeferred(outcome)
        return bool(waiting)


class TurnClock(Clock):
    """A clock by which each call is a reactor iteration by itself, as it is in a real one."""

    def __init__(self, turn: Callable[[Callable[[], object]], object]) -> None:
        super().__init__()
        self._turn = turn

    def callLater(
        self, delay: float, callable: Callable[..., Any], *args: object, **kw: object
    ) -> Any:
        """See `IReactorTime`."""
        return super().callLater(delay, self._turn, partial(callable, *args, **kw))


class Transport:
    """A connection that is read when `read` says so.

    sent: what the daemon has written and was not read. disconnecting: whether it has ended it.
    """

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.unread = 0
        self.paused = False
        self.disconnecting = False
        self._producer: Any = None
        self._stopped = False

    def getPeer(self) -> IPv4Address:
        """See `ITransport`."""
        return IPv4Address("TCP", SOURCE, 50000)

    def write(self, data: bytes) -> None:
        """See `ITransport`."""
        self.sent.append(data)
        self.unread += len(data)
        if self.unread > UNREAD and not self._stopped and self._producer is not None:
            self._stopped = True
            self._producer.pauseProducing()

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        """See `IConsumer`."""
        assert streaming
        self._producer = producer

    def unregisterProducer(self) -> None:
        """See `IConsumer`."""
        self._producer = None

    def pauseProducing(self) -> None:
        """See `IPushProducer`."""
        self.paused = True

    def resumeProducing(self) -> None:
        """See `IPushProducer`."""
        self.paused = False

    def loseConnection(self) -> None:
        """See `ITransport`."""
        self.disconnecting = True

    abortConnection = loseConnection

    def read(self) -> bytes:
        """Read what was sent, after which the daemon may go on."""
        data = b"".join(self.sent)
        self.sent, self.unread = [], 0
        if self._stopped:
            self._stopped = False
            if self._producer is not None:
                self._producer.resumeProducing()
        return data


def _conforms(store: TimedStore, hasher: PlainHasher) -> tuple[Store, PasswordHasher]:
    return store, hasher
