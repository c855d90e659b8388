"""Accounts and sessions: their data, when sessions end, and the rules for passwords.

Knows nothing of storage, hashing or the clock. Instants are microseconds since 1970 in UTC, and
come in as arguments.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata

import msgspec

from records.model.access import Role, User

SECOND = 1_000_000
"""Microseconds, the unit of every stored instant."""

# NIST SP 800-63B-4, section 3.1.1.2: at least 15 characters where the password is the only
# factor, at least 64 allowed, no rules of composition, and a list of common ones refused.
MIN_PASSWORD = 15
MAX_PASSWORD = 256
_ESTIMATED = 32  # zxcvbn's time grows steeply with the length; a prefix of this length is enough
_ENOUGH_GUESSES = 10**8  # zxcvbn's own limit between "somewhat" and "safely unguessable" online

# zxcvbn tries every combination of what a sign may stand for: 3 seconds for 19 signs in a row. It
# knows `4` for `a` as well as `@`, so digits replace the signs, and few combinations are left.
_DIGITS_FOR_SIGNS = str.maketrans("@({[<!|$+%", "4cccc1157x")

MAX_USERNAME = 64
_USERNAME = re.compile(r"[a-z0-9](?:[a-z0-9._@-]{0,62}[a-z0-9])?", re.ASCII)


class Account(msgspec.Struct, frozen=True):
    """An account. password_hash: made by `boundaries.PasswordHasher`."""

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
    """A session. id: SHA-256 of the token, which is not stored."""

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
        """Whether the session has ended."""
        return now >= session.used_at + self.idle * SECOND or now >= self.end(session)

    def end(self, session: Session) -> int:
        """The instant at which the session ends even if it is used."""
        return session.created_at + self.lifetime * SECOND

    @property
    def note_use_after(self) -> float:
        """After how many seconds the use of a session is stored again.

        Storing each use would make every read a write. So a session may end this much early, never
        late.
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
    """The same password from any keyboard (SP 800-63B-4 asks for NFKC or NFKD)."""
    return unicodedata.normalize("NFKC", password)


def estimated_part(text: str) -> str:
    """The text whose guesses are estimated: its beginning, in a form that takes little time."""
    return text[:_ESTIMATED].translate(_DIGITS_FOR_SIGNS)


def password_faults(password: str, username: str) -> list[str]:
    """Every reason why this cannot be a new password, each a sentence; none if it can.

    Slow (up to 20 milliseconds, for the estimate): call it off the reactor's thread.
    """
    text = normalize_password(password)
    if len(text) < MIN_PASSWORD:
        return [f"A password has at least {MIN_PASSWORD} characters; a few words make a good one."]
    if len(text) > MAX_PASSWORD:
        return [f"A password has at most {MAX_PASSWORD} characters."]
    import zxcvbn  # noqa: PLC0415  its tables take a while to load, and few programs need them

    own = [estimated_part(username), "records"]
    estimate = zxcvbn.zxcvbn(estimated_part(text), own, max_length=_ESTIMATED)
    if estimate["guesses"] < _ENOUGH_GUESSES:
        return [
            "This password is too easy to guess: it is a common one, or made of a few common parts."
        ]
    return []
