"""The checker of histories says what the definition says, whatever the history.

By Hypothesis: against every order of a few calls; against what a true register answers, which must
be accepted; and against changes to that which must never be.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations, permutations
from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.faults.histories import (
    NEVER,
    Add,
    Answer,
    Ask,
    Call,
    Delete,
    Employee,
    Get,
    LogIn,
    OnEmployee,
    Operation,
    Refused,
    Stored,
    Unknown,
    Update,
    disable,
    enable,
    set_roles,
)
from tests.faults.searching import SearchingCase
from tests.faults.test_histories import AN_A, HR, NEEDS, NOBODY, Calls, is_linearizable


def orders(calls: Calls) -> Iterator[tuple[Call[Any], ...]]:
    """All orders of the answered calls and any of the others that respect what ended before."""
    answered = [call for call in calls if call.returned != NEVER]
    others = [call for call in calls if call.returned == NEVER]
    for count in range(len(others) + 1):
        for some in combinations(others, count):
            for order in permutations([*answered, *some]):
                if not any(b.returned < a.called for a, b in combinations(order, 2)):
                    yield order


def is_explained(calls: Calls, state: Any) -> bool:
    """The definition itself: whether there is an order that explains every answer."""
    for order in orders(calls):
        left = state
        for call in order:
            left = call.operation.after(left)
            if left is None:
                break
        else:
            return True
    return False


contents = st.sampled_from("ab")
answers: st.SearchStrategy[Answer] = st.one_of(
    st.builds(Stored, st.integers(1, 3), st.sampled_from(["a", "b", None])),
    st.builds(Refused, st.sampled_from(["not-found", "already-exists", "revision-conflict"])),
    st.just(Unknown()),
)
employee_operations: st.SearchStrategy[Operation[Any]] = st.one_of(
    st.builds(Get, answers),
    st.builds(Add, answers, contents),
    st.builds(Update, answers, st.integers(1, 2), contents),
    st.builds(Delete, answers, st.integers(1, 2)),
)
reasons = st.sampled_from([None, "permission-denied", "not-authenticated"])
account_operations: st.SearchStrategy[Operation[Any]] = st.one_of(
    st.builds(Ask, st.sampled_from("st"), st.just(NEEDS), reasons),
    st.builds(LogIn, st.sampled_from(["t", None])),
    st.sampled_from([set_roles("hr"), set_roles("it"), disable(), enable()]),
)


@st.composite
def overlapping(draw: st.DrawFn, operations: st.SearchStrategy[Operation[Any]]) -> Calls:
    """A few calls with whatever answers at whatever instants."""
    calls: list[Call[Any]] = []
    for operation in draw(st.lists(operations, min_size=1, max_size=5)):
        called = draw(st.integers(0, 6))
        is_open = isinstance(getattr(operation, "answer", None), Unknown)
        calls.append(
            Call(operation, called, NEVER if is_open else called + draw(st.integers(1, 5)))
        )
    return calls


class DefinitionTests(SearchingCase):
    """The search says what the definition says."""

    @settings(derandomize=True, deadline=None, max_examples=200)
    @given(overlapping(employee_operations), st.sampled_from([NOBODY, AN_A]))
    def test_employees(self, calls: Calls, state: Employee) -> None:
        """Of any few calls of an employee, with right answers or wrong ones."""
        self.assertEqual(is_linearizable(calls, state), is_explained(calls, state))

    @settings(derandomize=True, deadline=None, max_examples=200)
    @given(overlapping(account_operations))
    def test_accounts(self, calls: Calls) -> None:
        """Of any few calls of an account."""
        self.assertEqual(is_linearizable(calls, HR), is_explained(calls, HR))


@st.composite
def lives(draw: st.DrawFn, *, all_answered: bool = False) -> Calls:
    """What a true register answers, each change with contents of its own, overlapping anyhow."""
    state, calls = NOBODY, list[Call[Employee]]()
    for number in range(draw(st.integers(1, 25))):
        kind, new = draw(st.sampled_from("gggauuuud")), f"v{number}"
        revision = max(1, state.revision - draw(st.sampled_from([0, 0, 0, 1, -1])))
        lost = Unknown()
        operation = {
            "g": Get(lost),
            "a": Add(lost, new),
            "u": Update(lost, revision, new),
            "d": Delete(lost, revision),
        }[kind]
        at, before, after = 10 * number, draw(st.integers(0, 25)), draw(st.integers(0, 25))
        fate = (
            "answered"
            if all_answered
            else draw(st.sampled_from(["answered"] * 4 + ["lost", "undone"]))
        )
        left, due = operation.rule(state)
        if fate == "answered":
            state = left
            calls.append(Call(replace(operation, answer=due), at - before, at + after))
        else:
            state = left if fate == "lost" else state
            calls.append(Call(operation, at - before))
    return draw(st.permutations(calls))


def asked(call: Call[Any]) -> OnEmployee:
    """What was asked of the employee."""
    assert isinstance(call.operation, OnEmployee)
    return call.operation


def changes_in(calls: Calls) -> list[Call[Any]]:
    """The changes that were done."""
    return [c for c in calls if not c.operation.only_looks and isinstance(shown(c), Stored)]


def shown(call: Call[Any]) -> Stored | None:
    """The record in its answer, if there is one."""
    answer = asked(call).answer
    told = answer.present if isinstance(answer, Refused) else answer
    return told if isinstance(told, Stored) else None


def with_answer(call: Call[Any], answer: Answer) -> Call[Any]:
    """The same call, answered otherwise."""
    return replace(call, operation=replace(asked(call), answer=answer))


class TrueRegisterTests(SearchingCase):
    """What a true register answers is accepted; these changes to it must never be."""

    @settings(derandomize=True, deadline=None, max_examples=150)
    @given(lives())
    def test_accepted(self, life: Calls) -> None:
        """Whatever overlaps, and whichever answers were lost, done or not."""
        self.assertTrue(is_linearizable(life, NOBODY))

    def check_rejected(self, life: Calls, call: Call[Any], *instead: Call[Any]) -> None:
        """The life is not explained any more with these in the place of a call."""
        changed = [*(each for each in life if each is not call), *instead]
        self.assertFalse(is_linearizable(changed, NOBODY))

    @settings(derandomize=True, deadline=None, max_examples=100)
    @given(lives(all_answered=True), st.data())
    def test_write_lost(self, life: Calls, data: st.DataObject) -> None:
        """Without a change that anybody saw."""
        changes = changes_in(life)
        others = [told for call in life if call not in changes and (told := shown(call))]
        seen = {told.contents for told in others if told.contents is not None}
        lost = [call for call in changes if (told := shown(call)) and told.contents in seen]
        assume(lost)
        self.check_rejected(life, data.draw(st.sampled_from(lost)))

    @settings(derandomize=True, deadline=None, max_examples=100)
    @given(lives(all_answered=True), st.data())
    def test_write_done_twice(self, life: Calls, data: st.DataObject) -> None:
        """With a change that was done a second time, at whatever instant."""
        assume(changes_in(life))
        change = data.draw(st.sampled_from(changes_in(life)))
        again = replace(change, called=data.draw(st.integers(-9, 300)), returned=301)
        self.check_rejected(life, change, change, again)

    @settings(derandomize=True, deadline=None, max_examples=100)
    @given(lives(all_answered=True), st.data())
    def test_stale_answer(self, life: Calls, data: st.DataObject) -> None:
        """With a look at what an update had already replaced when the look began."""
        stale = [
            (look, Stored(change.operation.revision, earlier.contents))
            for change in changes_in(life)
            if isinstance(change.operation, Update)
            for earlier in map(shown, changes_in(life))
            if earlier is not None and earlier.revision == change.operation.revision
            for look in life
            if isinstance(look.operation, Get) and look.called > change.returned
        ]
        assume(stale)
        look, old = data.draw(st.sampled_from(stale))
        self.check_rejected(life, look, with_answer(look, old))

    @settings(derandomize=True, deadline=None, max_examples=100)
    @given(lives(all_answered=True), st.data())
    def test_answer_of_no_state(self, life: Calls, data: st.DataObject) -> None:
        """With a look at another revision or other contents than ever were together."""
        looks = [c for c in life if isinstance(c.operation, Get) and shown(c)]
        assume(looks)
        look = data.draw(st.sampled_from(looks))
        was = shown(look)
        assert was is not None
        for wrong in (replace(was, revision=was.revision + 1), replace(was, contents="never")):
            self.check_rejected(life, look, with_answer(look, wrong))

    @settings(derandomize=True, deadline=None, max_examples=100)
    @given(lives(all_answered=True), st.data())
    def test_seen_before_it_was_asked(self, life: Calls, data: st.DataObject) -> None:
        """With a look that ended before the change that it saw began."""
        early = [
            (look, change.called)
            for change in changes_in(life)
            for look in life
            if isinstance(look.operation, Get) and shown(look) == shown(change)
        ]
        assume(early)
        look, began = data.draw(st.sampled_from(early))
        self.check_rejected(life, look, replace(look, called=began - 2, returned=began - 1))
