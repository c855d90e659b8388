"""The floor: a bare Twisted LineReceiver over the same TLS, which says one line to each line.

python -m bench.echo KEYS PORT ANSWER_FILE
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.endpoints import TCP4ServerEndpoint, wrapServerTLS
from twisted.internet.protocol import Factory
from twisted.protocols.basic import LineReceiver

from bench.processes import free_port, running
from records.tls.contexts import ServerTLS
from records.tls.keys import KeyFiles


@contextmanager
def echoing(keys: Path, answer: bytes, folder: Path, name: str) -> Iterator[int]:
    """An echo that gives this answer, a line; its port."""
    port = free_port()
    path = folder / f"{name}.answer"
    path.write_bytes(answer)
    command: list[str | Path] = [sys.executable, "-m", "bench.echo", keys, str(port), path]
    with running(command, folder / f"{name}.log", port=port):
        yield port


def main(keys: str, port: str, answer_file: str) -> None:
    """Listen until ended."""
    answer = Path(answer_file).read_bytes()

    class Echo(LineReceiver):
        delimiter = b"\n"
        transport: Any

        def lineReceived(self, line: bytes) -> None:
            self.transport.write(answer)

    endpoint = TCP4ServerEndpoint(reactor, int(port), interface="127.0.0.1")
    wrapServerTLS(ServerTLS(KeyFiles(Path(keys))), endpoint).listen(Factory.forProtocol(Echo))
    reactor.run()


if __name__ == "__main__":
    main(*sys.argv[1:])
