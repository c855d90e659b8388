"""The kinds of hostile clients: how far each goes, and what it sends."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

PIECE = 16 * 1024
"""How many bytes are sent at a time."""
MAX_LINE = 64 * 1024


def request(method: str, number: int, **params: Any) -> bytes:
    message = {"jsonrpc": "2.0", "method": method, "params": params, "id": number}
    return json.dumps(message).encode() + b"\n"


def _many(request: Callable[[int], bytes], size: int = PIECE) -> Callable[[int], bytes]:
    """As many requests as fit a piece."""

    def make(number: int) -> bytes:
        one = request(number)
        return one * max(1, size // len(one))

    return make


def _batch(number: int) -> bytes:
    """A batch of 100 whose line is as long as it may be."""
    fields = {f"{name:03}": "x" * 99 for name in range(4)}
    one = request("employee.update", number, id=number % 100 + 1, revision=99, changes=fields)
    return b"[" + b",".join([one[:-1]] * 100) + b"]\n"


def _giant(number: int) -> bytes:
    """A line of the greatest length, whose one value is that long; each fourth is longer."""
    if number % 4 == 3:
        return b"x" * (MAX_LINE + 2 * PIECE)
    start, end = b'{"jsonrpc": "2.0", "method": "employee.list", "params": {"search": "', b'"}}\n'
    return start + b"x" * (MAX_LINE + 1 - len(start) - len(end)) + end


@dataclass(frozen=True)
class Kind:
    """What the clients of a kind do.

    tls: "none", "half" or "whole": how far the handshake goes. enters: whether a session is
    resumed; as_nobody: the one that may do nothing. says: what is sent for the n-th time, if
    anything is. reads: whether answers are read. pause: seconds between two sendings.
    """

    tls: str = "whole"
    enters: bool = False
    as_nobody: bool = False
    says: Callable[[int], bytes] | None = None
    reads: bool = True
    pause: float = 0.0


KINDS: dict[str, Kind] = {
    "connected": Kind(tls="none"),
    "half a handshake": Kind(tls="half"),
    "silent": Kind(),
    "idle": Kind(enters=True),
    "a byte at a time": Kind(says=lambda number: b'{"jsonrpc": "2.0"'[number % 17 :][:1], pause=1),
    "never reading": Kind(
        enters=True, reads=False, says=_many(lambda n: request("employee.list", n, limit=100))
    ),
    "asking": Kind(enters=True, says=_many(lambda n: request("employee.get", n, id=n % 100 + 1))),
    "listing": Kind(enters=True, says=_many(lambda n: request("employee.list", n, limit=100))),
    "junk": Kind(says=_many(lambda n: b"junk\n")),
    "denied": Kind(
        enters=True,
        as_nobody=True,
        says=_many(lambda n: request("employee.delete", n, id=1, revision=1)),
    ),
    "refused changes": Kind(
        enters=True, says=_many(lambda n: request("employee.add", n, employee={}))
    ),
    "giant lines": Kind(enters=True, says=_giant),
    "batches": Kind(enters=True, says=_batch),
    "wrong passwords": Kind(
        says=_many(lambda n: request("login", n, username=f"u{n}", password="wrong"), 400)
    ),
}
IDLE = ("connected", "half a handshake", "silent", "idle", "a byte at a time", "never reading")
"""Those that hold on to what they have been given, and ask for nothing that they read."""
FLOODS = tuple(name for name in KINDS if name not in IDLE)
