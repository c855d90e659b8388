"""Who is there: a portal makes an avatar of a password or of a session's token."""

from __future__ import annotations

from typing import Any

from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.credentials import Anonymous, UsernamePassword
from twisted.cred.error import UnhandledCredentials
from twisted.cred.portal import IRealm
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IProtocol
from zope.interface.verify import verifyClass, verifyObject

from records.auth.cred import (
    Avatar,
    IAvatar,
    IPasswordLogin,
    ISessionToken,
    PasswordChecker,
    PasswordLogin,
    Realm,
    SessionToken,
    TokenChecker,
    make_portal,
)
from records.auth.throttle import PAIR
from records.model.access import Role
from records.model.errors import NotAuthenticated, TooManyAttempts
from records.operations.sessions import Caller, end_session, permissions
from records.test.auth.login_case import BAD, GOOD, PasswordsCase
from records.test.operations.operations_case import LIMITS, caller
from records.testing import user

NEW = caller("new")


class CredCase(PasswordsCase):
    """A portal."""

    def setUp(self) -> None:
        super().setUp()
        self.portal = make_portal(self.store, self.passwords)

    def enter(self, credentials: Any, who: Caller) -> Deferred[Any]:
        """Ask the portal for an avatar."""
        entering: Deferred[Any] = self.portal.login(credentials, who, IAvatar)
        return entering

    def by_password(self, username: str, password: str, who: Caller = NEW) -> Deferred[Any]:
        return self.enter(PasswordLogin(username, password, who), who)

    def by_token(self, who: Caller) -> Deferred[Any]:
        return self.enter(SessionToken(who), who)

    def avatar(self, entering: Deferred[Any]) -> Avatar:
        """The avatar that was given."""
        interface, avatar, _ = self.successResultOf(entering)
        self.assertIs(interface, IAvatar)
        assert isinstance(avatar, Avatar)
        return avatar


class InterfacesTests(CredCase):
    """What `twisted.cred` asks for."""

    def test_objects(self) -> None:
        """Everything provides the interface that it says it does."""
        avatar = self.avatar(self.by_token(self.hr))
        for interface, provider in (
            (IRealm, Realm(self.store)),
            (ICredentialsChecker, PasswordChecker(self.passwords)),
            (ICredentialsChecker, TokenChecker(self.store)),
            (IPasswordLogin, PasswordLogin("hr", GOOD, NEW)),
            (ISessionToken, SessionToken(NEW)),
            (IAvatar, avatar),
        ):
            self.assertTrue(verifyObject(interface, provider), provider)

    def test_classes(self) -> None:
        """So does every class."""
        for interface, kind in (
            (IRealm, Realm),
            (ICredentialsChecker, PasswordChecker),
            (ICredentialsChecker, TokenChecker),
            (IPasswordLogin, PasswordLogin),
            (ISessionToken, SessionToken),
            (IAvatar, Avatar),
        ):
            self.assertTrue(verifyClass(interface, kind), kind)

    def test_avatar_id(self) -> None:
        """What a checker gives is the session's ID."""
        checkers: list[tuple[Any, Any]] = [
            (PasswordChecker(self.passwords), PasswordLogin("hr", GOOD, NEW)),
            (TokenChecker(self.store), SessionToken(NEW)),
        ]
        for checker, credentials in checkers:
            checked = checker.requestAvatarId(credentials)
            self.assertEqual(self.successResultOf(checked), NEW.session_id)


class PasswordTests(CredCase):
    """Entering by password."""

    def test_good(self) -> None:
        """A good password opens the session; the avatar carries it and its permissions."""
        avatar = self.avatar(self.by_password("hr", GOOD))
        self.assertEqual(avatar.caller, NEW)
        self.assertEqual(avatar.told.permissions, permissions(user(Role.HR)))
        self.assertEqual(
            (avatar.told.user.username, avatar.told.user.roles, avatar.told.must_change_password),
            ("hr", ["hr"], False),
        )
        self.ask(avatar.caller, "employee.list")

    def test_bad(self) -> None:
        """A wrong password, an unknown user and a closed account get no avatar and no session."""
        self.person("closed", Role.OWNER, disabled=True)
        self.change_account("closed", password_hash=self.hasher.hash(GOOD))
        for name, password in (("hr", BAD), ("nobody", GOOD), ("closed", GOOD)):
            self.failed(NotAuthenticated, self.by_password(name, password))
            self.assertFalse(self.is_open(NEW), name)

    def test_too_many(self) -> None:
        """A client that guesses is told to wait."""
        for _ in range(PAIR.free):
            self.failed(NotAuthenticated, self.by_password("hr", BAD))
        self.failed(TooManyAttempts, self.by_password("hr", GOOD))

    def test_must_change(self) -> None:
        """A user who must change the password gets an avatar that says so."""
        self.change_account("hr", must_change_password=True)
        self.assertTrue(self.avatar(self.by_password("hr", GOOD)).told.must_change_password)


class TokenTests(CredCase):
    """Going on with a session."""

    def test_good(self) -> None:
        """A session's token gets an avatar with the permissions that its account has now."""
        avatar = self.avatar(self.by_token(self.hr))
        self.assertEqual(avatar.told.permissions, permissions(user(Role.HR)))
        self.change_account("hr", roles=(Role.AUDITOR,))
        avatar = self.avatar(self.by_token(self.hr))
        self.assertEqual(avatar.told.permissions, permissions(user(Role.AUDITOR)))
        self.assertEqual(avatar.told.user.roles, ["auditor"])

    def test_unknown(self) -> None:
        """A token that is no session's gets nothing."""
        for who in (caller("unknown"), Caller(b"", "", LIMITS)):
            self.failed(NotAuthenticated, self.by_token(who))

    def test_expired(self) -> None:
        """A session that was not used for its idle time cannot be gone on with."""
        self.clock.advance(LIMITS.idle - 1)
        self.avatar(self.by_token(self.hr))
        self.clock.advance(LIMITS.idle)
        self.failed(NotAuthenticated, self.by_token(self.hr))

    def test_lifetime(self) -> None:
        """Going on with a session does not make it live longer than its lifetime."""
        step = LIMITS.idle - 1
        for _ in range(LIMITS.lifetime // step):
            self.clock.advance(step)
            self.avatar(self.by_token(self.hr))
        self.clock.advance(LIMITS.lifetime % step)
        self.failed(NotAuthenticated, self.by_token(self.hr))

    def test_logged_out(self) -> None:
        """A session that was ended cannot be gone on with."""
        self.store.do(end_session, self.hr)
        self.failed(NotAuthenticated, self.by_token(self.hr))

    def test_disabled(self) -> None:
        """A closed account's session cannot be gone on with."""
        self.change_account("hr", disabled=True)
        self.failed(NotAuthenticated, self.by_token(self.hr))

    def test_end_of_a_connection(self) -> None:
        """A connection's end leaves its session open."""
        _, _, end = self.successResultOf(self.by_token(self.hr))
        end()
        self.avatar(self.by_token(self.hr))


class RefusedTests(CredCase):
    """What nobody should ask for."""

    def test_other_credentials(self) -> None:
        """Credentials of other kinds are refused."""
        for credentials in (UsernamePassword(b"hr", GOOD.encode()), Anonymous()):
            self.failureResultOf(self.enter(credentials, NEW), UnhandledCredentials)

    def test_other_avatars(self) -> None:
        """Nothing but an avatar of ours is given."""
        entering: Deferred[Any] = self.portal.login(SessionToken(self.hr), self.hr, IProtocol)
        self.failureResultOf(entering, NotImplementedError)

    def test_of_somebody_else(self) -> None:
        """Nobody gets the avatar of another session than the one that was checked."""
        boss = self.person("boss", Role.OWNER)
        for mind in (boss, None):
            credentials = (PasswordLogin("hr", GOOD, caller(f"{mind}")), SessionToken(self.hr))
            for each in credentials:
                entering: Deferred[Any] = self.portal.login(each, mind, IAvatar)
                self.failureResultOf(entering, NotAuthenticated)
