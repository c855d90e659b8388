"""What the daemon promises, and whether what was measured keeps it.

Pure: figures come in, verdicts go out. A promise that has nothing to be compared with, because a
yardstick is not installed or was not asked for, is neither kept nor broken.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True)
class Spread:
    """One figure from each repeat."""

    values: tuple[float, ...]

    @property
    def median(self) -> float:
        """What a promise is judged by."""
        return median(self.values)

    @property
    def range(self) -> str:
        """From the least to the most."""
        return f"{figure(min(self.values))} to {figure(max(self.values))}"


def figure(value: float) -> str:
    """A number with three digits that count."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


@dataclass(frozen=True)
class Verdict:
    """A promise beside what was measured. at_least: whether more is better.

    spread: None if it was not measured; remark: why not, or whatever else is to be known.
    """

    work: str
    promise: str
    target: float
    at_least: bool
    spread: Spread | None
    remark: str = ""

    @property
    def kept(self) -> bool | None:
        """Whether the promise is kept; None if that was not measured."""
        if self.spread is None:
            return None
        return self._holds(self.spread.median)

    @property
    def agreeing(self) -> str:
        """In how many of the repeats the promise was kept: a median may stand on a narrow edge."""
        values = self.spread.values if self.spread else ()
        return f"{sum(map(self._holds, values))}/{len(values)}"

    def _holds(self, value: float) -> bool:
        return value >= self.target if self.at_least else value <= self.target


@dataclass(frozen=True)
class _Compared:
    """A promise of the speed table: one rate as a multiple of another's, in the same repeat."""

    work: str
    of: str
    than: str
    target: float


ECHO = "echo answer 1"
ECHO_UPDATE = "echo update's answer 1"
_COMPARED = (
    _Compared("employee.get, 1 in flight", "records get 1", ECHO, 0.6),
    _Compared("employee.get, 1 in flight", "records get 1", "slapd get 1", 1.0),
    _Compared("employee.get, 1 in flight", "records get 1", "PostgreSQL get 1", 1.0),
    _Compared("employee.get, 1 in flight", "records get 1", "FastAPI get 1", 5.0),
    _Compared("employee.get, 16 in flight", "records get 16", ECHO, 1.5),
    _Compared("employee.update, 1 in flight", "records update 1", ECHO_UPDATE, 0.3),
    _Compared("employee.update, 1 in flight", "records update 1", "FastAPI update 1", 5.0),
    _Compared("employee.update, 1 in flight", "records update 1", "slapd update 1", 3.0),
    _Compared("employee.update, 1 in flight", "records update 1", "PostgreSQL update 1", 2.0),
    _Compared("employee.update, 16 in flight", "records update 16", ECHO_UPDATE, 0.6),
)


def compared(ratios: Mapping[tuple[str, str], Sequence[float]]) -> list[Verdict]:
    """The verdicts of the speed table. ratios: by what was compared with what, one a repeat."""
    return [
        Verdict(
            each.work,
            f"{'more than' if each.target == 1 else 'at least'} {figure(each.target)} of {name}",
            each.target,
            True,
            Spread(tuple(found)) if found else None,
            "" if found else f"{name} was not measured",
        )
        for each in _COMPARED
        for found in [ratios.get((each.of, each.than), ())]
        for name in ["the echo" if each.than in (ECHO, ECHO_UPDATE) else each.than.split()[0]]
    ]


PAIRS = tuple((each.of, each.than) for each in _COMPARED)
"""What `compared` wants to know."""
