"""The writer process, in earnest, with work in bulk beside that of others."""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from pathlib import Path
from time import sleep

from records.model.errors import Busy, OutcomeUnknown
from records.operations.boundaries import Transaction
from records.store.workers import MAX_BATCH
from records.store.writer_process import WriterProcess
from records.test.store.test_writer_process import ProcessCase, break_down, linger


def same(tx: Transaction, number: int) -> int:
    """Give it back."""
    return number


def break_down_later(tx: Transaction, begun: str, go_on: str) -> None:
    """Tell that it has begun and, when told so, find that nothing can go on."""
    Path(begun).touch()
    while not Path(go_on).exists():
        sleep(0.005)
    raise SystemExit


class BulkTests(ProcessCase):
    """Both kinds under way."""

    def kinds(self, found: Sequence[list[object]]) -> list[type]:
        """Of which kind each outcome is."""
        return [type(each[0]) for each in found]

    def hold(self, process: WriterProcess) -> None:
        """Stop it for a while, so that it then finds all at once what was submitted."""
        os.kill(process.pid, signal.SIGSTOP)
        os.waitpid(process.pid, os.WUNTRACED)

    def name(self) -> str:
        """Of a file that there is not yet."""
        return str(Path(self.mktemp()).absolute())

    def test_mixed(self) -> None:
        """Everybody gets their own outcome."""
        process = self.started()
        found: list[list[object]] = []
        for first in range(0, 1200, 300):
            for number in range(first, first + 300):
                found.append(self.hand(process, same, number, bulk=number % 3 > 0))
            process.submit()
            self.reactor.turn()
        self.until(lambda: all(found))
        self.assertEqual(found, [[number] for number in range(1200)])

    def test_overtaken(self) -> None:
        """Who hands in one thing does not wait for the bulk that was submitted before."""
        process = self.started()
        order: list[object] = []
        self.hold(process)
        bulk = [self.hand(process, same, number, bulk=True) for number in range(5)]
        for item in process.new_jobs:
            item.deferred.addCallback(order.append)
        process.submit()
        alone = self.hand(process, same, 7)
        process.new_jobs[0].deferred.addCallback(lambda _: order.append("alone"))
        process.submit()
        os.kill(process.pid, signal.SIGCONT)
        self.until(lambda: alone and all(bulk))
        self.assertEqual(order[0], "alone")

    def test_killed(self) -> None:
        """Killed at its work, nobody knows what it has done of either."""
        process = self.started()
        sign = self.name()
        under_way = [self.hand(process, linger, sign)]
        under_way += [self.hand(process, same, n, bulk=n % 2 > 0) for n in range(6)]
        process.submit()
        new_jobs = [self.hand(process, same, n, bulk=n % 2 > 0) for n in range(2)]
        self.until(Path(sign).exists)
        os.kill(process.pid, signal.SIGKILL)
        self.assertIn("signal 9", self.broke())
        self.assertEqual(self.kinds(under_way), [OutcomeUnknown] * 7)
        self.assertEqual(self.kinds(new_jobs), [Busy] * 2)

    def test_bulk_in_doubt(self) -> None:
        """If it cannot go on in the midst of the bulk, only that part of it is in doubt."""
        process = self.started()
        begun, go_on = self.name(), self.name()
        uncertain = self.hand(process, break_down_later, begun, go_on, bulk=True)
        process.submit()
        self.until(Path(begun).exists)
        waiting = [self.hand(process, same, n, bulk=n % 2 > 0) for n in range(4)]
        process.submit()
        Path(go_on).touch()
        self.broke()
        self.assertEqual(self.kinds([uncertain]), [OutcomeUnknown])
        self.assertEqual(self.kinds(waiting), [Busy] * 4)

    def test_bulk_in_doubt_after_others(self) -> None:
        """What it had answered stays so, and others that still wait are told nothing was done."""
        process = self.started()
        bulk = [self.hand(process, break_down, bulk=True), self.hand(process, same, 1, bulk=True)]
        self.hold(process)
        process.submit()
        others = [self.hand(process, same, number) for number in range(MAX_BATCH + 1)]
        process.submit()
        os.kill(process.pid, signal.SIGCONT)
        self.broke()
        self.assertEqual(self.kinds(bulk), [OutcomeUnknown] * 2)
        self.assertEqual(others[:-1], [[number] for number in range(MAX_BATCH)])
        self.assertEqual(self.kinds(others[-1:]), [Busy])

    def test_others_in_doubt(self) -> None:
        """Bulk that has not been begun then is not in doubt."""
        process = self.started()
        bulk = [self.hand(process, same, number, bulk=True) for number in range(3)]
        others = [self.hand(process, same, 1), self.hand(process, break_down)]
        process.submit()
        self.broke()
        self.assertEqual(self.kinds(others), [OutcomeUnknown] * 2)
        self.assertEqual(self.kinds(bulk), [Busy] * 3)
