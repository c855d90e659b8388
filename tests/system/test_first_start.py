"""The first start in an empty folder, the second, and the starts that are refused."""

from __future__ import annotations

import os
import select
import shutil
import socket
import stat
import subprocess
from pathlib import Path
from typing import ClassVar

import apsw

from tests.daemon_case import PASSWORD, STOPPED, Daemon, DaemonCase, end_process, free_port
from tests.wire import WAIT, Refusal


def mode(path: Path) -> int:
    """A file's permissions."""
    return stat.S_IMODE(path.stat().st_mode)


def contents(folder: Path) -> dict[str, bytes]:
    """The files of a folder."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


class FirstStartTests(DaemonCase):
    """What is there after the first start, and what is said."""

    def test_files(self) -> None:
        """The first start makes keys and a database that only their owner can read."""
        daemon = self.start_daemon()
        self.assertEqual(
            set(contents(daemon.folder / "keys")), {"ca.crt", "ca.key", "server.crt", "server.key"}
        )
        for name in ("keys", "data"):
            self.assertEqual(mode(daemon.folder / name), 0o700, name)
            for path in (daemon.folder / name).iterdir():
                self.assertEqual(mode(path), 0o600, path)
        self.assertIn("first-password", contents(daemon.folder / "data"))
        self.assertGreaterEqual(len(self.first_password(daemon)), 25)

    def test_log(self) -> None:
        """The log says where the daemon listens, how to connect, and where the password is."""
        daemon = self.start_daemon()
        self.assertIn(f"Listening at 127.0.0.1:{daemon.port}", daemon.log)
        self.assertIn(f"python -m records.client --port {daemon.port}", daemon.log)
        self.assertIn(
            "Log in as admin with the password that is in data/first-password", daemon.log
        )
        self.assertEqual(daemon.stop(), STOPPED)
        self.assertNotIn(self.first_password(daemon), daemon.log)
        self.assertEqual(daemon.errors, "")

    def test_shown_at_a_terminal(self) -> None:
        """The first password is shown once to a person at a terminal, and never logged."""
        daemon = self.make_daemon()
        ours, theirs = os.openpty()
        self.addCleanup(os.close, ours)
        daemon.start(stderr=theirs)
        password = self.first_password(daemon)
        daemon.stop()
        daemon.start(stderr=theirs)
        daemon.stop()
        os.close(theirs)
        shown = _drained(ours)
        self.assertEqual(shown.count(password), 1)
        self.assertIn("admin", shown)
        self.assertNotIn(password, daemon.log)

    def test_second_start(self) -> None:
        """A second start makes no other keys and no other password."""
        daemon = self.start_daemon()
        keys, password = contents(daemon.folder / "keys"), self.first_password(daemon)
        self.assertEqual(daemon.stop(), STOPPED)
        daemon.start()
        self.assertEqual(contents(daemon.folder / "keys"), keys)
        self.assertEqual(self.first_password(daemon), password)
        self.assertEqual(
            self.connect(daemon).ask("login", username="admin", password=password)["user"],
            {"username": "admin", "roles": ["owner"], "employee_id": None},
        )

    def test_password_changed(self) -> None:
        """The first password must be changed, and its file is gone when it has been."""
        daemon = self.start_daemon()
        first = self.first_password(daemon)
        wire = self.connect(daemon)
        self.assertTrue(wire.ask("login", username="admin", password=first)["must_change_password"])
        refusal = self.assertRaises(Refusal, wire.ask, "employee.list")
        self.assertEqual((refusal.code, refusal.data["must_change_password"]), (403, True))
        wire.ask("password.change", current=first, new=PASSWORD)
        self.assertFalse((daemon.folder / "data" / "first-password").exists())
        refusal = self.assertRaises(Refusal, wire.ask, "login", username="admin", password=first)
        self.assertEqual(refusal.code, 401)
        wire.close()
        daemon.stop()
        daemon.start()
        self.assertFalse((daemon.folder / "data" / "first-password").exists())
        wire = self.connect(daemon)
        told = wire.ask("login", username="admin", password=PASSWORD)
        self.assertFalse(told["must_change_password"])


class RefusedStartTests(DaemonCase):
    """A start that cannot be is refused in one line, which says what to do."""

    def refused(self, daemon: Daemon, *options: str) -> str:
        """The one line in which a start is refused."""
        for name in ("out", "err"):
            (daemon.folder / name).unlink(missing_ok=True)
        if not daemon.port:
            daemon.port = free_port()
        process = daemon.launch(*options)
        try:
            process.wait(WAIT)
        except subprocess.TimeoutExpired:
            end_process(process)
            self.fail(f"it was not refused: {daemon.log}")
        self.assertNotIn(process.returncode, (0, None))
        self.assertNotIn("Traceback", daemon.log + daemon.errors)
        lines = daemon.errors.splitlines()
        self.assertEqual(len(lines), 1, (lines, daemon.log))
        return lines[0]

    _stopped: ClassVar[Path | None] = None

    def stopped_daemon(self) -> Daemon:
        """A daemon that has been started once, and stopped: each a copy of the same."""
        if RefusedStartTests._stopped is None:
            first = self.start_daemon()
            self.assertEqual(first.stop(), STOPPED)
            RefusedStartTests._stopped = first.folder
        daemon = self.make_daemon()
        for name in ("keys", "data"):
            shutil.copytree(RefusedStartTests._stopped / name, daemon.folder / name)
        return daemon

    def test_exposed_key(self) -> None:
        """A private key that others can read keeps the daemon from starting."""
        daemon = self.stopped_daemon()
        key = daemon.folder / "keys" / "server.key"
        key.chmod(0o644)
        told = self.refused(daemon)
        self.assertIn("keys/server.key", told)
        self.assertIn("chmod 600", told)
        key.chmod(0o600)
        daemon.start()

    def test_newer_database(self) -> None:
        """A database of a newer version is refused, and not written to."""
        daemon = self.stopped_daemon()
        path = daemon.folder / "data" / "records.sqlite"
        connection = apsw.Connection(str(path))
        connection.execute(
            "INSERT INTO schema_versions (number, name, checksum, applied_at) "
            "SELECT max(number) + 1, 'future', 'unknown', 0 FROM schema_versions"
        )
        connection.close()
        before = path.read_bytes()
        self.assertIn("newer version of records", self.refused(daemon))
        self.assertEqual(path.read_bytes(), before)

    def test_damaged_database(self) -> None:
        """A damaged database is refused, and not written to."""
        daemon = self.stopped_daemon()
        path = daemon.folder / "data" / "records.sqlite"
        damaged = bytearray(path.read_bytes())
        middle = len(damaged) // 2
        damaged[middle - 6000 : middle + 6000] = b"\xa5garbage" * 1500
        path.write_bytes(damaged)
        told = self.refused(daemon)
        self.assertIn("records.sqlite", told)
        self.assertIn("backup", told)
        self.assertEqual(path.read_bytes(), bytes(damaged))

    def test_no_database(self) -> None:
        """A file that is no database is refused, and not written to."""
        daemon = self.stopped_daemon()
        path = daemon.folder / "data" / "records.sqlite"
        for content in (b"", b"Dear diary, " * 1000):
            path.write_bytes(content)
            self.assertIn("records.sqlite", self.refused(daemon))
            self.assertEqual(path.read_bytes(), content)

    def test_port_taken(self) -> None:
        """A port that is taken keeps the daemon from starting, before it has made an account."""
        daemon = self.make_daemon()
        with socket.socket() as other:
            other.bind(("127.0.0.1", 0))
            other.listen()
            daemon.port = other.getsockname()[1]
            told = self.refused(daemon)
        self.assertIn(f"tcp:{daemon.port}:interface=127.0.0.1", told)
        self.assertIn("the port is taken", told)
        self.assertNotIn("first-password", contents(daemon.folder / "data"))
        daemon.start()

    def test_folder_in_use(self) -> None:
        """Two daemons do not use one data folder, and the first one goes on."""
        first = self.start_daemon()
        keys, data = first.folder / "keys", first.folder / "data"
        second = self.make_daemon("--data", str(data), "--keys", str(keys))
        told = self.refused(second)
        self.assertIn(str(data), told)
        self.assertIn("in use by another daemon", told)
        self.assertEqual(self.connect(first).ask("server.info")["name"], "records")
        first.kill()
        second.ca = first.ca
        second.start()
        self.assertEqual(self.connect(second).ask("server.info")["name"], "records")

    def test_parts_of_keys(self) -> None:
        """A certificate whose key is lost is not exchanged for another in silence."""
        daemon = self.stopped_daemon()
        key = daemon.folder / "keys" / "server.key"
        content = key.read_bytes()
        key.unlink()
        self.assertIn("only a part of its keys", self.refused(daemon))
        self.assertFalse(key.exists())
        key.touch(mode=0o600)
        key.write_bytes(content)
        daemon.start()

    def test_unwritable(self) -> None:
        """A data folder that cannot be made is reported in one sentence."""
        daemon = self.make_daemon()
        (daemon.folder / "data").write_text("a file in the way")
        self.assertIn("data cannot be used", self.refused(daemon))

    def test_bad_option(self) -> None:
        """A wrong option is told as twistd tells it: last, behind the usage; nothing is made."""
        daemon = self.make_daemon()
        for options, told in (
            (["--nonsense"], "nonsense"),
            (["--bcrypt-cost", "9"], "a whole number from 10 to 16"),
            (["--listen", "ssl:7443"], "write tcp: instead"),
            (["--login-timeout", "soon"], "--login-timeout takes a whole number"),
        ):
            daemon.port = daemon.port or free_port()
            self.assertEqual(daemon.launch(*options).wait(WAIT), 1)
            self.assertIn(told, daemon.log.rstrip().splitlines()[-1])
            self.assertFalse((daemon.folder / "data").exists())
            self.assertFalse((daemon.folder / "keys").exists())


def _drained(descriptor: int) -> str:
    """What has been written to a terminal, seen from its other end."""
    told = b""
    while select.select([descriptor], [], [], 0.2)[0]:
        try:
            piece = os.read(descriptor, 65536)
        except OSError:  # nobody holds the terminal any more
            break
        if not piece:
            break
        told += piece
    return told.decode()
