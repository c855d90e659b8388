"""The project installed as its users install it: into a fresh virtual environment."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import ClassVar

from twisted.trial.unittest import SkipTest

from tests.daemon_case import CHECKOUT, STOPPED, Daemon, DaemonCase
from tests.wire import WAIT

INSTALL_WAIT = 240.0
"""Seconds for pip, which may have to fetch everything."""
_MADE = shutil.ignore_patterns(
    *(".git", ".venv*", "__pycache__", "*.egg-info", "build", "dist", "_trial_temp*", ".*_cache"),
    *(".hypothesis", ".coverage*", "htmlcov", "*.key", "*.crt", "data", "twistd.*"),
)


def without_ours() -> dict[str, str]:
    """The environment, but for what would lead a program to this checkout or environment."""
    unwanted = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "COVERAGE_PROCESS_START")
    return {name: value for name, value in os.environ.items() if name not in unwanted}


def copy_checkout(target: Path) -> None:
    """Copy what git keeps of the checkout as it is now, or would keep if it were told of it.

    Where the files were taken out of git, everything but what tools and the daemon make.
    """
    names = _known_to_git()
    if "setup.cfg" not in names:
        shutil.copytree(CHECKOUT, target, ignore=_MADE, dirs_exist_ok=True)
        return
    for name in names:
        if (CHECKOUT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(CHECKOUT / name, target / name)


def _known_to_git() -> list[str]:
    if shutil.which("git") is None:
        return []
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=CHECKOUT,
        capture_output=True,
        encoding="utf-8",
        timeout=WAIT,
        check=False,
    )
    return listed.stdout.split("\0") if listed.returncode == 0 else []


class Installed:
    """A copy of the checkout, and a virtual environment that it is installed in.

    Raises `SkipTest` where no package index can be reached.
    """

    def __init__(self, folder: Path) -> None:
        self.source = folder / "source"
        self.bin = folder / "venv" / "bin"
        self.source.mkdir()
        copy_checkout(self.source)
        self.succeed([sys.executable, "-m", "venv", folder / "venv"])
        pip: list[str | Path] = [
            self.bin / "python",
            "-m",
            "pip",
            "--no-input",
            "--disable-pip-version-check",
        ]
        done = self._run([*pip, "install", "--no-compile", self.source])
        if done.returncode:
            # Whoever reaches an index gets what any build needs; then it is the project that fails.
            probe = self._run([*pip, "download", "--no-deps", "--dest", folder, "setuptools"])
            if probe.returncode:
                raise SkipTest("no package index can be reached, so nothing can be installed")
            raise AssertionError(done.stdout)

    def succeed(self, command: list[str | Path]) -> str:
        """What a command says that does what it is to do."""
        done = self._run(command)
        if done.returncode:
            raise AssertionError(done.stdout)
        return done.stdout

    def pip(self, *arguments: str) -> str:
        """Run the environment's pip."""
        return self.succeed([self.bin / "python", "-m", "pip", *arguments])

    def _run(self, command: list[str | Path]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            cwd=self.source,
            env=without_ours(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            timeout=INSTALL_WAIT,
            check=False,
        )


class TacDaemon(Daemon):
    """A daemon that is started by the checkout's records.tac, at a port that is written there."""

    def command(self) -> list[str | Path]:
        """See `Daemon`."""
        tac = self.folder / "records.tac"
        text = (CHECKOUT / "records.tac").read_text("utf-8")
        options = ["--listen", f"tcp:{self.port}:interface=127.0.0.1"]
        before, named, after = text.partition("parseOptions([])")
        assert named
        tac.write_text(f"{before}parseOptions({options}){after}", "utf-8")
        return [*self._twistd, "-ny", "records.tac"]


class InstallTests(DaemonCase):
    """`pip install`, and what there is afterwards."""

    _installed: ClassVar[Installed | SkipTest | None] = None

    def installed(self) -> Installed:
        """The installation, which all tests here share until one of them takes it away."""
        if InstallTests._installed is None:
            try:
                InstallTests._installed = Installed(self.folder())
            except SkipTest as reason:
                InstallTests._installed = reason
        if isinstance(InstallTests._installed, SkipTest):
            raise InstallTests._installed
        return InstallTests._installed

    def run_there(self, program: str, *arguments: str) -> str:
        """What an installed program says, run in an empty folder."""
        done = subprocess.run(
            [self.installed().bin / program, *arguments],
            cwd=self.folder(),
            env=without_ours(),
            capture_output=True,
            encoding="utf-8",
            timeout=WAIT,
            check=False,
        )
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertNotIn("Traceback", done.stdout + done.stderr)
        return done.stdout

    def check_daemon(self, daemon: Daemon) -> None:
        """The daemon starts, and keeps a record."""
        self.addCleanup(self.end_daemon, daemon)
        daemon.start()
        wire = self.admin(daemon)
        person = {"given_name": "Ada", "family_name": "Byron"}
        self.assertEqual(wire.ask("employee.add", employee=person)["employee"]["id"], 1)
        wire.close()
        self.assertEqual(daemon.stop(), STOPPED)
        self.assertIn("Stopped", daemon.log)
        self.assertTrue((daemon.folder / "data" / "records.sqlite").exists())

    def test_daemon(self) -> None:
        """`twistd -n records` runs in an empty folder, with everything that it needs."""
        twistd = self.installed().bin / "twistd"
        self.check_daemon(Daemon(self.folder(), (), [twistd], without_ours()))

    def test_tac(self) -> None:
        """`twistd -ny records.tac` runs the same daemon in a checkout."""
        twistd = self.installed().bin / "twistd"
        checkout = self.folder()
        copy_checkout(checkout)
        self.check_daemon(TacDaemon(checkout, (), [twistd], without_ours()))
        self.assertTrue((checkout / "keys" / "README.md").exists())

    def test_programs(self) -> None:
        """Every program is there, and tells how it is used; twistd lists the daemon."""
        listed = self.run_there("twistd", "--help")
        self.assertIn("records", listed)
        self.assertIn("employee records", listed)
        self.assertIn("--listen", self.run_there("twistd", "records", "--help"))
        by_name = self.run_there("records", "--help")
        self.assertIn("--ca", by_name)
        self.assertEqual(self.run_there("python", "-m", "records.client", "--help"), by_name)
        self.assertIn("verify", self.run_there("python", "-m", "records.admin", "--help"))
        self.assertIn("records", self.run_there("records", "--version"))
        self.assertIn(
            "PASSED", self.run_there("trial", "--dry-run", "records.test.api.test_jsonrpc")
        )

    def test_files(self) -> None:
        """The plugin and the SQL are installed, and nothing in other packages' places."""
        told = self.installed().pip("show", "--files", "records-daemon")
        names = [line.strip() for line in told.partition("\nFiles:\n")[2].splitlines()]
        self.assertIn("twisted/plugins/records_plugin.py", names)
        self.assertIn("records/store/sqlite/schema/0001_initial.sql", names)
        for name in names:
            ours = ("records/", "records_daemon-", "twisted/plugins/records_plugin")
            programs = ("bin/records", "bin/records-admin")
            self.assertTrue(name.startswith(ours) or name.endswith(programs), name)

    def test_from_the_environment(self) -> None:
        """What runs is what was installed, and not the checkout."""
        told = self.run_there("python", "-c", "import records; print(records.__file__)")
        self.assertTrue(Path(told.strip()).is_relative_to(self.installed().bin.parent))

    def test_uninstalled(self) -> None:
        """Uninstalled, the project leaves Twisted whole, and nothing of itself."""
        installed = self.installed()
        self.run_there("twistd", "--help")  # which has Twisted remember its plugins
        self.assertIn(
            "Successfully uninstalled", installed.pip("uninstall", "-y", "records-daemon")
        )
        self.addCleanup(setattr, InstallTests, "_installed", None)
        self.run_there("python", "-c", "import twisted.plugins, twisted.internet.reactor")
        listed = self.run_there("twistd", "--help")
        self.assertNotIn("records", listed)
        self.assertIn("web", listed)
        self.assertFalse((installed.bin / "records").exists())
        (packages,) = (installed.bin.parent / "lib").glob("python*/site-packages")
        left = [path.relative_to(packages) for path in packages.rglob("*records*")]
        self.assertEqual([path for path in left if "__pycache__" not in path.parts], [])
