"""`store.sqlite.database`: the disk is found to be full only when a batch is committed."""

from __future__ import annotations

import apsw

from records.model.errors import Busy
from records.operations.boundaries import Done
from records.test.store.sqlite.test_database import WriterCase

UNIX = "unix"


class SmallDisk(apsw.VFS):
    """SQLite's own way to the disk, which has no room for a log's pages while it `is_full`."""

    def __init__(self) -> None:
        super().__init__("small disk", UNIX, makedefault=True)
        self.is_full = False
        self.refused = 0

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> apsw.VFSFile:
        """See `apsw.VFS`."""
        return SmallDiskFile(self, name, flags)


class SmallDiskFile(apsw.VFSFile):
    """A file there."""

    def __init__(
        self, disk: SmallDisk, name: str | apsw.URIFilename | None, flags: list[int]
    ) -> None:
        super().__init__(UNIX, name, flags)
        self._disk = disk
        self._is_log = bool(flags[0] & apsw.SQLITE_OPEN_WAL)

    def xWrite(self, data: bytes, offset: int) -> None:
        """See `apsw.VFSFile`."""
        if self._is_log and self._disk.is_full:
            self._disk.refused += 1
            raise apsw.FullError
        super().xWrite(data, offset)


class FullAtCommitTests(WriterCase):
    """Until then a small batch has written nothing at all."""

    def setUp(self) -> None:
        self.disk = SmallDisk()
        self.addCleanup(self.disk.unregister)
        super().setUp()

    def test_refused(self) -> None:
        """Nothing of the batch is done, all of it is told so, and it goes on once there is room."""
        self.assertEqual(self.writer.run([self.add(1)]), [Done()])
        self.disk.is_full = True
        done = self.writer.run([self.add(2), self.add(3)])
        self.assertGreater(self.disk.refused, 0)
        self.assertEqual([type(each.error) for each in done], [Busy, Busy])
        self.assertEqual([each.trouble for each in done], ["FullError"] * 2)
        self.assertFalse(self.connection.in_transaction)
        self.assertEqual(self.ids(), [1])
        self.disk.is_full = False
        self.assertEqual(self.writer.run([self.add(3)]), [Done()])
        self.assertEqual(self.ids(), [1, 3])
