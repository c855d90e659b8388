"""The plot, as SVG: each system's rate as a part of the echo's, and how far each promise is kept.

Written by hand, so that it needs no library.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from statistics import median

from bench.promises import Verdict, figure
from bench.speed import Rates

WIDTH, LEFT, BAR, GAP = 920, 400, 18, 8
_SPAN = WIDTH - LEFT - 150
_COLOURS = {
    "records": "#1b6ca8",
    "echo": "#9aa5b1",
    "FastAPI": "#2f9e77",
    "slapd": "#b07aa1",
    "PostgreSQL": "#e08e45",
    "SQLite": "#6b7280",
}
_KEPT = {True: "#2f9e77", False: "#c0392b"}


def _text(x: float, y: float, words: str, more: str = "") -> str:
    return f'<text x="{x:.0f}" y="{y:.0f}" {more}>{escape(words)}</text>'


def _bar(y: float, length: float, colour: str, label: str, words: str) -> list[str]:
    middle = y + BAR - 5
    return [
        _text(LEFT - 8, middle, label, 'text-anchor="end"'),
        f'<rect x="{LEFT}" y="{y:.0f}" width="{max(1.0, length):.1f}" height="{BAR}"'
        f' fill="{colour}"/>',
        _text(LEFT + length + 8, middle, words),
    ]


def _whisker(y: float, least: float, most: float) -> str:
    """From the least repeat to the most."""
    middle = y + BAR / 2
    return (
        f'<path d="M{LEFT + least:.1f} {middle:.1f}H{LEFT + most:.1f}" stroke="#111"'
        ' stroke-width="1.5"/>'
    )


def _rates(rates: Rates, y: float) -> tuple[list[str], float]:
    made = []
    for name in ("get", "update", "list"):
        shown = {
            label: [each.rate for each in results]
            for label, results in rates.results.items()
            if label.split()[1] == name or label.startswith("echo answer")
        }
        if len(shown) < 2:
            continue
        scale = _SPAN / max(max(each) for each in shown.values())
        made.append(_text(12, y + 14, f"employee.{name}: answers a second", 'class="head"'))
        y += 26
        for label, found in sorted(shown.items(), key=lambda each: -median(each[1])):
            system, _, rest = label.partition(" ")
            kind, _, depth = rest.rpartition(" ")
            told = "no network" if depth == "0" else f"{depth} in flight"
            words = f"{system}, {kind}, {told}"
            rate = median(found)
            colour = _COLOURS.get(system, "#888")
            made += _bar(y, rate * scale, colour, words, f"{rate:,.0f}")
            made.append(_whisker(y, min(found) * scale, max(found) * scale))
            y += BAR + GAP
        y += 16
    return made, y


def _promises(verdicts: Sequence[Verdict], y: float) -> tuple[list[str], float]:
    """How many times better than promised: the line is the promise itself."""
    measured = [each for each in verdicts if each.spread is not None]
    if not measured:
        return [], y
    made = [_text(12, y + 14, "Promises: how many times better than promised", 'class="head"')]
    y += 26
    begin, most, scale = y, 3.0, _SPAN / 3.0
    for each in measured:
        assert each.spread is not None
        value = each.spread.median
        factor = value / each.target if each.at_least else each.target / max(value, 1e-9)
        length = min(factor, most) * scale
        words = f"{factor:.2f}  ({figure(value)})"
        made += _bar(y, length, _KEPT[bool(each.kept)], f"{each.work}: {each.promise}", words)
        y += BAR + GAP
    line = LEFT + scale
    made.append(f'<path d="M{line:.1f} {begin - 4:.0f}V{y:.0f}" stroke="#111"/>')
    return made, y + 16


def svg(rates: Rates, verdicts: Sequence[Verdict], caption: str) -> str:
    """The whole picture."""
    first, y = _rates(rates, 44)
    second, y = _promises(verdicts, y)
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{y:.0f}"'
            f' viewBox="0 0 {WIDTH} {y:.0f}" font-family="sans-serif" font-size="12">',
            "<style>.head{font-size:15px;font-weight:bold}</style>",
            f'<rect width="{WIDTH}" height="{y:.0f}" fill="#fff"/>',
            _text(12, 22, caption, 'fill="#555"'),
            *first,
            *second,
            "</svg>\n",
        ]
    )
