"""What the tests of password hashing share: a thread pool that the test drives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThreadPool
from twisted.python.failure import Failure
from twisted.python.threadpool import ThreadPool

from records.auth.hashing import HasherFailed, Hashing
from records.model.accounts import normalize_password
from records.operations.boundaries import PasswordHasher


class Threads:
    """In place of threads: does a call at once or, while `held`, by `finish`."""

    def __init__(self, held: bool = False) -> None:
        self.held = held
        self.running: list[tuple[Callable[[], Any], Deferred[Any]]] = []

    def run(self, call: Callable[[], Any]) -> Deferred[Any]:
        """Take on a call, as `records.auth.hashing.HashingQueue` asks for it."""
        result: Deferred[Any] = Deferred()
        self.running.append((call, result))
        if not self.held:
            self.finish()
        return result

    def finish(self, index: int = 0) -> None:
        """Do one of the calls that run."""
        call, result = self.running.pop(index)
        try:
            value = call()
        except Exception:  # noqa: BLE001  the Deferred carries it
            result.errback(Failure())
        else:
            result.callback(value)

    def finish_all(self) -> None:
        """Do every call, and those that come up meanwhile."""
        while self.running:
            self.finish()


class HashingThreads:
    """`Hashing` in threads of this process, in place of a process of its own.

    is_abandoned: whether nothing has come of the start.
    """

    def __init__(self, reactor: Any) -> None:
        self.is_abandoned = False
        self._reactor = reactor
        self._pool = ThreadPool(0, 2, "hashing")
        self.failed: Deferred[None] = Deferred()

    def start(self) -> None:
        """See `Hashing`."""
        self._pool.start()

    def run(self, call: Callable[[], Any]) -> Deferred[Any]:
        """See `Hashing`."""
        return deferToThreadPool(self._reactor, self._pool, call)

    async def stop(self, within: float) -> None:
        """See `Hashing`. Waits for all calls."""
        self._pool.stop()

    def abandon(self) -> None:
        """See `Hashing`."""
        self.is_abandoned = True
        self._pool.stop()

    def break_down(self, why: str) -> None:
        """Let nothing be hashed any more."""
        self.failed.errback(Failure(HasherFailed(why)))


class PlainHasher:
    """Hashes that anybody can read, and what was compared: the real ones have their own tests."""

    def __init__(self) -> None:
        self.compared: list[tuple[str, str]] = []

    def hash(self, password: str) -> str:
        """See `PasswordHasher`."""
        return f"new {normalize_password(password)}"

    def verify(self, password: str, hashed: str) -> bool:
        """See `PasswordHasher`."""
        self.compared.append((password, hashed))
        return hashed.partition(" ")[2] == normalize_password(password)

    def dummy_hash(self) -> str:
        """See `PasswordHasher`."""
        return "new nobody's, with \x00 that no password has"

    def is_outdated(self, hashed: str) -> bool:
        """See `PasswordHasher`."""
        return hashed.startswith("old ")


def _conforms(hasher: PlainHasher, hashing: HashingThreads) -> tuple[PasswordHasher, Hashing]:
    return hasher, hashing
