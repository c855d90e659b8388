"""The disk is full, and freed again: nothing is lost, and nothing untrue is said."""

from __future__ import annotations

import json
import re
import threading
import time
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

from tests.daemon_case import BIN, PASSWORD, STOPPED, Daemon, DaemonCase, free_port, until
from tests.faults.scale import scaled
from tests.faults.small_disk import PAGE, SmallDisk
from tests.wire import WAIT, Wire, request

SIZE = 24 * 2**20
WRITERS, READERS = 3, 2
ROUNDS = scaled(1, 12)
"""How often the disk is filled and freed under load."""
LEVELS = scaled(2, 30)
"""How many fillings a first start is tried at."""
FRAME = PAGE + 24
"""What a page takes in SQLite's write-ahead log."""
LOG_PAGES = 2000
"""After how many of these the daemon copies the log, between two batches."""
FULL = "The disk is full. Nothing was changed"


class Client:
    """A user who asks the next thing whenever they have an answer. Ends at `stop`.

    answers: how many there were of each kind: "ok", "full", or another error's reason.
    """

    def __init__(self, daemon: Daemon, token: str) -> None:
        self.answers: Counter[str] = Counter()
        self._is_stopped = threading.Event()
        self._wire = Wire(daemon.port, daemon.ca)
        self._wire.ask("resume", token=token)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Have it stop after its next answer."""
        self._is_stopped.set()
        self._thread.join(WAIT)
        assert not self._thread.is_alive()
        self._wire.close()

    def _run(self) -> None:
        while not self._is_stopped.is_set():
            method, params = self.next()
            self._wire.send(request(method, **params))
            line = self._wire.line()
            if not line:
                self.answers["the connection has ended"] += 1
                return
            answer = json.loads(line)
            if "result" in answer:
                self.answered(answer["result"])
                self.answers["ok"] += 1
                time.sleep(0.002)  # many at once are not what is looked at here
                continue
            self.answers[told_by(answer)] += 1
            time.sleep(0.02)

    def next(self) -> tuple[str, dict[str, Any]]:
        """The method and params of the next request."""
        raise NotImplementedError

    def answered(self, result: Any) -> None:
        """Note a result."""


class Reader(Client):
    """A user who looks at the first employee, and at everybody's list."""

    def next(self) -> tuple[str, dict[str, Any]]:
        if sum(self.answers.values()) % 2:
            return "employee.get", {"id": 1}
        return "employee.list", {"limit": 10}


class Writer(Client):
    """A user who adds an employee, and then changes their address again and again.

    revision: the last one that was acknowledged; 0 before there is any.
    """

    def __init__(self, daemon: Daemon, token: str, employee_id: int) -> None:
        self.employee_id = employee_id
        self.revision = 0
        super().__init__(daemon, token)

    def next(self) -> tuple[str, dict[str, Any]]:
        address = address_at(self.revision + 1)
        if not self.revision:
            person = {"given_name": "Ann", "family_name": "Lee", "home_address": address}
            return "employee.add", {"employee": {"id": self.employee_id, **person}}
        changes = {"home_address": address}
        return "employee.update", {
            "id": self.employee_id,
            "revision": self.revision,
            "changes": changes,
        }

    def answered(self, result: Any) -> None:
        self.revision = result["employee"]["revision"]


def told_by(answer: dict[str, Any]) -> str:
    """What an answer says: "ok", "full" where it says that, or another error's reason."""
    if "result" in answer:
        return "ok"
    reason = str(answer["error"]["data"]["reason"])
    is_full = reason == "busy" and answer["error"]["message"].startswith(FULL)
    return "full" if is_full else reason


def address_at(revision: int) -> str:
    """The address that an employee has at a revision: long, for the disk to fill up."""
    return f"{revision} " + "Elm Street " * 12


class FullCase(DaemonCase):
    """A daemon whose data is on a small disk, and whose log is not."""

    is_measured = True

    def small_disk(self, folder: Path, size: int = SIZE) -> SmallDisk:
        """A small disk over this folder."""
        disk = SmallDisk(folder, size)
        self.addCleanup(disk.unmount)
        return disk

    def on_small_disk(self) -> tuple[Daemon, SmallDisk]:
        """A daemon that is not started yet."""
        folder = self.folder()
        disk = self.small_disk(folder / "data")
        daemon = Daemon(folder, ["--bcrypt-cost", "10"], twistd=[BIN / "twistd"])
        self.addCleanup(self.end_daemon, daemon)
        return daemon, disk


class LoadTests(FullCase):
    """Under load."""

    def setUp(self) -> None:
        self.clients: list[Client] = []
        self.daemon, self.disk = self.on_small_disk()
        self.daemon.start()
        self.addCleanup(self.stop_clients)
        self.wire, self.token = self.log_in_first(self.daemon)
        self.wire.ask("employee.add", employee={"given_name": "Ada", "family_name": "Byron"})

    def stop_clients(self) -> None:
        """Have all stop; whoever has been asked may be asked again."""
        for client in self.clients:
            client.stop()
        self.clients = []

    def wait_for(self, clients: list[Any], answer: str, count: int, what: str) -> None:
        """Wait until each of these has so many more answers of a kind."""
        before = [client.answers[answer] for client in clients]

        def have_all() -> bool:
            return all(
                client.answers[answer] >= seen + count
                for client, seen in zip(clients, before, strict=True)
            )

        try:
            until(have_all, what)
        except AssertionError as error:
            told = [dict(client.answers) for client in clients]
            raise AssertionError(f"{error}: {told}\n{self.daemon.log[-2000:]}") from None

    def check_writers(self, writers: list[Writer]) -> None:
        """Everything that was acknowledged is there, and nothing that was refused."""
        for writer in writers:
            employee = self.wire.ask("employee.get", id=writer.employee_id)["employee"]
            self.assertEqual(employee["revision"], writer.revision)
            revealed = self.wire.ask(
                "employee.get", id=writer.employee_id, reveal=["home_address"]
            )["employee"]
            self.assertEqual(revealed["home_address"], address_at(writer.revision).strip())

    def test_filled_and_freed(self) -> None:
        """Reads go on while the disk is full, writes are refused, and go on once it is freed.

        Nobody restarts anything. All that was acknowledged is there, nothing that was refused,
        and the log tells of it once in a while.
        """
        writers = [Writer(self.daemon, self.token, number) for number in range(2, 2 + WRITERS)]
        readers = [Reader(self.daemon, self.token) for _ in range(READERS)]
        self.clients += [*writers, *readers]
        self.wait_for(writers, "ok", 10, "writes before")
        for number in range(ROUNDS):
            self.disk.fill()
            self.wait_for(writers, "full", 5, f"refusals, round {number}")
            self.wait_for(readers, "ok", 20, f"reads while it is full, round {number}")
            self.check_sessions(self.wire)
            self.disk.free()
            self.wait_for(writers, "ok", 10, f"writes after, round {number}")
        self.stop_clients()
        for client in (*writers, *readers):
            self.assertLessEqual({*client.answers}, {"ok", "full"})
        for reader in readers:
            self.assertEqual({*reader.answers}, {"ok"})
        self.check_writers(writers)
        self.assertIn("is whole", self.office(self.daemon, "verify"))
        told = re.findall("takes no changes: .*", self.daemon.log)
        self.assertEqual({*told}, {"takes no changes: FullError"})
        self.assertLess(len(told), 3 + ROUNDS)
        self.wire.close()
        self.assertEqual(self.daemon.stop(), STOPPED)
        self.daemon.start()
        self.wire = self.resume(self.daemon, self.token)
        self.check_writers(writers)

    def check_sessions(self, wire: Wire) -> None:
        """While the disk is full a session goes on, and what would write of it is told why not.

        wire: a connection that was there before. Where the log begins anew, a little can still
        be written.
        """
        self.assertEqual(wire.ask("employee.get", id=1)["employee"]["id"], 1)
        for password, otherwise in ((PASSWORD, "ok"), ("some other password", "not-authenticated")):
            stranger = self.connect(self.daemon)
            stranger.send(request("login", username="admin", password=password))
            self.assertIn(told_by(stranger.read()), ("full", otherwise))
            stranger.close()
        again = self.connect(self.daemon)
        again.send(request("resume", token=self.token))
        self.assertIn(told_by(again.read()), ("full", "ok"))
        again.close()
        self.assertEqual(wire.ask("employee.get", id=1)["employee"]["id"], 1)

    def test_full_while_the_log_is_copied(self) -> None:
        """The log cannot be copied into the database for want of room: nothing is lost."""
        log = self.disk.folder / "records.sqlite-wal"
        database = self.disk.folder / "records.sqlite"
        writer = Writer(self.daemon, self.token, 2)
        others = [Writer(self.daemon, self.token, number) for number in range(3, 7)]
        self.clients += [writer, *others]
        until(lambda: log.stat().st_size > FRAME * (LOG_PAGES - 100), "the log has grown", 3 * WAIT)
        before = database.stat()
        self.disk.fill(leave=FRAME * LOG_PAGES - log.stat().st_size + 40 * PAGE)
        until(lambda: database.stat().st_mtime_ns != before.st_mtime_ns, "the log is copied")
        self.wait_for([writer], "full", 3, "refusals")
        self.disk.free()
        self.wait_for([writer, *others], "ok", 5, "writes after")
        self.stop_clients()
        for client in (writer, *others):
            self.assertLessEqual({*client.answers}, {"ok", "full"})
        self.check_writers([writer, *others])
        self.assertIn("is whole", self.office(self.daemon, "verify"))

    def test_stopped_and_started(self) -> None:
        """Stopped while the disk is full, the daemon stops well; started then, it says why not."""
        writer = Writer(self.daemon, self.token, 2)
        self.clients.append(writer)
        self.wait_for([writer], "ok", 50, "writes")
        self.disk.fill()
        self.wait_for([writer], "full", 1, "a refusal")
        self.stop_clients()
        self.wire.close()
        self.assertEqual(self.daemon.stop(), STOPPED)
        self.disk.fill()
        process = self.daemon.launch()
        until(partial(has_begun, self.daemon), "it has begun, or not")
        if process.poll() is not None:
            self.assertEqual(process.returncode, 1)
            (line,) = self.daemon.errors.splitlines()
            self.assertIn("disk is full", line)
        else:
            self.assertEqual(self.daemon.stop(), STOPPED)
        self.disk.free()
        self.daemon.start()
        self.wire = self.resume(self.daemon, self.token)
        self.check_writers([writer])
        self.assertIn("is whole", self.office(self.daemon, "verify"))

    def test_admin(self) -> None:
        """What `records.admin` cannot write is reported in one line, and leaves nothing behind."""
        self.disk.fill()
        kept = sorted(path.name for path in self.disk.folder.iterdir())
        office: list[str | Path] = [BIN / "python", "-m", "records.admin", "--bcrypt-cost", "10"]
        for arguments in (("backup", "data/copy.sqlite"), ("add", "tess", "hr")):
            done = self.run_program([*office, *arguments], self.daemon.folder)
            self.assertEqual((done.returncode, done.stdout), (1, ""))
            (line,) = done.stderr.splitlines()
            self.assertIn("disk is full", line)
        self.assertEqual(sorted(path.name for path in self.disk.folder.iterdir()), kept)
        elsewhere = self.run_program([*office, "backup", "copy.sqlite"], self.daemon.folder)
        self.assertEqual(elsewhere.returncode, 0)
        self.assertIn("Copied", elsewhere.stdout)
        # It is there, but the data folder cannot remember when.
        self.assertIn("cannot note it: No space left", elsewhere.stderr)
        self.disk.free()
        self.assertIn("Copied", self.office(self.daemon, "backup", "data/copy.sqlite"))


class FirstStartTests(FullCase):
    """At the first start."""

    def check_start(self, daemon: Daemon, disk: SmallDisk, leave: int) -> bool:
        """A first start with so much room; whether it was enough. If not, the next one is."""
        disk.fill(leave)
        process = daemon.launch()
        until(partial(has_begun, daemon), "it has begun, or not")
        has_started = process.poll() is None
        if has_started:
            self.assertEqual(daemon.stop(), STOPPED)
        else:
            self.assertEqual(process.returncode, 1)
            (line,) = daemon.errors.splitlines()
            self.assertRegex(line, "No space left on device|disk is full", f"with {leave} bytes")
        disk.free()
        daemon.start()
        wire = self.admin(daemon)
        wire.ask("employee.add", employee={"given_name": "Ada", "family_name": "Byron"})
        wire.close()
        self.assertEqual(daemon.stop(), STOPPED)
        return has_started

    def test_data(self) -> None:
        """With too little room for the data it says so, and starts once there is enough."""
        started = []
        for number in range(LEVELS):
            daemon, disk = self.on_small_disk()
            daemon.port = free_port()
            started.append(self.check_start(daemon, disk, number * scaled(36, 3) * PAGE))
        self.assertFalse(started[0])

    def test_keys(self) -> None:
        """With too little room for the keys it says so, and starts once there is enough."""
        for pages in range(scaled(1, 6)):
            folder = self.folder()
            disk = self.small_disk(folder / "keys")
            daemon = Daemon(folder, ["--bcrypt-cost", "10"], twistd=[BIN / "twistd"])
            self.addCleanup(self.end_daemon, daemon)
            daemon.port = free_port()
            self.check_start(daemon, disk, pages * PAGE)


def has_begun(daemon: Daemon) -> bool:
    """Whether it listens, or has ended."""
    assert daemon.process is not None
    return (
        daemon.process.poll() is not None or "Listening at" in daemon.log.rpartition("Stopped")[2]
    )
