"""When a connection is read and when not, and what one line after the other comes to."""

from __future__ import annotations

from collections.abc import Callable

from records.api.messages import MAX_LINE, MAX_UNDER_WAY
from records.gateway.gateway import MAX_WRITES, MAX_WRITES_EACH
from records.runtime.input_batching import InputBatching
from records.runtime.scheduler import Participant, Scheduler
from records.server.protocol import SHARE
from records.test.server.conversation_case import batch, person, reason, request
from records.test.server.protocol_case import ProtocolCase, Wire


class Between:
    """A part of the turns that looks at something after the little, and before the bulk."""

    has_work = False
    has_bulk = False

    def __init__(self, look: Callable[[], object]) -> None:
        self._look = look

    def run_interactive(self) -> bool:
        """See `Participant`."""
        return False

    def run_bulk(self) -> None:
        """See `Participant`."""
        self._look()

    def flush_work(self) -> None:
        """See `Participant`."""


class FlowTests(ProtocolCase):
    """When is read, and when not."""

    def setUp(self) -> None:
        super().setUp()
        self.wire = self.connect("hr")
        self.hand.held = True

    def adding(self, count: int) -> bytes:
        """Lines that each want an employee to be added; their ids count from 0."""
        lines = (request("employee.add", n, employee=person("Al")) for n in range(count))
        return b"".join(line + b"\n" for line in lines)

    def connected(self, count: int) -> list[Wire]:
        """So many connections, before anything is held."""
        self.hand.held = False
        wires = [self.connect("hr") for _ in range(count)]
        self.hand.held = True
        return wires

    def held_turns(self, look: Callable[[], object]) -> list[Callable[[], object]]:
        """From now on the test takes the turns, and looks at each between its two halves."""
        soon: list[Callable[[], object]] = []
        turns = Scheduler(soon.append, self.time.seconds)
        self.factory.input_batching = InputBatching(turns)
        turns.add(Between(look))
        return soon

    def test_full(self) -> None:
        """With 256 requests under way nothing more is read; with one answered, it goes on."""
        self.wire.deliver(self.adding(MAX_UNDER_WAY - 1))
        self.assertTrue(self.wire.is_read)
        self.wire.ask("employee.add", employee=person("Bo"))
        self.assertFalse(self.wire.is_read)
        for _ in range(2):
            self.wire.ask("employee.add", employee=person("Cy"))
        self.assertEqual(len(self.hand.waiting), MAX_WRITES_EACH)
        self.hand.fire()
        self.until(lambda: not self.wire.is_read)
        self.hand.fire()
        self.until(lambda: not self.wire.is_read)
        self.hand.fire()
        self.turn()
        self.assertTrue(self.wire.is_read)
        self.hand.fire_all()
        self.assertEqual(len(self.wire.answers()), MAX_UNDER_WAY + 2)

    def test_full_of_bytes(self) -> None:
        """With 256 KiB of requests under way nothing more is read, however few they are."""
        line = request("employee.add", 1, employee=person("Al"), key="k") + b" " * 60_000
        for _ in range(4):
            self.assertTrue(self.wire.is_read)
            self.wire.deliver(line + b"\n")
        self.assertTrue(self.wire.is_read)
        self.wire.deliver(line + b"\n")
        self.assertFalse(self.wire.is_read)
        self.hand.fire_all()
        self.assertTrue(self.wire.is_read)
        self.assertEqual(len(self.wire.answers()), 5)

    def test_at_once(self) -> None:
        """What has been read already, beyond 256 requests, waits too, and keeps its order."""
        self.wire.deliver(self.adding(2 * MAX_UNDER_WAY + 50))
        self.assertEqual(len(self.hand.waiting), MAX_WRITES_EACH)
        self.hand.fire_all()
        self.assertEqual(self.wire.numbers(), list(range(2 * MAX_UNDER_WAY + 50)))
        self.assertTrue(self.wire.is_read)

    def test_writes_shared(self) -> None:
        """The more connections write, the fewer writes each has in flight, all as many."""
        wires = [self.wire, *self.connected(63)]
        for wire in wires:
            wire.deliver(self.adding(2 * MAX_WRITES_EACH))
        first = len(self.hand.waiting)
        self.assertLess(first, 64 * MAX_WRITES_EACH)
        for _ in range(first):  # those that came first have had more
            self.hand.fire()
        self.assertEqual(len(self.hand.waiting), MAX_WRITES)
        in_flight = [wire.protocol._conversation._in_flight for wire in wires]
        self.assertEqual(set(in_flight), {MAX_WRITES // 64})
        self.hand.fire_all()
        for wire in wires:
            self.assertEqual(wire.numbers(), list(range(2 * MAX_WRITES_EACH)))
        self.wire.deliver(self.adding(2 * MAX_WRITES_EACH))
        self.assertEqual(len(self.hand.waiting), MAX_WRITES_EACH)
        self.hand.fire_all()

    def test_lost_writers(self) -> None:
        """Connections that are lost with writes in flight take no share once these are done."""
        for wire in self.connected(64):
            wire.deliver(self.adding(MAX_WRITES_EACH))
            wire.abortConnection()
        self.hand.fire_all()
        self.wire.deliver(self.adding(2 * MAX_WRITES_EACH))
        self.assertEqual(len(self.hand.waiting), MAX_WRITES_EACH)

    def test_share(self) -> None:
        """A bulk connection gets a share of each iteration, and others are answered between."""
        self.hand.held = False
        other = self.connect("hr")
        turns = self.held_turns(lambda: None)
        gets = [request("employee.get", number, id=9) + b"\n" for number in range(2 * SHARE + 1)]
        self.wire.deliver(b"".join(gets))
        other.ask("employee.get", id=9)
        answered: list[tuple[int, int, bool]] = []
        while turns and len(answered) < 9:
            turns.pop(0)()
            answered.append((len(self.wire.numbers()), len(other.numbers()), self.wire.is_read))
        self.assertEqual(answered, [(SHARE, 1, False), (SHARE, 0, False), (1, 0, True)])

    def test_little_first(self) -> None:
        """A single request is answered before many that came earlier in the iteration."""
        self.hand.held = False
        other = self.connect("hr")
        seen: list[tuple[list[object], list[object]]] = []
        turns = self.held_turns(lambda: seen.append((self.wire.numbers(), other.numbers())))
        gets = [request("employee.get", number, id=9) + b"\n" for number in range(SHARE)]
        self.wire.deliver(b"".join(gets))
        number = other.ask("employee.get", id=9)
        turns.pop(0)()
        self.assertEqual(seen, [([], [number])])
        self.assertEqual(self.wire.numbers(), list(range(SHARE)))

    def test_under_way_last(self) -> None:
        """So it is where the other has sent one thing only, with something else under way."""
        self.hand.held = False
        other = self.connect("hr")
        self.hand.held = True
        self.wire.deliver(self.adding(1))
        self.hand.handed.clear()
        seen: list[list[str]] = []
        turns = self.held_turns(lambda: seen.append([kind for kind, _ in self.hand.handed]))
        self.wire.ask("employee.add", employee=person("Bo"))
        other.ask("employee.list")
        turns.pop(0)()
        self.assertEqual(seen, [["read"]])
        self.assertEqual([kind for kind, _ in self.hand.handed], ["read", "write"])

    def test_full_no_more(self) -> None:
        """A full connection is read again after the interactive ones, not at once."""
        self.hand.held = False
        other = self.connect("hr")
        self.hand.held = True
        self.wire.deliver(self.adding(MAX_UNDER_WAY))
        seen: list[tuple[bool, list[object]]] = []
        turns = self.held_turns(lambda: seen.append((self.wire.is_read, other.numbers())))
        self.hand.fire()
        self.assertFalse(self.wire.is_read)
        number = other.ask("employee.get", id=9)
        turns.pop(0)()
        self.assertEqual(seen, [(False, [number])])
        self.assertTrue(self.wire.is_read)
        self.assertEqual(turns, [])

    def test_full_no_more_of_many(self) -> None:
        """What it had sent meanwhile is taken on then, a share in each iteration."""
        gets = [request("employee.get", n, id=9) for n in range(1, MAX_UNDER_WAY + SHARE + 1)]
        self.wire.deliver(self.adding(1) + b"".join(line + b"\n" for line in gets))
        turns = self.held_turns(lambda: None)
        self.hand.fire()
        answered: list[tuple[list[object], bool]] = []
        while turns and len(answered) < 9:
            turns.pop(0)()
            answered.append((self.wire.numbers(), self.wire.is_read))
        first, last = range(MAX_UNDER_WAY + SHARE), MAX_UNDER_WAY + SHARE
        self.assertEqual(answered, [(list(first), False), ([last], True)])

    def test_share_of_batches(self) -> None:
        """Each request of a batch is a part of the share, also where all are no requests."""
        turns = self.held_turns(lambda: None)
        lines = [batch(*[b"{}"] * 20) + b"\n"] * 5
        self.wire.deliver(b"".join(lines))
        answered = []
        while turns:
            turns.pop(0)()
            answered.append(len(self.wire.answers()))
        self.assertEqual(answered, [1] * 5 + [0])

    def test_part_of_a_line(self) -> None:
        """Who has sent the beginning of a line asks for no little with the rest of it."""
        turns = self.held_turns(lambda: None)
        self.wire.deliver(b'{"jsonrpc": ')
        turns.pop(0)()
        self.assertFalse(self.wire.protocol.is_idle)
        self.wire.deliver(b"0}\n")
        turns.pop(0)()
        self.assertTrue(self.wire.protocol.is_idle)

    def test_batches_count(self) -> None:
        """Each request of a batch counts."""
        for _ in range(3):
            self.assertTrue(self.wire.is_read)
            self.wire.deliver(batch(*self.adding(100).splitlines()) + b"\n")
        self.assertFalse(self.wire.is_read)
        self.hand.fire_all()
        self.assertEqual([len(each) for each in self.wire.answers()], [100] * 3)
        self.assertTrue(self.wire.is_read)

    def test_too_long_behind_many(self) -> None:
        """Requests between a full queue and a line that is too long are answered before the end."""
        many = [request("employee.get", n, id=1) + b"\n" for n in range(1, MAX_UNDER_WAY)]
        behind = request("employee.add", "last", employee=person("Bo")) + b"\n"
        self.wire.deliver(self.adding(1) + b"".join(many) + behind + b"x" * (MAX_LINE + 2))
        self.hand.fire()
        self.assertEqual(self.hand.under_way, ["write"])
        self.assertFalse(self.wire.disconnecting)
        self.hand.fire_all()
        self.assertEqual(self.wire.numbers(), [*range(MAX_UNDER_WAY), "last", None])
        self.assertTrue(self.wire.disconnecting)

    def test_unread(self) -> None:
        """While answers are left unread, nothing is read or begun; later it goes on in order."""
        first = self.wire.ask("employee.add", employee=person("Al"))
        second = self.wire.ask("employee.list")
        self.wire.leave_unread()
        self.assertFalse(self.wire.is_read)
        third = self.wire.ask("employee.add", employee=person("Bo"))
        self.hand.fire()
        self.assertEqual((self.wire.numbers(), self.hand.waiting), ([first], []))
        self.wire.read_again()
        self.turn()
        self.assertEqual(self.hand.under_way, ["read"])
        self.hand.fire_all()
        self.assertEqual(self.wire.numbers(), [second, third])

    def test_unread_and_full(self) -> None:
        """It is read again only when answers are read and fewer than 256 requests under way."""
        self.wire.deliver(self.adding(MAX_UNDER_WAY))
        self.wire.leave_unread()
        self.wire.read_again()
        self.assertFalse(self.wire.is_read)
        self.wire.leave_unread()
        self.hand.fire()
        self.assertFalse(self.wire.is_read)
        self.wire.read_again()
        self.assertTrue(self.wire.is_read)

    def test_order(self) -> None:
        """Sent in one piece: writes go together, a piece of reads waits for them, and so on."""
        lines = [
            request("employee.add", 1, employee=person("Al")),
            request("employee.add", 2, employee=person("Bo")),
            request("employee.list", 3),
            request("employee.get", 4, id=2),
            request("employee.delete", 5, id=1, revision=1),
            request("employee.list", 6),
        ]
        self.wire.deliver(b"\n".join(lines) + b"\n")
        seen = []
        while self.hand.waiting:
            seen.append(self.hand.under_way)
            self.hand.fire()
        self.assertEqual(seen, [["write", "write"], ["write"], ["read"], ["write"], ["read"]])
        answers = self.wire.answers()
        self.assertEqual([each["id"] for each in answers], [1, 2, 3, 4, 5, 6])
        lists = [answers[place]["result"]["employees"] for place in (2, 5)]
        self.assertEqual([[each["id"] for each in page] for page in lists], [[1, 2], [2]])

    def test_others(self) -> None:
        """Other connections go on meanwhile, whatever keeps this one."""
        self.wire.deliver(self.adding(MAX_UNDER_WAY))
        self.hand.held = False
        other = self.connect("hr")
        other.ask("employee.list")
        other.ask("employee.get", id=1)
        self.assertEqual([reason(each) for each in other.answers()], ["", "not-found"])
        self.assertEqual(self.wire.value(), b"")

    def test_lost(self) -> None:
        """When the connection is lost, what has begun is done, and nothing is written any more."""
        self.wire.ask("employee.add", employee=person("Al"))
        self.wire.ask("employee.get", id=1)
        self.wire.on_hangup()
        self.hand.fire_all()
        self.assertIsNotNone(self.values(1))
        self.assertEqual(self.wire.value(), b"")


def _conforms(part: Between) -> Participant:
    return part
