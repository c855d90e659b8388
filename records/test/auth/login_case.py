"""What the tests of logging in share: accounts with passwords, and everything around them."""

from __future__ import annotations

from typing import TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from records.auth.hashing import HashingQueue
from records.auth.login import Passwords
from records.auth.throttle import Throttle
from records.model.accounts import Account
from records.model.errors import RecordsError
from records.operations.sessions import Caller
from records.test.auth.hashing_case import PlainHasher, Threads
from records.test.operations.operations_case import LIMITS, OperationsCase, caller

GOOD = "a made-up password"
BAD = "another made-up one"

E = TypeVar("E", bound=RecordsError)


def elsewhere(name: str, source: str = "198.51.100.7") -> Caller:
    """A session to be opened from another source."""
    return Caller(caller(name).session_id, source, LIMITS)


class PasswordsCase(OperationsCase):
    """`hr` has a session, and GOOD as password; hashing is at once unless `threads` are held."""

    def setUp(self) -> None:
        super().setUp()
        self.time = Clock()
        self.threads = Threads()
        self.hasher = PlainHasher()
        self.changed: list[str] = []
        self.passwords = Passwords(
            self.time,
            self.store,
            self.hasher,
            HashingQueue(self.threads.run),
            Throttle(),
            self.changed.append,
        )
        self.change_account("hr", password_hash=self.hasher.hash(GOOD))

    def log_in(self, username: str, password: str, who: Caller | None = None) -> Deferred[None]:
        """Try to log in, for a session `new`."""
        attempt = self.passwords.log_in(username, password, who or caller("new"))
        return Deferred.fromCoroutine(attempt)

    def change(self, current: str, new: str, who: Caller | None = None) -> Deferred[None]:
        """Try to change a password: that of `hr`, if nobody else is named."""
        return Deferred.fromCoroutine(self.passwords.change(who or self.hr, current, new))

    def failed(self, kind: type[E], attempt: Deferred[None]) -> E:
        """The error of exactly this kind that an attempt has ended with."""
        error = self.failureResultOf(attempt).value
        self.assertIs(type(error), kind, error)
        assert isinstance(error, kind)
        return error

    def account(self, name: str = "hr") -> Account:
        """An account as it is stored."""
        found = self.read(lambda tx: tx.accounts.named(name))
        assert isinstance(found, Account)
        return found

    def is_open(self, who: Caller) -> bool:
        """Whether there is such a session."""
        return self.read(lambda tx: tx.accounts.session(who.session_id)) is not None
