"""The list of planted bugs fits the source, and tests notice them."""

from __future__ import annotations

import ast
import unittest
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from twisted.trial.runner import ErrorHolder, TestLoader

from tests.faults.planted import ROOT, check_all, copy_checkout, main, run_test, score
from tests.faults.planted_bug import bug
from tests.faults.planted_bugs import BUGS
from tests.faults.scale import IS_LONG
from tests.quiet import SharedMachineCase

AT_LEAST = 30
QUICK = ("savepoint-forgotten", "nobody-is-everybody", "revision-not-compared")
"""Bugs that are really planted in the short form: from the store, the gate and an operation."""


@cache
def dumped(source: str) -> str:
    """A source's tree."""
    return ast.dump(ast.parse(source))


class ListTests(SharedMachineCase):
    """What can be told without planting anything."""

    def test_names(self) -> None:
        """Each bug has a name of its own, says what it breaks, and there are enough of them."""
        names = Counter(each.name for each in BUGS)
        self.assertEqual([name for name, count in names.items() if count > 1], [])
        self.assertEqual([each.name for each in BUGS if not each.breaks.endswith(".")], [])
        self.assertGreaterEqual(len(BUGS), AT_LEAST)

    def test_edits_apply(self) -> None:
        """Each edit fits the present source exactly once, and what comes out is a program."""
        for each in BUGS:
            source = (ROOT / each.file).read_text("utf-8")
            planted = each.planted_in(source)
            self.assertNotEqual(dumped(source), dumped(planted), each)

    def test_product_only(self) -> None:
        """Bugs are planted in the product, and never in what tests it."""
        for each in BUGS:
            self.assertTrue(each.file.startswith("records/"), each.file)
            self.assertNotIn("/test/", each.file)

    def test_tests_exist(self) -> None:
        """Each named test is there."""
        for name in {each.test for each in BUGS}:
            found = list(self.cases(TestLoader().loadByName(name)))
            self.assertTrue(found, name)
            for case in found:
                self.assertFalse(isinstance(case, ErrorHolder), name)
                self.assertTrue(case.id().startswith(name), case.id())

    def cases(self, suite: unittest.TestSuite) -> Iterator[unittest.TestCase]:
        """The single tests of a suite."""
        for each in suite:
            if isinstance(each, unittest.TestSuite):
                yield from self.cases(each)
            else:
                yield each

    def test_no_fit(self) -> None:
        """An edit that does not fit, or fits twice, is refused by name."""
        for source in ("b = 1\n", "a = 1\na = 1\n"):
            stale = bug("stale", "records/x.py", "Nothing.", "x", ("a = 1", "a = 2"))
            error = self.assertRaises(ValueError, stale.planted_in, source)
            self.assertIn("stale", str(error))

    def test_unknown(self) -> None:
        """A name that no bug has is refused."""
        self.assertEqual(main(["no-such-bug"]), 2)


class PlantedTests(SharedMachineCase):
    """Bugs that are really planted."""

    def copy(self) -> Path:
        """A copy without any bug."""
        copy = Path(self.mktemp()).absolute()
        copy_checkout(ROOT, copy)
        return copy

    def test_caught(self) -> None:
        """Each is caught: the named test passes without it and fails with it."""
        bugs = [each for each in BUGS if IS_LONG or each.name in QUICK]
        told: list[str] = []
        reports = check_all(bugs, told.append)
        self.assertEqual([str(each) for each in reports if not each.is_caught], [], told)
        self.assertEqual(score(reports), f"{len(bugs)} of {len(bugs)} caught")

    def test_no_verdict(self) -> None:
        """What cannot be run, or does not end, has caught nothing; nor what fails anyway."""
        copy = self.copy()
        (copy / "tests" / "test_any.py").write_text(
            "import time\n"
            "from twisted.trial.unittest import SynchronousTestCase\n"
            "class AnyTests(SynchronousTestCase):\n"
            "    def test_slow(self): time.sleep(60)\n"
            "    def test_wrong(self): self.fail('as ever')\n"
            "    def test_unknown(self): unknown()\n"
            "    def test_skipped(self): pass\n"
            "    test_skipped.skip = 'not here'\n"
        )
        name = "tests.test_any.AnyTests"
        self.assertIn("did not end", run_test(copy, f"{name}.test_slow", 1.0).broken)
        for test, why in (("unknown", "NameError"), ("skipped", "not here"), ("gone", "loaded")):
            self.assertIn(why, run_test(copy, f"{name}.test_{test}").broken)
        self.assertIn("as ever", run_test(copy, f"{name}.test_wrong").failed)
