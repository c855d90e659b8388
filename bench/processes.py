"""Starting servers and ending them by their process id, each within a bounded wait."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

START = 60.0
STOP = 30.0


def free_port() -> int:
    """A port that nobody listens on, chosen by the kernel."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def end(process: subprocess.Popen[bytes], number: signal.Signals = signal.SIGTERM) -> None:
    """End a process, by force if it does not end on asking."""
    if process.poll() is None:
        process.send_signal(number)
        try:
            process.wait(STOP)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(STOP)


@contextmanager
def running(
    command: Sequence[str | Path],
    log: Path,
    *,
    port: int | None = None,
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
    stop: signal.Signals = signal.SIGTERM,
) -> Iterator[subprocess.Popen[bytes]]:
    """A server as long as the block lasts. port: wait until it listens there."""
    with log.open("ab") as out:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
        )
        try:
            if port is not None:
                wait_for(port, process, log)
            yield process
        finally:
            end(process, stop)


def wait_for(port: int, process: subprocess.Popen[bytes], log: Path, step: float = 0.05) -> None:
    """Wait until somebody listens at the port. Raises with the log if the process ends first."""
    limit = time.monotonic() + START
    while time.monotonic() < limit:
        if process.poll() is not None:
            told = log.read_text("utf-8", "replace")[-2000:]
            raise RuntimeError(f"{process.args!r} ended instead of listening:\n{told}")
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(step)
        else:
            return
    raise RuntimeError(f"{process.args!r} does not listen")


def run(
    command: Sequence[str | Path],
    *,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
    within: float = 600.0,
) -> str:
    """Run a program to its end; its output. Raises with what it said if it fails."""
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, **(environment or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=within,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{command} failed:\n{done.stdout}\n{done.stderr}")
    return done.stdout


def unprivileged(user: str) -> list[str]:
    """What goes before a command that refuses to run as root, or should not: nothing otherwise."""
    if os.geteuid() != 0:
        return []
    return ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups"]


@contextmanager
def folder_of(user: str) -> Iterator[Path]:
    """A temporary folder that this user owns, where it is root who asks."""
    with tempfile.TemporaryDirectory(prefix="records-bench-") as name:
        if os.geteuid() == 0:
            shutil.chown(name, user, user)
        yield Path(name)


def give_to(user: str, *paths: Path) -> None:
    """Hand files to this user, for themselves only, where it is root who asks."""
    for path in paths:
        path.chmod(0o600)
        if os.geteuid() == 0:
            shutil.chown(path, user, user)


def resident(process_id: int) -> dict[str, int]:
    """How much memory a process has, in KiB: Rss, Pss and the rest of proc(5)'s smaps_rollup."""
    text = Path(f"/proc/{process_id}/smaps_rollup").read_text("ascii").splitlines()[1:]
    return {line.split(":")[0]: int(line.split()[1]) for line in text}
