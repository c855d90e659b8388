"""An employee: applying changes, validating all fields at once, and what a viewer sees.

Knows nothing of storage, requests or today's date (which comes in as an argument), nor of who
may do what (a `View` comes in, made by `records.model.access`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import date
from functools import lru_cache
from operator import itemgetter

import msgspec

from records.model.access import View
from records.model.errors import FieldError
from records.model.fields import Catalogue, Value
from records.model.values import Invalid, fold


class Employee(msgspec.Struct, frozen=True):
    """One employee's record as it is kept.

    id: the Employee ID; revision: how many changes it has had, from 1.
    values: a value, or None, for every field of the catalogue.
    """

    id: int
    revision: int
    values: Mapping[str, Value]


class Listed(msgspec.Struct, frozen=True, gc=False):
    """One employee of a list: an `Employee` whose values are in the order of the catalogue.

    Few values of a list are looked up by name. A dict for each employee would take longer to make
    than the employees take to find.
    """

    id: int
    revision: int
    values: tuple[Value, ...]

    def employee(self, catalogue: Catalogue) -> Employee:
        """The same with its values by name."""
        values = dict(zip(catalogue.names, self.values, strict=True))
        return Employee(self.id, self.revision, values)


def check_fields(
    catalogue: Catalogue, raw: Mapping[str, object]
) -> tuple[dict[str, Value], list[FieldError]]:
    """Check each value by its field's own rule.

    raw: what was sent, null to clear a field. Returns the canonical values of the good fields,
    and an error for each of the others.
    """
    good: dict[str, Value] = {}
    errors: list[FieldError] = []
    for name, value in raw.items():
        field = catalogue.get(name)
        if field is None:
            errors.append(FieldError(name[:100], "There is no such field."))
            continue
        try:
            good[name] = None if value is None else field.check(value)
        except Invalid as reason:
            errors.append(FieldError(name, f"{field.label} {reason}"))
    return good, errors


def check_whole(
    catalogue: Catalogue,
    values: Mapping[str, Value],
    today: date,
    wrong: Collection[str] = (),
    wanted: Collection[str] = (),
) -> list[FieldError]:
    """Errors of a record as a whole.

    today: in UTC; birth dates must not be after it. wrong: fields whose own value is refused; a
    rule that compares one of them is not applied, because its error would only follow from that.
    wanted: fields that this record must not lack, besides those that no record may.
    Dates are compared as text, which for ISO 8601 is their order in time.
    """
    errors = []

    def refuse(name: str, message: str, *compared: str) -> None:
        if not {name, *compared} & set(wrong):
            errors.append(FieldError(name, message))

    hired = str(values.get("hire_date") or "")
    left = str(values.get("termination_date") or "")
    born = str(values.get("birth_date") or "")
    if not values.get("given_name") and not values.get("family_name"):
        names = ("given_name", "family_name")
        missing = "is missing. Someone with a single name needs only one of the two."
        for name in names:
            refuse(name, f"{catalogue[name].label} {missing}", *names)
    if born and born > today.isoformat():
        refuse("birth_date", "Birth date must not lie in the future.")
    elif born and hired and born >= hired:
        refuse("birth_date", "Birth date must be before the hire date.", "hire_date")
    if born and left and not hired and born >= left:
        before = "Birth date must be before the termination date."
        refuse("birth_date", before, "termination_date", "hire_date")
    if hired and left and left < hired:
        not_before = "Termination date must not be before the hire date."
        refuse("termination_date", not_before, "hire_date")
    for name in (*catalogue.required, *wanted):
        if values[name] is None:
            refuse(name, f"{catalogue[name].label} is missing: {catalogue[name].rule}.")
    if values.get("status") == "left" and not left:
        missing = "Termination date is missing. An employee who has left needs one."
        refuse("termination_date", missing, "status")
    return errors


def visible(catalogue: Catalogue, employee: Employee, view: View) -> dict[str, object]:
    """The record as a viewer sees it: id, revision, and each readable field, masked if need be."""
    values = employee.values
    shown: dict[str, object] = {"id": employee.id, "revision": employee.revision}
    if view.is_whole:  # several times as fast as one by one
        shown.update(values)
    else:
        for name in view.plain:
            shown[name] = values[name]
    for name in view.masked:
        shown[name] = catalogue[name].mask(values[name])
    return shown


@lru_cache(maxsize=64)
def listing(catalogue: Catalogue, view: View) -> Callable[[Listed], msgspec.Struct]:
    """A function that shows employees of a list to a viewer, much faster than `visible`.

    The Struct that it returns has the members of `visible`'s dict, masked ones last.
    """
    places = {name: place for place, name in enumerate(catalogue.names)}
    members = ("id", "revision", *view.plain, *view.masked)
    shown = msgspec.defstruct("ShownInList", members, frozen=True, gc=False)
    plain = _picked([places[name] for name in view.plain])
    masked = [(places[name], catalogue[name].mask) for name in view.masked]

    def show(listed: Listed) -> msgspec.Struct:
        values = listed.values
        hidden = [mask(values[place]) for place, mask in masked]
        return shown(listed.id, listed.revision, *plain(values), *hidden)

    return show


def _picked(places: list[int]) -> Callable[[tuple[Value, ...]], tuple[Value, ...]]:
    """A function that picks the values at these places out of a tuple."""
    if len(places) > 1:
        return itemgetter(*places)
    return lambda values: tuple([values[place] for place in places])


def name_key(values: Mapping[str, Value]) -> str:
    """The text that a list of employees is sorted by: family name, then given name, folded."""
    family, given = values["family_name"] or "", values["given_name"] or ""
    return fold(f"{family}\x1f{given}" if family else f"{given}\x1f")
