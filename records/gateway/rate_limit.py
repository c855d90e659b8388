"""Rate limit for audited requests that change nothing: denials and reveals.

The audit log is never truncated, so without a limit a session could fill the disk quickly. Each
login begins a new burst; logins are slow. Pure: instants in seconds come in as arguments.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable

BURST = 600
"""Requests that are free at once: a script may reveal a whole company's salaries for a payroll."""

PER_SECOND = 10.0
"""Requests a second after the burst."""

MAX_REMEMBERED = 20_000
_ROUNDING = 0.001


class RateLimit:
    """A token bucket for each key. Those that have been idle longest are forgotten first."""

    def __init__(self) -> None:
        self._full_at: OrderedDict[Hashable, float] = OrderedDict()

    def delay(self, key: Hashable, now: float) -> float:
        """Take a token, and return how many seconds its answer has to wait."""
        burst = BURST / PER_SECOND
        # When the bucket is full again. The debt is bounded, so that no wait is endless.
        at = max(min(self._full_at.get(key, now), now + 10 * burst), now) + 1 / PER_SECOND
        self._full_at[key] = at
        self._full_at.move_to_end(key)
        if len(self._full_at) > MAX_REMEMBERED:
            self._full_at.popitem(last=False)
        wait = at - now - burst
        return wait if wait > _ROUNDING else 0.0
