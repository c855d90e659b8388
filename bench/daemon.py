"""The daemon under measurement: its process, its requests, and what it answers."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench import people
from bench.fill import OWNER, PASSWORD
from bench.load import Line, Request, Result, load
from bench.processes import free_port, running, wait_for

CONNECTIONS = 64
ALL_DAY = "86400"


def request(method: str, number: object = 1, **params: object) -> bytes:
    """A request as a line."""
    message = {"jsonrpc": "2.0", "method": method, "params": params, "id": number}
    return json.dumps(message, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"


def listing(beginning: str) -> bytes:
    """50 employees by the beginning of their family name."""
    return request("employee.list", where={"family_name": {"sw": beginning}}, limit=50)


def searching(words: str) -> bytes:
    """50 employees by words."""
    return request("employee.list", search=words, limit=50)


def get(number: int, identity: int = 1) -> bytes:
    """One employee."""
    return b'{"jsonrpc":"2.0","method":"employee.get","params":{"id":%d},"id":%d}\n' % (
        number,
        identity,
    )


class Daemon:
    """A daemon that listens, with an owner's session. See `started`."""

    def __init__(self, folder: Path, port: int, process: subprocess.Popen[bytes]) -> None:
        self.folder = folder
        self.port = port
        self.process = process
        self.ca = folder / "keys" / "ca.crt"
        line = Line(port, self.ca)
        told = json.loads(line.ask(request("login", username=OWNER, password=PASSWORD)))
        line.close()
        self.prologue = [request("resume", token=told["result"]["token"])]

    @property
    def database(self) -> Path:
        """The database's file."""
        return self.folder / "data" / "records.sqlite"

    def line(self) -> Line:
        """A connection of the owner's."""
        return Line(self.port, self.ca, self.prologue)

    def load(self, work: Request, depth: int, seconds: float) -> Result:
        """Load it with a kind of work."""
        return load(self.port, self.ca, self.prologue, work, depth=depth, seconds=seconds)

    def updates(self) -> Request:
        """Makes the n-th employee.update of a connection, which has an employee of its own."""
        line = self.line()
        first = [
            json.loads(line.ask(get(number + 1)))["result"]["employee"]["revision"]
            for number in range(CONNECTIONS)
        ]
        line.close()

        def update(connection: int, number: int) -> bytes:
            revision = first[connection] + number
            return (
                b'{"jsonrpc":"2.0","method":"employee.update","params":{"id":%d,"revision":%d,'
                b'"changes":{"location":"Room %d"}},"id":%d}\n'
            ) % (connection + 1, revision, revision, number)

        return update


def gets(employees: int) -> Request:
    """Makes the n-th employee.get of a connection."""
    return lambda connection, number: get(people.somebody(connection, number, employees), number)


def lists(employees: int) -> Request:
    """Makes the n-th employee.list of a connection."""
    return lambda connection, number: listing(people.prefix(connection * 997 + number, employees))


def command(port: int, *options: str) -> list[str | Path]:
    """The daemon's command line, for its folder."""
    twistd = Path(sys.executable).with_name("twistd")
    listen = f"tcp:{port}:interface=127.0.0.1"
    session = ["--session-idle", ALL_DAY, "--session-lifetime", ALL_DAY]
    return [twistd, "-n", "records", "--listen", listen, *session, *options]


@contextmanager
def started(folder: Path, *options: str) -> Iterator[Daemon]:
    """A daemon of a folder in which there is a database already."""
    port = free_port()
    with running(command(port, *options), folder / "log", port=port, folder=folder) as process:
        yield Daemon(folder, port, process)


@contextmanager
def started_anew(folder: Path) -> Iterator[tuple[Daemon, float]]:
    """The same, and the seconds from its execution until it answered for the first time."""
    port = free_port()
    log = folder / "log"
    begin = time.perf_counter()
    with running(command(port), log, folder=folder) as process:
        wait_for(port, process, log, step=0.002)
        line = Line(port, folder / "keys" / "ca.crt")
        line.ask(request("server.info"))
        seconds = time.perf_counter() - begin
        line.close()
        yield Daemon(folder, port, process), seconds
