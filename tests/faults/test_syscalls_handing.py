"""What passes between the process that serves and the one that writes, each call with a fault.

One sends a request's work to the other, and that sends the outcome back. Whichever cannot, the
answer is true, nobody else's, and the daemon stops: two that do not hear each other are of no use.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tests.daemon_case import until
from tests.faults.injected import Call, Strace
from tests.faults.injected_case import FaultCase
from tests.faults.injected_requests import (
    Add,
    Asked,
    Delete,
    Kind,
    Update,
    read_answer,
    reason_of,
)
from tests.faults.injected_scene import Scene
from tests.faults.scale import IS_LONG
from tests.wire import WAIT, Wire

CALLS = ("sendto", "recvfrom")
ERRORS = ("ENOBUFS", "ENOMEM") if IS_LONG else ("ENOBUFS",)


@dataclass(frozen=True)
class Step:
    """A call on the way of a request: the at-th of its name in its process.

    is_writer: whether that is the writer process. effects: how many effects the request has
    if everything ends here.
    """

    name: str
    at: int
    is_writer: bool
    effects: int


class HandingTests(FaultCase):
    """A step of what passes from one process to the other."""

    def test_killed(self) -> None:
        """Killed at any step, a daemon has done all of a request or nothing of it."""
        scene = self.scene()
        for kind in (Update(), Add(), Delete()) if IS_LONG else (Update(),):
            for step in self.steps(scene, kind):
                self.fail_at(scene, kind, step, "signal=KILL")
        self.told(self.id())

    def test_fails(self) -> None:
        """If a step fails the outcome is unknown, and the daemon stops."""
        scene = self.scene()
        for step in self.steps(scene, Update())[:-1]:
            for error in ERRORS:
                self.fail_at(scene, Update(), step, f"error={error}")
        self.told(self.id())

    def test_nobody_gets_anothers_answer(self) -> None:
        """Whose request cannot be submitted does not get the next one's answer."""
        scene = self.scene()
        step, daemon = self.steps(scene, Update())[0], scene.daemon
        (first, wire), (second, other) = [self.asked(scene, Add()) for _ in range(2)]
        injection = f"inject={step.name}:error={ERRORS[0]}:when={step.at}"
        with Strace([daemon.pid], daemon.folder / "trace", None, [injection], CALLS) as strace:
            wire.send(first.line)
            until(lambda: any(call.is_injected for call in strace.calls), "it has failed")
            other.send(second.line)
            answer = read_answer(wire)
            self.assertEqual(reason_of(answer), "outcome-unknown", answer)
            later = read_answer(other)
            self.assertIn(reason_of(later), ("outcome-unknown", "busy", "nothing"))
            wire.close()
            other.close()
            daemon.ended(WAIT)
        self.ended(scene)
        for asked, told in ((first, answer), (second, later)):
            self.assertEqual(Add().effects(scene, asked), 0)
            self.settle(scene, Add(), asked, told)

    def asked(self, scene: Scene, kind: Kind) -> tuple[Asked, Wire]:
        """A request, and a connection for it on which nothing is under way."""
        scene.wire(scene.token).close()
        asked = kind.prepare(scene)
        return asked, scene.wire(asked.token)

    def trace(self, scene: Scene, kind: Kind) -> list[Call]:
        """The calls of a request to which nothing happens."""
        asked, wire = self.asked(scene, kind)
        daemon = scene.daemon
        with Strace(daemon.pids, daemon.folder / "trace", None, names=CALLS) as strace:
            wire.send(asked.line)
            answer = read_answer(wire)
            # The client may have the answer before the trace has the call that sent it.
            until(lambda: len(self.sent_to(strace.calls, daemon.pid)) > 1, "the answer is traced")
        wire.close()
        self.settle(scene, kind, asked, answer)
        return strace.calls

    def sent_to(self, calls: Sequence[Call], pid: int) -> set[str]:
        """The sockets that a process has sent to."""
        return {call.path for call in calls if (call.thread, call.point.name) == (pid, "sendto")}

    def steps(self, scene: Scene, kind: Kind) -> list[Step]:
        """A request's way there, its outcome's way back, and at last its answer."""
        calls, (pid, writer) = self.trace(scene, kind), scene.daemon.pids
        sent = [call for call in calls if (call.thread, call.point.name) == (pid, "sendto")]
        told = [call for call in calls if (call.thread, call.point.name) == (writer, "sendto")]
        taken = [
            call
            for call in calls
            if (call.thread, call.point.name, call.path) == (pid, "recvfrom", sent[0].path)
        ]
        self.assertEqual((len(told), len(taken)), (1, 1))
        self.assertNotEqual(sent[-1].path, sent[0].path)
        return [
            Step("sendto", sent[0].point.at, is_writer=False, effects=0),
            Step("sendto", told[0].point.at, is_writer=True, effects=1),
            Step("recvfrom", taken[0].point.at, is_writer=False, effects=1),
            Step("sendto", sent[-1].point.at, is_writer=False, effects=1),
        ]

    def fail_at(self, scene: Scene, kind: Kind, step: Step, what: str) -> None:
        """A request with a fault at a step."""
        asked, wire = self.asked(scene, kind)
        daemon = scene.daemon
        pid = daemon.writer if step.is_writer else daemon.pid
        injection = f"inject={step.name}:{what}:when={step.at}"
        with Strace([pid], daemon.folder / "trace", None, [injection], CALLS) as strace:
            wire.send(asked.line)
            answer = read_answer(wire)
            wire.close()
            daemon.ended(WAIT)
        where = f"{what} at {step}: {answer}\n{strace.text}"
        is_killed = what.endswith("KILL") and not step.is_writer
        self.assertEqual(reason_of(answer), "nothing" if is_killed else "outcome-unknown", where)
        self.outcomes[f"{step.name} {what}: {reason_of(answer)}"] += 1
        self.ended(scene, is_killed=is_killed)
        self.assertEqual(kind.effects(scene, asked), step.effects, where)
        self.settle(scene, kind, asked, answer)
        self.check_settled(scene)
