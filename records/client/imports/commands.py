"""The commands `records import`: plan, apply, list, undo and discard, for scripts.

Nothing is asked: what is not clear about a file ends the command and names the option to add.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import msgspec

from records.api.import_messages import ImportPlanned, PlannedRow
from records.client.dialogue import Dialogue
from records.client.imports.reading import (
    ImportFile,
    ReadOptions,
    Unclear,
    Unreadable,
    open_import,
)
from records.client.imports.remembered import NotRemembered, recall, remember
from records.client.imports.report import (
    MAX_LISTED,
    PREVIEW,
    counts_text,
    plan_text,
    understood,
)
from records.client.imports.sending import (
    Errors,
    Unsent,
    plan,
    planned_rows,
    send,
    write_refused,
)
from records.client.progress import Progress
from records.client.render import safe_text
from records.client.screen import Unreachable
from records.model.errors import (
    FieldError,
    PermissionDenied,
    PlanOutdated,
    RecordsError,
    ValidationFailed,
)

Show = Callable[[object, Callable[[], str]], None]
"""Shows a result: as JSON, or as the text."""


def read_options(options: argparse.Namespace) -> ReadOptions:
    """How the command line says that a file is to be read."""
    return ReadOptions(
        mapping=dict(options.map),
        encoding=options.encoding,
        dates=options.dates,
        decimal=options.decimal,
        sheet=options.sheet,
        format=options.format,
    )


def open_file(dialogue: Dialogue, path: Path, options: ReadOptions) -> ImportFile:
    """The file as it is understood. Raises `Unclear`, or `ValidationFailed` if it is not one."""
    try:
        return open_import(path, options, dialogue.fields, dialogue.region, dialogue.today())
    except Unreadable as reason:
        raise ValidationFailed(reason.message, [FieldError("file", reason.message)]) from None


class ImportCommand:
    """One command. show: shows the result. note: shows text beside it. progress: see `Progress`."""

    def __init__(
        self,
        options: argparse.Namespace,
        dialogue: Dialogue,
        show: Show,
        note: Callable[[str], object],
        progress: Progress,
        environment: Mapping[str, str],
    ) -> None:
        self._environment = environment
        self._options = options
        self._dialogue, self._records = dialogue, dialogue.records
        self._show, self._note, self._progress = show, note, progress

    async def run(self) -> None:
        """Run the command that the options name. Raises `RecordsError`."""
        word, number = self._options.what, self._options.number
        if word == "list":
            await self._list()
        elif word == "undo":
            await self._undo(number)
        elif word == "discard":
            await self._records.import_discard(number, self._dialogue.new_key())
            self._show({"import_id": number}, lambda: f"Discarded import {number}.")
        else:
            await self._import(Path(word))

    async def _list(self) -> None:
        imports = await self._records.import_list()

        def text() -> str:
            lines = [
                safe_text(
                    f"{each.import_id:4}  {each.began_at}  {each.state:9}  {each.rows:9,} rows  "
                    f"{each.name}"
                )
                for each in imports
            ]
            return "\n".join(lines) or "You have no imports."

        self._show({"imports": imports}, text)

    async def _undo(self, import_id: int) -> None:
        done = await self._records.import_undo(import_id, self._dialogue.new_key())

        def text() -> str:
            rows = "1 row" if done.undone == 1 else f"{done.undone:,} rows"
            lines = [f"Taken back: {rows}. Left as they are: {done.kept_count:,}."]
            lines += [f"  line {each.line}: {safe_text(each.why)}" for each in done.kept]
            return "\n".join(lines)

        self._show(done, text)

    async def _import(self, path: Path) -> None:
        options, records, key = self._options, self._records, self._dialogue.new_key
        try:
            recall(options, self._environment)
        except NotRemembered as reason:
            raise ValidationFailed(str(reason), [FieldError("like", str(reason))]) from None
        try:
            file = open_file(self._dialogue, path, read_options(options))
        except Unclear as reason:
            why = f"{reason.question} Add {reason.command}."
            raise ValidationFailed(why, [FieldError(reason.option, why)]) from None
        if options.save_as is not None:
            try:
                remember(options, self._environment)
            except NotRemembered as reason:
                raise ValidationFailed(str(reason), [FieldError("save-as", str(reason))]) from None
        self._note(understood(path.name, file, self._dialogue.fields))
        errors = Errors()
        import_id = await records.import_begin(
            path.name[:200], options.match_by, key(), blank_clears=options.blank_clears
        )
        may_be_applied = False
        try:
            planned = await self._planned(import_id, file, errors)
            if options.plan:
                await self._show_plan(import_id, planned, file, errors)
                return
            await self._tell_refused(import_id, planned, file, errors)
            may_be_applied = True
            try:
                done = await records.import_apply(
                    import_id, key(), dict(options.expect), skip_refused=options.skip_refused
                )
            except (ValidationFailed, PlanOutdated, PermissionDenied):
                may_be_applied = False
                raise
        except Unsent as reason:
            raise ValidationFailed(str(reason), [FieldError("file", str(reason))]) from None
        finally:
            if not may_be_applied:
                with suppress(RecordsError, Unreachable):  # the daemon removes it after some days
                    await records.import_discard(import_id, key())
        self._show(
            done,
            lambda: (
                f"Applied. {counts_text(done.counts).removeprefix('Plan: ').capitalize()}\n"
                f"To take it back: records import undo {import_id}"
            ),
        )

    async def _planned(self, import_id: int, file: ImportFile, errors: Errors) -> ImportPlanned:
        received = await send(self._records, import_id, file, errors, self._progress)
        if not received:
            why = "There are no rows in this file."
            raise ValidationFailed(why, [FieldError("file", why)])
        return await plan(self._records, import_id, self._progress)

    async def _refused(self, import_id: int, planned: ImportPlanned) -> list[PlannedRow]:
        if not planned.counts.get("refuse"):
            return []
        most = None if self._options.refused else MAX_LISTED
        return await planned_rows(self._records, import_id, "refuse", most)

    async def _tell_refused(
        self, import_id: int, planned: ImportPlanned, file: ImportFile, errors: Errors
    ) -> None:
        refused = await self._refused(import_id, planned)
        self._write_refused(file, refused, errors)
        warned = [row for row in planned.rows if row.warnings]
        self._note(plan_text(planned, self._dialogue.fields, (), refused, warned, errors))

    def _write_refused(
        self, file: ImportFile, refused: Sequence[PlannedRow], errors: Errors
    ) -> None:
        path: Path | None = self._options.refused
        if path is None or not refused:
            return
        try:
            write_refused(path, file, refused, errors)
        except OSError as error:
            why = f"{path} cannot be written: {error.strerror}."
            raise ValidationFailed(why, [FieldError("refused", why)]) from None
        self._note(f"The refused rows are in {safe_text(str(path))}, with the reasons.")

    async def _show_plan(
        self, import_id: int, planned: ImportPlanned, file: ImportFile, errors: Errors
    ) -> None:
        refused = await self._refused(import_id, planned)
        self._write_refused(file, refused, errors)
        if not self._options.json:
            preview = [row for row in planned.rows if row.outcome in ("add", "change")][:PREVIEW]
            warned = [row for row in planned.rows if row.warnings]
            text = plan_text(planned, self._dialogue.fields, preview, refused, warned, errors)
            self._show(None, lambda: text)
            return
        rows = await planned_rows(self._records, import_id, None, None)
        told = [msgspec.structs.replace(row, errors=tuple(errors.of(row))) for row in rows]
        result = {
            "counts": planned.counts,
            "decisions": [
                {"about": each.about, "value": each.value, "text": each.text}
                for each in file.decisions
            ],
            "columns": {each.header: each.field for each in file.columns},
            "denied": planned.denied,
            "expect": planned.expect,
            "rows": told,
        }
        self._show(result, str)
