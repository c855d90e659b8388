"""kill -9 of a backup: it is whole or absent, and the daemon goes on."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.daemon_case import until
from tests.faults.scale import scaled
from tests.system.test_backup import DrillCase

KILLS = scaled(6, 200)


class KillTests(DrillCase):
    """A backup that is killed, beside a daemon under load."""

    def test_kill(self) -> None:
        """A backup that is killed at any moment is whole or absent, and the daemon goes on."""
        made = 0
        for number in range(KILLS):
            name = f"killed-{number}.tar"
            process = subprocess.Popen(
                [sys.executable, "-m", "records.admin", "backup", "--with-keys", name],
                cwd=self.daemon.folder,
                env=self.environment(),
                stdout=subprocess.DEVNULL,
            )
            drafts = (self.daemon.folder / f".{name}.new", self.daemon.folder / name)
            until(
                lambda d=drafts, p=process: any(x.exists() for x in d) or p.poll() == 0,
                "it is at it",
            )
            time.sleep(random.Random(number).random() * 0.05)
            process.send_signal(signal.SIGKILL)
            process.wait()
            seen = len(self.writer.added)
            until(lambda s=seen: len(self.writer.added) > s, "the daemon goes on")
            if (self.daemon.folder / name).exists():
                made += 1
                self.office(self.daemon, "restore", name, f"from-{number}")
            Path(self.daemon.folder / name).unlink(missing_ok=True)
            self.office(self.daemon, "backup", "--with-keys", name)
            self.assertFalse(drafts[0].exists())
