"""Tests for slow calls that stay behind all others, but do not starve there."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from itertools import count
from threading import Event, Thread, get_native_id
from typing import Any, TypeVar

from twisted.internet import reactor
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase, TestCase

from records.patience import (
    FAR,
    LOOK,
    NEAR,
    SHARE,
    Patience,
    PatientThreads,
    Watched,
    with_niceness,
)
from records.test.hashing_case import Threads

T = TypeVar("T")


class Told:
    """A watched call whose seconds of a processor the test tells."""

    def __init__(self, call: Callable[[], Any]) -> None:
        self._call = call
        self.had = 0.0

    def __call__(self) -> Any:
        """See `records.patience.Watched`."""
        return self._call()

    def seconds(self) -> float:
        """See `records.patience.Watched`."""
        return self.had


class PatienceTests(SynchronousTestCase):
    """`Patience`: where calls run, and whose outcome counts."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.far, self.near = Threads(held=True), Threads(held=True)
        self.watched: list[Told] = []
        self.patience = Patience(self.clock, self.far.run, self.near.run, 2, self.watch)
        self.answers = iter(("first", "second"))

    def watch(self, call: Callable[[], Any]) -> Told:
        self.watched.append(Told(call))
        return self.watched[-1]

    def answer(self) -> str:
        """A call: which of the two it is that is made."""
        return next(self.answers)

    def where(self) -> tuple[int, int]:
        """How many calls are far behind, and how many near."""
        return len(self.far.running), len(self.near.running)

    def pass_time(self, *shares: float) -> None:
        """Let the first call have these shares of a processor, each from one look to the next."""
        for share in shares:
            self.watched[0].had += share * LOOK
            self.clock.advance(LOOK)

    def test_far(self) -> None:
        """A call that gets on stays far behind, however long it takes, and gives its result."""
        result = self.patience.run(self.answer)
        self.assertEqual(self.where(), (1, 0))
        self.pass_time(1.0, SHARE, 0.5, SHARE)
        self.assertEqual(self.where(), (1, 0))
        self.assertNoResult(result)
        self.far.finish()
        self.assertEqual(self.successResultOf(result), "first")
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_starves(self) -> None:
        """A call that gets no processor is made again and nearer, once; the first result counts."""
        result = self.patience.run(self.answer)
        self.pass_time(0.0, 0.0, 0.0)
        self.assertEqual(self.where(), (1, 1))
        self.near.finish()
        self.assertEqual(self.successResultOf(result), "first")
        self.far.finish()
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertTrue(self.patience.is_idle)

    def test_starves_later(self) -> None:
        """What a call got long ago does not count, only what it got since the last look."""
        result = self.patience.run(self.answer)
        self.pass_time(1.0, 1.0, SHARE * 0.99)
        self.assertEqual(self.where(), (1, 1))
        self.near.finish()
        self.assertEqual(self.successResultOf(result), "first")

    def test_far_one_is_first(self) -> None:
        """If the one far behind ends first after all, its result counts."""
        result = self.patience.run(self.answer)
        self.pass_time(0.0)
        self.far.finish()
        self.assertEqual(self.successResultOf(result), "first")
        self.near.finish()

    def test_no_place(self) -> None:
        """Those that starve keep their places, even when overtaken: others go near at once."""
        results = [self.patience.run(lambda: "starved") for _ in range(2)]
        self.clock.advance(LOOK)
        self.near.finish_all()
        self.assertEqual([self.successResultOf(each) for each in results], ["starved"] * 2)
        self.assertFalse(self.patience.is_idle)
        result = self.patience.run(self.answer)
        self.assertEqual(self.where(), (2, 1))
        self.near.finish()
        self.assertEqual(self.successResultOf(result), "first")
        self.far.finish()
        self.patience.run(self.answer)
        self.assertEqual(self.where(), (2, 0))

    def test_holds_lock(self) -> None:
        """What keeps the interpreter's lock is never far behind."""
        result = self.patience.run(self.answer, True)
        self.assertEqual(self.where(), (0, 1))
        self.near.finish()
        self.assertEqual(self.successResultOf(result), "first")
        self.assertTrue(self.patience.is_idle)

    def test_failure(self) -> None:
        """A call's exception reaches the caller, and its place is free again."""

        def fail() -> None:
            raise KeyError("x")

        for _ in range(3):
            result = self.patience.run(fail)
            self.assertEqual(self.where(), (1, 0))
            self.far.finish()
            self.failureResultOf(result, KeyError)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_cannot_run(self) -> None:
        """A call that finds no thread fails, and its place is free again."""

        def broken(call: Callable[[], Any]) -> Any:
            raise RuntimeError("can't start new thread")

        patience = Patience(self.clock, broken, broken, 1, self.watch)
        for holds_lock in (False, False, True):
            self.failureResultOf(patience.run(self.answer, holds_lock), RuntimeError)
        self.assertTrue(patience.is_idle)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_cannot_run_again(self) -> None:
        """If no thread is found for the second time, the first one gives the result."""

        def broken(call: Callable[[], Any]) -> Any:
            raise RuntimeError("can't start new thread")

        patience = Patience(self.clock, self.far.run, broken, 1, self.watch)
        result = patience.run(self.answer)
        self.clock.advance(LOOK)
        self.assertNoResult(result)
        self.far.finish()
        self.assertEqual(self.successResultOf(result), "first")


def in_a_thread(call: Callable[[], T]) -> T:
    """What the call returns in a thread of its own."""
    found: list[T] = []
    thread = Thread(target=lambda: found.append(call()))
    thread.start()
    thread.join(5)
    return found[0]


def niceness() -> int:
    """Of the calling thread."""
    return os.getpriority(os.PRIO_PROCESS, get_native_id())


class NicenessTests(SynchronousTestCase):
    """`with_niceness`."""

    def test_thread(self) -> None:
        """The thread is behind the others; those keep their place."""
        before = niceness()
        self.assertEqual(in_a_thread(lambda: with_niceness(5, niceness)), max(before, 5))
        self.assertEqual(niceness(), before)

    def test_nicer_already(self) -> None:
        """A daemon that was started nicer stays as nice as it is."""

        def nicer() -> int:
            os.setpriority(os.PRIO_PROCESS, get_native_id(), 15)
            return with_niceness(5, niceness)

        self.assertEqual(in_a_thread(nicer), max(niceness(), 15))


class WatchedTests(SynchronousTestCase):
    """`Watched`: what a thread has had of a processor."""

    def test_seconds(self) -> None:
        """Work counts, and waiting does not; nor does what its thread did before."""
        told: list[float] = []

        def burn(seconds: float) -> None:
            end = time.thread_time() + seconds
            while time.thread_time() < end:
                pass

        def work() -> str:
            told.append(watched.seconds())
            burn(0.05)
            told.append(watched.seconds())
            time.sleep(0.1)
            told.append(watched.seconds())
            return "done"

        def late() -> str:
            burn(0.05)
            return str(watched())

        watched = Watched(work)
        self.assertEqual(watched.seconds(), 0.0)
        self.assertEqual(in_a_thread(late), "done")
        begun, burnt, slept = told
        self.assertLess(begun, 0.02)
        self.assertGreaterEqual(burnt, 0.05)
        self.assertLess(slept - burnt, 0.05)


class ThreadsTests(TestCase):
    """`PatientThreads`: with threads, and the reactor."""

    def setUp(self) -> None:
        self.threads = PatientThreads(reactor, 2, "patience-test")
        self.threads.start()

    async def test_niceness(self) -> None:
        """Calls are far behind all others, and those that hold the lock are nearer."""
        own = niceness()
        self.assertEqual(await self.threads.run(niceness), max(own, FAR))
        self.assertEqual(await self.threads.run(niceness, True), max(own, NEAR))
        self.threads.stop()

    async def test_stop(self) -> None:
        """A stop waits for the calls that get on."""
        done: list[str] = []

        def slow(name: str) -> None:
            time.sleep(0.1)
            done.append(name)

        self.threads.run(lambda: slow("near"), True)
        await self.threads.run(lambda: slow("far"))
        self.threads.stop()
        self.assertEqual(sorted(done), ["far", "near"])

    async def test_starves(self) -> None:
        """A call that gets nowhere is made again in time, and a stop does not wait for it."""
        freed, ended, made = Event(), Event(), count(1)
        self.addCleanup(lambda: self.assertTrue(ended.wait(5)))
        self.addCleanup(freed.set)

        def call() -> int:
            number = next(made)
            if number == 1:
                freed.wait(20)  # as if others took all processors
                ended.set()
            return number

        begun = time.monotonic()
        self.assertEqual(await self.threads.run(call), 2)
        self.threads.stop()
        self.assertLess(time.monotonic() - begun, 10)
        self.assertFalse(ended.is_set())
