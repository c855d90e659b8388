"""Tests for `records.store.queues`."""

from __future__ import annotations

from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from records.store.queues import CAREFUL_BATCHES, JobQueue

MANY, FEWER = 5, 2


class JobQueueTests(SynchronousTestCase):
    """Things in bulk are tens, others are less."""

    def setUp(self) -> None:
        self.queue: JobQueue[int] = JobQueue(MANY, FEWER)

    def add(self, things: Iterable[int], is_bulk: bool) -> None:
        self.queue.add(things, is_bulk)

    def taken(self, turns: int) -> list[tuple[list[int], bool]]:
        """What is taken in so many turns."""
        return [self.queue.next_batch() for _ in range(turns)]

    def sizes(self) -> list[tuple[int, bool]]:
        """How much is taken at a time until nothing is left, and of which queue."""
        found: list[tuple[int, bool]] = []
        while self.queue:
            things, is_bulk = self.queue.next_batch()
            self.assertTrue(things)
            found.append((len(things), is_bulk))
        return found

    def test_truth(self) -> None:
        """They are true while anything waits, in whichever queue."""
        self.assertFalse(self.queue)
        for is_bulk in (False, True):
            self.add([1, 2], is_bulk)
            self.assertTrue(self.queue)
            self.assertEqual(self.queue.next_batch(), ([1, 2], is_bulk))
            self.assertFalse(self.queue)
            self.add([], is_bulk)
            self.assertFalse(self.queue)

    def test_alternate(self) -> None:
        """The two are served by turns, each in its order, and what is not of the bulk is first."""
        self.add(range(10, 15), True)
        self.add(range(8), False)
        self.add([15], True)
        self.add([8], False)
        self.assertEqual(
            self.taken(5),
            [
                ([0, 1, 2, 3, 4], False),
                ([10, 11], True),
                ([5, 6, 7, 8], False),
                ([12, 13], True),
                ([14, 15], True),
            ],
        )

    def test_comes_between(self) -> None:
        """What comes while there is only bulk waits for no more than what is being done of it."""
        self.add(range(10, 40), True)
        self.taken(3)
        self.add([0], False)
        self.assertEqual(self.queue.next_batch(), ([0], False))

    def test_only_bulk(self) -> None:
        """Where nobody else comes, much of the bulk is taken at a time."""
        self.add(range(2 * MANY + 1), True)
        self.assertEqual(self.sizes(), [(MANY, True), (MANY, True), (1, True)])

    def test_only_others(self) -> None:
        """So it is of the others, always."""
        self.add(range(2 * MANY + 1), False)
        self.assertEqual(self.sizes(), [(MANY, False), (MANY, False), (1, False)])

    def test_mindful(self) -> None:
        """Bulk batches stay small for a while after an interactive one, and each begins it anew."""
        self.add(range(100), True)
        self.add([0], False)
        self.assertEqual(self.taken(1), [([0], False)])
        sizes = [len(things) for things, _ in self.taken(CAREFUL_BATCHES - 1)]
        self.assertEqual(sizes, [FEWER] * (CAREFUL_BATCHES - 1))
        self.add([1], False)
        self.assertEqual(self.taken(1), [([1], False)])
        sizes = [len(things) for things, _ in self.taken(CAREFUL_BATCHES + 2)]
        self.assertEqual(sizes, [FEWER] * CAREFUL_BATCHES + [MANY] * 2)

    def test_no_starving(self) -> None:
        """However much comes of one, the other has every second turn, or the next it may have."""
        for flooded in (False, True):
            self.queue = JobQueue(MANY, FEWER)
            self.add(range(3 * MANY), not flooded)
            order = []
            for _ in range(6):
                self.add(range(2 * MANY), flooded)
                order.append(self.queue.next_batch()[1])
            self.assertEqual(order, [False] * 3 + [True] * 3 if flooded else [False, True] * 3)

    def test_overtakes_nothing(self) -> None:
        """Of the bulk nothing is taken before all others that were there before it."""
        self.add([0], False)
        self.assertEqual(self.taken(1), [([0], False)])
        self.add([1], False)
        self.add([10], True)
        self.add([2], False)
        self.add([11], True)
        self.assertEqual(self.taken(2), [([1, 2], False), ([10, 11], True)])
        self.add(range(MANY + 1), False)
        self.add([12], True)
        first, second, third = self.taken(3)
        self.assertEqual((first[1], second, third), (False, ([MANY], False), ([12], True)))

    def test_rest(self) -> None:
        """All that waits can be taken away, and others can be put in after it."""
        self.add([10, 11, 12], True)
        self.add([0, 1], False)
        self.assertEqual(sorted(self.queue.drain()), [0, 1, 10, 11, 12])
        self.assertFalse(self.queue)
        self.assertEqual(self.queue.drain(), [])
        self.add([13], True)
        self.assertEqual(self.queue.next_batch(), ([13], True))

    @given(
        st.lists(st.none() | st.tuples(st.integers(0, 3 * MANY), st.booleans()), max_size=30),
        st.booleans(),
    )
    def test_all_once(self, steps: list[tuple[int, bool] | None], is_rest_taken: bool) -> None:
        """All that is put in comes out once, of the queue it was put in and in its order."""
        order: JobQueue[tuple[bool, int]] = JobQueue(MANY, FEWER)
        put: dict[bool, list[tuple[bool, int]]] = {False: [], True: []}
        out: dict[bool, list[tuple[bool, int]]] = {False: [], True: []}

        def next_batch() -> None:
            things, is_bulk = order.next_batch()
            self.assertTrue(0 < len(things) <= MANY)
            out[is_bulk] += things

        for step in steps:
            if step is not None:
                count, is_bulk = step
                begin = len(put[is_bulk])
                things = [(is_bulk, number) for number in range(begin, begin + count)]
                put[is_bulk] += things
                order.add(things, is_bulk)
            elif order:
                next_batch()
        if is_rest_taken:
            for thing in order.drain():
                out[thing[0]].append(thing)
        while order:
            next_batch()
        self.assertEqual(out, put)
