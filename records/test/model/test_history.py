"""The history: what a change keeps, and how an earlier version is found again."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from records.model.employee import Employee
from records.model.fields import STANDARD, Kind, Value
from records.model.history import Change, ChangeKind, HistoryReplay, difference, dump, earlier, load
from records.model.values import Money


def values_of(name: str) -> st.SearchStrategy[Value]:
    kind = STANDARD[name].kind
    if kind is Kind.MONEY:
        return st.none() | st.builds(
            Money, st.sampled_from(("1.00", "64000.00")), st.sampled_from(("USD", "EUR"))
        )
    if kind is Kind.REFERENCE:
        return st.none() | st.integers(1, 9)
    return st.none() | st.text(st.characters(codec="utf-8"), min_size=1, max_size=8)


RECORDS = st.fixed_dictionaries({name: values_of(name) for name in STANDARD.names})


def lived(versions: list[dict[str, Value]], *, deleted: bool) -> list[Change]:
    """The changes, newest first, of an employee who had these versions."""
    changes, before = [], dict(STANDARD.blank)
    kinds = [ChangeKind.ADD] + [ChangeKind.UPDATE] * (len(versions) - 1)
    steps = list(zip(kinds, versions, strict=True))
    if deleted:
        steps.append((ChangeKind.DELETE, dict(STANDARD.blank)))
    for number, (kind, values) in enumerate(steps, 1):
        old, new = difference(before, values, STANDARD.names)
        changes.append(Change(number, number, "hr", 7, number, kind, old, new, b"salt"))
        before = values
    return changes[::-1]


class DifferenceTests(SynchronousTestCase):
    """What a change keeps."""

    @given(RECORDS, RECORDS)
    def test_touched_fields_only(self, old: dict[str, Value], new: dict[str, Value]) -> None:
        """Exactly the fields that differ are kept, as they were and as they are."""
        before, after = difference(old, new, STANDARD.names)
        touched = {name for name in STANDARD.names if old[name] != new[name]}
        self.assertEqual(set(before), touched)
        self.assertEqual({**old, **after}, new)
        self.assertEqual({**new, **before}, old)

    @given(RECORDS, RECORDS, st.lists(st.sampled_from(STANDARD.names), unique=True))
    def test_where_to_look(
        self, old: dict[str, Value], other: dict[str, Value], names: list[str]
    ) -> None:
        """Told where to look, the same is found, in the order that was told."""
        new = old | {name: other[name] for name in names}
        self.assertEqual(difference(old, new, names), difference(old, new, STANDARD.names))
        after = difference(old, new, names)[1]
        self.assertEqual(list(after), [name for name in names if name in after])

    @given(RECORDS)
    def test_stored_and_loaded(self, values: dict[str, Value]) -> None:
        """What is stored of a change is loaded as it was, money included."""
        self.assertEqual(load(STANDARD, dump(values)), values)
        self.assertEqual(dump(load(STANDARD, dump(values))), dump(values))


class EarlierTests(SynchronousTestCase):
    """Going back."""

    @given(st.lists(RECORDS, min_size=1, max_size=5))
    def test_every_version(self, versions: list[dict[str, Value]]) -> None:
        """Each version of a record that is still there is found again."""
        changes = lived(versions, deleted=False)
        present = Employee(7, len(versions), versions[-1])
        for revision, values in enumerate(versions, 1):
            self.assertEqual(
                earlier(STANDARD, present, changes, revision), Employee(7, revision, values)
            )

    @given(st.lists(RECORDS, min_size=1, max_size=5))
    def test_after_deletion(self, versions: list[dict[str, Value]]) -> None:
        """Each version of a record that has been deleted is found again."""
        changes = lived(versions, deleted=True)
        for revision, values in enumerate(versions, 1):
            self.assertEqual(
                earlier(STANDARD, None, changes, revision), Employee(7, revision, values)
            )


class HistoryReplayTests(SynchronousTestCase):
    """Going forward."""

    @given(st.lists(RECORDS, min_size=1, max_size=5))
    def test_every_version(self, versions: list[dict[str, Value]]) -> None:
        """Followed in their order, changes lead from each version to the next, and to nobody."""
        replay = HistoryReplay(STANDARD)
        *changes, deletion = lived(versions, deleted=True)[::-1]
        for change, values in zip(changes, versions, strict=True):
            replay.follow(change)
            self.assertEqual(replay.employees, {7: Employee(7, change.revision, values)})
            self.assertEqual(replay.last_changes, {7: change.seq})
        replay.follow(deletion)
        self.assertEqual((replay.employees, replay.last_changes), ({}, {7: deletion.seq}))
