"""Slowing down who guesses passwords, and nobody else."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from records.auth.throttle import (
    ACCOUNT,
    FORGET_AFTER,
    PAIR,
    SOURCE,
    Attempt,
    Backoff,
    Throttle,
    network_of,
)
from records.test.auth.throttle_case import ELSEWHERE, GUESSER, HOME, ThrottleCase, tried


class PatienceTests(SynchronousTestCase):
    """How long a wait is."""

    def test_doubles(self) -> None:
        """The first failures are free; then the wait is a second, and doubles up to the longest."""
        backoff = Backoff(free=3, longest=10.0)
        waits = [backoff.wait(failures) for failures in (0, 2, 3, 4, 5, 6, 7, 8, 10**9)]
        self.assertEqual(waits, [0, 0, 1, 2, 4, 8, 10, 10, 10])


class PairTests(ThrottleCase):
    """Failures of one source with one account."""

    def test_waits(self) -> None:
        """After a few failures a source waits before it tries that account again."""
        attempt = tried(GUESSER)
        for failures in range(PAIR.free):
            self.assertTrue(self.may(attempt), failures)
            self.throttle.begin(attempt, self.now)
        for wait in (1, 2, 4, 8, 16, 32, 60, 60):
            self.assertEqual(self.throttle.refusal(attempt, self.now), wait)
            self.now += wait - 0.5
            self.assertEqual(self.throttle.refusal(attempt, self.now), 0.5)
            self.now += 0.5
            self.assertTrue(self.may(attempt))
            self.throttle.begin(attempt, self.now)

    def test_familiar_too(self) -> None:
        """Being familiar is no way to guess faster at the same account from the same source."""
        self.fail_times(PAIR.free, tried(GUESSER, familiar=True))
        self.assertFalse(self.may(tried(GUESSER, familiar=True)))

    def test_first_refusal(self) -> None:
        """Of each wait the first refusal is known, for this pair only."""
        attempt, other = tried(GUESSER), tried(GUESSER, "other")
        for each in (attempt, other):
            self.fail_times(PAIR.free, each)
        first = [self.throttle.is_first_refusal(each) for each in (attempt, attempt, other)]
        self.assertEqual(first, [True, False, True])
        self.fail_times(1, attempt)
        first = [self.throttle.is_first_refusal(each) for each in (attempt, attempt, other)]
        self.assertEqual(first, [True, False, False])

    def test_only_this_account(self) -> None:
        """That source may still try other accounts, and others may try this one."""
        self.fail_times(PAIR.free, tried(GUESSER))
        self.assertTrue(self.may(tried(GUESSER, "other")))
        self.assertTrue(self.may(tried(ELSEWHERE)))

    def test_success(self) -> None:
        """A success ends the wait and the count."""
        attempt = tried(HOME)
        self.fail_times(PAIR.free + 2, attempt)
        self.now += 60
        self.throttle.begin(attempt, self.now)
        self.throttle.succeed(attempt, self.now)
        for _ in range(PAIR.free):
            self.assertTrue(self.may(attempt))
            self.throttle.begin(attempt, self.now)

    def test_pace(self) -> None:
        """A client that never rests gets no more than about one guess a minute."""
        self.assertLessEqual(self.guesses(tried(GUESSER), 24 * 3600), 24 * 60 + 12)

    def test_at_once(self) -> None:
        """Many attempts at once, before any has ended, are no way round."""
        allowed = 0
        for _ in range(1000):
            if self.may(tried(GUESSER)):
                self.throttle.begin(tried(GUESSER), self.now)
                allowed += 1
        self.assertEqual(allowed, PAIR.free)


class SourceTests(ThrottleCase):
    """Failures of one source with whatever accounts."""

    def spray(self, count: int, source: str = GUESSER) -> int:
        """Try one password with so many accounts at once; how many could be tried."""
        allowed = 0
        for number in range(count):
            attempt = tried(source, f"user{number}")
            if self.may(attempt):
                self.throttle.begin(attempt, self.now)
                allowed += 1
        return allowed

    def test_waits(self) -> None:
        """After many failures a source waits before it tries any account."""
        self.assertEqual(self.spray(1000), SOURCE.free)
        self.assertEqual(self.throttle.refusal(tried(GUESSER, "fresh"), self.now), 1)
        self.now += 1
        self.assertTrue(self.may(tried(GUESSER, "fresh")))

    def test_longest(self) -> None:
        """The wait of a source grows up to its longest, and no further."""
        for number in range(SOURCE.free + 50):
            self.throttle.begin(tried(GUESSER, f"user{number}"), self.now)
        self.assertEqual(self.throttle.refusal(tried(GUESSER, "fresh"), self.now), SOURCE.longest)

    def test_own_account_is_no_help(self) -> None:
        """A client that guesses gains nothing by logging in to an account of his own in between."""
        own = tried(GUESSER, "own", familiar=True)
        allowed = 0
        for _ in range(100):
            allowed += self.spray(100)
            self.throttle.begin(own, self.now)
            self.throttle.succeed(own, self.now)
        self.assertEqual(allowed, SOURCE.free)

    def test_others(self) -> None:
        """Other sources notice nothing of it."""
        self.spray(1000)
        self.assertTrue(self.may(tried(ELSEWHERE, "fresh")))

    def test_familiar(self) -> None:
        """Who has logged in from there before does not wait for others' failures there."""
        self.spray(1000)
        self.assertTrue(self.may(tried(GUESSER, "owner", familiar=True)))

    def test_good_logins_only(self) -> None:
        """A source whose logins are all good never waits, however many there are."""
        for number in range(500):
            attempt = tried(HOME, f"user{number}")
            self.assertTrue(self.may(attempt), number)
            self.assertEqual(self.throttle.begin(attempt, self.now), 0)
            self.throttle.succeed(attempt, self.now)


class AccountTests(ThrottleCase):
    """Failures with one account from wherever."""

    def attack(self, count: int) -> None:
        """Guess at the account from so many sources."""
        for number in range(count):
            self.throttle.begin(tried(f"2001:db8::{number:x}"), self.now)

    def test_slowed(self) -> None:
        """After many failures, new sources are answered slowly, up to the longest."""
        paces = [self.throttle.begin(tried(f"192.0.2.{n}"), self.now) for n in range(50)]
        self.assertEqual(paces[: ACCOUNT.free], [0] * ACCOUNT.free)
        self.assertEqual(paces[ACCOUNT.free : ACCOUNT.free + 3], [1, 2, 4])
        self.assertEqual(set(paces[ACCOUNT.free + 2 :]), {ACCOUNT.longest})

    def test_not_locked_out(self) -> None:
        """However many guess, the owner may try at once from a new place, and waits seconds."""
        self.attack(5000)
        self.assertTrue(self.may(tried(ELSEWHERE)))
        self.assertLessEqual(self.throttle.begin(tried(ELSEWHERE), self.now), ACCOUNT.longest)

    def test_familiar(self) -> None:
        """Where the owner has logged in before, nothing of this is noticed."""
        self.attack(5000)
        self.assertTrue(self.may(tried(HOME, familiar=True)))
        self.assertEqual(self.throttle.begin(tried(HOME, familiar=True), self.now), 0)

    def test_other_accounts(self) -> None:
        """Other accounts are not slowed."""
        self.attack(5000)
        self.assertEqual(self.throttle.begin(tried(ELSEWHERE, "other"), self.now), 0)

    def test_owner_does_not_end_it(self) -> None:
        """The owner's login does not make it quicker for those who guess."""
        self.attack(100)
        self.throttle.begin(tried(HOME, familiar=True), self.now)
        self.throttle.succeed(tried(HOME, familiar=True), self.now)
        self.assertEqual(self.throttle.begin(tried(GUESSER), self.now), ACCOUNT.longest)


ATTEMPTS = st.builds(tried, st.sampled_from(["s1", "s2"]), st.sampled_from(["a1", "a2"]))
EVENTS = st.lists(st.tuples(ATTEMPTS, st.booleans(), st.floats(0, 2 * FORGET_AFTER)), max_size=60)


class PropertyTests(ThrottleCase):
    """What holds whatever happened before."""

    @given(EVENTS)
    def test_others_failures(self, events: list[tuple[Attempt, bool, float]]) -> None:
        """A familiar source is neither refused nor slowed by what others do."""
        throttle, now = Throttle(), 0.0
        for attempt, good, seconds in events:
            now += seconds
            throttle.begin(attempt, now)
            if good:
                throttle.succeed(attempt, now)
            for familiar in (tried("home", attempt.account, True), tried("s1", "owner", True)):
                self.assertEqual(throttle.refusal(familiar, now), 0)
            self.assertEqual(throttle.begin(tried("home", "a1", True), now), 0)
            throttle.succeed(tried("home", "a1", True), now)

    @given(EVENTS)
    def test_bounded_waits(self, events: list[tuple[Attempt, bool, float]]) -> None:
        """No wait is longer than the longest, no source that has not failed waits for its turn."""
        throttle, now = Throttle(), 0.0
        for attempt, good, seconds in events:
            now += seconds
            self.assertLessEqual(throttle.begin(attempt, now), ACCOUNT.longest)
            if good:
                throttle.succeed(attempt, now)
            self.assertLessEqual(throttle.refusal(attempt, now), max(PAIR.longest, SOURCE.longest))
            self.assertEqual(throttle.refusal(tried("fresh", attempt.account), now), 0)

    def test_clock_set_back(self) -> None:
        """A clock that is set back by an hour makes no wait longer than the longest."""
        self.fail_times(PAIR.free, tried(HOME))
        self.assertLessEqual(self.throttle.refusal(tried(HOME), self.now - 3600), PAIR.longest)


class NetworkTests(SynchronousTestCase):
    """Which addresses count as one source."""

    def test_network(self) -> None:
        """An IPv4 address is its own; IPv6 ones count by the /64 that one subscriber has."""
        for source, network in (
            ("192.0.2.1", "192.0.2.1"),
            ("local", "local"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
            ("2001:db8:1:2::", "2001:db8:1:2::/64"),
            ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
            ("fe80::1%eth0", "fe80::/64"),
            ("no:address", "no:address"),
        ):
            self.assertEqual(network_of(source), network)
