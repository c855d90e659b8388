"""The wall clock is set forward and back under load: only what is about the time of day notices.

By libfaketime, in the daemon alone: the clients' clock is true, and so are durations, for no system
sets the monotonic clock.
"""

from __future__ import annotations

import os
import signal
from functools import partial
from pathlib import Path
from time import monotonic, sleep, time

from records.model.fields import STANDARD
from records.store.sqlite.database import SqliteDatabase
from tests.daemon_case import PASSWORD, STOPPED, Daemon, until
from tests.faults.histories import Account
from tests.faults.ledger import Ledger, Session
from tests.faults.recorded import Client, Crowd
from tests.faults.scale import scaled
from tests.faults.test_kill import KillCase
from tests.wire import Refusal, Wire, request

LIBRARIES = ("/usr/lib", "/usr/lib64", "/usr/local/lib")
HOUR = 3600
DAY = 24 * HOUR
LONG_AGO = -20 * 365 * DAY
"""Before the certificates were made, and whatever else."""
JUMPS = scaled(1, 30)
"""So many times all of the jumps of `WHILE_AT_WORK`."""
WHILE_AT_WORK = (HOUR, -HOUR, 10 * DAY, 0, -10 * DAY, LONG_AGO, 0)
"""To which difference from the true time the clock is set, one after the other."""
SOON = 8.0
"""Seconds in which what takes two at most must have come about, on however busy a machine."""


def faking_library() -> Path | None:
    """Where libfaketime is, in the form for programs with threads; None if it is not installed."""
    for folder in map(Path, LIBRARIES):
        for path in sorted(folder.glob("**/faketime/libfaketimeMT.so.1")):
            return path
    return None


class ClockTests(KillCase):
    """The daemon's wall clock jumps."""

    if faking_library() is None:
        skip = "libfaketime is not installed (Debian: faketime)"

    def setUp(self) -> None:
        """See `TestCase`."""
        self._clock = self.folder() / "clock"
        self.set_clock(0)

    def set_clock(self, seconds: int) -> None:
        """Have the daemon's clock so far from the true time from now on."""
        new = self._clock.with_name("new")
        new.write_text(f"{seconds:+d}\n", "ascii")
        new.replace(self._clock)

    def clocked_daemon(self, *options: str) -> Daemon:
        """A daemon that runs, and whose clock can be set."""
        faking = {
            "LD_PRELOAD": str(faking_library()),
            "FAKETIME_TIMESTAMP_FILE": str(self._clock),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "NO_FAKE_STAT": "1",
        }
        daemon = self.plain_daemon(*options, environment={**os.environ, **faking})
        self.restart(daemon)
        return daemon

    def check_end(self, daemon: Daemon, *wires: Wire) -> None:
        """It stops well, and all is whole. wires: which would be waited for."""
        for wire in wires:
            wire.close()
        self.assertEqual(daemon.stop(), STOPPED)
        self.is_whole(daemon)

    def ends(self, wire: Wire) -> float:
        """Seconds until the daemon ends this connection; fails if that takes too long."""
        began = monotonic()
        wire.socket.settimeout(SOON)
        try:
            wire.rest()
        except TimeoutError:
            self.fail(f"the connection was still there after {SOON} s")
        return monotonic() - began

    def test_under_load(self) -> None:
        """No request is lost or wrongly answered, and no connection ends, wherever the clock goes.

        Sessions last as long as can be, so that they do not end by the clock.
        """
        month = str(30 * DAY)
        daemon = self.clocked_daemon(
            "--session-idle", month, "--session-lifetime", month, "--line-timeout", "600"
        )
        wire, token = self.log_in_first(daemon)
        silent = self.resume(daemon, token)
        half = request("employee.list", limit=1)
        silent.send(half[:20])
        ledger = Ledger()
        session = Session(ledger, "admin", PASSWORD, token)
        owner = Account(frozenset({"owner"}), sessions=frozenset({session.name}))
        ledger.begin("admin", owner)
        shared = [ledger.fresh_id() for _ in range(4)]
        clients = [Client(f"c{each}", session, ledger, shared, ahead=3) for each in range(12)]
        crowd = Crowd(daemon, ledger, clients)
        self.addCleanup(crowd.end)
        crowd.up.set()
        crowd.start()
        until(lambda: wire.ask("employee.list", limit=1)["employees"], "somebody was added")
        for jump in WHILE_AT_WORK * JUMPS:
            self.set_clock(jump)
            sleep(0.3)
            until(partial(ledger.has_unjudged, ledger.unjudged + 100), "the clients went on")
        crowd.rest()
        self.assertEqual(ledger.faults + crowd.broken, [])
        self.assertGreater(ledger.check(), 100 * len(WHILE_AT_WORK))
        silent.send(half[20:])
        self.assertIn("result", silent.read())
        self.assertEqual(len(wire.ask("employee.list", limit=1)["employees"]), 1)
        self.assertNotIn("Dropped a connection", daemon.log)
        self.check_end(daemon, wire, silent)

    def check_over(self, wire: Wire) -> None:
        """The session has ended, which is said; a new one begins at once."""
        refusal = self.assertRaises(Refusal, wire.ask, "employee.list")
        self.assertEqual(refusal.reason, "not-authenticated")
        wire.ask("login", username="admin", password=PASSWORD)
        wire.ask("employee.list")

    def test_sessions_end(self) -> None:
        """Set forward past a session's end, it has ended, and a new one begins at once.

        By less than its idle time it goes on, and set back too.
        """
        daemon = self.clocked_daemon()
        wire = self.admin(daemon)
        self.set_clock(14 * 60)
        wire.ask("employee.list")
        for jump in (40 * 60, 14 * HOUR, 400 * DAY):
            self.set_clock(jump)
            self.check_over(wire)
        for jump in (0, LONG_AGO):
            self.set_clock(jump)
            wire.ask("employee.list")
            wire.ask("login", username="admin", password=PASSWORD)
            wire.ask("employee.list")
        self.set_clock(0)
        self.check_over(wire)
        self.check_end(daemon, wire)

    def last_noted(self, daemon: Daemon) -> float:
        """When the newest entry of the audit log was made, in seconds, as it says."""
        path = daemon.folder / "data" / "records.sqlite"
        reader = SqliteDatabase(path, lambda: 0, may_upgrade=False, catalogue=STANDARD).reader()
        try:
            *_, last = reader.begin().journal.entries(0)
            reader.end()
        finally:
            reader.close()
        return last.at / 1e6

    def test_both_processes(self) -> None:
        """Both processes go by one clock: what is noted by the one, and what ends by the other."""
        daemon = self.clocked_daemon()
        wire = self.admin(daemon)
        for jump in (10 * 60, 0, 3 * HOUR, -DAY):
            self.set_clock(jump)
            if jump == 3 * HOUR:
                self.check_over(wire)
            wire.ask("employee.add", employee={"given_name": "Ann"})
            self.assertLess(abs(self.last_noted(daemon) - (time() + jump)), 60, jump)
        self.check_end(daemon, wire)

    def test_deadlines_after_setting_back(self) -> None:
        """Set back, connections that do not do what they must end as soon as otherwise."""
        daemon = self.clocked_daemon("--login-timeout", "2", "--line-timeout", "2")
        wire, token = self.log_in_first(daemon)
        anonymous, begun = self.connect(daemon), self.resume(daemon, token)
        begun.send(b"{")
        self.set_clock(-DAY)
        sleep(0.2)
        later = self.connect(daemon)
        self.ends(anonymous)
        self.ends(begun)
        self.ends(later)
        wire.ask("employee.list")

    def test_waits_after_setting_back(self) -> None:
        """Set back, nobody waits longer for their next login than they were told."""
        daemon = self.clocked_daemon()
        self.admin(daemon)
        wire = self.connect(daemon)
        for _ in range(5):
            refusal = self.assertRaises(Refusal, wire.ask, "login", username="admin", password="no")
            self.assertEqual(refusal.reason, "not-authenticated")
        refusal = self.assertRaises(Refusal, wire.ask, "login", username="admin", password="no")
        self.assertEqual(refusal.data["retry_after"], 1)
        self.set_clock(-DAY)
        sleep(1.2)
        wire.ask("login", username="admin", password=PASSWORD)
        wire.ask("employee.list")

    def test_stop_while_set_back(self) -> None:
        """Set back during a stop, it still waits no longer for what is under way than it may."""
        daemon = self.clocked_daemon("--stop-timeout", "2")
        held = self.admin(daemon)
        held.ask("employee.list")
        daemon.signal(signal.SIGTERM)  # and the client does not say goodbye
        sleep(0.5)
        self.assertIsNone(daemon.process and daemon.process.poll())  # it waits for that
        self.set_clock(-DAY)
        self.assertEqual(daemon.ended(SOON), STOPPED)
        self.is_whole(daemon)

    def test_killed_while_set_back(self) -> None:
        """Killed and started again with the clock long ago, it serves whom it served before."""
        daemon = self.clocked_daemon()
        wire = self.admin(daemon)
        added = wire.ask("employee.add", employee={"given_name": "Ada"}, key="once")
        for jump in (LONG_AGO, 0):
            self.set_clock(jump)
            daemon.kill()
            self.restart(daemon)
            wire = self.connect(daemon)
            wire.ask("login", username="admin", password=PASSWORD)
            again = wire.ask("employee.add", employee={"given_name": "Ada"}, key="once")
            self.assertEqual(again, added)
        self.check_end(daemon, wire)
