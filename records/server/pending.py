"""The pending requests of one connection, and the response lines being assembled for them.

Knows nothing of sessions or of the order in which requests run.
"""

from __future__ import annotations

from msgspec import Raw, Struct, UnsetType

from records.api.jsonrpc import RequestId, encode_batch
from records.operations.methods import Method


# There may be very many of both, and they are in no reference cycle: the garbage collector need not
# track them.
class ResponseLine(Struct, gc=False):
    """A response line: the response of one request, or of a whole batch.

    count: of requests. size: of the request line, in bytes. missing: how many requests have no
    response yet.
    """

    count: int
    size: int
    missing: int
    response: bytes = b""
    parts: list[bytes] | None = None

    @classmethod
    def of(cls, count: int, is_batch: bool, size: int) -> ResponseLine:
        """A line for `count` requests that came in `size` bytes."""
        return cls(count, size, count, parts=[b""] * count if is_batch else None)

    def put(self, place: int, response: bytes) -> None:
        """Set the response of one request; empty for a notification."""
        if self.parts is None:
            self.response = response
        else:
            self.parts[place] = response
        self.missing -= 1

    def encoded(self) -> bytes:
        """The line without its end; empty if nothing is to be sent."""
        if self.parts is None:
            return self.response
        responses = [part for part in self.parts if part]
        return encode_batch(responses) if responses else b""


class PendingRequest(Struct, gc=False):
    """A request whose method and params are valid, waiting for its turn.

    params: JSON, because decoded params may take thirty times as much memory. cost: see
    `records.operations.methods.Method`.
    """

    line: ResponseLine
    place: int
    id: RequestId | UnsetType
    method: Method
    params: Raw
    cost: int
