"""Every request that writes, with a fault at each system call that it makes on a file.

The process is killed there, or the call fails, or a write is cut short. Whatever the answer then
is, it is true: what was answered well is there after a restart, what was refused is not, and what
got `outcome-unknown` or no answer at all has, once repeated, exactly one effect.
"""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Iterable
from itertools import count
from typing import ClassVar

from tests.daemon_case import PASSWORD, STOPPED
from tests.faults.injected import WRITES, Call, How, Point, limit_files
from tests.faults.injected_case import UNKNOWN, FaultCase
from tests.faults.injected_daemon import ForkedDaemon
from tests.faults.injected_requests import (
    KINDS,
    Asked,
    Kind,
    Update,
    read_answer,
    reason_of,
)
from tests.faults.injected_scene import FRAME, Scene
from tests.faults.scale import IS_LONG
from tests.wire import WAIT, request


class RequestTests(FaultCase):
    """One request, one fault."""

    SHORT: ClassVar[dict[How, tuple[int, ...]]] = {
        How.KILL: (1, 4, 12),
        How.EIO: (3,),
        How.ENOSPC: (1, 12),
        How.SHORT_KILL: (2,),
        How.SHORT_EIO: (3,),
        How.SHORT_ENOSPC: (2, 5),
        How.SHORT_MENDED: (3, 4),
    }
    """The writes of an update that the short form takes."""

    def test_update(self) -> None:
        """An update's answer is true, whatever fails at whichever of its system calls."""
        self.check_kind(self.scene(), Update())

    def test_others(self) -> None:
        """So is the answer to every other request that writes."""
        scene = self.scene()
        self.hire_clerk(scene)
        for kind in KINDS[1:]:
            self.check_kind(scene, kind)

    def check_kind(self, scene: Scene, kind: Kind) -> None:
        """All faults at all of its calls; in the short form, some."""
        self.outcomes = Counter()
        calls = Counter(call.point.name for call in self.dry(scene, kind))
        self.assertIn("fdatasync", calls)
        for name in sorted(calls):
            for how in How:
                if how.is_short and name not in WRITES:
                    continue
                reached = 0
                for at in self.places(kind, name, how):
                    if not self.inject(scene, kind, Point(name, at), how):
                        break
                    reached += 1
                # One more or less where a page of a tree is divided.
                wanted = calls[name] - 4 if IS_LONG else len([*self.places(kind, name, how)])
                self.assertGreaterEqual(reached, wanted, f"{kind.name}, {name} {how.name}")
        scene.daemon.kill()
        scene.daemon.start()
        self.check_settled(scene)
        self.told(kind.name)

    def places(self, kind: Kind, name: str, how: How) -> Iterable[int]:
        """Which calls of this name are to have a fault; the first that is not there ends it."""
        if IS_LONG:
            return count(1)
        if isinstance(kind, Update):
            return (1,) if name == "fdatasync" else self.SHORT[how]
        if name == "fdatasync":
            return (1,) if how is How.EIO else ()
        return (2,) if how in (How.KILL, How.SHORT_ENOSPC) else ()

    def prepare(self, scene: Scene, kind: Kind) -> Asked:
        """The next request of a kind, after other changes or before any."""
        if kind.is_first:
            scene.daemon.kill()
            scene.daemon.start()
        else:
            scene.wire(scene.token).close()  # a change: the log has begun
        return kind.prepare(scene)

    def dry(self, scene: Scene, kind: Kind) -> list[Call]:
        """The calls of a request to which nothing happens."""
        asked = self.prepare(scene, kind)
        wire = scene.wire(asked.token)
        with self.strace(scene) as strace:
            wire.send(asked.line)
            answer = read_answer(wire)
        wire.close()
        self.settle(scene, kind, asked, answer)
        return strace.calls

    def inject(self, scene: Scene, kind: Kind, point: Point, how: How) -> bool:
        """A request with this fault, and what becomes of it; whether it came so far.

        It is the writer process to which it comes: if that is killed, the other says so.
        """
        asked = self.prepare(scene, kind)
        wire, writer = scene.wire(asked.token), scene.daemon.writer
        if how.is_short:
            self.cut(scene, writer, point, is_first=kind.is_first)
        with self.strace(scene, point.injection(how)) as strace:
            wire.send(asked.line)
            if how is How.SHORT_MENDED:
                self.mend(scene, strace, wire, writer)
            answer = read_answer(wire)
            wire.close()
            reason = reason_of(answer)
            if reason in UNKNOWN:
                scene.daemon.ended(WAIT)
        if reason not in UNKNOWN:
            limit_files(writer, None)
        reached = self.is_reached(strace.calls, how, reason)
        where = f"{kind.name}, {how.name} at {point}: {reason}"
        if reached:
            self.outcomes[f"{point.name} {how.name}: {reason}"] += 1
        else:
            self.assertEqual(reason, kind.done, where)
        self.assertEqual({call.thread for call in strace.calls}, {writer}, strace.text)
        self.assertNotEqual(reason, "nothing", where)
        failed = [call.path for call in strace.calls if call.is_injected]
        if point.name == "fdatasync" and any(path.endswith("-wal") for path in failed):
            self.assertEqual(reason, "outcome-unknown", where)
        if reason in UNKNOWN:
            self.ended(scene)
            self.check_settled(scene)
        try:
            self.settle(scene, kind, asked, answer)
        except AssertionError as error:
            raise AssertionError(f"{where}\n{error}\n{strace.text}") from error
        return reached

    def cut(self, scene: Scene, writer: int, point: Point, *, is_first: bool) -> None:
        """Have the kernel cut this write: of a frame's header, or of its page.

        A new log's own header comes first.
        """
        frame, is_page = divmod(point.at - 1 - is_first, 2)
        middle = scene.log_end() + frame * FRAME + (24 + 2048 if is_page else 12)
        limit_files(writer, 16 if is_first and point.at == 1 else middle)


class FirstPasswordTests(FaultCase):
    """The file of the first account's password, which is removed once that has been changed."""

    def change(self, how: How) -> tuple[ForkedDaemon, str]:
        """Change it, with a fault where the file is removed; how it was answered."""
        daemon = ForkedDaemon(self.forks, self.folder(), ["--bcrypt-cost", "10"])
        self.addCleanup(self.end_injected, daemon)
        daemon.start()
        scene, first = Scene(daemon, ""), self.first_password(daemon)
        wire = scene.wire()
        wire.ask("login", username="admin", password=first)
        writer = daemon.writer
        with self.strace(scene, Point("unlink", 1).injection(how)) as strace:
            wire.send(request("password.change", current=first, new=PASSWORD))
            reason = reason_of(read_answer(wire))
            if how.is_kill:
                self.assertEqual(daemon.ended(WAIT), -signal.SIGKILL)
        wire.close()
        self.assertNotIn(writer, strace.killed)
        self.assertEqual([call.path for call in strace.calls][-1:], ["data/first-password"])
        self.assertTrue((daemon.folder / "data" / "first-password").exists())
        return daemon, reason

    def check_next_start(self, daemon: ForkedDaemon) -> None:
        """The next start does not send anybody to log in with a password that is over."""
        seen = len(daemon.log)
        daemon.start()
        wire = self.connect(daemon)
        wire.ask("login", username="admin", password=PASSWORD)
        self.assertNotIn("Log in as admin", daemon.log[seen:])
        self.assertFalse((daemon.folder / "data" / "first-password").exists())

    def test_killed(self) -> None:
        """Killed before it is removed, the daemon removes it at its next start."""
        daemon, reason = self.change(How.KILL)
        self.assertEqual(reason, "nothing")
        self.check_next_start(daemon)

    def test_fails(self) -> None:
        """If it cannot be removed the log says so, and the next start removes it."""
        daemon, reason = self.change(How.EIO)
        self.assertEqual(reason, "ok")
        self.assertIn("The first password's file cannot be removed: ", daemon.log)
        self.assertEqual(daemon.stop(), STOPPED)
        self.check_next_start(daemon)
