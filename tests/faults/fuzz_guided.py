"""A search for wrong answers that is guided by which of the daemon's code is reached.

    python -m tests.faults.fuzz_guided FOLDER [SECONDS]

Needs atheris (`pip install atheris`), which is no part of the tests' requirements: it is large, and
not made for every version of Python. FOLDER keeps what has reached new code, for the next search.
An input that is answered wrongly, or that holds the reactor for too long, ends the search, and is
written to `tests/faults/found`, where the tests look at it from then on.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import atheris  # type: ignore[import-not-found,import-untyped,unused-ignore]

with atheris.instrument_imports(include=["records"]):
    from tests.faults.fuzz import Subject
from tests.faults.fuzz_lines import FLOODS, METHOD_PARAMS, WORST, request

FOUND = Path(__file__).with_name("found")
HELD = 0.05
"""Seconds of the reactor's time: five times what is allowed, as the search slows the daemon."""
WHO = (None, "hr", "reader")
AFRESH = 5000
"""After so many inputs there is another daemon, so that what was added does not pile up."""

_SEEDS = (
    request("employee.list", search="ann", sort="-hire_date", limit=1, cursor="WyIiLCIiLDFd"),
    request(
        "employee.list", where={"hire_date": {"ge": "2020-01-01"}, "email": {"in": ["a@b.co"]}}
    ),
    request("employee.get", id=1, reveal=["salary", "ssn"]),
    request("employee.update", id=1, revision=1, changes={"phone": "+12127365000"}, key="k"),
    request("employee.add", employee={"given_name": "A", "salary": "84,000 USD", "manager_id": 3}),
    request("employee.delete", id=120, revision=1, key="k"),
    request("password.change", current="seven quiet herons wade", new="nine loud geese walk by"),
    request("login", username="hr", password="seven quiet herons wade"),
    request("resume", token="hr"),
    request("logout"),
)
_WORDS = (*METHOD_PARAMS, *(name for names in METHOD_PARAMS.values() for name in names))


class Search:
    """What is done with each input: its first byte chooses who sends the rest."""

    def __init__(self) -> None:
        self._subject = Subject()
        self._count = 0

    def __call__(self, data: bytes) -> None:
        """Send an input. Raises AssertionError if it is answered wrongly."""
        self._count += 1
        if self._count % AFRESH == 0:
            self._subject.close()
            self._subject = Subject()
        line = self._subject.connect(WHO[data[0] % 3] if data else None)
        wrong = line.judge(data[1:])
        slow = self._subject.longest
        line.close()
        self._subject.keep_sessions()
        if wrong or slow >= HELD:
            raise AssertionError(f"{wrong} {1000 * slow:.1f} ms")


def main(folder: str, seconds: str = "600") -> None:
    """Search."""
    corpus = Path(folder)
    corpus.mkdir(parents=True, exist_ok=True)
    seeds = [*_SEEDS, *FLOODS.values(), *(line for line in WORST.values() if len(line) < 4096)]
    for number, seed in enumerate(seeds):
        (corpus / f"seed-{number}").write_bytes(b"\x01" + seed)
    (corpus.parent / f"{corpus.name}.words").write_text(
        "".join(f"{json.dumps(word)}\n" for word in _WORDS), "ascii"
    )
    options = [
        f"-max_total_time={seconds}",
        f"-dict={corpus.parent / corpus.name}.words",
        f"-artifact_prefix={FOUND}/",
        "-max_len=8192",
        "-timeout=60",
        "-rss_limit_mb=4096",
    ]
    atheris.Setup([sys.argv[0], *options, str(corpus)], Search())
    atheris.Fuzz()


if __name__ == "__main__":
    main(*sys.argv[1:])
