"""The write-ahead log on its way into the database, with a fault at each system call of that.

It is copied there when it has grown long, and when the daemon stops. What has been answered well
is there in either file, whatever happens.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from functools import partial

from records.store.sqlite.transactions import CHECKPOINT_PAGES
from tests.daemon_case import STOPPED, until
from tests.faults.injected import CALLS, WRITES, Call, How, Point, Strace, limit_files
from tests.faults.injected_case import STOPPING, FaultCase
from tests.faults.injected_requests import (
    Asked,
    Update,
    read_answer,
    reason_of,
)
from tests.faults.injected_scene import FRAME, Scene
from tests.faults.scale import IS_LONG
from tests.wire import WAIT, Refusal, Wire

LOG, DATABASE = "data/records.sqlite-wal", "data/records.sqlite"
SYNC = Point("fdatasync", 2)
"""How copying begins: the log is brought to the disk once more after the commit's own sync."""

PAGE = 4096
SHORT = {How.KILL: 3, How.EIO: 2, How.ENOSPC: 4, How.SHORT_KILL: 2}
"""The write into the database that the short form takes."""


def is_in_copy(calls: list[Call], number: int) -> bool:
    """Whether a call brings the log into the database; after these it only tidies up."""
    copied = [each for each, call in enumerate(calls) if call.path.endswith(DATABASE)]
    return number <= copied[-1]


class LogCase(FaultCase):
    """Tests of copying."""

    def cut_page(self, scene: Scene, point: Point) -> None:
        """Have the kernel cut this write: copied are the log's pages, in their order."""
        page = scene.logged_pages()[point.at - 1]
        limit_files(scene.daemon.writer, (page - 1) * PAGE + PAGE // 2)


class CheckpointTests(LogCase):
    """The log has grown long."""

    def test_checkpoint(self) -> None:
        """A copying that fails or is cut off loses nothing, and is done again."""
        self.kind = Update()
        scene = self.scene()
        calls = self.checkpoint(scene)
        self.assertGreater(len(calls), 6)
        for how in (How.KILL, How.EIO, How.ENOSPC) if IS_LONG else (How.EIO,):
            self.sync_of_log(scene, how)
        self.assertIn("fdatasync", {call.point.name for call in calls})
        for round_number, (number, how) in enumerate(self.places(calls)):
            if round_number % 10 == 9:  # verifying takes the longer the more has been done
                scene.daemon.end()
                self.settled, self.acknowledged = [], []
                scene = self.scene()
            self.checkpoint(scene, calls, number, how)
        self.told(self.id())

    def places(self, calls: list[Call]) -> Iterator[tuple[int, How]]:
        """Which faults come to which calls. Of the many writes, each third is also cut short."""
        for number, call in enumerate(calls):
            for how in How:
                if how is How.SHORT_MENDED or (how.is_short and call.point.name not in WRITES):
                    continue
                is_taken = not how.is_short or number % 3 == 0
                if is_taken if IS_LONG else call.point == Point("pwrite64", SHORT.get(how, 0)):
                    yield number, how

    def fill(self, scene: Scene) -> None:
        """Make the log nearly so long that it is copied."""
        wire = scene.wire(scene.token)
        revision, _ = scene.title(1)
        is_filled = False
        while not is_filled:  # the first change after a checkpoint begins the log anew
            changes = {"location": f"Room {revision}"}
            wire.ask("employee.update", id=1, revision=revision, changes=changes)
            revision += 1
            is_filled = scene.log_end() > (CHECKPOINT_PAGES - 30) * FRAME
        wire.close()

    def brink(self, scene: Scene, injection: str) -> tuple[Asked, Wire]:
        """An update that is followed by a checkpoint, which has met this; it is not read yet."""
        self.fill(scene)
        asked = self.kind.prepare(scene)
        wire = scene.wire(scene.token)
        while scene.log_end() < (CHECKPOINT_PAGES - 3) * FRAME:
            wire.ask("resume", token=scene.token)  # a page each
        self.assertLess(scene.log_end(), CHECKPOINT_PAGES * FRAME)
        trace, daemon = scene.daemon.folder / "trace", scene.daemon
        with Strace(daemon.pids, trace, daemon.folder, [injection], CALLS, [LOG]) as strace:
            wire.send(asked.line)
            until(partial(self.has_met, scene, strace), "the checkpoint has begun")
        return asked, wire

    def has_met(self, scene: Scene, strace: Strace) -> bool:
        """Whether the fault at the log's sync has come."""
        injected = any(call.is_injected for call in strace.calls)
        assert scene.daemon.process is not None
        return strace.is_stopped() or injected or scene.daemon.process.poll() is not None

    def sync_of_log(self, scene: Scene, how: How) -> None:
        """A fault at the first step of copying."""
        asked, wire = self.brink(scene, SYNC.injection(how))
        answer = read_answer(wire)
        wire.close()
        self.assertEqual(reason_of(answer), "ok")  # which was sent before
        self.end_or_go_on(scene)
        self.outcomes[f"fdatasync of the log {how.name}: {reason_of(answer)}"] += 1
        self.settle(scene, self.kind, asked, answer)

    def checkpoint(
        self, scene: Scene, calls: list[Call] | None = None, number: int = 0, how: How = How.KILL
    ) -> list[Call]:
        """A checkpoint with this fault at the call of this number; its calls on the database.

        Where fewer pages are to be copied than there were then, it comes to the last of them.
        """
        asked, wire = self.brink(scene, SYNC.injection(How.SHORT_MENDED))
        daemon, writer = scene.daemon, scene.daemon.writer
        point = None if calls is None else calls[number].point
        if point is not None and point.name in WRITES:
            point = Point(point.name, min(point.at, len(scene.logged_pages())))
        if point is not None and how.is_short:
            self.cut_page(scene, point)
        answer = read_answer(wire)  # while the writer process is stopped
        wire.close()
        injections = [] if point is None else [point.injection(how)]
        trace, folder = daemon.folder / "trace", daemon.folder
        with Strace(daemon.pids, trace, folder, injections, CALLS, [DATABASE]) as strace:
            os.kill(writer, signal.SIGCONT)
            is_gone = self.is_gone(scene)
        traced = strace.calls
        where = f"{how.name} at {point}: {reason_of(answer)}\n{strace.text}"
        if point is not None:
            was_cut = any(call.is_short for call in traced)
            failed = strace.killed if how.is_kill else any(call.is_injected for call in traced)
            self.assertTrue(was_cut if how.is_short else failed, where)
            self.outcomes[f"{point.name} {how.name}: {reason_of(answer)}"] += 1
        self.assertEqual(reason_of(answer), "ok", where)
        self.assertEqual({call.thread for call in traced}, {writer}, where)
        if not is_gone:
            limit_files(writer, None)
        if injections and (how.is_kill or how is How.EIO):
            self.assertTrue(is_gone, f"it goes on after {how.name}")
        self.end_or_go_on(scene)
        self.settle(scene, self.kind, asked, answer)
        return traced

    def is_gone(self, scene: Scene) -> bool:
        """Whether the daemon has ended, or else has nothing more to write."""
        try:
            scene.wire(scene.token).close()
        except (OSError, Refusal, ValueError):
            scene.daemon.ended(WAIT)
            return True
        return False

    def end_or_go_on(self, scene: Scene) -> None:
        """The daemon has ended as it has to, and is started again; or it serves."""
        if self.is_gone(scene):
            self.ended(scene)
        self.check_settled(scene)


class StopTests(LogCase):
    """The daemon stops."""

    def test_stop(self) -> None:
        """Whatever fails while it stops, all that was answered is there at the next start."""
        scene = self.scene()
        calls = self.stop(scene)
        self.assertGreater(len(calls), 6)
        for number, call in enumerate(calls):
            for how in How:
                if how is How.SHORT_MENDED or (how.is_short and call.point.name not in WRITES):
                    continue
                if IS_LONG or number % 5 == list(How).index(how):
                    self.stop(scene, calls, number, how)
        self.told(self.id())

    def stop(
        self, scene: Scene, calls: list[Call] | None = None, number: int = 0, how: How = How.KILL
    ) -> list[Call]:
        """A stop with this fault at this call; its calls."""
        scene.daemon.kill()  # so that each begins with the same log
        scene.daemon.start()
        revision, _ = scene.title(1)
        changes = {"title": f"Clerk {revision}"}
        scene.ask("employee.update", id=1, revision=revision, changes=changes)
        head, daemon = scene.head(), scene.daemon
        writer, seen = daemon.writer, len(daemon.log)
        injections = [calls[number].point.injection(how)] if calls else []
        if calls and how.is_short:
            self.cut_page(scene, calls[number].point)
        with self.strace(scene, *injections) as strace:
            daemon.signal(signal.SIGTERM)
            code = daemon.ended(WAIT)
        told = f"{how.name} at {number}: {code}\n{strace.text}\n{daemon.log[seen:]}"
        if calls:
            is_killed = bool(strace.killed - {writer})
            self.assertIn(code, (-signal.SIGKILL,) if is_killed else (STOPPED,), told)
            is_told = STOPPING in daemon.log[seen:] or "did not close well" in daemon.log[seen:]
            if (how is How.EIO or (how.is_kill and not is_killed)) and is_in_copy(calls, number):
                self.assertTrue(is_told, told)
            self.outcomes[f"{calls[number].point.name} {how.name}: exit code {code}"] += 1
        else:
            self.assertEqual(code, STOPPED)
        self.assertEqual(daemon.left_behind(), [])
        daemon.start()
        self.assertTrue(scene.is_chained(head), told)
        self.assertEqual(scene.title(1), (revision + 1, changes["title"]), told)
        scene.head()
        return strace.calls
