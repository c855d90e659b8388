"""A reactor whose turns the test takes, and a clock that can hold up or break a thread.

What threads ask of the reactor waits in a queue until the test takes another turn; so a test may
wait for a thread, and never depends on how long it took.
"""

from __future__ import annotations

from collections.abc import Callable
from queue import Empty, SimpleQueue
from threading import Event, current_thread

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.error import CannotListenError, ReactorNotRunning
from twisted.internet.interfaces import IListeningPort
from twisted.internet.protocol import Factory
from twisted.internet.testing import MemoryReactorClock
from zope.interface import implementer

from records.test.tls.tls_case import End
from records.testing import FakeTime

WRITER = "records-writer"


@implementer(IListeningPort)
class HeldPort:
    """A port that nobody but the test connects to.

    is_open: whether the service listens there. fault: raised when it is to be closed.
    """

    def __init__(self, host: IPv4Address | IPv6Address, factory: Factory) -> None:
        self._host = host
        self.factory = factory
        self.is_open = True
        self.fault: Exception | None = None

    def startListening(self) -> None:
        """See `IListeningPort`."""

    def stopListening(self) -> None:
        """See `IListeningPort`."""
        self.is_open = False
        if self.fault is not None:
            raise self.fault

    def getHost(self) -> IPv4Address | IPv6Address:
        """See `IListeningPort`."""
        return self._host


class HeldReactor(MemoryReactorClock):
    """A reactor whose turns the test takes; calls from threads wait in a queue.

    taken: by port, the errno with which listening there fails, or what it raises. ports: where
    somebody listens or listened.
    """

    def __init__(self) -> None:
        super().__init__()
        self.from_threads: SimpleQueue[tuple[Callable[..., object], tuple[object, ...]]] = (
            SimpleQueue()
        )
        self.taken: dict[int, int | Exception] = {}
        self.ports: list[HeldPort] = []

    def callFromThread(self, call: Callable[..., object], *args: object) -> None:
        """See `IReactorFromThreads`."""
        self.from_threads.put((call, args))

    def stop(self) -> None:
        """See `IReactorCore`."""
        if self.hasStopped:
            raise ReactorNotRunning
        super().stop()

    def listenTCP(
        self, port: int, factory: Factory, backlog: int = 50, interface: str = ""
    ) -> HeldPort:
        """See `IReactorTCP`."""
        reason = self.taken.get(port)
        if isinstance(reason, Exception):
            raise reason
        if reason is not None:
            raise CannotListenError(interface, port, OSError(reason, "no"))
        kind = IPv6Address if ":" in interface else IPv4Address
        held = HeldPort(kind("TCP", interface or "0.0.0.0", port), factory)
        self.ports.append(held)
        return held

    def one_call(self, wait: float) -> bool:
        """Do what a thread has asked for. Returns whether one did while this was waited for."""
        try:
            call, args = self.from_threads.get(wait > 0, wait)
        except Empty:
            return False
        call(*args)
        return True


class HeldTime(FakeTime):
    """A clock that can hold up the thread that writes, or break it.

    go_on: clear it, and the next transaction that writes waits until it is set. fault: raised
    in the thread that writes, in the midst of its work.
    """

    def __init__(self) -> None:
        super().__init__()
        self.go_on = Event()
        self.go_on.set()
        self.fault: BaseException | None = None

    def __call__(self) -> int:
        if current_thread().name == WRITER:
            self.go_on.wait(20)
            if self.fault is not None:
                raise self.fault
        return super().__call__()


class Silent(End):
    """An end that says nothing by itself."""

    def connectionMade(self) -> None:
        """See `IProtocol`."""
