"""Numbers that README.md promises, and that no other test says in so many figures."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from records.gateway.session import TOKEN_BYTES
from records.model.accounts import MIN_PASSWORD
from records.tls.keys import RENEW_DAYS


class NumberTests(SynchronousTestCase):
    """Each of them."""

    def test_token(self) -> None:
        """A session's token is 256 random bits."""
        self.assertEqual(8 * TOKEN_BYTES, 256)

    def test_password(self) -> None:
        """Passwords have 15 characters or more."""
        self.assertEqual(MIN_PASSWORD, 15)

    def test_renewal(self) -> None:
        """The daemon renews its own certificate a month before its end."""
        self.assertIn(RENEW_DAYS, (30, 31))
