"""How often a fault is injected: a few times in each run of the tests, or as long as it takes."""

from __future__ import annotations

import os

IS_LONG = os.environ.get("RECORDS_LONG") == "1"
"""Whether the long form is asked for."""


def scaled(short: int, long: int) -> int:
    """The number for the form that is asked for."""
    return long if IS_LONG else short
