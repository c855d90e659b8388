"""Authentication with `twisted.cred`: credentials, checkers, and the realm that makes avatars.

A `Portal` over `Realm` and two checkers turns a password or a session token into an `Avatar`, which
has the session and its permissions. The permissions are for the client only: each transaction
checks the present ones.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.credentials import ICredentials
from twisted.cred.portal import IRealm, Portal
from twisted.internet.defer import Deferred
from zope.interface import Attribute, Interface, implementer

from records.api.messages import Resumed
from records.auth.login import Passwords
from records.model.errors import NotAuthenticated
from records.operations.boundaries import Store
from records.operations.sessions import Caller, describe_session, resume_session

AvatarId = bytes | tuple[()]
"""As `ICredentialsChecker` has it. Ours is the ID of a session; there are no anonymous avatars."""

Granted = tuple[type[Interface], object, Callable[[], None]]
"""The result of `IRealm`: the interface, the avatar, and a function to call at logout."""


class IPasswordLogin(ICredentials):
    """A username and a password, and the session to open if they are right."""

    username = Attribute("str")
    password = Attribute("str")
    caller = Attribute("records.operations.sessions.Caller: the session to open")
    bulk = Attribute(
        "bool: whether this is one of many from there; see records.operations.boundaries.Store"
    )


class ISessionToken(ICredentials):
    """The token of an existing session."""

    caller = Attribute("records.operations.sessions.Caller: the token's session")
    bulk = Attribute(
        "bool: whether this is one of many from there; see records.operations.boundaries.Store"
    )


@implementer(IPasswordLogin)
class PasswordLogin:
    """See `IPasswordLogin`."""

    def __init__(self, username: str, password: str, caller: Caller, bulk: bool = False) -> None:
        self.username = username
        self.password = password
        self.caller = caller
        self.bulk = bulk


@implementer(ISessionToken)
class SessionToken:
    """See `ISessionToken`."""

    def __init__(self, caller: Caller, bulk: bool = False) -> None:
        self.caller = caller
        self.bulk = bulk


class IAvatar(Interface):
    """A user who is logged in."""

    caller = Attribute("records.operations.sessions.Caller: whose session, from where")
    told = Attribute("records.api.messages.Resumed: what the client is told of the session")


@implementer(IAvatar)
class Avatar:
    """See `IAvatar`. It holds permissions as of the login; the gate looks at present ones."""

    def __init__(self, caller: Caller, told: Resumed) -> None:
        self.caller = caller
        self.told = told


@implementer(ICredentialsChecker)
class PasswordChecker:
    """Opens a session for a right password. The avatar ID is the session's ID."""

    credentialInterfaces = (IPasswordLogin,)

    def __init__(self, passwords: Passwords) -> None:
        self._passwords = passwords

    def requestAvatarId(self, credentials: IPasswordLogin) -> Deferred[AvatarId]:
        """See `ICredentialsChecker`. Fails with `NotAuthenticated` or `TooManyAttempts`."""
        return Deferred.fromCoroutine(self._check(credentials))

    async def _check(self, credentials: IPasswordLogin) -> AvatarId:
        caller: Caller = credentials.caller
        await self._passwords.log_in(
            credentials.username, credentials.password, caller, bulk=credentials.bulk
        )
        return caller.session_id


@implementer(ICredentialsChecker)
class TokenChecker:
    """Resumes the session of a token. The avatar ID is the session's ID."""

    credentialInterfaces = (ISessionToken,)

    def __init__(self, store: Store) -> None:
        self._store = store

    def requestAvatarId(self, credentials: ISessionToken) -> Deferred[AvatarId]:
        """See `ICredentialsChecker`. Fails with `NotAuthenticated`."""
        caller: Caller = credentials.caller
        resumed = self._store.write(resume_session, caller, bulk=credentials.bulk)

        def named(_: object) -> AvatarId:
            return caller.session_id

        return resumed.addCallback(named)


@implementer(IRealm)
class Realm:
    """Makes the avatar of a session."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def requestAvatar(
        self,
        avatarId: bytes | tuple[()],
        mind: object,
        *interfaces: object,
    ) -> Deferred[Granted]:
        """See `IRealm`. mind: the `Caller` on whose behalf the avatar is asked for."""
        if IAvatar not in interfaces:
            raise NotImplementedError("only IAvatar is provided here")
        if not isinstance(mind, Caller) or mind.session_id != avatarId:
            raise NotAuthenticated("This avatar is somebody else's.")
        return Deferred.fromCoroutine(self._avatar(mind))

    async def _avatar(self, caller: Caller) -> Granted:
        told = await self._store.read(describe_session, caller)
        # The end of a connection does not end its session, so logout has nothing to do.
        return IAvatar, Avatar(caller, told), lambda: None


def make_portal(store: Store, passwords: Passwords) -> Portal:
    """The portal for all logins."""
    return Portal(Realm(store), (PasswordChecker(passwords), TokenChecker(store)))
