"""Tests for `tests.tree`: whatever must not be in the repository is found."""

from __future__ import annotations

import io
import shutil
import subprocess
import tarfile
import zipfile
from pathlib import Path

from twisted.trial.unittest import SkipTest, SynchronousTestCase

from tests.tree import MAX_BYTES, check, main, violations

KEY = b"-----BEGIN %b-----\n" % b"PRIVATE KEY" + b"A" * 64 + b"\n"
BAD = {
    "large.txt": b"x" * (MAX_BYTES + 1),
    "notes.txt": b"SQLite format 3\x00" + b"\x00" * 100,
    "server.txt": b"text before\n" + KEY,
    "legacy.txt": KEY.replace(b"PRIVATE", b"EC PRIVATE").replace(b"\n", b"\nProc-Type: 4\n"),
    "indented.py": b"    " + KEY,
    "records.sqlite": b"",
    "ca.key": b"",
    "__pycache__/x.pyc": b"",
    "_trial_temp/test.log": b"",
}


class ViolationTests(SynchronousTestCase):
    """Single files, and archives of them."""

    def test_each(self) -> None:
        """Each kind of file that must not be there is named."""
        for name, content in BAD.items():
            self.assertTrue(list(violations([(name, content)])), name)

    def test_good(self) -> None:
        """Sources, and certificates, are fine."""
        text = b"A private key is secret.\n-----BEGIN CERTIFICATE-----\nAAAA\n"
        self.assertEqual(list(violations([("records/keys.py", text), ("keys/README.md", b"")])), [])

    def test_archives(self) -> None:
        """Wheels and sdists are looked into."""
        folder = Path(self.mktemp())
        folder.mkdir()
        wheel, sdist = folder / "x.whl", folder / "x.tar.gz"
        with zipfile.ZipFile(wheel, "w") as archive:
            archive.writestr("records/ca.txt", KEY)
        with tarfile.open(sdist, "w:gz") as archive:
            member = tarfile.TarInfo("x/records/ca.txt")
            member.size = len(KEY)
            archive.addfile(member, io.BytesIO(KEY))
        for path in (wheel, sdist):
            self.assertIn("private key", " ".join(check(path)))


class CheckoutTests(SynchronousTestCase):
    """A git checkout."""

    def setUp(self) -> None:
        if shutil.which("git") is None:
            raise SkipTest("git is not installed")
        self.folder = Path(self.mktemp()).absolute()
        self.folder.mkdir()
        self.git("init", "--quiet")
        self.add(".gitignore", b"*.out\n")

    def git(self, *arguments: str) -> None:
        identity = ["-c", "user.name=Test", "-c", "user.email=test@example.com"]
        subprocess.run(["git", *identity, *arguments], cwd=self.folder, check=True)

    def add(self, name: str, content: bytes) -> None:
        (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (self.folder / name).write_bytes(content)
        self.git("add", "--force", name)
        self.git("commit", "--quiet", "--message", "A file")

    def test_clean(self) -> None:
        """A clean checkout passes, also with ignored files that git does not have."""
        (self.folder / "made.out").write_bytes(b"")
        self.assertEqual(check(self.folder), [])
        self.assertEqual(main([str(self.folder)]), 0)

    def test_committed(self) -> None:
        """Each kind of file is found once it is committed; so is an ignored one."""
        for name, content in (BAD | {"x.out": b""}).items():
            self.add(name, content)
        found = " ".join(check(self.folder))
        for name in (*BAD, "x.out"):
            self.assertIn(name, found)

    def test_unclean(self) -> None:
        """A file that tests leave behind, or change, is found."""
        (self.folder / "left").write_bytes(b"")
        self.assertIn("not clean", " ".join(check(self.folder)))
