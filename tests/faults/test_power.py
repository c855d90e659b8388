"""The power is lost at any moment: what was acknowledged is on the disk."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random

import apsw

from records.model.errors import Unusable
from records.model.fields import STANDARD
from records.store.sqlite.database import SqliteDatabase
from records.store.sqlite.transactions import CHECKPOINT_PAGES, SqliteWriter
from records.testing import FakeTime
from tests.faults.power import (
    SECTOR,
    Acknowledged,
    Disk,
    Event,
    Made,
    Sync,
    SyncFolder,
    Write,
    lay_out,
)
from tests.faults.power_life import (
    DATABASE,
    USUAL,
    Course,
    Damaged,
    Life,
    Lost,
    check,
    found_in,
    live,
    losses,
    new_database,
)
from tests.faults.power_recorder import NAME
from tests.faults.scale import IS_LONG, scaled
from tests.quiet import SharedMachineCase

LIVES = scaled(4, 100)
"""Databases, each with a life of its own."""
LOSSES = scaled(60, 120)
"""How often the power is lost in each life."""
SECOND_LOSSES = 6
"""How often it is lost again, after every tenth of these, while the database is opened and used."""
AGAIN = Course(batches=3, closing=0.3)
ALONE = Course(batches=240, sizes=range(1, 4), closing=0.0, beside=0.0)
TRIES = 40
"""Within so many losses a missing sync must be found."""
DATABASE_FILE = 1
"""The number that a recorder gives it: it is alone in its folder when a first life begins."""


class Careless(SqliteDatabase):
    """A database whose commits return before they are durable."""

    def writer(self) -> SqliteWriter:
        writer = super().writer()
        writer._connection.pragma("synchronous", 1)  # NORMAL
        return writer


class PowerCase(SharedMachineCase):
    """Lives that are recorded, and losses that are checked."""

    def setUp(self) -> None:
        # In memory where there is a place for that: what counts here is the record of syncs, and
        # waiting for a disk to do them would be most of the time.
        memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
        self.place = Path(tempfile.mkdtemp(prefix="records-power-", dir=memory))
        self.addCleanup(shutil.rmtree, self.place)

    def life(self, seed: int, course: Course = USUAL) -> Life:
        """A new database's life. It has ended well, so all of it must be there."""
        folder = self.place / f"life {seed}"
        new_database(folder)
        life = live(folder, Random(seed), course)
        self.assertEqual(found_in(folder), life.states[-1])
        return life

    def outcomes(self, life: Life, seed: int, times: int) -> Counter[str]:
        """How losses end: what of the harness's own sensitivity is counted."""
        ends: Counter[str] = Counter()
        for loss in losses(life, Random(seed), times, self.place / f"losses {seed}"):
            try:
                check(loss)
            except (Lost, Damaged) as fault:
                ends[type(fault).__name__] += 1
            else:
                ends["whole"] += 1
            shutil.rmtree(loss.folder)
        return ends

    def without(self, life: Life, is_missing: Callable[[Event], bool]) -> Life:
        """The same life, had these syncs not been made."""
        return replace(life, events=[each for each in life.events if not is_missing(each)])


class PowerLossTests(PowerCase):
    """The power is lost."""

    def survive(self, life: Life, seed: int, times: int, *, again: bool = True) -> int:
        """Lose the power so many times, and in some of these again; how often in all."""
        random = Random(seed)
        place = self.place / f"after {seed}"
        done = 0
        for number, loss in enumerate(losses(life, random, times, place)):
            where = f"seed {seed}, loss {number}, before event {loss.instant}"
            try:
                if again and number % 10 == 0:
                    second = live(loss.folder, random, AGAIN)
                    self.assertIn(second.states[0], loss.expected, where)
                    done += self.survive(
                        second, 1000 * (seed + 1) + number, SECOND_LOSSES, again=False
                    )
                else:
                    check(loss)
            except (Lost, Damaged, Unusable) as fault:
                self.fail(f"{fault}: {where}")
            done += 1
            shutil.rmtree(loss.folder)
        return done

    def test_nothing_acknowledged_is_lost(self) -> None:
        """Whenever the power is lost, all that was acknowledged is there, and nothing by half.

        Also when it is lost once more while the database is opened after that, and used again.
        """
        done = sum(self.survive(self.life(seed), seed, LOSSES) for seed in range(LIVES))
        self.assertGreaterEqual(done, LIVES * LOSSES)
        if IS_LONG:
            print(f"{done} power losses", end=" ")

    def test_large_log(self) -> None:
        """Nothing is lost where the log has grown until it is copied, and then begins anew."""
        for seed in range(scaled(1, 6)):
            life = self.life(seed, ALONE)
            copied = life.events.index(Sync(DATABASE_FILE))
            self.assertLess(copied, life.events.index(Acknowledged(ALONE.batches)))
            self.assertGreater(copied, CHECKPOINT_PAGES)
            self.survive(life, seed, scaled(25, 80), again=False)

    def test_header_torn(self) -> None:
        """A database whose very beginning was torn while the log was copied is made whole by it."""
        folder = self.place / "live"
        new_database(folder)
        life = live(folder, Random(6), ALONE)
        end = life.events.index(Sync(DATABASE_FILE))  # the log has been copied up to here
        disk = Disk(life.found)
        for event in life.events[:end]:
            disk.follow(event)
        found = disk.lose_power(Random(6))
        header = found[DATABASE]
        assert header is not None
        found[DATABASE] = bytes(SECTOR) + header[SECTOR:]
        lay_out(found, self.place / "torn")
        self.assertIn(found_in(self.place / "torn"), life.states[disk.acknowledged :])


class SensitivityTests(PowerCase):
    """What the harness would find if the product did less than it must."""

    def test_synchronous_normal(self) -> None:
        """With synchronous=NORMAL acknowledged work is lost; the database is whole, as SQLite says.

        See https://www.sqlite.org/pragma.html#pragma_synchronous.
        """
        life = self.life(
            1, Course(opening=lambda path: Careless(path, FakeTime(), catalogue=STANDARD))
        )
        ends = self.outcomes(life, 1, TRIES)
        self.assertGreater(ends["Lost"], 0)
        self.assertEqual(ends["Damaged"], 0)

    def test_log_not_synced(self) -> None:
        """Were the log never synced, work would be lost, and the database damaged."""
        life = self.life(2)
        logs = {
            event.file
            for event in life.events
            if isinstance(event, Made) and event.path == f"{DATABASE}-wal"
        }
        self.assertGreater(len(logs), 1)
        short = self.without(life, lambda event: isinstance(event, Sync) and event.file in logs)
        ends = self.outcomes(short, 2, TRIES)
        self.assertGreater(ends["Lost"], 0)
        self.assertGreater(ends["Damaged"], 0)

    def test_database_not_synced(self) -> None:
        """Were the database not synced before its log begins anew, it would be damaged."""
        life = self.life(3)
        short = self.without(life, lambda event: event == Sync(DATABASE_FILE))
        self.assertGreater(self.outcomes(short, 3, TRIES)["Damaged"], 0)

    def test_folder_not_synced(self) -> None:
        """Were the folder not synced, the log could vanish with all that was acknowledged."""
        short = self.without(self.life(4), lambda event: isinstance(event, SyncFolder))
        self.assertGreater(self.outcomes(short, 4, TRIES)["Lost"], 0)

    def test_vfs_is_restored(self) -> None:
        """A recording leaves SQLite as it was."""
        before = apsw.vfs_names()
        self.life(5, Course(batches=1))
        self.assertEqual(apsw.vfs_names(), before)
        self.assertNotIn(NAME, before)


class DiskTests(SharedMachineCase):
    """What a disk may hold."""

    def test_synced(self) -> None:
        """What was synced is there whatever happens."""
        for seed in range(50):
            disk = Disk({"a": b"before"})
            for event in (Write(1, 0, b"after."), Sync(1), Made("b", 2), SyncFolder(".")):
                disk.follow(event)
            self.assertEqual(disk.lose_power(Random(seed)), {"a": b"after.", "b": b""})

    def test_unsynced(self) -> None:
        """Two writes that were not synced are found each for itself, or in parts of sectors."""
        found = set()
        for seed in range(300):
            disk = Disk({"a": bytes(1024)})
            disk.follow(Write(1, 0, b"1" * 512))
            disk.follow(Write(1, 256, b"2" * 512))
            content = disk.lose_power(Random(seed))["a"]
            assert content is not None
            found.add(bytes(content[place] for place in (0, 300, 600, 1000)))
        for expected in (b"\0\0\0\0", b"11\0\0", b"\x0022\0", b"122\0", b"12\0\0", b"112\0"):
            self.assertIn(expected, found)

    def test_names(self) -> None:
        """A name that was made may vanish, and one that was removed may come back."""
        found = set()
        for seed in range(100):
            disk = Disk({"a": b"old"})
            for event in (Made("b", 2), Write(2, 0, b"new"), Sync(2)):
                disk.follow(event)
            found.add(tuple(sorted(disk.lose_power(Random(seed)))))
        self.assertEqual(found, {("a",), ("a", "b")})
