"""The child's side of the process that hashes, run in a thread of this one."""

from __future__ import annotations

import os
import socket
from concurrent.futures import Future, ThreadPoolExecutor
from errno import ENOBUFS
from functools import partial
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from records.auth.hasher_process import Hasher
from records.model.errors import NotFound
from records.runtime.framing import FrameDecoder, encode_frame
from records.test.auth.test_hasher_process import Unreadable, a_lock, leave, refuse, wait_for
from records.test.store.test_writer_process import WAIT, raising


class InsideTests(SynchronousTestCase):
    """`Hasher`, with a socket of which the test has the other end."""

    def setUp(self) -> None:
        self.socket, other = socket.socketpair()
        self.socket.settimeout(WAIT)
        self.hasher = Hasher(other)
        pool = ThreadPoolExecutor(1)
        self.served: Future[None] = pool.submit(self.hasher.serve)
        self.addCleanup(other.close)
        self.addCleanup(pool.shutdown)
        self.addCleanup(self.socket.close)

    def read(self, count: int) -> list[Any]:
        """So many answers."""
        unpacker = FrameDecoder()
        found: list[Any] = []
        while len(found) < count:
            found += unpacker.decode(self.socket.recv(4096))
        return found

    def test_answers(self) -> None:
        """Each call is answered under its number."""
        self.socket.sendall(encode_frame((7, os.getpid)) + encode_frame((8, refuse)))
        answers = {number: rest for number, *rest in self.read(2)}
        self.assertEqual(answers[7], [os.getpid(), None])
        self.assertIsInstance(answers[8][1], NotFound)

    def test_in_pieces(self) -> None:
        """A call may arrive byte by byte."""
        for byte in encode_frame((7, os.getpid)):
            self.socket.sendall(bytes([byte]))
        self.assertEqual(self.read(1), [(7, os.getpid(), None)])

    def test_daemon_gone(self) -> None:
        """When the daemon hangs up it returns, and does not wait for calls that run."""
        path = Path(self.mktemp()).absolute()
        self.addCleanup(path.touch)
        self.socket.sendall(
            encode_frame((1, os.getpid)) + encode_frame((2, partial(wait_for, str(path))))
        )
        self.read(1)
        self.socket.close()
        self.assertIsNone(self.served.result(WAIT))

    def test_answers_unread(self) -> None:
        """The same where the daemon has not read all answers."""
        self.socket.sendall(encode_frame((1, os.getpid)))
        self.socket.recv(1)
        self.socket.close()
        self.assertIsNone(self.served.result(WAIT))

    def test_unreadable(self) -> None:
        """What cannot be unpickled is the process's fault, and ends it."""
        self.socket.sendall(encode_frame((1, Unreadable())))
        self.assertIsInstance(self.served.exception(WAIT), ValueError)

    def test_no_answer(self) -> None:
        """A result that cannot be sent is a fault of that call's."""
        self.socket.sendall(encode_frame((3, a_lock)))
        ((number, value, error),) = self.read(1)
        self.assertEqual((number, value), (3, None))
        self.assertEqual(error.kind, "TypeError")

    def test_any_fault(self) -> None:
        """A call that raises what is no `Exception` is answered too."""
        self.socket.sendall(encode_frame((3, leave)))
        ((_, _, error),) = self.read(1)
        self.assertEqual(error.kind, "SystemExit")

    def test_cannot_send(self) -> None:
        """Where an answer cannot be sent the process ends, so that the daemon knows."""
        real = self.hasher._socket

        class NoBuffers:
            sendall = staticmethod(partial(raising, OSError(ENOBUFS, "No buffer space available")))
            shutdown = real.shutdown

        self.hasher._socket = NoBuffers()  # type: ignore[assignment]
        self.hasher._run(1, os.getpid)
        self.assertIsNone(self.served.result(WAIT))
