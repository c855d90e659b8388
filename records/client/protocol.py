"""One connection to the daemon: lines out, lines in, each response to its request.

Owns framing, request ids and timeouts. Knows nothing of logins, reconnecting, or the meaning of
methods.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from twisted.internet.defer import Deferred, fail
from twisted.internet.error import ConnectionLost
from twisted.internet.interfaces import IDelayedCall, IHandshakeListener, IReactorTime
from twisted.internet.protocol import connectionDone
from twisted.protocols.basic import LineReceiver
from twisted.python.failure import Failure
from zope.interface import implementer

from records.api.jsonrpc import Answer, encode_request, parse_answer
from records.api.messages import MAX_ANSWER, MAX_LINE
from records.client.screen import Unreachable
from records.model.errors import InvalidRequest, ParseError, RecordsError

ANSWER_WITHIN = 30.0
"""Seconds for a response. A login may wait for a slow hash; nothing else takes long."""
SECURE_WITHIN = 10.0
"""Seconds for the TLS handshake."""


class Lost(Exception):
    """The connection ended before the response; whether the request was done is not known."""


class _Waiting(msgspec.Struct, frozen=True):
    answer: Deferred[msgspec.Raw]
    timer: IDelayedCall


@implementer(IHandshakeListener)
class ClientProtocol(LineReceiver):
    """A connection for requests, once `ready` has fired.

    ready: fires with this protocol when the certificate is verified, so that nothing is sent to
    another program; fails with the reason otherwise.
    lost: why the connection has ended; None while it is open.
    """

    delimiter = b"\n"
    MAX_LENGTH = MAX_ANSWER + 1024

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._count = 0
        self._waiting: dict[int, _Waiting] = {}
        self._handshake: IDelayedCall | None = None
        self._last_word: RecordsError | None = None
        self.ready: Deferred[ClientProtocol] = Deferred(lambda _: self.abort())
        self.lost: BaseException | None = None

    def connectionMade(self) -> None:
        """See `IProtocol`."""
        self._handshake = self._clock.callLater(SECURE_WITHIN, self.abort)

    def handshakeCompleted(self) -> None:
        """See `IHandshakeListener`. Called even when the name did not match, on the way out."""
        if self._handshake is not None and not getattr(self.transport, "disconnecting", False):
            self._handshake.cancel()
            self._handshake = None
            self.ready.callback(self)

    def request(
        self, method: str, params: object, within: float = ANSWER_WITHIN
    ) -> Deferred[msgspec.Raw]:
        """Send a request. The Deferred fires with the result as JSON.

        within: seconds for the response. Fails with the `RecordsError` of the response, or with
        `Lost`.
        """
        if self.lost is not None:
            return fail(Lost(str(self.lost)))
        self._count += 1
        number = self._count
        line = encode_request(number, method, params)
        if len(line) > MAX_LINE:
            return fail(InvalidRequest("This is too long to be sent."))
        answer: Deferred[msgspec.Raw] = Deferred(lambda _: self._forget(number))
        timer = self._clock.callLater(within, self.abort)
        self._waiting[number] = _Waiting(answer, timer)
        self.sendLine(line)
        return answer

    def lineReceived(self, line: bytes) -> None:
        """See `LineReceiver`."""
        try:
            told = parse_answer(line)
            error = told.error.as_error() if told.error is not None else None
        except ParseError:
            self._refuse("What answers does not speak this protocol.")
            return
        self._answered(told, error)

    def _answered(self, told: Answer, error: RecordsError | None) -> None:
        if told.id is None:
            self._last_word = error  # for no request: the reason why the daemon is about to close
            return
        waiting = self._take(told.id)
        if waiting is None:
            return  # the caller has given up
        if error is not None:
            waiting.answer.errback(error)
        elif isinstance(told.result, msgspec.Raw):
            waiting.answer.callback(told.result)
        else:
            waiting.answer.errback(Lost("an answer without a result"))

    def lineLengthExceeded(self, line: bytes) -> None:
        """See `LineReceiver`."""
        self._refuse("What answers sends longer lines than this protocol has.")

    def _refuse(self, why: str) -> None:
        self._end(Unreachable(why, lasting=True))
        self.abort()

    def abort(self) -> None:
        """Close at once."""
        abort: Callable[[], None] | None = getattr(self.transport, "abortConnection", None)
        if abort is not None:
            abort()

    def close(self) -> None:
        """Close in good order."""
        if self.lost is None and self.transport is not None:
            self.transport.loseConnection()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """See `IProtocol`."""
        self._end(reason.value or ConnectionLost())

    def _end(self, why: BaseException) -> None:
        if self.lost is not None:
            return
        timed_out = self._handshake is not None and not self._handshake.active()
        lost = self.lost = TimeoutError("no answer") if timed_out else why
        if self._handshake is not None:
            if self._handshake.active():
                self._handshake.cancel()
            self._handshake = None
        if not self.ready.called:
            self.ready.errback(lost)
        for number in tuple(self._waiting):
            waiting = self._take(number)
            if waiting is not None:
                waiting.answer.errback(self._what_to_tell())

    def _what_to_tell(self) -> Exception:
        if isinstance(self.lost, Unreachable):
            return self.lost
        return self._last_word or Lost(str(self.lost or ConnectionLost()))

    def _forget(self, number: int) -> None:
        self._take(number)

    def _take(self, number: object) -> _Waiting | None:
        waiting = self._waiting.pop(number, None) if isinstance(number, int) else None
        if waiting is not None and waiting.timer.active():
            waiting.timer.cancel()
        return waiting
