"""Many employees: lists and searches beside the bare SQL, and how fast a big daemon is and starts.

The bare SQL is the very statements that the daemon runs for the same request, on the same file,
asked query by query in turn with the daemon, one at a time; what is compared is the p99 of both.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

import apsw

from bench import people
from bench.daemon import Daemon, gets, listing, searching, started, started_anew
from bench.echo import echoing
from bench.load import Line, Result, result_of
from bench.promises import Spread, Verdict
from bench.raw_sqlite import connect
from records.api.messages import ListParams
from records.api.query import parse_query
from records.model.fields import STANDARD
from records.store.sqlite.employees import columns_of
from records.store.sqlite.pages import page_rows

BUDGET = 20.0
"""Seconds that a repeat may take; where a query is slow, fewer are made."""


@dataclass(frozen=True)
class Question:
    """A kind of request to employee.list. params: of the n-th, for the bare SQL."""

    name: str
    promise: str
    request: Callable[[int], bytes]
    params: Callable[[int], ListParams]


def questions(employees: int) -> dict[str, Question]:
    """By prefix, and by words."""

    def beginning(number: int) -> str:
        return people.prefix(number, employees)

    def words(number: int) -> str:
        return people.words(number, employees)

    return {
        "list": Question(
            "list",
            "employee.list of 50 by name prefix",
            lambda number: listing(beginning(number)),
            lambda number: ListParams(where={"family_name": {"sw": beginning(number)}}, limit=50),
        ),
        "search": Question(
            "search",
            "full-text search",
            lambda number: searching(words(number)),
            lambda number: ListParams(search=words(number), limit=50),
        ),
    }


def bare(connection: apsw.Connection, question: Question, number: int) -> float:
    """The seconds that the n-th query takes, with the choice of its statements."""
    query = parse_query(STANDARD, question.params(number))
    sent = time.perf_counter()
    connection.execute("BEGIN")
    page_rows(connection, columns_of(STANDARD).names, query, query.limit + 1)
    connection.execute("COMMIT")
    return time.perf_counter() - sent


def asked(line: Line, request: bytes) -> float:
    """The seconds until the answer is there."""
    sent = time.perf_counter()
    line.ask(request)
    return time.perf_counter() - sent


def _repeat(
    connection: apsw.Connection, line: Line, echo: Line, question: Question, numbers: range
) -> dict[str, Result]:
    """The same queries of all three, each in turn.

    Which of the two goes first alternates: the second finds the file's pages in memory.
    """
    times: dict[str, list[float]] = {"bare": [], "records": [], "echo": []}
    start = time.perf_counter()
    for number in numbers:
        if time.perf_counter() - start > BUDGET:
            break
        request = question.request(number)
        if number % 2:
            times["records"].append(asked(line, request))
        times["bare"].append(bare(connection, question, number))
        if not number % 2:
            times["records"].append(asked(line, request))
        times["echo"].append(asked(echo, request))
    return {name: result_of(each, sum(each)) for name, each in times.items()}


def _asked(
    daemon: Daemon, question: Question, folder: Path, repeats: int, most: int
) -> tuple[Verdict, dict[str, list[Result]]]:
    """Bare SQL, the daemon, and an echo of a page, in turn."""
    line = daemon.line()
    page = line.ask(question.request(0))
    with (
        closing(line),
        echoing(daemon.ca.parent, page, folder, f"{question.name}-page") as port,
        closing(Line(port, daemon.ca)) as echo,
        closing(connect(daemon.database)) as connection,
    ):
        connection.execute("PRAGMA query_only = 1")
        _repeat(connection, line, echo, question, range(most))  # fills what memory there is
        found = [
            _repeat(connection, line, echo, question, range(n * most, (n + 1) * most))
            for n in range(repeats)
        ]
    by_name = {name: [each[name] for each in found] for name in found[0]}
    told = [
        f"{name} p99 {Spread(tuple(each.p99 for each in several)).median:.2f} ms"
        for name, several in by_name.items()
    ]
    verdict = Verdict(
        question.promise,
        "p99 at most 2 of the bare SQL",
        2.0,
        False,
        Spread(tuple(each["records"].p99 / each["bare"].p99 for each in found)),
        ", ".join(told),
    )
    return verdict, by_name


def _compared(
    big: Daemon, small: Daemon, employees: int, few: int, repeats: int, seconds: float
) -> tuple[Verdict, dict[str, list[Result]]]:
    """employee.get with many and with few.

    Each repeat goes there and back, so that a machine which gets slower and slower slows both.
    """
    found: dict[str, list[Result]] = {"few": [], "many": []}
    ratios = []
    for _ in range(repeats):
        rates = {"few": 0.0, "many": 0.0}
        for name in ("few", "many", "many", "few"):
            daemon, size = (big, employees) if name == "many" else (small, few)
            found[name].append(daemon.load(gets(size), 1, seconds))
            rates[name] += found[name][-1].rate
        ratios.append(rates["few"] / rates["many"])
    promise = f"at most 1.2 of the time at {few:,}"
    return Verdict(
        f"employee.get at {employees:,}", promise, 1.2, False, Spread(tuple(ratios))
    ), found


def start(folder: Path, employees: int, times: int) -> Verdict:
    """Seconds from a daemon's execution to its first answer."""
    seconds = []
    for _ in range(times + 1):
        with started_anew(folder) as (_daemon, took):
            seconds.append(took)
    spread = Spread(tuple(seconds[1:]))  # the first one makes keys, and fills the page cache
    return Verdict(f"start at {employees:,}", "ready in 1 s", 1.0, False, spread, "warm page cache")


def measure(
    big: Path,
    small: Path,
    sizes: tuple[int, int],
    only: Sequence[str],
    repeats: int,
    seconds: float,
    most: int = 500,
) -> tuple[list[Verdict], dict[str, object]]:
    """big, small: folders with databases of so many employees."""
    employees, few = sizes
    verdicts: list[Verdict] = []
    figures: dict[str, object] = {}
    if "start" in only:
        print("  starting ...", file=sys.stderr, flush=True)
        verdicts.append(start(big, employees, 5))
    wanted = [each for name, each in questions(employees).items() if name in only]
    if not wanted and "scale" not in only:
        return verdicts, figures
    with ExitStack() as stack:
        daemon = stack.enter_context(started(big))
        for question in wanted:
            print(f"  asking {question.name} ...", file=sys.stderr, flush=True)
            verdict, found = _asked(daemon, question, big, repeats, most)
            verdicts.append(verdict)
            figures[question.name] = found
        if "scale" in only:
            beside = stack.enter_context(started(small))
            verdict, found = _compared(daemon, beside, employees, few, repeats, seconds)
            verdicts.append(verdict)
            figures["scale"] = found
    return verdicts, figures
