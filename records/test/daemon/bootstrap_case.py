"""What the tests of the first start share: a folder for everything, in which there is nothing."""

from __future__ import annotations

import re
import stat
from collections.abc import Callable
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from records.daemon.bootstrap import (
    Places,
)
from records.model.errors import Unusable
from records.testing import FakeTime
from records.tls.keys import KeyFiles

ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
SHAPE = re.compile(rf"([{ALPHABET}]{{5}}-){{4}}[{ALPHABET}]{{5}}")


class PlacesCase(SynchronousTestCase):
    """A folder for everything, in which there is nothing."""

    def setUp(self) -> None:
        self.root = Path(self.mktemp())
        self.root.mkdir()
        self.places = Places(self.root / "data", KeyFiles(self.root / "keys"))
        self.clock: Callable[[], int] = FakeTime()

    def mode(self, path: Path) -> int:
        """Who may do what with a file."""
        return stat.S_IMODE(path.stat().st_mode)

    def unusable(self, path: Path, call: Callable[..., object], *args: object) -> str:
        """The one line with which a call is refused; it names the file or folder."""
        line = str(self.assertRaises(Unusable, call, *args))
        self.assertNotIn("\n", line)
        self.assertIn(str(path), line)
        return line
