"""The recording VFS: what SQLite writes, syncs, makes and removes, in order, while it does so.

Stands over SQLite's own VFS for Unix and lets everything through. While it is installed it is
the default one, so the product's connections use it without knowing. The files that are shared
memory (-shm) are not recorded: SQLite makes them anew when a database is first opened.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import apsw

from tests.faults.power import Event, Made, Removed, Resize, Sync, SyncFolder, Write

NAME = "recording"
_UNIX = "unix"
_OpenDirectory = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_char_p, ctypes.POINTER(ctypes.c_int))


class Recorder:
    """The record of one folder.

    found: what it held at the beginning. events: what has happened since.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        self.found: dict[str, bytes | None] = {
            path.name: path.read_bytes()
            for path in sorted(self.folder.iterdir())
            if not path.name.endswith("-shm")
        }
        self.events: list[Event] = []
        self._numbers = {name: number for number, name in enumerate(self.found, 1)}
        self._last = len(self._numbers)

    def name_of(self, path: str) -> str:
        """A file's name; only files of this very folder are recorded."""
        if Path(path).parent != self.folder:
            raise ValueError(f"{path} is not in the folder that is recorded")
        return Path(path).name

    def opened(self, path: str) -> int:
        """A file's number. Called before it is opened, which may make it."""
        name = self.name_of(path)
        if not Path(path).exists():
            self._last += 1
            self._numbers[name] = self._last
            self.events.append(Made(name, self._last))
        return self._numbers[name]

    def removed(self, path: str) -> None:
        """A file was removed."""
        name = self.name_of(path)
        del self._numbers[name]
        self.events.append(Removed(name))

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Record whatever SQLite does in this process meanwhile."""
        vfs = _RecordingVFS(self)
        try:
            yield
        finally:
            vfs.restore()
            vfs.unregister()


class _RecordingVFS(apsw.VFS):
    """Registered as the default VFS, until it is unregistered.

    SQLite syncs a new log's folder at the log's first sync, from within its own VFS. That it
    does is seen by the system call `openDirectory`, which it makes for nothing else.
    """

    def __init__(self, recorder: Recorder) -> None:
        super().__init__(NAME, _UNIX, makedefault=True)
        self._recorder = recorder
        self._is_folder_synced = False
        self._before = self.xGetSystemCall("openDirectory")
        assert self._before is not None
        original = _OpenDirectory(self._before)

        def open_directory(path: bytes, descriptor: object) -> int:
            self._is_folder_synced = True
            return int(original(path, descriptor))

        self._call = _OpenDirectory(open_directory)  # kept, or it would be gone when called
        address = ctypes.cast(self._call, ctypes.c_void_p).value
        assert address is not None
        self.xSetSystemCall("openDirectory", address)

    def restore(self) -> None:
        """Give SQLite its own system call back."""
        assert self._before is not None
        self.xSetSystemCall("openDirectory", self._before)

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> apsw.VFSFile:
        path = name.filename() if isinstance(name, apsw.URIFilename) else name
        if path is None:
            raise ValueError("temporary files are kept in memory")
        return _RecordedFile(self, self._recorder, self._recorder.opened(path), name, flags)

    def xDelete(self, filename: str, syncdir: bool) -> None:
        super().xDelete(filename, syncdir)
        self._recorder.removed(filename)
        self.note_folder()

    def note_folder(self) -> None:
        """Record that the folder was synced, if it was."""
        if self._is_folder_synced:
            self._is_folder_synced = False
            self._recorder.events.append(SyncFolder("."))


class _RecordedFile(apsw.VFSFile):
    def __init__(
        self,
        vfs: _RecordingVFS,
        recorder: Recorder,
        number: int,
        name: str | apsw.URIFilename | None,
        flags: list[int],
    ) -> None:
        super().__init__(_UNIX, name, flags)
        self._vfs = vfs
        self._events = recorder.events
        self._number = number
        self._is_read_only = bool(flags[0] & apsw.SQLITE_OPEN_READONLY)

    def xLock(self, level: int) -> None:
        """A read-only connection fails to lock the file when it closes, and SQLite goes on.

        apsw would raise that failure where the connection is closed. It keeps a `BusyError` to
        itself, and SQLite does the same after either.
        """
        try:
            super().xLock(level)
        except apsw.IOError:
            if not self._is_read_only:
                raise
            raise apsw.BusyError from None

    def xWrite(self, data: bytes, offset: int) -> None:
        super().xWrite(data, offset)
        self._events.append(Write(self._number, offset, bytes(data)))

    def xTruncate(self, newsize: int) -> None:
        super().xTruncate(newsize)
        self._events.append(Resize(self._number, newsize))

    def xSync(self, flags: int) -> None:
        super().xSync(flags)
        self._events.append(Sync(self._number))
        self._vfs.note_folder()
