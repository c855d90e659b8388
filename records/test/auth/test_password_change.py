"""Changing a password: who may, to what, and what it ends."""

from __future__ import annotations

from records.auth.throttle import PAIR
from records.model.access import Role
from records.model.accounts import MAX_PASSWORD, MIN_PASSWORD
from records.model.errors import NotAuthenticated, TooManyAttempts, ValidationFailed
from records.operations.sessions import Caller, end_session, open_session
from records.test.auth.login_case import BAD, GOOD, PasswordsCase
from records.test.operations.operations_case import caller

FRESH = "walnut ferry 9 quilt orbit"


class ChangeTests(PasswordsCase):
    """A change that is made."""

    def another(self, name: str) -> Caller:
        """Another session of `hr`."""
        self.store.do(open_session, self.account(), caller(name), None)
        return caller(name)

    def test_changed(self) -> None:
        """The new password lets in from then on, and the old one does not."""
        self.change_account("hr", must_change_password=True)
        log = len(self.entries())
        self.successResultOf(self.change(GOOD, FRESH))
        self.assertEqual(self.events(log), [("hr", "password.change", "user:hr", "ok", "")])
        self.assertFalse(self.account().must_change_password)
        self.failed(NotAuthenticated, self.log_in("hr", GOOD))
        self.successResultOf(self.log_in("hr", FRESH))

    def test_other_sessions(self) -> None:
        """The account's other sessions end; the caller's own, and others' sessions, go on."""
        other, tess = self.another("other"), self.person("tess", Role.EMPLOYEE)
        self.successResultOf(self.change(GOOD, FRESH))
        self.assertEqual([self.is_open(who) for who in (self.hr, other, tess)], [True, False, True])

    def test_told(self) -> None:
        """Whoever wants to know is told whose password was changed, after it is so."""
        self.threads.held = True
        attempt = self.change(GOOD, FRESH)
        while self.threads.running:
            self.assertEqual((self.changed, self.account().password_hash), ([], f"new {GOOD}"))
            self.threads.finish()
        self.successResultOf(attempt)
        self.assertEqual((self.changed, self.account().password_hash), (["hr"], f"new {FRESH}"))


class RefusedTests(PasswordsCase):
    """A change that is not made."""

    def setUp(self) -> None:
        super().setUp()
        self.before = self.account()
        self.other = caller("other")
        self.store.do(open_session, self.before, self.other, None)

    def nothing_is_done(self) -> None:
        self.assertEqual(self.account(), self.before)
        self.assertTrue(self.is_open(self.other))
        self.assertEqual(self.changed, [])

    def faulty(self, current: str, new: str) -> tuple[str, str]:
        """The field with which a change is refused, and what is said of it."""
        error = self.failed(ValidationFailed, self.change(current, new))
        self.nothing_is_done()
        (fault,) = error.errors
        self.assertEqual(fault.message, error.message)
        for secret in (current, new):
            self.assertNotIn(secret, error.message)
        return fault.field, fault.message

    def test_wrong_current(self) -> None:
        """A wrong current password is refused, whatever the new one is, and audited."""
        log = len(self.entries())
        found = {self.faulty(BAD, new) for new in (FRESH, "short", BAD)}
        self.assertEqual(found, {("current", "This is not your current password.")})
        failed = ("hr", "password.change", "user:hr", "failed", "")
        self.assertEqual(self.events(log), [failed] * 3)

    def test_bad_new(self) -> None:
        """A new password that is short, long, common or the user's own name is refused."""
        for new in (
            "x7!Kq",
            FRESH[: MIN_PASSWORD - 1],
            (FRESH * 20)[: MAX_PASSWORD + 1],
            "passwordpassword",
            "aaaaaaaaaaaaaaaaaaaa",
            "hrhrhrhrhrhrhrhr",
            "123456789012345",
        ):
            self.assertEqual(self.faulty(GOOD, new)[0], "new", new)

    def test_same(self) -> None:
        """The new password is another one than the current."""
        self.assertEqual(self.faulty(GOOD, GOOD)[0], "new")

    def test_same_on_another_keyboard(self) -> None:
        """The current password is no new one when it is only composed in another way."""
        self.assertEqual(self.faulty(GOOD, GOOD.replace("a", "\uff41"))[0], "new")

    def test_refusals_of_the_new_one(self) -> None:
        """Whoever knows the current password may need many tries to find a new one."""
        for _ in range(PAIR.free + 5):
            self.faulty(GOOD, "short")
        self.successResultOf(self.change(GOOD, FRESH))

    def test_too_many(self) -> None:
        """A session in strange hands is no way to guess at the password behind it."""
        for _ in range(PAIR.free):
            self.faulty(BAD, FRESH)
        compared, log = len(self.hasher.compared), len(self.entries())
        error = self.failed(TooManyAttempts, self.change(GOOD, FRESH))
        self.assertEqual(error.details, {"retry_after": 1})
        self.failed(TooManyAttempts, self.change(GOOD, FRESH))
        denied = ("hr", "password.change", "user:hr", "denied", "")
        self.assertEqual(self.events(log), [denied], "once in each wait")
        self.assertEqual(len(self.hasher.compared), compared)
        self.nothing_is_done()
        self.time.advance(1)
        self.successResultOf(self.change(GOOD, FRESH))

    def test_one_count(self) -> None:
        """Guesses by login and by change count together."""
        for _ in range(PAIR.free - 1):
            self.failed(NotAuthenticated, self.log_in("hr", BAD))
        self.faulty(BAD, FRESH)
        self.failed(TooManyAttempts, self.change(BAD, FRESH))
        self.failed(TooManyAttempts, self.log_in("hr", BAD))

    def test_without_a_session(self) -> None:
        """Without a session nothing is compared or changed."""
        self.failed(NotAuthenticated, self.change(GOOD, FRESH, caller("nobody")))
        self.assertEqual(self.hasher.compared, [])
        self.nothing_is_done()

    def test_changed_meanwhile(self) -> None:
        """A password that was changed while it was compared is not changed again."""
        self.threads.held = True
        attempts = [self.change(GOOD, FRESH), self.change(GOOD, f"{FRESH} too")]
        self.threads.finish_all()
        self.successResultOf(attempts[0])
        self.failed(NotAuthenticated, attempts[1])
        self.assertEqual(self.account().password_hash, f"new {FRESH}")
        self.assertEqual(self.changed, ["hr"])

    def test_ended_meanwhile(self) -> None:
        """A session that ended while its password was compared changes nothing."""
        for current in (GOOD, BAD):
            who = caller(f"briefly {current}")
            self.store.do(open_session, self.before, who, None)
            self.threads.held = True
            attempt = self.change(current, FRESH, who)
            self.store.do(end_session, who)
            self.threads.finish_all()
            self.failed(NotAuthenticated, attempt)
            self.nothing_is_done()
