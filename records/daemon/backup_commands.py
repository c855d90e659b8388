"""The commands `backup`, `restore`, `check` and `rebuild` of `records.admin`: arguments and output.

Results go to standard output; progress goes to standard error, and only to a terminal. Knows
nothing of how any of it is done.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import msgspec

from records.daemon.backup import (
    Form,
    Manifest,
    form_of,
    stream_backup,
    write_backup,
)
from records.daemon.backup_notes import Noted, Proven, note_backup, note_proof
from records.daemon.bootstrap import Places, lock, now, open_existing
from records.daemon.checkup import Checkup, Finding, Severity, check
from records.daemon.restore import Proof, prove, restore
from records.model.errors import Damaged, Unusable
from records.operations.boundaries import Backend
from records.tls.keys import KeyFiles, refuse_exposed

DAMAGED = 3
"""Exit code: something is damaged or unusable. 1 is a refusal or a warning, 2 wrong usage."""
EXIT_CODES = {Severity.NOTE: 0, Severity.WARNING: 1, Severity.ERROR: DAMAGED}

STREAM = Path("-")
ENCRYPTING = (
    "Backups are not encrypted. To encrypt one: "
    "records-admin backup --with-keys - | age -p > records.tar.age"
)


class AddCommand(Protocol):
    """Adds a command to the parser: its name, what it does, and what runs it."""

    def __call__(
        self, name: str, does: str, run: Callable[..., int | None]
    ) -> argparse.ArgumentParser: ...


def add_backup_commands(command: AddCommand) -> None:
    """Add these commands to the parser of `records.admin`."""
    made = command("backup", "copy the database to a new place, of one instant", _backup)
    made.add_argument(
        "target",
        type=Path,
        metavar="FILE",
        help="a new file, or - for standard output; a name in .tar makes a tar with a manifest",
    )
    made.add_argument(
        "--with-keys", action="store_true", help="include the keys; makes a folder or a tar"
    )
    made.add_argument(
        "--prove", action="store_true", help="restore the backup aside, and verify and compare it"
    )
    made.epilog = ENCRYPTING.replace("%", "%%")
    back = command("restore", "restore a backup into an empty or new folder", _restore)
    back.add_argument("backup", type=Path, metavar="BACKUP", help="or - for a tar on the input")
    back.add_argument("folder", type=Path, metavar="FOLDER", help="the new data folder")
    look = command("check", "look for anything wrong with this installation", _check)
    look.add_argument("folder", nargs="?", type=Path, metavar="FOLDER", help="as --data")
    look.add_argument("--json", action="store_true", help="for programs")
    anew = command("rebuild", "make anew what people are found and sorted by", _rebuild)
    for each in (made, back, look, anew):
        each.set_defaults(needs_no_database=True)


def _progress() -> tuple[Callable[[str], None], Callable[[], None]]:
    """Shows the present step in one line of a terminal; and removes that line."""
    if not sys.stderr.isatty():
        return (lambda text: None), (lambda: None)

    def step(text: str) -> None:
        print(f"\r\x1b[K{text} ...", end="", file=sys.stderr, flush=True)

    def end() -> None:
        print("\r\x1b[K", end="", file=sys.stderr, flush=True)

    return step, end


def _keys_to_include(places: Places) -> KeyFiles:
    """The keys, which are there. Raises `Unusable`."""
    keys = places.keys
    if not keys.key.exists():
        raise Unusable(f"There are no keys in {keys.folder}. Name the daemon's folder with --keys.")
    refuse_exposed(keys)
    return keys


def _backup(places: Places, backend: Backend, options: argparse.Namespace) -> int:
    target: Path = options.target
    is_stream = target == STREAM
    if is_stream and options.prove:
        raise Unusable("A backup to standard output cannot be proven. Name a file.")
    if is_stream and sys.stdout.isatty():
        raise Unusable("A backup is not for a terminal. Send it to a file or to a program.")
    database = open_existing(places, backend)
    keys = _keys_to_include(places) if options.with_keys else None
    step, end = _progress()
    step("Copying the database")
    try:
        if is_stream:
            aside = places.data / "backup"
            manifest = stream_backup(database, backend, aside, sys.stdout.buffer, keys, now())
        else:
            manifest = write_backup(database, backend, target, keys, now())
    finally:
        end()
    noted = Noted(manifest.made_at, str(target), manifest.head_seq, manifest.head_hash)
    _remember(lambda: note_backup(places.data, noted))
    _tell_backup(target, manifest, keys, is_stream=is_stream)
    return _prove(places, backend, target, manifest) if options.prove else 0


def _tell_backup(
    target: Path, manifest: Manifest, keys: KeyFiles | None, *, is_stream: bool
) -> None:
    out = sys.stderr if is_stream else sys.stdout
    place = "standard output" if is_stream else str(target)
    what = "the database and the keys" if keys is not None else "the database"
    print(f"Copied {what} to {place}, with employees: {manifest.counts['employees']}.", file=out)
    print(f"It ends at audit entry {manifest.head_seq} {manifest.head_hash}.", file=out)
    if keys is None:
        print("The keys are not in it: copy them too, or use --with-keys.", file=out)
    elif not is_stream:
        form = "file" if form_of(target, with_keys=True) is Form.TAR else "folder"
        print(f"Whoever has this {form} has the records and the keys. Encrypt it.", file=out)


def _prove(places: Places, backend: Backend, target: Path, manifest: Manifest) -> int:
    step, end = _progress()
    try:
        outcome, why = prove(target, manifest, backend, places.data / "proof", step)
    finally:
        end()
    proven = Proven(now(), str(target), outcome, why)
    _remember(lambda: note_proof(places.data, proven))
    if outcome is Proof.PROVEN:
        print("Proven: it was restored aside, verified, and compared.")
        return 0
    if outcome is Proof.DAMAGED:
        print(
            f"records: Damaged. {why} Make another backup, and look into the disk.", file=sys.stderr
        )
        return DAMAGED
    print(f"records: Not proven. {why} The backup is there.", file=sys.stderr)
    return 1


def _remember(note: Callable[[], None]) -> None:
    """Note something about backups. The backup is good even if that fails."""
    try:
        note()
    except OSError as error:
        print(
            f"records: The data folder cannot note it: {error.strerror}. The backup is there.",
            file=sys.stderr,
        )


def _restore(places: Places, backend: Backend, options: argparse.Namespace) -> int:
    step, end = _progress()
    is_stream = options.backup == STREAM
    try:
        restored = restore(
            sys.stdin.buffer if is_stream else options.backup, options.folder, backend, step
        )
    except Damaged as damaged:
        end()
        print(f"records: {damaged}", file=sys.stderr)
        return DAMAGED
    finally:
        end()
    folder = options.folder
    print(f"Restored into {folder}. The audit log is whole, and history and employees agree.")
    head, manifest = restored.head, restored.manifest
    made = f"It is as of {manifest.made_at:%F %H:%M} UTC" if manifest else "It has no manifest"
    print(f"{made}, and ends at audit entry {head.seq} {head.hash.hex()}.")
    keys = f" --keys {folder / 'keys'}" if manifest is not None and manifest.has_keys else ""
    print(f"Start the daemon: twistd -n records --data {folder}{keys}")
    return 0


def _check(places: Places, backend: Backend, options: argparse.Namespace) -> int:
    if options.folder is not None:
        places = Places(options.folder, places.keys)
    step, end = _progress()
    try:
        found = check(places, backend, now(), _free_bytes, step)
    finally:
        end()
    if options.json:
        shown = {
            "verdict": found.worst.value if found.findings else "ok",
            **msgspec.to_builtins(found),
        }
        print(msgspec.json.format(msgspec.json.encode(shown), indent=2).decode())
    else:
        for line in shown_lines(found):
            print(line)
    return EXIT_CODES[found.worst]


def _free_bytes(folder: Path) -> int:
    return shutil.disk_usage(folder).free


def shown_lines(found: Checkup) -> list[str]:
    """A checkup for people: what was looked at, each finding, and the verdict at last."""
    lines = []
    if found.counts:
        versions = found.versions
        lines.append(
            f"records {versions['program']}, schema {versions['schema']}, {versions['engine']}: "
            f"employees {found.counts['employees']}, audit entries {found.counts['entries']}"
        )
    lines += [_line(finding) for finding in found.findings]
    counts = [
        f"{number} {severity.value}{'' if number == 1 else 's'}"
        for severity in reversed(Severity)
        if (number := sum(each.severity is severity for each in found.findings))
    ]
    verdict = {
        Severity.NOTE: "All is well",
        Severity.WARNING: "Nothing is damaged, but something is to be done",
        Severity.ERROR: "Something is damaged or unusable",
    }[found.worst]
    return [*lines, f"{verdict}{': ' + ', '.join(counts) if counts else ''}."]


def _line(finding: Finding) -> str:
    mend = f"  -> {finding.mend}" if finding.mend else ""
    return f"{finding.severity.value:8} {finding.message}{mend}"


def _rebuild(places: Places, backend: Backend, options: argparse.Namespace) -> int:
    database = open_existing(places, backend)
    held = lock(places, backend.files(places.database))
    try:
        database.rebuild()
    finally:
        os.close(held)
    print("What people are found and sorted by was made anew.")
    return 0
