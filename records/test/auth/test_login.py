"""Logging in by password: one refusal for everything, slowed, audited, and never overtaken."""

from __future__ import annotations

import bcrypt

from records.auth.hashing import (
    MAX_WAITING_LOGINS,
    MAX_WAITING_PER_SOURCE,
    THREADS,
    BcryptHasher,
    HashingQueue,
    SourceFlooded,
)
from records.auth.login import Passwords
from records.auth.throttle import ACCOUNT, PAIR, Throttle
from records.auth.throttle import SOURCE as SOURCE_WAIT
from records.model.access import Role
from records.model.errors import Busy, NotAuthenticated, TooManyAttempts
from records.test.auth.login_case import BAD, GOOD, PasswordsCase, elsewhere
from records.test.operations.operations_case import SOURCE, caller

NEW = caller("new")


class LogInTests(PasswordsCase):
    """Who gets in."""

    def test_good(self) -> None:
        """A good password opens the caller's session, is audited, and leaves the hash alone."""
        before, log = self.account(), len(self.entries())
        self.successResultOf(self.log_in("hr", GOOD))
        self.ask(NEW, "employee.list")
        self.assertEqual(self.events(log)[0], ("hr", "login", "user:hr", "ok", ""))
        self.assertEqual(self.account(), before)

    def test_name(self) -> None:
        """A username is the same in capitals and with spaces around it."""
        self.successResultOf(self.log_in(" HR\n", GOOD))
        self.assertTrue(self.is_open(NEW))

    def test_told_apart_by_nothing(self) -> None:
        """Unknown, wrong and disabled are refused with the same words, after one comparison."""
        self.person("closed", disabled=True)
        self.change_account("closed", password_hash=self.hasher.hash(GOOD))
        found = set()
        for name, password in (
            ("nobody", GOOD),
            ("nobody", "nobody's, with \x00 that no password has"),
            ("", ""),
            ("no\0body", GOOD),
            ("hr", BAD),
            ("hr", ""),
            ("hr", GOOD.upper()),
            ("closed", GOOD),
            ("closed", BAD),
        ):
            self.hasher.compared.clear()
            error = self.failed(NotAuthenticated, self.log_in(name, password))
            compared = [typed for typed, _ in self.hasher.compared]
            self.assertEqual(compared, [password], name)
            self.assertFalse(self.is_open(NEW), name)
            found.add((error.message, error.errors, str(error.details)))
        self.assertEqual(found, {("Wrong username or password.", (), "{}")})

    def test_compared_with_a_real_hash(self) -> None:
        """What an unknown user's password is compared with costs as much as any new hash."""
        hasher = BcryptHasher(4)
        compared: list[str] = []

        class Watched:
            hash = hasher.hash
            dummy_hash = hasher.dummy_hash
            is_outdated = hasher.is_outdated

            def verify(self, password: str, hashed: str) -> bool:
                compared.append(hashed)
                return hasher.verify(password, hashed)

        queue = HashingQueue(self.threads.run)
        self.passwords = Passwords(
            self.time, self.store, Watched(), queue, Throttle(), self.changed.append
        )
        self.failed(NotAuthenticated, self.log_in("nobody", GOOD))
        self.assertEqual([hasher.is_outdated(hashed) for hashed in compared], [False])

    def test_off_the_reactor(self) -> None:
        """A password is compared by the queue's threads only."""
        self.threads.held = True
        attempt = self.log_in("hr", GOOD)
        self.assertNoResult(attempt)
        self.assertEqual(self.hasher.compared, [])
        self.threads.finish()
        self.successResultOf(attempt)

    def test_audited(self) -> None:
        """Each failure is audited with its source; a name that is nobody's is not noted."""
        self.person("closed", disabled=True)
        log = len(self.entries())
        for name in ("hr", "my password", "closed"):
            self.failed(NotAuthenticated, self.log_in(name, BAD, elsewhere("new")))
        self.assertEqual(
            self.events(log),
            [
                ("-", "login", "user:hr", "failed", ""),
                ("-", "login", "user:unknown", "failed", ""),
                ("-", "login", "user:closed", "failed", ""),
            ],
        )
        sources = {entry.event.source for entry in self.entries(log)}
        self.assertEqual(sources, {"198.51.100.7"})

    def test_must_change(self) -> None:
        """A user who must change the password gets in to do so."""
        self.change_account("hr", must_change_password=True)
        self.successResultOf(self.log_in("hr", GOOD))
        self.assertTrue(self.account().must_change_password)


class SlowedTests(PasswordsCase):
    """Too many attempts."""

    def test_too_many(self) -> None:
        """After a few failures nothing is compared, until the time that is told has passed."""
        for wait, told in ((1, "1 second,"), (2, "2 seconds,")):
            for _ in range(PAIR.free if wait == 1 else 1):
                self.failed(NotAuthenticated, self.log_in("hr", BAD))
            compared, log = len(self.hasher.compared), len(self.entries())
            error = self.failed(TooManyAttempts, self.log_in("hr", GOOD))
            self.assertEqual(error.details, {"retry_after": wait})
            self.assertEqual(self.events(log), [("-", "login", "user:hr", "denied", "")])
            self.assertIn(told, error.message)
            self.time.advance(wait - 0.1)
            error = self.failed(TooManyAttempts, self.log_in("hr", GOOD))
            self.assertEqual(error.details, {"retry_after": 1}, "rounded up")
            self.assertEqual(len(self.hasher.compared), compared)
            self.assertEqual(len(self.entries()), log + 1, "once in each wait")
            self.time.advance(0.1)
        self.successResultOf(self.log_in("hr", GOOD))
        self.failed(NotAuthenticated, self.log_in("hr", BAD))

    def test_unknown_too(self) -> None:
        """An unknown user's attempts are slowed in the same way and words."""
        found = []
        for name in ("hr", "nobody"):
            for _ in range(PAIR.free):
                self.failed(NotAuthenticated, self.log_in(name, BAD))
            error = self.failed(TooManyAttempts, self.log_in(name, BAD))
            found.append((error.message, error.details))
        self.assertEqual(found[0], found[1])

    def test_other_spelling(self) -> None:
        """Spelling the name in another way is no way round."""
        for spelt in ("hr", "HR", " hr", "hr ", "Hr\t"):
            self.failed(NotAuthenticated, self.log_in(spelt, BAD))
        self.failed(TooManyAttempts, self.log_in("hR", BAD))

    def test_at_once(self) -> None:
        """Sent all at once, no more are compared than one after another."""
        self.threads.held = True
        attempts = [self.log_in("hr", BAD) for _ in range(50)]
        self.threads.finish_all()
        self.assertEqual(len(self.hasher.compared), PAIR.free)
        for attempt in attempts[: PAIR.free]:
            self.failed(NotAuthenticated, attempt)
        for attempt in attempts[PAIR.free :]:
            self.failed(TooManyAttempts, attempt)

    def test_others_failures(self) -> None:
        """Others' failures slow the owner in a new place by seconds, in a familiar one never."""
        self.successResultOf(self.log_in("hr", GOOD))
        for number in range(ACCOUNT.free + 10):
            guess = self.log_in("hr", BAD, elsewhere("guess", f"203.0.113.{number}"))
            self.time.advance(ACCOUNT.longest)
            self.failed(NotAuthenticated, guess)
        self.successResultOf(self.log_in("hr", GOOD, caller("familiar")))
        attempt = self.log_in("hr", GOOD, elsewhere("moved"))
        self.assertNoResult(attempt)
        self.time.advance(ACCOUNT.longest)
        self.successResultOf(attempt)

    def test_slowed_source(self) -> None:
        """In a slowed source nothing tells who has logged in from there, but the good password."""
        self.successResultOf(self.log_in("hr", GOOD))
        self.person("moved")
        self.change_account("moved", password_hash=self.hasher.hash(GOOD))
        for number in range(SOURCE_WAIT.free):
            self.failed(NotAuthenticated, self.log_in(f"nobody{number}", BAD))
        told = []
        for name, password in (("hr", BAD), ("moved", BAD), ("moved", GOOD), ("unknown", BAD)):
            compared, log = len(self.hasher.compared), len(self.entries())
            error = self.failed(TooManyAttempts, self.log_in(name, password))
            told.append((error.message, error.details, len(self.hasher.compared) - compared))
            self.assertEqual(len(self.entries()), log)
        self.assertEqual(set(map(repr, told)), {repr(told[0])})
        self.assertEqual(told[0][2], 1)
        self.successResultOf(self.log_in("hr", GOOD, caller("familiar")))
        self.time.advance(1)
        self.successResultOf(self.log_in("moved", GOOD, caller("in its turn")))

    def test_attacked_account(self) -> None:
        """Of an account that many guess at, a wrong password is answered slowly everywhere."""
        self.successResultOf(self.log_in("hr", GOOD))
        for number in range(ACCOUNT.free + 10):
            self.log_in("hr", BAD, elsewhere("guess", f"203.0.113.{number}")).addErrback(bool)
            self.time.advance(ACCOUNT.longest)
        attempt = self.log_in("hr", BAD)
        self.assertNoResult(attempt)
        self.time.advance(ACCOUNT.longest)
        self.failed(NotAuthenticated, attempt)

    def test_refusals_of_nobody(self) -> None:
        """That attempts are refused is audited without a name that is nobody's."""
        for _ in range(PAIR.free):
            self.failed(NotAuthenticated, self.log_in("my password", BAD))
        log = len(self.entries())
        for _ in range(3):
            self.failed(TooManyAttempts, self.log_in("my password", BAD, elsewhere("n", SOURCE)))
        self.assertEqual(self.events(log), [("-", "login", "user:unknown", "denied", "")])
        self.assertEqual([entry.event.source for entry in self.entries(log)], [SOURCE])


class BusyTests(PasswordsCase):
    """When too many wait for their comparison."""

    def setUp(self) -> None:
        super().setUp()
        self.queue = HashingQueue(self.threads.run)
        self.passwords = Passwords(
            self.time, self.store, self.hasher, self.queue, Throttle(), self.changed.append
        )

    def fill(self, *sources: str) -> None:
        """Leave no place in the queue, or none for a single source."""
        self.threads.held = True
        for _ in range(THREADS):
            self.queue.submit("before", lambda: None)
        for number in range(max(MAX_WAITING_PER_SOURCE, MAX_WAITING_LOGINS * (len(sources) > 1))):
            self.queue.submit(sources[number % len(sources)], lambda: None)

    def test_own_flood(self) -> None:
        """A login is refused as busy, and nothing done; to its source's own flood it counts."""
        self.fill(SOURCE)
        for _ in range(PAIR.free):
            self.failed(SourceFlooded, self.log_in("hr", GOOD))
        self.failed(TooManyAttempts, self.log_in("hr", GOOD))
        self.assertFalse(self.is_open(NEW))
        self.threads.finish_all()
        self.assertEqual(self.hasher.compared, [])

    def test_others_flood(self) -> None:
        """What is refused because so many others wait does not count as failed."""
        self.fill(*map(str, range(MAX_WAITING_LOGINS)))
        for _ in range(PAIR.free + 1):
            self.failed(Busy, self.log_in("hr", GOOD))
        self.threads.finish_all()
        self.assertEqual(self.hasher.compared, [])
        attempt = self.log_in("hr", GOOD)
        self.threads.finish_all()
        self.successResultOf(attempt)

    def test_source_in_its_wait(self) -> None:
        """A source in its wait has one place only, and what it sends besides prolongs nothing."""
        for number in range(SOURCE_WAIT.free):
            self.failed(NotAuthenticated, self.log_in(f"nobody{number}", BAD))
        self.threads.held = True
        attempts = [self.log_in(f"more{number}", BAD) for number in range(THREADS + 2)]
        self.failed(SourceFlooded, attempts.pop())
        other = self.log_in("hr", GOOD, elsewhere("new"))
        self.threads.finish_all()
        self.successResultOf(other)
        for attempt in attempts:
            self.failed(TooManyAttempts, attempt)
        self.time.advance(1)
        last = self.log_in("hr", GOOD, caller("in its turn"))
        self.threads.finish_all()
        self.successResultOf(last)


class RenewedTests(PasswordsCase):
    """Hashes that are made anew."""

    def test_renewed(self) -> None:
        """A good login with an outdated hash makes it anew; a failed one does not."""
        old = f"old {GOOD}"
        self.change_account("hr", password_hash=old)
        self.failed(NotAuthenticated, self.log_in("hr", BAD))
        self.assertEqual(self.account().password_hash, old)
        self.successResultOf(self.log_in("hr", GOOD))
        self.assertEqual(self.account().password_hash, self.hasher.hash(GOOD))
        self.successResultOf(self.log_in("hr", GOOD, caller("again")))

    def test_brought_from_elsewhere(self) -> None:
        """A plain bcrypt hash lets its owner in, and is one of ours afterwards."""
        hasher = BcryptHasher(4)
        queue = HashingQueue(self.threads.run)
        self.passwords = Passwords(
            self.time, self.store, hasher, queue, Throttle(), self.changed.append
        )
        plain = bcrypt.hashpw(GOOD.encode(), bcrypt.gensalt(4)).decode()
        self.change_account("hr", password_hash=plain)
        self.successResultOf(self.log_in("hr", GOOD))
        self.assertFalse(hasher.is_outdated(self.account().password_hash))
        self.successResultOf(self.log_in("hr", GOOD, caller("again")))
        self.failed(NotAuthenticated, self.log_in("hr", BAD))

    def test_two_at_once(self) -> None:
        """Two good logins at the same time with an outdated hash both get in."""
        self.change_account("hr", password_hash=f"old {GOOD}")
        self.threads.held = True
        attempts = [self.log_in("hr", GOOD, caller(name)) for name in ("one", "two")]
        self.threads.finish_all()
        for attempt in attempts:
            self.successResultOf(attempt)
        self.assertTrue(self.is_open(caller("one")))
        self.assertTrue(self.is_open(caller("two")))


class OrderOfQueuesTests(PasswordsCase):
    """What happens while a password is being compared."""

    def overtaken(self, **changes: object) -> NotAuthenticated:
        self.threads.held = True
        attempt = self.log_in("hr", GOOD)
        self.change_account("hr", **changes)
        self.threads.finish_all()
        return self.failed(NotAuthenticated, attempt)

    def test_changed(self) -> None:
        """A password that was changed while it was compared opens nothing."""
        error = self.overtaken(password_hash=self.hasher.hash(BAD))
        self.assertEqual(error.message, "Wrong username or password.")
        self.assertFalse(self.is_open(NEW))
        self.assertEqual(self.account().password_hash, self.hasher.hash(BAD))

    def test_disabled(self) -> None:
        """An account that was closed while its password was compared opens nothing."""
        error = self.overtaken(disabled=True)
        self.assertEqual(error.message, "Wrong username or password.")
        self.assertFalse(self.is_open(NEW))

    def test_audited(self) -> None:
        """Such a login is audited as failed, like any other."""
        log = len(self.entries())
        self.overtaken(disabled=True)
        self.assertEqual(self.events(log), [("-", "login", "user:hr", "failed", "")])

    def test_renewal(self) -> None:
        """A renewed hash does not undo a change of password that came meanwhile."""
        self.change_account("hr", password_hash=f"old {GOOD}")
        self.threads.held = True
        attempt = self.log_in("hr", GOOD)
        self.threads.finish()
        self.change_account("hr", password_hash=self.hasher.hash(BAD), roles=(Role.IT,))
        self.threads.finish_all()
        self.failed(NotAuthenticated, attempt)
        self.assertEqual(self.account().password_hash, self.hasher.hash(BAD))
