"""Tests for gathering over a turn."""

from __future__ import annotations

from collections.abc import Callable

from twisted.logger import LogEvent, capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from records.gathering import Gathered, Gathering


class Connection:
    """One that writes down what happens, to all in one list."""

    def __init__(self, name: str, gathering: Gathering, events: list[str]) -> None:
        self.name = name
        self.gathering = gathering
        self.events = events

    def take(self, data: bytes) -> None:
        """See `Gathered`."""
        self.events.append(f"{self.name} takes {data.decode()}")
        if data == b"bad":
            raise ValueError("a fault")
        self.gathering.send(self)

    def flush(self) -> None:
        """See `Gathered`."""
        self.events.append(f"{self.name} flushes")

    def go_on(self) -> None:
        """See `Gathered`."""
        self.events.append(f"{self.name} goes on")
        if self.name == "b":
            self.gathering.rest(self)

    def abort(self) -> None:
        """See `Gathered`."""
        self.events.append(f"{self.name} is dropped")


class GatheringTests(SynchronousTestCase):
    """`Gathering`."""

    def setUp(self) -> None:
        self.told: list[LogEvent] = []
        self.soon: list[Callable[[], object]] = []
        self.events: list[str] = []
        self.gathering = Gathering(self.soon.append)
        self.a, self.b = (Connection(name, self.gathering, self.events) for name in "ab")

    def turn(self) -> list[str]:
        """End the turn; what happened."""
        with capturedLogs() as told:
            while self.soon:
                self.soon.pop(0)()
        self.told += told
        events, self.events[:] = list(self.events), []
        return events

    def test_together(self) -> None:
        """All is taken, in the order received, before anything leaves."""
        self.gathering.receive(self.a, b"1")
        self.gathering.receive(self.b, b"2")
        self.assertEqual((self.events, len(self.soon)), ([], 1))
        self.assertEqual(self.turn(), ["a takes 1", "b takes 2", "a flushes", "b flushes"])

    def test_again(self) -> None:
        """Each turn begins anew."""
        self.gathering.receive(self.a, b"1")
        self.turn()
        self.gathering.send(self.b)
        self.assertEqual(self.turn(), ["b flushes"])
        self.assertEqual(self.soon, [])

    def test_fault(self) -> None:
        """A fault in one connection drops that one, is logged, and harms no other."""
        self.gathering.receive(self.a, b"bad")
        self.gathering.receive(self.b, b"2")
        self.assertEqual(self.turn(), ["a takes bad", "a is dropped", "b takes 2", "b flushes"])
        self.assertEqual([each["kind"] for each in self.told], ["ValueError"])
        self.assertNotIn("a fault", "".join(str(each) for each in self.told))

    def test_fault_twice(self) -> None:
        """A connection that cannot even be dropped stops nothing."""

        def abort() -> None:
            raise AttributeError

        self.a.abort = abort  # type: ignore[method-assign]
        self.gathering.receive(self.a, b"bad")
        self.gathering.receive(self.b, b"2")
        self.assertEqual(self.turn(), ["a takes bad", "b takes 2", "b flushes"])
        self.assertEqual([each["kind"] for each in self.told], ["ValueError", "AttributeError"])
        self.gathering.receive(self.b, b"3")
        self.assertEqual(self.turn(), ["b takes 3", "b flushes"])

    def test_complete(self) -> None:
        """What waits for the end of the turn can be done before it, and is not done again."""
        self.gathering.receive(self.a, b"1")
        self.gathering.complete()
        self.assertEqual(self.events, ["a takes 1", "a flushes"])
        self.events.clear()
        self.assertEqual(self.turn(), [])

    def test_rest(self) -> None:
        """Of those who have had their share one goes on in each turn, in turn."""
        self.gathering.rest(self.b)
        self.gathering.rest(self.a)
        turns = []
        for _ in range(4):
            self.gathering.receive(self.a, b"1")
            self.soon.pop(0)()
            turns.append([event for event in self.events if event.endswith("goes on")])
            self.events.clear()
        self.assertEqual(turns, [["b goes on"], ["a goes on"], ["b goes on"], ["b goes on"]])

    def test_sent_while_flushing(self) -> None:
        """What is sent while others flush leaves in the next turn."""
        again = Connection("c", self.gathering, self.events)

        def flush() -> None:
            self.gathering.send(again)

        self.b.flush = flush  # type: ignore[method-assign]
        self.gathering.send(self.b)
        self.assertEqual(self.turn(), ["c flushes"])


def _conforms(connection: Connection) -> Gathered:
    return connection
