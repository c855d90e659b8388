"""Password hashes with bcrypt, and the queue by which they are made off the reactor's thread.

Owns the format of stored hashes. Knows nothing of accounts or of the store.

bcrypt reads 72 bytes and stops at a NUL, so what it is given is not the password but
base64(HMAC-SHA-256(key=salt, password)), as passlib's bcrypt_sha256 does in its version 2
(https://passlib.readthedocs.io/en/stable/lib/passlib.hash.bcrypt_sha256.html). Keying by the
salt keeps hashes stolen from elsewhere from being tried as passwords.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections import deque
from collections.abc import Callable
from typing import Any, TypeVar

import bcrypt
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.python.failure import Failure

from records.accounts import normalize_password
from records.boundaries import PasswordHasher
from records.errors import Busy

T = TypeVar("T")

COST = 12
"""bcrypt's work factor: about a quarter of a second in 2026, and OWASP's advice is 10 or more."""

PREFIX = "bcrypt-sha256$"
"""Marks our own scheme; a hash without it is plain bcrypt, brought from elsewhere."""

_SALT_END = 29  # "$2b$12$" and 22 characters of salt
_BCRYPT_READS = 72

THREADS = 2
MAX_WAITING = 256
MAX_WAITING_PER_SOURCE = 64
"""How many may wait: enough for an office that logs in at nine behind one address."""


def _shortened(password: str, setting: bytes) -> bytes:
    """What bcrypt is given for a password. setting: version, cost and salt."""
    salt = setting[_SALT_END - 22 : _SALT_END]
    text = normalize_password(password).encode("utf-8", "surrogatepass")
    return base64.b64encode(hmac.digest(salt, text, hashlib.sha256))


class BcryptHasher:
    """`records.boundaries.PasswordHasher`. cost: doubles the time with each step."""

    def __init__(self, cost: int = COST) -> None:
        self._cost = cost

    def hash(self, password: str) -> str:
        """A new hash, with a salt of its own."""
        setting = bcrypt.gensalt(self._cost)
        return PREFIX + bcrypt.hashpw(_shortened(password, setting), setting).decode("ascii")

    def verify(self, password: str, hashed: str) -> bool:
        """Whether the password is the one that was hashed, compared in constant time."""
        own = hashed.startswith(PREFIX)
        stored = hashed.removeprefix(PREFIX).encode("ascii")
        # A plain hash was made of the bytes as they were typed, of which bcrypt read only 72.
        given = (
            _shortened(password, stored)
            if own
            else password.encode("utf-8", "surrogatepass")[:_BCRYPT_READS]
        )
        if b"\0" in given:
            given = _shortened(password, stored)  # never equal; but it takes the same time
        return bcrypt.checkpw(given, stored)

    def is_outdated(self, hashed: str) -> bool:
        """Whether the hash is plain bcrypt, or of a lower cost than new ones."""
        parts = hashed.removeprefix(PREFIX).split("$")
        return not hashed.startswith(PREFIX) or int(parts[2]) < self._cost


class HashingQueue:
    """Lets a few slow calls run at a time, and takes turns between the sources they are for.

    So whoever sends many logins delays his own, and hardly anybody else's.
    run: runs a call in a thread and gives back its result, such as `deferToThreadPool`.
    """

    def __init__(
        self, run: Callable[[Callable[[], Any]], Deferred[Any]], at_once: int = THREADS
    ) -> None:
        self._run = run
        self._free = at_once
        self._waiting: dict[str, deque[tuple[Callable[[], Any], Deferred[Any]]]] = {}
        self._count = 0

    def submit(self, source: str, call: Callable[[], T]) -> Deferred[T]:
        """Run `call` when it is this source's turn. Fails with `Busy` if too many wait."""
        waiting = self._waiting.setdefault(source, deque())
        result: Deferred[T] = Deferred()
        if self._count >= MAX_WAITING or len(waiting) >= MAX_WAITING_PER_SOURCE:
            if not waiting:
                del self._waiting[source]
            result.errback(Failure(Busy("Too many people are logging in just now. Try again.")))
            return result
        waiting.append((call, result))
        self._count += 1
        self._next()
        return result

    def _next(self) -> None:
        while self._free and self._waiting:
            source = next(iter(self._waiting))
            waiting = self._waiting.pop(source)
            call, result = waiting.popleft()
            self._count -= 1
            if waiting:
                self._waiting[source] = waiting  # at the end: the others come first
            self._free -= 1
            maybeDeferred(self._run, call).addBoth(self._finished, result)

    def _finished(self, outcome: Any, result: Deferred[Any]) -> None:
        self._free += 1
        if isinstance(outcome, Failure):
            result.errback(outcome)
        else:
            result.callback(outcome)
        self._next()


def _conforms(hasher: BcryptHasher) -> PasswordHasher:
    return hasher
