"""Tests for the turns: who goes first at the end of one, and when there is another."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from records.runtime.scheduler import (
    BULK_SLICE,
    INTERACTIVE_WINDOW,
    SHORT_BULK_SLICE,
    Participant,
    Scheduler,
)


class Worked:
    """A part that writes down what it is told to do, to all in one list.

    little, has_bulk, is_waiting: what it answers. then: what else happens in a stage of its own.
    """

    def __init__(self, name: str, events: list[str]) -> None:
        self.name = name
        self.events = events
        self.little = False
        self.has_bulk = False
        self.has_work = False
        self.then: dict[str, Callable[[], object]] = {}

    def _note(self, stage: str) -> None:
        self.events.append(f"{self.name} {stage}")
        self.then.get(stage, lambda: None)()

    def run_interactive(self) -> bool:
        """See `Participant`."""
        self._note("little")
        return self.little

    def run_bulk(self) -> None:
        """See `Participant`."""
        self._note("bulk")

    def flush_work(self) -> None:
        """See `Participant`."""
        self._note("hands on")


class SchedulerCase(SynchronousTestCase):
    """Turns with two parts, `a` and `b`, which were added in this order."""

    def setUp(self) -> None:
        self.time = Clock()
        self.soon: list[Callable[[], object]] = []
        self.events: list[str] = []
        self.turns = Scheduler(self.soon.append, self.time.seconds)
        self.a, self.b = (Worked(name, self.events) for name in "ab")
        self.turns.add(self.a)
        self.turns.add(self.b)

    def turn(self) -> list[str]:
        """Let a reactor iteration pass; what happened."""
        calls, self.soon[:] = list(self.soon), []
        for call in calls:
            call()
        events, self.events[:] = list(self.events), []
        return events


LITTLE = ["b little", "a little", "b hands on", "a hands on"]
BULK = ["b bulk", "a bulk", "b hands on", "a hands on"]


class OrderTests(SchedulerCase):
    """What is done at the end of an iteration."""

    def test_little(self) -> None:
        """All do what is little and then all hand on, who was added later first; that is all."""
        self.turns.run()
        self.assertEqual(self.events, LITTLE)

    def test_bulk(self) -> None:
        """If any has bulk, that is done after it, and what came of it is handed on as well."""
        for part in (self.a, self.b):
            part.has_bulk = True
            self.turns.run()
            part.has_bulk = False
            self.assertEqual(self.events, LITTLE + BULK)
            self.events.clear()

    def test_bulk_of_this_turn(self) -> None:
        """Bulk work that interactive work or a flush causes is done in the same iteration."""
        for stage in ("little", "hands on"):
            self.b.then = {stage: lambda: setattr(self.b, "has_bulk", True)}
            self.turns.run()
            self.b.has_bulk = False
            self.assertEqual(self.events, LITTLE + BULK)
            self.events.clear()


class ScheduleTests(SchedulerCase):
    """When an iteration is ended."""

    def test_once(self) -> None:
        """However often it is asked for, an iteration is ended once; and so is each later one."""
        for _ in range(3):
            self.turns.schedule()
            self.turns.schedule()
            self.assertEqual((self.events, len(self.soon)), ([], 1))
            self.assertEqual(self.turn(), LITTLE)
            self.assertEqual(self.soon, [])

    def test_within(self) -> None:
        """Work done at the end of an iteration schedules no other one, if nothing is left."""
        for part in (self.a, self.b):
            part.has_bulk = True
            part.then = dict.fromkeys(("little", "bulk", "hands on"), self.turns.schedule)
        self.turns.schedule()
        self.assertEqual(self.turn(), LITTLE + BULK)
        self.assertEqual(self.soon, [])

    def test_waiting(self) -> None:
        """While anything waits, there is one end of an iteration after the other."""
        for part in (self.a, self.b):
            part.has_work = True
            self.turns.schedule()
            for _ in range(3):
                self.assertEqual(self.turn(), LITTLE)
                self.assertEqual(len(self.soon), 1)
            part.has_work = False
            self.turn()
            self.assertEqual(self.soon, [])

    def test_now(self) -> None:
        """A turn can be ended before its time."""
        self.turns.run()
        self.assertEqual(self.events, LITTLE)
        self.assertEqual(self.soon, [])
        self.a.has_work = True
        self.turns.run()
        self.assertEqual(len(self.soon), 1)
        for _ in range(3):
            self.turns.run()
            self.turn()
            self.assertEqual(len(self.soon), 1, "one turn does not make two")

    def test_raised(self) -> None:
        """What a part raises comes out, and does not keep later turns from being ended."""

        def fail() -> None:
            raise ValueError("a fault")

        for stage in ("little", "bulk", "hands on"):
            for waits in (True, False):
                self.a.has_bulk, self.b.has_work = True, waits
                self.a.then = {stage: fail}
                self.turns.schedule()
                self.assertRaises(ValueError, self.turn)
                self.a.then = {}
                self.events.clear()
                self.assertEqual(len(self.soon), int(waits))
                self.b.has_work = False
                self.turns.schedule()
                self.assertEqual(len(self.soon), 1)
                self.assertEqual(self.turn(), LITTLE + BULK)
                self.assertEqual(self.soon, [])


class TimeTests(SchedulerCase):
    """How long those are served who ask for much."""

    def setUp(self) -> None:
        super().setUp()
        self.long: list[bool] = []
        self.a.has_bulk = True
        self.a.then = {"bulk": self.look}

    def look(self) -> None:
        """See whether it is long, at the beginning and shortly before and after both times."""
        self.long = []
        begun = self.time.seconds()
        for seconds in (
            0.0,
            0.9 * SHORT_BULK_SLICE,
            1.1 * SHORT_BULK_SLICE,
            0.9 * BULK_SLICE,
            1.1 * BULK_SLICE,
        ):
            self.time.advance(begun + seconds - self.time.seconds())
            self.long.append(self.turns.slice_is_over())

    def is_short(self) -> bool:
        """End an iteration: whether those who ask for much had the shorter time."""
        self.turns.run()
        self.assertIn(self.long, ([False] * 2 + [True] * 3, [False] * 4 + [True]))
        return self.long[2]

    def test_nobody_else(self) -> None:
        """Where nobody else is, they have the longer time, in each iteration."""
        for _ in range(3):
            self.assertFalse(self.is_short())
            self.time.advance(0.02)

    def test_others(self) -> None:
        """The slice is short if any participant has interactive work."""
        for part in (self.a, self.b):
            part.little = True
            self.assertTrue(self.is_short())
            part.little = False
            self.time.advance(INTERACTIVE_WINDOW)

    def test_mindful(self) -> None:
        """The slice stays short for a while after the last interactive request."""
        for _ in range(2):
            self.b.little = True
            self.assertTrue(self.is_short())
            self.b.little = False
            self.time.advance(0.7 * INTERACTIVE_WINDOW)
            self.assertTrue(self.is_short())
        self.time.advance(0.2 * INTERACTIVE_WINDOW)
        self.assertTrue(self.is_short())
        self.time.advance(0.2 * INTERACTIVE_WINDOW)
        self.assertFalse(self.is_short())

    def test_before_there_was_much(self) -> None:
        """An interactive request counts from then on, also if there was no bulk work yet."""
        self.a.has_bulk, self.b.little = False, True
        self.turns.run()
        self.a.has_bulk, self.b.little = True, False
        self.assertTrue(self.is_short())

    def test_not_for_the_rest(self) -> None:
        """The time begins when their turn has come, not while others are served."""
        for stage in ("little", "hands on"):
            self.b.then = {stage: lambda: self.time.advance(2 * BULK_SLICE)}
            self.assertFalse(self.is_short())


def _conforms(part: Worked) -> Participant:
    return part
