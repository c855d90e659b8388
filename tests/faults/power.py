"""Power loss: what of a record of writes and syncs a disk may still hold after it.

Owns the record's events, and `Disk`, which follows them and tells what could be found afterwards.
Knows nothing of SQLite. A disk keeps what was synced. Whatever else was written to a file since
its last sync is kept, lost, overtaken by what was written later, or torn: at the boundaries of
sectors, with zeros or garbage in what is missing. A name that was made, moved or removed counts
for sure only once its folder has been synced; until then each may have happened or not.

Taken for granted, as SQLite does (https://www.sqlite.org/psow.html): a write that is cut off
harms no bytes next to those that it writes, and what a sync has brought to the disk stays there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path, PurePosixPath
from random import Random

SECTOR = 512
FOLDER = 0
"""Stands in the place of a file's number for a folder's."""


@dataclass(frozen=True, slots=True)
class Write:
    """Bytes were written to a file. file: its number, which outlives its names."""

    file: int
    offset: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Resize:
    """A file was cut off, or made longer."""

    file: int
    size: int


@dataclass(frozen=True, slots=True)
class Sync:
    """A sync of a file has returned."""

    file: int


@dataclass(frozen=True, slots=True)
class Made:
    """A name stands for a new file, or for a new folder."""

    path: str
    file: int


@dataclass(frozen=True, slots=True)
class Removed:
    """A name stands for nothing any more."""

    path: str


@dataclass(frozen=True, slots=True)
class Moved:
    """A file has another name, in the same folder; what had it before has none."""

    source: str
    target: str


@dataclass(frozen=True, slots=True)
class SyncFolder:
    """A sync of a folder has returned."""

    path: str


@dataclass(frozen=True, slots=True)
class Begun:
    """Batch number so and so was begun; 0 is what was there before."""

    batch: int


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """All of a batch was answered: from here on it must be there."""

    batch: int


Content = Write | Resize
Naming = Made | Removed | Moved
Event = Content | Sync | Naming | SyncFolder | Begun | Acknowledged
Files = Mapping[str, bytes | None]
"""Contents by path, relative to the folder that is recorded; None for a folder."""


def folder_of(path: str) -> str:
    """The folder that a name stands in; "." for the recorded one."""
    return str(PurePosixPath(path).parent)


class _Fate(Enum):
    KEPT = "kept"
    LOST = "lost"
    TORN = "torn"


class Disk:
    """A disk that follows a record.

    begun, acknowledged: the last batch of which this is so.
    """

    def __init__(self, files: Files) -> None:
        self.begun = self.acknowledged = 0
        self._contents: dict[int, bytearray] = {}
        self._names: dict[str, int] = {}
        self._unsynced: dict[int, list[Content]] = {}
        self._moves: list[Naming] = []
        for number, (path, content) in enumerate(files.items(), 1):
            self._names[path] = FOLDER if content is None else number
            self._contents[number] = bytearray(content or b"")

    def follow(self, event: Event) -> None:
        """Let the next event happen."""
        match event:
            case Write(file=file) | Resize(file=file):
                self._unsynced.setdefault(file, []).append(event)
            case Sync(file=file):
                for each in self._unsynced.pop(file, []):
                    _apply(self._content(file), each)
            case Made() | Removed() | Moved():
                self._moves.append(event)
            case SyncFolder(path=path):
                self._sync_folder(path)
            case Begun(batch=batch):
                self.begun = batch
            case Acknowledged(batch=batch):
                self.acknowledged = batch

    def _content(self, file: int) -> bytearray:
        return self._contents.setdefault(file, bytearray())

    def _sync_folder(self, path: str) -> None:
        left = []
        for move in self._moves:
            if folder_of(move.source if isinstance(move, Moved) else move.path) == path:
                _rename(self._names, move)
            else:
                left.append(move)
        self._moves = left

    def lose_power(self, random: Random) -> dict[str, bytes | None]:
        """What might be found if the power were lost now."""
        keeping = random.choice((0.0, 0.5, 0.9, 1.0, random.random()))
        tearing = random.choice((0.0, 0.0, 0.2, 1.0))
        in_order = random.random() < 0.25
        names = dict(self._names)
        for move in self._moves:
            if random.random() < keeping:
                _rename(names, move)
        found: dict[str, bytes | None] = {}
        for path in sorted(names, key=lambda name: name.count("/")):
            if folder_of(path) != "." and folder_of(path) not in found:
                continue  # it was in a folder that is gone
            if names[path] == FOLDER:
                found[path] = None
                continue
            content = bytearray(self._content(names[path]))
            unsynced = self._unsynced.get(names[path], [])
            fates = _fates(random, len(unsynced), keeping, tearing, in_order=in_order)
            for event, fate in zip(unsynced, fates, strict=True):
                if fate is _Fate.TORN and isinstance(event, Write):
                    for part in _torn(random, event, content):
                        _apply(content, part)
                elif fate is _Fate.KEPT:
                    _apply(content, event)
            found[path] = bytes(content)
        return found


def _fates(
    random: Random, count: int, keeping: float, tearing: float, *, in_order: bool
) -> list[_Fate]:
    """What becomes of so many events of a file that were not synced."""
    if in_order:  # up to some moment, and what was being written then is torn
        kept = random.randint(0, count)
        return [_Fate.KEPT] * kept + [_Fate.TORN, *[_Fate.LOST] * count][: count - kept]
    return [
        _Fate.KEPT
        if random.random() < keeping
        else _Fate.TORN
        if random.random() < tearing
        else _Fate.LOST
        for _ in range(count)
    ]


def _torn(random: Random, write: Write, content: bytearray) -> Iterable[Write]:
    """What a torn write leaves of itself, sector by sector."""
    missing = random.choice(("old", "zeros", "garbage"))
    end = write.offset + len(write.data)
    start = write.offset
    while start < end:
        stop = min(end, (start // SECTOR + 1) * SECTOR)
        if random.random() < 0.5:
            yield Write(write.file, start, write.data[start - write.offset : stop - write.offset])
        elif missing == "zeros":
            yield Write(write.file, start, bytes(stop - start))
        elif missing == "garbage":
            yield Write(write.file, start, random.randbytes(stop - start))
        start = stop


def _apply(content: bytearray, event: Content) -> None:
    if isinstance(event, Resize):
        del content[event.size :]
        content.extend(bytes(event.size - len(content)))
        return
    if len(content) < event.offset:
        content.extend(bytes(event.offset - len(content)))
    content[event.offset : event.offset + len(event.data)] = event.data


def _rename(names: dict[str, int], move: Naming) -> None:
    match move:
        case Made(path=path, file=file):
            names[path] = file
        case Removed(path=path):
            names.pop(path, None)
        case Moved(source=source, target=target):
            file = names.pop(source, -1)
            if file != -1:  # its making was lost, and so is its move
                names[target] = file


def instants(random: Random, events: list[Event], count: int) -> list[int]:
    """Before which events to lose the power, in order: half of them next to where much changes."""
    turning = [n for n, each in enumerate(events) if not isinstance(each, Write)]
    chosen = []
    for _ in range(count):
        if random.random() < 0.5:
            chosen.append(random.choice(turning) + random.randint(0, 1))
        else:
            chosen.append(random.randint(0, len(events)))
    return sorted(chosen)


def lay_out(files: Files, folder: Path) -> None:
    """Make the files as they were found, in a new folder, for their owner only."""
    folder.mkdir(mode=0o700, parents=True)
    for path, content in files.items():
        if content is None:
            (folder / path).mkdir(mode=0o700)
        else:
            (folder / path).write_bytes(content)
            (folder / path).chmod(0o600)
