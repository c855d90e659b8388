"""Taking turns between two threads; here each side is in the test's own."""

from __future__ import annotations

from threading import Thread

from twisted.trial.unittest import SynchronousTestCase

from records.store.turns import Side, Turn


class TurnTests(SynchronousTestCase):
    """Two sides of one turn."""

    def setUp(self) -> None:
        self.turn = Turn()
        self.one, self.other = Side(self.turn), Side(self.turn)

    def test_one_at_a_time(self) -> None:
        """While one side has the turn the other has not; afterwards it can have it."""
        with self.one:
            self.assertTrue(self.turn.lock.locked())
            self.other.take()  # in vain, after a moment
            self.other.give()
            self.assertTrue(self.turn.lock.locked())
        self.assertFalse(self.turn.lock.locked())
        with self.other:
            self.assertTrue(self.turn.lock.locked())

    def test_twice(self) -> None:
        """A side that has the turn may take it again, and gives it once."""
        self.one.take()
        self.one.take()
        self.one.give()
        self.assertFalse(self.turn.lock.locked())
        self.one.give()
        self.other.take()
        self.assertTrue(self.turn.lock.locked())
        self.other.give()

    def test_in_turn(self) -> None:
        """Who gives the turn while the other waits does not take it again before the other has."""
        order: list[str] = []
        self.one.take()
        waiting = Thread(target=self.wait_for_it, args=(order,))
        waiting.start()
        while not self.turn.entry.locked():
            pass
        self.one.give()
        self.one.take()
        order.append("one")
        self.one.give()
        waiting.join(5)
        self.assertEqual(order[0], "other")

    def wait_for_it(self, order: list[str]) -> None:
        """The other side, in a thread of its own."""
        while "other" not in order:
            self.other.take()
            if self.turn.lock.locked():
                order.append("other")
            self.other.give()

    def test_given_after_a_fault(self) -> None:
        """A fault within the turn ends it."""
        with self.assertRaises(KeyError), self.one:
            raise KeyError
        self.assertFalse(self.turn.lock.locked())
