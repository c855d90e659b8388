"""Password hashes: our own scheme, and plain bcrypt brought from elsewhere."""

from __future__ import annotations

import unicodedata

import bcrypt
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from records.auth.hashing import PREFIX, BcryptHasher

COST = 4  # bcrypt's lowest: about a millisecond
HASHER = BcryptHasher(COST)


def plain(password: bytes, cost: int = COST) -> str:
    """A hash as other programs make it."""
    return bcrypt.hashpw(password, bcrypt.gensalt(cost)).decode("ascii")


class OwnHashTests(SynchronousTestCase):
    """Hashes of our own scheme."""

    def same(self, typed: str, hashed: str) -> bool:
        return HASHER.verify(typed, HASHER.hash(hashed))

    def test_verifies(self) -> None:
        """A password is verified by its own hash, and no other password is."""
        hashed = HASHER.hash("correct horse battery")
        self.assertTrue(HASHER.verify("correct horse battery", hashed))
        for wrong in (
            "correct horse batter",
            "Correct horse battery",
            "correct horse battery ",
            "",
        ):
            self.assertFalse(HASHER.verify(wrong, hashed), wrong)

    def test_form(self) -> None:
        """A hash is marked as ours, is plain ASCII, and does not hold the password."""
        hashed = HASHER.hash("correct horse battery")
        self.assertTrue(hashed.startswith(f"{PREFIX}$2b$04$"), hashed)
        self.assertTrue(hashed.isascii())
        self.assertNotIn("horse", hashed)

    def test_salted(self) -> None:
        """The same password has another hash each time."""
        self.assertNotEqual(HASHER.hash("same"), HASHER.hash("same"))

    def test_long(self) -> None:
        """Passwords that differ only beyond bcrypt's 72 bytes are different, in any script."""
        for base in ("a" * 72, "ж" * 36, "a" * 300):
            self.assertTrue(self.same(base + "x", base + "x"))
            self.assertFalse(self.same(base + "x", base + "y"))
            self.assertFalse(self.same(base, base + "x"))

    def test_nul(self) -> None:
        """What follows a NUL counts."""
        self.assertTrue(self.same("a\0b", "a\0b"))
        for typed in ("a", "a\0", "a\0c"):
            self.assertFalse(self.same(typed, "a\0b"), ascii(typed))

    def test_empty(self) -> None:
        """An empty password is a password like any other."""
        self.assertTrue(self.same("", ""))
        for typed in (" ", "\0"):
            self.assertFalse(self.same(typed, ""))

    def test_same_text(self) -> None:
        """A password is the same whichever keyboard composed it, also outside the BMP."""
        for one, other in (
            ("caf\u00e9", "cafe\u0301"),
            ("\uff50\uff41\uff53\uff53", "pass"),  # full-width letters
            ("\ufb01ne", "fine"),  # a ligature
            ("\U0001d400bc", "Abc"),  # a mathematical letter
            ("\U0001f511 key", "\U0001f511 key"),
        ):
            self.assertEqual(unicodedata.normalize("NFKC", one), other if other.isascii() else one)
            self.assertTrue(self.same(one, other), ascii(one))
            self.assertTrue(self.same(other, one), ascii(one))
        self.assertFalse(self.same("\U0001f511", "\U0001f512"))

    def test_lone_surrogates(self) -> None:
        """What isn't text can be hashed and verified too, and is never mistaken for another."""
        self.assertTrue(self.same("a\ud800", "a\ud800"))
        for typed in ("a\ud801", "a", "a?", "a\ufffd"):
            self.assertFalse(self.same(typed, "a\ud800"), ascii(typed))

    @given(st.text(st.characters(), max_size=100), st.text(st.characters(), max_size=100))
    def test_any(self, one: str, other: str) -> None:
        """Any text verifies its own hash, and another's only if both are the same in NFKC."""
        hashed = HASHER.hash(one)
        self.assertTrue(HASHER.verify(one, hashed))
        same = unicodedata.normalize("NFKC", one) == unicodedata.normalize("NFKC", other)
        self.assertEqual(HASHER.verify(other, hashed), same)

    def test_outdated(self) -> None:
        """A hash of another cost than ours is outdated, and verifies until it is made anew."""
        hashed = HASHER.hash("a")
        outdated = [BcryptHasher(cost).is_outdated(hashed) for cost in (COST, COST + 1, 12)]
        self.assertEqual(outdated, [False, True, True])
        self.assertTrue(HASHER.is_outdated(hashed.replace("$04$", "$12$")))
        for cost in (COST + 1, COST + 2):
            self.assertTrue(BcryptHasher(cost).verify("a", hashed))
            self.assertFalse(BcryptHasher(cost).verify("b", hashed))
            self.assertTrue(HASHER.verify("a", BcryptHasher(cost).hash("a")))

    def test_nobodys(self) -> None:
        """Nobody's hash is one of ours, of the present cost, and no password is good for it."""
        hashed = HASHER.dummy_hash()
        self.assertEqual(len(hashed), len(HASHER.hash("a")))
        self.assertFalse(HASHER.is_outdated(hashed))
        for password in ("", ".", "." * 53, hashed):
            self.assertFalse(HASHER.verify(password, hashed))

    def test_stolen_elsewhere(self) -> None:
        """A hash of the password without our salt in it is no password."""
        stolen = plain(b"correct horse battery")
        self.assertFalse(self.same(stolen, "correct horse battery"))
        self.assertFalse(HASHER.verify("correct horse battery", PREFIX + stolen))


class SameCostTests(SynchronousTestCase):
    """How much work a comparison is."""

    def setUp(self) -> None:
        self.rounds = 0

    def checkpw(self, given: bytes, stored: bytes) -> bool:
        self.rounds += 2 ** int(stored.split(b"$")[2])
        return bcrypt.checkpw(given, stored)

    def work(self, cost: int, hashed: str, password: str = "a") -> int:
        """How many rounds a comparison takes."""
        self.rounds = 0
        BcryptHasher(cost, self.checkpw).verify(password, hashed)
        return self.rounds

    def test_cheaper(self) -> None:
        """With a cheaper hash a comparison is as much work as with one of ours, good or not."""
        for hashed in (HASHER.hash("a"), plain(b"a"), BcryptHasher(COST + 2).hash("a")):
            for password in ("a", "b", "\0"):
                self.assertEqual(self.work(COST + 3, hashed, password), 2 ** (COST + 3))

    def test_same_or_dearer(self) -> None:
        """Nothing is added to a hash of our cost, or of a higher one."""
        for cost in (COST, COST + 1):
            self.assertEqual(self.work(COST, BcryptHasher(cost).hash("a")), 2**cost)


class PlainHashTests(SynchronousTestCase):
    """Hashes brought from elsewhere."""

    def test_verify(self) -> None:
        """Plain bcrypt hashes verify, whatever they call their version."""
        hashed = plain("correct hörse".encode())
        for version in ("$2a$", "$2b$", "$2y$"):
            stored = hashed.replace("$2b$", version)
            self.assertTrue(HASHER.verify("correct hörse", stored), version)
            self.assertFalse(HASHER.verify("correct horse", stored), version)

    def test_outdated(self) -> None:
        """They are outdated whatever they cost."""
        self.assertTrue(HASHER.is_outdated(plain(b"a")))
        self.assertTrue(HASHER.is_outdated(plain(b"a").replace("$04$", "$31$")))

    def test_long(self) -> None:
        """A password of more than 72 bytes verifies by those that were once read of it."""
        for password in ("a" * 100, "a" * 71 + "жж"):
            self.assertTrue(HASHER.verify(password, plain(password.encode()[:72])))

    def test_nul(self) -> None:
        """A NUL does not shorten what is compared."""
        for typed in ("a\0", "a\0b", "\0", "a" * 71 + "\0"):
            self.assertFalse(HASHER.verify(typed, plain(b"a")), ascii(typed))
            self.assertFalse(HASHER.verify(typed, plain(b"")), ascii(typed))

    def test_lone_surrogates(self) -> None:
        """What isn't text is a wrong password, not a fault."""
        self.assertFalse(HASHER.verify("\ud800", plain(b"a")))
