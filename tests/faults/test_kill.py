"""kill -9 at random moments under 32 clients: what was acknowledged is there, whole and once.

Of the two processes that have to do with the data either is killed, or both.
"""

from __future__ import annotations

import os
import signal
import socket
from collections import defaultdict
from collections.abc import Mapping
from enum import Enum
from random import Random
from statistics import median
from time import monotonic, sleep

from tests.daemon_case import BIN, STOPPED, Daemon, DaemonCase, until
from tests.daemon_processes import writers_in
from tests.faults.histories import Account
from tests.faults.ledger import Ledger, Session, ask
from tests.faults.recorded import Client, Crowd
from tests.faults.scale import scaled
from tests.wire import WAIT, Wire

KILLS = scaled(6, 1000)
REST_EVERY = scaled(3, 20)
"""After so many kills the clients come to rest, and all that they saw is judged."""
VERIFY_EVERY = scaled(2, 5)
"""And after so many rests `records.admin verify` goes through all there is."""
CLIENTS = 32
SHARED = 6
"""So many employees are changed by all of them, besides each one's own."""
LATEST = 0.4
"""Seconds after the restart by which the next kill comes."""
RESTART = 2.0
"""Seconds from exec until a request is answered: what is promised."""
ENDING = 5.0
"""Seconds in which a daemon has ended by itself whose process that writes was killed."""


class Victim(Enum):
    """Which of a daemon's processes is killed."""

    DAEMON = "the one that serves"
    WRITER = "the one that writes"
    BOTH = "both"


def quiet_port() -> int:
    """A free port that no client's end of a connection is ever given.

    A client that dials a port which the daemon has just left could be given that very one.
    """
    with open("/proc/sys/net/ipv4/ip_local_port_range", encoding="ascii") as limits:
        lowest = int(limits.read().split()[0])
    for port in Random().sample(range(max(1024, lowest - 12000), lowest), 100):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)):
                return port
    raise AssertionError("there is no free port")


class KillCase(DaemonCase):
    """What is common to tests that kill a daemon and start it again."""

    def plain_daemon(self, *options: str, environment: Mapping[str, str] | None = None) -> Daemon:
        """A daemon at a port of its own, whose coverage nobody measures: its pace counts."""
        daemon = Daemon(
            self.folder(),
            ["--bcrypt-cost", "10", *options],
            twistd=[BIN / "twistd"],
            environment=environment,
        )
        daemon.port = quiet_port()
        self.addCleanup(self.end_daemon, daemon)
        return daemon

    def restart(self, daemon: Daemon) -> float:
        """Start it again; seconds from exec until it answers."""
        began = monotonic()
        process = daemon.launch()
        while monotonic() < began + WAIT:
            try:
                wire = Wire(daemon.port, daemon.ca)
            except OSError:
                self.assertIsNone(process.poll(), f"{daemon.log}\n{daemon.errors}")
                sleep(0.01)
                continue
            try:
                ask(wire, "server.info")
            finally:
                wire.close()
            return monotonic() - began
        raise AssertionError(f"the daemon did not start:\n{daemon.log}")

    def kill(self, daemon: Daemon, victim: Victim) -> float:
        """End it in the midst of whatever it does; seconds until the one that serves had ended.

        Whichever is paused goes on once the other has been killed.
        """
        (pid, writer), seen, began = daemon.pids, len(daemon.log), monotonic()
        if victim is not Victim.DAEMON:
            daemon.kill_writer()
        if victim is not Victim.WRITER:
            daemon.kill()
            return monotonic() - began
        os.kill(pid, signal.SIGCONT)
        self.assertEqual(daemon.ended(ENDING), 1)
        self.assertIn("the process that writes has ended: signal 9", daemon.log[seen:])
        self.assertIn("Stopping: whether the last changes are durable", daemon.log[seen:])
        self.assertNotIn(writer, writers_in(daemon.folder))
        return monotonic() - began

    def is_one(self, daemon: Daemon) -> None:
        """No process that writes is left of an earlier start."""
        until(lambda: writers_in(daemon.folder) == [daemon.writer], "the earlier one has ended")

    def is_whole(self, daemon: Daemon) -> None:
        """The audit chain, the history and the employees agree from end to end."""
        self.assertIn("is whole", self.office(daemon, "verify"))


class KillTests(KillCase):
    """kill -9."""

    def test_nothing_acknowledged_is_lost(self) -> None:
        """Killed at any moment, the daemon is back in time, and all answers are of one history.

        Every request that had no answer is repeated under its key until it has one: so an effect
        that was lost, half done or there twice would contradict the answers.
        """
        daemon = self.plain_daemon()
        self.restart(daemon)
        wire, token = self.log_in_first(daemon)
        wire.close()
        ledger, moments = Ledger(), Random()
        session = Session(ledger, "admin", "", token)
        roles = frozenset({"owner"})
        ledger.begin("admin", Account(roles, sessions=frozenset({session.name})))
        shared = [ledger.fresh_id() for _ in range(SHARED)]
        clients = [
            Client(f"c{number}", session, ledger, shared, ahead=1 + number % 6)
            for number in range(CLIENTS)
        ]
        crowd = Crowd(daemon, ledger, clients)
        self.addCleanup(crowd.end)
        crowd.up.set()
        crowd.start()
        restarts: defaultdict[Victim, list[float]] = defaultdict(list)
        endings: list[float] = []
        victims = list(Victim)
        for number in range(1, KILLS + 1):
            victim = victims[number % len(victims)]
            sleep(moments.uniform(0, LATEST))
            crowd.up.clear()
            ending = self.kill(daemon, victim)
            if victim is Victim.WRITER:
                endings.append(ending)
            restarts[victim].append(self.restart(daemon))
            self.is_one(daemon)
            crowd.up.set()
            if number % REST_EVERY == 0 or number == KILLS:
                crowd.rest()
                self.assertEqual(ledger.faults, [])
                ledger.check()
                if number % (REST_EVERY * VERIFY_EVERY) == 0 or number == KILLS:
                    self.is_whole(daemon)
                crowd.start()
        crowd.rest()
        wire = self.resume(daemon, token)
        titles = [each["title"] for each in wire.everybody()]
        wire.close()
        self.assertEqual(len(titles), len(set(titles)))  # for each change has one of its own
        self.assertEqual(daemon.stop(), STOPPED)
        self.is_whole(daemon)
        self.assertGreater(crowd.repeated, KILLS)  # or else nothing was killed in the midst
        print(f"\n{KILLS} kills, {ledger.answers} answers, {crowd.repeated} requests repeated")
        for victim, seconds in restarts.items():
            print(
                f"after a kill of {victim.value}: restart in {median(seconds):.2f} s (median), "
                f"{max(seconds):.2f} s (longest)"
            )
        print(
            f"ended by itself in {median(endings):.2f} s (median), {max(endings):.2f} s (longest)"
        )
        late = [f"{each:.2f} s" for some in restarts.values() for each in some if each >= RESTART]
        self.assertEqual(late, [])
