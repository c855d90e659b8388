"""The daemon's service: it starts and stops everything in order.

Start: lock, child processes, keys, listen, database, threads. Stop: listen no more, finish
requests, close connections, processes and the database. Owns no policy.
"""

from __future__ import annotations

import os
from base64 import urlsafe_b64encode
from collections.abc import Callable, Sequence
from errno import EACCES, EADDRINUSE, EADDRNOTAVAIL
from functools import partial
from pathlib import Path
from shlex import quote
from typing import Any

from msgspec import Struct
from twisted.application.service import Service
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.defer import TimeoutError as OutOfTime
from twisted.internet.endpoints import serverFromString
from twisted.internet.error import CannotListenError, ReactorNotRunning
from twisted.internet.interfaces import IListeningPort, IStreamServerEndpoint
from twisted.internet.task import LoopingCall, deferLater
from twisted.logger import Logger
from twisted.python.failure import Failure

from records import __version__
from records.api.messages import PROTOCOL, Limits, ServerInfo
from records.auth.cred import make_portal
from records.auth.hashing import Hashing, HashingQueue
from records.auth.login import Passwords
from records.auth.throttle import Throttle
from records.daemon.bootstrap import (
    FIRST_USER,
    Places,
    forget_first_password,
    lock,
    now,
    open_database,
    open_keys,
)
from records.gateway.gateway import Gateway
from records.gateway.rate_limit import RateLimit
from records.gateway.session import TOKEN_BYTES, Services
from records.model.accounts import SessionLimits
from records.model.errors import Unusable
from records.model.values import DEFAULT_REGION
from records.operations.boundaries import Backend, Database, PasswordHasher, Writer
from records.operations.sessions import sweep
from records.runtime.faults import describe, kind_of
from records.runtime.immediate_writes import ImmediateFactory, UnbufferedTLS
from records.runtime.input_batching import InputBatching
from records.runtime.scheduler import Scheduler
from records.server.conversation import Conversation, Peer
from records.server.protocol import Deadlines, RecordsFactory
from records.store.dispatch import BatchingStore, following
from records.store.workers import Worker, WriterWorker
from records.tls.contexts import ServerTLS
from records.tls.keys import certificate_end, days_left

_log = Logger("records.daemon.service")

SWEEP_EVERY = 60 * 60.0
"""Seconds between house-keeping: deleting ended sessions, and checking the certificate."""


class Settings(Struct, frozen=True):
    """The options of the daemon.

    stop: seconds that a stop waits for requests under way. region: an ISO 3166 code; the client
    reads what people type as people there write it.
    """

    places: Places
    listen: tuple[str, ...]
    sessions: SessionLimits = SessionLimits()
    deadlines: Deadlines = Deadlines()
    max_connections: int = 20_000
    max_per_source: int = 2_000
    stop: float = 10.0
    region: str = DEFAULT_REGION


class Environment(Struct, frozen=True):
    """The daemon's access to the world outside.

    backend: the kind of store. start_writer: starts the writer process; takes a function that opens
    the database, and the file descriptors that the process keeps. start_hasher: starts the process
    that hashes passwords. on_hangup: has a function called at each SIGHUP. show: shows lines to the
    person at the terminal, if there is one. give_up: has the process exit with 1 once the reactor
    has stopped.
    """

    reactor: Any
    hasher: PasswordHasher
    backend: Backend
    random_bytes: Callable[[int], bytes]
    start_writer: Callable[[Callable[[Path], Writer], Sequence[int]], WriterWorker]
    start_hasher: Callable[[], Hashing]
    on_hangup: Callable[[Callable[[], None]], object]
    show: Callable[[str], object]
    give_up: Callable[[], object]


def endpoint_from(reactor: Any, description: str) -> IStreamServerEndpoint:
    """A server endpoint without TLS, which is added to it. Raises ValueError with a sentence."""
    kind = description.partition(":")[0]
    if kind in ("ssl", "tls"):
        raise ValueError("TLS is added to every endpoint: write tcp: instead")
    try:
        endpoint: IStreamServerEndpoint = serverFromString(reactor, description)
    except (ValueError, TypeError, LookupError, OSError):
        raise ValueError(
            f'"{description}" is not a valid endpoint. Example: tcp:7443:interface=127.0.0.1'
        ) from None
    return endpoint


class RecordsService(Service):
    """The one service. `startService` raises `Unusable` if the daemon cannot start."""

    name = "records"

    def __init__(self, settings: Settings, environment: Environment) -> None:
        self._settings = settings
        self._environment = environment
        self._ports: list[IListeningPort] = []
        self._lock: int | None = None
        self._store: BatchingStore | None = None
        self._hashing: Hashing | None = None
        self._gateway: Gateway | None = None
        self._hourly: LoopingCall | None = None
        self._stopped: Deferred[None] | None = None
        self._scheduler = Scheduler(environment.reactor.callFromThread)
        self._factory = RecordsFactory(
            environment.reactor,
            self._new_conversation,
            settings.deadlines,
            settings.max_connections,
            settings.max_per_source,
            InputBatching(self._scheduler),
        )

    @property
    def ports(self) -> tuple[IListeningPort, ...]:
        """The ports on which the daemon listens."""
        return tuple(self._ports)

    @property
    def max_connections(self) -> int:
        """The most connections at a time."""
        return self._factory.max_connections

    def limit_connections(self, most: int) -> None:
        """Allow at most this many connections."""
        self._factory.max_connections = most

    def startService(self) -> None:
        """See `IService`. Nothing is left behind if it raises `Unusable`."""
        settings, environment = self._settings, self._environment
        places = settings.places
        if self._stopped is not None:
            raise Unusable("This service has been stopped. Make another one.")
        self._lock = lock(places, environment.backend.files(places.database))
        # Forked first, so that they have no share of anything that follows.
        try:
            writer = environment.start_writer(environment.backend.open_writer, [self._lock])
        except BaseException:
            self._unlock()
            raise
        try:
            self._hashing = hashing = environment.start_hasher()
            open_keys(places, now())
            self._tls = ServerTLS(places.keys)
            for description in settings.listen:
                self._listen(description)
            database, password = open_database(
                places, environment.backend, environment.hasher, environment.random_bytes
            )
            writer.open(places.database)
            self._open(database, writer, hashing)
        except BaseException:
            writer.abandon()
            if self._hashing is not None:
                self._hashing.abandon()
                self._hashing = None
            for port in self._ports:
                port.stopListening()
            self._ports = []
            self._unlock()
            raise
        super().startService()
        environment.on_hangup(self.renew)
        self._hourly = LoopingCall(self._each_hour)
        self._hourly.clock = environment.reactor
        self._hourly.start(SWEEP_EVERY)
        self._announce(password)

    def _unlock(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _listen(self, description: str) -> None:
        endpoint = endpoint_from(self._environment.reactor, description)
        encrypted = UnbufferedTLS(self._tls, False, self._factory, self._environment.reactor)
        ports: list[IListeningPort] = []
        failures: list[Failure] = []
        endpoint.listen(ImmediateFactory(encrypted)).addCallbacks(ports.append, failures.append)
        if not ports:
            why = failures[0].value if failures else None
            raise Unusable(_why_not_listening(description, why))
        self._ports += ports

    def _open(self, database: Database, writer: Worker, hashing: Hashing) -> None:
        """Start the store and the passwords. From here on, connections can be served."""
        environment, settings = self._environment, self._settings
        reactor = environment.reactor
        self._store = store = BatchingStore(reactor, self._scheduler, database, writer, self._fail)
        hashing.start()
        hashing.failed.addErrback(self._cannot_hash)
        passwords = Passwords(
            reactor,
            store,
            environment.hasher,
            HashingQueue(hashing.run),
            Throttle(),
            self._password_changed,
        )
        services = Services(
            store,
            make_portal(store, passwords),
            passwords,
            settings.sessions,
            ServerInfo(
                "records",
                __version__,
                PROTOCOL,
                Limits(
                    session_idle_seconds=settings.sessions.idle,
                    session_lifetime_seconds=settings.sessions.lifetime,
                ),
                settings.region,
            ),
            RateLimit(),
            reactor.seconds,
            partial(deferLater, reactor),
            self._new_token,
        )
        self._gateway = Gateway(services)

    def _password_changed(self, username: str) -> None:
        try:
            forget_first_password(self._settings.places, username)
        except OSError as error:
            _log.error("The first password's file cannot be removed: {why}", why=error.strerror)

    def _new_token(self) -> str:
        return urlsafe_b64encode(self._environment.random_bytes(TOKEN_BYTES)).rstrip(b"=").decode()

    def _new_conversation(self, peer: Peer, source: str) -> Conversation:
        assert self._gateway is not None
        return Conversation(self._gateway, peer, source)

    def _announce(self, password: str | None) -> None:
        places = self._settings.places
        _log.info("The data is in {path}", path=str(places.data))
        for port in self._ports:
            where, how = _how_to_connect(port.getHost(), places)
            _log.info("Listening at {where}. Connect with: {how}", where=where, how=how)
        path = places.first_password
        if path.exists():
            _log.info(
                "Log in as {username} with the password that is in {path}, and change it",
                username=FIRST_USER,
                path=str(path),
            )
        if password is not None:
            self._environment.show(
                f"\n  The first account: {FIRST_USER}\n  Its password:      {password}\n"
                f"  It must be changed at the first login, and stands in {path} until then.\n"
            )

    def renew(self) -> None:
        """Use the files of the keys folder for new connections. Called at a SIGHUP."""
        places = self._settings.places
        try:
            open_keys(places, now())
            self._tls.reload()
        except Unusable as reason:
            _log.error("The certificate stays as it was: {why}", why=str(reason))
        else:
            end = certificate_end(places.keys)
            _log.info("Certificate loaded, valid until {end}", end=f"{end:%F}")

    def _each_hour(self) -> None:
        try:
            self._keep_house()
        except Exception as error:  # noqa: BLE001  tried again in an hour
            _log.error("House-keeping failed: {fault}", fault=describe(error))

    def _keep_house(self) -> None:
        """The hourly house-keeping."""
        assert self._store is not None
        swept = self._store.write(sweep, self._settings.sessions)
        swept.addErrback(self._not_swept)
        try:
            if open_keys(self._settings.places, now()):
                self.renew()
            left = days_left(self._settings.places.keys, now())
        except Unusable as reason:
            _log.error("The keys need attention: {why}", why=str(reason))
        else:
            if left < 0:
                _log.error("The server's certificate has ended: no client trusts it any more")
            elif left <= WARN_DAYS:
                _log.warn("The server's certificate ends in {days} days", days=left)

    def _not_swept(self, failure: Failure) -> None:
        kind = kind_of(failure.value)
        _log.warn("Ended sessions could not be cleared out: {kind}", kind=kind)

    def _fail(self, failure: Failure) -> None:
        """The store cannot go on: answer what can be answered, and stop."""
        _log.critical("Stopping: whether the last changes are durable cannot be known")
        self._give_up()

    def _cannot_hash(self, failure: Failure) -> None:
        """No user can log in any more: answer what can be answered, and stop."""
        _log.critical("Stopping: nobody can log in any more: {why}", why=str(failure.value))
        self._give_up()

    def _give_up(self) -> None:
        self._environment.give_up()
        self._environment.reactor.callLater(0, self._stop_reactor)

    def _stop_reactor(self) -> None:
        try:
            self._environment.reactor.stop()
        except ReactorNotRunning:
            _log.info("The daemon is stopping already")

    def stopService(self) -> Deferred[None]:
        """See `IService`. Fires when everything is closed."""
        super().stopService()
        if self._stopped is None:
            self._stopped = Deferred.fromCoroutine(self._stop()).addErrback(self._not_stopped)
        return following(self._stopped)

    def _not_stopped(self, failure: Failure) -> Failure:
        _log.error("The stop failed: {fault}", fault=describe(failure.value))
        return failure

    async def _stop(self) -> None:
        for port in self._ports:
            try:
                await maybeDeferred(port.stopListening)
            except Exception as error:  # noqa: BLE001  a UNIX socket may have been removed
                _log.warn("A port did not close well: {kind}", kind=type(error).__name__)
        self._ports = []
        try:
            await self._factory.finish().addTimeout(self._settings.stop, self._environment.reactor)
        except OutOfTime:
            _log.warn(
                "Some requests did not finish in time. Connections ended: {count}",
                count=len(self._factory.connections),
            )
            self._factory.abort()
        if self._hourly is not None and self._hourly.running:
            self._hourly.stop()
        if self._hashing is not None:
            try:
                await self._hashing.stop(self._settings.stop)
            except Exception as error:  # noqa: BLE001  the rest has to be closed all the same
                _log.warn("Hashing did not end well: {kind}", kind=kind_of(error))
        if self._store is not None:
            try:
                await self._store.stop()
            except Exception as error:  # noqa: BLE001  logged when it happened; nothing is left to do
                _log.error("The store did not close well: {kind}", kind=type(error).__name__)
        self._unlock()
        _log.info("Stopped")


WARN_DAYS = 14


def _why_not_listening(description: str, error: BaseException | None) -> str:
    number = getattr(getattr(error, "socketError", error), "errno", None)
    if number == EADDRINUSE:
        return (
            f"Cannot listen at {description}: the port is taken. Stop what listens there, "
            "or choose another with --listen."
        )
    if number == EACCES:
        return f"Cannot listen at {description}: only root may use this port. Choose one from 1024."
    if isinstance(error, OverflowError):
        return f"Cannot listen at {description}: a port is a number from 0 to 65535."
    if number == EADDRNOTAVAIL:
        return f"Cannot listen at {description}: this machine does not have that address."
    kind = type(error).__name__ if isinstance(error, CannotListenError | OSError) else "a fault"
    return f"Cannot listen at {description}: {kind}."


DEFAULT_PORT = 7443


def _how_to_connect(host: object, places: Places) -> tuple[str, str]:
    """The address, and the command line for the client."""
    command = "python -m records.client"
    if not isinstance(host, IPv4Address | IPv6Address):
        return str(host), f"{command} (by way of a TCP endpoint)"
    everywhere = host.host in ("0.0.0.0", "::")  # noqa: S104  compared, not bound
    local = everywhere or host.host in ("127.0.0.1", "::1")
    shown = f"[{host.host}]" if ":" in host.host else host.host
    if not local:
        command += f" --host {host.host}"
    if host.port != DEFAULT_PORT:
        command += f" --port {host.port}"
    ca = places.keys.ca_certificate
    if str(ca) != "keys/ca.crt":
        command += f" --ca {quote(str(ca))}"
    return f"{shown}:{host.port}", command
