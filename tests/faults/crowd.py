"""A crowd of hostile clients: a process of its own, so that its work can be told from the daemon's.

    python -m tests.faults.crowd PORT KIND COUNT SOURCES TOKEN NOBODYS_TOKEN

Opens COUNT connections from SOURCES addresses of this machine, says `{"open": ...}` on standard
output once each has got as far as its kind goes, keeps at it until standard input ends, hangs up,
and says what it has done. NOBODYS_TOKEN is that of a session that may do nothing. A connection that
the daemon ends is opened again. The process gives way to every other (nice 19): what it takes of
the processor is what nobody else wanted.
"""

from __future__ import annotations

import json
import os
import resource
import select
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.faults.crowd_kinds import FLOODS, KINDS, PIECE, request

CHECKOUT = Path(__file__).resolve().parents[2]
HURRY = 64
"""How many connections are being opened at a time."""
_RETRY = 0.5  # seconds before a connection that was lost is opened again


class Client:
    """One connection."""

    def __init__(self, crowd: _Crowd, number: int, kind: str) -> None:
        self.crowd, self.number, self.kind_name, self.kind = crowd, number, kind, KINDS[kind]
        self.is_there = False
        self.mask = 0
        self.next_at = 0.0
        self.said = 0
        self.socket: Any = None

    def open(self) -> None:
        """Begin to connect."""
        raw = socket.socket()
        raw.setblocking(False)
        if not self.kind.reads:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        raw.bind((f"127.0.{1 + self.number % self.crowd.sources}.1", 0))
        raw.connect_ex(("127.0.0.1", self.crowd.port))
        self.socket = raw
        self._left = b""
        self._step = self._connect
        self.crowd.watch(self, select.EPOLLOUT)

    def act(self) -> None:
        """Go on, as the socket allows."""
        try:
            self._step()
        except (ssl.SSLWantReadError, BlockingIOError):
            self.crowd.watch(self, select.EPOLLIN)
        except ssl.SSLWantWriteError:
            self.crowd.watch(self, select.EPOLLOUT)
        except OSError:
            self.crowd.lost(self)

    def _connect(self) -> None:
        if self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            raise ConnectionError
        if self.kind.tls == "none":
            self._arrive()
        elif self.kind.tls == "half":
            self.socket.send(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(40))
            self._arrive()
        else:
            self.socket = self.crowd.context.wrap_socket(
                self.socket,
                server_hostname="localhost",
                do_handshake_on_connect=False,
                session=self.crowd.ticket,
            )
            self._step = self._shake
            self._shake()

    def _shake(self) -> None:
        self.socket.do_handshake()
        if not self.kind.enters:
            self._arrive()
            return
        token = self.crowd.nobodys_token if self.kind.as_nobody else self.crowd.token
        self.socket.send(request("resume", 0, token=token))
        self._step = self._enter
        self._enter()

    def _enter(self) -> None:
        if b'"result"' not in self.socket.recv(PIECE):
            raise ConnectionError
        self.crowd.ticket = self.crowd.ticket or self.socket.session
        self._arrive()

    def _arrive(self) -> None:
        self.is_there = True
        self.crowd.arrived(self)
        self._step = self._live
        if self.kind.says is None:
            self.crowd.watch(self, select.EPOLLIN)
        elif self.crowd.is_let_loose:
            self.go()

    def go(self) -> None:
        """Begin with what this kind does."""
        reading = select.EPOLLIN if self.kind.reads else 0
        if self.kind.pause:
            self.next_at = time.monotonic() + self.kind.pause
            self.crowd.slow.append(self)
            self.crowd.watch(self, reading)
        else:
            self.crowd.watch(self, reading | select.EPOLLOUT)

    def _live(self) -> None:
        if self.kind.reads:
            self._read()
        if self.kind.says is not None and self.crowd.is_let_loose and not self.kind.pause:
            self._say()

    def _read(self) -> None:
        try:
            while received := self.socket.recv(8 * PIECE):
                self.crowd.answers[self.kind_name] += received.count(b"\n")
                if len(received) < PIECE:
                    return
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError, BlockingIOError):
            return
        raise ConnectionError

    def _say(self) -> None:
        """Send more, as far as it is taken. What was begun must be offered again as it was."""
        assert self.kind.says is not None
        reading = select.EPOLLIN if self.kind.reads else 0
        self.crowd.watch(self, reading | select.EPOLLOUT)
        if not self._left:
            self._left = self.kind.says(self.said)
            self.said += 1
            self.crowd.sent[self.kind_name] += 1
        try:
            self._left = self._left[self.socket.send(self._left[:PIECE]) :]
        except (ssl.SSLWantWriteError, ssl.SSLWantReadError, BlockingIOError):
            return

    def say_slowly(self, now: float) -> None:
        """Send one more byte."""
        assert self.kind.says is not None
        self.next_at = now + self.kind.pause
        try:
            self.socket.send(self.kind.says(self.said))
            self.said += 1
            self.crowd.sent[self.kind_name] += 1
        except (ssl.SSLWantWriteError, ssl.SSLWantReadError, BlockingIOError):
            pass
        except OSError:
            self.crowd.lost(self)


class _Crowd:
    """All of them. answers and sent count by kind; ended: how often the daemon hung up."""

    def __init__(
        self, port: int, kind: str, count: int, sources: int, token: str, nobodys_token: str
    ) -> None:
        self.port, self.sources = port, sources
        self.token, self.nobodys_token = token, nobodys_token
        self.context = ssl.create_default_context()
        self.context.check_hostname = False
        self.context.verify_mode = ssl.CERT_NONE  # it trusts whom it attacks
        self.ticket: ssl.SSLSession | None = None
        self.is_let_loose = False
        self.answers: Counter[str] = Counter()
        self.sent: Counter[str] = Counter()
        self.ended: Counter[str] = Counter()
        self.slow: deque[Client] = deque()
        self._poll = select.epoll()
        self._by_number: dict[int, Client] = {}
        self._opening = 0
        self._there = 0
        names = {"floods": FLOODS}.get(kind, (kind,))
        self._waiting = deque(
            (0.0, Client(self, number, names[number % len(names)])) for number in range(count)
        )
        self._clients = [client for _, client in self._waiting]

    def watch(self, client: Client, mask: int) -> None:
        """Be told of these events of a client's."""
        number = client.socket.fileno()
        if number not in self._by_number:
            self._by_number[number] = client
            self._poll.register(number, mask)
        elif mask != client.mask:
            self._poll.modify(number, mask)
        client.mask = mask

    def arrived(self, client: Client) -> None:
        """A client is as far as its kind goes."""
        self._opening -= 1
        self._there += 1

    def lost(self, client: Client) -> None:
        """The daemon has hung up."""
        self.ended[client.kind_name] += 1
        if client.is_there:
            self._there -= 1
        else:
            self._opening -= 1
        client.is_there = False
        del self._by_number[client.socket.fileno()]
        client.socket.close()
        self._waiting.append((time.monotonic() + _RETRY, client))

    def run(self) -> None:
        """All of it, until standard input ends."""
        self._poll.register(0, select.EPOLLIN)
        told = False
        while True:
            now = time.monotonic()
            while self._waiting and self._opening < HURRY and self._waiting[0][0] <= now:
                self._opening += 1
                self._waiting.popleft()[1].open()
            if not told and self._there == len(self._clients):
                told = True
                print(json.dumps({"open": self._there}), flush=True)
                self.is_let_loose = True
                for client in self._clients:
                    if client.kind.says is not None:
                        client.go()
            while self.slow and self.slow[0].next_at <= now:
                client = self.slow.popleft()
                if client.is_there:
                    client.say_slowly(now)
                    self.slow.append(client)
            for number, _ in self._poll.poll(0.05, 256):
                if number == 0:
                    self._hang_up()
                    return
                found = self._by_number.get(number)
                if found is not None:
                    found.act()

    def _hang_up(self) -> None:
        there = self._there
        for client in self._by_number.values():
            client.socket.close()
        told = {"there": there, "answers": self.answers, "sent": self.sent, "ended": self.ended}
        print(json.dumps(told), flush=True)


class Crowd:
    """A crowd's process, as a test has it."""

    def __init__(
        self, port: int, kind: str, count: int, tokens: tuple[str, str], sources: int = 8
    ) -> None:
        command = [sys.executable, "-m", "tests.faults.crowd"]
        environment = {k: v for k, v in os.environ.items() if k != "COVERAGE_PROCESS_START"}
        self.process = subprocess.Popen(
            [*command, str(port), kind, str(count), str(sources), *tokens],
            cwd=CHECKOUT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def _told(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise AssertionError("the crowd has ended by itself")
        told: dict[str, Any] = json.loads(line)
        return told

    def wait(self) -> None:
        """Wait until all are there."""
        self._told()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Its process does nothing meanwhile; its connections stay."""
        self.process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.process.send_signal(signal.SIGCONT)

    def leave(self) -> dict[str, Any]:
        """Have all hang up at once; what they have done."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        told = self._told()
        self.process.wait()
        return told

    def end(self) -> None:
        """End the process, whatever it does."""
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe is not None
            pipe.close()
        self.process.kill()
        self.process.wait()


def main(port: str, kind: str, count: str, sources: str, token: str, nobodys_token: str) -> None:
    """Be a crowd."""
    os.nice(19)
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    _Crowd(int(port), kind, int(count), int(sources), token, nobodys_token).run()


if __name__ == "__main__":
    main(*sys.argv[1:])
