"""What waits on a connection: requests on their way, and the lines that will answer them.

Knows nothing of who asks, nor in which order it is done.
"""

from __future__ import annotations

from msgspec import Raw, Struct, UnsetType

from records.api.jsonrpc import RequestId, decode_params, encode_batch
from records.api.messages import Params
from records.operations.methods import Method


# There may be very many of both, and nothing refers back: the garbage collector need not see them.
class AnswerLine(Struct, gc=False):
    """A line of the answer to come: one request's, or a whole batch's.

    count: of requests. left: how many of them have not been answered. size: of the line asked.
    """

    count: int
    size: int
    left: int
    answer: bytes = b""
    parts: list[bytes] | None = None

    @classmethod
    def of(cls, count: int, is_batch: bool, size: int) -> AnswerLine:
        return cls(count, size, count, parts=[b""] * count if is_batch else None)

    def put(self, place: int, answer: bytes) -> None:
        if self.parts is None:
            self.answer = answer
        else:
            self.parts[place] = answer
        self.left -= 1

    def encoded(self) -> bytes:
        """The line; empty if nothing is to be answered."""
        if self.parts is None:
            return self.answer
        answers = [part for part in self.parts if part]
        return encode_batch(answers) if answers else b""


class Task(Struct, gc=False):
    """A request whose form is good, on its way.

    Its params are kept as they came: decoded, they may take thirty times as much memory. rows: how
    many employees they may ask for.
    """

    line: AnswerLine
    place: int
    id: RequestId | UnsetType
    method: Method
    raw: Raw
    rows: int

    @property
    def params(self) -> Params:
        """The params, which have been found good before."""
        return decode_params(self.raw, self.method.decode)
