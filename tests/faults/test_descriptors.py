"""File descriptors used up: who is connected is served, and others once there are some again."""

from __future__ import annotations

import resource
import socket
import time

from tests.daemon_case import BIN, Daemon, DaemonCase, until
from tests.daemon_processes import descriptors_of, seconds_of
from tests.wire import WAIT, Wire, request

FEW = 120
"""The descriptors that the daemon has in all, of which it takes some twenty itself."""
AT_ONCE = 40
"""So many connections come at a time. The kernel keeps 50 until they are let in, and has those that
come beside them try again after a second, which would be waited for in vain."""
OPTIONS = ("--bcrypt-cost", "10", "--login-timeout", "600", "--handshake-timeout", "600")


class DescriptorTests(DaemonCase):
    """A daemon with few descriptors."""

    def few(self, *options: str, limit: str = f"ulimit -n {FEW}") -> Daemon:
        """A daemon that listens, and was started with few descriptors."""
        daemon = Daemon(
            self.folder(),
            [*OPTIONS, *options],
            twistd=["sh", "-c", f'{limit}; exec "$0" "$@"', BIN / "twistd"],
        )
        self.addCleanup(self.end_daemon, daemon)
        daemon.start()
        return daemon

    def descriptors(self, daemon: Daemon) -> int:
        """How many the daemon has in use; its process that writes takes no connections."""
        return descriptors_of(daemon.pid)

    def spent(self, daemon: Daemon) -> float:
        """The seconds of CPU that the daemon's processes have taken."""
        return sum(seconds_of(pid) for pid in daemon.all_pids)

    def crowd(self, daemon: Daemon, count: int) -> list[socket.socket]:
        """So many connections that nothing is said on, let in or not."""
        sockets = []
        for number in range(1, count + 1):
            sockets.append(socket.socket())
            self.addCleanup(sockets[-1].close)
            sockets[-1].settimeout(WAIT)
            sockets[-1].connect_ex(("127.0.0.1", daemon.port))  # which may be ended already
            if number % AT_ONCE == 0:
                time.sleep(0.05)
        return sockets

    def ended(self, sockets: list[socket.socket]) -> int:
        """How many of these connections the daemon has ended, by now."""
        count = 0
        for each in sockets:
            each.setblocking(False)
            try:
                count += each.recv(1) == b""
            except BlockingIOError:
                pass
            except OSError:
                count += 1
        return count

    def work(self, wire: Wire, times: int = 8) -> None:
        """Add, look, change and list, with an answer to each."""
        for _ in range(times):
            person = {"given_name": "Ann", "family_name": "Lee"}
            employee = wire.ask("employee.add", employee=person)["employee"]
            self.assertEqual(wire.ask("employee.get", id=employee["id"])["employee"], employee)
            changes = {"title": "Clerk"}
            wire.ask("employee.update", id=employee["id"], revision=1, changes=changes)
            self.assertTrue(wire.ask("employee.list", search="clerk")["employees"])

    def take_away(self, daemon: Daemon) -> None:
        """Leave a daemon that runs with `FEW`, which it could not know when it started."""
        for pid in daemon.all_pids:
            resource.prlimit(pid, resource.RLIMIT_NOFILE, (FEW, FEW))

    def test_used_up(self) -> None:
        """With all descriptors used up who is connected is served, and nothing runs hot."""
        daemon = self.start_daemon(*OPTIONS)
        wire, token = self.log_in_first(daemon)
        self.take_away(daemon)
        before, size = self.descriptors(daemon), len(daemon.log)
        sockets = self.crowd(daemon, 2 * FEW)
        until(lambda: self.ended(sockets) >= FEW, "those for whom there is none are sent off")
        self.assertIn("EMFILE", daemon.log)  # or else nothing was used up
        self.assertLessEqual(self.descriptors(daemon), FEW)
        self.work(wire)
        spent, told = self.spent(daemon), len(daemon.log)
        time.sleep(1)
        self.assertLess(self.spent(daemon) - spent, 0.3)
        self.assertEqual(len(daemon.log), told)
        self.work(wire)
        for each in sockets:
            each.close()
        until(lambda: self.descriptors(daemon) <= before, "the descriptors are free again")
        begun = time.monotonic()
        self.work(self.resume(daemon, token), 1)
        self.assertLess(time.monotonic() - begun, 2)
        lines = daemon.log[size:].splitlines()
        self.assertLess(len(lines), 4 * len(sockets))  # Twisted's own, of whom it has sent off
        self.assertIn("is whole", self.office(daemon, "verify"))

    def test_flood_of_connections(self) -> None:
        """Connections that come faster than they can be sent off keep nobody's request waiting."""
        daemon = self.start_daemon(*OPTIONS)
        wire, _ = self.log_in_first(daemon)
        self.take_away(daemon)
        self.crowd(daemon, FEW)
        slowest = 0.0
        for _ in range(20):
            for each in self.crowd(daemon, 20):
                each.close()
            begun = time.monotonic()
            self.work(wire, 1)
            slowest = max(slowest, time.monotonic() - begun)
        self.assertLess(slowest, 2.0)

    def test_more_than_there_are(self) -> None:
        """With fewer descriptors than connections a daemon lets in fewer, and says so at first."""
        daemon = self.few("--max-connections", "1000")
        self.assertRegex(daemon.log, "connections.*descriptors")
        wire = self.admin(daemon)
        size = len(daemon.log)
        sockets = self.crowd(daemon, 2 * FEW)
        until(lambda: self.ended(sockets) > FEW, "those who are too many are sent off")
        self.work(wire)
        self.assertLess(self.descriptors(daemon), FEW)
        # Twisted accepts up to a hundred before the first that is refused is closed: so a burst
        # may use the descriptors up for a moment, of which it tells for each connection.
        told = [line for line in daemon.log[size:].splitlines() if "EMFILE" not in line]
        self.assertLess(len(told), 20)

    def test_too_many_connections(self) -> None:
        """Who is refused for being one too many cannot fill the log."""
        daemon = self.start_daemon(*OPTIONS, "--max-connections", "20")
        wire = self.admin(daemon)
        size = len(daemon.log)
        sockets = self.crowd(daemon, 200)
        until(lambda: self.ended(sockets) >= 180, "those who are too many are sent off")
        self.work(wire)
        told = daemon.log[size:].splitlines()
        self.assertTrue(told)
        self.assertLess(len(told), 20, "\n".join(told[:3]))

    def test_as_many_as_the_system_lets_it_have(self) -> None:
        """The daemon takes as many descriptors as it may, whatever it was started with."""
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        daemon = self.few(limit=f"ulimit -S -n {FEW}")
        soft = resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE)[0]
        self.assertEqual(soft, hard)
        wire = self.admin(daemon)
        self.crowd(daemon, 3 * FEW)
        wire.send(request("server.info"))
        self.assertIn("result", wire.read())
        self.assertGreater(self.descriptors(daemon), 3 * FEW)
