"""What a planted bug is: a small edit of the product's source, and the test that must notice it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

Edit = tuple[str, str]
"""A text of the source, and what stands in its place when the bug is planted."""


@dataclass(frozen=True, slots=True)
class Bug:
    """A mistake that somebody could make.

    file: where, from the checkout's folder. breaks: which promise is not kept any more, in a
    sentence. test: the quickest one that ought to notice, as trial names it: a module, class or
    method.
    """

    name: str
    file: str
    breaks: str
    test: str
    edits: tuple[Edit, ...]

    def planted_in(self, source: str) -> str:
        """The source with the bug in it. Raises `ValueError` where an edit does not fit it."""
        for old, new in self.edits:
            count = source.count(old)
            if count != 1:
                raise ValueError(f"{self.name}: {self.file} has {old!r} {count} times")
            source = source.replace(old, new)
        return source

    def plant(self, checkout: Path) -> None:
        """Put it into a copy of the checkout."""
        path = checkout / self.file
        path.write_text(self.planted_in(path.read_text("utf-8")), "utf-8")


def bug(name: str, file: str, breaks: str, test: str, *edits: Edit) -> Bug:
    """A bug, in one line of a list."""
    return Bug(name, file, breaks, test, edits)
