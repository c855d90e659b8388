"""The commands that find and show employees.

Each is an `async def` that takes a `Dialogue` and the text after its letter. Errors that end a
command are raised, and the menu shows them.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from records.api.messages import MAX_PAGE, FieldInfo
from records.client.dialogue import Dialogue
from records.client.login import call
from records.client.people import choose_employee, names_in
from records.client.render import employee_list, employee_view, error_text, safe_text
from records.model.access import Action
from records.model.errors import NotFound


async def find(dialogue: Dialogue, typed: str) -> None:
    """Find employees by words, a page at a time."""
    screen, records = dialogue.screen, dialogue.records
    search = typed or await dialogue.ask("Search words (blank for everybody): ")
    search = search.strip()
    found = 0
    cursor: str | None = None
    while True:
        limit = min(screen.page or MAX_PAGE, MAX_PAGE)
        page = await call(dialogue, records.find, search, cursor, limit)
        found, cursor = found + len(page.employees), page.cursor
        if page.employees:
            screen.show(employee_list(dialogue.fields, page.employees, dialogue.style))
        if cursor is None:
            screen.show(_count(found, search))
            return
        if screen.page is not None and not await _go_on(dialogue, found):
            return


def _count(found: int, search: str) -> str:
    if found:
        return "1 employee." if found == 1 else f"{found} employees."
    return (
        f'No employee matches "{safe_text(search)}".' if search else "There are no employees yet."
    )


async def _go_on(dialogue: Dialogue, found: int) -> bool:
    """Whether to show the next page. The user can look at employees of this one first."""
    prompt = f"{found} so far. Enter for more, q back, or an employee to show: "
    while True:
        line = (await dialogue.ask(prompt)).strip()
        if line.lower() in ("", "n"):
            return True
        if line.lower() == "q":
            return False
        try:
            await show(dialogue, line)
        except NotFound as error:
            dialogue.screen.reject_answer(error_text(error))


async def show(dialogue: Dialogue, typed: str) -> None:
    """Show an employee, and reveal masked fields if the user may and wants to."""
    shown = await choose_employee(dialogue, typed, "Show which employee")
    employee_id = msgspec.convert(shown.employee["id"], int)
    names = await names_in(dialogue, shown.employee)
    revealed: list[str] = []
    while True:
        dialogue.screen.show(
            employee_view(
                dialogue.fields, shown.employee, shown.masked, dialogue.style, names=names
            )
        )
        wanted = await _what_to_reveal(dialogue, employee_id, shown.masked)
        if not wanted:
            return
        revealed += wanted
        shown = await call(dialogue, dialogue.records.get, employee_id, revealed)


async def _what_to_reveal(dialogue: Dialogue, employee_id: int, masked: Sequence[str]) -> list[str]:
    rights = dialogue.rights
    fields = [f for f in rights.fields(Action.REVEAL, employee_id) if f.name in masked]
    if not fields:
        return []
    listed = safe_text(", ".join(field.label for field in fields))
    while True:
        answer = (await dialogue.ask(f"r to reveal {listed}; Enter to go back: ")).strip().lower()
        if not answer:
            return []
        if answer == "r":
            break
        dialogue.screen.reject_answer("Answer with r or Enter.")
    return [field.name for field in await _which(dialogue, fields)]


async def _which(dialogue: Dialogue, fields: Sequence[FieldInfo]) -> list[FieldInfo]:
    """The fields that the user chooses, by number or name."""
    if len(fields) == 1:
        return list(fields)
    listed = ", ".join(f"{number} {field.label}" for number, field in enumerate(fields, 1))
    prompt = f"Which ({safe_text(listed)}; or all)? Each look is recorded. "
    while True:
        words = (await dialogue.ask(prompt)).lower().replace(",", " ").split()
        if words == ["all"]:
            return list(fields)
        chosen = [
            field
            for number, field in enumerate(fields, 1)
            if {str(number), field.name, field.label.lower()} & set(words)
        ]
        if len(chosen) == len(words):
            return chosen
        dialogue.screen.reject_answer("Answer with their numbers or names, or Enter for none.")
