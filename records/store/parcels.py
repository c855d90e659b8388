"""What goes to and fro between the daemon and its process that writes, as bytes.

Owns the form: a length, and that many bytes of pickle. Both ends are one program, made by one
fork, over a socket that nobody else has; what comes from clients is inside, as they sent it.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator, Sequence
from struct import Struct
from typing import Any

import msgspec

from records.boundaries import Done, Work
from records.errors import RecordsError
from records.faults import FarFault

_LENGTH = Struct("<Q")

WorkParcel = tuple[bool, list[tuple[Callable[..., object], tuple[object, ...]]]]
DoneParcel = tuple[bool, list[tuple[object, BaseException | None, str]]]
"""Both begin with whether they are of the bulk."""


class Broken(msgspec.Struct, frozen=True):
    """The process that writes cannot go on. why: the kind of what came up, and where.

    doubtful: of how many works the outcome is not known; they are the first of those that wait, of
    the bulk or of the others.
    """

    why: str
    doubtful: int = 0
    is_bulk: bool = False


class Stop(msgspec.Struct, frozen=True):
    """To the process that writes: there is no more, finish what there is and close."""


class Closed(msgspec.Struct, frozen=True):
    """The process that writes has done everything, and closed the database."""


class Opened(msgspec.Struct, frozen=True):
    """The process that writes has opened the database. problem: why it could not."""

    problem: str = ""


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


def parcel_of_works(works: Sequence[Work], is_bulk: bool = False) -> bytes:
    """A parcel of works."""
    parcel: WorkParcel = is_bulk, [(work.operation, work.args) for work in works]
    return pack(parcel)


def works_of(parcel: WorkParcel) -> tuple[list[Work], bool]:
    """The works that it holds, and whether they are of the bulk."""
    is_bulk, works = parcel
    return [Work(operation, args) for operation, args in works], is_bulk


def parcel_of_outcomes(outcomes: Sequence[Done], is_bulk: bool = False) -> bytes:
    """A parcel of outcomes. A fault goes without its traceback, as what is told of it."""
    told = [(each.value, _portable(each.error), each.trouble) for each in outcomes]
    parcel: DoneParcel = is_bulk, told
    return pack(parcel)


def outcomes_of(parcel: DoneParcel) -> tuple[list[Done], bool]:
    """The outcomes that it holds, and whether they are of the bulk."""
    is_bulk, outcomes = parcel
    return [Done(value, error, trouble) for value, error, trouble in outcomes], is_bulk


def _portable(error: BaseException | None) -> BaseException | None:
    if error is None or isinstance(error, RecordsError):
        return error
    return FarFault.of(error)
