"""How long lines keep the daemon's threads at work, in a process of its own.

    python -m tests.faults.fuzz_costs lines|floods ENOUGH

Says for each the least CPU of several tries: of the reactor's longest turn, and of the other
threads in all. It is in seconds of a machine that counts to `COUNTED` in `COUNTING` seconds; just
before each try it is measured how long this machine takes, for how fast it is depends on what else
it does. Tries end early once the reactor's is below ENOUGH: other work makes some tries longer, and
none shorter.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from tests.faults.fuzz import READ_AT_ONCE, Subject
from tests.faults.fuzz_lines import FLOODS, WORST

FOUND = Path(__file__).with_name("found")
TRIES = 12
COUNTED = 100_000
COUNTING = 0.0045


def yardstick() -> float:
    """Seconds of CPU that this machine takes at present to count to `COUNTED`."""
    begun, total = time.thread_time(), 0
    for number in range(COUNTED):
        total += number
    return time.thread_time() - begun


def cost(subject: Subject, token: str | None, data: bytes, enough: float) -> dict[str, float]:
    """What it takes to send this on a new connection, and to read all answers."""
    least = {"reactor": float("inf"), "elsewhere": float("inf")}
    for number in range(TRIES):
        line = subject.connect(token)
        unit = yardstick() / COUNTING
        line.feed(data)
        least["reactor"] = min(least["reactor"], subject.longest / unit)
        least["elsewhere"] = min(least["elsewhere"], subject.elsewhere / unit)
        line.close()
        subject.keep_sessions()
        if number and least["reactor"] < enough:
            break
    return least


def main(what: str, enough: str) -> None:
    """Measure, and say."""
    if what == "lines":
        sent = {name: line + b"\n" for name, line in WORST.items()}
        kept = {path.name: path.read_bytes() + b"\n" for path in FOUND.iterdir()}
    else:
        sent = {
            name: (line + b"\n") * (READ_AT_ONCE // (len(line) + 1))
            for name, line in FLOODS.items()
        }
        kept = {}
    subject = Subject()
    costs = {}
    for token in ("hr", None):
        for name, data in sent.items():
            costs[f"{name} from {token or 'anybody'}"] = cost(subject, token, data, float(enough))
    for name, data in kept.items():
        costs[name] = cost(subject, "hr", data, float(enough))
    subject.close()
    print(json.dumps(costs))


if __name__ == "__main__":
    main(*sys.argv[1:])
