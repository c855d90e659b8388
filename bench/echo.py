"""The yardstick: a bare Twisted LineReceiver over the same TLS, which says one line to each line.

python -m bench.echo KEYS PORT ANSWER_FILE
"""

from __future__ import annotations

import sys
from pathlib import Path

from twisted.internet import reactor
from twisted.internet.endpoints import TCP4ServerEndpoint, wrapServerTLS
from twisted.internet.protocol import Factory
from twisted.protocols.basic import LineReceiver

from records.keys import KeyFiles
from records.tls import ServerTLS


def main(keys: str, port: str, answer_file: str) -> None:
    """Listen until ended."""
    answer = Path(answer_file).read_bytes()

    class Echo(LineReceiver):
        delimiter = b"\n"

        def lineReceived(self, line: bytes) -> None:
            self.transport.write(answer)

    endpoint = TCP4ServerEndpoint(reactor, int(port), interface="127.0.0.1")
    wrapServerTLS(ServerTLS(KeyFiles(Path(keys))), endpoint).listen(Factory.forProtocol(Echo))
    reactor.run()


if __name__ == "__main__":
    main(*sys.argv[1:])
