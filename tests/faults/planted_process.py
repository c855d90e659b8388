"""Bugs in the process that writes, and between it and the daemon."""

from __future__ import annotations

from tests.faults.planted_bug import Bug, bug

_FORKED = "records/runtime/forked.py"
_PROCESS = "records/store/writer_process.py"
_WRITING = "records/store/writer_main.py"
_ENDS = "records.test.store.test_writer_process.EndTests"
_LIFE = "records.test.store.test_writer_process.LifeTests"

PROCESS: tuple[Bug, ...] = (
    bug(
        "lost-work-told-as-not-begun",
        _PROCESS,
        "If the process that writes ends, what was handed to it is answered `outcome-unknown`.",
        f"{_ENDS}.test_killed",
        ("            uncertain, left = left, []\n", "            uncertain = []\n"),
    ),
    bug(
        "outcomes-mixed-up",
        _PROCESS,
        "Everybody gets the outcome of what they asked for.",
        "records.test.store.test_writer_process_bulk",
        (
            "        queued = self._under_way[is_bulk]\n",
            "        queued = self._under_way[not is_bulk]\n",
        ),
    ),
    bug(
        "doubt-not-told",
        _WRITING,
        "A commit whose outcome is not known is told as such to all whose work was in it.",
        "records.test.store.test_writer_main.BrokenTests.test_commit",
        (
            "encode_frame(ProcessFailed(why, under_way, is_bulk))",
            "encode_frame(ProcessFailed(why))",
        ),
    ),
    bug(
        "goes-on-without-the-daemon",
        _WRITING,
        "When the daemon has ended, what it had not begun to do is not done.",
        "records.test.store.test_writer_main.ClosedTests.test_while_works_wait",
        (
            "        if not data:\n            raise DaemonGone\n",
            "        if not data:\n            self._is_over = True\n",
        ),
    ),
    bug(
        "work-lost-at-a-stop",
        _PROCESS,
        "A stop does what has been handed in.",
        f"{_LIFE}.test_stop",
        (
            "        self.submit()\n        if not self._is_over:\n",
            "        if not self._is_over:\n",
        ),
    ),
    bug(
        "ended-by-ctrl-c",
        _FORKED,
        "A signal to all processes stops the daemon in its order.",
        f"{_LIFE}.test_signals",
        ("        signal.signal(number, signal.SIG_IGN)\n", "        pass\n"),
    ),
    bug(
        "has-all-that-is-open",
        _FORKED,
        "The process that writes has no share of what else the daemon has open.",
        f"{_LIFE}.test_name_and_files",
        ("    _close_inherited(keep)\n    with", "    with"),
    ),
    bug(
        "readers-write-at-their-end",
        "records/store/sqlite/database.py",
        "Once the process that writes cannot go on, nothing more is written.",
        "records.test.store.sqlite.test_open.OpenTests.test_readers_leave_it",
        ("NO_CKPT_ON_CLOSE, int(self._is_alone)", "NO_CKPT_ON_CLOSE, 0"),
    ),
    bug(
        "half-a-frame",
        _FORKED,
        "Whatever happens on the way to the process that writes, everybody is answered.",
        f"{_ENDS}.test_cannot_send",
        ("        except ConnectionError:\n", "        except OSError:\n"),
    ),
    bug(
        "left-behind",
        _FORKED,
        "Of a start that failed no process is left.",
        f"{_ENDS}.test_abandoned",
        (
            'Kill the child."""\n        self._stop_watching()\n        self._reap()\n',
            'Kill the child."""\n        self._stop_watching()\n',
        ),
    ),
    bug(
        "fault-comes-over-whole",
        "records/runtime/framing.py",
        "Of a fault only its kind and place are told, also from process to process.",
        "records.test.runtime.test_framing.OutcomeTests.test_faults",
        ("    return RemoteFault.of(error)\n", "    return error\n"),
    ),
    bug(
        "reveal-becomes-a-read",
        "records/operations/methods.py",
        "A reveal is noted, durably, before the answer leaves: also in the process that writes.",
        "records.test.runtime.test_framing.WorkTests.test_methods",
        (
            "return method.reveal if is_reveal and method.reveal is not None else method",
            "return method",
        ),
    ),
    bug(
        "lock-let-go-early",
        "records/daemon/service.py",
        "No daemon begins while another one's process still writes.",
        "records.test.daemon.test_service_stop.StopTests.test_lock",
        (
            "start_writer(environment.backend.open_writer, [self._lock])",
            "start_writer(environment.backend.open_writer, [])",
        ),
    ),
    bug(
        "killed-and-refused",
        "records/daemon/bootstrap.py",
        "A daemon that was killed can be started again at once.",
        "records.test.daemon.test_bootstrap.LockTests.test_waits",
        ("            if monotonic() < end:\n", "            if end < 0:\n"),
    ),
)
