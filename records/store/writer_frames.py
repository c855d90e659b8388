"""The frames between the daemon and the writer process. See `records.runtime.framing`."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from records.operations.boundaries import Done, Work
from records.runtime.framing import encode_frame, portable_error

WorkFrame = tuple[bool, list[tuple[Callable[..., object], tuple[object, ...]]]]
DoneFrame = tuple[bool, list[tuple[object, BaseException | None, str]]]
"""Both begin with whether the jobs are bulk."""


class Stop(msgspec.Struct, frozen=True):
    """To the writer: no more jobs follow; finish and close."""


class Closed(msgspec.Struct, frozen=True):
    """From the writer: all jobs are done, and the database is closed."""


class Opened(msgspec.Struct, frozen=True):
    """From the writer: the database is open. problem: why it could not be opened."""

    problem: str = ""


def frame_of_works(works: Sequence[Work], is_bulk: bool = False) -> bytes:
    """A frame of work."""
    frame: WorkFrame = is_bulk, [(work.operation, work.args) for work in works]
    return encode_frame(frame)


def works_of(frame: WorkFrame) -> tuple[list[Work], bool]:
    """The work in a frame, and whether it is bulk."""
    is_bulk, works = frame
    return [Work(operation, args) for operation, args in works], is_bulk


def frame_of_outcomes(outcomes: Sequence[Done], is_bulk: bool = False) -> bytes:
    """A frame of outcomes. A fault goes as its kind and place, without its traceback."""
    told = [(each.value, portable_error(each.error), each.trouble) for each in outcomes]
    frame: DoneFrame = is_bulk, told
    return encode_frame(frame)


def outcomes_of(frame: DoneFrame) -> tuple[list[Done], bool]:
    """The outcomes in a frame, and whether they are of bulk work."""
    is_bulk, outcomes = frame
    return [Done(value, error, trouble) for value, error, trouble in outcomes], is_bulk
