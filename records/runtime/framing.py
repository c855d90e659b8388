"""Length-prefixed pickle frames between the daemon and its child processes.

Both ends are one program, forked, over a socket that no other process has. Data from clients is
inside the frames as bytes and is never unpickled.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from struct import Struct
from typing import Any

import msgspec

from records.model.errors import RecordsError
from records.runtime.faults import RemoteFault

_LENGTH = Struct("<Q")


class ProcessFailed(msgspec.Struct, frozen=True):
    """The process cannot go on. why: the kind of the fault, and its place in the code.

    uncertain: the number of jobs that may have been done. They are the oldest ones, of the bulk
    queue if is_bulk, else of the interactive one.
    """

    why: str
    uncertain: int = 0
    is_bulk: bool = False


def encode_frame(thing: object) -> bytes:
    """A frame with this content."""
    content = pickle.dumps(thing, pickle.HIGHEST_PROTOCOL)
    return _LENGTH.pack(len(content)) + content


class FrameDecoder:
    """Decodes frames from bytes in pieces of any size."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def decode(self, data: bytes) -> Iterator[Any]:
        """The content of each frame that these bytes complete."""
        buffer = self._buffer
        buffer += data
        while len(buffer) >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(buffer)
            end = _LENGTH.size + length
            if len(buffer) < end:
                return
            content = bytes(buffer[_LENGTH.size : end])
            del buffer[:end]
            yield pickle.loads(content)  # noqa: S301  encoded by the other end, which is this program


def portable_error(error: BaseException | None) -> BaseException | None:
    """An error as it may leave a process: a fault goes as kind and place, without its traceback."""
    if error is None or isinstance(error, RecordsError):
        return error
    return RemoteFault.of(error)
