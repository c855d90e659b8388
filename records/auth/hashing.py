"""Password hashes with bcrypt, and the queue for making them off the reactor's thread.

Owns the format of stored hashes. Knows nothing of accounts or of the store.

bcrypt reads 72 bytes and stops at a NUL. So it gets base64(HMAC-SHA-256(key=salt, password))
instead of the password, as passlib's bcrypt_sha256 version 2 does
(https://passlib.readthedocs.io/en/stable/lib/passlib.hash.bcrypt_sha256.html). The salt is the key,
so that hashes stolen elsewhere cannot be tried as passwords.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

import bcrypt
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.python.failure import Failure

from records.model.accounts import normalize_password
from records.model.errors import Busy
from records.operations.boundaries import PasswordHasher

T = TypeVar("T")

COST = 12
"""bcrypt's work factor: about a quarter of a second in 2026. OWASP advises 10 or more."""

PREFIX = "bcrypt-sha256$"
"""Marks our own scheme. A hash without it is plain bcrypt, from another system."""

_SALT_END = 29  # "$2b$12$" and 22 characters of salt
_BCRYPT_READS = 72
_DUMMY = b"." * 53  # salt and hash of an unknown password

THREADS = 2
"""Hashes that are computed at a time: one a core of a small machine. The others wait."""

MAX_WAITING_LOGINS = 256
MAX_WAITING_PER_SOURCE = 64
"""Waiting logins: enough for an office that logs in at nine behind one address."""

_BUSY = "Too many people are logging in just now. Try again."


def _shortened(password: str, setting: bytes) -> bytes:
    """The bytes that bcrypt gets for a password. setting: version, cost and salt."""
    salt = setting[_SALT_END - 22 : _SALT_END]
    text = normalize_password(password).encode("utf-8", "surrogatepass")
    return base64.b64encode(hmac.digest(salt, text, hashlib.sha256))


def _cost_of(hashed: str) -> int:
    return int(hashed.removeprefix(PREFIX).split("$")[2])


class BcryptHasher:
    """`records.operations.boundaries.PasswordHasher`. cost: each step doubles the time.

    checkpw: compares bytes with a hash, which takes the time of the hash's cost.
    """

    def __init__(
        self, cost: int = COST, checkpw: Callable[[bytes, bytes], bool] = bcrypt.checkpw
    ) -> None:
        self._cost = cost
        self._checkpw = checkpw

    def hash(self, password: str) -> str:
        """A new hash with a new salt."""
        setting = bcrypt.gensalt(self._cost)
        return PREFIX + bcrypt.hashpw(_shortened(password, setting), setting).decode("ascii")

    def verify(self, password: str, hashed: str) -> bool:
        """Whether the hash is of this password, compared in constant time.

        Comparing with a cheaper hash takes as long as with one of the present cost; otherwise the
        time would tell old accounts. A hash of a higher cost takes longer, until the next login
        renews it.
        """
        own = hashed.startswith(PREFIX)
        stored = hashed.removeprefix(PREFIX).encode("ascii")
        # A plain hash was made from the bytes as typed, of which bcrypt read only 72.
        given = (
            _shortened(password, stored)
            if own
            else password.encode("utf-8", "surrogatepass")[:_BCRYPT_READS]
        )
        if b"\0" in given:
            given = _shortened(password, stored)  # never equal, but it takes the same time
        good = self._checkpw(given, stored)
        # A cost of c takes 2^c rounds, and 2^c + 2^c + 2^(c+1) + ... + 2^(ours-1) = 2^ours.
        for cost in range(_cost_of(hashed), self._cost):
            self._checkpw(given, b"$2b$%02d$" % cost + _DUMMY)
        return good

    def dummy_hash(self) -> str:
        """See `records.operations.boundaries.PasswordHasher`."""
        return f"{PREFIX}$2b${self._cost:02d}${_DUMMY.decode('ascii')}"

    def is_outdated(self, hashed: str) -> bool:
        """Whether the hash is plain bcrypt, or has another cost than new ones."""
        return not hashed.startswith(PREFIX) or _cost_of(hashed) != self._cost


class HasherFailed(Exception):
    """Nothing can be hashed any more. The text says why."""


class Hashing(Protocol):
    """Runs slow calls off the reactor. failed: fires only with a failure, `HasherFailed`."""

    failed: Deferred[None]

    def start(self) -> None:
        """Accept calls from now on."""

    def run(self, call: Callable[[], T]) -> Deferred[T]:
        """Run a call. Fails with `Busy` if nothing can be hashed any more."""

    async def stop(self, within: float) -> None:
        """Accept no further calls, and wait until all pending ones have been answered, at most
        `within` seconds.

        The Deferred of a call that is requested later never fires.
        """

    def abandon(self) -> None:
        """End at once, because the daemon does not start."""


class SourceFlooded(Busy):
    """The source has as many waiting calls as it may have."""


_Waiting = tuple[Callable[[], Any], Deferred[Any]]
"""A call, and its result."""


class HashingQueue:
    """Runs a few slow calls at a time, and takes turns between the sources of the calls.

    A source that sends many logins delays its own, and hardly any others. Nor can a few such
    sources keep others out: when all places are taken, a new source gets one from the source that
    has the most.
    run: see `Hashing`.
    """

    def __init__(
        self, run: Callable[[Callable[[], Any]], Deferred[Any]], at_once: int = THREADS
    ) -> None:
        self._run = run
        self._free = at_once
        self._waiting: dict[str, deque[_Waiting]] = {}
        self._count = 0

    def submit(
        self, source: str, call: Callable[[], T], at_most: int = MAX_WAITING_PER_SOURCE
    ) -> Deferred[T]:
        """Run `call` when it is this source's turn.

        at_most: how many calls of this source may wait. Fails with `SourceFlooded` if that many do,
        and with `Busy` if too many wait in all, also later, when another source needs the place.
        """
        result: Deferred[T] = Deferred()
        held = len(self._waiting.get(source, ()))
        if held >= at_most:
            result.errback(Failure(SourceFlooded(_BUSY)))
            return result
        longest = self._longest(than=held) if self._count >= MAX_WAITING_LOGINS else None
        if self._count >= MAX_WAITING_LOGINS and longest is None:
            result.errback(Failure(Busy(_BUSY)))
            return result
        self._waiting.setdefault(source, deque()).append((call, result))
        self._count += 1
        if longest is not None:
            self._give_up_newest(longest)
        self._next()
        return result

    def _longest(self, than: int) -> deque[_Waiting] | None:
        """The longest waiting line, if even without one call it is longer than this."""
        longest = max(self._waiting.values(), key=len)
        return longest if len(longest) - 1 > than else None

    def _give_up_newest(self, waiting: deque[_Waiting]) -> None:
        _, result = waiting.pop()
        self._count -= 1
        result.errback(Failure(Busy(_BUSY)))

    def _next(self) -> None:
        while self._free and self._waiting:
            source = next(iter(self._waiting))
            waiting = self._waiting.pop(source)
            call, result = waiting.popleft()
            self._count -= 1
            if waiting:
                self._waiting[source] = waiting  # at the end, behind the other sources
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
