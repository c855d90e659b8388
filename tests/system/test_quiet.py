"""Whoever needs the machine alone gets it, and keeps nobody out for longer."""

from __future__ import annotations

import os
import unittest
from pathlib import Path
from threading import Event, Thread

from twisted.trial.unittest import SynchronousTestCase

from tests import quiet
from tests.wire import WAIT

HARDLY = 0.05
"""Seconds after which who is not in yet is kept out. If they are too few, a test misses a bug."""


class Visit:
    """A user who wants to be in the room, and stays there until told to go."""

    def __init__(self, *, alone: bool) -> None:
        self.is_in = Event()
        self._go = Event()
        self._thread = Thread(target=self._stay, args=(alone,), daemon=True)
        self._thread.start()

    def _stay(self, alone: bool) -> None:
        with quiet.turn(alone=alone):
            self.is_in.set()
            self._go.wait(WAIT)

    def go(self) -> None:
        """Go, or do not stay once in."""
        self._go.set()

    def end(self) -> None:
        """Go, and be gone."""
        self.go()
        self._thread.join(WAIT)


class TurnTests(SynchronousTestCase):
    """The room, and its door."""

    def setUp(self) -> None:
        folder = Path(self.mktemp())
        folder.mkdir(parents=True)
        (folder / "room").touch()
        self.patch(quiet, "_DOOR", folder)
        self.patch(quiet, "_ROOM", folder / "room")

    def visit(self, *, alone: bool) -> Visit:
        """Somebody comes, and is gone at the end of the test."""
        visit = Visit(alone=alone)
        self.addCleanup(visit.end)
        return visit

    def test_together(self) -> None:
        """Those who need not be alone are there together."""
        for _ in range(3):
            self.assertTrue(self.visit(alone=False).is_in.wait(WAIT))

    def test_alone(self) -> None:
        """Whoever must be alone waits until nobody is there, and nobody comes in until he goes."""
        first = self.visit(alone=False)
        self.assertTrue(first.is_in.wait(WAIT))
        alone = self.visit(alone=True)
        self.assertFalse(alone.is_in.wait(HARDLY))
        first.end()
        self.assertTrue(alone.is_in.wait(WAIT))
        last = self.visit(alone=False)
        self.assertFalse(last.is_in.wait(HARDLY))
        alone.end()
        self.assertTrue(last.is_in.wait(WAIT))

    def test_not_overtaken(self) -> None:
        """Who comes after a user who waits to be alone does not go first."""
        first = self.visit(alone=False)
        self.assertTrue(first.is_in.wait(WAIT))
        alone = self.visit(alone=True)
        self.assertFalse(alone.is_in.wait(HARDLY))
        last = self.visit(alone=False)
        self.assertFalse(last.is_in.wait(HARDLY))
        first.end()
        self.assertTrue(alone.is_in.wait(WAIT))
        self.assertFalse(last.is_in.is_set())
        alone.end()

    def test_forked(self) -> None:
        """A child that was forked meanwhile, and lives on, keeps nobody out."""
        reader, writer = os.pipe()
        self.addCleanup(os.close, writer)
        with quiet.turn(alone=True):
            pid = os.fork()
            if not pid:
                os.close(writer)
                os.read(reader, 1)
                os._exit(0)
        os.close(reader)
        try:
            self.assertTrue(self.visit(alone=True).is_in.wait(WAIT))
        finally:
            os.write(writer, b".")
            os.waitpid(pid, 0)

    def test_cases(self) -> None:
        """A test is in the room while it runs; alone, if it says so."""
        kept_out: list[bool] = []

        class Case(quiet.SharedMachineCase):
            def test(case) -> None:
                visit = self.visit(alone=False)
                kept_out.append(not visit.is_in.wait(HARDLY))
                visit.go()

        class AloneCase(Case):
            needs_quiet = True

        for case in (Case("test"), AloneCase("test")):
            result = unittest.TestResult()
            case.run(result)
            self.assertTrue(result.wasSuccessful(), result.errors)
        self.assertEqual(kept_out, [False, True])
