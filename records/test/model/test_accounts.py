"""Accounts and sessions as values: usernames, password rules, expiry."""

from __future__ import annotations

import hashlib

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase
from zxcvbn.matching import L33T_TABLE, enumerate_l33t_subs, relevant_l33t_subtable

from records.model.access import Role
from records.model.accounts import (
    SECOND,
    Account,
    Session,
    SessionLimits,
    check_username,
    estimated_part,
    normalize_password,
    password_faults,
    session_id,
)

SIGNS = sorted({"a", "Z", *(sign for signs in L33T_TABLE.values() for sign in signs)})
"""What zxcvbn takes for other letters, and two letters."""


class UsernameTests(SynchronousTestCase):
    """What an account may be called."""

    def test_canonical(self) -> None:
        """A username is small letters; it is taken however it is typed."""
        for raw, name in (
            ("Ann", "ann"),
            (" ann.ohara ", "ann.ohara"),
            ("ann@example.com", "ann@example.com"),
            ("a", "a"),
            ("7", "7"),
            ("a_b-c", "a_b-c"),
            ("x" * 64, "x" * 64),
        ):
            self.assertEqual(check_username(raw), name)

    def test_refused(self) -> None:
        """A name that could be mistaken for another, or for none, is refused."""
        for raw in (
            "",
            " ",
            "-",
            ".ann",
            "ann.",
            "ann ohara",
            "ann\n",
            "änn",
            "аnn",  # its first letter is Cyrillic
            "ann\x00",
            "user:ann",
            "a/b",
            "x" * 65,
        ):
            if raw.strip() != raw and raw.strip():
                self.assertEqual(check_username(raw), raw.strip())
                continue
            with self.assertRaises(ValueError):
                check_username(raw)

    @given(st.text(max_size=70))
    def test_anything(self, raw: str) -> None:
        """What passes is plain ASCII of at most 64 characters, and stays as it is."""
        try:
            name = check_username(raw)
        except ValueError as reason:
            self.assertTrue(str(reason).endswith("."))
            return
        self.assertTrue(name.isascii() and 1 <= len(name) <= 64 and name == name.lower())
        self.assertEqual(check_username(name), name)


class PasswordTests(SynchronousTestCase):
    """What a password must be."""

    def test_length(self) -> None:
        """15 characters are needed and 256 allowed; characters are counted, not bytes."""
        good = "vortex lamp 9 quail"
        self.assertEqual(password_faults(good, "ann"), [])
        self.assertIn("at least 15", password_faults("vortex lamp 9q", "ann")[0])
        self.assertEqual(password_faults("кварц лампа 9ж1", "ann"), [])
        longest = (good + " and more ") * 20
        self.assertEqual(password_faults(longest[:256], "ann"), [])
        self.assertIn("at most 256", password_faults(longest[:257], "ann")[0])
        self.assertEqual(len(password_faults("", "ann")), 1)

    def test_common(self) -> None:
        """Common passwords and plain repetitions are refused, and so is the username."""
        for common in (
            "passwordpassword",
            "123456789012345",
            "aaaaaaaaaaaaaaaaaaaa",
            "qwertyuiopasdfghjkl",
            "ann.ohara.1ann.ohara.1",
        ):
            self.assertIn("too easy", " ".join(password_faults(common, "ann.ohara.1")), common)

    def test_common_in_other_signs(self) -> None:
        """Nor do digits and signs in the place of letters make one uncommon."""
        for common in ("p4ssw0rdp4ssw0rd", "P@$$w0rdP@$$w0rd", "p@ssword1!p@ssword1!"):
            self.assertIn("too easy", " ".join(password_faults(common, "ann")), common)
        own = "ann@example.com"
        self.assertIn("too easy", " ".join(password_faults(own, own)))

    @given(st.text(st.sampled_from(SIGNS)))
    def test_little_to_estimate(self, hostile: str) -> None:
        """Whatever a password is of, what is estimated is short and can stand for few words."""
        for text in (hostile, "4@({[<6936!1|7$5+2%0" * 20):
            part = estimated_part(text)
            self.assertEqual(len(part), min(len(text), 32))
            self.assertLessEqual(
                len(enumerate_l33t_subs(relevant_l33t_subtable(part, L33T_TABLE))), 8
            )

    def test_no_rules_of_composition(self) -> None:
        """Neither capitals nor digits nor signs are asked for."""
        self.assertEqual(password_faults("gravel otter mime budget", "ann"), [])

    def test_normalized(self) -> None:
        """The same password typed on another keyboard is the same."""
        self.assertEqual(normalize_password("Ångström"), normalize_password("A\u030angstro\u0308m"))
        self.assertEqual(normalize_password("ｖｏｒｔｅｘ"), "vortex")
        self.assertNotEqual(normalize_password("Vortex"), normalize_password("vortex"))
        self.assertNotEqual(normalize_password("a b"), normalize_password("ab"))


class SessionTests(SynchronousTestCase):
    """When sessions end."""

    def test_defaults(self) -> None:
        """A session lasts 15 minutes idle and 12 hours in all."""
        self.assertEqual(SessionLimits(), SessionLimits(idle=900, lifetime=43200))

    def test_idle_and_lifetime(self) -> None:
        """A session is over from the very instant its idle time or its lifetime is."""
        limits = SessionLimits(idle=10, lifetime=100)
        start = 1000 * SECOND
        for used, now, over in (
            (0, 0, False),
            (0, 10 * SECOND - 1, False),
            (0, 10 * SECOND, True),
            (95 * SECOND, 100 * SECOND - 1, False),
            (95 * SECOND, 100 * SECOND, True),
            (99 * SECOND, 10**15, True),
        ):
            session = Session(b"x", 1, start, start + used)
            self.assertEqual(limits.is_over(session, start + now), over, (used, now))
        self.assertEqual(limits.end(Session(b"x", 1, start, start)), start + 100 * SECOND)

    def test_noting_use(self) -> None:
        """Use is noted seldom, yet often enough that a session in use never ends for idleness."""
        self.assertEqual(SessionLimits().note_use_after, 45)
        self.assertEqual(SessionLimits(idle=3600).note_use_after, 60)
        for idle in (1, 10, 900, 10**6):
            self.assertLess(SessionLimits(idle=idle).note_use_after, idle)

    def test_session_id(self) -> None:
        """Of a token only its SHA-256 is kept, whatever the text that was sent as one."""
        self.assertEqual(session_id("abc"), hashlib.sha256(b"abc").digest())
        self.assertEqual(len(session_id("")), 32)
        self.assertEqual(len(session_id("\ud800")), 32)
        self.assertNotEqual(session_id("ä"), session_id("a\u0308"))

    def test_user(self) -> None:
        """The gate sees an account's roles, its own record, and where the request came from."""
        account = Account(3, "ann", "hash", (Role.HR,), 7, must_change_password=True)
        seen = account.user("192.0.2.1")
        self.assertEqual(
            (seen.id, seen.username, seen.roles, seen.employee_id, seen.must_change_password),
            (3, "ann", (Role.HR,), 7, True),
        )
        self.assertEqual(seen.source, "192.0.2.1")
