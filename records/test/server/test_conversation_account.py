"""What counts of an account and its session on an open connection: always how they are now."""

from __future__ import annotations

from twisted.logger import capturedLogs

from records.model.access import Role
from records.model.accounts import SECOND
from records.model.errors import Busy
from records.operations.accounts import LOCAL, reset_password, set_disabled, set_roles
from records.operations.sessions import end_session
from records.test.auth.login_case import BAD, GOOD
from records.test.operations.operations_case import LIMITS, caller
from records.test.server.conversation_case import EMPLOYEE_METHODS, ConversationCase
from records.testing import START

NEW = "seven made-up words, none of them common"


class PasswordTests(ConversationCase):
    """password.change, and accounts that must change theirs first."""

    def test_good(self) -> None:
        """It is answered {}, ends the account's other sessions, and keeps this one."""
        other = self.talk()
        self.log_in_on(other)
        talk = self.talk("hr")
        self.assertEqual(talk.result("password.change", current=GOOD, new=NEW), {})
        self.assertEqual(talk.reason("employee.list"), "")
        self.assertEqual(other.reason("employee.list"), "not-authenticated")
        self.assertEqual(
            self.talk().reason("login", username="hr", password=GOOD), "not-authenticated"
        )
        self.log_in_on(self.talk(), "hr", NEW)

    def test_bad(self) -> None:
        """A wrong current password or a bad new one is refused by its field."""
        talk = self.talk("hr")
        for current, new, field in ((BAD, NEW, "current"), (GOOD, "short", "new")):
            error = talk.call("password.change", current=current, new=new)["error"]
            self.assertEqual(error["data"]["reason"], "validation-failed")
            self.assertEqual([each["field"] for each in error["data"]["errors"]], [field])
        self.assertEqual(talk.reason("employee.list"), "")

    def test_must_change(self) -> None:
        """Until the password is changed, that and leaving are all that can be done."""
        self.change_account("hr", must_change_password=True)
        talk = self.talk()
        self.assertIs(self.log_in_on(talk)["must_change_password"], True)
        for method, params in EMPLOYEE_METHODS.items():
            error = talk.call(method, **params)["error"]
            self.assertEqual((error["code"], error["data"]["reason"]), (403, "permission-denied"))
            self.assertIs(error["data"]["must_change_password"], True, method)
        self.assertEqual(talk.result("password.change", current=GOOD, new=NEW), {})
        self.assertEqual(talk.reason("employee.list"), "")
        self.assertIs(self.log_in_on(talk, "hr", NEW)["must_change_password"], False)

    def test_must_change_and_leaves(self) -> None:
        """A user who must change the password can log out instead."""
        self.change_account("hr", must_change_password=True)
        self.assertEqual(self.talk("hr").result("logout"), {})


class PresentStateTests(ConversationCase):
    """What changes behind an open connection counts from its next request on."""

    def setUp(self) -> None:
        super().setUp()
        self.person("owner", Role.OWNER)
        self.add()
        self.hr_talk = self.talk("hr")

    def all_refused(self, expected: str) -> None:
        """Every method about employees is now refused for this reason."""
        for method, params in EMPLOYEE_METHODS.items():
            self.assertEqual(self.hr_talk.reason(method, **params), expected, method)

    def test_role(self) -> None:
        """Another role."""
        change = {"id": 1, "revision": 1, "changes": {"title": "Engineer"}}
        self.assertEqual(self.hr_talk.reason("employee.update", **change), "")
        self.assertIn("salary", self.hr_talk.result("employee.get", id=1)["employee"])
        self.store.do(set_roles, LOCAL, "hr", (Role.EMPLOYEE,))
        self.assertEqual(self.hr_talk.reason("employee.update", **change), "permission-denied")
        for shown in (
            self.hr_talk.result("employee.get", id=1)["employee"],
            *self.hr_talk.result("employee.list")["employees"],
        ):
            self.assertNotIn("salary", shown)

    def test_disabled(self) -> None:
        """A closed account."""
        self.store.do(set_disabled, LOCAL, "hr", True)
        self.all_refused("not-authenticated")

    def test_disabled_only(self) -> None:
        """A closed account whose session was not ended."""
        self.change_account("hr", disabled=True)
        self.all_refused("not-authenticated")

    def test_ended(self) -> None:
        """A session that was ended elsewhere."""
        self.store.do(end_session, caller("hr"))
        self.all_refused("not-authenticated")

    def test_password_reset(self) -> None:
        """A password that was reset."""
        self.store.do(reset_password, LOCAL, "hr", self.hasher.hash(NEW))
        self.all_refused("not-authenticated")

    def test_must_change(self) -> None:
        """A password that must be changed."""
        self.change_account("hr", must_change_password=True)
        self.all_refused("permission-denied")


class UseTests(ConversationCase):
    """How a session's use is noted, and that one which has ended stays ended."""

    def setUp(self) -> None:
        super().setUp()
        self.add()

    def test_kept_by_use(self) -> None:
        """Requests of every kind keep the session going, though not each of them is noted."""
        for method in ("employee.get", "employee.list", "employee.update"):
            talk = self.talk("hr")
            before = self.used_at("hr")
            for _ in range(30):
                self.pass_time(LIMITS.note_use_after, LIMITS.note_use_after)
                self.assertEqual(talk.reason(method, **EMPLOYEE_METHODS[method]), "", method)
            self.assertGreater(self.used_at("hr"), before)

    def test_not_each(self) -> None:
        """Use that was noted a moment ago is not noted again: reads would all be writes."""
        self.pass_time(600, 600)
        talk = self.talk("hr")
        for _ in range(5):
            talk.result("employee.get", id=1)
            talk.result("employee.list")
        self.assertEqual(self.hand.handed, [("read", "perform_all")] * 5)
        self.assertEqual(self.used_at("hr"), START + 600 * SECOND)

    def test_over(self) -> None:
        """A session that was not used for its idle time is over, and asking does not revive it."""
        for method, params in EMPLOYEE_METHODS.items():
            self.person(method, Role.HR)
            talk = self.talk(method)
            self.pass_time(LIMITS.idle, LIMITS.idle)
            reasons = [talk.reason(method, **params) for _ in range(3)]
            self.assertEqual(reasons, ["not-authenticated"] * 3, method)
            self.assertEqual(self.talk().reason("resume", token=method), "not-authenticated")

    def test_use_of_the_ended(self) -> None:
        """Asking in the name of an ended session makes none."""
        talk = self.talk("hr")
        self.store.do(end_session, caller("hr"))
        self.pass_time(LIMITS.note_use_after, LIMITS.note_use_after)
        self.assertEqual(talk.reason("employee.get", id=1), "not-authenticated")
        self.assertFalse(self.has_session("hr"))

    def test_noting_fails(self) -> None:
        """If use cannot be noted, the request is done all the same."""
        talk = self.talk("hr")
        self.pass_time(LIMITS.note_use_after, LIMITS.note_use_after)
        self.hand.held = True
        number = talk.ask("employee.get", id=1)
        self.assertEqual(talk.numbers(), [number])
        with capturedLogs() as events:
            for _ in tuple(self.hand.waiting):
                self.hand.refuse(Busy("Not now."))
        self.assertEqual(len(events), 1)
