"""Where in the program a fault came up, told without what the program was working on.

An exception's own text may quote what it choked on, and that may be a record or a password; so
logs get its kind and its place in the code, and nothing else of it.
"""

from __future__ import annotations

from pathlib import PurePath
from traceback import walk_tb

MAX_FRAMES = 12


class FarFault(Exception):
    """A fault that came up in another process, of which no more than this has come over."""

    def __init__(self, kind: str, place: str) -> None:
        super().__init__(kind, place)
        self.kind = kind
        self.place = place

    @classmethod
    def of(cls, error: BaseException) -> FarFault:
        """What may be told of it."""
        return cls(kind_of(error), whereabouts(error))


def kind_of(error: BaseException | None) -> str:
    """Of which kind it is."""
    return error.kind if isinstance(error, FarFault) else type(error).__name__


def whereabouts(error: BaseException | None) -> str:
    """The innermost calls, outermost first: `methods.py:90 perform > employees.py:60 _shown`."""
    if isinstance(error, FarFault):
        return error.place
    if error is None or error.__traceback__ is None:
        return "an unknown place"
    frames = [
        f"{PurePath(frame.f_code.co_filename).name}:{line} {frame.f_code.co_name}"
        for frame, line in walk_tb(error.__traceback__)
    ]
    return " > ".join(frames[-MAX_FRAMES:])


def told(error: BaseException | None) -> str:
    """Both in a few words."""
    return f"{kind_of(error)} at {whereabouts(error)}"
