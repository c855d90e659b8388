"""The commands that add, change and delete an employee: form, summary, confirmation, result.

Each is an `async def` that takes a `Dialogue` and the text after its letter. Nothing is sent before
it was shown and confirmed. Errors that end a command are raised, and the menu shows them.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any, ParamSpec, TypeVar

import msgspec
from twisted.internet.defer import Deferred

from records.api.messages import EmployeeShown, EmployeeStored, FieldInfo, FieldWarning
from records.client.dialogue import Dialogue
from records.client.forms import ID, Form
from records.client.login import call
from records.client.people import choose_employee, names_in
from records.client.render import (
    comparison,
    employee_view,
    error_text,
    full_name,
    safe_text,
    warning_text,
)
from records.client.screen import Interrupted
from records.client.selection import parse_change, parse_fields
from records.model.access import Action
from records.model.errors import AlreadyExists, NotFound, RevisionConflict, ValidationFailed
from records.model.values import Invalid

P = ParamSpec("P")
T = TypeVar("T")

_NOTHING_CHANGED = "Nothing was changed."


async def _submit(
    dialogue: Dialogue,
    method: Callable[P, Coroutine[Deferred[Any], Any, T]],
    *args: P.args,
    **kwargs: P.kwargs,
) -> T:
    """`call` for a change, which may be made even if the user does not wait."""
    try:
        return await call(dialogue, method, *args, **kwargs)
    except Interrupted:
        dialogue.screen.show(
            "The change may have been saved. Check the record before you try again."
        )
        raise


async def add(dialogue: Dialogue, typed: str) -> None:
    """Add an employee."""
    screen = dialogue.screen
    form = Form([ID, *dialogue.rights.fields(Action.ADD)], {"status": "active"})
    screen.show("Blank leaves a field out (the daemon gives the next free ID). . ends the form.")
    await form.fill(dialogue)
    while True:
        new: Mapping[str, object] = {"status": "active", **form.changes}
        try:
            checked = await call(dialogue, dialogue.records.check_add, form.changes)
            await _show_new(dialogue, msgspec.to_builtins(new))
            if not await _confirm(dialogue, "Add this employee?", checked.warnings):
                screen.show("Nobody was added.")
                return
            key = dialogue.new_key()
            stored = await _submit(dialogue, dialogue.records.add, form.changes, key)
        except (ValidationFailed, AlreadyExists) as refusal:
            if not await form.correct(dialogue, refusal):
                screen.show("Nobody was added.")
                return
        else:
            screen.show("Added.")
            await _show_stored(dialogue, stored, checked.warnings)
            return


async def _show_new(dialogue: Dialogue, new: Mapping[str, object]) -> None:
    heading = f"New employee: {full_name(new)}"
    names = await names_in(dialogue, new)
    dialogue.screen.show(
        employee_view(dialogue.fields, new, (), dialogue.style, heading, names=names)
    )
    if "id" in new:
        dialogue.screen.show(f"  Employee ID {new['id']}")


async def _confirm(dialogue: Dialogue, question: str, warnings: Sequence[FieldWarning]) -> bool:
    """Show the warnings, and ask."""
    if warnings:
        dialogue.screen.show(warning_text(warnings))
    return await dialogue.confirm(question)


async def _show_stored(
    dialogue: Dialogue, stored: EmployeeStored, known: Sequence[FieldWarning]
) -> None:
    """Show an employee after a change, and the warnings that were not known before it."""
    employee, fields = stored.employee, dialogue.fields
    hidden = [f.name for f in fields if f.masked and employee.get(f.name) is not None]
    names = await names_in(dialogue, employee)
    dialogue.screen.show(employee_view(fields, employee, hidden, dialogue.style, names=names))
    new = [each for each in stored.warnings if each not in known]
    if new:
        dialogue.screen.show(warning_text(new))


async def _chosen(dialogue: Dialogue, typed: str, question: str) -> EmployeeShown | None:
    """The employee that the user means, or None if nobody is meant.

    A script ends there: its next lines answer the questions of this command.
    """
    try:
        return await choose_employee(dialogue, typed, question)
    except NotFound as error:
        dialogue.screen.reject_answer(error_text(error))
        return None


async def change(dialogue: Dialogue, typed: str) -> None:
    """Change an employee: all fields in turn, or those that the user names."""
    screen = dialogue.screen
    try:
        asked = parse_change(typed, dialogue.fields.all)
    except Invalid as reason:
        screen.reject_answer(safe_text(str(reason)))
        return
    shown = await _chosen(dialogue, asked.who, "Change which employee")
    if shown is None:
        return
    employee_id = msgspec.convert(shown.employee["id"], int)
    fields = dialogue.rights.fields(Action.UPDATE, employee_id)
    refused = [field.label for field in asked.fields if field not in fields]
    if not fields or refused:
        what = ", ".join(refused) or "anything"
        screen.reject_answer(safe_text(f"You may not change {what} of this employee."))
        return
    form = Form(fields, shown.employee, shown.masked)
    if asked.fields:
        screen.show(f"Employee {employee_id}: {full_name(shown.employee)}")
        await form.fill(dialogue, [field.name for field in asked.fields], asked.value)
    else:
        await _fill_some(dialogue, form, shown, fields)
    await _save(dialogue, form, shown, employee_id)


async def _fill_some(
    dialogue: Dialogue, form: Form, shown: EmployeeShown, fields: Sequence[FieldInfo]
) -> None:
    """Show the record, and ask for the fields that the user chooses, or for all."""
    names = await names_in(dialogue, shown.employee)
    numbered = [field.name for field in fields]
    dialogue.screen.show(
        employee_view(
            dialogue.fields,
            shown.employee,
            shown.masked,
            dialogue.style,
            names=names,
            numbered=numbered,
        )
    )
    while True:
        line = await dialogue.ask("Change which fields? Numbers or names; Enter for all: ")
        if not line.strip():
            dialogue.screen.show("Blank keeps a value, - clears it, . keeps all the rest.")
            await form.fill(dialogue)
            return
        try:
            asked, value = parse_fields(line, dialogue.fields.all)
        except Invalid as reason:
            dialogue.screen.reject_answer(safe_text(str(reason)))
            continue
        chosen = [field.name for field in asked if field in fields]
        if len(chosen) < len(asked):
            dialogue.screen.reject_answer("You may not change all of these.")
            continue
        await form.fill(dialogue, chosen, value)
        return


async def _save(dialogue: Dialogue, form: Form, shown: EmployeeShown, employee_id: int) -> None:
    """Check the changes, confirm them, and save them."""
    screen, records = dialogue.screen, dialogue.records
    warnings: Sequence[FieldWarning] = ()
    agreed = False
    while form.changes:
        revision, changes = _revision(shown), form.changes
        try:
            checked = await call(dialogue, records.check_update, employee_id, revision, changes)
            is_known = all(each in warnings for each in checked.warnings)
            warnings = checked.warnings
            if not (agreed and is_known):
                names = await names_in(dialogue, shown.employee, changes)
                screen.show(comparison(form.rows, ("Now", "New"), dialogue.style, names))
                if not await _confirm(dialogue, "Save these changes?", warnings):
                    break
            agreed = False
            key = dialogue.new_key()
            stored = await _submit(dialogue, records.update, employee_id, revision, changes, key)
        except RevisionConflict as conflict:
            shown = await _present(dialogue, employee_id, conflict)
            agreed = await _retry(dialogue, form, conflict, shown)
            if not agreed:
                break
        except (ValidationFailed, AlreadyExists) as refusal:
            if not await form.correct(dialogue, refusal):
                break
        else:
            screen.show("Saved.")
            await _show_stored(dialogue, stored, warnings)
            return
    screen.show(_NOTHING_CHANGED)


def _revision(shown: EmployeeShown) -> int:
    return msgspec.convert(shown.employee.get("revision"), int)


async def _present(
    dialogue: Dialogue, employee_id: int, conflict: RevisionConflict
) -> EmployeeShown:
    """The present version. A repeated conflict response does not include it."""
    try:
        return msgspec.convert(conflict.details, EmployeeShown)
    except msgspec.ValidationError:
        return await call(dialogue, dialogue.records.get, employee_id)


async def _retry(
    dialogue: Dialogue, form: Form, conflict: RevisionConflict, present: EmployeeShown
) -> bool:
    """Show both versions. Returns whether to apply the changes to the present one."""
    different = form.against(present.employee)
    if not different:
        dialogue.screen.show("Somebody else has already made the same change.")
        form.rebase(present.employee, present.masked)
        return True
    names = await names_in(dialogue, form.changes, present.employee)
    both = comparison(different, ("Yours", "Now"), dialogue.style, names)
    dialogue.screen.reject_answer(f"{error_text(conflict)}\n{both}")
    while True:
        answer = await dialogue.ask(
            "Apply your changes to the current version? [r to apply, Enter to cancel]: "
        )
        if answer.strip().lower() == "r":
            form.rebase(present.employee, present.masked)
            return True
        if not answer.strip():
            return False
        dialogue.screen.reject_answer("Answer with r or Enter.")


async def delete(dialogue: Dialogue, typed: str) -> None:
    """Delete an employee, after the user typed its ID again, or yes."""
    screen, records = dialogue.screen, dialogue.records
    shown = await _chosen(dialogue, typed, "Delete which employee")
    if shown is None:
        return
    employee_id = msgspec.convert(shown.employee["id"], int)
    while True:
        names = await names_in(dialogue, shown.employee)
        screen.show(
            employee_view(
                dialogue.fields, shown.employee, shown.masked, dialogue.style, names=names
            )
        )
        name = full_name(shown.employee)
        answer = await dialogue.ask(
            f"Type {employee_id} or yes to delete {name}; anything else keeps them: "
        )
        if answer.strip().lower() not in (str(employee_id), "yes"):
            screen.show("Nobody was deleted.")
            return
        key, revision = dialogue.new_key(), _revision(shown)
        try:
            await _submit(dialogue, records.delete, employee_id, revision, key)
        except RevisionConflict as conflict:
            screen.reject_answer(error_text(conflict))
            shown = await _present(dialogue, employee_id, conflict)
        else:
            screen.show(f"Deleted employee {employee_id}, {name}.")
            return
