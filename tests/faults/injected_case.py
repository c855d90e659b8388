"""What the tests of injected faults share: a daemon with people in it, and the tracing of it."""

from __future__ import annotations

import os
import re
import signal
from collections import Counter
from functools import partial
from select import select

from twisted.python import log
from twisted.trial.unittest import SkipTest

from records.model.audit import Head
from tests.daemon_case import BREAKDOWN, DaemonCase, until
from tests.faults.injected import Call, How, Strace, limit_files, why_not
from tests.faults.injected_daemon import ForkedDaemon, fork_server
from tests.faults.injected_requests import Answer, Asked, Kind, reason_of
from tests.faults.injected_scene import Scene
from tests.wire import WAIT, Wire

UNKNOWN = ("outcome-unknown", "nothing")
STOPPING = "Stopping: whether the last changes are durable cannot be known"


class FaultCase(DaemonCase):
    """Tests that inject faults into forked daemons."""

    def setUp(self) -> None:
        reason = why_not()
        if reason is not None:
            raise SkipTest(reason)
        self.forks = fork_server()
        self.outcomes: Counter[str] = Counter()
        self.settled: list[tuple[Kind, Asked, Answer | None]] = []
        self.acknowledged: list[Head] = []

    def scene(self) -> Scene:
        """A daemon with an employee."""
        daemon = ForkedDaemon(self.forks, self.folder(), ["--bcrypt-cost", "10"])
        self.addCleanup(self.end_injected, daemon)
        daemon.start()
        wire, token = self.log_in_first(daemon)
        person = {"id": 1, "given_name": "Ann", "salary": "64000.00 USD"}
        wire.ask("employee.add", employee=person)
        wire.close()
        return Scene(daemon, token)

    def hire_clerk(self, scene: Scene) -> None:
        """Have a clerk log in, who may change nothing."""
        first = self.account(scene.daemon, "clerk", "employee")
        wire = scene.wire()
        scene.clerk_token = wire.ask("login", username="clerk", password=first)["token"]
        scene.clerk_password = "seven quiet herons wade at first"
        wire.ask("password.change", current=first, new=scene.clerk_password)
        wire.close()

    def end_injected(self, daemon: ForkedDaemon) -> None:
        """End a daemon, which has not stumbled over anything but what was injected."""
        daemon.is_hurt = True
        self.end_daemon(daemon)

    def strace(self, scene: Scene, *injections: str) -> Strace:
        """What traces both of the daemon's processes."""
        daemon = scene.daemon
        return Strace(daemon.pids, daemon.folder / "trace", daemon.folder, injections)

    def ended(self, scene: Scene, *, is_killed: bool = False) -> None:
        """The daemon has ended, as it has to after this, and its writer too; start it again.

        is_killed: whether it was the process that serves which was killed.
        """
        daemon = scene.daemon
        code = daemon.ended(WAIT)
        if is_killed:
            self.assertEqual(code, -signal.SIGKILL)
        else:
            self.assertEqual(code, 1)
            self.assertEqual(daemon.life.count(STOPPING), 1, daemon.life)
            self.assertEqual(daemon.life.count(BREAKDOWN), 1, daemon.life)
        self.assertEqual(daemon.left_behind(), [])
        daemon.start()

    def until_said(self, daemon: ForkedDaemon, seen: int, what: str) -> None:
        """Wait until the log says this, after what has been seen of it."""
        until(lambda: re.search(what, daemon.log[seen:]), f"the log says {what}")

    def told(self, what: str) -> None:
        """Say in trial's log how many faults there were, and what became of them."""
        log.msg(f"{what}: {sum(self.outcomes.values())} faults, {dict(self.outcomes)}")

    def is_reached(self, calls: list[Call], how: How, reason: str) -> bool:
        """Whether the fault has come."""
        if how.is_short:
            return any(call.is_short for call in calls)
        return reason in UNKNOWN if how.is_kill else any(call.is_injected for call in calls)

    def mend(self, scene: Scene, strace: Strace, wire: Wire, writer: int) -> None:
        """Once the write has been cut, let the rest of it through."""
        until(partial(self.is_cut_or_done, strace, wire), "it is stopped, or answers")
        limit_files(writer, None)
        os.kill(writer, signal.SIGCONT)

    def is_cut_or_done(self, strace: Strace, wire: Wire) -> bool:
        """Whether the process has been stopped at the write, or has made no such write."""
        return strace.is_stopped() or bool(select([wire.socket], [], [], 0)[0])

    def settle(self, scene: Scene, kind: Kind, asked: Asked, answer: Answer | None) -> None:
        """The answer is true. What is open is repeated, and has exactly one effect then."""
        reason = reason_of(answer)
        effects = kind.effects(scene, asked)
        if reason == kind.done:
            self.assertEqual(effects, 1)
            self.assertTrue(kind.shows(scene, asked, answer))
        elif reason in UNKNOWN:
            self.assertIn(effects, (0, 1))
        else:
            self.assertEqual((reason, effects), ("busy", 0))
            self.assertFalse(kind.shows(scene, asked, answer))
        if kind.has_state:
            self.assertEqual(kind.shows(scene, asked, answer), effects == 1)
        if reason != kind.done or kind.has_state:
            self.assertEqual(kind.repeat(scene, asked), kind.done)
        if kind.has_state:
            self.assertEqual(kind.effects(scene, asked), 1)
            self.assertTrue(kind.shows(scene, asked, answer))
        kind.settled(scene, asked)
        self.acknowledged.append(scene.head())
        if kind.is_lasting and (reason == kind.done or kind.has_state):
            self.settled.append((kind, asked, answer))

    def check_settled(self, scene: Scene) -> None:
        """What was answered well before a restart is there after it."""
        for head in self.acknowledged:
            self.assertTrue(scene.is_chained(head), head)
        for kind, asked, answer in self.settled:
            self.assertTrue(kind.shows(scene, asked, answer))
        self.acknowledged, self.settled = [], []
