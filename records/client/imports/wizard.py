"""The menu's import: a file, what was understood of it, the plan, and its application.

Nothing is changed before the plan was shown and confirmed. What the file does not tell is asked.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from records.api.import_messages import ImportInfo, ImportPlanned, PlannedRow
from records.client.dialogue import Dialogue
from records.client.imports.commands import open_file
from records.client.imports.reading import ImportFile, ReadOptions, Unclear
from records.client.imports.report import PREVIEW, counts_text, plan_text, understood
from records.client.imports.sending import (
    Errors,
    Unsent,
    plan,
    planned_rows,
    send,
    write_refused,
)
from records.client.login import call
from records.client.progress import no_progress
from records.client.render import safe_text
from records.client.screen import Unreachable
from records.model.errors import (
    FieldError,
    PermissionDenied,
    PlanOutdated,
    RecordsError,
    ValidationFailed,
)

_NOTHING = "Nothing was changed."
_WHAT = {
    "end": "It ends the employment of",
    "pay": "It changes the pay of",
}


async def import_employees(dialogue: Dialogue, typed: str) -> None:
    """Import employees from a file, or take an earlier import back."""
    name = typed or await dialogue.ask("Import which file (blank for earlier imports): ")
    if not name.strip():
        await _earlier(dialogue)
        return
    path = _path(name)
    file = await _understood(dialogue, path)
    key = dialogue.new_key()
    records = dialogue.records
    import_id = await call(
        dialogue, records.import_begin, path.name[:200], (), key, blank_clears=False
    )
    applied = False
    try:
        applied = await _plan_and_apply(dialogue, import_id, path, file)
    except Unsent as reason:
        raise ValidationFailed(str(reason), [FieldError("file", str(reason))]) from None
    except Unreachable as reason:
        applied = reason.maybe_done
        raise
    finally:
        if not applied:
            with suppress(RecordsError, Unreachable):  # the daemon removes it after some days
                await records.import_discard(import_id, dialogue.new_key())


def _path(typed: str) -> Path:
    return Path(typed.strip()).expanduser()


async def _understood(dialogue: Dialogue, path: Path) -> ImportFile:
    """The file, as the user agrees that it is to be read."""
    options = ReadOptions()
    while True:
        try:
            file = open_file(dialogue, path, options)
        except Unclear as reason:
            options = await _decided(dialogue, reason, options)
            continue
        dialogue.screen.show(understood(path.name, file, dialogue.fields))
        options, is_good = await _columns(dialogue, options, file)
        if is_good:
            return file


async def _decided(dialogue: Dialogue, reason: Unclear, options: ReadOptions) -> ReadOptions:
    """The options with one more of them decided by the user."""
    screen = dialogue.screen
    screen.show(safe_text(reason.question))
    for number, (_, text) in enumerate(reason.choices, 1):
        screen.show(f"  {number}  {safe_text(text)}")
    while True:
        answer = (await dialogue.ask(f"Which one [1-{len(reason.choices)}]: ")).strip()
        if answer.isdecimal() and 1 <= int(answer) <= len(reason.choices):
            break
        screen.reject_answer("Answer with the number of one of them.")
    value = reason.choices[int(answer) - 1][0]
    return with_choice(options, reason.option, value)


def with_choice(options: ReadOptions, option: str, value: str) -> ReadOptions:
    """The options with a choice of `Unclear` in them. A mapping is chosen as COLUMN=FIELD."""
    match option:
        case "encoding":
            return dataclasses.replace(options, encoding=value)
        case "dates":
            return dataclasses.replace(options, dates=value)
        case "decimal":
            return dataclasses.replace(options, decimal=value)
        case "sheet":
            return dataclasses.replace(options, sheet=value)
        case _:
            header, _, name = value.rpartition("=")
            return _mapped(options, header, name)


def _mapped(options: ReadOptions, header: str, name: str) -> ReadOptions:
    return dataclasses.replace(options, mapping={**options.mapping, header: name})


async def _columns(
    dialogue: Dialogue, options: ReadOptions, file: ImportFile
) -> tuple[ReadOptions, bool]:
    """The options, and whether the columns are as the user wants them."""
    prompt = "Enter if this is right, or COLUMN=FIELD to change a column (COLUMN= leaves it out): "
    while True:
        answer = (await dialogue.ask(prompt)).strip()
        if not answer:
            return options, True
        header, equals, name = (each.strip() for each in answer.rpartition("="))
        if not equals or header not in file.headers:
            dialogue.screen.reject_answer("There is no such column. Write COLUMN=FIELD.")
            continue
        named = [f.name for f in dialogue.fields if name.lower() in (f.name, f.label.lower())]
        if name and name != "id" and not named:
            dialogue.screen.reject_answer(f"There is no field {safe_text(name)}.")
            continue
        return _mapped(options, header, named[0] if named else name), False


async def _plan_and_apply(dialogue: Dialogue, import_id: int, path: Path, file: ImportFile) -> bool:
    """Send, plan, show, confirm and apply. Returns whether the import was applied."""
    records, screen, errors = dialogue.records, dialogue.screen, Errors()
    screen.show("Sending the rows...")
    if not await call(dialogue, send, records, import_id, file, errors, no_progress):
        screen.fail("There are no rows in this file.")
        return False
    screen.show("Planning...")
    planned = await call(dialogue, plan, records, import_id, no_progress)
    refused: list[PlannedRow] = []
    if planned.counts["refuse"]:
        refused = await call(dialogue, planned_rows, records, import_id, "refuse", None)
    changing = [row for row in planned.rows if row.outcome in ("add", "change")]
    warned = [row for row in planned.rows if row.warnings]
    screen.show(plan_text(planned, dialogue.fields, changing[:PREVIEW], refused, warned, errors))
    if refused:
        await _offer_refused(dialogue, path, file, refused, errors)
    if not planned.counts["add"] + planned.counts["change"]:
        screen.show("There is nothing to change.")
        return False
    expect = await _confirmed(dialogue, planned)
    if expect is None:
        screen.show(_NOTHING)
        return False
    screen.show("Applying...")
    try:
        done = await call(
            dialogue,
            records.import_apply,
            import_id,
            dialogue.new_key(),
            expect,
            skip_refused=bool(refused),
        )
    except (ValidationFailed, PlanOutdated, PermissionDenied) as error:
        screen.fail(safe_text(error.message))
        return False
    counts = counts_text(done.counts).removeprefix("Plan: ")
    screen.show(f"Applied as import {import_id}: {counts}")
    screen.show("To take it back, choose i again and leave the file blank.")
    return True


async def _offer_refused(
    dialogue: Dialogue,
    path: Path,
    file: ImportFile,
    refused: Sequence[PlannedRow],
    errors: Errors,
) -> None:
    """Write the refused rows to a file, if the user wants that."""
    example = f"{path.stem}-refused.csv"
    prompt = f"File for the refused rows, such as {safe_text(example)} (blank for none): "
    while True:
        name = (await dialogue.ask(prompt)).strip()
        if not name:
            return
        target = _path(name)
        try:
            write_refused(target, file, refused, errors)
        except OSError as error:
            dialogue.screen.reject_answer(f"It cannot be written: {error.strerror}.")
        else:
            dialogue.screen.show("Written, with the reasons. Mend the rows, and import that file.")
            return


async def _confirmed(dialogue: Dialogue, planned: ImportPlanned) -> dict[str, int] | None:
    """The counts that are confirmed; None if the user does not want to apply the plan."""
    for name, count in planned.expect.items():
        people = "1 person" if count == 1 else f"{count:,} people"
        dialogue.screen.show(f"{_WHAT[name]} {people}.")
        answer = await dialogue.ask(f"Type {count} to confirm: ")
        if answer.strip() != str(count):
            return None
    without = " without the refused rows" if planned.counts["refuse"] else ""
    if await dialogue.confirm(f"Apply this plan{without}?"):
        return dict(planned.expect)
    return None


async def _earlier(dialogue: Dialogue) -> None:
    """Show the user's imports, and undo one."""
    records, screen = dialogue.records, dialogue.screen
    imports = await call(dialogue, records.import_list)
    if not imports:
        screen.show("You have no imports.")
        return
    screen.show("\n".join(_line(each) for each in imports))
    applied = {str(each.import_id) for each in imports if each.state == "applied"}
    while applied:
        answer = (await dialogue.ask("Number of an import to undo (blank for none): ")).strip()
        if not answer:
            return
        if answer in applied:
            break
        screen.reject_answer("Answer with the number of an import that is applied.")
    if not applied or not await dialogue.confirm(f"Take import {answer} back?"):
        screen.show(_NOTHING)
        return
    done = await call(dialogue, records.import_undo, int(answer), dialogue.new_key())
    rows = "1 row was" if done.undone == 1 else f"{done.undone:,} rows were"
    screen.show(f"{rows} taken back.")
    for each in done.kept:
        screen.show(f"  line {each.line} stays: {safe_text(each.why)}")


def _line(info: ImportInfo) -> str:
    return safe_text(
        f"{info.import_id:5}  {info.began_at}  {info.state:9}  {info.rows:,} rows  {info.name}"
    )
