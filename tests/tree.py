"""What must not be in the repository or in a package: keys, databases, large and ignored files.

`python -m tests.tree PATH...` checks git checkouts, sdists and wheels. It prints each violation and
exits with 1 if there is one. A checkout must also be clean, and have no ignored file.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

MAX_BYTES = 512 * 1024
_KEY = re.compile(rb"-----BEGIN [A-Z ]*PRIVATE [K]EY")
_SQLITE = b"SQLite format 3\x00"
_SUFFIXES = (".sqlite", ".sqlite3", ".db", ".key", ".pem", ".sqlite-wal", ".sqlite-shm")
_MADE = (
    "__pycache__",
    "_trial_temp",
    ".hypothesis",
    ".coverage",
    ".venv",
    "twistd.pid",
    "twistd.log",
    "dropin.cache",
)

Content = tuple[str, bytes]
"""A file's name and what it holds."""


def violations(files: Iterable[Content]) -> Iterator[str]:
    """A sentence for each file that must not be there."""
    for name, content in files:
        if len(content) > MAX_BYTES:
            yield f"{name} is larger than {MAX_BYTES} bytes"
        if content.startswith(_SQLITE):
            yield f"{name} is a database"
        if _KEY.search(content):
            yield f"{name} holds a private key"
        if name.endswith(_SUFFIXES):
            yield f"{name} is named like a key or a database"
        if any(part.startswith(_MADE) for part in Path(name).parts):
            yield f"{name} is made by tools or by the daemon"


def _git(folder: Path, *arguments: str) -> list[str]:
    done = subprocess.run(
        ["git", *arguments, "-z"], cwd=folder, capture_output=True, encoding="utf-8", check=True
    )
    return [name for name in done.stdout.split("\0") if name]


def in_folder(folder: Path) -> Iterator[Content]:
    """The files that git has of a checkout."""
    for name in _git(folder, "ls-files"):
        if (folder / name).is_file():
            yield name, (folder / name).read_bytes()


def in_archive(path: Path) -> Iterator[Content]:
    """The files of a wheel or an sdist."""
    if path.suffix == ".whl":
        with zipfile.ZipFile(path) as wheel:
            for name in wheel.namelist():
                yield name, wheel.read(name)
        return
    with tarfile.open(path) as sdist:
        for member in sdist:
            file = sdist.extractfile(member)
            if file is not None:
                yield member.name, file.read()


def check(path: Path) -> list[str]:
    """Everything that is wrong with a checkout, a wheel or an sdist."""
    if not path.is_dir():
        return [f"{path.name}: {each}" for each in violations(in_archive(path))]
    found = list(violations(in_folder(path)))
    ignored = _git(path, "ls-files", "--cached", "--ignored", "--exclude-standard")
    found += [f"{name} is in git, although .gitignore ignores it" for name in ignored]
    found += [f"git status is not clean: {line}" for line in _git(path, "status", "--porcelain")]
    return found


def main(paths: Sequence[str]) -> int:
    """Check everything; the exit code."""
    found = [each for path in paths for each in check(Path(path))]
    for each in found:
        print(each)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
