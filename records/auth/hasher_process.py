"""The process that hashes passwords: as the daemon sees it, and what it does.

Owns who waits for which call, and that everybody does get an answer. Whoever hashes holds an
interpreter's lock for its first and last microseconds, far behind everybody who is at work. In an
interpreter of its own nobody else waits for that.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from socket import socket
from typing import Any, TypeVar, cast

from twisted.internet.defer import Deferred, succeed
from twisted.internet.defer import TimeoutError as OutOfTime
from twisted.internet.interfaces import IReadDescriptor
from twisted.internet.main import CONNECTION_LOST
from twisted.internet.pollreactor import PollReactor
from twisted.logger import ILogObserver, LogEvent, Logger, globalLogPublisher
from twisted.python.failure import Failure
from zope.interface import implementer

from records.auth.hashing import THREADS, Hashing, HashingEnded
from records.auth.patience import PatientThreads
from records.model.errors import stopping
from records.runtime.faults import told
from records.runtime.forked import PIECE, ForkedProcess
from records.runtime.framing import Broken, Unpacker, pack, portable

_log = Logger("records.auth.hasher_process")

T = TypeVar("T")

NAME = "records-hasher"
"""What the process is called where processes are listed."""


class HasherProcess(ForkedProcess):
    """`records.auth.hashing.Hashing` in a process of its own. It is forked at once.

    See `ForkedProcess`. Calls, and what they give or raise, must be such that they can be pickled.
    """

    def __init__(self, reactor: Any) -> None:
        self.failed: Deferred[None] = Deferred()
        self._waiting: dict[int, Deferred[Any]] = {}
        self._count = 0
        self._awaited = 0
        self._is_finishing = False
        self._at_rest: list[Deferred[None]] = []
        super().__init__(reactor, NAME, "that hashes passwords", _live)

    def run(self, call: Callable[[], T], holds_lock: bool = False) -> Deferred[T]:
        """See `Hashing`."""
        result: Deferred[T] = Deferred()
        if self._is_finishing:
            return result
        if self._is_over:
            result.errback(Failure(stopping()))
            return result
        self._count += 1
        parcel = pack((self._count, call, holds_lock))
        self._waiting[self._count] = result
        self._awaited += 1
        result.addBoth(self._told)
        self.send(parcel)
        return result

    def received(self, parcel: Any) -> None:
        """See `ForkedProcess`."""
        if self._is_over:
            return  # it came with what led to the end
        if isinstance(parcel, Broken):
            self.abandon()
            self._end(f"the process {self._what} cannot go on: {parcel.why}")
            return
        number, value, error = parcel
        result = self._waiting.pop(number)
        if error is None:
            result.callback(value)
        else:
            result.errback(Failure(error))

    def ended_badly(self, failure: Failure | None) -> None:
        """See `ForkedProcess`."""
        if self._is_over:
            return
        self._watch_no_more()
        ended = self._why_ended()
        self._end(ended if failure is None else told(failure.value))

    def _end(self, why: str) -> None:
        """Answer everybody who waits; nothing more can be hashed."""
        self.failed.errback(Failure(HashingEnded(why)))
        waiting, self._waiting = self._waiting, {}
        for result in waiting.values():
            result.errback(Failure(stopping()))

    async def stop(self, within: float) -> None:
        """See `Hashing`."""
        try:
            await self._finish().addTimeout(within, self._reactor)
        except OutOfTime:
            _log.warn("Passwords are still being hashed; nobody waits for that any more")
        if not self._is_over:
            self.abandon()

    def _finish(self) -> Deferred[None]:
        """Run no more; fires when all that was run has been answered, and those who asked went on.

        Whatever is asked for from now on never comes: it is for whoever stops everything.
        """
        self._is_finishing = True
        if not self._awaited:
            return succeed(None)
        finished: Deferred[None] = Deferred()
        self._at_rest.append(finished)
        return finished

    def _told(self, outcome: Any) -> Any:
        self._awaited -= 1
        if self._is_finishing:
            self._reactor.callLater(0, self._tell_at_rest)  # whoever asked comes first
        return outcome

    def _tell_at_rest(self) -> None:
        if not self._awaited:
            waiting, self._at_rest = self._at_rest, []
            for finished in waiting:
                finished.callback(None)


@implementer(IReadDescriptor)
class Hasher:
    """What the process does, until the daemon hangs up. other: its socket, which blocks.

    reactor: one of its own. leave: called with an exit code, when nobody is there any more or the
    process cannot go on.
    """

    def __init__(self, other: socket, reactor: Any, leave: Callable[[int], object]) -> None:
        self._socket = other
        self._reactor = reactor
        self._leave = leave
        self._threads = PatientThreads(reactor, THREADS, "records-hashing")
        self._unpacker = Unpacker()

    def start(self) -> None:
        """Run whatever calls come, from now on."""
        self._threads.start()
        self._reactor.addReader(self)

    def fileno(self) -> int:
        """See `IFileDescriptor`."""
        return self._socket.fileno()

    def logPrefix(self) -> str:
        """See `ILoggingContext`."""
        return NAME

    def connectionLost(self, reason: Failure) -> None:
        """See `IFileDescriptor`. The daemon is gone."""
        self._leave(0)

    def doRead(self) -> Any:
        """See `IReadDescriptor`."""
        try:
            data = self._socket.recv(PIECE)
        except OSError:
            data = b""
        if not data:
            return CONNECTION_LOST
        try:
            for number, call, holds_lock in self._unpacker.unpack(data):
                self._threads.run(call, holds_lock).addBoth(self._answer, number)
        except Exception as error:  # noqa: BLE001  whatever it is, the daemon is told
            self._break_down(error)
        return None

    def note(self, event: LogEvent) -> None:
        """Something has been logged here. If it is a fault, nobody else would answer for it."""
        failure = event.get("log_failure")
        if failure is not None:
            self._break_down(failure.value)

    def _answer(self, outcome: Any, number: int) -> None:
        error = portable(outcome.value) if isinstance(outcome, Failure) else None
        try:
            parcel = pack((number, None if error else outcome, error))
        except Exception as fault:  # noqa: BLE001  it is that caller's
            parcel = pack((number, None, portable(fault)))
        self._send(parcel)

    def _send(self, parcel: bytes) -> None:
        try:
            self._socket.sendall(parcel)
        except OSError:
            self._leave(0)

    def _break_down(self, error: BaseException | None) -> None:
        """Tell the daemon why this cannot go on, and end."""
        self._send(pack(Broken(told(error))))
        self._leave(1)


def _live(other: socket) -> None:
    """Be the process. The daemon's reactor has been inherited with all that it watches."""
    reactor: Any = PollReactor()
    reactor.seconds = time.monotonic  # as in the daemon, so that no clock that is set matters
    hasher = Hasher(other, reactor, os._exit)
    # The daemon's log is the daemon's: whoever else wrote to it might rotate it under its feet.
    for observer in tuple(globalLogPublisher._observers):
        globalLogPublisher.removeObserver(observer)
    globalLogPublisher.addObserver(cast(ILogObserver, hasher.note))
    hasher.start()
    reactor.run(installSignalHandlers=False)


def _conforms(process: HasherProcess) -> Hashing:
    return process
