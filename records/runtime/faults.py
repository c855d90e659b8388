"""Describes a fault without the data that the program was working on.

The text of an exception may quote a record or a password. So logs get the kind of the exception and
its place in the code, and nothing else.
"""

from __future__ import annotations

from pathlib import PurePath
from traceback import walk_tb

MAX_FRAMES = 12


class RemoteFault(Exception):
    """A fault of another process: its kind and its place."""

    def __init__(self, kind: str, place: str) -> None:
        super().__init__(kind, place)
        self.kind = kind
        self.place = place

    @classmethod
    def of(cls, error: BaseException) -> RemoteFault:
        """The description of a fault."""
        return cls(kind_of(error), place_of(error))


def kind_of(error: BaseException | None) -> str:
    """The name of the exception's class."""
    return error.kind if isinstance(error, RemoteFault) else type(error).__name__


def place_of(error: BaseException | None) -> str:
    """The innermost calls, outermost first: `methods.py:90 perform > employees.py:60 _shown`."""
    if isinstance(error, RemoteFault):
        return error.place
    if error is None or error.__traceback__ is None:
        return "an unknown place"
    frames = [
        f"{PurePath(frame.f_code.co_filename).name}:{line} {frame.f_code.co_name}"
        for frame, line in walk_tb(error.__traceback__)
    ]
    return " > ".join(frames[-MAX_FRAMES:])


def describe(error: BaseException | None) -> str:
    """Kind and place, as `KeyError at methods.py:90 perform`."""
    return f"{kind_of(error)} at {place_of(error)}"
