"""The main loop of the writer process.

Receives all waiting jobs, runs a batch of them in one transaction, commits, and sends the outcomes.
If the daemon ends without a word, the process ends after the present transaction.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from pathlib import Path
from select import POLLIN, poll
from socket import socket
from typing import Any

from records.model.errors import Unusable
from records.operations.boundaries import CommitUnknown, Work, Writer
from records.runtime.faults import describe
from records.runtime.forked import READ_SIZE
from records.runtime.framing import FrameDecoder, ProcessFailed, encode_frame
from records.store.queues import JobQueue
from records.store.workers import MAX_BATCH, MAX_BULK
from records.store.writer_frames import Closed, Opened, Stop, frame_of_outcomes, works_of


class DaemonGone(Exception):
    """The daemon is gone, so nothing waits for outcomes."""


class WriterLoop:
    """The loop. other: the process's end of the socket, which blocks."""

    def __init__(self, other: socket) -> None:
        self._socket = other
        self._poll = poll()
        self._poll.register(other, POLLIN)
        self._unpacker = FrameDecoder()
        self._frames: deque[Any] = deque()
        self._waiting: JobQueue[Work] = JobQueue(MAX_BATCH, MAX_BULK)
        self._is_over = False

    def serve(self, open_writer: Callable[[Path], Writer]) -> None:
        """Open the database that the first frame names, and write until the daemon stops.

        Raises the fault that keeps it from going on, after reporting it to the daemon.
        """
        under_way, is_bulk = 0, False
        try:
            writer = self._open(open_writer)
            if writer is None:
                return
            while not self._is_over or self._waiting:
                self._receive_jobs()
                if self._waiting:
                    batch, is_bulk = self._waiting.next_batch()
                    under_way = len(batch)
                    self._send(frame_of_outcomes(writer.run(batch), is_bulk))
                    under_way = 0
                writer.maintain()
            writer.close()
            self._send(encode_frame(Closed()))
        except DaemonGone:
            return
        except BaseException as error:
            why = str(error) if isinstance(error, CommitUnknown) else describe(error)
            self._send(encode_frame(ProcessFailed(why, under_way, is_bulk)))
            raise

    def _open(self, open_writer: Callable[[Path], Writer]) -> Writer | None:
        """The writer to the database that the daemon names; None if it cannot be opened."""
        while not self._frames:
            self._receive()
        path = self._frames.popleft()
        try:
            writer = open_writer(path)
        except Unusable as problem:
            self._send(encode_frame(Opened(str(problem))))
            return None
        self._send(encode_frame(Opened()))
        return writer

    def _receive_jobs(self) -> None:
        """Receive all waiting jobs; block until there is one."""
        while not self._is_over and (not self._waiting or self._more_waits()):
            if not self._frames:
                self._receive()
            while self._frames and not self._is_over:
                frame = self._frames.popleft()
                if isinstance(frame, Stop):
                    self._is_over = True
                else:
                    self._waiting.add(*works_of(frame))

    def _more_waits(self) -> bool:
        return bool(self._poll.poll(0))

    def _receive(self) -> None:
        """Receive some bytes; block until there are any. Raises `DaemonGone`."""
        data = self._socket.recv(READ_SIZE)
        if not data:
            raise DaemonGone
        self._frames += self._unpacker.decode(data)

    def _send(self, frame: bytes) -> None:
        try:
            self._socket.sendall(frame)
        except OSError:
            raise DaemonGone from None
