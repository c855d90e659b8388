"""The one way in: runs methods for every entry point, and turns what goes wrong into errors.

Owns how a method reaches the store, the trace of refused reads, the delay of denials and reveals
beyond their rate limit, and the mapping of exceptions to `RecordsError`. Knows nothing of lines,
connections or the order of requests.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import Raw
from twisted.internet.defer import Deferred, fail, succeed
from twisted.logger import Logger
from twisted.python.failure import Failure

from records.api.jsonrpc import decode_params
from records.api.messages import Params
from records.gateway.session import ConnectionSession, Services
from records.model.errors import (
    InternalError,
    MethodNotFound,
    NotAuthenticated,
    PermissionDenied,
    RecordsError,
)
from records.operations.boundaries import Done, Refused
from records.operations.methods import METHODS, Method, Mode, perform, perform_all, perform_encoded
from records.operations.sessions import Caller
from records.runtime.faults import describe

MAX_WRITES = 512
"""Writes in flight of all connections together, as far as each has more than one. This bounds
waiting times, and still fills a commit."""

MAX_WRITES_EACH = 16
"""Writes in flight of one connection."""


class Gateway:
    """Runs methods in a session.

    Results are objects that can be encoded as JSON, or bytes that are JSON already. Every failure
    is a `RecordsError`. bulk: see `records.operations.boundaries.Store`.
    """

    _log = Logger()

    def __init__(self, services: Services) -> None:
        self._services = services
        self._store = services.store
        self._writing = 0  # connections with writes in flight

    def connected(self, source: str) -> ConnectionSession:
        """The session of a new connection. source: an address, or "local"."""
        return ConnectionSession(self._services, source)

    @property
    def writes_each(self) -> int:
        """How many writes each connection may have in flight now: an equal share of `MAX_WRITES`.

        Without shares, connections that came first would keep their many writes in flight, and
        those that came later would wait several times as long.
        """
        return max(1, min(MAX_WRITES_EACH, MAX_WRITES // max(1, self._writing)))

    def writes_began(self) -> None:
        """Called when a connection has a write in flight and had none before."""
        self._writing += 1

    def writes_ended(self) -> None:
        """Called when it has none any more."""
        self._writing -= 1

    @staticmethod
    def find(name: str, params: Raw) -> tuple[Method, Params]:
        """The method to run for a request, and its decoded params.

        Raises `MethodNotFound` or `InvalidParams`.
        """
        method = METHODS.get(name)
        if method is None:
            raise MethodNotFound("There is no such method. See docs/protocol.md.")
        decoded = decode_params(params, method.decode)
        return method.for_params(decoded), decoded

    def read_now(self, session: ConnectionSession, method: Method, params: Params) -> object:
        """Run a point read at once: the fast path of the most frequent request.

        Raises whatever the operation raises; `request` then answers with the error.
        """
        caller = session.known()
        result = self._store.read_now(perform, caller, method, params)
        session.note_use(caller)
        return result

    def request(
        self, session: ConnectionSession, method: Method, params: Raw, *, bulk: bool = False
    ) -> Deferred[Any]:
        """Run any method. params: JSON of the method's form."""
        try:
            if method.mode is Mode.SESSION:
                decoded = decode_params(params, method.decode)
                work: Deferred[Any] = Deferred.fromCoroutine(session.run(method, decoded, bulk))
                return self._finished(session, method, work)
            caller = session.known()
            if method.mode is Mode.POINT:
                decoded = decode_params(params, method.decode)
                method = method.for_params(decoded)
        except RecordsError as error:
            return fail(error)
        if method.mode is Mode.READ:
            (result,) = self.read_all(session, [(method, params)], bulk=bulk)
            return result
        session.note_use(caller)
        if method.mode is Mode.WRITE:
            raw = bytes(params)
            written = self._store.write(perform_encoded, caller, method, raw, bulk=bulk)
            return self._finished(session, method, written)
        return self._finished(session, method, self._point(caller, method, decoded, bulk))

    def _point(self, caller: Caller, method: Method, params: Params, bulk: bool) -> Deferred[Any]:
        try:
            return succeed(self._store.read_now(perform, caller, method, params))
        except Exception as error:  # noqa: BLE001  mapped to a `RecordsError`, or logged
            return self._traced(Done(error=error), bulk)

    def read_all(
        self,
        session: ConnectionSession,
        requests: Sequence[tuple[Method, Raw]],
        *,
        bulk: bool = False,
    ) -> list[Deferred[Any]]:
        """Run reads together, in one transaction. Returns the result of each."""
        results: list[Deferred[Any]] = [Deferred() for _ in requests]

        def deliver(outcomes: list[Done]) -> None:
            for result, outcome in zip(results, outcomes, strict=True):
                self._traced(outcome, bulk).chainDeferred(result)

        def failed(failure: Failure) -> list[Done]:
            return [Done(error=failure.value)] * len(requests)

        try:
            caller = session.known()
        except NotAuthenticated as error:
            return [fail(error) for _ in requests]
        session.note_use(caller)
        done = self._store.read(perform_all, caller, requests, bulk=bulk).addErrback(failed)
        done.addCallback(deliver).addErrback(self._fault)
        return [
            self._finished(session, method, result)
            for (method, _), result in zip(requests, results, strict=True)
        ]

    def _traced(self, done: Done, bulk: bool) -> Deferred[Any]:
        """A read's outcome. A refusal that must leave a trace leaves it before it is answered."""
        if isinstance(done.error, Refused):
            remember, error = done.error.remember, done.error.error.without_traceback()
            written = self._store.write(remember.operation, *remember.args, bulk=bulk)
            return written.addCallback(lambda _: Failure(error))
        return succeed(done.value) if done.error is None else fail(done.error)

    def _finished(
        self, session: ConnectionSession, method: Method, work: Deferred[Any]
    ) -> Deferred[Any]:
        """The result, later if what was audited is beyond the rate limit."""

        def succeeded(result: object) -> object:
            return self._delayed(session, result) if method.is_reveal else result

        def failed(failure: Failure) -> object:
            error = Failure(self.error_of(failure.value, method))
            denied = isinstance(error.value, PermissionDenied)
            return self._delayed(session, error) if denied else error

        return work.addCallbacks(succeeded, failed)

    def _delayed(self, session: ConnectionSession, outcome: object) -> object:
        """The outcome, or a Deferred of it if the session is beyond its rate limit."""
        caller, services = session.caller, self._services
        if caller is None:
            return outcome
        wait = services.rate_limit.delay(caller.session_id, services.seconds())
        return services.wait(wait).addCallback(lambda _: outcome) if wait > 0 else outcome

    def error_of(self, error: BaseException | None, method: Method) -> RecordsError:
        """The error to answer with: the one place where an exception is mapped to a reply."""
        if isinstance(error, RecordsError):
            return error
        self._log.error("A fault in {method}: {fault}", method=method.name, fault=describe(error))
        return InternalError("Internal error. The daemon's log has the details.")

    def _fault(self, failure: Failure) -> None:
        """A mistake in this module itself, which must not pass in silence."""
        self._log.critical("A fault in the gateway: {fault}", fault=describe(failure.value))
