"""What the writer process does, played in the test's own process: all that it is to be told
is sent before it begins."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from records.model.errors import NotFound, Unusable
from records.model.fields import STANDARD
from records.operations.boundaries import CommitUnknown, Done, Transaction, Work
from records.runtime.framing import FrameDecoder, ProcessFailed, encode_frame
from records.store.sqlite.database import SqliteDatabase
from records.store.workers import MAX_BATCH, MAX_BULK
from records.store.writer_frames import (
    Closed,
    Opened,
    Stop,
    frame_of_works,
    outcomes_of,
)
from records.store.writer_main import WriterLoop
from records.test.store.dispatch_case import add, next_id
from records.testing import FakeTime

SECRET = "536-90-4399"


def refuse(tx: Transaction) -> None:
    """Change something and think better of it."""
    add(tx, 9)
    raise NotFound("x")


def same(tx: Transaction, number: int) -> int:
    """Give it back."""
    return number


class ScriptedWriter:
    """A real writer that can be told to fail, and tells what it was asked to do."""

    def __init__(self, path: Path) -> None:
        self._writer = SqliteDatabase(path, FakeTime(), catalogue=STANDARD).writer()
        self.done: list[int | str] = []
        self.fault: BaseException | None = None
        self.fails_at: int | str = ""

    def _note(self, what: int | str) -> None:
        self.done.append(what)
        if what == self.fails_at:
            assert self.fault is not None
            raise self.fault

    def run(self, works: Sequence[Work]) -> list[Done]:
        """See `Writer`."""
        self._note(len(works))
        return self._writer.run(works)

    def maintain(self) -> None:
        """See `Writer`."""
        self._note("rest")
        self._writer.maintain()

    def close(self) -> None:
        """See `Writer`."""
        self._note("close")
        self._writer.close()


class WriterLoopCase(SynchronousTestCase):
    """A process that writes, and the daemon's end of its socket."""

    def setUp(self) -> None:
        self.path = Path(self.mktemp())
        self.writer = ScriptedWriter(self.path)
        self.socket, other = socket.socketpair()
        self.addCleanup(self.socket.close)
        self.addCleanup(other.close)
        self.other = other
        self.opened: list[Path] = []

    def send(self, *things: object) -> None:
        """Send what it will find."""
        for thing in things:
            frame = thing if isinstance(thing, bytes) else encode_frame(thing)
            self.socket.sendall(frame)

    def works(self, *numbers: int) -> bytes:
        """A frame that adds these employees."""
        return frame_of_works([Work(add, (number,)) for number in numbers])

    def open_writer(self, path: Path) -> ScriptedWriter:
        """Called by the process."""
        self.opened.append(path)
        return self.writer

    def serve(self) -> list[Any]:
        """Have it do its work to its end; all that it says."""
        try:
            WriterLoop(self.other).serve(self.open_writer)
        finally:
            self.other.close()
        return self.said()

    def said(self) -> list[Any]:
        """All that it has said; outcomes as themselves and whether they are of the bulk."""
        unpacker = FrameDecoder()
        found: list[Any] = []
        while data := self.socket.recv(65536):
            found += unpacker.decode(data)
        return [outcomes_of(each) if isinstance(each, tuple) else each for each in found]

    def fails(self, at: int | str, fault: BaseException) -> list[Any]:
        """What it says if it cannot go on there; it also raises that."""
        self.writer.fails_at, self.writer.fault = at, fault
        with self.assertRaises(type(fault)):
            self.serve()
        return self.said()


class ServeTests(WriterLoopCase):
    """Writing."""

    def test_together(self) -> None:
        """What waits is done in one batch, in its order, whatever frames it came in."""
        self.send(self.path, self.works(1, 2), self.works(3), Stop())
        said = self.serve()
        self.assertEqual(self.opened, [self.path])
        self.assertEqual(said, [Opened(), ([Done(1), Done(2), Done(3)], False), Closed()])
        self.assertEqual(self.writer.done, [3, "rest", "close"])

    def test_nothing(self) -> None:
        """Told to stop at once, it closes the database, and leaves one file."""
        self.send(self.path, Stop())
        self.assertEqual(self.serve(), [Opened(), Closed()])
        self.assertEqual([each.name for each in self.path.parent.iterdir()], [self.path.name])

    def test_large(self) -> None:
        """No batch grows beyond the limit, and each is answered by itself."""
        self.send(self.path, self.works(*range(1, MAX_BATCH + 3)), Stop())
        opened, (first, _), (second, _), closed = self.serve()
        self.assertEqual(
            (len(first), second), (MAX_BATCH, [Done(MAX_BATCH + 1), Done(MAX_BATCH + 2)])
        )
        self.assertEqual((opened, closed), (Opened(), Closed()))
        self.assertEqual(self.writer.done, [MAX_BATCH, "rest", 2, "rest", "close"])

    def test_own_errors(self) -> None:
        """A work that is refused harms no other, and its error is reported."""
        frame = frame_of_works([Work(add, (1,)), Work(refuse), Work(next_id)])
        self.send(self.path, frame, Stop())
        _, ((first, second, third), _), _ = self.serve()
        self.assertEqual((first, third), (Done(1), Done(2)))
        self.assertIsInstance(second.error, NotFound)

    def test_not_opened(self) -> None:
        """A database that cannot be opened is reported, with the reason."""
        self.send(self.path, Stop())

        def cannot(path: Path) -> ScriptedWriter:
            raise Unusable(f"{path} is damaged")

        WriterLoop(self.other).serve(cannot)
        self.other.close()
        self.assertEqual(self.said(), [Opened(f"{self.path} is damaged")])


class BulkTests(WriterLoopCase):
    """Work in bulk beside that of others."""

    def many(self, first: int, count: int, *, is_bulk: bool) -> bytes:
        """A frame of works whose outcomes are numbers from the first on."""
        works = [Work(same, (first + number,)) for number in range(count)]
        return frame_of_works(works, is_bulk)

    def batches(self) -> list[tuple[list[Any], bool]]:
        """What comes out of each batch, once everything is sent."""
        self.send(Stop())
        opened, *batches, closed = self.serve()
        self.assertEqual((opened, closed), (Opened(), Closed()))
        return [([done.value for done in outcomes], is_bulk) for outcomes, is_bulk in batches]

    def test_others_first(self) -> None:
        """Others do not wait for bulk that came earlier; each outcome tells whose it is."""
        bulk, other = self.many(1, 3, is_bulk=True), self.many(11, 2, is_bulk=False)
        self.send(self.path, bulk, other)
        self.assertEqual(self.batches(), [([11, 12], False), ([1, 2, 3], True)])
        self.assertEqual(self.writer.done, [2, "rest", 3, "rest", "close"])

    def test_by_turns(self) -> None:
        """If there is much of both, they alternate, each in its order, the bulk in small parts."""
        few, much = 2 * MAX_BULK + 3, 2 * MAX_BATCH + 5
        bulk, other = self.many(1, few, is_bulk=True), self.many(1001, much, is_bulk=False)
        self.send(self.path, bulk, other)
        batches = self.batches()
        sizes = [(len(values), is_bulk) for values, is_bulk in batches]
        whole, part = (MAX_BATCH, False), (MAX_BULK, True)
        self.assertEqual(sizes, [whole, part, whole, part, (5, False), (3, True)])
        for first, count, lane in ((1, few, True), (1001, much, False)):
            values = [value for values, is_bulk in batches if is_bulk is lane for value in values]
            self.assertEqual(values, list(range(first, first + count)))
        self.assertEqual(self.writer.done[1::2], ["rest"] * 6)

    def test_alone(self) -> None:
        """Where nobody else is there, as much of the bulk goes together as of anything."""
        self.send(self.path, self.many(1, MAX_BATCH + 1, is_bulk=True))
        sizes = [(len(values), is_bulk) for values, is_bulk in self.batches()]
        self.assertEqual(sizes, [(MAX_BATCH, True), (1, True)])


class ClosedTests(WriterLoopCase):
    """A daemon that has ended without a word."""

    def test_before(self) -> None:
        """Nothing is opened then."""
        self.socket.shutdown(socket.SHUT_WR)
        self.assertEqual(self.serve(), [])
        self.assertEqual(self.opened, [])

    def test_while_works_wait(self) -> None:
        """What was not begun is left: the client that asked for it will ask again."""
        self.send(self.path, self.works(1))
        self.socket.shutdown(socket.SHUT_WR)
        self.assertEqual(self.serve(), [Opened()])
        self.assertEqual(self.writer.done, [])

    def test_nobody_listens(self) -> None:
        """If the outcomes cannot be told, it ends after that batch."""
        self.send(self.path, self.works(*range(1, MAX_BATCH + 3)), Stop())
        self.socket.close()
        WriterLoop(self.other).serve(self.open_writer)
        self.assertLessEqual(len(self.writer.done), 1)
        self.assertNotIn("close", self.writer.done)


class BrokenTests(WriterLoopCase):
    """When it cannot go on."""

    def test_commit(self) -> None:
        """Of a commit whose outcome is not known it tells how many works that concerns."""
        self.send(self.path, self.works(*range(1, MAX_BATCH + 3)), Stop())
        opened, (first, _), last = self.fails(2, CommitUnknown("IOError"))
        self.assertEqual(
            (opened, len(first), last), (Opened(), MAX_BATCH, ProcessFailed("IOError", 2))
        )

    def test_lane(self) -> None:
        """It also tells whether they are of the bulk: the first so many of those."""
        bulk = frame_of_works([Work(same, (number,)) for number in (1, 2, 3)], is_bulk=True)
        self.send(self.path, bulk, self.works(4, 5), Stop())
        said = self.fails(3, CommitUnknown("IOError"))
        others = [Done(4), Done(5)], False
        self.assertEqual(said, [Opened(), others, ProcessFailed("IOError", 3, is_bulk=True)])

    def test_lane_of_others(self) -> None:
        """Bulk that waits meanwhile is not in doubt."""
        bulk = frame_of_works([Work(same, (number,)) for number in (1, 2, 3)], is_bulk=True)
        self.send(self.path, bulk, self.works(4, 5), Stop())
        said = self.fails(2, CommitUnknown("IOError"))
        self.assertEqual(said, [Opened(), ProcessFailed("IOError", 2, is_bulk=False)])

    def test_rest(self) -> None:
        """If the log cannot be copied, what was answered stays answered, and nothing goes on."""
        self.send(self.path, self.works(1), self.works(2))
        said = self.fails("rest", CommitUnknown("IOError"))
        self.assertEqual(said, [Opened(), ([Done(1), Done(2)], False), ProcessFailed("IOError")])

    def test_close(self) -> None:
        """So if it fails at the end."""
        self.send(self.path, self.works(1), Stop())
        said = self.fails("close", CommitUnknown("IOError"))
        self.assertEqual(said, [Opened(), ([Done(1)], False), ProcessFailed("IOError")])

    def test_fault(self) -> None:
        """Of a fault of the program it tells the kind and the place, and not what it holds."""
        self.send(self.path, self.works(1))
        opened, last = self.fails(1, LookupError(SECRET))
        self.assertEqual((opened, last.uncertain), (Opened(), 1))
        self.assertRegex(last.why, r"\ALookupError at .*test_writer_main\.py:[0-9]+ _note\Z")
