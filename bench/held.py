"""Holds many logged-in connections that say nothing, in a process of its own.

python -m bench.held PORT CA_FILE COUNT < LINE_THAT_LOGS_IN

Says how many it holds once all are there, and holds them until its standard input ends.
"""

from __future__ import annotations

import resource
import socket
import ssl
import sys

WAIT = 60.0


def main(port: str, ca: str, count: str) -> None:
    """Connect, log in, say so, and wait."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    login = sys.stdin.buffer.readline()
    context = ssl.create_default_context(cafile=ca)
    held: list[ssl.SSLSocket] = []
    for _ in range(int(count)):
        raw = socket.create_connection(("127.0.0.1", int(port)), WAIT)
        made = context.wrap_socket(raw, server_hostname="localhost")
        made.sendall(login)
        answer = b""
        while not answer.endswith(b"\n"):
            more = made.recv(65536)
            if not more:
                raise ConnectionError(f"connection {len(held) + 1} was closed")
            answer += more
        if b'"error":{' in answer:
            raise ConnectionError(f"connection {len(held) + 1} was refused: {answer!r}")
        held.append(made)
    print(len(held), flush=True)
    sys.stdin.buffer.read()


if __name__ == "__main__":
    main(*sys.argv[1:])
