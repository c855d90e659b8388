"""The commands that add, change and delete an employee: form, summary, confirmation, result.

Each is an `async def` that takes a `Dialogue` and the text after its letter. Nothing is sent before
it was shown and confirmed. Errors that end a command are raised, and the menu shows them.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from typing import Any, ParamSpec, TypeVar

import msgspec
from twisted.internet.defer import Deferred

from records.api.messages import EmployeeShown
from records.client.dialogue import Dialogue
from records.client.forms import ID, Form
from records.client.login import call
from records.client.render import comparison, employee_view, error_text, full_name
from records.client.screen import Interrupted
from records.model.access import Action
from records.model.errors import AlreadyExists, RevisionConflict, ValidationFailed

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
    screen, records = dialogue.screen, dialogue.records
    form = Form([ID, *dialogue.rights.fields(Action.ADD)], {"status": "active"})
    screen.show("Blank leaves a field out (the daemon gives the next free ID). . ends the form.")
    await form.fill(dialogue)
    while True:
        new: Mapping[str, object] = {"status": "active", **form.changes}
        heading = f"New employee: {full_name(new)}"
        screen.show(
            employee_view(dialogue.fields, msgspec.to_builtins(new), (), dialogue.style, heading)
        )
        if "id" in new:
            screen.show(f"  Employee ID {new['id']}")
        if not await dialogue.confirm("Add this employee?"):
            screen.show("Nobody was added.")
            return
        key = dialogue.new_key()
        try:
            stored = await _submit(dialogue, records.add, form.changes, key)
        except (ValidationFailed, AlreadyExists) as refusal:
            await form.correct(dialogue, refusal)
        else:
            screen.show("Added.")
            dialogue.show_employee(stored.employee)
            return


async def change(dialogue: Dialogue, typed: str) -> None:
    """Change an employee."""
    screen, records = dialogue.screen, dialogue.records
    employee_id = await dialogue.ask_id(typed, "Change which Employee ID")
    shown = await call(dialogue, records.get, employee_id)
    fields = dialogue.rights.fields(Action.UPDATE, employee_id)
    if not fields:
        screen.fail("You may not change this employee.")
        return
    form = Form(fields, shown.employee, shown.masked)
    screen.show(employee_view(dialogue.fields, shown.employee, shown.masked, dialogue.style))
    screen.show("Blank keeps a value, - clears it, . keeps all the rest.")
    await form.fill(dialogue)
    agreed = False
    while True:
        if not form.changes:
            screen.show(_NOTHING_CHANGED)
            return
        if not agreed:
            screen.show(comparison(form.rows, ("Now", "New"), dialogue.style))
            if not await dialogue.confirm("Save these changes?"):
                screen.show(_NOTHING_CHANGED)
                return
        key, revision, changes = dialogue.new_key(), _revision(shown), form.changes
        agreed = False
        try:
            stored = await _submit(dialogue, records.update, employee_id, revision, changes, key)
        except RevisionConflict as conflict:
            shown = await _present(dialogue, employee_id, conflict)
            agreed = await _retry(dialogue, form, conflict, shown)
            if not agreed:
                screen.show(_NOTHING_CHANGED)
                return
        except (ValidationFailed, AlreadyExists) as refusal:
            await form.correct(dialogue, refusal)
        else:
            screen.show("Saved.")
            dialogue.show_employee(stored.employee)
            return


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
    both = comparison(different, ("Yours", "Now"), dialogue.style)
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
    employee_id = await dialogue.ask_id(typed, "Delete which Employee ID")
    shown = await call(dialogue, records.get, employee_id)
    while True:
        screen.show(employee_view(dialogue.fields, shown.employee, shown.masked, dialogue.style))
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
