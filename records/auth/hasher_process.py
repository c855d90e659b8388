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
"""What the process is called where processes are listed."""

NICENESS = 10
"""Added to the daemon's niceness: a tenth of the processor time of a process that competes."""


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
            return  # it came with what led to the end
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
        """Answer everybody who waits; nothing more can be hashed."""
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
        """Run no more; fires when all that was run has been answered, and those who asked went on.

        Whatever is asked for from now on never comes: it is for whoever stops everything.
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
            self._reactor.callLater(0, self._check_idle)  # whoever asked comes first
        return outcome

    def _check_idle(self) -> None:
        if not self._awaited:
            waiting, self._idle_waiters = self._idle_waiters, []
            for finished in waiting:
                finished.callback(None)


class Hasher:
    """The child's side: runs the calls that arrive on a socket, until the daemon hangs up.

    other: the child's end of the socket, which blocks.
    """

    def __init__(self, other: socket) -> None:
        self._socket = other
        self._sending = Lock()

    def serve(self) -> None:
        """Run calls as they arrive. Returns once the daemon has hung up, without waiting for any.

        Raises whatever else keeps it from receiving calls.
        """
        threads = ThreadPoolExecutor(THREADS, NAME)
        unpacker = FrameDecoder()
        while data := self._receive():
            for number, call in unpacker.decode(data):
                threads.submit(self._run, number, call)

    def _receive(self) -> bytes:
        try:
            return self._socket.recv(READ_SIZE)
        except ConnectionError:  # the daemon closed its end before it had read all answers
            return b""

    def _run(self, number: int, call: Callable[[], Any]) -> None:
        try:
            frame = encode_frame((number, call(), None))
        except BaseException as error:  # noqa: BLE001  whatever it is, the caller is told
            frame = encode_frame((number, None, portable_error(error)))
        try:
            with self._sending:
                self._socket.sendall(frame)
        except OSError:
            # Nobody else would tell this caller, so `serve` ends, and with it the process.
            self._socket.shutdown(SHUT_RDWR)


def _run(other: socket) -> None:
    with suppress(OSError):  # a sandbox may forbid it; passwords are hashed all the same
        os.nice(NICENESS)
    Hasher(other).serve()


def _conforms(process: HasherProcess) -> Hashing:
    return process
