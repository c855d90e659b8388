"""What is measured: a kind of work that a system does, and where it finds what it needs.

A yardstick is a module with NAME, `missing()` and `works(stack, site)`.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from bench.load import Result


@dataclass(frozen=True)
class Work:
    """One line of the table. depth: requests in flight on each connection; 0 without a network.

    run: measures for so many seconds.
    """

    system: str
    name: str
    depth: int
    run: Callable[[float], Result]

    @property
    def label(self) -> str:
        """As the table and the promises name it."""
        return f"{self.system} {self.name} {self.depth}"


@dataclass(frozen=True)
class Site:
    """folder: for files. keys: with `ca.crt`, `server.crt` and `server.key`, good for localhost.

    database: a database of the product's, with so many employees; a yardstick copies it.
    """

    folder: Path
    keys: Path
    database: Path
    employees: int


class Yardstick(Protocol):
    """What such a module provides."""

    NAME: str

    def missing(self) -> str | None:
        """What is not installed, and how to get it; None if all is there."""

    def works(self, stack: ExitStack, site: Site) -> list[Work]:
        """Start whatever it takes, to be ended with the stack."""
