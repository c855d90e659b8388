"""Where in the program a fault came up, told without what the program was working on.

An exception's own text may quote what it choked on, and that may be a record or a password; so
logs get its kind and its place in the code, and nothing else of it.
"""

from __future__ import annotations

from pathlib import PurePath
from traceback import walk_tb

MAX_FRAMES = 12


def whereabouts(error: BaseException | None) -> str:
    """The innermost calls, outermost first: `methods.py:90 perform > employees.py:60 _shown`."""
    if error is None or error.__traceback__ is None:
        return "an unknown place"
    frames = [
        f"{PurePath(frame.f_code.co_filename).name}:{line} {frame.f_code.co_name}"
        for frame, line in walk_tb(error.__traceback__)
    ]
    return " > ".join(frames[-MAX_FRAMES:])
