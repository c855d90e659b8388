"""A connection as another program makes it: a line out, a line in, over verified TLS.

Written from the protocol alone; nothing of the product is used.
"""

from __future__ import annotations

import json
import socket
import ssl
from pathlib import Path
from typing import Any

WAIT = 20.0
"""Seconds after which anything that should have happened counts as failed."""


class Refusal(Exception):
    """The error that a request was answered with."""

    def __init__(self, error: dict[str, Any]) -> None:
        super().__init__(json.dumps(error))
        self.code: int = error["code"]
        self.message: str = error["message"]
        self.data: dict[str, Any] = error["data"]
        self.reason: str = self.data["reason"]


def request(method: str, request_id: object = 1, **params: Any) -> bytes:
    """A request as a line."""
    message = {"jsonrpc": "2.0", "method": method, "params": params, "id": request_id}
    return json.dumps(message).encode() + b"\n"


class Wire:
    """One connection over TLS, verified, that speaks the protocol line by line.

    buffer: bytes that the kernel keeps of what has not been read, or None for its own choice.
    """

    def __init__(self, port: int, ca: Path, *, buffer: int | None = None) -> None:
        raw = socket.socket()
        raw.settimeout(WAIT)
        if buffer is not None:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        try:
            raw.connect(("127.0.0.1", port))
            context = ssl.create_default_context(cafile=str(ca))
            self.socket = context.wrap_socket(raw, server_hostname="localhost")
        except BaseException:
            raw.close()
            raise
        self._file = self.socket.makefile("rb")

    def send(self, *lines: bytes) -> None:
        """Send lines, all at once."""
        self.socket.sendall(b"".join(lines))

    def line(self) -> bytes:
        """The next line; empty at the connection's end."""
        return self._file.readline()

    def read(self) -> Any:
        """The next answer."""
        return json.loads(self.line())

    def rest(self) -> bytes:
        """Everything until the daemon closes the connection, in good order or not."""
        received = b""
        try:
            while piece := self._file.read1(65536):
                received += piece
        except (ConnectionError, ssl.SSLError):
            pass
        return received

    def ask(self, method: str, **params: Any) -> Any:
        """The result of a request. Raises `Refusal`."""
        self.send(request(method, **params))
        answer = self.read()
        if "error" in answer:
            raise Refusal(answer["error"])
        return answer["result"]

    def everybody(self, **params: Any) -> list[dict[str, Any]]:
        """All pages of a list."""
        found: list[dict[str, Any]] = []
        cursor = None
        while True:
            page = self.ask("employee.list", limit=100, cursor=cursor, **params)
            found += page["employees"]
            cursor = page["cursor"]
            if cursor is None:
                return found

    def close(self) -> None:
        """End the connection without a goodbye."""
        self._file.close()
        self.socket.close()
