"""Tests for `records.client`: the very key of a change, and harmless errors."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from records.client.connection import RETRY_AFTER
from records.client.render import error_text
from records.model.errors import FieldError, RecordsError, ValidationFailed
from records.test.client import test_connection as test_client_connection


class KeyTests(test_client_connection.ConnectionCase):
    """What is sent with a change."""

    def setUp(self) -> None:
        super().setUp()
        self.log_in()

    def test_the_callers_own(self) -> None:
        """Each change goes, and is repeated, under the key that the caller chose for it."""
        for call, key, result in (
            (self.connection.add({"given_name": "Ed"}, "k1"), "k1", {"employee": {"id": 3}}),
            (self.connection.update(1, 1, {"title": None}, "k2"), "k2", {"employee": {"id": 1}}),
            (self.connection.delete(1, 2, "k3"), "k3", {"id": 1, "revision": 3}),
        ):
            answer = self.start(call)
            self.assertEqual(self.wire.request()["params"]["key"], key)
            self.wire.lose()
            self.clock.advance(RETRY_AFTER[0])
            self.resume()
            repeated = self.wire.request()
            self.assertEqual(repeated["params"]["key"], key)
            self.wire.answer(result, repeated["id"])
            self.successResultOf(answer)


class ErrorTests(SynchronousTestCase):
    """Errors, whose words come from the daemon."""

    def test_harmless(self) -> None:
        """Nothing in an error can act on a terminal: not its sentence, nor a field's."""
        nasty = "\x1b[2J\u202e"
        for error in (
            RecordsError(nasty),
            ValidationFailed(nasty, [FieldError("title", f"{nasty}!")]),
        ):
            shown = error_text(error)
            self.assertIn("\\x1b[2J\\u202e", shown)
            self.assertTrue(shown.replace("\n", "").isprintable(), ascii(shown))
