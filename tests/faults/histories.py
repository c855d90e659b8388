"""Whether what clients saw can have come about one thing after the other: linearizability.

Pure: owns the sequential rules of an employee and of an account, and the search for an order. Knows
neither the wire nor the clock; instants are numbers that only need to be compared.

A history is linearizable if each call can be given one instant between its beginning and its end at
which it took effect as a whole, so that every answer follows from the calls before (Herlihy and
Wing, "Linearizability", 1990). A history is linearizable if and only if that of each object is, so
each employee and each account is looked at by itself. A call whose answer never came may have taken
effect at any instant after its beginning, or never.

The search is that of Wing and Gong with the memory of Lowe ("Testing for linearizability", 2017),
just in time: the calls' ends are gone through in order, and an order is only tried out as far as
the next end demands. What only looks and agrees already is taken at once, which loses nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace
from typing import Generic, Protocol, TypeVar

S = TypeVar("S")

NEVER = float("inf")
"""The end of a call whose answer never came."""


class Operation(Protocol[S]):
    """What was asked of one object, and what was answered."""

    @property
    def only_looks(self) -> bool:
        """Whether, with this answer, it cannot have changed anything."""

    def after(self, state: S) -> S | None:
        """The state that it leaves; None if this answer cannot be had in this state."""


@dataclass(frozen=True)
class Call(Generic[S]):
    """An operation, and between which two instants it took effect if it did."""

    operation: Operation[S]
    called: float
    returned: float = NEVER


class NotLinearizable(Exception):
    """No order explains this. `call` is the first one whose answer cannot have come about."""

    def __init__(self, call: Call[S], states: Collection[S], beside: Collection[Call[S]]) -> None:
        known = "\n  ".join(str(each) for each in beside) or "nothing"
        possible = ", ".join(str(each) for each in states)
        super().__init__(f"{call}\ncannot be, in any of {possible}\nbeside\n  {known}")
        self.call = call


@dataclass(frozen=True)
class _Way(Generic[S]):
    """How it may have come until now: the state, and which of the open calls took effect."""

    state: S
    done: frozenset[int]


class _Search(Generic[S]):
    """All the ways that are left, as calls begin and end."""

    def __init__(self, states: Iterable[S]) -> None:
        self.open: dict[int, Call[S]] = {}
        self.ways = {_Way(state, frozenset[int]()) for state in states}

    def end(self, number: int) -> None:
        """This call has been answered: it took effect by now. Raises `NotLinearizable`."""
        call = self.open[number]
        ways = {after for way in self.ways for after in self._until(way, number)}
        if not ways:
            raise NotLinearizable(
                call,
                {way.state for way in self.ways},
                [each for each in self.open.values() if each is not call],
            )
        del self.open[number]
        self.ways = {replace(way, done=way.done - {number}) for way in ways}

    def _until(self, begun: _Way[S], number: int) -> set[_Way[S]]:
        """The ways on from one, as far as this call has taken effect and no further."""
        found: set[_Way[S]] = set()
        seen = {begun}
        left = [begun]
        while left:
            way = self._with_what_agrees(left.pop())
            if number in way.done:
                found.add(way)
                continue
            for each, call in self.open.items():
                state = None if each in way.done else call.operation.after(way.state)
                if state is None or (state == way.state and call.returned == NEVER):
                    continue  # what nobody was answered and would change nothing need not be
                after = _Way(state, way.done | {each})
                if after not in seen:
                    seen.add(after)
                    left.append(after)
        return found

    def _with_what_agrees(self, way: _Way[S]) -> _Way[S]:
        """With all calls that only look and agree: later they would do no better."""
        agreeing = {
            each
            for each, call in self.open.items()
            if each not in way.done
            and call.operation.only_looks
            and call.operation.after(way.state) is not None
        }
        return replace(way, done=way.done | agreeing) if agreeing else way


def states_after(history: Iterable[Call[S]], states: Iterable[S]) -> frozenset[S]:
    """In which states an object may be after a history, having been in one of `states`.

    Calls that were never answered may still take effect in each of the states that are returned, so
    a history can only be gone on with from them once all of its calls were answered. Two calls of
    which one ends when the other begins are taken to overlap. Raises `NotLinearizable`.
    """
    calls = list(history)
    ends = [(call.returned, 1, number) for number, call in enumerate(calls)]
    begins = [(call.called, 0, number) for number, call in enumerate(calls)]
    search = _Search(states)
    for at, is_end, number in sorted(begins + ends):
        if at == NEVER:
            break
        if is_end:
            search.end(number)
        else:
            search.open[number] = calls[number]
    return frozenset(way.state for way in search.ways)


@dataclass(frozen=True)
class Employee:
    """A versioned register. revision: 0 before it was added. contents: None where there is none."""

    revision: int = 0
    contents: str | None = None


@dataclass(frozen=True)
class Stored:
    """An answer: the record as it is, or as the change made it. contents: None once deleted."""

    revision: int
    contents: str | None


@dataclass(frozen=True)
class Refused:
    """An answer: an error that says nothing was done, and why. present: what it shows, if any."""

    reason: str
    present: Stored | None = None


@dataclass(frozen=True)
class Unknown:
    """No answer, or one that leaves open whether it was done."""


Answer = Stored | Refused | Unknown


def _agrees(answer: Answer, due: Answer) -> bool:
    """Whether this is the answer that was due; what a repeated conflict does not tell is free."""
    if isinstance(answer, Refused) and answer.present is None and isinstance(due, Refused):
        return answer.reason == due.reason
    return answer == due


@dataclass(frozen=True)
class OnEmployee:
    """What is common to them: from the rule to what this answer leaves."""

    answer: Answer

    @property
    def only_looks(self) -> bool:
        """See `Operation`."""
        return isinstance(self.answer, Refused)

    def after(self, state: Employee) -> Employee | None:
        """See `Operation`."""
        left, due = self.rule(state)
        return left if isinstance(self.answer, Unknown) or _agrees(self.answer, due) else None

    def rule(self, state: Employee) -> tuple[Employee, Answer]:
        """The state afterwards, and the answer that is due."""
        raise NotImplementedError


def _shown(state: Employee) -> Stored:
    return Stored(state.revision, state.contents)


@dataclass(frozen=True)
class Get(OnEmployee):
    """Look."""

    @property
    def only_looks(self) -> bool:
        """See `Operation`."""
        return True

    def rule(self, state: Employee) -> tuple[Employee, Answer]:
        """See `OnEmployee`."""
        return state, Refused("not-found") if state.contents is None else _shown(state)


@dataclass(frozen=True)
class Add(OnEmployee):
    """Begin one, under an id that was never used."""

    contents: str

    def rule(self, state: Employee) -> tuple[Employee, Answer]:
        """See `OnEmployee`."""
        if state.revision:
            return state, Refused("already-exists")
        added = Employee(1, self.contents)
        return added, _shown(added)


@dataclass(frozen=True)
class OfRevision(OnEmployee):
    """A change that names the revision which it is of."""

    revision: int
    contents: str | None

    def rule(self, state: Employee) -> tuple[Employee, Answer]:
        """See `OnEmployee`. To change to what is there already makes no new revision."""
        if state.contents is None:
            return state, Refused("not-found")
        if state.revision != self.revision:
            return state, Refused("revision-conflict", _shown(state))
        if state.contents == self.contents:
            return state, _shown(state)
        changed = Employee(state.revision + 1, self.contents)
        return changed, _shown(changed)


@dataclass(frozen=True)
class Update(OfRevision):
    """Change it."""

    contents: str


@dataclass(frozen=True)
class Delete(OfRevision):
    """End it."""

    contents: None = None


@dataclass(frozen=True)
class Account:
    """What an account may do: its roles, whether it is disabled, and its sessions that go on."""

    roles: frozenset[str]
    disabled: bool = False
    sessions: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Administer:
    """A change made at the daemon's machine, acknowledged. change: the account after it."""

    change: Callable[[Account], Account]
    words: str
    only_looks: bool = False

    def after(self, state: Account) -> Account:
        """See `Operation`."""
        return self.change(state)


def set_roles(*roles: str) -> Administer:
    """Other roles from now on."""
    return Administer(
        lambda account: replace(account, roles=frozenset(roles)), f"roles {','.join(roles)}"
    )


def disable() -> Administer:
    """No login from now on, and no session."""
    return Administer(
        lambda account: replace(account, disabled=True, sessions=frozenset()), "disable"
    )


def enable() -> Administer:
    """Logins again; the sessions that were ended stay so."""
    return Administer(lambda account: replace(account, disabled=False), "enable")


@dataclass(frozen=True)
class LogIn:
    """A login with the right password. session: its name, or None where it was refused."""

    session: str | None

    @property
    def only_looks(self) -> bool:
        """See `Operation`."""
        return self.session is None

    def after(self, state: Account) -> Account | None:
        """See `Operation`."""
        if self.session is None:
            return state if state.disabled else None
        if state.disabled:
            return None
        return replace(state, sessions=state.sessions | {self.session})


@dataclass(frozen=True)
class Ask:
    """A request of a session that needs one of some roles. reason: of its refusal, if any."""

    session: str
    needs: frozenset[str]
    reason: str | None = None
    only_looks: bool = True

    def after(self, state: Account) -> Account | None:
        """See `Operation`."""
        due: str | None = "not-authenticated"
        if self.session in state.sessions:
            due = None if state.roles & self.needs else "permission-denied"
        return state if self.reason == due else None
