"""Slow calls in threads that stay behind all others, but do not starve there.

Owns how far behind, and how it is known that this is too far. Knows nothing of what the calls do.

Linux has a niceness for each thread (setpriority(2), "C library/kernel differences"), which counts
among the threads of one scheduling group: a service, or with autogroup a session (sched(7)). A
thread may make itself nicer, but only who is privileged may make it less so. So a call that gets no
processor where it is cannot be brought forward: it is made a second time, in a nearer thread.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from threading import get_ident, get_native_id
from typing import Any, Protocol, TypeVar

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.threads import deferToThreadPool
from twisted.python.failure import Failure
from twisted.python.threadpool import ThreadPool

T = TypeVar("T")

FAR = 19
"""The niceness of threads that take what nobody else wants: a seventieth, beside one other."""
NEAR = 5
"""That of threads that get on whatever others do: a quarter of a processor, beside one other."""

LOOK = 0.5
"""Seconds from one look at a call that is far behind to the next."""
SHARE = 1 / 8
"""It starves if it had less than this part of a processor between two looks."""
LOOKS = 3
"""At so many looks in a row it may starve beside nearer calls, before it is made again as well."""
MOST = 3 / 4
"""Nearer calls that together get more than this of one do not share it with others: beside each of
these they would get a quarter, or two a half."""

Run = Callable[[Callable[[], Any]], Deferred[Any]]
"""Runs a call in a thread, and gives back its result."""


def with_niceness(niceness: int, call: Callable[[], T]) -> T:
    """Run a call in this thread, which becomes that nice for good, unless it is nicer already."""
    thread = get_native_id()
    with suppress(OSError):  # to be nicer is allowed to everybody, but for a sandbox's filter
        if os.getpriority(os.PRIO_PROCESS, thread) < niceness:
            os.setpriority(os.PRIO_PROCESS, thread, niceness)
    return call()


class Watched:
    """A call that another thread runs, once, and how much of a processor it has had."""

    def __init__(self, call: Callable[[], Any]) -> None:
        self._call = call
        self._clock: int | None = None
        self._began = 0.0

    def __call__(self) -> Any:
        """Run it, in the thread that is then watched."""
        clock = time.pthread_getcpuclockid(get_ident())
        self._began = time.clock_gettime(clock)
        self._clock = clock  # last: from now on another thread may ask
        return self._call()

    @property
    def has_begun(self) -> bool:
        """Whether it has: else there was no thread for it yet."""
        return self._clock is not None

    def seconds(self) -> float:
        """The processor's seconds that it has had since it began. Its thread must be there yet."""
        return 0.0 if self._clock is None else time.clock_gettime(self._clock) - self._began


class IsWatched(Protocol):
    """`Watched`, or what stands for it in a test."""

    def __call__(self) -> Any: ...

    @property
    def has_begun(self) -> bool: ...

    def seconds(self) -> float: ...


class Patience:
    """Runs each call far behind all others and, if it starves there, once more and nearer.

    So calls must be such that they may be made twice: what the first to end gives is the result.
    far, near: run a call in a thread that has this niceness. places: as many run far behind. Those
    that starve there keep theirs, so that others begin near at once for as long as it lasts.
    watched: makes a call that tells how it gets on.
    """

    def __init__(
        self,
        clock: IReactorTime,
        far: Run,
        near: Run,
        places: int,
        watched: Callable[[Callable[[], Any]], IsWatched] = Watched,
    ) -> None:
        self._clock = clock
        self._far = far
        self._near = near
        self._free = places
        self._watched = watched
        self._nearer: dict[IsWatched, float] = {}

    def run(self, call: Callable[[], T], holds_lock: bool = False) -> Deferred[T]:
        """Run a call.

        holds_lock: whether it is Python's own work, and so keeps the interpreter's lock. Who has
        that must not stay far behind, because then all threads would.
        """
        if holds_lock or not self._free:
            return self._run_near(self._watched(call))
        self._free -= 1
        watched = self._watched(call)
        first: Deferred[Any] = maybeDeferred(self._far, watched).addBoth(self._freed)
        race = _Race(self._clock, watched, partial(self._again, call), self._is_taken_by_near)
        first.addBoth(race.settle)
        race.look_later(0.0)
        return race.result

    def _freed(self, outcome: Any) -> Any:
        self._free += 1
        return outcome

    def _again(self, call: Callable[[], Any]) -> tuple[IsWatched, Deferred[Any]]:
        watched = self._watched(call)
        return watched, self._run_near(watched)

    def _run_near(self, watched: IsWatched) -> Deferred[Any]:
        self._nearer[watched] = self._clock.seconds()

        def ended(outcome: Any) -> Any:
            del self._nearer[watched]
            return outcome

        return maybeDeferred(self._near, watched).addBoth(ended)

    def _is_taken_by_near(self) -> bool:
        """Whether it is nearer calls that take the processor: they would not get on beside others.

        If that counted as starving, those that are near would bring all that follow there too.
        """
        now = self._clock.seconds()
        shares = [
            watched.seconds() / (now - begun)
            for watched, begun in self._nearer.items()
            if now > begun
        ]
        return sum(shares) > MOST


class _Race:
    """A call that is far behind, and the same nearer if it starves. result: of the first to end.

    again: makes it once more, and gives that to look at. is_taken: tells whether the processor is
    taken by what will soon end.
    """

    def __init__(
        self,
        clock: IReactorTime,
        watched: IsWatched,
        again: Callable[[], tuple[IsWatched, Deferred[Any]]],
        is_taken: Callable[[], bool],
    ) -> None:
        self.result: Deferred[Any] = Deferred()
        self._clock = clock
        self._watched = watched
        self._again = again
        self._is_taken = is_taken
        self._look: Any = None
        self._is_over = False

    def settle(self, outcome: Any) -> None:
        """One of the two has ended."""
        if self._is_over:
            return
        self._is_over = True
        if self._look is not None and self._look.active():
            self._look.cancel()
        if isinstance(outcome, Failure):
            self.result.errback(outcome)
        else:
            self.result.callback(outcome)

    def look_later(self, had: float, starved: int = 0) -> None:
        """had: the processor's seconds until now. starved: looks in a row at which it starved."""
        if not self._is_over:
            self._look = self._clock.callLater(LOOK, self._look_at_it, had, starved)

    def _look_at_it(self, had: float, starved: int) -> None:
        has = self._watched.seconds()
        if has - had >= SHARE * LOOK:
            self.look_later(has)
        elif starved < LOOKS and self._is_taken():
            self.look_later(has, starved + 1)
        else:
            watched, outcome = self._again()
            outcome.addCallbacks(self.settle, self._failed_again, errbackArgs=(watched, has))

    def _failed_again(self, failure: Failure, watched: IsWatched, had: float) -> None:
        if watched.has_begun:
            self.settle(failure)
        else:
            self.look_later(had)  # there was no thread: the first goes on, and it is tried again


class PatientThreads:
    """`Patience` with threads. name: of the threads. at_once: how many calls are made at once."""

    def __init__(self, reactor: Any, at_once: int, name: str) -> None:
        places = 2 * at_once  # so that when others have gone, those who come anew begin far again
        self._far = ThreadPool(0, places, f"{name}-far")
        self._near = ThreadPool(0, at_once, f"{name}-near")
        patience = Patience(
            reactor,
            lambda call: deferToThreadPool(reactor, self._far, with_niceness, FAR, call),
            lambda call: deferToThreadPool(reactor, self._near, with_niceness, NEAR, call),
            places,
        )
        self.run = patience.run

    def start(self) -> None:
        """From now on, calls can be run."""
        self._far.start()
        self._near.start()
