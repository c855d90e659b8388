"""The restore drill: a backup under load, restored aside, verified and compared."""

from __future__ import annotations

from threading import Event, Thread

from tests.daemon_case import PASSWORD, Daemon, DaemonCase, until
from tests.wire import Wire


class Writer(Thread):
    """A client that adds employees as fast as it is answered. added: the IDs of all answers."""

    def __init__(self, wire: Wire) -> None:
        super().__init__()
        self._wire = wire
        self.enough = Event()
        self.added: list[int] = []

    def run(self) -> None:
        number = 0
        while not self.enough.is_set():
            number += 1
            added = self._wire.ask("employee.add", employee={"given_name": f"Ann {number}"})
            self.added.append(added["employee"]["id"])


class DrillCase(DaemonCase):
    """A daemon that runs, and a client that writes all the time."""

    def setUp(self) -> None:
        super().setUp()
        self.daemon = self.start_daemon()
        self.writer = Writer(self.admin(self.daemon))
        self.writer.start()
        self.addCleanup(self.writer.join)
        self.addCleanup(self.writer.enough.set)
        until(lambda: len(self.writer.added) > 50, "it writes")


class DrillTests(DrillCase):
    """Backups under load."""

    def restored(self, backup: str, name: str) -> Daemon:
        """A daemon over what was restored from a backup, which a check finds in order."""
        told = self.office(self.daemon, "restore", backup, name)
        self.assertIn("The audit log is whole, and history and employees agree.", told)
        told = self.office(self.daemon, "--data", name, "verify")
        self.assertIn("The audit log is whole", told)
        folder = self.daemon.folder / f"{name}-run"
        folder.mkdir()
        (self.daemon.folder / name).rename(folder / "data")
        (folder / "data" / "keys").rename(folder / "keys")
        return self.start_daemon(folder=folder)

    def test_drill(self) -> None:
        """All that was answered before a backup began is in it, and nothing that was not asked."""
        for name in ("b.tar", "b"):
            before = list(self.writer.added)
            told = self.office(self.daemon, "backup", "--with-keys", "--prove", name)
            self.assertIn("Proven: ", told)
            after = len(self.writer.added)
            self.assertGreater(after, len(before))
            daemon = self.restored(name, f"restored-{name}")
            wire = self.admin_again(daemon)
            there = {each["id"] for each in wire.everybody()}
            self.assertLessEqual(set(before), there)
            self.assertEqual(there, set(range(1, len(there) + 1)))
            self.assertLessEqual(len(there), after + 1)
            wire.close()
        self.writer.enough.set()
        self.writer.join()
        self.assertIn("is whole", self.office(self.daemon, "verify"))

    def admin_again(self, daemon: Daemon) -> Wire:
        """A connection to a restored daemon, with the password that was chosen before."""
        wire = self.connect(daemon)
        wire.ask("login", username="admin", password=PASSWORD)
        return wire
