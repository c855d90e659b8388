"""The rates: the daemon's and each yardstick's, in turn, with the echo in between, repeated.

A rate is compared with the echo's just before and just after it in the same repeat, because the
machine may be faster at one minute than at another.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from statistics import mean, median

from bench import postgres, raw_sqlite, slapd, web
from bench.daemon import Daemon, get, gets, lists, started
from bench.echo import echoing
from bench.fill import filled
from bench.load import Request, Result, load
from bench.promises import ECHO, ECHO_UPDATE, PAIRS
from bench.work import Site, Work, Yardstick

YARDSTICKS: tuple[Yardstick, ...] = (web, slapd, postgres, raw_sqlite)
NAMES = ("get", "update", "list")


@dataclass
class Rates:
    """results: by work, one a repeat. beside: each work's rate as a part of the echo's.

    missing: what is not installed.
    """

    results: dict[str, list[Result]] = field(default_factory=dict)
    beside: dict[str, list[float]] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)

    def ratios(self) -> dict[tuple[str, str], list[float]]:
        """What the promises compare, one a repeat."""
        found = {}
        for of, than in PAIRS:
            if than in (ECHO, ECHO_UPDATE):
                found[of, than] = self.beside.get(of, [])
            elif of in self.results and than in self.results:
                pairs = zip(self.results[of], self.results[than], strict=True)
                found[of, than] = [ours.rate / theirs.rate for ours, theirs in pairs]
        return found


def _records(daemon: Daemon, employees: int) -> list[Work]:
    get_one, list_some = gets(employees), lists(employees)
    return [
        Work("records", "get", 1, lambda seconds: daemon.load(get_one, 1, seconds)),
        Work("records", "get", 16, lambda seconds: daemon.load(get_one, 16, seconds)),
        Work("records", "update", 1, lambda seconds: daemon.load(daemon.updates(), 1, seconds)),
        Work("records", "update", 16, lambda seconds: daemon.load(daemon.updates(), 16, seconds)),
        Work("records", "list", 1, lambda seconds: daemon.load(list_some, 1, seconds)),
    ]


def _echoes(stack: ExitStack, daemon: Daemon, folder: Path, employees: int) -> list[Work]:
    """The echo of an answer to employee.get, and of one to employee.update."""
    line = daemon.line()
    answer, changed = line.ask(get(7, 4)), line.ask(daemon.updates()(7, 0))
    line.close()
    made, ask, ca = [], gets(employees), daemon.ca
    for label, said in ((ECHO, answer), (ECHO_UPDATE, changed)):
        name = label.removeprefix("echo ").removesuffix(" 1")
        port = stack.enter_context(echoing(ca.parent, said, folder, name.replace("'", "")))
        made.append(Work("echo", name, 1, partial(_load_echo, port, ca, ask)))
    return made


def _load_echo(port: int, ca: Path, ask: Request, seconds: float) -> Result:
    return load(port, ca, [], ask, seconds=seconds)


def plan(ours: Sequence[Work], theirs: Sequence[Work], echoes: Sequence[Work]) -> list[Work]:
    """The order within a repeat: an echo before and after each work of ours, and each yardstick."""
    answer, changed = echoes
    order: list[Work] = []
    for work in ours:
        echo = changed if work.name == "update" else answer
        if not order or order[-1] is not echo:
            order.append(echo)
        order += [work, echo]
    for work in theirs:
        if order and order[-1].system not in (work.system, "echo"):
            order.append(answer)
        order.append(work)
    return [*order, answer] if theirs else order


def nearest_echo(order: Sequence[Work], rates: Sequence[float], place: int) -> float:
    """The mean rate of the echoes nearest before and after a place, of the fitting kind."""
    wanted = ECHO_UPDATE if order[place].label.startswith("records update") else ECHO
    places = [n for n, work in enumerate(order) if work.label == wanted]
    before = [n for n in places if n < place][-1:]
    after = [n for n in places if n > place][:1]
    return mean(rates[n] for n in before + after)


def measure(
    folder: Path,
    employees: int,
    names: Sequence[str],
    against: Sequence[str],
    seconds: float,
    repeats: int,
    cache: Path | None,
) -> Rates:
    """Fill, start everything, and measure in turn. names: of works; against: of yardsticks."""
    rates = Rates()
    filled(folder / "data", employees, cache)
    with ExitStack() as stack:
        daemon = stack.enter_context(started(folder))
        site = Site(folder, folder / "keys", daemon.database, employees)
        ours = [work for work in _records(daemon, employees) if work.name in names]
        echoes = _echoes(stack, daemon, folder, employees)
        theirs: list[Work] = []
        for yardstick in YARDSTICKS:
            if yardstick.NAME not in against:
                continue
            lacking = yardstick.missing()
            if lacking is not None:
                rates.missing.append(f"not installed: {lacking}")
                print(f"  not installed: {lacking}", file=sys.stderr, flush=True)
                continue
            print(f"  preparing {yardstick.NAME} ...", file=sys.stderr, flush=True)
            made = yardstick.works(stack, site)
            theirs += [work for work in made if work.name.split()[0] in names]
        order = plan(ours, theirs, echoes)
        for repeat in range(repeats):
            print(f"  repeat {repeat + 1} of {repeats} ...", file=sys.stderr, flush=True)
            _repeat(rates, order, seconds)
    return rates


def _repeat(rates: Rates, order: Sequence[Work], seconds: float) -> None:
    results = [work.run(seconds) for work in order]
    found = [result.rate for result in results]
    echoes: dict[str, list[Result]] = {}
    for place, (work, result) in enumerate(zip(order, results, strict=True)):
        if work.system == "echo":
            echoes.setdefault(work.label, []).append(result)
            continue
        rates.results.setdefault(work.label, []).append(result)
        beside = found[place] / nearest_echo(order, found, place)
        rates.beside.setdefault(work.label, []).append(beside)
    for label, several in echoes.items():
        middle = Result(
            median(each.rate for each in several),
            median(each.p50 for each in several),
            median(each.p99 for each in several),
        )
        rates.results.setdefault(label, []).append(middle)
