"""Whether the tests would notice: bugs are planted in copies of the product, one in each.

`python -m tests.faults.planted` plants every bug of `planted_bugs` and runs the test that must
fail then; with names it plants only those. It prints a table and the score, and ends with 1 if
a bug was not caught. A test that cannot be run, or does not end in time, has caught nothing; nor
has one that fails without the bug.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import msgspec

from tests.faults.planted_bug import Bug
from tests.faults.planted_bugs import BUGS
from tests.faults.planted_trial import Verdict

ROOT = Path(__file__).parents[2]
COPIED = ("docs", "records", "tests", "twisted")
AT_ONCE = 2
TIME_LIMIT = 120.0
"""Seconds that a test may take."""
_OUT_OF_TIME = (-signal.SIGKILL, 128 + signal.SIGKILL)
_NOT_INHERITED = ("COVERAGE_PROCESS_START", "COVERAGE_FILE", "RECORDS_LONG", "PYTHONPATH")


class Report(NamedTuple):
    """What became of a planted bug."""

    bug: Bug
    outcome: str
    seconds: float
    why: str

    @property
    def is_caught(self) -> bool:
        """Whether the test failed that must fail."""
        return self.outcome == "caught"

    def __str__(self) -> str:
        lines = [f"{self.outcome:<10} {self.seconds:5.1f} s  {self.bug.name:<38} {self.bug.test}"]
        if not self.is_caught:
            lines.append(f"    broken: {self.bug.breaks}")
        if self.why:
            lines.append(f"    {self.why}")
        return "\n".join(lines)


def copy_checkout(source: Path, target: Path) -> None:
    """Copy what a test needs. Compiled modules come along, and are compiled anew if changed."""
    ignored = shutil.ignore_patterns("_trial_temp*", "dropin.cache", ".hypothesis")
    for name in COPIED:
        shutil.copytree(source / name, target / name, ignore=ignored)


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="records-planted-") as folder:
        yield Path(folder)


def run_test(copy: Path, test: str, limit: float = TIME_LIMIT) -> Verdict:
    """Run a test of a copy, in a process of its own and from an empty folder."""
    environment = {name: told for name, told in os.environ.items() if name not in _NOT_INHERITED}
    environment["PYTHONPATH"] = str(copy)
    with _folder() as folder:
        place, told, said = (folder / name for name in ("place", "verdict", "said"))
        place.mkdir()
        # By another program, so that it ends in time even if this one is gone by then.
        ended = ["timeout", "--signal=KILL", str(limit)]
        with said.open("wb") as errors:  # no pipe, which a daemon that is left could keep open
            done = subprocess.run(
                [*ended, sys.executable, "-m", "tests.faults.planted_trial", copy, test, told],
                cwd=place,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                check=False,
            )
        if done.returncode in _OUT_OF_TIME:
            return Verdict(broken=f"it did not end within {limit:.0f} s")
        if done.returncode or not told.exists():
            last = said.read_text("utf-8", "replace").strip()[-400:]
            return Verdict(broken=f"it ended with {done.returncode}: {last}")
        return msgspec.json.decode(told.read_bytes(), type=Verdict)


def check_planted(clean: Path, bug: Bug) -> Report:
    """Plant a bug in a copy, and run the test that must fail then."""
    began = time.monotonic()
    with _folder() as copy:
        copy_checkout(clean, copy)
        bug.plant(copy)
        verdict = run_test(copy, bug.test)
    seconds = time.monotonic() - began
    if verdict.broken:
        return Report(bug, "no verdict", seconds, verdict.broken)
    if verdict.failed:
        return Report(bug, "caught", seconds, verdict.failed)
    return Report(bug, "NOT CAUGHT", seconds, "")


def check_all(bugs: Sequence[Bug], tell: Callable[[str], object]) -> list[Report]:
    """Plant each of the bugs. tell: is told how each test and each bug went, as it is known."""
    with _folder() as clean, ThreadPoolExecutor(AT_ONCE) as threads:
        copy_checkout(ROOT, clean)
        names = list(dict.fromkeys(bug.test for bug in bugs))
        faults: dict[str, str] = {}
        for name, verdict in zip(
            names, threads.map(lambda each: run_test(clean, each), names), strict=True
        ):
            if verdict.failed or verdict.broken:
                faults[name] = f"without the bug: {verdict.failed or verdict.broken}"
        tell(f"{len(names) - len(faults)} of {len(names)} tests pass without any bug")

        def check(bug: Bug) -> Report:
            if bug.test in faults:
                return Report(bug, "no verdict", 0.0, faults[bug.test])
            return check_planted(clean, bug)

        reports = []
        for report in threads.map(check, bugs):
            tell(str(report))
            reports.append(report)
        return reports


def score(reports: Iterable[Report]) -> str:
    """The score in a line."""
    caught = [report.is_caught for report in reports]
    return f"{sum(caught)} of {len(caught)} caught"


def main(names: Sequence[str]) -> int:
    """Plant the bugs of these names, or all; the exit code."""
    known = {bug.name: bug for bug in BUGS}
    unknown = [name for name in names if name not in known]
    if unknown:
        print(f"There is no bug named {unknown[0]}.", file=sys.stderr)
        return 2
    began = time.monotonic()
    reports = check_all(
        [known[name] for name in names] or BUGS, lambda line: print(line, flush=True)
    )
    print(f"{score(reports)}, in {time.monotonic() - began:.0f} s")
    return 0 if all(report.is_caught for report in reports) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
