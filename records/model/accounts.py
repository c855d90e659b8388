"""Accounts and sessions: what they are, when they end, and what a password must be.

Knows nothing of storage, hashing or the clock; instants are microseconds since 1970 in UTC and
come in as arguments.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata

import msgspec
import zxcvbn

from records.model.access import Role, User

SECOND = 1_000_000
"""Microseconds, the unit of every stored instant."""

# NIST SP 800-63B-4, section 3.1.1.2: at least 15 characters where the password is the only
# factor, at least 64 allowed, no rules of composition, and a list of common ones refused.
MIN_PASSWORD = 15
MAX_PASSWORD = 256
_ESTIMATED = 32  # zxcvbn's time grows steeply with length; a prefix this long decides well enough
_ENOUGH_GUESSES = 10**8  # zxcvbn's own line between "somewhat" and "safely unguessable" online

# zxcvbn tries every combination of what a sign may stand for: 3 seconds for 19 signs four times.
# It knows `4` for `a` as well as `@`, so the digit takes the sign's place, and few are left.
_DIGITS_FOR_SIGNS = str.maketrans("@({[<!|$+%", "4cccc1157x")

MAX_USERNAME = 64
_USERNAME = re.compile(r"[a-z0-9](?:[a-z0-9._@-]{0,62}[a-z0-9])?", re.ASCII)


class Account(msgspec.Struct, frozen=True):
    """Somebody's access to the system. password_hash: as `boundaries.PasswordHasher` makes it."""

    id: int
    username: str
    password_hash: str
    roles: tuple[Role, ...]
    employee_id: int | None = None
    disabled: bool = False
    must_change_password: bool = False

    def user(self, source: str) -> User:
        """The account as the gate sees it, in a request from this source."""
        return User(
            self.id, self.username, self.roles, self.employee_id, self.must_change_password, source
        )


class Session(msgspec.Struct, frozen=True):
    """A login that goes on. id: SHA-256 of the token, which is itself kept nowhere."""

    id: bytes
    account_id: int
    created_at: int
    used_at: int
    source: str = ""


class SessionLimits(msgspec.Struct, frozen=True):
    """How long a session lasts, in seconds: without use, and in all."""

    idle: int = 15 * 60
    lifetime: int = 12 * 60 * 60

    def is_over(self, session: Session, now: int) -> bool:
        """Whether the session has ended by itself."""
        return now >= session.used_at + self.idle * SECOND or now >= self.end(session)

    def end(self, session: Session) -> int:
        """The instant at which the session ends however much it is used."""
        return session.created_at + self.lifetime * SECOND

    @property
    def note_use_after(self) -> float:
        """How many seconds old a session's noted use gets before it is noted anew.

        Noting each use would make a write of every read. A session may so end this much before
        its idle time is over, never after it.
        """
        return min(60.0, self.idle / 20)


def session_id(token: str) -> bytes:
    """What is stored of a token. It has 256 random bits, so a plain fast hash keeps it safe."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def check_username(raw: str) -> str:
    """The canonical username. Raises ValueError with a sentence for people."""
    name = raw.strip().lower()
    if not _USERNAME.fullmatch(name):
        raise ValueError(
            f"A username has up to {MAX_USERNAME} letters a to z, digits, and . _ @ - in between."
        )
    return name


def normalize_password(password: str) -> str:
    """The same password whichever keyboard it was typed on (SP 800-63B-4 asks for NFKC or NFKD)."""
    return unicodedata.normalize("NFKC", password)


def estimated_part(text: str) -> str:
    """What is estimated in a text's place: as easy to guess as its beginning, in little time."""
    return text[:_ESTIMATED].translate(_DIGITS_FOR_SIGNS)


def password_faults(password: str, username: str) -> list[str]:
    """Every reason why this cannot be somebody's new password, each a sentence; none if it can.

    Slow (up to 20 milliseconds, in zxcvbn's estimate): call it off the reactor's thread.
    """
    text = normalize_password(password)
    if len(text) < MIN_PASSWORD:
        return [f"A password has at least {MIN_PASSWORD} characters; a few words make a good one."]
    if len(text) > MAX_PASSWORD:
        return [f"A password has at most {MAX_PASSWORD} characters."]
    own = [estimated_part(username), "records"]
    estimate = zxcvbn.zxcvbn(estimated_part(text), own, max_length=_ESTIMATED)
    if estimate["guesses"] < _ENOUGH_GUESSES:
        return [
            "This password is too easy to guess: it is a common one, or made of a few common parts."
        ]
    return []
