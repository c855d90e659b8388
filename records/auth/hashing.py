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
from typing import Any, Protocol, TypeVar

import bcrypt
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.python.failure import Failure

from records.model.accounts import normalize_password
from records.model.errors import Busy
from records.operations.boundaries import PasswordHasher

T = TypeVar("T")

COST = 12
"""bcrypt's work factor: about a quarter of a second in 2026, and OWASP's advice is 10 or more."""

PREFIX = "bcrypt-sha256$"
"""Marks our own scheme; a hash without it is plain bcrypt, brought from elsewhere."""

_SALT_END = 29  # "$2b$12$" and 22 characters of salt
_BCRYPT_READS = 72
_NOBODYS = b"." * 53  # a salt and a hash, of what nobody will ever find

THREADS = 2
"""So many hashes are made at a time."""

MAX_WAITING = 256
MAX_WAITING_PER_SOURCE = 64
"""How many may wait: enough for an office that logs in at nine behind one address."""

_BUSY = "Too many people are logging in just now. Try again."


def _shortened(password: str, setting: bytes) -> bytes:
    """What bcrypt is given for a password. setting: version, cost and salt."""
    salt = setting[_SALT_END - 22 : _SALT_END]
    text = normalize_password(password).encode("utf-8", "surrogatepass")
    return base64.b64encode(hmac.digest(salt, text, hashlib.sha256))


def _cost_of(hashed: str) -> int:
    return int(hashed.removeprefix(PREFIX).split("$")[2])


class BcryptHasher:
    """`records.operations.boundaries.PasswordHasher`. cost: doubles the time with each step.

    checkpw: compares what bcrypt is given with a hash, and takes the time that the hash costs.
    """

    def __init__(
        self, cost: int = COST, checkpw: Callable[[bytes, bytes], bool] = bcrypt.checkpw
    ) -> None:
        self._cost = cost
        self._checkpw = checkpw

    def hash(self, password: str) -> str:
        """A new hash, with a salt of its own."""
        setting = bcrypt.gensalt(self._cost)
        return PREFIX + bcrypt.hashpw(_shortened(password, setting), setting).decode("ascii")

    def verify(self, password: str, hashed: str) -> bool:
        """Whether the password is the one that was hashed, compared in constant time.

        That of a hash cheaper than ours takes as long as that of ours, or else the time would
        tell whose account is older than the present cost. A dearer hash takes longer, until it
        is made anew at its owner's next login.
        """
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
        good = self._checkpw(given, stored)
        # A cost of c takes 2^c rounds, and 2^c + 2^c + 2^(c+1) + ... + 2^(ours-1) = 2^ours.
        for cost in range(_cost_of(hashed), self._cost):
            self._checkpw(given, b"$2b$%02d$" % cost + _NOBODYS)
        return good

    def nobodys(self) -> str:
        """See `records.operations.boundaries.PasswordHasher`."""
        return f"{PREFIX}$2b${self._cost:02d}${_NOBODYS.decode('ascii')}"

    def is_outdated(self, hashed: str) -> bool:
        """Whether the hash is plain bcrypt, or of another cost than new ones."""
        return not hashed.startswith(PREFIX) or _cost_of(hashed) != self._cost


class HasherFailed(Exception):
    """Nothing can be hashed any more; why, in some words."""


class Hashing(Protocol):
    """Whoever runs slow calls aside from the reactor. failed: only ever fails: `HasherFailed`."""

    failed: Deferred[None]

    def start(self) -> None:
        """From now on, calls can be run."""

    def run(self, call: Callable[[], T]) -> Deferred[T]:
        """Run a call. Fails with `Busy` if nothing can be hashed any more."""

    async def stop(self, within: float) -> None:
        """Run no more, and wait until who waits for a call has been answered, and went on.

        within: seconds, after which nobody is waited for. What is asked for meanwhile never comes.
        """

    def abandon(self) -> None:
        """End at once, where nothing comes of the start."""


class SourceFlooded(Busy):
    """A source has as many calls waiting as it may: the refusal is its own doing."""


_Waiting = tuple[Callable[[], Any], Deferred[Any]]
"""A call, and its result."""


class HashingQueue:
    """Lets a few slow calls run at a time, and takes turns between the sources they are for.

    So whoever sends many logins delays his own, and hardly anybody else's. Nor do a few who send
    many keep others out: when all places are taken, a newcomer gets one of those of the source
    that has the most.
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

        at_most: how many calls of this source may wait. `SourceFlooded` if it has so many,
        and with `Busy` if too many wait in all, also later, when others need its place more.
        """
        result: Deferred[T] = Deferred()
        held = len(self._waiting.get(source, ()))
        if held >= at_most:
            result.errback(Failure(SourceFlooded(_BUSY)))
            return result
        longest = self._longest(than=held) if self._count >= MAX_WAITING else None
        if self._count >= MAX_WAITING and longest is None:
            result.errback(Failure(Busy(_BUSY)))
            return result
        self._waiting.setdefault(source, deque()).append((call, result))
        self._count += 1
        if longest is not None:
            self._give_up_newest(longest)
        self._next()
        return result

    def _longest(self, than: int) -> deque[_Waiting] | None:
        """The most that a source has waiting, if one less is still more than so many."""
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
