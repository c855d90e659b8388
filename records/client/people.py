"""Finding the employee that a user means: by ID, employee number, e-mail address or name.

Whatever asks for an employee uses this. Shows a few to choose from where several are meant. Knows
nothing of what is to be done with the employee.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from records.api.messages import EmployeeShown
from records.client.dialogue import Dialogue
from records.client.login import call
from records.client.render import employee_list
from records.client.screen import Unreachable
from records.model.errors import InvalidParams, NotFound, RecordsError, ValidationFailed
from records.model.fields import Kind
from records.model.names import written_name
from records.model.values import Invalid, check_reference

MAX_CHOICES = 10
"""Employees that are shown to choose from."""

ACCEPTED = "an Employee ID, an employee number, an e-mail address or a name"


async def choose_employee(dialogue: Dialogue, typed: str, question: str) -> EmployeeShown:
    """The employee that the user means.

    typed: what was typed at the menu; if blank, the question is asked. A blank answer means the
    user's own record, if there is one. Raises `NotFound` if nobody is meant.
    """
    own = dialogue.rights.own_id
    prompt = f"{question} [{own}, your own]: " if own is not None else f"{question}: "
    while True:
        line = (typed or await dialogue.ask(prompt)).strip()
        typed = ""
        if not line and own is not None:
            return await call(dialogue, dialogue.records.get, own)
        if line:
            return await choose_one(dialogue, line)
        dialogue.screen.reject_answer(f"Type {ACCEPTED}.")


async def choose_one(dialogue: Dialogue, line: str) -> EmployeeShown:
    """The employee that a line means. If it means several, they are shown to choose from.

    Raises `NotFound` if it means nobody.
    """
    found = await _candidates(dialogue, line)
    while len(found) > 1:
        employees = [each.employee for each in found]
        table = employee_list(dialogue.fields, employees[:MAX_CHOICES], dialogue.style)
        dialogue.screen.show(table)
        dialogue.screen.reject_answer(f"{_several(found)} Which one do you mean?")
        line = (await dialogue.ask("Type the ID, or another name: ")).strip()
        chosen = [each for each in employees if line == str(each["id"])]
        # An ID of these is that ID, also if it is somebody's employee number.
        found = await _candidates(dialogue, f"#{line}" if chosen else line) if line else found
    return found[0]


def _several(found: Sequence[object]) -> str:
    if len(found) > MAX_CHOICES:
        return f"More than {MAX_CHOICES} employees match."
    return f"{len(found)} employees match."


async def _candidates(dialogue: Dialogue, line: str) -> list[EmployeeShown]:
    """Whoever a line may mean: one, or several. #12 is an ID only. Raises `NotFound` for nobody."""
    if line.startswith("#"):
        return [await _by_id(dialogue, line)]
    numbered = await _by_number(dialogue, line)
    try:
        employee_id = check_reference(line)
    except Invalid:
        return [numbered] if numbered is not None else await _by_words(dialogue, line)
    try:
        shown = await call(dialogue, dialogue.records.get, employee_id)
    except NotFound:
        if numbered is None:
            raise
        return [numbered]
    is_other = numbered is not None and numbered.employee["id"] != employee_id
    return [shown, numbered] if is_other and numbered is not None else [shown]


async def _by_id(dialogue: Dialogue, line: str) -> EmployeeShown:
    try:
        employee_id = check_reference(line[1:])
    except Invalid as reason:
        raise NotFound(f"What follows # {reason}") from None
    return await call(dialogue, dialogue.records.get, employee_id)


async def _by_number(dialogue: Dialogue, line: str) -> EmployeeShown | None:
    if dialogue.fields.get("employee_number") is None or len(line) > MAX_NUMBER:
        return None
    try:
        return await call(dialogue, dialogue.records.get_by_number, line)
    except NotFound:
        return None


MAX_NUMBER = 100
"""Characters that `employee.get` takes for an employee number."""


async def _by_words(dialogue: Dialogue, line: str) -> list[EmployeeShown]:
    try:
        page = await call(dialogue, dialogue.records.find, line, None, MAX_CHOICES + 1)
    except (ValidationFailed, InvalidParams):  # no word in it, or too many, or too long
        page = None
    found = page.employees if page is not None else []
    address = line.casefold()
    same = [each for each in found if str(each.get("email") or "").casefold() == address]
    found = same or found
    if not found:
        raise NotFound(f'Nobody is found by "{line[:60]}". Type {ACCEPTED}.')
    if len(found) > 1:
        return [EmployeeShown(each, ()) for each in found]
    employee_id = msgspec.convert(found[0]["id"], int)
    return [await call(dialogue, dialogue.records.get, employee_id)]


async def names_in(dialogue: Dialogue, *employees: Mapping[str, object]) -> dict[int, str]:
    """The names of the employees to whom these refer, such as their managers, by ID."""
    references = [f.name for f in dialogue.fields if f.kind == Kind.REFERENCE.value]
    found = [employee.get(name) for employee in employees for name in references]
    ids = dict.fromkeys(value for value in found if isinstance(value, int))
    return {each: await _name_of(dialogue, each) for each in ids}


async def _name_of(dialogue: Dialogue, employee_id: int) -> str:
    """The name of an employee; "" where the user may not see it, or there is none any more."""
    try:
        shown = await call(dialogue, dialogue.records.get, employee_id)
    except (RecordsError, Unreachable):  # only a help; whatever is wrong, the next request tells
        return ""
    return written_name(shown.employee)
