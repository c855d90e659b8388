"""Telling where a fault came up, and nothing of what was worked on."""

from __future__ import annotations

import re
from collections.abc import Callable

from twisted.trial.unittest import SynchronousTestCase

from records.runtime.faults import MAX_FRAMES, RemoteFault, describe, kind_of, place_of

SECRET = "536-90-4399"


def raised(call: Callable[[], object]) -> BaseException:
    """What a call ends with."""
    try:
        call()
    except BaseException as error:  # noqa: BLE001  whatever it is
        return error
    raise AssertionError("nothing was raised")


def fall() -> None:
    """Raise an error that tells what it choked on."""
    raise LookupError(SECRET, {"ssn": SECRET})


def sink(depth: int) -> None:
    """Raise it this many calls further down."""
    if depth:
        sink(depth - 1)
    fall()


class PlaceTests(SynchronousTestCase):
    """The innermost calls, outermost first."""

    def test_calls(self) -> None:
        """Each call is told as its file, line and function; the last is where it was raised."""
        shown = place_of(raised(fall)).split(" > ")
        line = fall.__code__.co_firstlineno + 2
        self.assertEqual(shown[-1], f"test_faults.py:{line} fall")
        self.assertEqual(len(shown), 2)
        self.assertRegex(shown[0], r"\Atest_faults\.py:[0-9]+ raised\Z")

    def test_innermost(self) -> None:
        """Of many calls the innermost are reported."""
        shown = place_of(raised(lambda: sink(50))).split(" > ")
        self.assertEqual(len(shown), MAX_FRAMES)
        self.assertRegex(shown[-1], " fall$")
        self.assertEqual({each.split(" ")[1] for each in shown[:-1]}, {"sink"})

    def test_no_text(self) -> None:
        """Nothing of the error's own text is reported, nor of the errors that it comes from."""

        def chained() -> None:
            try:
                fall()
            except LookupError as error:
                raise ValueError(f"cannot take {SECRET}") from error

        for call in (fall, chained, lambda: sink(5), lambda: int(SECRET)):
            error = raised(call)
            self.assertIn(SECRET, str(error))
            shown = place_of(error)
            self.assertNotIn(SECRET, shown)
            self.assertNotIn("\n", shown)
            for each in shown.split(" > "):
                self.assertTrue(re.fullmatch(r"[\w.]+:[0-9]+ [\w<>]+", each), each)

    def test_no_folders(self) -> None:
        """A file is told by its name only, wherever the program is installed."""
        self.assertNotIn("/", place_of(raised(fall)))

    def test_unknown(self) -> None:
        """What was never raised, or is no error at all, has no place."""
        for error in (None, LookupError(SECRET)):
            self.assertEqual(place_of(error), "an unknown place")


class RemoteFaultTests(SynchronousTestCase):
    """A fault of another process."""

    def test_told(self) -> None:
        """It is told as it would have been there, and holds no more."""
        near = raised(fall)
        far = RemoteFault.of(near)
        self.assertEqual((kind_of(far), place_of(far)), ("LookupError", place_of(near)))
        self.assertEqual(describe(far), describe(near))
        self.assertNotIn(SECRET, repr(far) + str(far))
