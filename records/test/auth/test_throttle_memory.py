"""What a throttle forgets: failures of long ago, and the quietest when there are too many."""

from __future__ import annotations

import pickle

from records.auth.throttle import ACCOUNT, FORGET_AFTER, MAX_REMEMBERED, PAIR, SOURCE, Attempt
from records.test.auth.throttle_case import ELSEWHERE, GUESSER, HOME, ThrottleCase, tried


class ForgettingTests(ThrottleCase):
    """What is no longer held against anybody, and what is kept in memory."""

    def test_forgets(self) -> None:
        """After a time without failures all of them are forgotten, and not before."""
        for number in range(SOURCE.free + 50):
            self.throttle.begin(tried(GUESSER, f"user{number}"), self.now)
            self.throttle.begin(tried(f"192.0.2.{number}"), self.now)
        fresh = tried(GUESSER, "fresh")
        self.now += FORGET_AFTER
        self.assertEqual(self.throttle.begin(tried(ELSEWHERE), self.now), ACCOUNT.longest)
        self.throttle.begin(fresh, self.now)
        self.assertFalse(self.may(fresh))
        self.now += FORGET_AFTER + 1
        self.assertEqual(self.throttle.begin(tried(ELSEWHERE), self.now), 0)
        self.throttle.begin(fresh, self.now)
        self.assertTrue(self.may(fresh))

    def test_successes_are_no_failures(self) -> None:
        """A source's failures are forgotten in their time though good logins go on there."""
        for number in range(SOURCE.free + 50):
            self.throttle.begin(tried(HOME, f"user{number}"), self.now)
        for _ in range(4):
            self.now += FORGET_AFTER / 2
            self.throttle.begin(tried(HOME, "colleague", True), self.now)
            self.throttle.succeed(tried(HOME, "colleague", True), self.now)
        self.assertTrue(self.may(tried(HOME, "newcomer")))

    def test_successes_do_not_prolong(self) -> None:
        """A good login from a source does not make others there wait longer."""
        for number in range(SOURCE.free + 50):
            self.throttle.begin(tried(HOME, f"user{number}"), self.now)
        self.now += SOURCE.longest - 1
        self.throttle.begin(tried(HOME, "colleague", True), self.now)
        self.throttle.succeed(tried(HOME, "colleague", True), self.now)
        self.assertLessEqual(self.throttle.refusal(tried(HOME, "newcomer"), self.now), 1)

    def fill(self, kind: str, count: int) -> list[Attempt]:
        attempts = [tried(f"{kind}{n:06}", f"{kind}{n:06}") for n in range(count)]
        for attempt in attempts:
            self.throttle.begin(attempt, self.now)
            self.throttle.is_first_refusal(attempt)
        return attempts

    def test_bounded(self) -> None:
        """However many sources and accounts there are, what is remembered does not grow."""
        self.fill("a", MAX_REMEMBERED)
        size = len(pickle.dumps(self.throttle))
        self.fill("b", MAX_REMEMBERED // 2)
        self.assertLessEqual(len(pickle.dumps(self.throttle)), size * 1.01)

    def test_bounded_by_successes_too(self) -> None:
        """Nor does it grow by logins that turn out good after they were forgotten."""
        attempts = self.fill("a", MAX_REMEMBERED // 2)
        self.fill("b", MAX_REMEMBERED)
        size = len(pickle.dumps(self.throttle))
        for attempt in attempts:
            self.throttle.succeed(attempt, self.now)
        self.assertLessEqual(len(pickle.dumps(self.throttle)), size * 1.01)

    def test_quietest_first(self) -> None:
        """Those that have been quiet longest are forgotten first."""
        old, new = tried("old", "old"), tried("new", "new")
        for attempt in (old, new):
            self.fail_times(PAIR.free + 6, attempt)
        filled = self.fill("a", MAX_REMEMBERED - 2)
        self.throttle.begin(new, self.now)
        self.throttle.begin(filled[0], self.now)
        self.throttle.begin(tried("last", "last"), self.now)
        self.assertEqual((self.may(old), self.may(new)), (True, False))
