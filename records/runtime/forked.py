"""Forks a child process early in startup, exchanges frames with it, and reaps it.

Owns what the child inherits from the daemon. Knows nothing of what the child is for.
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
from twisted.logger import globalLogPublisher
from twisted.python.failure import Failure
from zope.interface import implementer

from records.model.errors import Unusable
from records.runtime.faults import describe
from records.runtime.framing import FrameDecoder, ProcessFailed, encode_frame

SEND_BUFFER = 1024 * 1024
"""Bytes that the kernel is asked to buffer in each direction, so that neither end waits."""

READ_SIZE = 64 * 1024
"""Bytes to read at a time, at most."""


@implementer(IReadWriteDescriptor)
class ForkedProcess:
    """The daemon's end of a child process. The constructor forks it; `start` watches it.

    name: the process name that `ps` shows. what: its purpose, as in "that writes". live: the
    child's main function; gets its blocking socket. keep: file descriptors that stay open in it.

    Fork before there are threads, database connections, ports or keys, so that the child has no
    share of them. Raises `Unusable` if the system cannot fork.
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
        self._unpacker = FrameDecoder()
        self._unsent = bytearray()
        self._is_over = False
        if signal.getsignal(signal.SIGCHLD) is signal.SIG_IGN:
            # Inherited from the parent process: the exit status of a child would be lost.
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        try:
            self._socket, other = socket.socketpair()
            for end in (self._socket, other):
                end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
            self.pid = os.fork()
        except OSError as error:
            raise Unusable(f"There can be no process {what}: {error.strerror}.") from None
        if not self.pid:
            _run_child(name, other, live, keep)
        other.close()

    def received(self, frame: Any) -> None:
        """Called with each frame that the child sends."""
        raise NotImplementedError

    def process_ended(self, failure: Failure | None) -> None:
        """Called when the child has ended, or can no longer be sent to. failure: why, if known."""
        raise NotImplementedError

    def abandon(self) -> None:
        """Kill the child."""
        self._stop_watching()
        self._reap()

    def start(self) -> None:
        """Have the reactor watch the child from now on."""
        self._socket.setblocking(False)
        self._reactor.addReader(self)

    def send(self, frame: bytes) -> None:
        """Send a frame: as much as the socket takes now, and the rest later."""
        self._unsent += frame
        self.doWrite()

    def fileno(self) -> int:
        """See `IFileDescriptor`."""
        return self._socket.fileno()

    def logPrefix(self) -> str:
        """See `ILoggingContext`."""
        return self._name

    def connectionLost(self, reason: Failure) -> None:
        """See `IFileDescriptor`. Called when the reactor can no longer watch the socket."""
        is_plain = reason.check(ConnectionDone, ConnectionLost)
        self.process_ended(None if is_plain else reason)

    def doWrite(self) -> None:
        """See `IWriteDescriptor`. Sends as much as the socket takes now."""
        if self._is_over:
            return  # it ended in this iteration
        try:
            del self._unsent[: self._socket.send(self._unsent)]
        except BlockingIOError:
            pass
        except ConnectionError:
            self._unsent.clear()  # it has ended; `doRead` sees that after its last frames
        except OSError:
            # Part of a frame may have been sent, so nothing can follow it.
            self.process_ended(Failure())
            return
        if self._unsent:
            self._reactor.addWriter(self)
        else:
            self._reactor.removeWriter(self)

    def doRead(self) -> None:
        """See `IReadDescriptor`."""
        try:
            data = self._socket.recv(READ_SIZE)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.process_ended(None)
        for frame in self._unpacker.decode(data):
            self.received(frame)

    def _stop_watching(self) -> None:
        self._is_over = True
        self._reactor.removeReader(self)
        self._reactor.removeWriter(self)

    def _why_ended(self) -> str:
        """Reap the child, and say in a sentence how it ended."""
        return f"the process {self._what} has ended: {self._reap()}"

    def _reap(self) -> str:
        """Kill and reap the child, and say how it ended."""
        pid, self.pid = self.pid, 0
        if not pid:
            return "it was ended"
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)  # before closing the socket, at which it would exit
        self._socket.close()
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        return f"signal {-status}" if status < 0 else f"exit code {status}"


def _run_child(
    name: str, other: socket.socket, live: Callable[[socket.socket], object], keep: Sequence[int]
) -> NoReturn:
    """Run the child's main function, and exit."""
    status = 1
    try:
        _isolate(name, {0, 1, 2, other.fileno(), *keep})
        live(other)
        status = 0
    except BaseException as error:  # noqa: BLE001  reported to the daemon
        # `live` may have reported the fault already; the daemon then no longer listens.
        with suppress(OSError):
            other.sendall(encode_frame(ProcessFailed(describe(error))))
    finally:
        os._exit(status)


def _isolate(name: str, keep: set[int]) -> None:
    """Detach the child from the daemon; keep only these file descriptors."""
    # Ctrl-C and a service manager signal all processes of a daemon; a child ends when the daemon
    # says so, or has ended.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    signal.set_wakeup_fd(-1)
    # Only the daemon writes its log. A second writer could rotate the file under it.
    for observer in tuple(globalLogPublisher._observers):
        globalLogPublisher.removeObserver(observer)
    gc.freeze()  # the collector does not touch inherited objects, so their memory stays shared
    _close_inherited(keep)
    with suppress(OSError):
        Path("/proc/self/comm").write_text(name, "ascii")


def _close_inherited(keep: set[int]) -> None:
    """Close the daemon's other file descriptors.

    Python objects of the daemon still refer to their numbers. So each number is redirected to
    /dev/null and stays in use; a late close cannot hit another file.
    """
    numbers = [int(name) for name in os.listdir("/proc/self/fd")]
    nowhere = os.open(os.devnull, os.O_RDWR)
    for number in {*numbers} - keep - {nowhere}:
        os.dup2(nowhere, number, inheritable=False)
