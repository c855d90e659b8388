"""Runs one connection's requests in the order received and returns the responses in that order.

Owns the queue of the connection's requests. Consecutive reads run together, and so do consecutive
writes; a change from one to the other waits for the requests in flight, so that everything takes
effect in the order sent. What a request may do, and how it reaches the store, is up to
`records.gateway`. Works on lines without their end, and does no I/O.
"""

from __future__ import annotations

from collections import deque
from typing import Any, Protocol

from msgspec import UNSET
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from records.api.jsonrpc import (
    Batch,
    Malformed,
    Request,
    RequestId,
    decode_params,
    encode_error,
    encode_result,
    parse,
)
from records.api.messages import MAX_ANSWER, MAX_BYTES_UNDER_WAY, MAX_UNDER_WAY
from records.gateway.gateway import Gateway
from records.model.errors import InternalError, RecordsError
from records.operations.methods import METHODS, Mode
from records.runtime.faults import describe
from records.server.pending import PendingRequest, ResponseLine

MAX_READS = 16
"""Reads that go to the store together."""

MAX_ROWS = 200
"""Employees that these reads may ask for in all, because their responses are held in memory."""


class Peer(Protocol):
    """The other end of the connection."""

    def send(self, line: bytes) -> None:
        """Send a line. Its end is added."""

    def settled(self) -> None:
        """Called after one or more requests have been answered."""


class _GonePeer:
    """Stands in for a peer whose connection is gone."""

    def send(self, line: bytes) -> None: ...

    def settled(self) -> None: ...


_GONE: Peer = _GonePeer()


class Conversation:
    """One connection's requests and responses.

    source: where the peer is, an address or "local".
    """

    _log = Logger()

    def __init__(self, gateway: Gateway, peer: Peer, source: str) -> None:
        self._gateway = gateway
        self._session = gateway.connected(source)
        self._peer = peer
        self._lines: deque[ResponseLine] = deque()
        self._queue: deque[PendingRequest] = deque()
        self._mode: Mode | None = None  # of the requests in flight, if there are any
        self._in_flight = 0
        self._held = False
        self._running = False
        self.under_way = 0
        """How many requests have been received and not been answered."""
        self._bytes_under_way = 0
        self._more_follows = False

    @property
    def _is_bulk(self) -> bool:
        return self.under_way > 1 or self._more_follows

    @property
    def is_anonymous(self) -> bool:
        """Whether nobody is logged in on this connection."""
        return self._session.caller is None

    @property
    def is_full(self) -> bool:
        """Whether so many requests are under way that the next lines have to wait."""
        return self.under_way >= MAX_UNDER_WAY or self._bytes_under_way >= MAX_BYTES_UNDER_WAY

    def receive(self, line: bytes, more_follows: bool = False) -> int:
        """Take the requests of a line. Never raises.

        more_follows: whether more bytes of the connection have arrived. Returns the number of
        requests.
        """
        self._more_follows = more_follows
        message = parse(line)
        if type(message) is Request and self._answer_at_once(message):
            return 1
        is_batch = isinstance(message, Batch)
        members = message.members if isinstance(message, Batch) else (message,)
        response = ResponseLine.of(len(members), is_batch, len(line))
        self._lines.append(response)
        self.under_way += len(members)
        self._bytes_under_way += response.size
        for place, member in enumerate(members):
            self._enqueue(response, place, member)
        self._run()
        self._more_follows = False
        return len(members)

    def _answer_at_once(self, request: Request) -> bool:
        """Fast path for point reads, the most frequent request.

        Returns False for anything unusual; the general path then gives the same answer.
        """
        method = METHODS.get(request.method)
        if method is None or method.mode is not Mode.POINT:
            return False
        if self._lines or self._held or request.id is UNSET:
            return False
        try:
            params = decode_params(request.params, method.decode)
            if method.for_params(params) is not method:
                return False
            result = self._gateway.read_now(self._session, method, params)
            response = encode_result(request.id, result)
        except Exception:  # noqa: BLE001  raised again, and mapped or logged, on the general path
            return False
        if len(response) > MAX_ANSWER:
            return False
        self._peer.send(response)
        return True

    def refuse(self, error: RecordsError) -> None:
        """Answer a line that could not be received, in its turn."""
        response = ResponseLine.of(1, False, 0)
        response.put(0, encode_error(None, error))
        self._lines.append(response)
        self.under_way += 1
        self._run()

    def hold(self) -> None:
        """Start no more requests: the peer does not read its responses."""
        self._held = True

    def release(self) -> None:
        """Go on after `hold`."""
        self._held = False
        self._run()

    def disconnected(self) -> None:
        """The connection is gone. Requests in flight finish; no others are started."""
        self._peer = _GONE
        self._session.disconnected()
        self._queue.clear()
        self._lines.clear()

    def _enqueue(self, line: ResponseLine, place: int, member: Request | Malformed) -> None:
        """Check a request's method and params, and put it in the queue."""
        if isinstance(member, Malformed):
            line.put(place, encode_error(member.id, member.error))
            return
        try:
            method, params = self._gateway.find(member.method, member.params)
        except RecordsError as error:
            line.put(place, b"" if member.id is UNSET else encode_error(member.id, error))
        else:
            cost = method.cost(params)
            request = PendingRequest(line, place, member.id, method, member.params, cost)
            self._queue.append(request)

    def _run(self) -> None:
        """Start the requests that may start, and send the responses that are ready."""
        if self._running:
            return  # called from within the loop below, which sees what has changed
        self._running = True
        try:
            while self._queue and not self._held and self._may_start(self._queue[0]):
                self._start()
        finally:
            self._running = False
        self._send()

    def _send(self) -> None:
        lines = self._lines
        answered = 0
        while lines and not lines[0].missing:
            line = lines.popleft()
            answered += line.count
            self._bytes_under_way -= line.size
            encoded = line.encoded()
            if encoded:
                self._peer.send(encoded)
        if answered:
            self.under_way -= answered
            self._peer.settled()

    def _may_start(self, request: PendingRequest) -> bool:
        if not self._in_flight:
            return True
        if request.method.mode is not Mode.WRITE or self._mode is not Mode.WRITE:
            return False
        return self._in_flight < self._gateway.writes_each

    def _start(self) -> None:
        """Start the first request of the queue, or the reads that are first in it."""
        self._mode = self._queue[0].method.mode
        if self._mode is Mode.READ:
            self._start_reads()
            return
        request = self._queue.popleft()
        if self._mode is Mode.WRITE and not self._in_flight:
            self._gateway.writes_began()
        self._in_flight += 1
        work = self._gateway.request(
            self._session, request.method, request.params, bulk=self._is_bulk
        )
        self._follow(work, request)

    def _start_reads(self) -> None:
        """Hand consecutive reads to the gateway together."""
        requests: list[PendingRequest] = []
        rows = 0
        while self._queue and len(requests) < MAX_READS and rows < MAX_ROWS:
            if self._queue[0].method.mode not in (Mode.POINT, Mode.READ):
                break
            requests.append(self._queue.popleft())
            rows += requests[-1].cost
        self._in_flight += len(requests)
        asked = [(request.method, request.params) for request in requests]
        works = self._gateway.read_all(self._session, asked, bulk=self._is_bulk)
        for work, request in zip(works, requests, strict=True):
            self._follow(work, request)

    def _follow(self, work: Deferred[Any], request: PendingRequest) -> None:
        """Answer the request when its work is done, and go on with the queue."""
        work.addCallbacks(
            self._succeeded, self._failed, callbackArgs=(request,), errbackArgs=(request,)
        ).addErrback(self._fault)

    def _succeeded(self, result: object, request: PendingRequest) -> None:
        number = request.id
        self._answer(request, b"" if number is UNSET else self._encoded(number, result, request))

    def _failed(self, failure: Failure, request: PendingRequest) -> None:
        error, number = self._gateway.error_of(failure.value, request.method), request.id
        self._answer(request, b"" if number is UNSET else encode_error(number, error))

    def _encoded(self, number: RequestId, result: object, request: PendingRequest) -> bytes:
        try:
            response = encode_result(number, result)
        except Exception as error:  # noqa: BLE001  damaged data, for instance
            return encode_error(number, self._gateway.error_of(error, request.method))
        if len(response) > MAX_ANSWER:
            too_long = InternalError("The response is too long. Ask for less at a time.")
            return encode_error(number, too_long)
        return response

    def _answer(self, request: PendingRequest, response: bytes) -> None:
        self._in_flight -= 1
        if self._mode is Mode.WRITE and not self._in_flight:
            self._gateway.writes_ended()
        request.line.put(request.place, response)
        self._run()

    def _fault(self, failure: Failure) -> None:
        """A mistake in this module itself, which must not pass in silence."""
        self._log.critical("A fault in a conversation: {fault}", fault=describe(failure.value))
