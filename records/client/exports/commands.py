"""The command `records export`, and the menu's export."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from records.api.messages import FieldInfo
from records.client.dialogue import Dialogue
from records.client.exports.export import Exported, Unsettled, Wanted, export
from records.client.exports.formats import FORMATS, NoWorkbooks
from records.client.login import call
from records.client.progress import Progress, no_progress
from records.client.render import safe_text
from records.model.access import Action
from records.model.errors import FieldError, RevisionConflict, ValidationFailed

Show = Callable[[object, Callable[[], str]], None]
"""Shows a result: as JSON, or as the text."""


def format_of(path: Path, given: str | None) -> str:
    """The format of a file, by what is given or by its name. Raises `ValidationFailed`."""
    if str(path) == "-":
        why = "An export is written to a file. Name one, such as people.csv."
        raise ValidationFailed(why, [FieldError("file", why)])
    for name, suffix in FORMATS.items():
        if given == name or (given is None and path.suffix.lower() == suffix):
            return name
    if given is None and path.suffix.lower() == ".ndjson":
        return "jsonl"
    why = f"The format is told by the end of the name: {', '.join(FORMATS.values())}; or --format."
    raise ValidationFailed(why, [FieldError("file", why)])


async def write_export(
    dialogue: Dialogue,
    path: Path,
    wanted: Wanted,
    format_name: str,
    progress: Progress,
    *,
    excel: bool = False,
    overwrite: bool = False,
) -> Exported:
    """`export`, with its failures as errors that tell what to do."""
    try:
        return await export(
            dialogue.records,
            path,
            wanted,
            format_name,
            progress,
            excel=excel,
            overwrite=overwrite,
        )
    except FileExistsError:
        why = f"{path} exists already. Choose another name, or overwrite it with --yes."
        raise ValidationFailed(why, [FieldError("file", why)]) from None
    except OSError as error:
        why = f"{path} cannot be written: {error.strerror}."
        raise ValidationFailed(why, [FieldError("file", why)]) from None
    except NoWorkbooks as reason:
        raise ValidationFailed(str(reason), [FieldError("file", str(reason))]) from None
    except Unsettled:
        raise RevisionConflict(
            "Employees were changed during each attempt, so there is no file of one state. Try "
            "again when less is changed."
        ) from None


async def run_export(
    options: argparse.Namespace,
    dialogue: Dialogue,
    fields: Sequence[FieldInfo],
    where: Mapping[str, object],
    reveal: Sequence[str],
    show: Show,
    progress: Progress,
) -> None:
    """`records export`. fields: none for all that the user may read."""
    path: Path = options.file
    format_name = format_of(path, options.format)
    chosen = list(fields) or list(dialogue.rights.fields(Action.READ))
    wanted = Wanted(chosen, options.search, where, options.sort, reveal)
    done = await write_export(
        dialogue,
        path,
        wanted,
        format_name,
        progress,
        excel=options.excel,
        overwrite=options.yes,
    )
    result = {
        "file": str(path),
        "count": done.count,
        "fields": ["id", *(each.name for each in chosen)],
        "seq": done.seq,
    }
    show(result, lambda: told(path, done, chosen, reveal))


def told(path: Path, done: Exported, fields: Sequence[FieldInfo], reveal: Sequence[str]) -> str:
    """What was written, for people."""
    people = "1 employee" if done.count == 1 else f"{done.count:,} employees"
    masked = [each.label for each in fields if each.masked and each.name not in reveal]
    text = f"Wrote {people} to {path}."
    if masked:
        text += f" Masked: {', '.join(masked)}."
    return safe_text(text)


async def export_employees(dialogue: Dialogue, typed: str) -> None:
    """The menu's export: everybody, masked, to a file that is not there yet."""
    name = typed or await dialogue.ask("Export to which file, such as people.csv: ")
    if not name.strip():
        dialogue.screen.show("Nothing was exported.")
        return
    path = _path(name)
    fields = dialogue.rights.fields(Action.READ)
    done = await call(
        dialogue, write_export, dialogue, path, Wanted(fields), format_of(path, None), no_progress
    )
    dialogue.screen.show(told(path, done, fields, ()))


def _path(typed: str) -> Path:
    return Path(typed.strip()).expanduser()
