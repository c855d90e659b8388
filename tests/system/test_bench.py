"""The benchmark's pure parts, and that it runs from end to end in its smallest form."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

from bench import people, promises, slapd, web
from bench.load import Result, lines, result_of
from bench.plot import svg
from bench.promises import Spread, Verdict
from bench.speed import Rates, nearest_echo, plan
from bench.work import Work
from tests.daemon_case import CHECKOUT, unmeasured
from tests.quiet import SharedMachineCase

HTTP = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
REFUSED = b"HTTP/1.1 409 Conflict\r\ncontent-length: 3\r\n\r\nno!"
ENTRY = bytes.fromhex("3009020102640404003000")
"""A SearchResultEntry with an empty name and no attributes (RFC 4511, section 4.5.2)."""

DONE = bytes.fromhex("300c02010265070a010004000400")
FAILED = bytes.fromhex("300c02010367070a012004000400")


def work(system: str, name: str, depth: int = 1) -> Work:
    """A work that is never run."""
    return Work(system, name, depth, lambda seconds: Result(1, 1, 1))


class FramingTests(SharedMachineCase):
    """Answers are counted as they come, in whatever pieces."""

    def counted(self, framing: object, stream: bytes, size: int) -> tuple[int, int, bytes]:
        """The answers and errors of a stream that arrives in pieces of this size."""
        assert callable(framing)
        answers = errors = 0
        rest = b""
        for start in range(0, len(stream), size):
            more, wrong, rest = framing(rest + stream[start : start + size])
            answers += more
            errors += wrong
        return answers, errors, rest

    def test_lines(self) -> None:
        """Each line is an answer, and one with an error is reported."""
        stream = b'{"result":{}}\n{"error":{"code":1}}\n{"res'
        for size in (1, 7, len(stream)):
            self.assertEqual(self.counted(lines, stream, size)[0], 2)
        self.assertEqual(self.counted(lines, stream, len(stream)), (2, 1, b'{"res'))

    def test_http(self) -> None:
        """An answer is as long as it says, and one without 200 is an error."""
        stream = HTTP + REFUSED + HTTP[:-1]
        for size in (1, 11, len(stream)):
            self.assertEqual(self.counted(web.http, stream, size), (2, 1, HTTP[:-1]))

    def test_ldap(self) -> None:
        """Entries are part of an answer, which ends with its result."""
        stream = ENTRY + DONE + FAILED + DONE[:5]
        for size in (1, 5, len(stream)):
            self.assertEqual(self.counted(slapd.ldap, stream, size), (2, 1, DONE[:5]))


class FiguresTests(SharedMachineCase):
    """What is made of latencies and rates."""

    def test_result(self) -> None:
        """Rate and percentiles, in milliseconds."""
        result = result_of([n / 1000 for n in range(100, 0, -1)], 2.0)
        self.assertEqual((result.rate, result.p50, result.p99), (50.0, 51.0, 100.0))

    def test_nothing_answered(self) -> None:
        """No answers at all are a fault, not a rate of 0."""
        self.assertRaises(RuntimeError, result_of, [], 1.0)

    def test_verdicts(self) -> None:
        """A promise is judged by the median; what was not measured is neither kept nor broken."""
        ratios = {("records get 1", promises.ECHO): [0.5, 0.7, 0.65]}
        verdicts = promises.compared(ratios)
        self.assertEqual([each.kept for each in verdicts[:2]], [True, None])
        self.assertIn("slapd was not measured", verdicts[1].remark)

    def test_at_most(self) -> None:
        """Where less is better, more is broken."""
        spread = Spread((1.0, 3.0, 2.5))
        broken = Verdict("w", "p", 2.0, False, spread)
        self.assertEqual((broken.kept, broken.agreeing), (False, "1/3"))
        self.assertIs(Verdict("w", "p", 2.5, False, spread).kept, True)

    def test_plan(self) -> None:
        """An echo stands before and after each work of ours, and around each yardstick."""
        echoes = [work("echo", "answer"), work("echo", "update's answer")]
        ours = [work("records", "get"), work("records", "update")]
        theirs = [work("slapd", "get"), work("slapd", "update"), work("SQLite", "get", 0)]
        order = plan(ours, theirs, echoes)
        a, u = echoes
        self.assertEqual(
            order,
            [a, ours[0], a, u, ours[1], u, theirs[0], theirs[1], a, theirs[2], a],
        )
        rates = [10.0, 5.0, 20.0, 40.0, 8.0, 60.0, 1.0, 1.0, 30.0, 1.0, 50.0]
        self.assertEqual(nearest_echo(order, rates, 1), 15.0)
        self.assertEqual(nearest_echo(order, rates, 4), 50.0)
        self.assertEqual(nearest_echo(order, rates, 7), 25.0)

    def test_plot(self) -> None:
        """The plot is well-formed, whatever the words."""
        rates = Rates({"records get 1": [Result(2, 1, 1)], "echo answer 1": [Result(3, 1, 1)]})
        verdict = Verdict("a <b> & c", "at least 1", 1.0, True, Spread((2.0,)))
        root = ElementTree.fromstring(svg(rates, [verdict], "caption"))
        self.assertTrue(root.tag.endswith("svg"))

    def test_people(self) -> None:
        """The n-th employee is always the same, and names are many."""
        self.assertEqual(people.employee(7), people.employee(7))
        names = {people.family_name(number) for number in range(1, 100_000)}
        self.assertGreater(len(names), 8000)


class RunTests(SharedMachineCase):
    """`python -m bench`."""

    def bench(self, *options: str) -> subprocess.CompletedProcess[str]:
        """Run it to its end, at the pace of a program whose coverage nobody measures."""
        return subprocess.run(
            [sys.executable, "-m", "bench", *options],
            cwd=CHECKOUT,
            env={**unmeasured(), "PYTHONPATH": str(CHECKOUT)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            timeout=60,
            check=False,
        )

    def test_smallest(self) -> None:
        """A tiny run measures, judges, and writes JSON and a plot."""
        out = Path(self.mktemp()).resolve()
        tiny = "--employees 64 --seconds 0.5 --repeats 1 --only update --against SQLite"
        done = self.bench(*tiny.split(), "--out", str(out))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("employee.update, 16 in flight", done.stdout)
        told = json.loads((out / "bench.json").read_text("utf-8"))
        self.assertGreater(told["rates"]["records update 16"]["repeats"][0]["rate"], 0)
        for label, found in told["rates"].items():
            self.assertEqual([each["errors"] for each in found["repeats"]], [0], label)
        self.assertEqual(len(told["promises"]), 5)
        ElementTree.fromstring((out / "bench.svg").read_text("utf-8"))

    def test_unknown_part(self) -> None:
        """What there is not is refused."""
        done = self.bench("--only", "everything")
        self.assertEqual(done.returncode, 2)
        self.assertIn("there are get, update, list", done.stderr)
