"""What goes to and fro between the daemon and its process that writes, in `runtime.framing`."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from records.operations.boundaries import Done, Work
from records.runtime.framing import encode_frame, portable_error

WorkFrame = tuple[bool, list[tuple[Callable[..., object], tuple[object, ...]]]]
DoneFrame = tuple[bool, list[tuple[object, BaseException | None, str]]]
"""Both begin with whether they are of the bulk."""


class Stop(msgspec.Struct, frozen=True):
    """To the process that writes: there is no more, finish what there is and close."""


class Closed(msgspec.Struct, frozen=True):
    """The process that writes has done everything, and closed the database."""


class Opened(msgspec.Struct, frozen=True):
    """The process that writes has opened the database. problem: why it could not."""

    problem: str = ""


def frame_of_works(works: Sequence[Work], is_bulk: bool = False) -> bytes:
    """A parcel of works."""
    frame: WorkFrame = is_bulk, [(work.operation, work.args) for work in works]
    return encode_frame(frame)


def works_of(frame: WorkFrame) -> tuple[list[Work], bool]:
    """The works that it holds, and whether they are of the bulk."""
    is_bulk, works = frame
    return [Work(operation, args) for operation, args in works], is_bulk


def frame_of_outcomes(outcomes: Sequence[Done], is_bulk: bool = False) -> bytes:
    """A parcel of outcomes. A fault goes without its traceback, as what is told of it."""
    told = [(each.value, portable_error(each.error), each.trouble) for each in outcomes]
    frame: DoneFrame = is_bulk, told
    return encode_frame(frame)


def outcomes_of(frame: DoneFrame) -> tuple[list[Done], bool]:
    """The outcomes that it holds, and whether they are of the bulk."""
    is_bulk, outcomes = frame
    return [Done(value, error, trouble) for value, error, trouble in outcomes], is_bulk
