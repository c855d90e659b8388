"""Tests that only search: coverage is not measured in them, which would double their time.

What they run of the product is measured where the unit tests run it.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from tests.quiet import SharedMachineCase

if TYPE_CHECKING:
    import unittest


class SearchingCase(SharedMachineCase):
    """A test that runs at the pace of one whose coverage nobody measures."""

    def run(self, result: unittest.TestResult) -> None:
        """See `TestCase`."""
        if "coverage" not in sys.modules:
            super().run(result)
            return
        import coverage

        measured = coverage.Coverage.current()
        if measured is None:
            super().run(result)
            return
        measured.stop()
        try:
            super().run(result)
        finally:
            measured.start()
