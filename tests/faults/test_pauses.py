"""Pauses, kills and dropped connections, while permissions come and go: one history explains all.

A daemon that was stopped in its tracks (SIGSTOP), in one of its processes or in both, goes on with
what it believed before; a client that has dropped its connection meanwhile repeats its requests on
another one.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Sequence
from itertools import cycle
from random import Random
from subprocess import CompletedProcess
from time import monotonic, sleep

from tests.daemon_case import PASSWORD, STOPPED, Daemon
from tests.faults.histories import Account, Administer, disable, enable, set_roles
from tests.faults.ledger import Ledger, Session
from tests.faults.recorded import Client, Crowd
from tests.faults.scale import scaled
from tests.faults.test_kill import KillCase, Victim

ROUNDS = scaled(1, 60)
STEPS = 4
"""So many pauses in each round, and a kill among them."""
ACCOUNTS = ("cara", "dora", "emil")
CLIENTS_EACH = 4
SHARED = 4
HR = "hr"
OTHERS = ("auditor", "manager,it", "employee")
"""Roles by which nothing may be changed."""


class RoleChanger(threading.Thread):
    """Whoever gives and takes away roles at the daemon's machine, until told to leave.

    What was acknowledged goes into the ledger.
    """

    def __init__(self, case: PauseTests, daemon: Daemon, ledger: Ledger) -> None:
        super().__init__(daemon=True)
        self.changes = 0
        self._case = case
        self._daemon = daemon
        self._ledger = ledger
        self._leaving = threading.Event()
        self._random = Random()

    def leave(self) -> None:
        """Give everything back, and be done."""
        self._leaving.set()
        self.join(120)
        assert not self.is_alive()

    def run(self) -> None:
        """See `Thread`."""
        try:
            for username in cycle(ACCOUNTS):
                if self._leaving.is_set():
                    return
                self._take_and_give_back(username)
        except Exception as fault:  # noqa: BLE001  it is the test's, which reads it there
            self._ledger.faults.append(repr(fault))

    def _take_and_give_back(self, username: str) -> None:
        if self._random.random() < 0.4:
            self.change(username, disable(), "disable", username)
            self.change(username, enable(), "enable", username)
        else:
            roles = self._random.choice(OTHERS)
            self.change(username, set_roles(*roles.split(",")), "roles", username, roles)
            self.change(username, set_roles(HR), "roles", username, HR)

    def change(self, username: str, change: Administer, *arguments: str) -> None:
        """Make one change, again if the paused daemon holds the database's lock too long."""
        while True:
            called = monotonic()
            done = self._case.admin_command(self._daemon, *arguments)
            if done.returncode == 0:
                self._ledger.note_account(username, change, called)
                self.changes += 1
                return
            if "database is busy" not in done.stderr:
                self._ledger.faults.append(f"{arguments}: {done.stderr}")
                return


class PauseTests(KillCase):
    """SIGSTOP and SIGCONT, and SIGKILL."""

    def admin_command(self, daemon: Daemon, *arguments: str) -> CompletedProcess[str]:
        """Run `records.admin`."""
        return self.run_program([sys.executable, "-m", "records.admin", *arguments], daemon.folder)

    def sessions(self, daemon: Daemon, ledger: Ledger) -> list[Session]:
        """An account each, with a password of its own and logged in."""
        found = []
        for username in ACCOUNTS:
            first = self.account(daemon, username, HR)
            wire = self.connect(daemon)
            token = wire.ask("login", username=username, password=first)["token"]
            wire.ask("password.change", current=first, new=PASSWORD)
            session = Session(ledger, username, PASSWORD, token)
            ledger.begin(username, Account(frozenset({HR}), sessions=frozenset({session.name})))
            found.append(session)
            wire.close()
        return found

    def torment(
        self, daemon: Daemon, crowd: Crowd, moments: Random, pauses: Sequence[float]
    ) -> None:
        """Pause one of its processes or both for so long each time, and kill it once.

        It is running then, or paused. What goes on that had been paused does so while the next
        start waits for it, or before.
        """
        fatal = moments.randrange(len(pauses))
        for number, pause in enumerate(pauses):
            sleep(moments.uniform(0, 0.5))
            pid, writer = daemon.pids
            paused = moments.choice([(pid,), (writer,), (pid, writer), (writer, pid)])
            for each in paused:
                os.kill(each, signal.SIGSTOP)
            sleep(pause)
            if number == fatal:
                crowd.up.clear()
            if number != fatal or moments.random() < 0.5:
                for each in moments.sample(paused, len(paused)):
                    os.kill(each, signal.SIGCONT)
                paused = ()
            if number != fatal:
                continue
            sleep(moments.uniform(0, 0.1))
            victim = moments.choice(list(Victim))
            self.kill(daemon, victim)
            if writer in paused and victim is Victim.DAEMON:
                going_on = threading.Timer(moments.uniform(0, 1), os.kill, [writer, signal.SIGCONT])
                going_on.start()
                self.addCleanup(going_on.join)
            self.restart(daemon)
            self.is_one(daemon)
            crowd.up.set()

    def test_one_history(self) -> None:
        """All answers about employees, permissions, logins and sessions are of one history."""
        daemon = self.plain_daemon()
        self.restart(daemon)
        ledger, moments = Ledger(), Random()
        sessions = self.sessions(daemon, ledger)
        shared = [ledger.fresh_id() for _ in range(SHARED)]
        clients = [
            Client(f"{session.username}{number}", session, ledger, shared, ahead=4, drops=0.02)
            for session in sessions
            for number in range(CLIENTS_EACH)
        ]
        crowd = Crowd(daemon, ledger, clients)
        self.addCleanup(crowd.end)
        crowd.up.set()
        changes = 0
        for _ in range(ROUNDS):
            crowd.start()
            office = RoleChanger(self, daemon, ledger)
            office.start()
            pauses = [0.1 + 1.9 * moments.random() ** 3 for _ in range(STEPS)]
            self.torment(daemon, crowd, moments, pauses)
            office.leave()
            crowd.rest()
            self.assertEqual(ledger.faults, [])
            changes += office.changes
            ledger.check()
        self.assertEqual(daemon.stop(), STOPPED)
        self.is_whole(daemon)
        for count in (changes, ledger.refused, crowd.repeated):
            self.assertGreater(count, ROUNDS)  # or else nothing was tried
        print(
            f"\n{ledger.answers} answers, {changes} changes of accounts, "
            f"{ledger.refused} refusals, {crowd.repeated} requests repeated"
        )
