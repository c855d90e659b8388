"""The yardstick FastAPI: `web_service` in one uvicorn worker, over TLS with HTTP keep-alive.

One request in flight a connection only: HTTP/1.1's pipelining is used by nobody.
"""

from __future__ import annotations

import json
import re
import sqlite3
import sys
from contextlib import ExitStack, closing
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

import bcrypt

from bench.daemon import CONNECTIONS
from bench.fill import OWNER, PASSWORD
from bench.load import Request, Result, connect, load
from bench.people import CURRENCY, SALARY, employee, prefix, somebody
from bench.processes import free_port, running
from bench.work import Site, Work

NAME = "FastAPI"
COST = 12
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


def missing() -> str | None:
    """FastAPI and uvicorn are in the extra `bench`."""
    wanted = [name for name in ("fastapi", "uvicorn") if find_spec(name) is None]
    return f"{' and '.join(wanted)} (pip install '.[bench]')" if wanted else None


def http(data: bytes) -> tuple[int, int, bytes]:
    """The framing of HTTP/1.1 answers with a Content-Length."""
    answers = errors = place = 0
    while (end := data.find(b"\r\n\r\n", place)) >= 0:
        length = _LENGTH.search(data, place, end)
        if length is None:
            raise ValueError(f"an answer without a length: {data[place:end]!r}")
        end += 4 + int(length[1])
        if end > len(data):
            break
        errors += data[place + 9 : place + 12] != b"200"
        answers += 1
        place = end
    return answers, errors, data[place:]


def _request(method: str, path: str, token: str = "", body: object = None) -> bytes:
    content = b"" if body is None else json.dumps(body).encode()
    head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n"
    if token:
        head += f"Authorization: Bearer {token}\r\n"
    if content:
        head += f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n"
    return head.encode() + b"\r\n" + content


def _fill(path: Path, employees: int) -> None:
    from bench.web_service import SCHEMA  # noqa: PLC0415  imports FastAPI, which may be missing

    with closing(sqlite3.connect(path)) as made, made:
        made.execute("PRAGMA journal_mode = wal")
        made.executescript(SCHEMA)
        hashed = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(COST))
        made.execute("INSERT INTO accounts VALUES (?, ?, 'owner')", (OWNER, hashed))
        names = list(employee(1))
        made.executemany(
            f"INSERT INTO employees (id, revision, {', '.join(names)}, salary)"
            f" VALUES (?, 1, {', '.join('?' * len(names))}, ?)",
            (
                (number, *employee(number).values(), f"{SALARY} {CURRENCY}")
                for number in range(1, employees + 1)
            ),
        )


class _Service:
    def __init__(self, port: int, ca: Path, employees: int) -> None:
        self._port, self._ca, self._employees = port, ca, employees
        told = self._ask(_request("POST", "/login", body={"username": OWNER, "password": PASSWORD}))
        self._token: str = told["token"]
        self._head = f"HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {self._token}\r\n"
        self._get = f"GET /employees/%d {self._head}\r\n".encode()

    def _ask(self, request: bytes) -> dict[str, str]:
        with connect(self._port, self._ca) as made:
            made.sendall(request)
            data = b""
            while not http(data)[0]:
                more = made.recv(65536)
                if not more:
                    raise ConnectionError("the service closed the connection")
                data += more
        if http(data)[1]:
            raise RuntimeError(f"FastAPI answered {data!r}")
        told: dict[str, str] = json.loads(data.partition(b"\r\n\r\n")[2])
        return told

    def get(self, connection: int, number: int) -> bytes:
        return self._get % somebody(connection, number, self._employees)

    def page(self, connection: int, number: int) -> bytes:
        beginning = quote(prefix(connection * 997 + number, self._employees))
        return f"GET /employees?family_name={beginning}&limit=50 {self._head}\r\n".encode()

    def updates(self) -> Request:
        paths = [f"/employees/{number + 1}" for number in range(CONNECTIONS)]
        first = [int(self._ask(_request("GET", path, self._token))["revision"]) for path in paths]

        def update(connection: int, number: int) -> bytes:
            revision = first[connection] + number
            changes = {"revision": revision, "location": f"Room {revision}"}
            return _request("PATCH", paths[connection], self._token, changes)

        return update

    def load(self, work: Request, seconds: float) -> Result:
        return load(self._port, self._ca, [], work, framing=http, seconds=seconds)


def works(stack: ExitStack, site: Site) -> list[Work]:
    """Fill a database, start the service, and log in."""
    path, port = site.folder / "web.sqlite", free_port()
    _fill(path, site.employees)
    command = [
        *(sys.executable, "-m", "uvicorn", "bench.web_service:make", "--factory"),
        *("--port", str(port), "--workers", "1", "--no-access-log", "--log-level", "warning"),
        *("--ssl-keyfile", str(site.keys / "server.key")),
        *("--ssl-certfile", str(site.keys / "server.crt")),
    ]
    environment = {"BENCH_DATABASE": str(path)}
    log = site.folder / "web.log"
    stack.enter_context(running(command, log, port=port, environment=environment))
    service = _Service(port, site.keys / "ca.crt", site.employees)
    return [
        Work(NAME, "get", 1, lambda seconds: service.load(service.get, seconds)),
        Work(NAME, "update", 1, lambda seconds: service.load(service.updates(), seconds)),
        Work(NAME, "list", 1, lambda seconds: service.load(service.page, seconds)),
    ]
