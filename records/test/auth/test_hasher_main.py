"""What the process that hashes does, here in this one."""

from __future__ import annotations

import os
import socket
import threading
from functools import partial
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReadDescriptor
from twisted.internet.main import CONNECTION_LOST
from twisted.python.failure import Failure
from twisted.trial.unittest import TestCase
from zope.interface.verify import verifyObject

from records.auth.hasher_process import NAME, Hasher
from records.model.errors import NotFound
from records.runtime.framing import Unpacker, pack
from records.test.auth.test_hasher_process import Unreadable, a_lock, refuse
from records.test.store.test_writer_process import WAIT, raising

REACTOR: Any = reactor


class InsideTests(TestCase):
    """`Hasher`, with a socket of which the test has the other end."""

    timeout = WAIT

    def setUp(self) -> None:
        self.socket, other = socket.socketpair()
        self.addCleanup(self.socket.close)
        self.addCleanup(other.close)
        self.socket.settimeout(WAIT)
        self.left: Deferred[int] = Deferred()
        self.hasher = Hasher(other, REACTOR, self.leave)
        self.hasher.start()
        self.addCleanup(REACTOR.removeReader, self.hasher)
        for pool in (self.hasher._threads._far, self.hasher._threads._near):
            self.addCleanup(pool.stop)

    def leave(self, code: int) -> None:
        """It would end here."""
        if not self.left.called:
            self.left.callback(code)

    async def read(self, count: int) -> list[Any]:
        """So many answers."""
        got: Deferred[list[Any]] = Deferred()

        def read() -> None:
            unpacker = Unpacker()
            found: list[Any] = []
            while len(found) < count and (data := self.socket.recv(4096)):
                found += unpacker.unpack(data)
            REACTOR.callFromThread(got.callback, found)

        threading.Thread(target=read, daemon=True).start()
        return await got

    async def test_answers(self) -> None:
        """Each call is answered under its number."""
        self.socket.sendall(pack((7, os.getpid, False)) + pack((8, refuse, True)))
        answers = {number: rest for number, *rest in await self.read(2)}
        self.assertEqual(answers[7], [os.getpid(), None])
        self.assertIsInstance(answers[8][1], NotFound)

    async def test_daemon_gone(self) -> None:
        """When the daemon hangs up, it leaves."""
        self.socket.close()
        self.assertEqual(await self.left, 0)

    async def test_unreadable(self) -> None:
        """What cannot be read is told, and the process fails."""
        self.socket.sendall(pack((1, Unreadable(), False)))
        self.assertEqual(await self.left, 1)
        (broken,) = await self.read(1)
        self.assertIn("ValueError at ", broken.why)
        self.assertNotIn("a secret", broken.why)

    async def test_fault(self) -> None:
        """So is a fault of which nothing is known but that it was logged; and no other event."""
        self.hasher.note({"log_format": "just so"})
        self.assertFalse(self.left.called)
        self.hasher.note({"log_failure": Failure(KeyError("a secret"))})
        self.assertEqual(await self.left, 1)
        (broken,) = await self.read(1)
        self.assertEqual(broken.why, "KeyError at an unknown place")

    async def test_no_answer(self) -> None:
        """A result that cannot be sent is a fault of that call's."""
        self.socket.sendall(pack((3, a_lock, False)))
        ((number, value, error),) = await self.read(1)
        self.assertEqual((number, value), (3, None))
        self.assertEqual(error.kind, "TypeError")

    async def test_gone_meanwhile(self) -> None:
        """So it does if it has something to tell and nobody is there."""
        REACTOR.removeReader(self.hasher)
        self.socket.close()
        self.hasher._answer(True, 1)
        self.assertEqual(await self.left, 0)

    def test_cut_off(self) -> None:
        """A connection that cannot be read has ended."""

        class CutOff:
            recv = staticmethod(partial(raising, ConnectionResetError()))
            fileno = self.hasher._socket.fileno

        REACTOR.removeReader(self.hasher)
        self.hasher._socket = CutOff()  # type: ignore[assignment]
        self.assertIs(self.hasher.doRead(), CONNECTION_LOST)

    def test_interface(self) -> None:
        """It is what a reactor can watch."""
        self.assertTrue(verifyObject(IReadDescriptor, self.hasher))
        self.assertEqual(self.hasher.logPrefix(), NAME)
