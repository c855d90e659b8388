"""The session of a connection: login, resume, logout, and changing the password.

Knows nothing of how requests are framed or ordered: that is the entry point's part.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from msgspec import Struct, structs
from twisted.cred.portal import Portal
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from records.api.messages import (
    LoggedIn,
    LoginParams,
    NoParams,
    Nothing,
    Params,
    PasswordChangeParams,
    Resumed,
    ResumeParams,
    ServerInfo,
)
from records.auth.cred import Avatar, IAvatar, PasswordLogin, SessionToken
from records.auth.login import Passwords
from records.gateway.rate_limit import RateLimit
from records.model.accounts import SessionLimits, session_id
from records.model.errors import NotAuthenticated, TooManyAttempts
from records.operations.boundaries import Store
from records.operations.methods import Method
from records.operations.sessions import Caller, end_session
from records.operations.sessions import note_use as store_use
from records.runtime.faults import kind_of

TOKEN_BYTES = 32


class Services(Struct, frozen=True):
    """What all connections share.

    info: the answer to `server.info`. seconds: the reactor's clock. wait: fires after a number of
    seconds. new_token: makes a token of `TOKEN_BYTES` secure random bytes.
    """

    store: Store
    portal: Portal
    passwords: Passwords
    sessions: SessionLimits
    info: ServerInfo
    rate_limit: RateLimit
    seconds: Callable[[], float]
    wait: Callable[[float], Deferred[None]]
    new_token: Callable[[], str]


class ConnectionSession:
    """The session of one connection.

    source: where the client is, an address or "local".
    caller: the session used for this connection's requests; None before login.
    """

    _log = Logger()

    def __init__(self, services: Services, source: str) -> None:
        self._services = services
        self._store = services.store
        self._source = source
        self._noted_use = 0.0
        self._lost = False
        self.caller: Caller | None = None

    def disconnected(self) -> None:
        """The connection is gone. Its session goes on, and another connection may resume it."""
        self._lost = True

    def note_use(self, caller: Caller) -> None:
        """Store now and then that the session is used, so that it does not end as unused."""
        now = self._services.seconds()
        if now - self._noted_use >= caller.limits.note_use_after:
            self._noted_use = now
            self._store.write(store_use, caller).addErrback(self._not_noted)

    def _not_noted(self, failure: Failure) -> None:
        kind = kind_of(failure.value)
        self._log.warn("A session's use could not be stored: {kind}", kind=kind)

    async def run(self, method: Method, params: Params, bulk: bool = False) -> object:
        """Run a method that concerns the session (`Mode.SESSION`).

        bulk: see `records.operations.boundaries.Store`. Raises `RecordsError`.
        """
        return await _METHODS[method.name](self, params, bulk)

    async def _info(self, params: NoParams, bulk: bool) -> ServerInfo:
        return self._services.info

    async def _resume(self, params: ResumeParams, bulk: bool) -> Resumed:
        return await self._enter(SessionToken(self._calling(params.token), bulk))

    async def _change_password(self, params: PasswordChangeParams, bulk: bool) -> Nothing:
        caller, passwords = self.known(), self._services.passwords
        await passwords.change(caller, params.current, params.new, bulk=bulk)
        return Nothing()

    async def _log_out(self, params: NoParams, bulk: bool) -> Nothing:
        """End the session. If the store cannot do that now, the connection keeps it."""
        try:
            await self._store.write(end_session, self.known(), bulk=bulk)
        except NotAuthenticated:
            self.caller = None  # it had ended before
            raise
        self.caller = None
        return Nothing()

    def known(self) -> Caller:
        """The session for requests. Raises `NotAuthenticated`."""
        if self.caller is None:
            raise NotAuthenticated("Nobody is logged in here. Log in first.")
        return self.caller

    def _calling(self, token: str) -> Caller:
        return Caller(session_id(token), self._source, self._services.sessions)

    async def _enter(self, credentials: PasswordLogin | SessionToken) -> Resumed:
        """Log in through the portal. Until that has succeeded, nobody is logged in here."""
        self.caller = None
        caller = credentials.caller
        _, avatar, _ = await self._services.portal.login(credentials, caller, IAvatar)
        assert isinstance(avatar, Avatar)
        if self._lost and isinstance(credentials, PasswordLogin):
            # The client will never learn this session's token.
            await self._store.write(end_session, caller)
        self.caller = avatar.caller
        self._noted_use = self._services.seconds()
        return avatar.told

    async def _log_in(self, params: LoginParams, bulk: bool) -> LoggedIn:
        token = self._services.new_token()
        caller = self._calling(token)
        try:
            login = PasswordLogin(params.username, params.password, caller, bulk)
            told = await self._enter(login)
        except (NotAuthenticated, TooManyAttempts):
            raise
        except Exception:
            # The session may have been opened, but the client will never learn its token.
            self._store.write(end_session, caller).addErrback(self._not_ended)
            raise
        return LoggedIn(token=token, **structs.asdict(told))

    def _not_ended(self, failure: Failure) -> None:
        if not failure.check(NotAuthenticated):  # it was not opened
            kind = kind_of(failure.value)
            self._log.warn("An unused session could not be ended: {kind}", kind=kind)


_METHODS: Mapping[str, Callable[[ConnectionSession, Any, bool], Awaitable[object]]] = {
    "server.info": ConnectionSession._info,
    "login": ConnectionSession._log_in,
    "resume": ConnectionSession._resume,
    "logout": ConnectionSession._log_out,
    "password.change": ConnectionSession._change_password,
}
