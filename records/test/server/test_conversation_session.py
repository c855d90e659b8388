"""Who somebody is on a connection: from a login or a resumed session until a logout."""

from __future__ import annotations

from twisted.logger import capturedLogs

from records.api.messages import MAX_UNDER_WAY
from records.auth.throttle import PAIR
from records.model.access import Role
from records.model.errors import Busy
from records.operations.sessions import end_session
from records.test.auth.login_case import BAD, GOOD
from records.test.operations.operations_case import LIMITS, caller
from records.test.server.conversation_case import (
    EMPLOYEE_METHODS,
    ConversationCase,
    Talk,
    batch,
    person,
    reason,
    request,
)


class SessionCase(ConversationCase):
    """What these tests share."""

    def is_nobody(self, talk: Talk) -> None:
        """Nobody is logged in on this connection."""
        self.assertTrue(talk.conversation.is_anonymous)
        self.assertEqual(talk.reason("employee.list"), "not-authenticated")


class AnonymousTests(SessionCase):
    """Before anybody has logged in."""

    def test_nothing_about_employees(self) -> None:
        """Nobody asks or changes anything about employees, and nothing of it reaches the store."""
        talk = self.talk()
        self.assertTrue(talk.conversation.is_anonymous)
        for method, params in EMPLOYEE_METHODS.items():
            self.assertEqual(talk.reason(method, **params), "not-authenticated", method)
        self.assertEqual(self.hand.handed, [])

    def test_session_methods(self) -> None:
        """Nobody logs out or changes a password."""
        talk = self.talk()
        self.assertEqual(talk.reason("logout"), "not-authenticated")
        self.assertEqual(talk.reason("password.change", current=GOOD, new=BAD), "not-authenticated")

    def test_info(self) -> None:
        """Everybody is told what the daemon is and where its limits are."""
        told = self.talk().result("server.info")
        self.assertEqual((told["name"], told["protocol"]), ("records", 1))
        self.assertEqual(set(told), {"name", "version", "protocol", "region", "limits"})
        self.assertEqual(told["region"], "US")
        limits = told["limits"]
        self.assertEqual(
            (limits["line_bytes"], limits["answer_bytes"], limits["batch"], limits["under_way"]),
            (65536, 1048576, 100, MAX_UNDER_WAY),
        )
        self.assertEqual(
            (limits["session_idle_seconds"], limits["session_lifetime_seconds"]),
            (LIMITS.idle, LIMITS.lifetime),
        )


class LoginTests(SessionCase):
    """login"""

    def test_good(self) -> None:
        """A good password gives a token, who one is, and what one may do."""
        self.add()
        self.account_with_password("worker", Role.EMPLOYEE, employee_id=1)
        talk = self.talk()
        told = self.log_in_on(talk, "Worker")
        self.assertEqual(
            set(told), {"token", "expires_at", "user", "permissions", "must_change_password"}
        )
        self.assertEqual(told["token"], "token 1")
        self.assertEqual(told["expires_at"], "2026-01-01T12:00:00Z")
        self.assertEqual(
            told["user"], {"username": "worker", "roles": ["employee"], "employee_id": 1}
        )
        self.assertIn({"action": "read", "scope": "all", "class": "directory"}, told["permissions"])
        self.assertIs(told["must_change_password"], False)
        self.assertFalse(talk.conversation.is_anonymous)
        self.assertEqual(talk.reason("employee.list"), "")

    def test_bad(self) -> None:
        """A wrong password, an unknown user and a closed account are answered alike."""
        self.account_with_password("closed", Role.OWNER, disabled=True)
        talk = self.talk()
        told = [
            talk.call("login", username=name, password=password)["error"]
            for name, password in (("hr", BAD), ("nobody", GOOD), ("closed", GOOD))
        ]
        self.assertEqual(told[0]["data"]["reason"], "not-authenticated")
        self.assertEqual(told[1:], told[:1] * 2)
        self.is_nobody(talk)

    def test_fresh_tokens(self) -> None:
        """Each login has a session of its own, and ends none."""
        first, second = self.talk(), self.talk()
        tokens = {self.log_in_on(talk)["token"] for talk in (first, second)}
        self.assertEqual(len(tokens), 2)
        self.assertEqual((first.reason("employee.list"), self.has_session("hr")), ("", True))

    def test_another_user(self) -> None:
        """A second login takes the first's place on this connection."""
        self.account_with_password("worker", Role.EMPLOYEE)
        talk = self.talk("hr")
        self.log_in_on(talk, "worker")
        self.assertEqual(talk.reason("employee.add", employee=person("Al")), "permission-denied")
        self.assertTrue(self.has_session("hr"))

    def test_failed_drops(self) -> None:
        """After a login or resume that fails, nobody is logged in here; the session lives on."""
        for method, params in (
            ("login", {"username": "hr", "password": BAD}),
            ("login", {"username": "nobody", "password": BAD}),
            ("resume", {"token": "no token"}),
        ):
            talk = self.talk("hr")
            self.assertEqual(talk.reason(method, **params), "not-authenticated")
            self.is_nobody(talk)
            self.assertTrue(self.has_session("hr"))

    def test_failed_in_a_batch(self) -> None:
        """What stands behind a failed login isn't done as who was there before."""
        talk = self.talk("hr")
        talk.say(
            batch(
                request("login", 1, username="hr", password=BAD),
                request("employee.add", 2, employee=person("Al")),
            )
        )
        (answers,) = talk.answers()
        self.assertEqual([reason(each) for each in answers], ["not-authenticated"] * 2)
        self.assertIsNone(self.values(1))

    def test_bad_form_changes_nothing(self) -> None:
        """Params that are no login leave whoever is there."""
        talk = self.talk("hr")
        self.assertEqual(talk.reason("login", username="hr"), "invalid-params")
        self.assertEqual(talk.reason("employee.list"), "")

    def test_nobody_meanwhile(self) -> None:
        """While a login is under way, nobody is logged in, whoever was there before."""
        self.threads.held = True
        talk = self.talk("hr")
        talk.ask("login", username="hr", password=GOOD)
        self.assertTrue(talk.conversation.is_anonymous)
        self.threads.finish_all()
        self.assertFalse(talk.conversation.is_anonymous)

    def test_too_many(self) -> None:
        """A client that guesses is told how many seconds to wait, on whichever connection."""
        for _ in range(PAIR.free):
            self.talk().reason("login", username="hr", password=BAD)
        error = self.talk().call("login", username="hr", password=GOOD)["error"]
        self.assertEqual(error["code"], 429)
        self.assertEqual(error["data"], {"reason": "too-many-attempts", "retry_after": 1})
        self.pass_time(1)
        self.assertEqual(self.talk().reason("login", username="hr", password=GOOD), "")

    def test_lost_meanwhile(self) -> None:
        """A session whose token nobody was told does not stay when the connection is lost."""
        self.threads.held = True
        talk = self.talk()
        talk.ask("login", username="hr", password=GOOD)
        talk.conversation.disconnected()
        self.threads.finish_all()
        self.assertEqual(self.tokens, 1)
        self.assertFalse(self.has_session("token 1"))
        self.assertEqual(talk.lines, [])

    def test_lost_while_opening(self) -> None:
        """Nor does it if the connection is lost while the session is being opened."""
        self.hand.held = True
        for steps in range(1, 4):
            talk = self.talk()
            talk.ask("login", username="hr", password=GOOD)
            for _ in range(steps - 1):
                self.hand.fire()
            talk.conversation.disconnected()
            self.hand.fire_all()
            self.assertFalse(self.has_session(f"token {steps}"), steps)

    def test_store_fails_meanwhile(self) -> None:
        """A login that is answered as not done leaves no session behind."""
        self.hand.held = True
        talk = self.talk()
        talk.ask("login", username="hr", password=GOOD)
        self.hand.fire()  # finds the account
        self.hand.fire()  # opens the session
        self.hand.refuse(Busy("Not now."))  # what would be told of it
        self.hand.fire_all()
        self.assertEqual([reason(each) for each in talk.answers()], ["busy"])
        self.assertTrue(talk.conversation.is_anonymous)
        self.assertFalse(self.has_session("token 1"))

    def test_no_secret_is_logged(self) -> None:
        """Neither a password nor a token comes into the log, whatever happens."""
        self.hand.seen_through = lambda tx: 1 / 0  # type: ignore[assignment, return-value]
        talk = self.talk()
        with capturedLogs() as events:
            talk.call("login", username="hr", password=GOOD)
            talk.call("resume", token="a token")
        self.assertEqual(len(events), 3, "two faults, and a session that could not be ended")
        for secret in (GOOD, "a token", "token 1", "division"):
            self.assertNotIn(secret, repr(events))


class ResumeTests(SessionCase):
    """resume"""

    def test_good(self) -> None:
        """A token gives what a login gives, but for the token."""
        told = self.talk().result("resume", token="hr")
        self.assertEqual(set(told), {"expires_at", "user", "permissions", "must_change_password"})
        self.assertEqual(told["user"]["username"], "hr")

    def test_several_connections(self) -> None:
        """A session may be used on several connections at once; none ends it for another."""
        talks = [self.talk("hr", f"192.0.2.{number}") for number in range(3)]
        talks[0].conversation.disconnected()
        self.assertEqual([talk.reason("employee.list") for talk in talks[1:]], ["", ""])

    def test_bad(self) -> None:
        """A token that is no session's, or whose session has ended, gives nothing."""
        self.store.do(end_session, caller("hr"))
        for token in ("hr", "", "x" * 1024, "\x00"):
            talk = self.talk()
            self.assertEqual(talk.reason("resume", token=token), "not-authenticated")
            self.is_nobody(talk)

    def test_lost_meanwhile(self) -> None:
        """A connection that is lost while it resumes a session leaves that as it was."""
        self.hand.held = True
        talk = self.talk()
        talk.ask("resume", token="hr")
        talk.conversation.disconnected()
        self.hand.fire_all()
        self.assertTrue(self.has_session("hr"))


class LogoutTests(SessionCase):
    """logout"""

    def test_good(self) -> None:
        """It is answered {}, and the session is over here and on every other connection."""
        talk, other = self.talk("hr"), self.talk("hr")
        self.assertEqual(talk.result("logout"), {})
        self.is_nobody(talk)
        self.assertFalse(self.has_session("hr"))
        self.assertEqual(other.reason("employee.list"), "not-authenticated")
        self.assertEqual(self.talk().reason("resume", token="hr"), "not-authenticated")

    def test_not_now(self) -> None:
        """A logout that cannot be done just now can be repeated, for nothing has changed."""
        talk = self.talk("hr")
        self.hand.held = True
        talk.ask("logout")
        self.hand.refuse(Busy("Not now."))
        self.assertEqual([reason(each) for each in talk.answers()], ["busy"])
        self.hand.held = False
        self.assertTrue(self.has_session("hr"))
        self.assertEqual(talk.result("logout"), {})
        self.is_nobody(talk)
        self.assertFalse(self.has_session("hr"))

    def test_ended_meanwhile(self) -> None:
        """There is nothing to log out of either once the session has ended elsewhere."""
        talk = self.talk("hr")
        self.store.do(end_session, caller("hr"))
        self.assertEqual(talk.reason("logout"), "not-authenticated")
        self.is_nobody(talk)

    def test_twice(self) -> None:
        """There is nothing to log out of a second time."""
        talk = self.talk("hr")
        self.assertEqual([talk.reason("logout") for _ in "12"], ["", "not-authenticated"])

    def test_login_after(self) -> None:
        """A user can log in again on the same connection."""
        talk = self.talk("hr")
        talk.result("logout")
        self.log_in_on(talk)
        self.assertEqual(talk.reason("employee.list"), "")
