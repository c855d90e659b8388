"""Who is there: credentials, their checkers, and the realm that makes an avatar of them.

`twisted.cred` as it is meant: a `Portal` over `Realm` and the two checkers turns a password or a
session's token into an `Avatar`, which carries the session and its permissions. What an avatar
may do is judged anew in each transaction; the permissions it carries are for telling the client.
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
"""As `ICredentialsChecker` has it; ours is a session's ID, and nobody here is anonymous."""

Granted = tuple[type[Interface], object, Callable[[], None]]
"""What `IRealm` gives: the interface, the avatar, and what to call at logout."""


class IPasswordLogin(ICredentials):
    """A username and a password, and the session to open if they are good."""

    username = Attribute("str")
    password = Attribute("str")
    caller = Attribute("records.operations.sessions.Caller: the session to open")
    bulk = Attribute(
        "bool: whether this is one of many from there; see records.operations.boundaries.Store"
    )


class ISessionToken(ICredentials):
    """The token of a session that goes on."""

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
    """Somebody who is logged in."""

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
    """Opens a session for whoever knows an account's password; its avatar ID is the session's."""

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
    """Lets whoever has a session's token go on with it; its avatar ID is the session's."""

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
    """Gives each session its avatar."""

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
        # A connection's end doesn't end its session, so there is nothing to do at logout.
        return IAvatar, Avatar(caller, told), lambda: None


def make_portal(store: Store, passwords: Passwords) -> Portal:
    """The portal that connections log in through."""
    return Portal(Realm(store), (PasswordChecker(passwords), TokenChecker(store)))
