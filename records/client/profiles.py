"""Profiles: where the daemon is and who logs in, from a file of the user's.

`$XDG_CONFIG_HOME/records/config.toml` has a table for each profile, and `default` names one (XDG
Base Directory Specification). Options that are given win.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec

NAMES = ("host", "port", "ca", "user", "region")
"""What a profile may say, each as the option of that name."""


class WrongProfile(Exception):
    """The file of profiles, or the choice among them, is wrong. The text says where."""


class Profile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One profile; None where it says nothing."""

    host: str | None = None
    port: int | None = None
    ca: str | None = None
    user: str | None = None
    region: str | None = None


def config_path(environment: Mapping[str, str]) -> Path:
    """Where the file is."""
    base = environment.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    return Path(base) / "records" / "config.toml"


def find_profile(name: str | None, environment: Mapping[str, str]) -> tuple[str, Profile]:
    """The profile of a name, of RECORDS_PROFILE, or the default one; its name, and what it says.

    Without any it is named "default" and says nothing. Raises `WrongProfile`.
    """
    path = config_path(environment)
    wanted = name or environment.get("RECORDS_PROFILE") or None
    try:
        content = path.read_text("utf-8")
    except FileNotFoundError:
        content = ""
    except (OSError, UnicodeDecodeError):
        raise WrongProfile(f"{path} cannot be read") from None
    found = _parsed(path, content)
    default = found.pop("default", None)
    if not isinstance(default, str | None):
        raise WrongProfile(f"{path}: default must be the name of a profile")
    wanted = wanted or default
    if wanted is None:
        return "default", Profile()
    if wanted not in found:
        known = ", ".join(found) or "none"
        raise WrongProfile(f"there is no profile {wanted} in {path} (there is {known})")
    try:
        return wanted, msgspec.convert(found[wanted], Profile)
    except msgspec.ValidationError as error:
        raise WrongProfile(f"{path}, profile {wanted}: {error}") from None


def _parsed(path: Path, content: str) -> dict[str, object]:
    if not content:
        return {}
    import tomllib  # noqa: PLC0415  most have no profiles

    try:
        return tomllib.loads(content)
    except tomllib.TOMLDecodeError as error:
        raise WrongProfile(f"{path}: {error}") from None
