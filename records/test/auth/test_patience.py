"""Tests for slow calls that stay behind all others, but do not starve there."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from functools import partial
from itertools import count
from threading import Event, Thread, get_native_id
from typing import Any, TypeVar

from twisted.internet import reactor
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase, TestCase

from records.auth.patience import (
    FAR,
    LOOK,
    LOOKS,
    MOST,
    NEAR,
    SHARE,
    Patience,
    PatientThreads,
    Watched,
    with_niceness,
)
from records.test.auth.hashing_case import Threads

CLOCK: Any = reactor
T = TypeVar("T")


class Told:
    """A watched call whose seconds of a processor the test tells."""

    def __init__(self, call: Callable[[], Any]) -> None:
        self._call = call
        self.had = 0.0
        self.has_begun = False

    def __call__(self) -> Any:
        """See `records.auth.patience.Watched`."""
        self.has_begun = True
        return self._call()

    def seconds(self) -> float:
        """See `records.auth.patience.Watched`."""
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

        tried: list[str] = []

        def broken(where: str, call: Callable[[], Any]) -> Any:
            tried.append(where)
            raise RuntimeError("can't start new thread")

        far, near = partial(broken, "far"), partial(broken, "near")
        threads = Patience(self.clock, far, near, 1, self.watch)
        for holds_lock in (False, False, True):
            self.failureResultOf(threads.run(self.answer, holds_lock), RuntimeError)
        self.assertEqual(tried, ["far", "far", "near"])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_cannot_run_again(self) -> None:
        """If no thread is found for the second time, the first goes on, and it is tried again."""
        is_broken = True

        def near(call: Callable[[], Any]) -> Any:
            if is_broken:
                raise RuntimeError("can't start new thread")
            return self.near.run(call)

        threads = Patience(self.clock, self.far.run, near, 2, self.watch)
        results = [threads.run(self.answer) for _ in range(2)]
        self.clock.advance(LOOK)
        self.assertNoResult(results[0])
        self.far.finish()
        self.assertEqual(self.successResultOf(results[0]), "first")
        is_broken = False
        self.clock.advance(LOOK)
        self.assertEqual(self.where(), (1, 1))
        self.near.finish()
        self.assertEqual(self.successResultOf(results[1]), "second")
        self.far.finish()

    def test_taken_by_near(self) -> None:
        """Where nearer calls have had most of a processor, others have not: they are waited for."""
        for _ in range(2):
            self.patience.run(str, True)
        nearer = list(self.watched)
        result = self.patience.run(self.answer)
        for _ in range(LOOKS):
            for each in nearer:
                each.had += (MOST + 0.01) / 2 * LOOK
            self.clock.advance(LOOK)
            self.assertEqual(self.where(), (1, 2))
        self.near.finish_all()
        self.clock.advance(LOOK)
        self.assertEqual(self.where(), (1, 1))  # now it is others who take it
        self.near.finish()
        self.assertEqual(self.successResultOf(result), "first")
        self.far.finish()

    def test_taken_for_long(self) -> None:
        """But not for long: then it is made again beside them."""
        self.patience.run(str, True)
        result = self.patience.run(self.answer)
        for number in range(LOOKS + 1):
            self.assertEqual(self.where(), (1, 1), number)
            self.watched[0].had += LOOK
            self.clock.advance(LOOK)
        self.assertEqual(self.where(), (1, 2))
        self.near.finish_all()
        self.assertEqual(self.successResultOf(result), "first")
        self.far.finish()

    def test_fails_again(self) -> None:
        """A call that fails nearer has failed: it is not made over and over."""
        result = self.patience.run(lambda: int("no number"))
        self.clock.advance(LOOK)
        self.near.finish()
        self.failureResultOf(result, ValueError)
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.far.finish()

    def test_shared_by_near(self) -> None:
        """Where they have had less, others take the rest."""
        for _ in range(2):
            self.patience.run(str, True)
        for nearer in self.watched:
            nearer.had = (MOST - 0.01) / 2 * LOOK
        self.patience.run(self.answer)
        self.clock.advance(LOOK)
        self.assertEqual(self.where(), (1, 3))
        self.near.finish_all()
        self.far.finish()


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
        self.threads = PatientThreads(CLOCK, 2, self.id())
        self.threads.start()
        for pool in (self.threads._far, self.threads._near):
            self.addCleanup(pool.stop)

    async def test_niceness(self) -> None:
        """Calls are far behind all others, and those that hold the lock are nearer."""
        own = niceness()
        self.assertEqual(await self.threads.run(niceness), max(own, FAR))
        self.assertEqual(await self.threads.run(niceness, True), max(own, NEAR))

    async def test_starves(self) -> None:
        """A call that gets nowhere is made again in time."""
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
        self.assertLess(time.monotonic() - begun, 10)
        self.assertFalse(ended.is_set())
