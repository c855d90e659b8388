"""What goes between the daemon and its process that writes: everything comes over as it was."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from records.api.messages import GetParams
from records.model.accounts import SessionLimits
from records.model.errors import BY_REASON, FieldError, RevisionConflict
from records.operations.boundaries import Done, Transaction, Work
from records.operations.methods import METHODS, Method, perform_encoded
from records.operations.sessions import Caller
from records.runtime.faults import RemoteFault, kind_of, place_of
from records.runtime.framing import FrameDecoder, ProcessFailed, encode_frame
from records.store.writer_frames import (
    Closed,
    Opened,
    Stop,
    frame_of_outcomes,
    frame_of_works,
    outcomes_of,
    works_of,
)

REVEAL = METHODS["employee.get"].reveal
assert REVEAL is not None
CALLER = Caller(b"s" * 32, "192.0.2.1", SessionLimits())
SECRET = "536-90-4399"


def operation(tx: Transaction, *args: object) -> None:
    """Stands for one."""


def sent(frame: bytes) -> object:
    """What a frame holds for whoever gets it."""
    (thing,) = FrameDecoder().decode(frame)
    return thing


class FrameDecoderTests(SynchronousTestCase):
    """Frames in a stream of bytes."""

    @given(st.lists(st.binary(max_size=300), max_size=6), st.data())
    def test_pieces(self, things: list[bytes], data: st.DataObject) -> None:
        """However the bytes are cut, the same frames come out, in their order."""
        stream = b"".join(encode_frame(thing) for thing in things)
        unpacker = FrameDecoder()
        found: list[object] = []
        while stream:
            size = data.draw(st.integers(1, len(stream)))
            found += unpacker.decode(stream[:size])
            stream = stream[size:]
        self.assertEqual(found, things)

    def test_no_more(self) -> None:
        """Part of a frame gives nothing yet."""
        self.assertEqual(list(FrameDecoder().decode(encode_frame("x")[:-1])), [])

    def test_words(self) -> None:
        """What the two ends say to each other comes over."""
        broken = ProcessFailed("IOError", 3), ProcessFailed("IOError", 2, is_bulk=True)
        for word in (*broken, Closed(), Opened("no"), Stop()):
            self.assertEqual(sent(encode_frame(word)), word)


class WorkTests(SynchronousTestCase):
    """Works."""

    def works(self, *works: Work) -> list[Work]:
        """What comes over."""
        frame: Any = sent(frame_of_works(works))
        found, is_bulk = works_of(frame)
        self.assertIs(is_bulk, False)
        return found

    def test_bulk(self) -> None:
        """That they are of the bulk comes over with them."""
        works = [Work(operation, (1,)), Work(operation, (2,))]
        frame: Any = sent(frame_of_works(works, is_bulk=True))
        self.assertEqual(works_of(frame), (works, True))

    def test_any(self) -> None:
        """An operation and its arguments are the same, in their order."""
        works = [Work(operation, (1, "x", b"y", CALLER)), Work(operation)]
        self.assertEqual(self.works(*works), works)

    def test_methods(self) -> None:
        """A method comes over as that very line of the table, a reveal as a reveal."""
        for method in (*METHODS.values(), REVEAL):
            (work,) = self.works(Work(perform_encoded, (CALLER, method, b"{}")))
            self.assertIs(work.args[1], method)

    def test_form(self) -> None:
        """What a read that reveals has become stays that."""
        form: Method = METHODS["employee.get"].for_params(GetParams(id=1, reveal=["ssn"]))
        (work,) = self.works(Work(operation, (form,)))
        self.assertIs(work.args[0], REVEAL)


class OutcomeTests(SynchronousTestCase):
    """Outcomes."""

    def outcome(self, done: Done) -> Done:
        """What comes over."""
        frame: Any = sent(frame_of_outcomes([done]))
        (found,), is_bulk = outcomes_of(frame)
        self.assertIs(is_bulk, False)
        return found

    def test_bulk(self) -> None:
        """That they are of the bulk comes over with them."""
        outcomes = [Done(1), Done(trouble="FullError")]
        frame: Any = sent(frame_of_outcomes(outcomes, is_bulk=True))
        self.assertEqual(outcomes_of(frame), (outcomes, True))

    def test_value(self) -> None:
        """A value, and the trouble of a database."""
        for done in (Done(b'{"id":1}'), Done(), Done(trouble="FullError")):
            self.assertEqual(self.outcome(done), done)

    def test_errors(self) -> None:
        """Each kind of error that may be told comes over whole."""
        for kind in BY_REASON.values():
            error = kind("No.", [FieldError("ssn", "Not so.")], {"retry_after": 3})
            found = self.outcome(Done(error=error)).error
            assert isinstance(found, kind)
            self.assertIs(type(found), kind)
            self.assertEqual(
                (found.message, found.errors, found.details, str(found)),
                (error.message, error.errors, error.details, "No."),
            )

    def test_details(self) -> None:
        """So do an error's details, such as the present version of a record."""
        shown = {"employee": {"id": 1, "given_name": "Ann"}, "masked": ["ssn"]}
        found = self.outcome(Done(error=RevisionConflict("Changed.", details=shown))).error
        assert isinstance(found, RevisionConflict)
        self.assertEqual(found.details, shown)

    def test_faults(self) -> None:
        """Of any other exception come its kind and its place, and nothing that it holds."""
        try:
            int(SECRET)
        except ValueError as raised:
            done = Done(error=raised)
            place = place_of(raised)
        frame = frame_of_outcomes([done])
        self.assertNotIn(SECRET.encode(), frame)
        error = self.outcome(done).error
        self.assertIsInstance(error, RemoteFault)
        self.assertEqual((kind_of(error), place_of(error)), ("ValueError", place))
        self.assertIn("test_framing.py", place)
