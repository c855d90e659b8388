"""Closed-loop load over TLS: so many connections, each with so many requests in flight.

Knows no protocol: a `Framing` counts the answers in what was received, so that everything that is
compared is loaded by the same code. Written for little work per request, because it shares the
machine with what it measures.
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

RECEIVED = 64 * 1024
"""Bytes taken in at a time. More would be asked of the system, and given back, at each answer."""
WAIT = 60.0
"""Seconds after which an answer that has not come counts as a fault."""

Framing = Callable[[bytes], tuple[int, int, bytes]]
"""Splits what was received: how many whole answers, how many of them errors, and the rest."""

Request = Callable[[int, int], bytes]
"""Makes the n-th request of a connection, whole, from the connection's number and n."""


@dataclass(frozen=True)
class Result:
    """What was measured. rate: answers a second; p50 and p99: milliseconds; errors: how many."""

    rate: float
    p50: float
    p99: float
    errors: int = 0


def lines(data: bytes) -> tuple[int, int, bytes]:
    """The framing of JSON-RPC on lines, and of the echo."""
    answers = data.count(b"\n")
    if not answers:
        return 0, 0, data
    end = data.rindex(b"\n") + 1
    return answers, data.count(b'"error":{', 0, end), data[end:]


def percentile(ordered: Sequence[float], part: float) -> float:
    """That part (0 to 1) of the sorted values lies at or below this one."""
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))]


def result_of(latencies: list[float], seconds: float, errors: int = 0) -> Result:
    """latencies: of each answer, in seconds."""
    if not latencies:
        raise RuntimeError("nothing was answered")
    ordered = sorted(latencies)
    return Result(
        len(ordered) / seconds,
        1000 * percentile(ordered, 0.5),
        1000 * percentile(ordered, 0.99),
        errors,
    )


class Line:
    """A blocking connection that speaks lines, for preparations and for one request at a time."""

    def __init__(self, port: int, ca: Path, prologue: Sequence[bytes] = ()) -> None:
        self.socket = connect(port, ca)
        self.file = self.socket.makefile("rb")
        for request in prologue:
            self.ask(request)

    def ask(self, request: bytes) -> bytes:
        """Send a request and read its line. Raises if that is an error."""
        self.socket.sendall(request)
        answer = self.file.readline()
        if not answer or b'"error":{' in answer:
            raise RuntimeError(f"{request!r} was answered {answer!r}")
        return answer

    def close(self) -> None:
        """End the connection."""
        self.file.close()
        self.socket.close()


def connect(port: int, ca: Path) -> ssl.SSLSocket:
    """A connection to this machine whose other end is known by `ca`."""
    context = ssl.create_default_context(cafile=str(ca))
    raw = socket.create_connection(("127.0.0.1", port), WAIT)
    raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return context.wrap_socket(raw, server_hostname="localhost")


class _Client:
    __slots__ = ("made", "rest", "sent", "socket")

    def __init__(self, made: ssl.SSLSocket) -> None:
        self.socket = made
        self.sent: deque[float] = deque()
        self.rest = b""
        self.made = 0


def _introduce(made: ssl.SSLSocket, prologue: Sequence[bytes], framing: Framing) -> None:
    """Send what a connection begins with, such as a login."""
    for request in prologue:
        made.sendall(request)
        received = b""
        while not framing(received)[0]:
            more = made.recv(RECEIVED)
            if not more:
                raise ConnectionError("the other end closed the connection")
            received += more
        if framing(received)[1]:
            raise RuntimeError(f"a connection's beginning was refused: {received!r}")


def load(
    port: int,
    ca: Path,
    prologue: Sequence[bytes],
    request: Request,
    *,
    framing: Framing = lines,
    connections: int = 64,
    depth: int = 1,
    seconds: float = 5.0,
    warm_up: float | None = None,
) -> Result:
    """Keep `depth` requests in flight on each connection, and count answers.

    prologue: requests to be sent first on each connection, one answer each. warm_up: seconds
    that do not count, a second at most if it is not given.
    """
    warm_up = min(1.0, seconds / 2) if warm_up is None else warm_up
    clients = {}
    poll = select.epoll()
    for number in range(connections):
        made = connect(port, ca)
        _introduce(made, prologue, framing)
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
    while now() < end:
        for descriptor, _ in poll.poll(0.1):
            number, client = clients[descriptor]
            try:
                data = client.socket.recv(RECEIVED)
            except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
                continue
            if not data:
                raise ConnectionError("the other end closed the connection")
            answers, wrong, client.rest = framing(client.rest + data)
            if not answers:
                continue
            errors += wrong
            moment = now()
            for _ in range(answers):
                sent = client.sent.popleft()
                if begin <= moment < end:
                    latencies.append(moment - sent)
            _send(client, [request(number, client.made + each) for each in range(answers)], moment)
    poll.close()
    for _, client in clients.values():
        client.socket.close()
    return result_of(latencies, seconds, errors)


def _send(client: _Client, requests: list[bytes], moment: float) -> None:
    data = b"".join(requests)
    client.made += len(requests)
    client.sent.extend([moment] * len(requests))
    while data:
        try:
            data = data[client.socket.send(data) :]
        except (ssl.SSLWantWriteError, ssl.SSLWantReadError):
            select.select([], [client.socket], [], 1)


def one_at_a_time(line: Line, requests: Sequence[bytes]) -> Result:
    """Ask one after the other over one connection."""
    now = time.perf_counter
    latencies = []
    start = now()
    for request in requests:
        sent = now()
        line.ask(request)
        latencies.append(now() - sent)
    return result_of(latencies, now() - start)
