"""Sessions: who is asking, since when, and until when."""

from __future__ import annotations

import msgspec

from records.model.access import Role
from records.model.accounts import SessionLimits, session_id
from records.model.errors import NotAuthenticated, PermissionDenied, RecordsError
from records.operations.boundaries import Transaction
from records.operations.methods import METHODS
from records.operations.sessions import (
    Caller,
    change_password,
    describe_session,
    end_session,
    find_login,
    instant,
    note_failed_change,
    note_failed_login,
    note_use,
    open_session,
    permissions,
    resume_session,
    sweep,
    whose_password,
)
from records.test.operations.operations_case import LIMITS, SOURCE, OperationsCase, caller
from records.test.samples import PARAMS
from records.testing import START, user


class SessionsCase(OperationsCase):
    """What tests of sessions share."""

    def works(self, who: Caller) -> bool:
        try:
            self.ask(who, "employee.list")
        except NotAuthenticated:
            return False
        return True

    def another(self, name: str, of: str = "hr") -> Caller:
        """Another session of an account."""
        who = caller(name)
        account = self.read(lambda tx: tx.accounts.named(of))
        self.store.do(open_session, account, who, None)
        return who


class ExpiryTests(SessionsCase):
    """When a session ends."""

    def test_idle(self) -> None:
        """A session that is not used ends after its idle time."""
        self.clock.advance(LIMITS.idle - 0.001)
        self.assertTrue(self.works(self.hr))
        self.clock.advance(0.001)
        self.assertFalse(self.works(self.hr))

    def test_use_keeps_it(self) -> None:
        """Noted use keeps a session going, until its lifetime ends it."""
        for _ in range(LIMITS.lifetime // 600 - 1):
            self.clock.advance(600)
            self.assertTrue(self.works(self.hr))
            self.store.do(note_use, self.hr)
        self.clock.advance(599)
        self.assertTrue(self.works(self.hr))
        self.clock.advance(1)
        self.assertFalse(self.works(self.hr))

    def test_resume(self) -> None:
        """Resuming counts as use; a session that is over cannot be resumed."""
        self.clock.advance(LIMITS.idle - 1)
        self.store.do(resume_session, self.hr)
        self.clock.advance(LIMITS.idle - 1)
        self.assertTrue(self.works(self.hr))
        self.clock.advance(1)
        with self.assertRaises(NotAuthenticated):
            self.store.do(resume_session, self.hr)

    def test_shorter_limits(self) -> None:
        """Limits set shorter than before count for the sessions that there are."""
        short = msgspec.structs.replace(self.hr, limits=SessionLimits(idle=10, lifetime=20))
        self.clock.advance(10)
        self.assertTrue(self.works(self.hr))
        self.assertFalse(self.works(short))

    def test_unknown(self) -> None:
        """No session is made up, and every method asks for one."""
        for name, params in PARAMS.items():
            for who in (caller("unknown"), msgspec.structs.replace(self.hr, session_id=b"")):
                self.refused(NotAuthenticated, who, name, **params)

    def test_sweep(self) -> None:
        """Sessions that are over are forgotten, the others are not."""
        young = self.another("young")
        self.clock.advance(LIMITS.idle)
        newer = self.another("newer")
        self.clock.advance(1)
        self.store.do(sweep, LIMITS)
        left = [
            self.read(lambda tx, s=who.session_id: tx.accounts.session(s)) is not None
            for who in (self.hr, young, newer)
        ]
        self.assertEqual(left, [False, False, True])

    def test_disabled(self) -> None:
        """A closed account's session counts for nothing, even before it is taken away."""
        self.change_account("hr", disabled=True)
        self.assertFalse(self.works(self.hr))
        with self.assertRaises(NotAuthenticated):
            self.read(lambda tx: describe_session(tx, self.hr))


class LoginTests(SessionsCase):
    """Opening a session."""

    def test_open(self) -> None:
        """A login opens a session, is audited, and makes its source a familiar one."""
        account, familiar = self.read(lambda tx: find_login(tx, "hr", SOURCE))
        self.assertFalse(familiar)
        log = len(self.entries())
        self.store.do(open_session, account, caller("new"), None)
        self.assertTrue(self.works(caller("new")))
        self.assertEqual(self.events(log), [("hr", "login", "user:hr", "ok", "")])
        self.assertEqual(self.entries()[-1].event.source, SOURCE)
        self.assertTrue(self.read(lambda tx: find_login(tx, "hr", SOURCE))[1])
        self.assertFalse(self.read(lambda tx: find_login(tx, "hr", "198.51.100.7"))[1])

    def test_changed_meanwhile(self) -> None:
        """A password changed, or an account closed, while it was compared, opens nothing."""
        account = self.read(lambda tx: tx.accounts.named("hr"))
        for changes in (
            {"password_hash": "new"},
            {"disabled": True, "password_hash": "hash of hr"},
        ):
            self.change_account("hr", **changes)
            with self.assertRaises(NotAuthenticated):
                self.store.do(open_session, account, caller("new"), None)
            self.assertFalse(self.works(caller("new")))
        gone = msgspec.structs.replace(account, id=99)
        with self.assertRaises(NotAuthenticated):
            self.store.do(open_session, gone, caller("new"), None)

    def test_renewed_hash(self) -> None:
        """A newer hash of the same password is kept, and nothing else of the account changes."""
        account = self.read(lambda tx: tx.accounts.named("hr"))
        self.change_account("hr", roles=(Role.IT,))
        self.store.do(open_session, account, caller("new"), "renewed")
        now = self.read(lambda tx: tx.accounts.named("hr"))
        self.assertEqual((now.password_hash, now.roles), ("renewed", (Role.IT,)))

    def test_failed(self) -> None:
        """A failed login is audited, with the account's name only if it is one."""
        account = self.read(lambda tx: tx.accounts.named("hr"))
        log = len(self.entries())
        self.store.do(note_failed_login, account, "198.51.100.7")
        self.store.do(note_failed_login, None, "198.51.100.7")
        self.assertEqual(
            self.events(log),
            [
                ("-", "login", "user:hr", "failed", ""),
                ("-", "login", "user:unknown", "failed", ""),
            ],
        )
        self.assertEqual(self.entries()[-1].event.source, "198.51.100.7")

    def test_nobody(self) -> None:
        """An unknown username has no account, and is familiar from nowhere."""
        self.assertEqual(self.read(lambda tx: find_login(tx, "nobody", SOURCE)), (None, False))


class DescribeTests(SessionsCase):
    """What a session's user is told."""

    def test_described(self) -> None:
        """The user, the permissions, and when the session ends at the latest."""
        self.add()
        tess = self.person("tess", Role.EMPLOYEE, employee_id=1, must_change_password=True)
        self.clock.advance(60)
        told = self.read(lambda tx: describe_session(tx, tess))
        self.assertEqual(told.expires_at, "2026-01-01T12:00:00Z")
        self.assertEqual(
            (told.user.username, told.user.roles, told.user.employee_id), ("tess", ["employee"], 1)
        )
        self.assertTrue(told.must_change_password)
        self.assertEqual(told.permissions, permissions(user(Role.EMPLOYEE)))

    def test_permissions(self) -> None:
        """Permissions are told in a fixed order, each once."""
        told = [(p.action, p.field_class, p.scope) for p in permissions(user(Role.IT, Role.HR))]
        self.assertEqual(told, sorted(told, key=lambda each: (each[0], each[1] or "", each[2])))
        self.assertEqual(len(told), len(set(told)))
        self.assertIn(("account.read", None, "all"), told)
        self.assertEqual(permissions(user()), [])

    def test_instant(self) -> None:
        """Instants are told in UTC, to the second."""
        self.assertEqual(instant(START), "2026-01-01T00:00:00Z")
        self.assertEqual(instant(START + 999_999), "2026-01-01T00:00:00Z")


class EndTests(SessionsCase):
    """Logout and password change."""

    def test_logout(self) -> None:
        """Logout ends this session and no other, and is audited."""
        other = self.another("other")
        log = len(self.entries())
        self.store.do(end_session, self.hr)
        self.assertEqual((self.works(self.hr), self.works(other)), (False, True))
        self.assertEqual(self.events(log), [("hr", "logout", "user:hr", "ok", "")])
        with self.assertRaises(NotAuthenticated):
            self.store.do(end_session, self.hr)

    def test_password_change(self) -> None:
        """A new password ends the account's other sessions, this one and others' go on."""
        other, tess = self.another("other"), self.person("tess", Role.EMPLOYEE)
        self.change_account("hr", must_change_password=True)
        account = self.read(lambda tx: whose_password(tx, self.hr))
        log = len(self.entries())
        self.store.do(change_password, self.hr, account.password_hash, "new")
        self.assertEqual([self.works(who) for who in (self.hr, other, tess)], [True, False, True])
        now = self.read(lambda tx: tx.accounts.named("hr"))
        self.assertEqual((now.password_hash, now.must_change_password), ("new", False))
        self.assertEqual(self.events(log), [("hr", "password.change", "user:hr", "ok", "")])
        with self.assertRaises(NotAuthenticated):
            self.store.do(change_password, self.hr, account.password_hash, "newer")

    def test_failed_change(self) -> None:
        """A wrong current password is audited."""
        log = len(self.entries())
        self.store.do(note_failed_change, self.hr)
        self.assertEqual(self.events(log), [("hr", "password.change", "user:hr", "failed", "")])

    def test_without_a_session(self) -> None:
        """Without a session there is no password to change."""
        nobody = Caller(session_id("nobody"), SOURCE, LIMITS)

        def change(tx: Transaction) -> None:
            change_password(tx, nobody, "hash of hr", "new")

        for operation in (change, lambda tx: note_failed_change(tx, nobody)):
            with self.assertRaises(NotAuthenticated):
                self.store.do(operation)


class ChangeFirstTests(SessionsCase):
    """A password that must be changed."""

    def test_blocks_everything(self) -> None:
        """Until then every method on records is denied, whatever the role, and changes nothing."""
        self.add()
        boss = self.person("boss", Role.OWNER, must_change_password=True)
        log, before = len(self.entries()), self.values(1)
        asked: list[tuple[str, dict[str, object]]] = [
            *((name, {**params}) for name, params in PARAMS.items()),
            ("employee.get", {"id": 1, "reveal": ["ssn"]}),
            ("employee.add", {"employee": {"given_name": "X"}, "key": "k"}),
        ]
        for name, params in asked:
            error: RecordsError = self.refused(PermissionDenied, boss, name, **params)
            self.assertEqual(error.details, {"must_change_password": True})
        self.assertEqual([event[3] for event in self.events(log)], ["denied"] * len(asked))
        self.assertEqual(self.values(1), before)
        self.assertEqual(
            {name for name, _ in asked}, {n for n, m in METHODS.items() if m.operation}
        )
        account = self.read(lambda tx: whose_password(tx, boss))
        self.store.do(change_password, boss, account.password_hash, "new")
        self.ask(boss, "employee.add", employee={"given_name": "X"}, key="k")
