"""Slows down password guessing without locking anybody out.

Pure: instants in seconds come in as arguments. Counts failed logins in three places:

- by source and account: after a few, the source has to wait before it tries that account again;
- by source: after many, for whatever accounts, it has to wait before it tries any account that has
  not logged in from there before;
- by account: after many, from whatever sources, sources from which the account has never logged in
  are answered slowly. They are not refused, or a guesser could lock the owner out of a new place.

A user who shares a source with a guesser shares its waits: for the accounts under attack (at most a
minute), and for all accounts that have never logged in from there. See OWASP's Authentication
Cheat Sheet.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Hashable
from ipaddress import IPv6Network
from math import ceil, log2

import msgspec

FORGET_AFTER = 15 * 60.0
"""Seconds without a failure after which earlier ones are forgotten."""

MAX_REMEMBERED = 20_000


class Backoff(msgspec.Struct, frozen=True):
    """Failures that are free. From then on the wait doubles with each, up to `longest` seconds."""

    free: int
    longest: float

    def wait(self, failures: int) -> float:
        """Seconds to wait after this many failures."""
        if failures < self.free:
            return 0.0
        return float(min(self.longest, 2.0 ** min(failures - self.free, 30)))

    @property
    def failures_to_longest(self) -> int:
        """The number of failures that gives the longest wait: more need not be remembered."""
        return self.free + ceil(log2(self.longest)) + 1


PAIR = Backoff(free=5, longest=60.0)
SOURCE = Backoff(free=80, longest=30.0)
"""More than may wait for a hash, so that a busy office does not count as failing."""

ACCOUNT = Backoff(free=20, longest=4.0)


class _Failures:
    """The instants of failures by key. Keys that have been idle longest are forgotten first.

    Instants instead of a count, so that a withdrawn failure leaves no trace: successful logins
    neither prolong a wait nor keep old failures.
    """

    def __init__(self, backoff: Backoff) -> None:
        self._backoff = backoff
        self._instants: OrderedDict[Hashable, deque[float]] = OrderedDict()
        self._refused: set[Hashable] = (
            set()
        )  # refused since their last failure; a subset of the keys above

    def _failures(self, key: Hashable, now: float) -> tuple[int, float]:
        """The number of recent failures, and when the last one was."""
        instants = self._instants.get(key)
        if not instants:
            return 0, now
        last = min(instants[-1], now)  # a clock that was set back must not prolong waits
        return (0, now) if now - last > FORGET_AFTER else (len(instants), last)

    def add(self, key: Hashable, now: float) -> None:
        count, _ = self._failures(key, now)
        if not count:
            self._instants[key] = deque(maxlen=self._backoff.failures_to_longest)
        self._instants[key].append(now)
        self._refused.discard(key)
        self._instants.move_to_end(key)
        if len(self._instants) > MAX_REMEMBERED:
            forgotten, _ = self._instants.popitem(last=False)
            self._refused.discard(forgotten)

    def take_back(self, key: Hashable) -> None:
        """Take back the newest failure."""
        instants = self._instants.get(key)
        if instants:
            instants.pop()
            if not instants:
                self.clear(key)

    def clear(self, key: Hashable) -> None:
        self._instants.pop(key, None)
        self._refused.discard(key)

    def is_first_refusal(self, key: Hashable) -> bool:
        """Whether this is the first call for the key since its last failure."""
        if key in self._refused or key not in self._instants:
            return False
        self._refused.add(key)
        return True

    def wait(self, key: Hashable, now: float) -> float:
        """Seconds from `now` until this key may try again."""
        count, last = self._failures(key, now)
        return max(0.0, last + self._backoff.wait(count) - now) if count else 0.0

    def pace(self, key: Hashable, now: float) -> float:
        """Seconds by which each attempt is slowed."""
        return self._backoff.wait(self._failures(key, now)[0])


class Attempt(msgspec.Struct, frozen=True):
    """A login attempt."""

    source: str
    account: str
    familiar: bool


def network_of(source: str) -> str:
    """The network of a source address, as far as can be told.

    An IPv6 subscriber has a whole /64 (RFC 6177), and may use another address each time.
    """
    if ":" not in source:
        return source
    try:
        return str(IPv6Network((source.partition("%")[0], 64), strict=False))
    except ValueError:
        return source


class Throttle:
    """Counts failures, and says how long to wait.

    An attempt counts as failed from its beginning and is taken back if it succeeds, so that
    parallel attempts gain nothing.
    """

    def __init__(self) -> None:
        self._pairs = _Failures(PAIR)
        self._sources = _Failures(SOURCE)
        self._accounts = _Failures(ACCOUNT)

    def refusal(self, attempt: Attempt, now: float) -> float:
        """Seconds for which this attempt cannot succeed; 0 if it can."""
        wait = self.pair_wait(attempt, now)
        return wait if attempt.familiar else max(wait, self.source_wait(attempt, now))

    def pair_wait(self, attempt: Attempt, now: float) -> float:
        """Seconds for which this source must not try this account."""
        return self._pairs.wait((attempt.source, attempt.account), now)

    def is_first_refusal(self, attempt: Attempt) -> bool:
        """Whether this is the first refused attempt in the present wait of its pair."""
        return self._pairs.is_first_refusal((attempt.source, attempt.account))

    def source_wait(self, attempt: Attempt, now: float) -> float:
        """Seconds for which this source must not try accounts that are not familiar with it."""
        return self._sources.wait(attempt.source, now)

    def account_pace(self, attempt: Attempt, now: float) -> float:
        """Seconds by which an attempt from an unfamiliar source is slowed."""
        return self._accounts.pace(attempt.account, now)

    def begin(self, attempt: Attempt, now: float) -> float:
        """Count the attempt. Returns the seconds by which it is slowed if it succeeds."""
        delay = 0.0 if attempt.familiar else self.account_pace(attempt, now)
        self._pairs.add((attempt.source, attempt.account), now)
        self._sources.add(attempt.source, now)
        self._accounts.add(attempt.account, now)
        return delay

    def succeed(self, attempt: Attempt, now: float) -> None:
        """The attempt succeeded."""
        self._pairs.clear((attempt.source, attempt.account))
        self._sources.take_back(attempt.source)
        self._accounts.take_back(attempt.account)

    def withdraw(self, attempt: Attempt) -> None:
        """The attempt was not compared."""
        self._pairs.take_back((attempt.source, attempt.account))
        self._sources.take_back(attempt.source)
        self._accounts.take_back(attempt.account)

    def spare_source(self, attempt: Attempt) -> None:
        """The attempt was refused because of its source, and does not prolong that wait."""
        self._sources.take_back(attempt.source)
