"""docs/protocol.md as tests read it: its sections and its tables."""

from __future__ import annotations

import re
from pathlib import Path

from twisted.trial.unittest import SkipTest

import records

DOCUMENT = Path(records.__file__).parent.parent / "docs" / "protocol.md"
HEADING = re.compile(r"^#+ (?P<title>.*)$", re.M)


def document() -> str:
    """The whole document. Skips the test where there is none."""
    if not DOCUMENT.exists():
        raise SkipTest(f"there is no {DOCUMENT}: it comes with a checkout only")
    return DOCUMENT.read_text("utf-8")


def section(title: str) -> str:
    """What stands under a heading, up to the next one of any level."""
    text = document()
    found = [each for each in HEADING.finditer(text) if each["title"] == title]
    assert len(found) == 1, f"{len(found)} headings {title!r}"
    after = HEADING.search(text, found[0].end())
    return text[found[0].end() : after.start() if after else None]


def table(title: str, first: str) -> list[list[str]]:
    """The rows of a section's table whose first column has this heading; none if there is none."""
    lines = iter(section(title).splitlines())
    for line in lines:
        if line.startswith(f"| {first} |"):
            next(lines)
            break
    rows = []
    for line in lines:
        if not line.startswith("|"):
            break
        rows.append([cell.strip().strip("`") for cell in line.strip("|").split("|")])
    return rows
