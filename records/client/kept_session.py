"""A session that is kept from one command to the next, in a file of the user's.

`$XDG_STATE_HOME/records/` has one file for each profile, which only its owner can read: whoever has
the token has the session. Knows nothing of the daemon.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
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


_NONE: Mapping[str, Sequence[str]] = {}
_FIELDS = "fields.json"


def state_folder(environment: Mapping[str, str]) -> Path:
    """The folder of these files."""
    base = environment.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(base) / "records"


def kept_fields(environment: Mapping[str, str]) -> Mapping[str, Sequence[str]]:
    """The fields of the daemon of the last login, each with its choices; none without a login."""
    try:
        content = (state_folder(environment) / _FIELDS).read_bytes()
        return msgspec.json.decode(content, type=dict[str, list[str]])
    except (OSError, msgspec.DecodeError):
        return _NONE


def _write(path: Path, content: bytes) -> None:
    """Write a file for its owner only, complete or not at all. Raises OSError."""
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        os.replace(aside, path)
    except OSError:
        with suppress(OSError):
            os.unlink(aside)
        raise


class KeptSession:
    """The kept session of a profile. host, port: of the daemon that the command is for."""

    def __init__(self, path: Path, host: str, port: int) -> None:
        self.path = path
        self._host, self._port = host, port

    @classmethod
    def of(cls, profile: str, host: str, port: int, environment: Mapping[str, str]) -> KeptSession:
        """The one of a profile. host, port: of its daemon."""
        name = "".join(each if each.isalnum() or each in "-_." else "_" for each in profile)
        return cls(state_folder(environment) / f"{name}.session", host, port)

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

    def keep(self, user: str, token: str, fields: Mapping[str, Sequence[str]] = _NONE) -> None:
        """Write the file, and the names and choices of the fields beside it. Raises OSError."""
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _write(self.path, msgspec.json.encode(_Kept(self._host, self._port, user, token)))
        _write(self.path.with_name(_FIELDS), msgspec.json.encode(fields))

    def forget(self) -> None:
        """Remove the file, if there is one."""
        with suppress(FileNotFoundError):
            os.unlink(self.path)
