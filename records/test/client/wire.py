"""The daemon's end of a client's connection, for tests of the client."""

from __future__ import annotations

from typing import Any

import msgspec
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure

from records.api.jsonrpc import encode_error, encode_result
from records.client.protocol import ClientProtocol
from records.model.errors import (
    RecordsError,
)


class Wire(StringTransport):
    """The daemon's end of a connection, in the test's own hands."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self.protocol = ClientProtocol(clock)
        self.protocol.makeConnection(self)

    def abortConnection(self) -> None:
        super().abortConnection()
        self.lose(ConnectionLost())

    def lose(self, reason: Exception | None = None) -> None:
        """End the connection."""
        self.protocol.connectionLost(Failure(reason or ConnectionDone()))

    def requests(self) -> list[dict[str, Any]]:
        """What was sent since this was last asked."""
        sent = [msgspec.json.decode(line) for line in self.value().splitlines()]
        self.clear()
        return sent

    def request(self) -> dict[str, Any]:
        """The one request that was sent."""
        (sent,) = self.requests()
        return sent

    def reply(self, result: object) -> None:
        """Answer the newest request."""
        self.answer(result, self.requests()[-1]["id"])

    def answer(self, result: object, number: int) -> None:
        """Answer a request."""
        told = (
            encode_error(number, result)
            if isinstance(result, RecordsError)
            else encode_result(number, result)
        )
        self.protocol.dataReceived(told + b"\n")
