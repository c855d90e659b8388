"""What connections receive in a turn of the reactor, and what they send, gathered until its end.

Owns whose bytes are worked on, and in which order; who asks for little goes first. See
`records.runtime.scheduler`. Knows nothing of what the bytes mean.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Protocol, TypeVarTuple

from twisted.logger import Logger

from records.runtime.faults import whereabouts
from records.runtime.scheduler import Part, Turns

Ts = TypeVarTuple("Ts")

LITTLE = 2048
"""Whoever asks for little sends no more bytes than this in a turn: one piece, with one line, which
is no batch."""

FULL = 16 * 1024
"""Size of a full TLS record (RFC 8446, section 5.1). A connection that delivers this much at once
probably has more to read."""


class Gathered(Protocol):
    """A connection, as it is gathered."""

    @property
    def is_quiet(self) -> bool:
        """Whether nothing that it has asked for is under way, nor part of a line is there."""

    def take(self, data: bytes) -> None:
        """Work on what is left of what was received before, if it has waited, and on this."""

    def wait(self) -> None:
        """Receive no more, nor work on anything, until there is something to `take`."""

    def flush(self) -> None:
        """Let out what is to be sent."""

    def abort(self) -> None:
        """End at once: a fault has come up."""


class Gathering:
    """One for all connections, and a `Part` of the turns."""

    _log = Logger()

    def __init__(self, turns: Turns) -> None:
        self._turns = turns
        self._received: list[tuple[Gathered, bytes]] = []
        self._sending: list[Gathered] = []
        self._busy: OrderedDict[Gathered, bytes] = OrderedDict()
        self._ahead: list[Gathered] = []  # of the busy, those of whom enough is there for now
        turns.add(self)

    def receive(self, connection: Gathered, data: bytes) -> None:
        """Have a connection `take` its bytes when it is its turn, in the order received."""
        self._received.append((connection, data))
        self._turns.schedule()

    def send(self, connection: Gathered) -> None:
        """Have a connection `flush` at the end of this turn."""
        self._sending.append(connection)
        self._turns.schedule()

    def rest(self, connection: Gathered) -> None:
        """A connection waits. It is to `take` what it has left after the others who send much."""
        self._busy.setdefault(connection, b"")
        self._turns.schedule()

    def complete(self) -> None:
        """End this turn now. Of the busy, not all have their turn in it."""
        self._turns.end()

    @property
    def is_waiting(self) -> bool:
        """See `Part`."""
        return bool(self._received or self._sending or self._busy)

    @property
    def has_bulk(self) -> bool:
        """See `Part`."""
        return bool(self._busy)

    def do_little(self) -> bool:
        """See `Part`."""
        received, self._received = self._received, []
        busy = self._busy
        served: set[Gathered] = set()  # for with a second piece it is no little any more
        for connection, data in received:
            if connection in busy:
                busy[connection] += data
                self._ahead.append(connection)
            elif _is_little(data) and connection not in served and connection.is_quiet:
                served.add(connection)
                self._guarded(connection, connection.take, data)
            else:
                busy[connection] = data
                if len(data) >= FULL:
                    self._ahead.append(connection)
        return bool(served)

    def do_bulk(self) -> None:
        """See `Part`. Each of the busy has one turn at most."""
        busy = self._busy
        for served in range(len(busy)):
            if served and self._turns.is_long():
                break
            connection, data = busy.popitem(last=False)
            self._guarded(connection, connection.take, data)
        ahead, self._ahead = self._ahead, []
        for connection in ahead:
            if connection in busy:
                self._guarded(connection, connection.wait)

    def hand_on(self) -> None:
        """See `Part`."""
        sending, self._sending = self._sending, []
        for connection in sending:
            self._guarded(connection, connection.flush)

    def _guarded(self, connection: Gathered, call: Callable[[*Ts], None], *args: *Ts) -> None:
        """One connection's fault must not stop the others."""
        try:
            call(*args)
        except Exception as error:  # noqa: BLE001  whatever it is
            self._tell(error)
            try:
                connection.abort()
            except Exception as another:  # noqa: BLE001  it may be lost already
                self._tell(another)

    def _tell(self, error: Exception) -> None:
        self._log.critical(
            "A fault in a connection, which is dropped: {kind} at {where}",
            kind=type(error).__name__,
            where=whereabouts(error),
        )


def _is_little(data: bytes) -> bool:
    return len(data) <= LITTLE and data.count(b"\n") <= 1 and data.lstrip()[:1] != b"["


def _conforms(gathering: Gathering) -> Part:
    return gathering
