"""Input batching: what connections receive in a reactor iteration is processed together at its end.

Decides the order of connections: those with one small request first, those that send much after
them and within a time slice (see `records.runtime.scheduler`). What connections send is written
together as well. Knows nothing of what the bytes mean.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Protocol, TypeVarTuple

from twisted.logger import Logger

from records.runtime.faults import describe
from records.runtime.scheduler import Participant, Scheduler

Ts = TypeVarTuple("Ts")

INTERACTIVE_BYTES = 2048
"""Largest input that counts as interactive: one line, which is not a batch."""

FULL_RECORD = 16 * 1024
"""Size of a full TLS record (RFC 8446, section 5.1). A connection that delivers this much at once
probably has more to read."""


class BatchedConnection(Protocol):
    """A connection whose input is batched."""

    @property
    def is_idle(self) -> bool:
        """Whether no request of it is under way, and no part of a line has been received."""

    def process(self, data: bytes) -> None:
        """Process these bytes, after input that was received and not processed before."""

    def pause(self) -> None:
        """Read and process nothing until the next call of `process`."""

    def flush(self) -> None:
        """Write what is to be sent."""

    def abort(self) -> None:
        """Close at once, because of a fault."""


class InputBatching:
    """Batches the input of all connections. A `Participant` of the scheduler."""

    _log = Logger()

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self._received: list[tuple[BatchedConnection, bytes]] = []
        self._sending: list[BatchedConnection] = []
        self._bulk: OrderedDict[BatchedConnection, bytes] = OrderedDict()
        self._to_pause: list[BatchedConnection] = []  # bulk connections that have enough input
        scheduler.add(self)

    def receive(self, connection: BatchedConnection, data: bytes) -> None:
        """Have the connection `process` these bytes in its turn, in the order received."""
        self._received.append((connection, data))
        self._scheduler.schedule()

    def send(self, connection: BatchedConnection) -> None:
        """Have the connection `flush` at the end of this iteration."""
        self._sending.append(connection)
        self._scheduler.schedule()

    def requeue(self, connection: BatchedConnection) -> None:
        """Have the connection `process` its remaining input after other bulk connections."""
        self._bulk.setdefault(connection, b"")
        self._scheduler.schedule()

    def run_now(self) -> None:
        """Do the work of this iteration now; bulk connections share a time slice as usual."""
        self._scheduler.run()

    @property
    def has_work(self) -> bool:
        """See `Participant`."""
        return bool(self._received or self._sending or self._bulk)

    @property
    def has_bulk(self) -> bool:
        """See `Participant`."""
        return bool(self._bulk)

    def run_interactive(self) -> bool:
        """See `Participant`."""
        received, self._received = self._received, []
        bulk = self._bulk
        served: set[BatchedConnection] = set()  # a second input makes a connection a bulk one
        for connection, data in received:
            if connection in bulk:
                bulk[connection] += data
                self._to_pause.append(connection)
            elif _is_interactive(data) and connection not in served and connection.is_idle:
                served.add(connection)
                self._guarded(connection, connection.process, data)
            else:
                bulk[connection] = data
                if len(data) >= FULL_RECORD:
                    self._to_pause.append(connection)
        return bool(served)

    def run_bulk(self) -> None:
        """See `Participant`. Each bulk connection is processed once at most."""
        bulk = self._bulk
        for served in range(len(bulk)):
            if served and self._scheduler.slice_is_over():
                break
            connection, data = bulk.popitem(last=False)
            self._guarded(connection, connection.process, data)
        to_pause, self._to_pause = self._to_pause, []
        for connection in to_pause:
            if connection in bulk:
                self._guarded(connection, connection.pause)

    def flush_work(self) -> None:
        """See `Participant`."""
        sending, self._sending = self._sending, []
        for connection in sending:
            self._guarded(connection, connection.flush)

    def _guarded(
        self, connection: BatchedConnection, call: Callable[[*Ts], None], *args: *Ts
    ) -> None:
        """Call, so that a fault of one connection does not stop the others."""
        try:
            call(*args)
        except Exception as error:  # noqa: BLE001  any fault is logged
            self._log_fault(error)
            try:
                connection.abort()
            except Exception as another:  # noqa: BLE001  it may be closed already
                self._log_fault(another)

    def _log_fault(self, error: Exception) -> None:
        self._log.critical(
            "A fault in a connection, which is dropped: {fault}", fault=describe(error)
        )


def _is_interactive(data: bytes) -> bool:
    return len(data) <= INTERACTIVE_BYTES and data.count(b"\n") <= 1 and data.lstrip()[:1] != b"["


def _conforms(input_batching: InputBatching) -> Participant:
    return input_batching
