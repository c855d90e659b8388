"""One test, run in a process of its own that only knows the copy which it is started for.

`python -m tests.faults.planted_trial COPY TEST VERDICT` writes to the file VERDICT how it went.
"""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec
from twisted.python.failure import Failure
from twisted.trial.reporter import TestResult
from twisted.trial.runner import ErrorHolder, TestLoader

import records
import tests

NO_VERDICT = (AttributeError, ImportError, NameError, SyntaxError)
"""With these the bug was not planted well; what it breaks has not been tested."""


class Verdict(msgspec.Struct, frozen=True):
    """How it went.

    ran: how many tests were run to an end that says something. failed: why the first one that
    failed did, if any did. broken: why what was run says nothing, if so.
    """

    ran: int = 0
    failed: str = ""
    broken: str = ""


def _told(failure: Failure) -> str:
    """A failure in some words."""
    words = " ".join(str(failure.value).split())
    kind = failure.type.__name__ if failure.type is not None else "no exception"
    return f"{kind}: {words}"[:200]


def run(name: str) -> Verdict:
    """Run a test by its name: a module, a class or a method."""
    result = TestResult()
    TestLoader().loadByName(name).run(result)
    failures: list[str] = []
    for test, failure in (*result.failures, *result.errors):
        if not isinstance(failure, Failure) or isinstance(test, ErrorHolder):
            return Verdict(broken=f"{name} cannot be loaded: {failure}"[-400:])
        if failure.check(*NO_VERDICT):
            return Verdict(broken=_told(failure))
        failures.append(_told(failure))
    if result.skips:
        return Verdict(broken=f"skipped: {result.skips[0][1]}")
    ran = result.successes + len(failures)
    return Verdict(ran, failures[0] if failures else "", "" if ran else "there is no such test")


def main(copy: str, name: str, verdict: str) -> None:
    """Run a test of the copy, and write the verdict."""
    for package in (records, tests):
        found = Path(str(package.__file__)).resolve()
        if not found.is_relative_to(Path(copy).resolve()):
            raise SystemExit(f"{found} was imported, which is not of the copy")
    Path(verdict).write_bytes(msgspec.json.encode(run(name)))


if __name__ == "__main__":
    main(*sys.argv[1:])
