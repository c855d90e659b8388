"""How often denials and reveals are written down."""

from __future__ import annotations

import pickle

from twisted.trial.unittest import SynchronousTestCase

from records.gateway.rate_limit import BURST, MAX_REMEMBERED, PER_SECOND, RateLimit


class RateLimitTests(SynchronousTestCase):
    """Delays."""

    def test_burst(self) -> None:
        """Many are free at once, and then so many a second."""
        limit = RateLimit()
        self.assertEqual({limit.delay("a", 100.0) for _ in range(BURST)}, {0.0})
        for number in range(1, 20):
            self.assertAlmostEqual(limit.delay("a", 100.0), number / PER_SECOND)
        self.assertEqual(limit.delay("b", 100.0), 0.0)

    def test_longest(self) -> None:
        """Nobody waits for longer than nine minutes, however often it was denied."""
        limit = RateLimit()
        waits = [limit.delay("a", 100.0) for _ in range(20_000)]
        self.assertAlmostEqual(max(waits), 540.0, places=0)
        self.assertLess(limit.delay("a", 100.0 + 540.0), 1.0)

    def test_rest(self) -> None:
        """A client that rests may have a burst again."""
        limit = RateLimit()
        for _ in range(BURST + 50):
            limit.delay("a", 100.0)
        later = 100.0 + (BURST + 50) / PER_SECOND
        self.assertEqual({limit.delay("a", later) for _ in range(BURST)}, {0.0})
        self.assertGreater(limit.delay("a", later), 0.0)

    def test_clock_set_back(self) -> None:
        """A clock that is set back does not make anybody wait for as long."""
        limit = RateLimit()
        limit.delay("a", 1e9)
        self.assertLess(limit.delay("a", 100.0), 10 * BURST / PER_SECOND)

    def test_bounded(self) -> None:
        """What is remembered does not grow for ever."""
        limit = RateLimit()
        for number in range(MAX_REMEMBERED):
            limit.delay(number, 100.0)
        size = len(pickle.dumps(limit))
        for number in range(MAX_REMEMBERED, 2 * MAX_REMEMBERED):
            limit.delay(number, 100.0)
        self.assertLess(len(pickle.dumps(limit)), size * 1.2)
