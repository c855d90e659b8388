"""A session that is kept from one command to the next, in a file of the user's.

`$XDG_STATE_HOME/records/` has one file for each profile, which only its owner can read: whoever has
the token has the session. Knows nothing of the daemon.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import msgspec

_OTHERS = 0o077


class Unsafe(Exception):
    """The file can be read by others, or is another user's. The text says what to do."""


class _Kept(msgspec.Struct, frozen=True):
    host: str
    port: int
    user: str
    token: str

    def __repr__(self) -> str:
        return "_Kept(...)"


class KeptSession:
    """The kept session of a profile. host, port: of the daemon that the command is for."""

    def __init__(self, path: Path, host: str, port: int) -> None:
        self.path = path
        self._host, self._port = host, port

    @classmethod
    def of(cls, profile: str, host: str, port: int, environment: Mapping[str, str]) -> KeptSession:
        """The one of a profile. host, port: of its daemon."""
        base = environment.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
        name = "".join(each if each.isalnum() or each in "-_." else "_" for each in profile)
        return cls(Path(base) / "records" / f"{name}.session", host, port)

    def token(self, user: str | None) -> str | None:
        """The token of the session, if it is of this daemon and user. Raises `Unsafe`."""
        try:
            descriptor = os.open(self.path, os.O_RDONLY | os.O_NOFOLLOW)
        except OSError:
            return None
        with os.fdopen(descriptor, "rb") as file:
            status = os.fstat(file.fileno())
            if status.st_mode & _OTHERS or status.st_uid != os.geteuid():
                raise Unsafe(
                    f"{self.path} can be read by others, or is not yours, so the session in it is "
                    "not used. Remove it, and log in again: records login."
                )
            try:
                kept = msgspec.json.decode(file.read(), type=_Kept)
            except (msgspec.DecodeError, UnicodeDecodeError):
                return None
        is_meant = (kept.host, kept.port) == (self._host, self._port)
        return kept.token if is_meant and user in (None, kept.user) else None

    def keep(self, user: str, token: str) -> None:
        """Write the file. Raises OSError."""
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        aside = self.path.with_name(f".{self.path.name}.{os.getpid()}")
        descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(msgspec.json.encode(_Kept(self._host, self._port, user, token)))
            os.replace(aside, self.path)
        except OSError:
            with suppress(OSError):
                os.unlink(aside)
            raise

    def forget(self) -> None:
        """Remove the file, if there is one."""
        with suppress(FileNotFoundError):
            os.unlink(self.path)
