"""How often somebody may have written down what changes nothing: denials, and reveals.

Each leaves an entry in the audit log, which is never shortened: without a pace, whoever may log in
could fill the disk. Pure: instants in seconds come in as arguments.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable

BURST = 600
"""So many are free at once: a script may reveal a whole company's salaries for a payroll."""

PER_SECOND = 10.0
"""So many a second from then on."""

MAX_REMEMBERED = 20_000
_ROUNDING = 0.001


class Pace:
    """A token bucket for each key; those that have been quiet longest are forgotten first."""

    def __init__(self) -> None:
        self._free_at: OrderedDict[Hashable, float] = OrderedDict()

    def delay(self, key: Hashable, now: float) -> float:
        """Note one more, and return how many seconds its answer is to wait."""
        full = BURST / PER_SECOND
        # The instant at which the bucket is full again; never further off than all that is owed.
        at = max(min(self._free_at.get(key, now), now + 10 * full), now) + 1 / PER_SECOND
        self._free_at[key] = at
        self._free_at.move_to_end(key)
        if len(self._free_at) > MAX_REMEMBERED:
            self._free_at.popitem(last=False)
        wait = at - now - full
        return wait if wait > _ROUNDING else 0.0
