"""The process that hashes, in earnest: its calls, and each way in which it ends."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from errno import ENOBUFS
from functools import partial
from pathlib import Path
from time import monotonic, sleep
from typing import Any, cast

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionLost
from twisted.internet.interfaces import IReadWriteDescriptor
from twisted.internet.task import Clock
from twisted.logger import ILogObserver, LogEvent, Logger, capturedLogs, globalLogPublisher
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from records.auth import hasher_process as hasher
from records.auth.hasher_process import NAME, NICENESS, HasherProcess
from records.auth.hashing import THREADS, BcryptHasher, HasherFailed
from records.model.errors import Busy, NotFound, Unusable
from records.runtime.faults import RemoteFault
from records.test.store.test_writer_process import WAIT, SelectingReactor, raising


def niceness() -> tuple[int, int]:
    """The process that a call runs in, and how nice its thread is."""
    return os.getpid(), os.getpriority(os.PRIO_PROCESS, threading.get_native_id())


def linger(path: str) -> None:
    """Tell that it has begun, and never end."""
    Path(path).touch()
    sleep(60)


def wait_for(path: str) -> str:
    """End once there is such a file."""
    while not Path(path).exists():
        sleep(0.005)
    return "waited"


def refuse() -> None:
    """Say no."""
    raise NotFound("x")


def choke(secret: str) -> None:
    """Come upon something."""
    raise ValueError(secret)


def log_something() -> None:
    """Write to the log."""
    Logger().info("something")


def leave() -> None:
    """Try to end the process."""
    raise SystemExit


def a_lock() -> object:
    """What cannot be pickled."""
    return threading.Lock()


class Unreadable:
    """What can be pickled, and not be unpickled."""

    def __reduce__(self) -> Any:
        return int, ("a secret",)


class SteppedReactor(SelectingReactor, Clock):
    """A reactor whose turns the test takes, and whose time it tells."""

    def __init__(self) -> None:
        SelectingReactor.__init__(self)
        Clock.__init__(self)

    def turn(self) -> None:
        """Do what can be done now, or in a moment."""
        super().turn()
        self.advance(0)


class HasherCase(SynchronousTestCase):
    """A process that hashes."""

    def setUp(self) -> None:
        self.reactor = SteppedReactor()
        self.failed: list[str] = []
        self.process = self.begun()
        self.pid = self.process.pid

    def begun(self) -> HasherProcess:
        """A process that takes calls."""
        process = HasherProcess(self.reactor)
        self.addCleanup(process.abandon)
        process.failed.addErrback(self.note)
        process.start()
        return process

    def note(self, failure: Failure) -> None:
        """It has come to a bad end."""
        failure.trap(HasherFailed)
        self.failed.append(str(failure.value))

    def outcome(self, result: Deferred[Any]) -> list[Any]:
        """What comes of a call, later."""
        found: list[Any] = []
        result.addCallbacks(found.append, lambda failure: found.append(failure.value))
        return found

    def run_call(self, call: Callable[[], Any]) -> list[Any]:
        """What comes of a call, later."""
        return self.outcome(self.process.run(call))

    def until(self, done: Callable[[], object]) -> None:
        """Take turns until something is done."""
        end = monotonic() + WAIT
        while not done():
            self.assertLess(monotonic(), end, "it is never done")
            self.reactor.turn()

    def lingering(self) -> list[Any]:
        """A call that has begun, and never ends."""
        sign = Path(self.mktemp()).absolute()
        found = self.run_call(partial(linger, str(sign)))
        self.until(sign.exists)
        return found

    def stop(self, within: float = 30.0) -> list[Any]:
        """Stop it; what comes of that, later."""
        return self.outcome(Deferred.fromCoroutine(self.process.stop(within)))

    def is_over(self) -> None:
        """Nothing is left of it, and nobody watches it."""
        left = self.process.pid, self.reactor.readers, self.reactor.writers
        self.assertEqual(left, (0, set(), set()))
        self.assertEqual(self.reactor.getDelayedCalls(), [])
        with self.assertRaises(ChildProcessError):
            os.waitpid(self.pid, os.WNOHANG)


class CallTests(HasherCase):
    """What becomes of calls."""

    def test_hashes(self) -> None:
        """A password is hashed there, and compared."""
        good = BcryptHasher(4)
        hashed = self.run_call(partial(good.hash, "seven quiet herons"))
        self.until(lambda: hashed)
        told = [
            self.run_call(partial(good.verify, password, hashed[0]))
            for password in ("seven quiet herons", "six quiet herons")
        ]
        self.until(lambda: all(told))
        self.assertEqual(told, [[True], [False]])

    def test_own(self) -> None:
        """Each call gets what is its own, in whichever order they end."""
        path = Path(self.mktemp()).absolute()
        slow, quick = self.run_call(partial(wait_for, str(path))), self.run_call(os.getpid)
        self.until(lambda: quick)
        self.assertEqual((slow, quick), ([], [self.pid]))
        path.touch()
        self.until(lambda: slow)
        self.assertEqual(slow, ["waited"])

    def test_niceness(self) -> None:
        """Calls run in that process, at a lower priority than the daemon's."""
        found = self.run_call(niceness)
        self.until(lambda: found)
        self.assertEqual(found, [(self.pid, min(niceness()[1] + NICENESS, 19))])

    def test_no_niceness(self) -> None:
        """Where the system forbids to lower the priority, calls run all the same."""
        self.patch(os, "nice", partial(raising, PermissionError()))
        self.process = self.begun()
        found = self.run_call(niceness)
        self.until(lambda: found)
        self.assertEqual(found, [(self.process.pid, niceness()[1])])

    def test_errors(self) -> None:
        """A refusal comes as it is; of a fault come its kind and place, not what it was about."""
        refused, failed = self.run_call(refuse), self.run_call(partial(choke, "a password"))
        self.until(lambda: refused and failed)
        self.assertIsInstance(refused[0], NotFound)
        self.assertIsInstance(failed[0], RemoteFault)
        self.assertEqual(failed[0].kind, "ValueError")
        self.assertNotIn("a password", repr(failed[0].args))

    def test_cannot_come_back(self) -> None:
        """A call whose result cannot be sent fails, and keeps no place."""
        for _ in range(THREADS + 1):
            found = self.run_call(a_lock)
            self.until(lambda found=found: found)  # type: ignore[misc]
            self.assertIsInstance(found[0], RemoteFault)

    def test_cannot_leave(self) -> None:
        """A call that cannot be sent raises, and nobody waits for it."""
        with self.assertRaises(Exception):  # noqa: B017  whatever pickle says of it
            self.process.run(lambda: None)
        self.assertEqual(self.process._waiting, {})
        stopped = self.stop()
        self.assertEqual(stopped, [None])


class LifeTests(HasherCase):
    """What it is beside the daemon."""

    def test_interface(self) -> None:
        """It is what a reactor can watch."""
        self.assertTrue(verifyObject(IReadWriteDescriptor, self.process))
        self.assertEqual(self.process.logPrefix(), NAME)

    def test_signals(self) -> None:
        """What a terminal or a service manager sends to all processes is for the daemon."""
        pid = self.run_call(os.getpid)
        self.until(lambda: pid)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            os.kill(self.pid, number)
        again = self.run_call(os.getpid)
        self.until(lambda: again)
        self.assertEqual(again, [self.pid])

    def test_name_and_files(self) -> None:
        """It has a name of its own, and nothing of what the daemon has open."""
        path = Path(self.mktemp()).absolute()
        path.touch()
        with path.open("rb") as opened:
            process = self.begun()
            found = self.outcome(process.run(os.getpid))
            self.until(lambda: found)
            folder = Path(f"/proc/{process.pid}")
            self.assertEqual((folder / "comm").read_text("ascii").strip(), NAME)
            self.assertEqual(os.readlink(folder / "fd" / str(opened.fileno())), os.devnull)

    def test_log(self) -> None:
        """It writes nothing to the daemon's log, which it might rotate."""
        path = Path(self.mktemp()).absolute()

        def observe(event: LogEvent) -> None:
            path.write_text(event["log_format"], "ascii")

        observer = cast(ILogObserver, observe)
        globalLogPublisher.addObserver(observer)
        self.addCleanup(globalLogPublisher.removeObserver, observer)
        found = self.outcome(self.begun().run(log_something))
        self.until(lambda: found)
        self.assertFalse(path.exists())
        log_something()
        self.assertEqual(path.read_text("ascii"), "something")

    def test_daemons_end(self) -> None:
        """When the daemon is gone, so is it, whatever it is at."""
        self.lingering()
        self.process._stop_watching()
        self.process._socket.close()
        ended: list[int] = []

        def has_ended() -> bool:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            ended.extend([os.waitstatus_to_exitcode(status)] if pid else [])
            return bool(ended)

        self.until(has_ended)
        self.process.pid = 0
        self.assertEqual(ended, [0])

    def test_abandoned(self) -> None:
        """Where nothing comes of the start, nothing of it is left."""
        self.process.abandon()
        self.is_over()
        self.process.abandon()

    def test_no_process(self) -> None:
        """If the system lets there be none, that is said in a sentence."""
        self.patch(os, "fork", partial(raising, OSError(11, "Try again")))
        with self.assertRaisesRegex(Unusable, r"no process that hashes passwords: Try again\.\Z"):
            HasherProcess(self.reactor)


class EndTests(HasherCase):
    """Bad ends."""

    def test_killed(self) -> None:
        """Killed, a waiting client is told that the daemon stops, and so is who comes later."""
        waiting = [self.lingering(), self.run_call(os.getpid)]
        os.kill(self.pid, signal.SIGKILL)
        self.until(lambda: self.failed)
        self.assertEqual(self.failed, ["the process that hashes passwords has ended: signal 9"])
        waiting.append(self.run_call(os.getpid))
        told = [type(each) for found in waiting for each in found]
        self.assertEqual(told, [Busy, Busy, Busy])
        self.is_over()
        self.assertEqual(self.stop(), [None])

    def test_broken(self) -> None:
        """If it cannot go on, it tells why."""
        self.patch(hasher, "_run", lambda other: choke("a secret"))
        self.process = self.begun()
        self.pid = self.process.pid
        found = self.run_call(os.getpid)
        self.until(lambda: self.failed)
        (why,) = self.failed
        self.assertRegex(why, r"that hashes passwords cannot go on: ValueError at .*\d choke\Z")
        self.assertIsInstance(found[0], Busy)

    def test_cannot_be_read(self) -> None:
        """A call that it cannot read is its end, and why is reported."""
        found = self.run_call(partial(len, Unreadable()))  # type: ignore[arg-type]
        self.until(lambda: self.failed)
        self.assertRegex(self.failed[0], r"that hashes passwords cannot go on: ValueError at .*")
        self.assertNotIn("a secret", self.failed[0])
        self.assertIsInstance(found[0], Busy)
        self.is_over()

    def test_ended_by_an_answer(self) -> None:
        """What comes with the answer that led to the end is passed over."""
        first, second = self.process.run(os.getpid), self.process.run(os.getpid)
        first.addCallback(lambda _: self.process.connectionLost(Failure(ConnectionLost())))
        found = self.outcome(second)
        sleep(0.2)  # so that both answers come at once
        self.until(lambda: found)
        self.assertIsInstance(found[0], Busy)
        self.is_over()

    def test_cannot_send(self) -> None:
        """If the system cannot send on, half a call may have left: nothing can follow it."""

        class NoBuffers:
            send = staticmethod(partial(raising, OSError(ENOBUFS, "No buffer space available")))
            fileno, close = self.process._socket.fileno, self.process._socket.close

        self.process._socket = NoBuffers()  # type: ignore[assignment]
        found = self.run_call(os.getpid)
        self.assertIsInstance(found[0], Busy)
        self.assertRegex(self.failed[0], r"\AOSError at ")
        self.is_over()

    def test_lost(self) -> None:
        """If the reactor loses sight of it, that is its end as well."""
        found = self.run_call(os.getpid)
        self.process.connectionLost(Failure(ConnectionLost()))
        self.assertIsInstance(found[0], Busy)
        self.assertIn("has ended: signal 9", self.failed[0])
        self.is_over()


class StopTests(HasherCase):
    """Stops."""

    def test_waits(self) -> None:
        """A stop waits for the calls that somebody waits for, and until those went on."""
        path = Path(self.mktemp()).absolute()
        slow = self.run_call(partial(wait_for, str(path)))
        failing = self.run_call(refuse)
        told: list[str] = []
        self.process.run(os.getpid).addCallback(lambda _: told.append("went on"))
        stopped = self.stop()
        self.until(lambda: told and failing)
        self.assertEqual((slow, stopped), ([], []))
        path.touch()
        self.until(lambda: slow)
        self.until(lambda: stopped)
        self.assertEqual((stopped, self.failed), ([None], []))
        self.is_over()

    def test_who_asked_comes_first(self) -> None:
        """It has not ended before whoever waited for the last call has gone on."""
        told: list[str] = []
        self.process.run(os.getpid).addCallback(lambda _: told.append("went on"))
        stopped = Deferred.fromCoroutine(self.process.stop(30))
        stopped.addCallback(lambda _: told.append("stopped"))
        self.until(lambda: len(told) == 2)
        self.assertEqual(told, ["went on", "stopped"])

    def test_nothing_new(self) -> None:
        """What is asked for meanwhile never comes."""
        self.lingering()
        stopped = self.stop(5)
        late = self.run_call(os.getpid)
        self.reactor.advance(5)
        self.assertEqual((stopped, late), ([None], []))
        self.assertEqual(self.run_call(os.getpid), [])

    def test_in_time(self) -> None:
        """A stop waits only so long, and says so; what was not done is never answered."""
        found = self.lingering()
        stopped = self.stop(5)
        self.reactor.advance(4.9)
        self.assertEqual(stopped, [])
        with capturedLogs() as told:
            self.reactor.advance(0.1)
        self.assertEqual([event["log_level"].name for event in told], ["warn"])
        self.assertEqual((stopped, found, self.failed), ([None], [], []))
        self.is_over()

    def test_idle(self) -> None:
        """With nothing under way it stops at once."""
        self.assertEqual(self.stop(), [None])
        self.is_over()
