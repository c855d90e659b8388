"""The error tree: codes, reasons, and what an error carries."""

from __future__ import annotations

import re

from twisted.trial.unittest import SynchronousTestCase

from records.model import errors
from records.model.errors import BY_REASON, FieldError, RecordsError, Unusable, ValidationFailed

# As the protocol names them; other programs rely on these.
PROMISED = {
    "parse-error": -32700,
    "invalid-request": -32600,
    "method-not-found": -32601,
    "invalid-params": -32602,
    "internal-error": -32603,
    "not-authenticated": 401,
    "permission-denied": 403,
    "not-found": 404,
    "already-exists": 409,
    "revision-conflict": 409,
    "plan-outdated": 409,
    "validation-failed": 422,
    "too-many-attempts": 429,
    "busy": 503,
    "outcome-unknown": 504,
}


class TreeTests(SynchronousTestCase):
    """Every kind of error that a caller may see."""

    def test_codes_and_reasons(self) -> None:
        """Each reason of the protocol has its code, and there are no others."""
        self.assertEqual({reason: kind.code for reason, kind in BY_REASON.items()}, PROMISED)

    def test_every_kind_is_listed(self) -> None:
        """Each class of the tree can be found by its reason."""
        kinds = {
            each
            for each in vars(errors).values()
            if isinstance(each, type) and issubclass(each, RecordsError) and each != RecordsError
        }
        self.assertEqual(kinds, set(BY_REASON.values()))

    def test_reasons_are_plain_words(self) -> None:
        """A reason is small letters and hyphens, so that any program can compare it."""
        for reason in BY_REASON:
            self.assertTrue(re.fullmatch(r"[a-z]+(-[a-z]+)*", reason), reason)

    def test_what_an_error_carries(self) -> None:
        """An error keeps its sentence, all wrong fields, and further members."""
        wrong = [FieldError("email", "No."), FieldError("phone", "No.")]
        error = ValidationFailed("Some fields are not right.", wrong, {"more": 1})
        self.assertEqual(str(error), "Some fields are not right.")
        self.assertEqual(error.message, "Some fields are not right.")
        self.assertEqual(error.errors, tuple(wrong))
        self.assertEqual(error.details, {"more": 1})

    def test_details_are_its_own(self) -> None:
        """What is done to one error's details harms neither its source nor another's."""
        source: dict[str, object] = {"retry_after": 3}
        first, second = ValidationFailed("a", details=source), ValidationFailed("b")
        first.details["more"] = 1
        second.details["else"] = 2
        self.assertEqual(source, {"retry_after": 3})
        self.assertEqual(ValidationFailed("c").details, {})

    def test_bare(self) -> None:
        """Bare, an error tells the same, and nothing of what it came from."""
        wrong = [FieldError("email", "No.")]
        try:
            try:
                raise KeyError("x")
            except KeyError as fault:
                raise ValidationFailed("No.", wrong, {"more": 1}) from fault
        except ValidationFailed as raised:
            error = raised
        before = error.__traceback__, error.__context__, error.__cause__
        self.assertNotIn(None, before)
        self.assertIs(error.without_traceback(), error)
        after = error.__traceback__, error.__context__, error.__cause__
        self.assertEqual(after, (None, None, None))
        self.assertEqual(
            (error.message, error.errors, error.details), ("No.", tuple(wrong), {"more": 1})
        )

    def test_unusable_is_no_answer(self) -> None:
        """What keeps the daemon from starting is not an error that a caller can be sent."""
        self.assertFalse(issubclass(Unusable, RecordsError))
