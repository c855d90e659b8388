"""What the tests of throttling share: sources, attempts, and a throttle to try them at."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from records.auth.throttle import Attempt, Throttle

HOME, ELSEWHERE, GUESSER = "192.0.2.1", "198.51.100.7", "203.0.113.9"


def tried(source: str, account: str = "tess", familiar: bool = False) -> Attempt:
    """A login as somebody tries it."""
    return Attempt(source, account, familiar)


class ThrottleCase(SynchronousTestCase):
    """A throttle, and attempts at instants in seconds."""

    def setUp(self) -> None:
        self.throttle = Throttle()
        self.now = 1_000.0

    def may(self, attempt: Attempt) -> bool:
        return self.throttle.refusal(attempt, self.now) == 0

    def fail_times(self, count: int, attempt: Attempt) -> None:
        """Fail so often, each time as soon as it is allowed."""
        for _ in range(count):
            self.now += self.throttle.refusal(attempt, self.now)
            self.throttle.begin(attempt, self.now)

    def guesses(self, attempt: Attempt, seconds: float) -> int:
        """How many attempts a user can make in a time who never rests."""
        count, end = 0, self.now + seconds
        while (wait := self.throttle.refusal(attempt, self.now)) < end - self.now:
            self.now += wait
            self.throttle.begin(attempt, self.now)
            count += 1
        self.now = end
        return count
