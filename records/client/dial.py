"""Connects to the daemon: verified by chain and name, or not at all.

Knows nothing of sessions, nor of what the connection is for.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from functools import partial
from typing import Any, TypeVar

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.endpoints import HostnameEndpoint, wrapClientTLS
from twisted.internet.interfaces import IReactorTime
from twisted.internet.protocol import Factory
from twisted.python.failure import Failure

from records.client.failures import Place, WatchedTLS, explain
from records.client.protocol import ClientProtocol
from records.client.render import safe_text
from records.client.screen import Unreachable
from records.model.errors import Unusable
from records.tls.contexts import client_tls

T = TypeVar("T")
Dial = Callable[[], Coroutine[Deferred[Any], Any, ClientProtocol]]
"""Returns a connection for requests, or raises `Unreachable`."""

CONNECT_WITHIN = 10.0


def dial_tls(reactor: IReactorTime, place: Place) -> Dial:
    """A function that connects to this place, and verifies chain and name."""

    async def dial() -> ClientProtocol:
        try:
            # Read for each attempt, so that a new ca.crt counts without restarting the client.
            tls = WatchedTLS(client_tls(place.host, place.ca_file))
        except Unusable as reason:
            raise Unreachable(safe_text(str(reason)), lasting=True) from None
        except UnicodeError:  # of the encoding of host names
            host = safe_text(place.host)
            raise Unreachable(
                f'"{host}" is neither a host name nor an address.', lasting=True
            ) from None
        factory = Factory.forProtocol(partial(ClientProtocol, reactor))
        factory.noisy = False
        endpoint = wrapClientTLS(
            tls, HostnameEndpoint(reactor, place.host, place.port, timeout=CONNECT_WITHIN)
        )
        try:
            protocol = await _until_given_up(endpoint.connect(factory))
            assert isinstance(protocol, ClientProtocol)
            return await protocol.ready
        except CancelledError:
            raise
        except Exception as reason:
            raise explain(reason, place, tls.certificate(), datetime.now(UTC)) from reason

    return dial


def _until_given_up(attempt: Deferred[T]) -> Deferred[T]:
    """The attempt. If it is cancelled, it fails with `CancelledError` and nothing else.

    A cancelled endpoint itself would report, for example, that the host is unknown.
    """
    given_up = False

    def cancel(_: Deferred[T]) -> None:
        nonlocal given_up
        given_up = True
        attempt.cancel()

    outcome: Deferred[T] = Deferred(cancel)

    def settle(result: T | Failure) -> None:
        if not given_up:
            outcome.callback(result)  # a Failure makes it fail

    attempt.addBoth(settle)
    return outcome
