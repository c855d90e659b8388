"""`python -m bench`: the daemon beside what a user would take instead, and beside the limit.

Runs everything in turn on this machine, load and servers together, and says for each promise
whether it is kept. Look at the ratios, and at how far the repeats lie apart: the machine's own
speed may change from one minute to the next. Writes bench.json and bench.svg.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from bench import idle, logins, plot, report, scale, speed
from bench.fill import filled
from bench.promises import Verdict, compared

PARTS = ("get", "update", "list", "search", "scale", "logins", "idle", "start")
FEW = 1000


def _some_of(known: Sequence[str]) -> Callable[[str], list[str]]:
    """The type of an option that takes some of these words, with commas between them."""

    def check(text: str) -> list[str]:
        wanted = [word for word in text.split(",") if word]
        if unknown := [each for each in wanted if each not in known]:
            raise argparse.ArgumentTypeError(
                f"no {', '.join(unknown)}; there are {', '.join(known)}"
            )
        return wanted

    return check


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    number: dict[str, Any] = {"type": int, "metavar": "N"}
    folder: dict[str, Any] = {"type": Path, "metavar": "FOLDER"}
    yardsticks = [each.NAME for each in speed.YARDSTICKS]
    say = {
        "against": f"some of {', '.join(yardsticks)}; the echo is always there",
        "only": f"some of {', '.join(PARTS)}",
        "employees": "for get and update, and the rate of list (default: 100000)",
        "many": "employees for list, search, scale and start (default: 1000000)",
        "connections": "idle ones (default: 10000)",
        "quick": "1 repeat of 1 s with 1,000 employees: shows that it works, gives no figures",
        "data-cache": "where databases are kept for the next run",
    }
    parser.add_argument(
        "--only", type=_some_of(PARTS), default=list(PARTS), metavar="PART,...", help=say["only"]
    )
    parser.add_argument(
        "--against",
        type=_some_of(yardsticks),
        default=yardsticks,
        metavar="NAME,...",
        help=say["against"],
    )
    parser.add_argument("--employees", default=100_000, **number, help=say["employees"])
    parser.add_argument("--many", default=1_000_000, **number, help=say["many"])
    parser.add_argument("--connections", default=10_000, **number, help=say["connections"])
    parser.add_argument("--seconds", type=float, default=3.0, help="of each run (default: 3)")
    parser.add_argument("--repeats", default=3, **number, help="default: 3")
    parser.add_argument("--quick", action="store_true", help=say["quick"])
    parser.add_argument("--check", action="store_true", help="exit 1 if a promise is not kept")
    parser.add_argument("--out", default=Path("bench/out"), **folder, help="default: bench/out")
    parser.add_argument("--data-cache", default=None, **folder, help=say["data-cache"])
    options = parser.parse_args()
    if options.quick:
        options.employees, options.many, options.connections = FEW, 2 * FEW, 50
        options.seconds, options.repeats = 1.0, 1
    return options


def _say(words: str) -> None:
    print(f"{words} ...", file=sys.stderr, flush=True)


def _measure(
    options: argparse.Namespace, place: Path
) -> tuple[speed.Rates, list[Verdict], dict[str, object]]:
    only, cache = options.only, options.data_cache
    rates = speed.Rates()
    verdicts: list[Verdict] = []
    details: dict[str, object] = {}
    names = [name for name in speed.NAMES if name in only]
    if names:
        _say(f"Rates with {options.employees:,} employees")
        folder = place / "speed"
        folder.mkdir()
        rates = speed.measure(
            folder,
            options.employees,
            names,
            options.against,
            options.seconds,
            options.repeats,
            cache,
        )
        verdicts += [
            each
            for each in compared(rates.ratios())
            if each.work.split(",")[0].removeprefix("employee.") in names
        ]
    small, big = place / "small", place / "big"
    if {"scale", "logins", "idle"} & set(only):
        filled(small / "data", FEW, cache)
    if {"list", "search", "scale", "start"} & set(only):
        _say(f"{options.many:,} employees")
        filled(big / "data", options.many, cache)
        sizes = options.many, FEW
        most = 500 if options.seconds > 1 else 50
        more, details["many"] = scale.measure(
            big, small, sizes, only, options.repeats, options.seconds, most
        )
        verdicts += more
    if "logins" in only:
        _say("Logins")
        more, details["logins"] = logins.measure(
            small, FEW, options.repeats, max(2.0, 3 * options.seconds)
        )
        verdicts += more
    if "idle" in only:
        _say(f"{options.connections:,} idle connections")
        more, details["idle"] = idle.measure(small, FEW, options.connections)
        verdicts += more
    return rates, verdicts, details


def main() -> None:
    """Measure, print, write."""
    options = _options()
    facts = report.machine()
    begin = time.monotonic()
    if options.data_cache is not None:
        options.data_cache.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.umask(0o077)
    with tempfile.TemporaryDirectory(prefix="records-bench-") as place:
        rates, verdicts, details = _measure(options, Path(place))
    took = time.monotonic() - begin
    facts["took_seconds"] = round(took)
    if rates.results:
        print(f"{options.employees:,} employees, 64 connections, load and servers on one machine\n")
        print(report.rates_table(rates), end="\n\n")
    for line in rates.missing:
        print(line)
    print(report.promises_table(verdicts))
    options.out.mkdir(parents=True, exist_ok=True)
    chosen = {
        name: str(value) if isinstance(value, Path) else value
        for name, value in vars(options).items()
    }
    told = report.document(facts, chosen, rates, verdicts, details)
    written = options.out / "bench.json", options.out / "bench.svg"
    written[0].write_text(json.dumps(told, indent=1, default=report.plain) + "\n", "utf-8")
    caption = (
        f"{facts['date']}, {facts['cores']} cores, {facts['processor']}, "
        f"Python {facts['python']}, {options.employees:,} employees, {options.repeats} repeats"
    )
    written[1].write_text(plot.svg(rates, verdicts, caption), "utf-8")
    print(f"\n{took:.0f} s. Written: {written[0]} and {written[1]}")
    if options.quick:
        print("The quick form shows only that everything runs; its figures mean little.")
    broken = [each for each in verdicts if each.kept is False]
    errors = any(result.errors for results in rates.results.values() for result in results)
    sys.exit(1 if options.check and (broken or errors) else 0)


if __name__ == "__main__":
    main()
