"""How files of one kind are read, remembered by a name for the next one.

`$XDG_CONFIG_HOME/records/imports/NAME.json` has the options of `records import` that say how a file
is to be understood. Nothing of a file's content is in it.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping
from pathlib import Path

import msgspec

from records.client.profiles import config_path


class Remembered(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """The options, each as in `records import`."""

    map: tuple[tuple[str, str], ...] = ()
    dates: str | None = None
    decimal: str | None = None
    encoding: str | None = None
    sheet: str | None = None
    format: str | None = None
    match_by: tuple[str, ...] = ()
    blank_clears: bool = False


class NotRemembered(Exception):
    """There is nothing of that name, or it cannot be used. The text says why."""


def remembered_path(name: str, environment: Mapping[str, str]) -> Path:
    """The file of a name. Raises `NotRemembered` if it cannot be one."""
    if not name or not all(each.isalnum() or each in "-_" for each in name):
        raise NotRemembered(f"{name} is not a name: it has letters, digits, - and _ only.")
    return config_path(environment).parent / "imports" / f"{name}.json"


def recall(options: argparse.Namespace, environment: Mapping[str, str]) -> None:
    """Put what is remembered in place of options that are not given. Raises `NotRemembered`."""
    if options.like is None:
        return
    path = remembered_path(options.like, environment)
    try:
        found = msgspec.json.decode(path.read_bytes(), type=Remembered)
    except FileNotFoundError:
        raise NotRemembered(f"There is no {path}. Make it with --save-as {options.like}.") from None
    except (OSError, msgspec.DecodeError):
        raise NotRemembered(f"{path} cannot be read. Make it anew with --save-as.") from None
    given = dict(options.map)
    options.map = [*(each for each in found.map if each[0] not in given), *options.map]
    for name in ("dates", "decimal", "encoding", "sheet", "format"):
        if getattr(options, name) is None:
            setattr(options, name, getattr(found, name))
    options.match_by = options.match_by or list(found.match_by)
    options.blank_clears = options.blank_clears or found.blank_clears


def remember(options: argparse.Namespace, environment: Mapping[str, str]) -> None:
    """Write the options under the name of --save-as. Raises `NotRemembered`."""
    path = remembered_path(options.save_as, environment)
    kept = Remembered(
        tuple(options.map),
        options.dates,
        options.decimal,
        options.encoding,
        options.sheet,
        options.format,
        tuple(options.match_by),
        options.blank_clears,
    )
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        aside = path.with_name(f".{path.name}.{os.getpid()}")
        aside.write_bytes(msgspec.json.format(msgspec.json.encode(kept), indent=1) + b"\n")
        aside.replace(path)
    except OSError as error:
        raise NotRemembered(f"{path} cannot be written: {error.strerror}.") from None
