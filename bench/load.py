"""Closed-loop load over TLS: so many connections, each with so many requests in flight.

Written for little work per request, because it shares the machine with what it measures.
"""

from __future__ import annotations

import select
import socket
import ssl
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

REQUEST_BYTES = 256 * 1024


@dataclass(frozen=True)
class Result:
    """What was measured. rate: answers a second; p50 and p99: milliseconds; errors: how many."""

    rate: float
    p50: float
    p99: float
    errors: int


class Line:
    """A blocking connection, for preparations."""

    def __init__(self, port: int, ca: Path) -> None:
        self.socket = connect(port, ca)
        self.file = self.socket.makefile("rb")

    def ask(self, request: bytes) -> bytes:
        """Send one line and read one."""
        self.socket.sendall(request + b"\n")
        return self.file.readline()

    def ask_many(self, requests: Sequence[bytes]) -> list[bytes]:
        """Send lines together and read as many."""
        self.socket.sendall(b"\n".join(requests) + b"\n")
        return [self.file.readline() for _ in requests]


def connect(port: int, ca: Path) -> ssl.SSLSocket:
    """A connection to this machine whose other end is known by `ca`."""
    context = ssl.create_default_context(cafile=str(ca))
    raw = socket.create_connection(("127.0.0.1", port))
    raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return context.wrap_socket(raw, server_hostname="localhost")


class _Client:
    __slots__ = ("made", "rest", "sent", "socket")

    def __init__(self, made: ssl.SSLSocket) -> None:
        self.socket = made
        self.sent: deque[float] = deque()
        self.rest = b""
        self.made = 0


def load(
    port: int,
    ca: Path,
    prologue: Sequence[bytes],
    request: Callable[[int, int], bytes],
    *,
    connections: int = 64,
    depth: int = 1,
    seconds: float = 5.0,
    warm_up: float = 1.0,
) -> Result:
    """Keep `depth` requests in flight on each connection, and count answers.

    prologue: lines to be sent first on each connection, one answer each. request: makes the n-th
    request of a connection, without its end.
    """
    clients = {}
    poll = select.epoll()
    for number in range(connections):
        made = connect(port, ca)
        for line in prologue:
            made.sendall(line + b"\n")
            while not made.recv(REQUEST_BYTES).endswith(b"\n"):
                pass
        made.setblocking(False)
        clients[made.fileno()] = (number, _Client(made))
        poll.register(made.fileno(), select.EPOLLIN)
    now = time.perf_counter
    latencies: list[float] = []
    errors = 0
    start = now()
    begin, end = start + warm_up, start + warm_up + seconds
    for number, client in clients.values():
        _send(client, [request(number, client.made + each) for each in range(depth)], now())
    while (moment := now()) < end:
        for descriptor, _ in poll.poll(0.1):
            number, client = clients[descriptor]
            try:
                data = client.socket.recv(REQUEST_BYTES)
            except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
                continue
            if not data:
                raise ConnectionError("the other end closed the connection")
            data = client.rest + data
            answers = data.count(b"\n")
            if not answers:
                client.rest = data
                continue
            client.rest = data[data.rindex(b"\n") + 1 :]
            errors += data.count(b'"error":{')
            moment = now()
            for _ in range(answers):
                sent = client.sent.popleft()
                if moment >= begin:
                    latencies.append(moment - sent)
            _send(client, [request(number, client.made + each) for each in range(answers)], moment)
    for _, client in clients.values():
        client.socket.setblocking(True)
        client.socket.close()
    latencies.sort()
    return Result(
        len(latencies) / seconds,
        1000 * latencies[len(latencies) // 2],
        1000 * latencies[len(latencies) * 99 // 100],
        errors,
    )


def _send(client: _Client, requests: list[bytes], moment: float) -> None:
    data = b"\n".join(requests) + b"\n"
    client.made += len(requests)
    client.sent.extend([moment] * len(requests))
    while data:
        try:
            data = data[client.socket.send(data) :]
        except (ssl.SSLWantWriteError, ssl.SSLWantReadError):
            select.select([], [client.socket], [], 1)
