"""Tests for `records.runtime.input_batching`."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.logger import LogEvent, capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from records.runtime.input_batching import (
    FULL_RECORD,
    INTERACTIVE_BYTES,
    BatchedConnection,
    InputBatching,
)
from records.runtime.scheduler import BULK_SLICE, SHORT_BULK_SLICE, Scheduler

MUCH = "x" * (INTERACTIVE_BYTES + 1)


class Connection:
    """One that writes down what happens, to all in one list. Long pieces are called "much".

    seconds: how long it takes. rests: whether it has more to be worked on each time.
    """

    def __init__(
        self, name: str, input_batching: InputBatching, time: Clock, events: list[str]
    ) -> None:
        self.name = name
        self.input_batching = input_batching
        self.time = time
        self.events = events
        self.is_idle = True
        self.seconds = 0.0
        self.rests = False

    def process(self, data: bytes) -> None:
        """See `BatchedConnection`."""
        self.events.append(f"{self.name} takes {data.decode().replace(MUCH, 'much')}".rstrip())
        self.time.advance(self.seconds)
        if b"bad" in data:
            raise ValueError("a fault")
        if self.rests:
            self.input_batching.requeue(self)
        self.input_batching.send(self)

    def pause(self) -> None:
        """See `BatchedConnection`."""
        self.events.append(f"{self.name} waits")

    def flush(self) -> None:
        """See `BatchedConnection`."""
        self.events.append(f"{self.name} flushes")

    def abort(self) -> None:
        """See `BatchedConnection`."""
        self.events.append(f"{self.name} is dropped")


class InputBatchingCase(SynchronousTestCase):
    """Three connections."""

    def setUp(self) -> None:
        self.time = Clock()
        self.told: list[LogEvent] = []
        self.soon: list[Callable[[], object]] = []
        self.events: list[str] = []
        self.turns = Scheduler(self.soon.append, self.time.seconds)
        self.input_batching = InputBatching(self.turns)
        self.a, self.b, self.c = self.all = [self.connection(name) for name in "abc"]

    def connection(self, name: str) -> Connection:
        """One more."""
        return Connection(name, self.input_batching, self.time, self.events)

    def receive(self, connection: Connection, data: str) -> None:
        """Something has come."""
        self.input_batching.receive(connection, data.encode())

    def turn(self) -> list[str]:
        """End the iteration; what happened."""
        calls, self.soon[:] = list(self.soon), []
        with capturedLogs() as told:
            for call in calls:
                call()
        self.told += told
        events, self.events[:] = list(self.events), []
        return events

    def taken(self) -> list[str]:
        """End the iteration; who took something, and what."""
        return [event.replace(" takes", "") for event in self.turn() if " takes" in event]


class InputBatchingTests(InputBatchingCase):
    """`InputBatching`, where nobody asks for much."""

    def test_together(self) -> None:
        """All is taken, in the order received, before anything leaves."""
        self.receive(self.a, "1")
        self.receive(self.b, "2")
        self.assertEqual((self.events, len(self.soon)), ([], 1))
        self.assertEqual(self.turn(), ["a takes 1", "b takes 2", "a flushes", "b flushes"])

    def test_again(self) -> None:
        """Each turn begins anew."""
        self.receive(self.a, "1")
        self.turn()
        self.input_batching.send(self.b)
        self.assertEqual(self.turn(), ["b flushes"])
        self.assertEqual(self.soon, [])

    def test_complete(self) -> None:
        """What waits for the end of the iteration can be done before it, and is not done again."""
        self.receive(self.a, "1")
        self.input_batching.run_now()
        self.assertEqual(self.events, ["a takes 1", "a flushes"])
        self.events.clear()
        self.assertEqual(self.turn(), [])

    def test_sent_while_flushing(self) -> None:
        """What is sent while others flush leaves in the next iteration."""

        def flush() -> None:
            self.input_batching.send(self.c)

        self.b.flush = flush  # type: ignore[method-assign]
        self.input_batching.send(self.b)
        self.assertEqual(self.turn(), [])
        self.assertEqual(self.turn(), ["c flushes"])
        self.assertEqual(self.soon, [])

    def test_received_meanwhile(self) -> None:
        """What is received while others are worked on is worked on in the next iteration."""
        self.a.flush = lambda: self.receive(self.b, "2")  # type: ignore[method-assign]
        self.receive(self.a, "1")
        self.assertEqual(self.turn(), ["a takes 1"])
        self.assertEqual(self.turn(), ["b takes 2", "b flushes"])


class FaultTests(InputBatchingCase):
    """A fault in one connection drops that one, is logged, and harms no other."""

    def kinds(self) -> list[str]:
        """The kinds of faults that were logged."""
        return [each["fault"].split()[0] for each in self.told]

    def test_fault(self) -> None:
        """The same for interactive connections."""
        self.receive(self.a, "bad")
        self.receive(self.b, "2")
        self.assertEqual(self.turn(), ["a takes bad", "a is dropped", "b takes 2", "b flushes"])
        self.assertEqual(self.kinds(), ["ValueError"])
        self.assertNotIn("a fault", "".join(str(each) for each in self.told))

    def test_busy(self) -> None:
        """The same for bulk connections."""
        self.receive(self.a, MUCH + "bad")
        self.receive(self.b, MUCH)
        self.assertEqual(
            self.turn(), ["a takes muchbad", "a is dropped", "b takes much", "b flushes"]
        )
        self.assertEqual(self.kinds(), ["ValueError"])
        self.assertEqual(self.soon, [])

    def test_wait_and_flush(self) -> None:
        """So it is for what else a connection is reported."""

        def fail() -> None:
            raise ValueError("a fault")

        self.a.seconds = BULK_SLICE
        self.b.pause = self.c.flush = fail  # type: ignore[method-assign]
        for connection in (self.a, self.b, self.b, self.c):
            self.receive(connection, MUCH)
        self.assertEqual(self.turn(), ["a takes much", "b is dropped", "a flushes"])
        self.assertEqual(self.taken(), ["b muchmuch", "c much"])
        self.receive(self.a, "1")
        self.input_batching.send(self.c)
        self.assertEqual(self.turn(), ["a takes 1", "c is dropped", "a flushes"])
        self.assertEqual(self.kinds(), ["ValueError"] * 3)

    def test_twice(self) -> None:
        """A connection that cannot even be dropped stops nothing."""

        def abort() -> None:
            raise AttributeError

        self.a.abort = abort  # type: ignore[method-assign]
        self.receive(self.a, "bad")
        self.receive(self.b, "2")
        self.assertEqual(self.turn(), ["a takes bad", "b takes 2", "b flushes"])
        self.assertEqual(self.kinds(), ["ValueError", "AttributeError"])
        self.receive(self.b, "3")
        self.assertEqual(self.turn(), ["b takes 3", "b flushes"])


class BusyTests(InputBatchingCase):
    """Those who ask for much."""

    def test_others_first(self) -> None:
        """A client that sends one small request is served first, even if it came later."""
        self.receive(self.a, MUCH)
        self.receive(self.b, "2")
        self.receive(self.c, "3")
        self.assertEqual(
            self.turn(),
            ["b takes 2", "c takes 3", "b flushes", "c flushes", "a takes much", "a flushes"],
        )
        self.assertEqual(self.soon, [])

    def test_who(self) -> None:
        """So does who sends many bytes, or more than a line, or a batch, or has some under way."""
        for data, is_idle, is_busy in (
            ("x" * INTERACTIVE_BYTES, True, False),
            ("x" * (INTERACTIVE_BYTES + 1), True, True),
            ("x\n", True, False),
            ("x\nx", True, False),
            ("x\nx\n", True, True),
            ("x\n", False, True),
            ("[x]\n", True, True),
            (" \t\r[", True, True),
            ("x[\n", True, False),
        ):
            self.a.is_idle = is_idle
            self.receive(self.a, data)
            self.receive(self.b, "2")
            who = [event[0] for event in self.taken()]
            self.assertEqual(who, ["b", "a"] if is_busy else ["a", "b"], (data[:9], is_idle))

    def test_piece_by_piece(self) -> None:
        """Who sends many small pieces asks for much as well."""
        for piece in ("1", "2", "3"):
            self.receive(self.a, piece)
        self.receive(self.b, "4")
        self.assertEqual(self.taken(), ["a 1", "b 4", "a 23"])

    def test_quiet_by_then(self) -> None:
        """It counts what is under way when the iteration ends, with what else it has brought."""
        process = self.a.process

        def take_more(data: bytes) -> None:
            process(data)
            self.a.is_idle = False

        self.a.process = take_more  # type: ignore[method-assign]
        self.receive(self.a, "1")
        self.receive(self.a, "2")
        self.receive(self.b, "3")
        self.assertEqual(self.taken(), ["a 1", "b 3", "a 2"])

    def test_time(self) -> None:
        """They are served while there is time, and the others go on in the next iteration."""
        for connection in self.all:
            connection.seconds = 0.6 * BULK_SLICE
            self.receive(connection, MUCH)
        self.assertEqual(self.taken(), ["a much", "b much"])
        self.assertEqual(len(self.soon), 1)
        self.assertEqual(self.taken(), ["c much"])
        self.assertEqual(self.soon, [])

    def test_less_time(self) -> None:
        """There is less of it while others are there."""
        other = self.connection("d")
        for connection in self.all:
            connection.seconds = 0.6 * SHORT_BULK_SLICE
            self.receive(connection, MUCH)
        self.receive(other, "4")
        self.assertEqual(self.taken(), ["d 4", "a much", "b much"])
        self.assertEqual(self.taken(), ["c much"])

    def test_full_piece(self) -> None:
        """Of whom so much has come that more is likely to be there waits at once, until served."""
        self.a.seconds = BULK_SLICE
        for connection, size in (
            (self.a, FULL_RECORD),
            (self.b, FULL_RECORD),
            (self.c, FULL_RECORD - 1),
        ):
            self.receive(connection, "x" * size)
        self.assertEqual([event[:7] for event in self.turn()], ["a takes", "b waits", "a flush"])
        self.assertEqual([event[0] for event in self.taken()], ["b", "c"])
        self.assertEqual(self.soon, [])

    def test_one_at_least(self) -> None:
        """However long it takes, one is served in each iteration."""
        for connection in self.all:
            connection.seconds = 10 * BULK_SLICE
            self.receive(connection, MUCH)
        self.receive(self.connection("d"), "4")
        self.assertEqual(self.taken(), ["d 4", "a much"])
        self.assertEqual([self.taken() for _ in range(2)], [["b much"], ["c much"]])
        self.assertEqual(self.soon, [])

    def test_one_at_least_of_each(self) -> None:
        """So it is where another part of the turns has taken all the time."""
        other = Connection("d", InputBatching(self.turns), self.time, self.events)
        other.seconds = 10 * BULK_SLICE
        other.input_batching.requeue(other)
        self.input_batching.requeue(self.a)
        self.input_batching.requeue(self.b)
        self.assertEqual(self.taken(), ["d", "a"])
        self.assertEqual(self.taken(), ["b"])

    def test_once(self) -> None:
        """However little it takes, each is served once in each iteration."""
        for connection in self.all:
            connection.rests = True
            self.receive(connection, MUCH)
        self.assertEqual(self.taken(), ["a much", "b much", "c much"])
        for _ in range(3):
            self.assertEqual(self.taken(), ["a", "b", "c"])

    def test_in_turn(self) -> None:
        """Where there is no time for all, they are served one after the other, over the turns."""
        for connection in self.all:
            connection.rests = True
            connection.seconds = 0.6 * BULK_SLICE
            self.input_batching.requeue(connection)
        turns = ["".join(self.taken()) for _ in range(6)]
        self.assertEqual(turns, ["ab", "ca", "bc", "ab", "ca", "bc"])

    def test_who_comes_anew(self) -> None:
        """Who comes anew, or sends more when it has been served, is served after who waits."""
        self.a.seconds = self.b.seconds = self.c.seconds = BULK_SLICE
        self.receive(self.a, MUCH)
        self.receive(self.b, MUCH)
        self.assertEqual(self.taken(), ["a much"])
        self.receive(self.a, MUCH)
        self.receive(self.c, MUCH)
        turns = [self.taken() for _ in range(3)]
        self.assertEqual(turns, [["b much"], ["a much"], ["c much"]])

    def test_rest(self) -> None:
        """Who has had its share goes on with the next iteration that it has, until it rests no
        more.
        """
        self.a.rests = True
        self.input_batching.requeue(self.a)
        self.input_batching.requeue(self.b)
        self.assertEqual(self.turn(), ["a takes", "b takes", "a flushes", "b flushes"])
        self.receive(self.c, "3")
        self.a.rests = False
        self.assertEqual(self.turn(), ["c takes 3", "c flushes", "a takes", "a flushes"])
        self.assertEqual(self.soon, [])

    def test_rest_twice(self) -> None:
        """To rest while waiting loses neither what has come nor one's place."""
        self.a.seconds = BULK_SLICE
        self.receive(self.a, MUCH)
        self.receive(self.b, MUCH)
        self.receive(self.c, MUCH)
        self.turn()
        self.input_batching.requeue(self.b)
        self.assertEqual(self.taken(), ["b much", "c much"])
        self.assertEqual(self.soon, [])

    def test_put_together(self) -> None:
        """What comes while it waits, however little, waits with the rest and keeps its order."""
        self.a.seconds = BULK_SLICE
        self.receive(self.a, MUCH)
        self.receive(self.b, MUCH)
        self.receive(self.b, "1")
        self.assertEqual(self.taken(), ["a much"])
        self.receive(self.a, MUCH)
        self.receive(self.b, "2")
        self.assertEqual(self.taken(), ["b much12", "a much"])

    def test_wait(self) -> None:
        """Who waits is told to receive no more once more has come, if it goes on waiting."""
        self.a.seconds = self.b.seconds = BULK_SLICE
        for connection in (self.a, self.b, self.c, self.c):
            self.receive(connection, MUCH)
        self.assertEqual(self.turn(), ["a takes much", "c waits", "a flushes"])
        self.receive(self.b, "2")
        self.assertEqual(self.turn(), ["b takes much2", "b flushes"])
        self.receive(self.a, MUCH)
        self.assertEqual(
            self.turn(), ["c takes muchmuch", "a takes much", "c flushes", "a flushes"]
        )

    @given(
        st.lists(
            st.none()
            | st.tuples(
                st.integers(0, 2),
                st.sampled_from(["x", "x\n", "\n\n", MUCH]),
                st.booleans(),
                st.booleans(),
                st.sampled_from([0.0, 0.6 * SHORT_BULK_SLICE, 0.6 * BULK_SLICE, BULK_SLICE]),
            ),
            max_size=30,
        )
    )
    def test_all_in_order(self, steps: list[tuple[int, str, bool, bool, float] | None]) -> None:
        """Whatever comes when: each connection takes all its bytes once, and in their order."""
        self.setUp()
        sent, took = (dict.fromkeys("abc", "") for _ in range(2))

        def turn() -> None:
            for event in self.taken():
                took[event[0]] += event[2:].replace("much", MUCH)

        for count, step in enumerate(steps):
            if step is None:
                turn()
                continue
            number, data, is_idle, rests, seconds = step
            connection = self.all[number]
            connection.is_idle, connection.rests = is_idle, rests
            connection.seconds = seconds
            piece = f"{count}{data}."
            sent[connection.name] += piece
            self.receive(connection, piece)
        for connection in self.all:
            connection.rests = False
        for _ in range(2 * len(steps)):
            turn()
        self.assertEqual(took, sent)
        self.assertEqual(self.soon, [])


def _conforms(connection: Connection) -> BatchedConnection:
    return connection
