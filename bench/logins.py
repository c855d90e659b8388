"""Logins: how near they come to what bcrypt itself allows, and what others feel of them.

Others are ten connections that make a hundred `employee.get` a second between them. Their
latency counts from the instant at which a request was due, so that one that is answered late does
not hide the next.

With bcrypt on every core, whoever wakes up may wait for one, the load generator too, whatever it
talks to. So a bare echo is asked at the same pace, beside as much bcrypt in a process of its own.
What the echo then loses is the scheduler's doing; what the daemon loses beyond that is its own.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Thread

import bcrypt

from bench.daemon import Daemon, get, request, started
from bench.echo import echoing
from bench.fill import PASSWORD
from bench.load import Line, Result, load, result_of
from bench.people import somebody
from bench.promises import Spread, Verdict, figure
from records.auth.hasher_process import NICENESS
from records.auth.hashing import COST, THREADS

CONNECTIONS = 8
"""Logins under way at once, each of an account of its own: enough to keep the threads busy."""

OTHERS = 10
EVERY = 0.01


@dataclass(frozen=True)
class Logins:
    """One repeat. bare: hashes a second; logins; and the others without and with them.

    echo_alone, echo_beside: the others of an echo, without and with bcrypt in another process.
    """

    bare: float
    logins: Result
    alone: Result
    beside: Result
    echo_alone: Result
    echo_beside: Result

    @property
    def echo_times(self) -> float:
        """How many times the echo's p99 is its own beside bcrypt."""
        return self.echo_beside.p99 / self.echo_alone.p99


def bare(seconds: float, niceness: int = 0) -> float:
    """Hashes a second, at the daemon's cost and in as many threads, in this process.

    niceness: of these threads.
    """
    setting = bcrypt.gensalt(COST)
    done = [0.0] * THREADS

    def work(number: int) -> None:
        os.nice(niceness)  # on Linux, of this thread only
        start = time.perf_counter()
        count = 0
        while time.perf_counter() < start + seconds:
            bcrypt.hashpw(PASSWORD.encode(), setting)
            count += 1
        done[number] = count / (time.perf_counter() - start)

    threads = [Thread(target=work, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(done)


def _login(connection: int, number: int) -> bytes:
    return request("login", number, username=f"user{connection + 1}", password=PASSWORD)


def _logins(port: int, ca: Path, seconds: float) -> Result:
    return load(port, ca, [], _login, connections=CONNECTIONS, seconds=seconds, warm_up=1.0)


def others(lines: Sequence[Line], employees: int, seconds: float) -> Result:
    """Ask at a steady pace, in turn on a few connections, and close them."""
    now = time.perf_counter
    latencies = []
    start = now()
    for number in range(int(seconds / EVERY)):
        due = start + number * EVERY
        if (wait := due - now()) > 0:
            time.sleep(wait)
        lines[number % len(lines)].ask(get(somebody(0, number, employees)))
        latencies.append(now() - due)
    took = now() - start
    for line in lines:
        line.close()
    return result_of(latencies, took)


def _repeat(daemon: Daemon, echo: int, employees: int, seconds: float) -> Logins:
    def records() -> Result:
        return others([daemon.line() for _ in range(OTHERS)], employees, seconds)

    def echoes() -> Result:
        return others([Line(echo, daemon.ca) for _ in range(OTHERS)], employees, seconds)

    with ProcessPoolExecutor(1) as another:
        hashes = another.submit(bare, seconds).result(seconds + 60)
        echo_alone = echoes()
        under_way = another.submit(bare, seconds + 1.5, NICENESS)
        time.sleep(1.0)
        echo_beside = echoes()
        under_way.result(seconds + 60)
        alone = records()
        logging_in = another.submit(partial(_logins, daemon.port, daemon.ca, seconds + 1.0))
        time.sleep(1.0)
        beside = records()
        logins = logging_in.result(seconds + 60)
    return Logins(hashes, logins, alone, beside, echo_alone, echo_beside)


def measure(
    folder: Path, employees: int, repeats: int, seconds: float
) -> tuple[list[Verdict], list[Logins]]:
    """folder: with a database of so many employees."""
    with started(folder, "--bcrypt-cost", str(COST)) as daemon:
        line = daemon.line()
        answer = line.ask(get(1))
        line.close()
        with echoing(folder / "keys", answer, folder, "echo") as echo:
            found = [_repeat(daemon, echo, employees, seconds) for _ in range(repeats)]
    refused = Spread(tuple(float(each.logins.errors) for each in found))
    longest = max(each.logins.p99 for each in found) / 1000
    rates = Spread(tuple(each.logins.rate for each in found))
    waits = Spread(tuple(each.beside.p99 for each in found))
    echoes = Spread(tuple(each.echo_times for each in found))
    return [
        Verdict(
            "logins",
            "at least 0.9 of what bcrypt allows",
            0.9,
            True,
            Spread(tuple(each.logins.rate / each.bare for each in found)),
            f"{rates.median:.1f} a second",
        ),
        Verdict(
            "logins",
            "every one is answered, and none refused",
            0.0,
            False,
            refused,
            f"{longest:.1f} s at the 99th percentile, at most",
        ),
        Verdict(
            "logins",
            "meanwhile others' p99 at most tripled",
            3.0,
            False,
            Spread(tuple(each.beside.p99 / each.alone.p99 for each in found)),
            f"{waits.median:.2f} ms meanwhile; an echo's beside bcrypt alone: "
            f"{figure(echoes.median)} times, {echoes.range}",
        ),
    ], found
