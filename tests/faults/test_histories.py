"""The checker of histories finds what must not be, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from tests.faults.histories import (
    Account,
    Add,
    Ask,
    Call,
    Delete,
    Employee,
    Get,
    LogIn,
    NotLinearizable,
    Operation,
    Refused,
    Stored,
    Unknown,
    Update,
    disable,
    enable,
    set_roles,
    states_after,
)
from tests.quiet import SharedMachineCase

NOBODY = Employee()
A = Stored(1, "a")
B = Stored(2, "b")
AN_A = Employee(1, "a")
GONE = Refused("not-found")
HR = Account(frozenset({"hr"}), sessions=frozenset({"s"}))
NEEDS = frozenset({"hr", "owner"})

Calls = Sequence[Call[Any]]


def in_turn(*operations: Operation[Any]) -> list[Call[Any]]:
    """One after the other, with no overlap."""
    return [Call(each, 2 * at, 2 * at + 1) for at, each in enumerate(operations)]


def is_linearizable(calls: Calls, state: object) -> bool:
    """What the checker says."""
    try:
        states_after(calls, [state])
    except NotLinearizable:
        return False
    return True


class EmployeeHistoryTests(SharedMachineCase):
    """Histories of one employee, written by hand."""

    def check_good(self, calls: Calls, state: Employee, *after: Employee) -> None:
        """It is linearizable, and leaves one of these states."""
        self.assertEqual(states_after(calls, [state]), set(after))

    def check_wrong(self, calls: Calls, state: Employee, first: Operation[Employee]) -> None:
        """It is not, and this is the first operation that cannot be."""
        found = self.assertRaises(NotLinearizable, states_after, calls, [state])
        self.assertEqual(found.call.operation, first)

    def test_a_life(self) -> None:
        """Added, changed, seen and deleted in turn is linearizable, with all refusals."""
        gone = Refused("not-found")
        life = in_turn(
            Get(gone),
            Update(gone, 1, "b"),
            Add(A, "a"),
            Add(Refused("already-exists"), "a"),
            Update(A, 1, "a"),
            Update(B, 1, "b"),
            Update(Refused("revision-conflict", B), 1, "c"),
            Update(Refused("revision-conflict"), 3, "c"),
            Delete(Refused("revision-conflict", B), 1),
            Get(B),
            Delete(Stored(3, None), 2),
            Delete(gone, 3),
            Get(gone),
            Add(Refused("already-exists"), "a"),
        )
        self.check_good(life, NOBODY, Employee(3, None))

    def test_lost_update(self) -> None:
        """Two changes of the same revision cannot both be done, overlapping or not."""
        one, other = Update(B, 1, "b"), Update(Stored(2, "c"), 1, "c")
        self.check_wrong([Call(one, 0, 9), Call(other, 1, 8)], AN_A, one)
        self.check_wrong(in_turn(one, other), AN_A, other)

    def test_stale_read(self) -> None:
        """Who asks after a change was acknowledged sees it; who asked before it may not."""
        change, look = Update(B, 1, "b"), Get(A)
        self.check_wrong([Call(change, 0, 1), Call(look, 2, 3)], AN_A, look)
        self.check_good([Call(change, 0, 1), Call(look, 0.5, 3)], AN_A, Employee(2, "b"))

    def test_going_back(self) -> None:
        """Once seen, a change that was never acknowledged stays."""
        seen = [Call(Update(Unknown(), 1, "b"), 0), Call(Get(B), 1, 2)]
        self.check_good(seen, AN_A, Employee(2, "b"))
        self.check_wrong([*seen, Call(Get(A), 3, 4)], AN_A, Get(A))

    def test_lost_after_a_crash(self) -> None:
        """What was acknowledged before a crash is there after it."""
        self.check_wrong(in_turn(Add(A, "a"), Get(Refused("not-found"))), NOBODY, Get(GONE))
        self.check_wrong(in_turn(Update(B, 1, "b"), Get(A)), AN_A, Get(A))
        self.check_wrong(in_turn(Delete(Stored(2, None), 1), Get(A)), AN_A, Get(A))

    def test_done_twice(self) -> None:
        """A change that is done twice shows in its own answer and in others'."""
        twice = Update(Stored(3, "b"), 1, "b")
        self.check_wrong(in_turn(twice), AN_A, twice)
        self.check_wrong(in_turn(Update(B, 1, "b"), Get(Stored(3, "b"))), AN_A, Get(Stored(3, "b")))
        repeated = Add(Refused("already-exists"), "a")
        self.check_wrong(in_turn(repeated), NOBODY, repeated)

    def test_half_done(self) -> None:
        """A new revision with the old contents is no state at all."""
        for half in (Get(Stored(2, "a")), Get(Stored(1, "b"))):
            self.check_wrong([Call(Update(Unknown(), 1, "b"), 0), Call(half, 1, 2)], AN_A, half)

    def test_unknown_late_or_never(self) -> None:
        """A change without an answer may be done much later, or never, but once at most."""
        lost = Call(Update(Unknown(), 1, "b"), 0)
        late = [lost, Call(Get(A), 1, 2), Call(Get(A), 3, 4), Call(Get(B), 5, 6)]
        self.check_good(late, AN_A, Employee(2, "b"))
        self.check_good(late[:3], AN_A, AN_A)
        with_next = [*late, Call(Update(Stored(3, "a"), 2, "a"), 7, 8)]
        self.check_good(with_next, AN_A, Employee(3, "a"))
        self.check_wrong([*with_next, Call(Get(Stored(4, "b")), 9, 10)], AN_A, Get(Stored(4, "b")))

    def test_unknown_before_it_was_asked(self) -> None:
        """Nothing is done before it was asked for."""
        early = [Call(Get(B), 0, 1), Call(Update(Unknown(), 1, "b"), 2)]
        self.check_wrong(early, AN_A, Get(B))

    def test_unknown_prevents(self) -> None:
        """A change without an answer may be why another one met a conflict."""
        conflict = Update(Refused("revision-conflict"), 1, "c")
        self.check_wrong([Call(conflict, 1, 2)], AN_A, conflict)
        lost = Call(Update(Unknown(), 1, "b"), 0)
        self.check_good([lost, Call(conflict, 1, 2)], AN_A, Employee(2, "b"))

    def test_order_in_between(self) -> None:
        """Of calls that overlap, any order will do that explains all answers, and only such."""
        long = Call(Get(B), 0, 10)
        changes = [Call(Update(B, 1, "b"), 1, 2), Call(Update(Stored(3, "c"), 2, "c"), 3, 4)]
        self.check_good([long, *changes], AN_A, Employee(3, "c"))
        between = Call(Get(Stored(3, "c")), 5, 6)
        late = Call(Get(B), 4.5, 10)
        self.check_wrong([*changes, between, late], AN_A, late.operation)

    def test_going_on(self) -> None:
        """A history may be checked piece by piece, where all calls of a piece were answered."""
        first = states_after(in_turn(Add(A, "a")), [NOBODY])
        self.assertEqual(states_after(in_turn(Get(A)), first), first)
        self.assertRaises(NotLinearizable, states_after, in_turn(Get(B)), first)

    def test_many_at_once(self) -> None:
        """Dozens of overlapping calls, many of them without an answer, are soon decided."""
        changes = [
            Call(Update(Unknown() if at % 3 else Stored(at + 1, str(at)), at, str(at)), 0)
            for at in range(1, 60)
        ]
        answered = [
            replace(call, returned=100.0 + at) if at % 3 == 2 else call
            for at, call in enumerate(changes)
        ]
        looks = [Call(Get(Stored(at + 1, str(at))), 0, 200) for at in range(1, 60)]
        state = Employee(1, "0")
        self.check_good([*answered, *looks], state, Employee(60, "59"))
        impossible = Call(Get(Stored(61, "60")), 0, 300)
        self.check_wrong([*answered, *looks, impossible], state, impossible.operation)


class AccountHistoryTests(SharedMachineCase):
    """Histories of one account, written by hand."""

    def check(self, calls: Calls, *, good: bool, state: Account = HR) -> None:
        """It is linearizable, or not."""
        self.assertEqual(is_linearizable(calls, state), good)

    def test_stale_permission(self) -> None:
        """What is taken away is refused once that was acknowledged, and either before."""
        taken = Call(set_roles("auditor"), 0, 2)
        denied, allowed = Ask("s", NEEDS, "permission-denied"), Ask("s", NEEDS)
        self.check([taken, Call(allowed, 3, 4)], good=False)
        self.check([taken, Call(denied, 3, 4)], good=True)
        self.check([taken, Call(allowed, 1, 4)], good=True)
        self.check([taken, Call(denied, 1, 4)], good=True)
        self.check([taken, Call(denied, 0.5, 1), Call(allowed, 1.2, 1.5)], good=False)

    def test_given_back(self) -> None:
        """What is given back is allowed, and a denial needs a time at which it was not."""
        denied, allowed = Ask("s", NEEDS, "permission-denied"), Ask("s", NEEDS)
        taken, given_back = Call(set_roles("it"), 0, 1), Call(set_roles("hr"), 2, 3)
        self.check([taken, given_back, Call(allowed, 4, 5)], good=True)
        self.check([taken, given_back, Call(denied, 4, 5)], good=False)
        self.check([Call(denied, 0, 1)], good=False)

    def test_same_roles_again(self) -> None:
        """A change to what is so already still has its place in the order."""
        same, other = Call(set_roles("hr"), 0, 5), Call(set_roles("it"), 1, 2)
        self.check([same, other, Call(Ask("s", NEEDS), 6, 7)], good=True)
        self.check([same, other, Call(Ask("s", NEEDS, "permission-denied"), 6, 7)], good=True)

    def test_disabled(self) -> None:
        """A disabled account's sessions are over for good, and it cannot log in."""
        over = Ask("s", NEEDS, "not-authenticated")
        self.check(in_turn(disable(), over, LogIn(None), enable(), over, LogIn("t")), good=True)
        self.check(in_turn(disable(), Ask("s", NEEDS)), good=False)
        self.check(in_turn(disable(), LogIn("t")), good=False)
        self.check(in_turn(disable(), enable(), Ask("s", NEEDS)), good=False)
        self.check(in_turn(disable(), enable(), LogIn("t"), Ask("t", NEEDS)), good=True)
        self.check(in_turn(LogIn(None)), good=False)
        self.check(in_turn(over), good=False)
