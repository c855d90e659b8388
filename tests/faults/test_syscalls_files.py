"""Programs that make, renew, upgrade, recover or copy files, with a fault at each system call.

Whatever happens to one of them, the next start works without anybody's help: keys and
certificates belong together and clients trust them, and the database is whole.
"""

from __future__ import annotations

import re
import shutil
import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path

import apsw

from records.auth.hashing import BcryptHasher
from records.operations.audit import verify_journal
from records.store.sqlite.upgrade import schema_files
from records.tls.keys import KeyFiles, days_left, make_certificate
from tests.faults.forked import NEXT_STEP, next_version
from tests.faults.injected import Call, How
from tests.faults.injected_daemon import Forked
from tests.faults.injected_programs import Program
from tests.faults.injected_programs_case import COST, ProgramCase, head_of, lone, read
from tests.faults.injected_scene import Scene
from tests.faults.scale import IS_LONG

START = ["-n", "records", "--listen", "tcp:0:interface=127.0.0.1", "--bcrypt-cost", "10"]


class StartTests(ProgramCase):
    """Starts."""

    def test_first(self) -> None:
        """A first start that is cut off, or fails, is made good by the next one."""
        program = Program(self.forks, "twistd", START, self.folder(), is_daemon=True)
        self.check_program(program, self.check_first)

    def test_first_database(self) -> None:
        """The first database is there whole or not at all, though the disk fills at its last step.

        SQLite itself, at a close, passes over what it could not copy out of the log.
        """
        program = Program(self.forks, "twistd", START, self.folder(), is_daemon=True)
        folder = self.folder() / "run"
        _, calls = program.run(program.copy(folder))
        copied = [
            call.point
            for call in calls
            if call.path.endswith("/.records.sqlite.new") and call.offset > 0
        ]
        self.assertGreater(len(copied), 10)
        for how in (How.EIO, How.ENOSPC):
            process, traced = program.run(program.copy(folder), copied[5], how)
            self.assertTrue(any(call.is_injected for call in traced))
            self.assertEqual(self.check_first(folder, process, how), "refused")

    def test_writer(self) -> None:
        """A start is refused in one line if its process that writes is killed, or cannot open."""
        template = self.used()
        head = head_of(template)
        program = Program(self.forks, "twistd", START, template, is_daemon=True)
        folder = self.folder() / "run"
        process, calls = program.run_with_writer(program.copy(folder))
        self.assertEqual(self.ending(process), "done")
        self.assertGreater(len(calls), 4)
        hows = (How.KILL, How.EIO, How.ENOSPC)
        for number, call in enumerate(calls):
            for how in hows if IS_LONG else hows[number : number + 1]:
                process, traced = program.run_with_writer(program.copy(folder), call.point, how)
                where = f"{how.name} at {call.point}: {process.err}{process.out[-1000:]}"
                self.assertEqual({each.thread for each in traced}, {traced[0].thread}, where)
                if how.is_kill:
                    self.assertIn("has ended: signal 9", process.err, where)
                else:
                    self.assertTrue(any(each.is_injected for each in traced), where)
                ended = self.ending(process)
                self.outcomes[f"{call.point.name} {how.name}: {ended}"] += 1
                self.assertEqual(ended, "refused", where)
                self.stop(self.started(folder))
                self.assertEqual(head_of(folder), head)
        self.told(self.id())

    def check_first(self, folder: Path, process: Forked, how: How) -> str:
        """The next start makes what is missing, and the first account can log in."""
        ended = self.ending(process)
        daemon = self.started(folder)
        wire = self.connect(daemon)
        password = self.first_password(daemon)
        wire.ask("login", username="admin", password=password)
        wire.close()
        self.stop(daemon)
        left = [path.name for path in folder.rglob("*.new*")]
        self.assertEqual(left, [])
        self.assertEqual(head_of(folder).seq, 2)
        return ended

    def test_recovery(self) -> None:
        """So is a start that has a killed daemon's log to recover from."""
        scene = self.scene()
        for number in range(3):
            scene.ask("employee.add", employee={"id": 10 + number, "given_name": "Ann"})
        head = scene.head()
        scene.daemon.kill()
        self.assertTrue((scene.daemon.folder / "data" / "records.sqlite-wal").stat().st_size)

        def check(folder: Path, process: Forked, how: How) -> str:
            ended = self.ending(process)
            daemon = self.started(folder)
            found = Scene(daemon, scene.token)
            self.assertEqual(found.title(12)[0], 1)
            self.assertEqual(found.head(), head)
            self.stop(daemon)
            return ended

        template = scene.daemon.folder
        program = Program(self.forks, "twistd", START, template, is_daemon=True)
        self.check_program(program, check)


class RenewalTests(ProgramCase):
    """The server's certificate, which has few days left."""

    def due(self) -> Path:
        """The folder of a daemon whose certificate is to be renewed at the next occasion."""
        folder = self.used()
        self.expire(folder)
        return folder

    def expire(self, folder: Path) -> None:
        """Put a certificate in place that was made long ago."""
        before = datetime.now(UTC) - timedelta(days=345)
        files = KeyFiles(folder / "keys")
        authority = files.ca_certificate.read_bytes()
        make_certificate(files, ["localhost", "127.0.0.1"], before)
        self.assertEqual(files.ca_certificate.read_bytes(), authority)

    def test_renewal(self) -> None:
        """A renewal that is cut off, or fails, is made good by the next start."""
        template = self.due()
        authority = (template / "keys" / "ca.crt").read_bytes()

        def check(folder: Path, process: Forked, how: How) -> str:
            ended = self.ending(process)
            self.assertEqual((folder / "keys" / "ca.crt").read_bytes(), authority)
            daemon = self.started(folder)
            self.connect(daemon).close()
            self.stop(daemon)
            self.assertGreater(days_left(KeyFiles(folder / "keys"), datetime.now(UTC)), 300)
            return ended

        self.check_program(Program(self.forks, "renew", [], template), check)

    def test_renewal_while_running(self) -> None:
        """One that fails in a daemon that runs leaves it serving, and is made good the next time.

        Here the occasion is a SIGHUP.
        """
        scene = self.scene()
        daemon, keys = scene.daemon, KeyFiles(scene.daemon.folder / "keys")
        self.expire(daemon.folder)
        calls = self.send_hangup(scene)
        self.assertGreater(len(calls), 8)
        for number in range(len(calls)) if IS_LONG else lone(calls):
            call = calls[number]
            for how in (How.EIO, How.ENOSPC) if IS_LONG else [(How.EIO, How.ENOSPC)[number % 2]]:
                self.expire(daemon.folder)
                seen = len(daemon.log)
                traced = self.send_hangup(scene, call.point.injection(how))
                told = daemon.log[seen:]
                self.assertTrue(any(each.is_injected for each in traced), str(call))
                scene.wire(scene.token).close()
                stayed = "The certificate stays as it was: " in told
                self.outcomes[f"{call.point.name} {how.name}: {'stays' if stayed else 'done'}"] += 1
                self.send_hangup(scene)
                scene.wire(scene.token).close()
                self.assertGreater(days_left(keys, datetime.now(UTC)), 300, str(call))
        self.told(self.id())

    def send_hangup(self, scene: Scene, *injections: str) -> list[Call]:
        """Have the daemon look at its keys; its calls."""
        daemon = scene.daemon
        seen = len(daemon.log)
        with self.strace(scene, *injections) as strace:
            daemon.signal(signal.SIGHUP)
            self.until_said(daemon, seen, "Certificate loaded|The certificate stays")
        return strace.calls


class UpgradeTests(ProgramCase):
    """The database of an earlier version."""

    def test_upgrade(self) -> None:
        """A schema step is done wholly or not at all, and the next start does it."""
        template = self.used()
        head = head_of(template)
        shutil.rmtree(template / "keys")

        def check(folder: Path, process: Forked, how: How) -> str:
            ended = self.ending(process)
            path = folder / "data" / "records.sqlite"
            is_done = self.is_upgraded(path)
            if ended == "done":
                self.assertTrue(is_done)
            self.assertEqual(read(path, verify_journal, next_version()), head)
            self.assertTrue(self.is_upgraded(path))
            return f"{ended}, {'upgraded' if is_done else 'as before'}"

        self.check_program(Program(self.forks, "upgrade", [], template), check)

    def is_upgraded(self, path: Path) -> bool:
        """Whether the step was done: its table, its column and its record, or none of them."""
        database = apsw.Connection(str(path))
        try:
            found = [
                database.execute("SELECT max(number) FROM schema_versions").get == NEXT_STEP.number,
                database.table_exists("main", "next_one"),
                "next_two" in [row[1] for row in database.execute("PRAGMA table_info(employees)")],
            ]
        finally:
            database.close()
        self.assertIn(found, ([True] * 3, [False] * 3))
        return found == [True] * 3


class AdminTests(ProgramCase):
    """`records.admin`, while no daemon runs."""

    def test_add(self) -> None:
        """An account that was told to be added is there, with the password that was shown."""
        template = self.used()
        before = head_of(template)

        def check(folder: Path, process: Forked, how: How) -> str:
            ended = self.ending(process)
            path = folder / "data" / "records.sqlite"
            account = read(path, lambda tx: tx.accounts.named("bob"), schema_files())
            is_there = account is not None
            shown = re.search(r"Password: (\S+)", process.out)
            if ended == "done":
                assert account is not None
                assert shown is not None
                self.assertTrue(BcryptHasher(10).verify(shown[1], account.password_hash))
            elif "Nothing was changed" in process.err:
                self.assertFalse(is_there)
                ended = "nothing was changed"
            self.assertEqual(head_of(folder).seq - before.seq, int(is_there))
            return f"{ended}, {'there' if is_there else 'absent'}"

        self.check_program(
            Program(self.forks, "admin", [*COST, "add", "bob", "hr"], template), check
        )

    def test_backup(self) -> None:
        """A backup is there whole or not at all, and what is left of one hinders no other."""
        template = self.used()
        head = head_of(template)
        program = Program(self.forks, "admin", ["backup", "data/copy.sqlite"], template)

        def check(folder: Path, process: Forked, how: How) -> str:
            ended = self.ending(process)
            copy = folder / "data" / "copy.sqlite"
            is_there = copy.exists()
            if is_there:
                self.assertEqual(head_of(folder, "copy.sqlite"), head)
                copy.unlink()
            self.assertTrue(is_there or ended != "done")
            self.assertEqual(head_of(folder), head)
            again = self.forks.fork("admin", ["backup", "data/copy.sqlite"], folder)
            self.assertEqual(again.wait(), 0, again.err)
            self.assertEqual(head_of(folder, "copy.sqlite"), head)
            return f"{ended}, {'there' if is_there else 'absent'}"

        self.check_program(program, check)
