"""The manual page."""

from __future__ import annotations

import shutil
import subprocess

from twisted.trial.unittest import SynchronousTestCase

from records.client.arguments import make_parser
from records.client.cli import COMMANDS
from records.client.manual import page


class ManualTests(SynchronousTestCase):
    """records(1), made from the help."""

    def test_complete(self) -> None:
        """It names each command, and each option of each command."""
        text = page(make_parser())
        for command in COMMANDS:
            self.assertIn(f".SS records {command}\n", text)
        for option in ("host", "profile", "reveal", "where", "map", "skip\\-refused", "excel"):
            self.assertIn(f".B \\-\\-{option}", text)
        self.assertNotIn("%(", text)

    def test_read(self) -> None:
        """man reads it without a complaint."""
        program = shutil.which("groff")
        if program is None:
            self.skipTest("groff is not installed")
        done = subprocess.run(
            [program, "-man", "-Tutf8", "-ww"],
            input=page(make_parser()),
            encoding="utf-8",
            capture_output=True,
            check=False,
        )
        self.assertEqual((done.returncode, done.stderr), (0, ""))
