"""What goes to and fro between the daemon and a process that it has forked, as bytes.

Owns the form: a length, and that many bytes of pickle. Both ends are one program, made by one
fork, over a socket that nobody else has; what comes from clients is inside, as they sent it.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from struct import Struct
from typing import Any

import msgspec

from records.model.errors import RecordsError
from records.runtime.faults import FarFault

_LENGTH = Struct("<Q")


class Broken(msgspec.Struct, frozen=True):
    """The process cannot go on. why: the kind of what came up, and where.

    doubtful: of how many works the outcome is not known; they are the first of those that wait, of
    the bulk or of the others.
    """

    why: str
    doubtful: int = 0
    is_bulk: bool = False


def pack(thing: object) -> bytes:
    """A parcel."""
    content = pickle.dumps(thing, pickle.HIGHEST_PROTOCOL)
    return _LENGTH.pack(len(content)) + content


class Unpacker:
    """Takes bytes as they come, and gives what the parcels among them hold."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def unpack(self, data: bytes) -> Iterator[Any]:
        """What has come in whole, now that these bytes have come as well."""
        buffer = self._buffer
        buffer += data
        while len(buffer) >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(buffer)
            end = _LENGTH.size + length
            if len(buffer) < end:
                return
            content = bytes(buffer[_LENGTH.size : end])
            del buffer[:end]
            yield pickle.loads(content)  # noqa: S301  only ever what the other end has packed


def portable(error: BaseException | None) -> BaseException | None:
    """An error as it may leave a process: of a fault goes what is told of it, and no traceback."""
    if error is None or isinstance(error, RecordsError):
        return error
    return FarFault.of(error)
