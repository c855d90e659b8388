"""A small filesystem of its own, which can be filled up and freed again."""

from __future__ import annotations

import os
import subprocess
from errno import ENOSPC
from pathlib import Path

from twisted.trial.unittest import SkipTest

PAGE = 4096
BALLAST = "ballast"


class SmallDisk:
    """A tmpfs over a folder, for its owner only, until it is unmounted.

    Raises `SkipTest` where this process may not mount anything.
    """

    def __init__(self, folder: Path, size: int) -> None:
        self.folder = folder
        folder.mkdir(mode=0o700, exist_ok=True)
        options = f"size={size},mode=0700"
        try:
            self._run("mount", "-t", "tmpfs", "-o", options, "tmpfs", folder)
        except (OSError, subprocess.CalledProcessError) as error:
            why = getattr(error, "stderr", "") or str(error)
            raise SkipTest(f"a small filesystem cannot be mounted: {why.strip()}") from None

    def _run(self, *command: str | Path) -> None:
        subprocess.run(command, check=True, capture_output=True, encoding="utf-8", timeout=20)

    def unmount(self) -> None:
        """Let go of it, and of all that it holds, whoever still has files of it open."""
        self._run("umount", "--lazy", self.folder)

    @property
    def free_bytes(self) -> int:
        """How much more it takes."""
        told = os.statvfs(self.folder)
        return told.f_bavail * told.f_frsize

    def fill(self, leave: int = 0) -> None:
        """Put ballast on it, until no more than so many bytes are free."""
        with (self.folder / BALLAST).open("ab", buffering=0) as file:
            try:
                while self.free_bytes > leave:
                    file.write(bytes(min(self.free_bytes - leave, 2**20)))
                while not leave:  # what a filesystem tells of the last bytes may be wrong
                    file.write(bytes(PAGE))
            except OSError as error:
                if error.errno != ENOSPC:
                    raise

    def free(self) -> None:
        """Take the ballast away."""
        (self.folder / BALLAST).unlink()
