"""The power is lost at any moment of a daemon's first start and first hours.

What the daemon does to its folder is recorded by strace(1). Whatever is found after a power loss
is used as the next start uses it, in this process: the same steps, without the network.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from random import Random

from records.auth.hashing import BcryptHasher
from records.daemon.bootstrap import Places, lock, open_database, open_keys
from records.model.accounts import Account
from records.model.employee import Employee
from records.model.errors import Unusable
from records.operations.audit import verify_journal
from records.testing import sqlite_backend
from records.tls.contexts import ServerTLS
from records.tls.keys import KeyFiles
from tests.daemon_case import BIN, PASSWORD, Daemon, DaemonCase, until
from tests.faults.power import (
    Acknowledged,
    Disk,
    Event,
    Made,
    Sync,
    SyncFolder,
    Write,
    instants,
    lay_out,
)
from tests.faults.power_trace import Traced, has_ended, read_trace, strace
from tests.faults.scale import scaled

LOSSES = scaled(16, 1500)
AT_THE_END = 8
"""And after so many more, when all has been answered: what is then not durable never was."""
TRIES = 20
"""Within so many times as many losses a missing sync must be found."""
PASSWORD_CHANGED, EMPLOYEE_ADDED = 1, 2


class Unwell(Exception):
    """The daemon would not start well, or something acknowledged is missing."""


@dataclass(frozen=True)
class Recorded:
    """What both of a daemon's processes did, in their common order.

    answered: when what was answered. keys: the files that were made. writer: the process that
    writes.
    """

    traced: list[Traced]
    answered: dict[float, int]
    keys: dict[Path, bytes]
    writer: int

    def events(self, is_missing: Callable[[Traced], bool] = lambda each: False) -> list[Event]:
        """The events, but for these, and among them what was answered."""
        return _with_answers([each for each in self.traced if not is_missing(each)], self.answered)


class FirstStartTests(DaemonCase):
    """The power is lost in a new folder."""

    if shutil.which("strace") is None:
        skip = "strace is not installed"

    def recorded(self) -> Recorded:
        """A first start, the first login, an employee and a stop."""
        trace = Path(self.mktemp()).resolve()
        daemon = Daemon(
            self.folder(), ["--bcrypt-cost", "10"], twistd=[*strace(trace), BIN / "twistd"]
        )
        self.addCleanup(self.end_daemon, daemon)
        daemon.start()
        writer = daemon.writer
        wire = self.admin(daemon)
        changed = time.time()
        wire.ask("employee.add", employee={"given_name": "Ann", "family_name": "Lee"})
        added = time.time()
        wire.close()
        daemon.stop()
        assert daemon.process is not None
        until(partial(has_ended, trace, daemon.process.pid), "all is written down")
        keys = {path.relative_to(daemon.folder): path.read_bytes() for path in _key_files(daemon)}
        traced = read_trace(trace, daemon.folder)
        answered = {changed: PASSWORD_CHANGED, added: EMPLOYEE_ADDED}
        return Recorded(traced, answered, keys, writer)

    def check(self, folder: Path, keys: dict[Path, bytes], acknowledged: int) -> None:
        """Start as the daemon does. Raises `Unwell`."""
        try:
            account, employees, password = _started(folder)
        except Unusable as error:
            raise Unwell(str(error)) from None
        if acknowledged >= PASSWORD_CHANGED:
            if account.must_change_password:
                raise Unwell("the change of the password is lost")
            for path, content in keys.items():
                if not (folder / path).exists() or (folder / path).read_bytes() != content:
                    raise Unwell(f"{path} is another one")
        if acknowledged >= EMPLOYEE_ADDED and not employees:
            raise Unwell("the employee is lost")
        if not BcryptHasher(10).verify(password, account.password_hash):
            raise Unwell("the account's password is not the one that its owner has")

    def losses(self, events: list[Event], keys: dict[Path, bytes], seed: int) -> Iterator[str]:
        """What is wrong after a loss, for each of so many after which something is."""
        random = Random(seed)
        disk = Disk({})
        followed = 0
        chosen = [*instants(random, events, LOSSES), *[len(events)] * AT_THE_END]
        for number, instant in enumerate(chosen):
            for event in events[followed:instant]:
                disk.follow(event)
            followed = instant
            folder = Path(self.mktemp())
            lay_out(disk.lose_power(random), folder)
            try:
                self.check(folder, keys, disk.acknowledged)
            except Unwell as error:
                yield f"loss {number} before event {instant}: {error}"
            shutil.rmtree(folder)

    def test_any_moment(self) -> None:
        """Whenever the power is lost, the next start is a good one, with all that was answered.

        The first account has the password that stands in its file, or the one that it was
        changed to. And the record is complete enough to find what a missing sync would do.
        """
        life = self.recorded()
        missing: list[Callable[[Traced], bool]] = [
            lambda each: isinstance(each.event, Sync),
            lambda each: isinstance(each.event, SyncFolder),
            lambda each: isinstance(each.event, Sync) and each.thread == life.writer,
        ]
        for number, is_missing in enumerate(missing):
            careless = life.events(is_missing)
            found = (
                next(self.losses(careless, life.keys, seed), "") for seed in range(2, 2 + TRIES)
            )
            self.assertTrue(any(found), f"missing syncs {number}")
        self.check_order(life)
        self.assertEqual(list(self.losses(life.events(), life.keys, 1)), [])

    def check_order(self, life: Recorded) -> None:
        """What the writer process has written to the log is synced before it is answered.

        Nothing of the other's is among it, from when it listens until the stop.
        """
        begun = next(each.at for each in life.traced if each.thread == life.writer)
        log = {
            each.event.file
            for each in life.traced
            if isinstance(each.event, Made) and each.event.path.endswith("-wal")
        }
        last = max(life.answered)
        while_serving = [each for each in life.traced if begun <= each.at <= last]
        written = [
            each
            for each in while_serving
            if isinstance(each.event, Write | Sync) and each.event.file in log
        ]
        self.assertEqual({each.thread for each in written}, {life.writer})
        for at in life.answered:
            before = [each.event for each in written if each.at <= at]
            self.assertGreater(sum(isinstance(each, Write) for each in before), 1)
            self.assertIsInstance(before[-1], Sync)


def _started(folder: Path) -> tuple[Account, list[Employee], str]:
    """Start as the daemon does: the account, all employees, and the account's password."""
    places = Places(folder / "data", KeyFiles(folder / "keys"))
    descriptor = lock(places, ())
    try:
        open_keys(places, datetime.now(UTC))
        ServerTLS(places.keys)
        database, _ = open_database(
            places, sqlite_backend(lambda: time.time_ns() // 1000), BcryptHasher(10), os.urandom
        )
        reader = database.reader()
        try:
            tx = reader.begin()
            verify_journal(tx)
            (account,) = tx.accounts.everyone()
            employees = list(tx.employees.everyone())
            reader.end()
        finally:
            reader.close()
    finally:
        os.close(descriptor)
    if account.must_change_password:
        if not places.first_password.exists():
            raise Unwell("the first password's file is gone, and the password is still the first")
        return account, employees, places.first_password.read_text("ascii").strip()
    return account, employees, PASSWORD


def _key_files(daemon: Daemon) -> list[Path]:
    return sorted((daemon.folder / "keys").iterdir())


def _with_answers(traced: list[Traced], answered: dict[float, int]) -> list[Event]:
    """The events, and among them what was answered: before whatever was begun after that."""
    events: list[Event] = []
    left = sorted(answered)
    for each in traced:
        while left and each.at > left[0]:
            events.append(Acknowledged(answered[left.pop(0)]))
        events.append(each.event)
    return events + [Acknowledged(answered[at]) for at in left]
