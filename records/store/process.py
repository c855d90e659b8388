"""The process that writes, as the daemon sees it: forked, handed work, and watched.

Owns its beginning and its end, and who waits for what is in it. Two processes have two
interpreters: while one checks and writes records, the other serves connections. What goes to and
fro is in `records.store.parcels`, what happens there in `records.store.writing`.
"""

from __future__ import annotations

import gc
import os
import signal
import socket
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IReadWriteDescriptor
from twisted.python.failure import Failure
from zope.interface import implementer

from records.boundaries import CommitUnknown, Done, Writer
from records.errors import Unusable
from records.faults import told
from records.store.parcels import (
    Broken,
    Closed,
    Opened,
    Stop,
    Unpacker,
    outcomes_of,
    pack,
    parcel_of_works,
)
from records.store.workers import Item, Items, WriterWorker, answer_all
from records.store.writing import PIECE, Writing

ROOM = 1024 * 1024
"""How many bytes the system is asked to hold on their way, so that neither end waits for it."""

NAME = "records-writer"
"""What the process is called where processes are listed."""


@implementer(IReadWriteDescriptor)
class WriterProcess:
    """A `Worker` that is a process of its own. It is forked at once, and to be opened later.

    reactor: watches it. open_writer: called there with the database's path. keep: the descriptors
    that are to stay open in it, such as the lock's.

    Fork it first: before there are other threads, connections to a database, ports or keys.
    Raises `Unusable` if the system lets there be no such process.
    """

    def __init__(
        self, reactor: Any, open_writer: Callable[[Path], Writer], keep: Sequence[int] = ()
    ) -> None:
        self._reactor = reactor
        self.fresh: Items = []
        self.waiting = 0
        self.deliver: Callable[[Items, list[Done]], object] = lambda items, done: None
        self.finished: Deferred[None] = Deferred()
        self._under_way: dict[bool, deque[Item]] = {False: deque(), True: deque()}  # True: the bulk
        self._unpacker = Unpacker()
        self._unsent = bytearray()
        self._is_over = False
        if signal.getsignal(signal.SIGCHLD) is signal.SIG_IGN:
            # So it may have been for whoever started us; nobody could tell then how a child ended.
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        try:
            self._socket, other = socket.socketpair()
            for end in (self._socket, other):
                end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, ROOM)
            self.pid = os.fork()
        except OSError as error:
            raise Unusable(f"There can be no process that writes: {error.strerror}.") from None
        if not self.pid:
            _become(other, open_writer, keep)
        other.close()

    def open(self, path: Path) -> None:
        """Have it open the database, and wait until it has. Raises `Unusable`."""
        parcels: list[Any] = []
        try:
            self._socket.sendall(pack(path))
            while not parcels:
                data = self._socket.recv(PIECE)
                if not data:
                    break
                parcels += self._unpacker.unpack(data)
        except OSError:
            parcels = []
        if parcels and isinstance(parcels[0], Broken):
            self._reap()
            raise Unusable(f"The process that writes to {path} has failed: {parcels[0].why}.")
        if not parcels or not isinstance(parcels[0], Opened):
            raise Unusable(f"The process that writes to {path} has ended: {self._reap()}.")
        if parcels[0].problem:
            raise Unusable(parcels[0].problem)

    def abandon(self) -> None:
        """See `WriterWorker`."""
        self._watch_no_more()
        self._reap()

    def start(self) -> None:
        """See `Worker`."""
        self._socket.setblocking(False)
        self._reactor.addReader(self)

    def hand_over(self) -> None:
        """See `Worker`."""
        if not self.fresh:
            return
        items, self.fresh = self.fresh, []
        if self._is_over:
            answer_all([], items)
        else:
            # The bulk comes last, for it may overtake none of the others.
            for is_bulk, lane in self._under_way.items():
                self._pack([item for item in items if item.is_bulk is is_bulk], lane, is_bulk)
            self.doWrite()

    def _pack(self, items: Items, lane: deque[Item], is_bulk: bool) -> None:
        """Put these into a parcel, which is to be sent."""
        if not items:
            return
        try:
            parcel = parcel_of_works([item.work for item in items], is_bulk)
        except Exception:  # noqa: BLE001  one of them cannot leave: whose that is, is told
            items = [item for item in items if self._can_leave(item)]
            parcel = parcel_of_works([item.work for item in items], is_bulk)
        lane += items
        self._unsent += parcel

    def _can_leave(self, item: Item) -> bool:
        """Whether this work can be put into a parcel. It fails if not."""
        try:
            parcel_of_works([item.work])
        except Exception:  # noqa: BLE001  it is that caller's
            self.waiting -= 1
            item.deferred.errback(Failure())
            return False
        return True

    def stop(self) -> None:
        """See `Worker`."""
        self.hand_over()
        if not self._is_over:
            self._unsent += pack(Stop())
            self.doWrite()

    def fileno(self) -> int:
        """See `IFileDescriptor`."""
        return self._socket.fileno()

    def logPrefix(self) -> str:
        """See `ILoggingContext`."""
        return NAME

    def connectionLost(self, reason: Failure) -> None:
        """See `IFileDescriptor`. Called where the reactor could not go on watching it."""
        is_plain = reason.check(ConnectionDone, ConnectionLost)
        self._end(None if is_plain else reason)

    def doWrite(self) -> None:
        """See `IWriteDescriptor`. Sends as much as the other end takes now."""
        if self._is_over:
            return  # it came to its end in this very turn
        try:
            del self._unsent[: self._socket.send(self._unsent)]
        except BlockingIOError:
            pass
        except ConnectionError:
            self._unsent.clear()  # it has ended, and that is read below, after what it said last
        except OSError:
            # Half a parcel may have left, and no other can follow it.
            self._end(Failure())
            return
        if self._unsent:
            self._reactor.addWriter(self)
        else:
            self._reactor.removeWriter(self)

    def doRead(self) -> None:
        """See `IReadDescriptor`."""
        try:
            data = self._socket.recv(PIECE)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._end(None)
        for parcel in self._unpacker.unpack(data):
            if isinstance(parcel, Closed):
                self._end_well()
            elif isinstance(parcel, Broken):
                in_doubt = self._next(parcel.doubtful, parcel.is_bulk)
                self._end(Failure(CommitUnknown(parcel.why)), in_doubt)
            else:
                outcomes, is_bulk = outcomes_of(parcel)
                self.deliver(self._next(len(outcomes), is_bulk), outcomes)

    def _next(self, count: int, is_bulk: bool) -> Items:
        """Take this many of those that have been under way longest."""
        lane = self._under_way[is_bulk]
        return [lane.popleft() for _ in range(count)]

    def _end_well(self) -> None:
        self._watch_no_more()
        self._reap()
        self.finished.callback(None)
        answer_all([], self._left() + self.fresh)  # it came after the stop, and was not taken on
        self.fresh = []

    def _end(self, failure: Failure | None, in_doubt: Items | None = None) -> None:
        """It has come to a bad end: answer everything that it leaves behind.

        in_doubt: what may have been done; all that was handed over, if that is not known.
        """
        if self._is_over:
            return
        self._watch_no_more()
        if failure is None:
            why = f"the process that writes has ended: {self._reap()}"
            failure = Failure(CommitUnknown(why))
        self.finished.errback(failure)
        left, fresh, self.fresh = self._left(), self.fresh, []
        if in_doubt is None:
            in_doubt, left = left, []
        answer_all(in_doubt, left + fresh)
        self._reap()  # last, where it is not needed before: its disk may hold it up

    def _left(self) -> Items:
        """All that has been handed over, and is still to be answered."""
        left = [item for lane in self._under_way.values() for item in lane]
        for lane in self._under_way.values():
            lane.clear()
        return left

    def _watch_no_more(self) -> None:
        self._is_over = True
        self._reactor.removeReader(self)
        self._reactor.removeWriter(self)

    def _reap(self) -> str:
        """See that it is over with it; how it ended."""
        pid, self.pid = self.pid, 0
        if not pid:
            return "it was ended"
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)  # before the socket closes: that would end it by itself
        self._socket.close()
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        return f"signal {-status}" if status < 0 else f"exit code {status}"


def _become(
    other: socket.socket, open_writer: Callable[[Path], Writer], keep: Sequence[int]
) -> NoReturn:
    """Be the process that writes, and end with it."""
    status = 1
    try:
        _settle_in({0, 1, 2, other.fileno(), *keep})
        Writing(other).serve(open_writer)
        status = 0
    except BaseException as error:  # noqa: BLE001  its last words
        # What `serve` raises it has told already, and nobody listens to this any more.
        with suppress(OSError):
            other.sendall(pack(Broken(told(error))))
    finally:
        os._exit(status)


def _settle_in(keep: set[int]) -> None:
    """Become a process of its own, that has these descriptors."""
    # A terminal's Ctrl-C and a service manager's signals come to all processes of a daemon; this
    # one ends when the daemon says so, or has ended.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    signal.set_wakeup_fd(-1)
    gc.freeze()  # what the daemon made is not looked through again, so the two go on sharing it
    _let_go(keep)
    with suppress(OSError):
        Path("/proc/self/comm").write_text(NAME, "ascii")


def _let_go(keep: set[int]) -> None:
    """Let go of what else the daemon has open.

    What Python still knows of it must not close a number that is then something else's: so each
    is made to lead nowhere, and stays taken.
    """
    numbers = [int(name) for name in os.listdir("/proc/self/fd")]
    nowhere = os.open(os.devnull, os.O_RDWR)
    for number in {*numbers} - keep - {nowhere}:
        os.dup2(nowhere, number, inheritable=False)


def _conforms(process: WriterProcess) -> WriterWorker:
    return process
