"""kill -9 at random moments under 32 clients: what was acknowledged is there, whole and once."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from random import Random
from statistics import median
from time import monotonic, sleep

from tests.daemon_case import BIN, STOPPED, Daemon, DaemonCase
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
        restarts: list[float] = []
        for number in range(1, KILLS + 1):
            sleep(moments.uniform(0, LATEST))
            crowd.up.clear()
            daemon.kill()
            restarts.append(self.restart(daemon))
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
        late = [f"{each:.2f} s" for each in restarts if each >= RESTART]
        print(
            f"\n{KILLS} kills, {ledger.answers} answers, {crowd.repeated} requests repeated; "
            f"restart in {median(restarts):.2f} s (median), {max(restarts):.2f} s (longest)"
        )
        self.assertEqual(late, [])
