"""The queue by which slow calls are done a few at a time, by turns between their sources."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from records.auth.hashing import (
    MAX_WAITING_LOGINS,
    MAX_WAITING_PER_SOURCE,
    THREADS,
    HashingQueue,
    SourceFlooded,
)
from records.model.errors import Busy
from records.test.auth.hashing_case import Threads


class QueueCase(SynchronousTestCase):
    """A queue whose calls are done by hand."""

    def setUp(self) -> None:
        self.threads = Threads(held=True)
        self.queue = HashingQueue(self.threads.run)
        self.begun: list[str] = []

    def submit(
        self, source: str, name: str = "", at_most: int = MAX_WAITING_PER_SOURCE
    ) -> Deferred[str]:
        def call() -> str:
            self.begun.append(name)
            return name

        return self.queue.submit(source, call, at_most)

    def place_is_free(self) -> None:
        """Assert that as many calls can run as if there had been none before."""
        self.assertEqual(self.threads.running, [])
        results = [self.submit("later") for _ in range(THREADS)]
        self.assertEqual(len(self.threads.running), THREADS)
        self.threads.finish_all()
        self.assertEqual([self.successResultOf(result) for result in results], [""] * THREADS)


class QueueTests(QueueCase):
    """Results, places and limits."""

    def test_two_at_a_time(self) -> None:
        """Two calls run at a time; each caller gets what its own call returned."""
        results = [self.submit("a", name) for name in ("1", "2", "3")]
        self.assertEqual(len(self.threads.running), 2)
        self.threads.finish(1)
        self.assertEqual(self.successResultOf(results[1]), "2")
        self.assertNoResult(results[0])
        self.assertEqual(len(self.threads.running), 2)
        self.threads.finish_all()
        self.assertEqual([self.successResultOf(results[index]) for index in (0, 2)], ["1", "3"])
        self.place_is_free()

    def test_failure(self) -> None:
        """A call's exception reaches its own caller, and its place is free again."""

        def fail() -> None:
            raise KeyError("x")

        failing = [self.queue.submit("a", fail) for _ in range(5)]
        good = self.submit("a", "good")
        self.threads.finish_all()
        for result in failing:
            self.failureResultOf(result, KeyError)
        self.assertEqual(self.successResultOf(good), "good")
        self.place_is_free()

    def test_cannot_run(self) -> None:
        """A call that finds no thread fails its own caller, and its place is free again."""
        broken = True

        def run(call: Callable[[], object]) -> Deferred[object]:
            if broken:
                raise RuntimeError("can't start new thread")
            return self.threads.run(call)

        queue = HashingQueue(run)
        for _ in range(THREADS + 1):
            self.failureResultOf(queue.submit("a", lambda: 1), RuntimeError)
        broken = False
        result = queue.submit("a", lambda: 2)
        self.threads.finish_all()
        self.assertEqual(self.successResultOf(result), 2)

    def test_caller_gone(self) -> None:
        """Callers who no longer wait, before or while their call runs, keep no place."""
        results = [self.submit("a") for _ in range(4)]
        for result in results:
            result.cancel()
            self.failureResultOf(result)
        self.threads.finish_all()
        self.place_is_free()

    def test_submitted_from_a_result(self) -> None:
        """A caller who gets a result may go on with another call at once."""
        more = self.submit("a", "1").addCallback(lambda _: self.submit("a", "2"))
        self.threads.finish_all()
        self.assertEqual((self.successResultOf(more), self.begun), ("2", ["1", "2"]))
        self.place_is_free()

    def test_busy_source(self) -> None:
        """A source that has too many waiting is told so, and others are not."""
        waiting = [self.submit("a") for _ in range(THREADS + MAX_WAITING_PER_SOURCE)]
        self.failureResultOf(self.submit("a", "refused"), SourceFlooded)
        other = self.submit("b")
        self.threads.finish()
        waiting.append(self.submit("a"))
        self.threads.finish_all()
        for result in (*waiting, other):
            self.successResultOf(result)
        self.assertNotIn("refused", self.begun)
        self.place_is_free()

    def test_busy(self) -> None:
        """When each of too many sources has one place, others are told so, until some are done."""
        waiting = [self.submit(f"{number}") for number in range(THREADS + MAX_WAITING_LOGINS)]
        for source in (f"{THREADS}", "new"):
            error = self.failureResultOf(self.submit(source, "refused")).value
            self.assertIs(type(error), Busy, source)
        self.threads.finish()
        waiting.append(self.submit("new"))
        self.failureResultOf(self.submit("new", "refused"), Busy)
        self.threads.finish_all()
        for result in waiting:
            self.successResultOf(result)
        self.assertNotIn("refused", self.begun)
        self.place_is_free()


class FloodTests(QueueCase):
    """A few sources that send as much as they can."""

    def flood(self, *sources: str) -> dict[str, list[Deferred[str]]]:
        """Have each source take as many places as it gets."""
        for _ in range(THREADS):
            self.submit("before")
        count = MAX_WAITING_LOGINS // len(sources)
        return {each: [self.submit(each, each) for _ in range(count)] for each in sources}

    def test_newcomer(self) -> None:
        """A newcomer whom four sources left no place has one, and the next turn but four."""
        floods = self.flood(*"abcd")
        newcomer = self.submit("new", "new")
        self.assertNoResult(newcomer)
        for _ in range(THREADS + 5):
            self.threads.finish()
        self.assertEqual(self.successResultOf(newcomer), "new")
        self.failureResultOf(floods["a"][-1], Busy)
        self.threads.finish_all()
        flooding = [each for flood in floods.values() for each in flood]
        for result in flooding[: MAX_WAITING_LOGINS // 4 - 1]:
            self.successResultOf(result)
        self.place_is_free()

    def test_who_gives(self) -> None:
        """It is the source with the most that gives its newest place, and no more than is fair."""
        for _ in range(THREADS):
            self.submit("before")
        few = [self.submit("few") for _ in range(MAX_WAITING_LOGINS - 240)]
        many = [self.submit(f"{number % 4}") for number in range(240)]
        newcomers = [self.submit("new") for _ in range(48)]
        self.assertEqual(sum(1 for each in many if each.called), 48)
        for each in (*few, *newcomers):
            self.assertNoResult(each)
        self.failureResultOf(self.submit("new"), Busy)
        for each in many:
            each.addErrback(lambda failure: failure.trap(Busy))
        self.threads.finish_all()
        self.place_is_free()

    def test_sent_again(self) -> None:
        """A caller who loses its place and asks again at once is refused, and keeps nobody out."""
        floods = self.flood(*"abcd")
        floods["a"][-1].addErrback(lambda _: self.submit("a", "again"))
        newcomer = self.submit("new", "new")
        self.failureResultOf(floods["a"][-1], Busy)
        self.threads.finish_all()
        self.assertEqual(self.successResultOf(newcomer), "new")
        self.place_is_free()

    def test_at_most(self) -> None:
        """A source may be given fewer places than others."""
        results = [self.submit("a", at_most=1) for _ in range(THREADS + 1)]
        self.failureResultOf(self.submit("a", at_most=1), SourceFlooded)
        results.append(self.submit("b", at_most=1))
        self.threads.finish_all()
        for result in results:
            self.successResultOf(result)
        self.place_is_free()


class SchedulerTests(QueueCase):
    """Whose turn it is."""

    def test_turns(self) -> None:
        """A client that comes alone does not wait for all those of a source that sent many."""
        self.queue = HashingQueue(self.threads.run, at_once=1)
        for source, number in (("a", 1), ("a", 2), ("a", 3), ("a", 4), ("b", 1), ("c", 1)):
            self.submit(source, f"{source}{number}")
        self.threads.finish_all()
        self.assertEqual(self.begun, ["a1", "a2", "b1", "c1", "a3", "a4"])

    @given(st.lists(st.sampled_from(["a", "b", "c", "done"]), max_size=60), st.integers(1, 3))
    def test_fair(self, events: list[str], at_once: int) -> None:
        """Each source's calls keep their order, and none waits while another has two turns."""
        running: list[Deferred[str]] = []
        waiting: dict[str, list[str]] = {"a": [], "b": [], "c": []}
        passed: dict[str, list[str]] = {"a": [], "b": [], "c": []}  # who had turns meanwhile

        def run(call: Callable[[], str]) -> Deferred[str]:
            name = call()
            source = name[0]
            self.assertEqual(waiting[source].pop(0), name)
            passed[source].clear()
            for other, sources in passed.items():
                if other != source and waiting[other]:
                    self.assertNotIn(source, sources)
                    sources.append(source)
            running.append(Deferred())
            self.assertLessEqual(len(running), at_once)
            return running[-1]

        queue = HashingQueue(run, at_once)
        for number, event in enumerate([*events, *["done"] * len(events)]):
            if event != "done":
                if not waiting[event]:
                    passed[event].clear()
                waiting[event].append(f"{event}{number}")
                queue.submit(event, partial(str, f"{event}{number}"))
            elif running:
                running.pop(0).callback("")
        self.assertEqual(waiting, {"a": [], "b": [], "c": []})
