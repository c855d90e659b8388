"""A process of the daemon's own, forked while there is little yet: its beginning, and its end.

Owns what such a process keeps of the daemon's, how bytes go to and fro, and that nothing is left
of it. Knows nothing of what it is for.
"""

from __future__ import annotations

import gc
import os
import signal
import socket
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IReadWriteDescriptor
from twisted.python.failure import Failure
from zope.interface import implementer

from records.model.errors import Unusable
from records.runtime.faults import told
from records.runtime.framing import Broken, Unpacker, pack

ROOM = 1024 * 1024
"""How many bytes the system is asked to hold on their way, so that neither end waits for it."""

PIECE = 64 * 1024
"""How many bytes are taken in at a time, at most."""


@implementer(IReadWriteDescriptor)
class ForkedProcess:
    """The daemon's end of a process that is forked at once, and watched by the reactor later.

    name: what it is called where processes are listed. what: what it is for, as in "that writes".
    live: called there with its socket, which blocks. keep: the descriptors that
    are to stay open in it.

    Fork it first: before there are other threads, connections to a database, ports or keys.
    Raises `Unusable` if the system lets there be no such process.
    """

    def __init__(
        self,
        reactor: Any,
        name: str,
        what: str,
        live: Callable[[socket.socket], object],
        keep: Sequence[int] = (),
    ) -> None:
        self._reactor = reactor
        self._name = name
        self._what = what
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
            raise Unusable(f"There can be no process {what}: {error.strerror}.") from None
        if not self.pid:
            _become(name, other, live, keep)
        other.close()

    def received(self, parcel: Any) -> None:
        """Something has come from it."""
        raise NotImplementedError

    def ended_badly(self, failure: Failure | None) -> None:
        """It has ended, or nothing more can be sent. failure: why, unless it says no word."""
        raise NotImplementedError

    def abandon(self) -> None:
        """End it at once, whatever it is at."""
        self._watch_no_more()
        self._reap()

    def start(self) -> None:
        """From now on the reactor watches it."""
        self._socket.setblocking(False)
        self._reactor.addReader(self)

    def send(self, parcel: bytes) -> None:
        """Send this after all else, as far as the other end takes it now, and the rest later."""
        self._unsent += parcel
        self.doWrite()

    def fileno(self) -> int:
        """See `IFileDescriptor`."""
        return self._socket.fileno()

    def logPrefix(self) -> str:
        """See `ILoggingContext`."""
        return self._name

    def connectionLost(self, reason: Failure) -> None:
        """See `IFileDescriptor`. Called where the reactor could not go on watching it."""
        is_plain = reason.check(ConnectionDone, ConnectionLost)
        self.ended_badly(None if is_plain else reason)

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
            self.ended_badly(Failure())
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
            self.ended_badly(None)
        for parcel in self._unpacker.unpack(data):
            self.received(parcel)

    def _watch_no_more(self) -> None:
        self._is_over = True
        self._reactor.removeReader(self)
        self._reactor.removeWriter(self)

    def _why_ended(self) -> str:
        """See that it is over with it; how it ended, in a sentence."""
        return f"the process {self._what} has ended: {self._reap()}"

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
    name: str, other: socket.socket, live: Callable[[socket.socket], object], keep: Sequence[int]
) -> NoReturn:
    """Be the process, and end with it."""
    status = 1
    try:
        _settle_in(name, {0, 1, 2, other.fileno(), *keep})
        live(other)
        status = 0
    except BaseException as error:  # noqa: BLE001  its last words
        # What came up in `live` may have been told already, and nobody listens to this any more.
        with suppress(OSError):
            other.sendall(pack(Broken(told(error))))
    finally:
        os._exit(status)


def _settle_in(name: str, keep: set[int]) -> None:
    """Become a process of its own, that has these descriptors."""
    # A terminal's Ctrl-C and a service manager's signals come to all processes of a daemon; this
    # one ends when the daemon says so, or has ended.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    signal.set_wakeup_fd(-1)
    gc.freeze()  # what the daemon made is not looked through again, so the two go on sharing it
    _let_go(keep)
    with suppress(OSError):
        Path("/proc/self/comm").write_text(name, "ascii")


def _let_go(keep: set[int]) -> None:
    """Let go of what else the daemon has open.

    What Python still knows of it must not close a number that is then something else's: so each
    is made to lead nowhere, and stays taken.
    """
    numbers = [int(name) for name in os.listdir("/proc/self/fd")]
    nowhere = os.open(os.devnull, os.O_RDWR)
    for number in {*numbers} - keep - {nowhere}:
        os.dup2(nowhere, number, inheritable=False)
