"""Tests for `records.client.conversation` and `records.client.login`: a visit from end to end."""

from __future__ import annotations

from twisted.internet.defer import Deferred

from records.client.conversation import HISTORY, converse
from records.client.fields import NO_FIELDS
from records.client.screen import Interrupted, Left, Unreachable
from records.model.access import Role
from records.model.errors import Busy, NotAuthenticated, TooManyAttempts
from records.test.client.client_case import PASSWORD, ClientCase, ScriptedScreen
from records.testing import user

NEW = "quite another sort of animal"


class VisitCase(ClientCase):
    """A test of a whole visit, from before the login."""

    def setUp(self) -> None:
        super().setUp()
        self.records.session = None

    def visit(self, *answers: object, username: str | None = None) -> tuple[bool, ScriptedScreen]:
        """A visit with these answers; whether it ended well."""
        return self.visit_on(ScriptedScreen(*answers), username)

    def visit_on(
        self, screen: ScriptedScreen, username: str | None = None
    ) -> tuple[bool, ScriptedScreen]:
        dialogue = self.dialogue(screen)
        dialogue.username = None
        good = self.successResultOf(Deferred.fromCoroutine(converse(dialogue, username)))
        self.assertEqual(self.records.left, max(1, self.records.left))
        return good, screen


class LoginTests(VisitCase):
    """Logging in."""

    def test_login(self) -> None:
        """After the login the menu is shown, and leaving ends the session."""
        good, screen = self.visit("tess", PASSWORD, "q")
        self.assertTrue(good)
        self.assertIn("Logged in as tess (hr).", screen.transcript)
        self.assertIn("1  f  Find employees", screen.transcript)
        self.assertIsNone(self.records.session)

    def test_secret(self) -> None:
        """The password is asked for as a secret, and nothing else is."""
        _, screen = self.visit("tess", PASSWORD, "q")
        self.assertEqual(screen.secrets, ["Password: "])

    def test_given_name(self) -> None:
        """A username given on the command line is not asked for."""
        good, screen = self.visit(PASSWORD, "q", username="tess")
        self.assertTrue(good)
        self.assertNotIn("Username: ", screen.prompts)

    def test_wrong(self) -> None:
        """A wrong password may be tried three times, and the attempts left are reported."""
        good, screen = self.visit("tess", "x", "tess", "y", "tess", "z")
        self.assertFalse(good)
        self.assertEqual(
            screen.failures,
            [
                "Wrong username or password. 2 attempts are left.",
                "Wrong username or password. 1 attempt is left.",
                "Wrong username or password.",
            ],
        )

    def test_wait(self) -> None:
        """Who has failed too often is told how long to wait."""
        wait = "Too many failed attempts. Wait 8 seconds, then try again."
        self.records.trouble = [TooManyAttempts(wait, details={"retry_after": 8})]
        good, screen = self.visit("tess", PASSWORD, "tess", PASSWORD, "q")
        self.assertTrue(good)
        self.assertIn(wait, screen.failures[0])

    def test_script_stops(self) -> None:
        """A script whose login fails is not read further."""
        screen = ScriptedScreen("tess", "x", "tess", PASSWORD)
        screen.script = True
        good, screen = self.visit_on(screen)
        self.assertFalse(good)
        self.assertEqual(screen.answers, ["tess", PASSWORD])

    def test_unreachable(self) -> None:
        """If the daemon cannot be reached the client says why, and ends."""
        self.records.trouble = [Unreachable("No daemon listens here.")]
        good, screen = self.visit("tess", PASSWORD)
        self.assertFalse(good)
        self.assertEqual(screen.failures, ["No daemon listens here."])
        self.assertEqual(screen.prompts, [])

    def test_fields_loaded(self) -> None:
        """The daemon's fields are asked for once there is a session, and again after a logout."""
        self.records.fields = NO_FIELDS
        good, screen = self.visit("tess", PASSWORD, "f research", "q")
        self.assertTrue(good)
        self.assertIn("2 employees.", screen.transcript)

    def test_fields_not_loaded(self) -> None:
        """If that fails after a first password was changed, the change is told all the same."""
        self.records.fields = NO_FIELDS
        self.records.must_change = True

        def trouble() -> None:
            self.records.trouble = [Unreachable("No daemon listens here.")]

        answers = ["tess", PASSWORD, NEW, NEW]
        screen = ScriptedScreen(*answers)
        change = self.records.change_password

        async def changed(current: str, new: str) -> None:
            await change(current, new)
            trouble()

        self.records.change_password = changed  # type: ignore[method-assign]
        good, screen = self.visit_on(screen)
        self.assertFalse(good)
        self.assertIn("Your password is changed.", screen.transcript)
        self.assertEqual(screen.failures, ["No daemon listens here."])

    def test_value_not_recalled(self) -> None:
        """A value that was typed at the menu is not among the lines to recall."""
        screen = ScriptedScreen("tess", PASSWORD, "c 1 ssn=536-90-4397", "n", "q")
        self.visit_on(screen)
        self.assertIn(["c 1 ssn"], screen.recalls)
        self.assertFalse(any("536" in line for recall in screen.recalls for line in recall))

    def test_refused(self) -> None:
        """Another refusal of the login is reported, and ends the client."""
        self.records.trouble = [Busy("Not now.")]
        good, screen = self.visit("tess", PASSWORD)
        self.assertFalse(good)
        self.assertEqual(screen.failures, ["Not now."])

    def test_interrupted(self) -> None:
        """Ctrl-C at the login leaves the client."""
        self.assertFalse(self.visit(Interrupted())[0])

    def test_end_of_input(self) -> None:
        """The end of input at the login leaves the client in good order."""
        self.assertTrue(self.visit(Left())[0])


class PasswordTests(VisitCase):
    """Changing the password."""

    def test_first_login(self) -> None:
        """A password for the first login is changed before anything else, and typed once only."""
        self.records.must_change = True
        good, screen = self.visit("tess", PASSWORD, NEW, NEW, "q")
        self.assertTrue(good)
        self.assertEqual(self.records.password, NEW)
        self.assertEqual(screen.secrets, ["Password: ", "New password: ", "New password again: "])

    def test_first_login_failed(self) -> None:
        """If that change is refused it is asked for again, and the menu is not shown."""
        self.records.must_change = True
        wait = TooManyAttempts("Wait.")
        good, screen = self.visit(
            "tess",
            PASSWORD,
            NEW,
            lambda: self.records.trouble.append(wait),
            NEW,
            PASSWORD,
            NEW,
            NEW,
        )
        self.assertTrue(good)
        self.assertIn("Current password: ", screen.secrets)
        self.assertEqual(self.records.password, NEW)

    def test_at_the_menu(self) -> None:
        """A password is changed at the menu, typed twice alike."""
        _, screen = self.visit("tess", PASSWORD, "p", PASSWORD, NEW, "other", NEW, NEW, "q")
        self.assertIn("The two are not the same. Type the new one anew.", screen.failures)
        self.assertIn("Your password is changed.", screen.transcript)
        self.assertEqual(self.records.password, NEW)

    def test_rules(self) -> None:
        """A short or unchanged new password is refused before it is sent."""
        _, screen = self.visit("tess", PASSWORD, "p", PASSWORD, "short", PASSWORD, NEW, NEW, "q")
        self.assertIn("A password has at least 15 characters", screen.failures[0])
        self.assertIn("the password that you have already", screen.failures[1])

    def test_wrong_current(self) -> None:
        """With a wrong current password nothing is changed."""
        _, screen = self.visit("tess", PASSWORD, "p", "wrong", NEW, NEW, "q")
        self.assertEqual(screen.failures, ["This is not your current password."])

    def test_refused(self) -> None:
        """A new password that the daemon refuses is asked for again."""
        from records.model.errors import FieldError, ValidationFailed

        refusal = ValidationFailed("Too easy.", [FieldError("new", "Too easy.")])
        _, screen = self.visit(
            "tess", PASSWORD, "p", PASSWORD, NEW, lambda: self.records.trouble.append(refusal),
            NEW, NEW, NEW, "q",
        )  # fmt: skip
        self.assertEqual(screen.failures, ["Too easy."])
        self.assertEqual(self.records.password, NEW)


class MenuTests(VisitCase):
    """The menu, and what it does with what happens."""

    def test_by_number_and_word(self) -> None:
        """Choices are made by letter, number or word, with what follows them."""
        _, screen = self.visit("tess", PASSWORD, "2 2", "SHOW 2", "s 2", "quit")
        self.assertEqual(screen.transcript.count("Employee 2: Ko"), 3)

    def test_unknown(self) -> None:
        """What is not on the menu is reported, and the menu shown again."""
        _, screen = self.visit("tess", PASSWORD, "zz", "?", "", "q")
        self.assertEqual(screen.failures, ["This is not on the menu."])
        self.assertEqual(screen.transcript.count("Find employees"), 4)

    def test_not_allowed(self) -> None:
        """A choice that the user's role does not allow is not offered, and refused with why."""
        self.records = self.make_records(user(Role.EMPLOYEE, employee_id=2))
        _, screen = self.visit("tess", PASSWORD, "d 1", "q")
        self.assertEqual(screen.failures, ["Your role does not allow you to: Delete an employee."])
        self.assertNotIn("d  Delete", screen.transcript)

    def test_error(self) -> None:
        """An error is reported, and the menu comes back."""
        good, screen = self.visit("tess", PASSWORD, "s 99", "s 2", "q")
        self.assertTrue(good)
        self.assertEqual(screen.failures, ["There is no employee 99."])
        self.assertIn("Employee 2: Ko", screen.transcript)

    def test_unreachable(self) -> None:
        """While the daemon cannot be reached the menu stays."""
        lost = Unreachable("It is away.")
        good, screen = self.visit(
            "tess", PASSWORD, lambda: self.records.trouble.append(lost), "s 2", "s 2", "q"
        )
        self.assertTrue(good)
        self.assertEqual(screen.failures, ["It is away."])
        self.assertIn("Employee 2: Ko", screen.transcript)

    def test_ctrl_c(self) -> None:
        """Ctrl-C leaves a prompt for the menu, and at the menu does nothing."""
        good, screen = self.visit("tess", PASSWORD, Interrupted(), "a", "9", Interrupted(), "q")
        self.assertTrue(good)
        self.assertIn("Given up.", screen.transcript)
        self.assertEqual(self.records.keys, [])

    def test_ctrl_d(self) -> None:
        """Ctrl-D in the middle of a command leaves the client."""
        good, screen = self.visit("tess", PASSWORD, "a", Left())
        self.assertTrue(good)
        self.assertEqual(screen.failures, ["Left before this was done."])

    def test_script_ends_early(self) -> None:
        """A script that ends in the middle of a command has failed."""
        screen = ScriptedScreen("tess", PASSWORD, "a", "")
        screen.script = True
        self.assertFalse(self.visit_on(screen)[0])

    def test_log_out(self) -> None:
        """After logging out another user can log in."""
        good, screen = self.visit(PASSWORD, "l", "tess", PASSWORD, "q", username="tess")
        self.assertTrue(good)
        self.assertIn("Logged out.", screen.transcript)

    def test_history(self) -> None:
        """The menu's lines can be gone back to; answers to other questions cannot."""
        _, screen = self.visit("tess", PASSWORD, "s", "2", "s 2", "s 2", "f ko", "q")
        self.assertEqual(screen.recalls[-1], ["s", "s 2", "f ko"])
        self.assertEqual(screen.recalls[3], [])

    def test_history_ends(self) -> None:
        """The history does not grow for ever."""
        _, screen = self.visit("tess", PASSWORD, *[f"f x{n}" for n in range(HISTORY + 9)], "q")
        self.assertEqual(len(screen.recalls[-1]), HISTORY)

    def test_session_over(self) -> None:
        """If the session is over the same user logs in again, and gets what was asked for."""
        ended = NotAuthenticated("Your session has ended. Log in again.")
        _, screen = self.visit(
            "tess", PASSWORD, lambda: self.records.trouble.append(ended), "s 2", PASSWORD, "q"
        )
        self.assertIn("Employee 2: Ko", screen.transcript)

    def test_login_fails_then(self) -> None:
        """If that login fails the client ends."""
        ended = NotAuthenticated("Your session has ended. Log in again.")
        good, _ = self.visit(
            "tess", PASSWORD, lambda: self.records.trouble.append(ended), "s 2", "x", "y", "z"
        )
        self.assertFalse(good)
