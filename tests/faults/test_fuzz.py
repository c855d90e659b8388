"""Whatever is sent, each line is answered as the protocol says, and nobody is held up by it.

The long form searches with Hypothesis for longer; `python -m tests.faults.fuzz_guided` searches
by the coverage of the code, where atheris is installed. What either finds is kept in `found`.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tracemalloc
from pathlib import Path
from typing import Any, ClassVar

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from records.model.search import query_words
from tests.daemon_case import CHECKOUT, unmeasured
from tests.faults.fuzz import Subject
from tests.faults.fuzz_answers import MAX_LINE
from tests.faults.fuzz_lines import WORST, lines
from tests.faults.scale import scaled
from tests.faults.searching import SearchingCase
from tests.quiet import SharedMachineCase

FOUND = Path(__file__).with_name("found")
HELD = 0.01
"""Seconds of the reactor's time that no line may take, nor all that comes in one iteration, on a
machine as fast as `fuzz_costs` has it."""
BUSY = 0.2
"""Seconds that a line may keep another thread at work in the interpreter, beside the reactor."""
REMEMBERED = 64 * 1024 * 1024
"""Bytes that what is remembered of so many searches may take."""
SEARCHES = 10_000

searching = settings(
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=scaled(300, 20_000),
    suppress_health_check=list(HealthCheck),
)


class AnswerTests(SearchingCase):
    """The conversation as a whole, from bytes to bytes."""

    def setUp(self) -> None:
        self.pair = Subject(), Subject()
        self.subject = self.pair[0]
        for each in self.pair:
            self.addCleanup(each.close)

    def judged(self, token: str | None, data: bytes) -> list[str]:
        """What is wrong with what becomes of lines on a new connection."""
        line = self.subject.connect(token)
        try:
            return line.judge(data)
        finally:
            line.close()

    @searching
    @given(st.sampled_from((None, "hr", "reader")), st.lists(lines(), max_size=4))
    def test_any_lines(self, token: str | None, sent: list[bytes]) -> None:
        """Each line is answered as the protocol says, whatever it is and whoever sends it."""
        self.assertEqual(self.judged(token, b"\n".join(sent)), [])
        self.subject.keep_sessions()

    @searching
    @given(st.binary(max_size=200))
    def test_any_bytes(self, sent: bytes) -> None:
        """So is each line of any bytes."""
        self.assertEqual(self.judged(None, sent), [])

    @searching
    @given(st.lists(lines(), min_size=1, max_size=4), st.integers(1, 7))
    def test_any_pieces(self, sent: list[bytes], size: int) -> None:
        """In whatever pieces lines come, they are answered alike, by two that have met the same."""
        whole = b"".join(line + b"\n" for line in sent)
        answers = []
        for subject, at_once in zip(self.pair, (len(whole) + 1, size), strict=True):
            line = subject.connect()
            answers.append(line.feed(whole, at_once))
            line.close()
            subject.keep_sessions()
        self.pair[0].wait_for(self.pair[1])
        self.assertEqual(answers[0], answers[1])

    def test_worst_lines(self) -> None:
        """The worst lines are answered as any others."""
        for token in (None, "hr"):
            for name, line in WORST.items():
                self.assertLessEqual(len(line), MAX_LINE, name)
                self.assertEqual(self.judged(token, line), [], name)
                self.subject.keep_sessions()

    def test_found(self) -> None:
        """What was once answered wrongly is answered as the protocol says."""
        kept = sorted(FOUND.iterdir())
        self.assertTrue(kept)
        for path in kept:
            for token in (None, "hr", "reader"):
                self.assertEqual(self.judged(token, path.read_bytes()), [], path.name)
                self.subject.keep_sessions()


class HoldingTests(SharedMachineCase):
    """How long what is sent keeps a thread at work; measured in a process that nothing traces."""

    needs_quiet = True

    _costs: ClassVar[dict[str, dict[str, dict[str, float]]]] = {}

    def costs(self, what: str) -> dict[str, dict[str, float]]:
        """Seconds of the reactor's longest turn, and of other threads in all, for each line."""
        if what in self._costs:
            return self._costs[what]
        done = subprocess.run(
            [sys.executable, "-m", "tests.faults.fuzz_costs", what, str(HELD)],
            cwd=CHECKOUT,
            env=unmeasured(),
            capture_output=True,
            check=False,
            timeout=300,
        )
        self.assertEqual(done.stderr, b"")
        costs: dict[str, Any] = json.loads(done.stdout)
        self.assertTrue(costs)
        self._costs[what] = costs
        return costs

    def over(self, costs: dict[str, dict[str, float]], which: str, limit: float) -> dict[str, str]:
        """Those that take too long."""
        return {
            name: f"{1000 * cost[which]:.1f} ms"
            for name, cost in costs.items()
            if cost[which] >= limit
        }

    def test_one_line(self) -> None:
        """No line holds the reactor for 10 ms."""
        costs = self.costs("lines")
        self.assertEqual(len(costs), 2 * len(WORST) + len(list(FOUND.iterdir())))
        self.assertEqual(self.over(costs, "reactor", HELD), {})

    def test_one_turn(self) -> None:
        """Nor does all that the reactor takes from one connection at a time."""
        self.assertEqual(self.over(self.costs("floods"), "reactor", HELD), {})

    def test_other_threads(self) -> None:
        """No line but a batch keeps another thread at work for long, beside the reactor."""
        alone = {name: cost for name, cost in self.costs("lines").items() if "batch" not in name}
        self.assertEqual(self.over(alone, "elsewhere", BUSY), {})

    def test_remembered_words(self) -> None:
        """Searching for ever other texts does not fill the memory with what they are made of."""
        query_words("")
        tracemalloc.start()
        self.addCleanup(tracemalloc.stop)
        before = tracemalloc.get_traced_memory()[0]
        for number in range(200):
            query_words(f"{number} " + "\ufdfa" * 190)
        each = (tracemalloc.get_traced_memory()[0] - before) / 200
        self.assertLess(each * SEARCHES, REMEMBERED)
