"""The writer process, in earnest: its beginning, its work, and each way in which it ends."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from errno import ENOBUFS
from functools import partial
from pathlib import Path
from select import select
from time import monotonic, sleep
from typing import Any

from twisted.internet.error import ConnectionLost
from twisted.internet.interfaces import IReadWriteDescriptor
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from records.model.errors import Busy, NotFound, OutcomeUnknown, Unusable
from records.model.fields import STANDARD
from records.operations.boundaries import CommitUnknown, Done, Transaction, Work, Writer
from records.runtime.faults import RemoteFault
from records.store.sqlite.database import SqliteDatabase, writer_of
from records.store.workers import Job, Jobs
from records.store.writer_process import NAME, WriterProcess
from records.test.store.dispatch_case import add, next_id
from records.testing import FakeTime

WAIT = 20.0


def fail(tx: Transaction) -> None:
    """Come upon something."""
    raise ZeroDivisionError


def refuse(tx: Transaction) -> None:
    """Say no."""
    raise NotFound("x")


def length(tx: Transaction, text: bytes) -> int:
    """How long this is."""
    return len(text)


def linger(tx: Transaction, path: str) -> None:
    """Tell that it has begun, and never end."""
    Path(path).touch()
    sleep(60)


def die(tx: Transaction) -> None:
    """End without a word."""
    os._exit(3)


def break_down(tx: Transaction) -> None:
    """Find that nothing can go on."""
    raise SystemExit


def raising(error: Exception, *args: object) -> None:
    """Raise it, whatever is asked."""
    raise error


def _discard(watched: set[Any], each: Any) -> None:
    """Watch it no more: it must be open yet, or a real reactor could not say whom it means."""
    if each in watched:
        assert each.fileno() >= 0
        watched.remove(each)


class SelectingReactor:
    """A reactor as far as descriptors go, whose turns the test takes."""

    def __init__(self) -> None:
        self.readers: set[Any] = set()
        self.writers: set[Any] = set()
        self.addReader, self.removeReader = self.readers.add, partial(_discard, self.readers)
        self.addWriter, self.removeWriter = self.writers.add, partial(_discard, self.writers)

    def turn(self) -> None:
        """Do what can be done now, or in a moment."""
        read, written, _ = select(self.readers, self.writers, [], 0.02)
        for each in read:
            each.doRead()
        for each in written:
            if each in self.writers:
                each.doWrite()


class ProcessCase(SynchronousTestCase):
    """A process that writes to a new database."""

    def setUp(self) -> None:
        self.path = Path(self.mktemp()).absolute()
        SqliteDatabase(self.path, FakeTime(), catalogue=STANDARD)
        self.reactor = SelectingReactor()
        self.ended: list[object] = []

    def begun(self, keep: tuple[int, ...] = ()) -> WriterProcess:
        """A process that waits to be opened."""
        opening = partial(writer_of, clock=FakeTime(), random_bytes=os.urandom, catalogue=STANDARD)
        process = WriterProcess(self.reactor, opening, keep)
        self.addCleanup(process.abandon)
        process.deliver = self.deliver
        process.finished.addBoth(self.ended.append)
        return process

    def started(self) -> WriterProcess:
        """A process that takes works."""
        process = self.begun()
        process.open(self.path)
        process.start()
        return process

    def deliver(self, items: Jobs, done: list[Done]) -> None:
        """As the store does."""
        for item, outcome in zip(items, done, strict=True):
            if outcome.error is None:
                item.deferred.callback(outcome.value)
            else:
                item.deferred.errback(Failure(outcome.error))

    def hand(
        self,
        process: WriterProcess,
        operation: Callable[..., object],
        *args: object,
        bulk: bool = False,
    ) -> list[Any]:
        """Submit a work; what comes out, later."""
        item, found = Job(Work(operation, args), bulk), []
        item.deferred.addCallbacks(found.append, lambda failure: found.append(failure.value))
        process.new_jobs.append(item)
        return found

    def until(self, done: Callable[[], object]) -> None:
        """Take turns until something is done."""
        end = monotonic() + WAIT
        while not done():
            self.assertLess(monotonic(), end, "it is never done")
            self.reactor.turn()

    def is_over(self, process: WriterProcess, pid: int) -> None:
        """Nothing is left of it, and nobody watches it."""
        self.assertEqual(
            (process.pid, self.reactor.readers, self.reactor.writers), (0, set(), set())
        )
        with self.assertRaises(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)

    def broke(self) -> str:
        """Why nothing can go on."""
        self.until(lambda: self.ended)
        (failure,) = self.ended
        assert isinstance(failure, Failure)
        self.assertIsInstance(failure.value, CommitUnknown)
        return str(failure.value)


class LifeTests(ProcessCase):
    """A good life."""

    def test_works(self) -> None:
        """What is submitted is done, in its order; each outcome is its own."""
        process = self.started()
        pid = process.pid
        calls = (add, 1), (next_id,), (refuse,), (fail,), (next_id,)
        found = [self.hand(process, *call) for call in calls]
        process.submit()
        self.until(lambda: all(found))
        values = [each[0] for each in found]
        self.assertEqual([values[0], values[1], values[4]], [1, 2, 2])
        self.assertIsInstance(values[2], NotFound)
        self.assertIsInstance(values[3], RemoteFault)
        process.stop()
        self.until(lambda: self.ended)
        self.assertEqual(self.ended, [None])
        self.is_over(process, pid)
        self.assertEqual([each.name for each in self.path.parent.iterdir()], [self.path.name])

    def test_stop(self) -> None:
        """Stopped, it first does what has been submitted, and what is submitted with the stop."""
        process = self.started()
        first = self.hand(process, add, 1)
        process.submit()
        second = self.hand(process, add, 2)
        process.stop()
        self.until(lambda: self.ended)
        self.assertEqual((first, second, self.ended), ([1], [2], [None]))

    def test_much(self) -> None:
        """More than the socket holds goes through piece by piece."""
        process = self.started()
        texts = [bytes([number]) * 300_000 for number in range(40)]
        found = [self.hand(process, length, text) for text in texts]
        os.kill(process.pid, signal.SIGSTOP)  # else it may take it in as fast as it is sent
        os.waitpid(process.pid, os.WUNTRACED)
        process.submit()
        self.assertTrue(self.reactor.writers, "it cannot all be sent at once")
        os.kill(process.pid, signal.SIGCONT)
        self.until(lambda: all(found))
        self.assertEqual(found, [[300_000]] * 40)
        self.assertFalse(self.reactor.writers)

    def test_cannot_leave(self) -> None:
        """A work that cannot be sent fails by itself."""
        process = self.started()
        process.waiting = 3
        first, odd, last = (
            self.hand(process, add, 1),
            self.hand(process, lambda tx: None),
            self.hand(process, add, 2),
        )
        process.submit()
        self.until(lambda: last)
        self.assertEqual((first, last, process.waiting), ([1], [2], 2))
        self.assertIsInstance(odd[0], Exception)

    def test_signals(self) -> None:
        """What a terminal or a service manager sends to all processes is for the daemon."""
        process = self.started()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            os.kill(process.pid, number)
        found = self.hand(process, add, 1)
        process.submit()
        self.until(lambda: found)
        self.assertEqual(found, [1])

    def test_interface(self) -> None:
        """It is what a reactor can watch."""
        process = self.begun()
        self.assertTrue(verifyObject(IReadWriteDescriptor, process))
        self.assertEqual(process.logPrefix(), NAME)

    def test_name_and_files(self) -> None:
        """It has a name of its own, and of what the daemon has open what it is to keep."""
        kept, other = os.open(os.devnull, os.O_RDONLY), os.open(self.path, os.O_RDONLY)
        self.addCleanup(os.close, kept)
        self.addCleanup(os.close, other)
        process = self.begun((kept,))
        process.open(self.path)
        folder = Path(f"/proc/{process.pid}")
        self.assertEqual((folder / "comm").read_text("ascii").strip(), NAME)
        links = {int(each.name): os.readlink(each) for each in (folder / "fd").iterdir()}
        self.assertEqual(links[other], os.devnull)
        sockets = [number for number, path in links.items() if path.startswith("socket:")]
        self.assertEqual(len([number for number in sockets if number > 2]), 1)
        mine = [path for path in links.values() if path.startswith(str(self.path))]
        self.assertEqual(len(mine), 3, "its own: the database, its log, and their index")


class EndTests(ProcessCase):
    """Bad ends."""

    def test_not_opened(self) -> None:
        """A database that cannot be opened is refused with its reason."""
        process = self.begun()
        with self.assertRaisesRegex(Unusable, "cannot be opened"):
            process.open(self.path / "nowhere")

    def test_ended_before(self) -> None:
        """So it is if the process has ended."""
        process = self.begun()
        os.kill(process.pid, signal.SIGKILL)
        with self.assertRaisesRegex(Unusable, "has ended: signal 9"):
            process.open(self.path)

    def test_fault_before(self) -> None:
        """If it comes upon a fault as it opens the database, its kind and place are reported."""

        def opening(path: Path) -> Writer:
            raise LookupError(path)

        process = WriterProcess(self.reactor, opening)
        pid = process.pid
        with self.assertRaisesRegex(Unusable, r"has failed: LookupError at .*\d opening\.\Z"):
            process.open(self.path)
        process.abandon()
        self.is_over(process, pid)

    def test_children_ignored(self) -> None:
        """Whoever started the daemon may have had it ignore the ends of its children."""
        self.addCleanup(signal.signal, signal.SIGCHLD, signal.getsignal(signal.SIGCHLD))
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        process = self.begun()
        pid = process.pid
        process.abandon()
        self.is_over(process, pid)

    def test_abandoned_at_work(self) -> None:
        """So if it had been started already."""
        process = self.started()
        pid = process.pid
        process.abandon()
        self.is_over(process, pid)

    def test_abandoned(self) -> None:
        """Where nothing comes of the start, nothing of it is left."""
        process = self.begun()
        pid = process.pid
        process.abandon()
        self.is_over(process, pid)
        process.abandon()

    def test_killed(self) -> None:
        """Killed at its work, nobody knows what it has done; what was not submitted was not."""
        process = self.started()
        pid, sign = process.pid, Path(self.mktemp()).absolute()
        under_way = [self.hand(process, linger, str(sign)), self.hand(process, add, 1)]
        process.submit()
        new_jobs = self.hand(process, add, 2)
        self.until(sign.exists)
        os.kill(pid, signal.SIGKILL)
        self.assertEqual(self.broke(), "the process that writes has ended: signal 9")
        for found in under_way:
            self.assertIsInstance(found[0], OutcomeUnknown)
        self.assertIsInstance(new_jobs[0], Busy)
        self.is_over(process, pid)
        process.submit()
        process.stop()

    def test_killed_idle(self) -> None:
        """Killed while it waits, that is found out at once."""
        process = self.started()
        os.kill(process.pid, signal.SIGKILL)
        self.assertIn("signal 9", self.broke())

    def test_died(self) -> None:
        """Nor is it known if it ends by itself."""
        process = self.started()
        found = self.hand(process, die)
        process.submit()
        self.assertIn("exit code 3", self.broke())
        self.assertIsInstance(found[0], OutcomeUnknown)

    def test_broken(self) -> None:
        """If it finds that it cannot go on, it tells why, and ends."""
        process = self.started()
        pid, found = process.pid, self.hand(process, break_down)
        process.submit()
        self.assertRegex(
            self.broke(), r"\ASystemExit at .*test_writer_process\.py:[0-9]+ break_down\Z"
        )
        self.assertIsInstance(found[0], OutcomeUnknown)
        self.is_over(process, pid)

    def test_cannot_send(self) -> None:
        """If the system cannot send on, half a frame may have left: nothing can follow it."""
        process = self.started()
        pid = process.pid

        class NoBuffers:
            send = staticmethod(partial(raising, OSError(ENOBUFS, "No buffer space available")))
            fileno, close = process._socket.fileno, process._socket.close

        process._socket = NoBuffers()  # type: ignore[assignment]
        found = self.hand(process, add, 1)
        process.submit()
        self.assertIsInstance(found[0], OutcomeUnknown)
        (failure,) = self.ended
        assert isinstance(failure, Failure)
        self.assertIsInstance(failure.value, OSError)
        self.is_over(process, pid)

    def test_after_the_stop(self) -> None:
        """What is submitted after the stop is not begun, and told so."""
        process = self.started()
        process.stop()
        found = self.hand(process, add, 1)
        process.submit()
        self.until(lambda: self.ended)
        self.assertEqual(self.ended, [None])
        self.assertIsInstance(found[0], Busy)

    def test_lost(self) -> None:
        """If the reactor loses sight of it, that is its end as well."""
        process = self.started()
        pid, found = process.pid, self.hand(process, next_id)
        process.connectionLost(Failure(ConnectionLost()))
        self.assertIn("has ended: signal 9", self.broke())
        self.assertIsInstance(found[0], Busy)
        self.is_over(process, pid)

    def test_daemons_end(self) -> None:
        """When the daemon is gone, so is it."""
        process = self.started()
        process._stop_watching()
        process._socket.close()
        ended: list[int] = []

        def has_ended() -> bool:
            pid, status = os.waitpid(process.pid, os.WNOHANG)
            ended.extend([os.waitstatus_to_exitcode(status)] if pid else [])
            return bool(ended)

        self.until(has_ended)
        process.pid = 0
        self.assertEqual(ended, [0])


def _conforms(path: Path) -> Writer:
    return writer_of(path, FakeTime(), os.urandom, catalogue=STANDARD)
