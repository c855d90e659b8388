"""The process that hashes passwords: the daemon's side of it, and the child's.

Owns the calls that have no answer yet, and answers each of them, also when the process dies.

A low-priority thread that is preempted while it holds the GIL would block the whole daemon, so
hashing has a process (and a GIL) of its own.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from socket import SHUT_RDWR, socket
from threading import Lock
from typing import Any, TypeVar

from twisted.internet.defer import Deferred, succeed
from twisted.internet.defer import TimeoutError as OutOfTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from records.auth.hashing import THREADS, HasherFailed, Hashing
from records.model.errors import stopping
from records.runtime.faults import describe
from records.runtime.forked import READ_SIZE, ForkedProcess
from records.runtime.framing import FrameDecoder, ProcessFailed, encode_frame, portable_error

_log = Logger("records.auth.hasher_process")

T = TypeVar("T")

NAME = "records-hasher"
"""The process name that `ps` shows."""

NICENESS = 10
"""Added to the daemon's niceness: a tenth of the processor time of a process that competes."""


class HasherProcess(ForkedProcess):
    """`records.auth.hashing.Hashing` in a process of its own. The constructor forks it.

    See `ForkedProcess`. Calls, their results and their exceptions must be picklable.
    """

    def __init__(self, reactor: Any) -> None:
        self.failed: Deferred[None] = Deferred()
        self._waiting: dict[int, Deferred[Any]] = {}
        self._count = 0
        self._awaited = 0
        self._is_finishing = False
        self._idle_waiters: list[Deferred[None]] = []
        super().__init__(reactor, NAME, "that hashes passwords", _run)

    def run(self, call: Callable[[], T]) -> Deferred[T]:
        """See `Hashing`."""
        result: Deferred[T] = Deferred()
        if self._is_finishing:
            return result
        if self._is_over:
            result.errback(Failure(stopping()))
            return result
        self._count += 1
        frame = encode_frame((self._count, call))
        self._waiting[self._count] = result
        self._awaited += 1
        result.addBoth(self._answered)
        self.send(frame)
        return result

    def received(self, frame: Any) -> None:
        """See `ForkedProcess`."""
        if self._is_over:
            return  # it arrived together with the fault that ended the process
        if isinstance(frame, ProcessFailed):
            self.abandon()
            self._end(f"the process {self._what} cannot go on: {frame.why}")
            return
        number, value, error = frame
        result = self._waiting.pop(number)
        if error is None:
            result.callback(value)
        else:
            result.errback(Failure(error))

    def process_ended(self, failure: Failure | None) -> None:
        """See `ForkedProcess`."""
        if self._is_over:
            return
        self._stop_watching()
        ended = self._why_ended()
        self._end(ended if failure is None else describe(failure.value))

    def _end(self, why: str) -> None:
        """Fail all pending calls; nothing more can be hashed."""
        self.failed.errback(Failure(HasherFailed(why)))
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
        """Accept no more calls. Fires when all pending ones have been answered and their callers
        went on.

        The Deferred of a call that is requested later never fires: the daemon is stopping.
        """
        self._is_finishing = True
        if not self._awaited:
            return succeed(None)
        finished: Deferred[None] = Deferred()
        self._idle_waiters.append(finished)
        return finished

    def _answered(self, outcome: Any) -> Any:
        self._awaited -= 1
        if self._is_finishing:
            self._reactor.callLater(0, self._check_idle)  # callers go on first
        return outcome

    def _check_idle(self) -> None:
        if not self._awaited:
            waiting, self._idle_waiters = self._idle_waiters, []
            for finished in waiting:
                finished.callback(None)


class Hasher:
    """The child's side: runs the calls that arrive on a socket, until the daemon closes it.

    other: the child's end of the socket, which blocks.
    """

    def __init__(self, other: socket) -> None:
        self._socket = other
        self._sending = Lock()

    def serve(self) -> None:
        """Run calls as they arrive. Returns when the daemon has closed the socket, and waits for no
        call.

        Raises any other fault that keeps it from receiving calls.
        """
        threads = ThreadPoolExecutor(THREADS, NAME)
        unpacker = FrameDecoder()
        while data := self._receive():
            for number, call in unpacker.decode(data):
                threads.submit(self._run, number, call)

    def _receive(self) -> bytes:
        try:
            return self._socket.recv(READ_SIZE)
        except ConnectionError:  # the daemon closed the socket without reading all answers
            return b""

    def _run(self, number: int, call: Callable[[], Any]) -> None:
        try:
            frame = encode_frame((number, call(), None))
        except BaseException as error:  # noqa: BLE001  any fault goes to the caller
            frame = encode_frame((number, None, portable_error(error)))
        try:
            with self._sending:
                self._socket.sendall(frame)
        except OSError:
            # The caller cannot be answered, so `serve` has to end, and with it the process.
            self._socket.shutdown(SHUT_RDWR)


def _run(other: socket) -> None:
    with suppress(OSError):  # a sandbox may forbid it; hashing works all the same
        os.nice(NICENESS)
    Hasher(other).serve()


def _conforms(process: HasherProcess) -> Hashing:
    return process
