"""Work gathered over one turn of the reactor: what comes in together is answered together.

Handling each connection's bytes as they are read would go through the whole program once a
connection, and wake each peer by itself. So what all connections receive in a turn is handed on
at its end, and then all that they send leaves: the interpreter finds its code and data in the
processor's caches, and the peers are woken by one burst. Measured, a point read costs a quarter
less of the processor's time. Knows nothing of what the bytes mean.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Protocol, TypeVarTuple

from twisted.logger import Logger

from records.faults import whereabouts

Ts = TypeVarTuple("Ts")


class Gathered(Protocol):
    """A connection, as it is gathered."""

    def take(self, data: bytes) -> None:
        """Work on bytes that have been received."""

    def flush(self) -> None:
        """Let out what is to be sent."""

    def go_on(self) -> None:
        """Work on what was left when `rest` was asked for."""

    def abort(self) -> None:
        """End at once: a fault has come up."""


class Gathering:
    """One for all connections.

    soon: has something called in the reactor's next turn, before it waits for anything.
    """

    _log = Logger()

    def __init__(self, soon: Callable[[Callable[[], object]], object]) -> None:
        self._soon = soon
        self._scheduled = False
        self._received: list[tuple[Gathered, bytes]] = []
        self._sending: list[Gathered] = []
        self._resting: deque[Gathered] = deque()

    def receive(self, connection: Gathered, data: bytes) -> None:
        """Have a connection `take` its bytes at the end of this turn, in the order received."""
        self._received.append((connection, data))
        self._schedule()

    def send(self, connection: Gathered) -> None:
        """Have a connection `flush` at the end of this turn."""
        self._sending.append(connection)
        self._schedule()

    def rest(self, connection: Gathered) -> None:
        """A connection has had its share, and is to `go_on` later: one of these in each turn.

        So those who send without end wait for each other, and the others hardly for them.
        """
        self._resting.append(connection)
        self._schedule()

    def _schedule(self) -> None:
        if not self._scheduled:
            self._scheduled = True
            self._soon(self.complete)

    def complete(self) -> None:
        """Do now what waits for the end of the turn."""
        received, self._received = self._received, []
        resting = self._resting.popleft() if self._resting else None
        for connection, data in received:
            self._guarded(connection, connection.take, data)
        if resting is not None:
            self._guarded(resting, resting.go_on)
        sending, self._sending = self._sending, []
        for connection in sending:
            self._guarded(connection, connection.flush)
        self._scheduled = False
        if self._resting or self._received or self._sending:
            self._schedule()

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
