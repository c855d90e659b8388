"""Password login and change. Unknown users and wrong passwords take the same time and get the same
answer.

Owns the order of the steps: throttle, queue, hash, throttle, session.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from math import ceil
from typing import NoReturn

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater

from records.auth.hashing import MAX_WAITING_PER_SOURCE, HashingQueue, SourceFlooded
from records.auth.throttle import Attempt, Throttle, network_of
from records.model.accounts import Account, normalize_password, password_faults
from records.model.errors import FieldError, NotAuthenticated, TooManyAttempts, ValidationFailed
from records.operations.boundaries import PasswordHasher, Store
from records.operations.sessions import (
    Caller,
    change_password,
    find_login,
    note_failed_change,
    note_failed_login,
    note_refused_change,
    note_refused_login,
    open_session,
    whose_password,
)


class Passwords:
    """Logs in by password, and changes passwords.

    changed: called with the username after a password has been changed.
    """

    def __init__(
        self,
        clock: IReactorTime,
        store: Store,
        hasher: PasswordHasher,
        queue: HashingQueue,
        throttle: Throttle,
        changed: Callable[[str], object],
    ) -> None:
        self._clock = clock
        self._store = store
        self._hasher = hasher
        self._queue = queue
        self._throttle = throttle
        self._changed = changed
        # An unknown user gets compared with this hash, so that it takes as long.
        self._nobody = hasher.dummy_hash()

    async def _compare(
        self,
        attempt: Attempt,
        password: str,
        hashed: str,
        note_refusal: Callable[[], Deferred[None]],
    ) -> bool:
        """Whether the password is right, slowed by the throttle. Raises `TooManyAttempts`.

        note_refusal: audits that attempts are refused; called once in each wait.

        Only a right password from a familiar source is not slowed, and that is known after the
        comparison only. Nothing before it depends on whether the account exists, so neither the
        answer nor its time tells.
        """
        now = self._clock.seconds()
        pair_wait = self._throttle.pair_wait(attempt, now)
        if pair_wait > 0 and self._throttle.is_first_refusal(attempt):
            await note_refusal()
        _refuse_for(pair_wait)
        wait = self._throttle.source_wait(attempt, now)
        delay = self._throttle.account_pace(attempt, now)
        self._throttle.begin(attempt, now)
        good = await self._verified(attempt, password, hashed, is_waiting=wait > 0)
        if good and attempt.familiar:
            return True
        if delay:
            await deferLater(self._clock, delay)
        if wait > 0:
            self._throttle.spare_source(attempt)
            _refuse_for(wait)
        return good

    async def _verified(
        self, attempt: Attempt, password: str, hashed: str, *, is_waiting: bool
    ) -> bool:
        """Compare when it is the source's turn. A source in its wait has only one place.

        If the source itself has too many attempts waiting, the refusal counts as a failure.
        """
        at_most = 1 if is_waiting else MAX_WAITING_PER_SOURCE
        try:
            return await self._queue.submit(
                attempt.source, partial(self._hasher.verify, password, hashed), at_most
            )
        except SourceFlooded:
            if is_waiting:
                self._throttle.spare_source(attempt)
            raise
        except Exception:
            self._throttle.withdraw(attempt)
            raise

    async def log_in(
        self, username: str, password: str, caller: Caller, *, bulk: bool = False
    ) -> None:
        """Open the caller's session for this user.

        bulk: see `operations.boundaries.Store`. Raises `NotAuthenticated`, the same for every
        cause, or `TooManyAttempts`.
        """
        name = username.strip().lower()
        account, familiar = await self._store.read(find_login, name, caller.source, bulk=bulk)
        attempt = Attempt(network_of(caller.source), name, familiar)
        hashed = account.password_hash if account else self._nobody
        good = await self._compare(
            attempt,
            password,
            hashed,
            lambda: self._store.write(note_refused_login, account, caller.source, bulk=bulk),
        )
        if account is None or account.disabled or not good:
            await self._refuse_login(account, caller, bulk)
        assert account is not None
        self._throttle.succeed(attempt, self._clock.seconds())
        renewed = None
        if self._hasher.is_outdated(account.password_hash):
            renewed = await self._hashed(attempt.source, password)
        try:
            await self._store.write(open_session, account, caller, renewed, bulk=bulk)
        except NotAuthenticated:
            # The account has changed since it was read. If another login has just renewed its
            # hash, this password is still right.
            account, _ = await self._store.read(find_login, name, caller.source, bulk=bulk)
            if account is None or not await self._same(attempt.source, password, account):
                await self._refuse_login(account, caller, bulk)
            assert account is not None
            await self._store.write(open_session, account, caller, None, bulk=bulk)

    async def _same(self, source: str, password: str, account: Account) -> bool:
        """Whether the account is open to a password that was right for it a moment ago."""
        if account.disabled:
            return False
        return await self._queue.submit(
            source, partial(self._hasher.verify, password, account.password_hash)
        )

    async def _refuse_login(self, account: Account | None, caller: Caller, bulk: bool) -> NoReturn:
        await self._store.write(note_failed_login, account, caller.source, bulk=bulk)
        raise NotAuthenticated("Wrong username or password.")

    def _hashed(self, source: str, password: str) -> Deferred[str]:
        return self._queue.submit(source, partial(self._hasher.hash, password))

    async def change(self, caller: Caller, current: str, new: str, *, bulk: bool = False) -> None:
        """Change the caller's password, which ends the other sessions of the account.

        bulk: see `operations.boundaries.Store`. Raises `ValidationFailed` for a wrong or unfit
        password, or `TooManyAttempts`.
        """
        account: Account = await self._store.read(whose_password, caller, bulk=bulk)
        attempt = Attempt(network_of(caller.source), account.username, familiar=True)
        if not await self._compare(
            attempt,
            current,
            account.password_hash,
            lambda: self._store.write(note_refused_change, caller, bulk=bulk),
        ):
            await self._store.write(note_failed_change, caller, bulk=bulk)
            _refuse("current", ["This is not your current password."])
        self._throttle.succeed(attempt, self._clock.seconds())
        if normalize_password(new) == normalize_password(current):
            _refuse("new", ["The new password must be another one than the current."])
        _refuse(
            "new",
            await self._queue.submit(
                attempt.source, partial(password_faults, new, account.username)
            ),
        )
        hashed = await self._hashed(attempt.source, new)
        before = account.password_hash
        await self._store.write(change_password, caller, before, hashed, bulk=bulk)
        self._changed(account.username)


def _refuse_for(wait: float) -> None:
    if wait > 0:
        seconds = ceil(wait)
        unit = "second" if seconds == 1 else "seconds"
        raise TooManyAttempts(
            f"Too many failed attempts. Wait {seconds} {unit}, then try again.",
            details={"retry_after": seconds},
        )


def _refuse(field: str, faults: list[str]) -> None:
    if faults:
        raise ValidationFailed(faults[0], [FieldError(field, fault) for fault in faults])
