"""The audit chain: whatever is changed in it is found."""

from __future__ import annotations

import hashlib

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from twisted.trial.unittest import SynchronousTestCase

from records.model.audit import (
    GENESIS,
    START,
    BrokenChain,
    Entry,
    Event,
    Head,
    Outcome,
    chain_hash,
    change_digest,
    follow,
    verify,
)

WORDS = st.text(st.characters(codec="utf-8"), max_size=12)
EVENTS = st.builds(
    Event, WORDS, WORDS, WORDS, WORDS, st.sampled_from(Outcome), st.tuples(WORDS), WORDS
)
LOGS = st.lists(st.tuples(st.integers(0, 2**60), EVENTS), min_size=1, max_size=6)


def chained(content: list[tuple[int, Event]]) -> list[Entry]:
    entries, head = [], START
    for at, event in content:
        entries.append(follow(head, at, event))
        head = Head(entries[-1].seq, entries[-1].hash)
    return entries


class ChainTests(SynchronousTestCase):
    """Writing and verifying."""

    def assert_broken(self, entries: list[Entry], seq: int) -> None:
        with self.assertRaises(BrokenChain) as caught:
            verify(entries)
        self.assertEqual(caught.exception.seq, seq)
        self.assertIn(str(seq), str(caught.exception))

    def test_hash_is_as_documented(self) -> None:
        """An entry's hash can be computed by anybody, from the hash before and a JSON array."""
        event = Event("ann", "local", "employee.add", "employee:7", Outcome.OK, ("title",), "d")
        content = '[1,2,"ann","local","employee.add","employee:7","ok",["title"],"d"]'
        self.assertEqual(
            chain_hash(GENESIS, 1, 2, event), hashlib.sha256(bytes(32) + content.encode()).digest()
        )

    @given(LOGS)
    def test_good_chain(self, content: list[tuple[int, Event]]) -> None:
        """A chain as it was written verifies, in one go or from any entry on."""
        entries = chained(content)
        end = Head(len(entries), entries[-1].hash)
        self.assertEqual(verify(entries), end)
        for cut in range(len(entries) + 1):
            self.assertEqual(verify(entries[cut:], verify(entries[:cut])), end)
        self.assertEqual([entry.seq for entry in entries], list(range(1, len(entries) + 1)))

    @given(LOGS, st.data())
    def test_any_field_changed(self, content: list[tuple[int, Event]], data: st.DataObject) -> None:
        """Another value in any field of any entry is found, at that entry."""
        entries = chained(content)
        place = data.draw(st.integers(0, len(entries) - 1))
        entry = entries[place]
        event, other = entry.event, data.draw(WORDS)
        tampered = data.draw(
            st.sampled_from(
                (
                    replace(entry, at=entry.at + 1),
                    replace(entry, event=replace(event, actor=other)),
                    replace(entry, event=replace(event, source=other)),
                    replace(entry, event=replace(event, action=other)),
                    replace(entry, event=replace(event, subject=other)),
                    replace(entry, event=replace(event, digest=other)),
                    replace(entry, event=replace(event, fields=(other,))),
                    replace(entry, event=replace(event, fields=(*event.fields, other))),
                    replace(entry, event=replace(event, fields=())),
                    replace(entry, event=replace(event, actor=event.source, source=event.actor)),
                    *(replace(entry, event=replace(event, outcome=each)) for each in Outcome),
                )
            )
        )
        entries[place] = tampered
        if tampered == entry:
            verify(entries)
        else:
            self.assert_broken(entries, place + 1)

    @given(LOGS, st.data())
    def test_any_bit_of_a_hash_changed(
        self, content: list[tuple[int, Event]], data: st.DataObject
    ) -> None:
        """One wrong bit in any hash is found, at that entry."""
        entries = chained(content)
        place = data.draw(st.integers(0, len(entries) - 1))
        bit = data.draw(st.integers(0, 255))
        wrong = int.from_bytes(entries[place].hash, "big") ^ (1 << bit)
        entries[place] = replace(entries[place], hash=wrong.to_bytes(32, "big"))
        self.assert_broken(entries, place + 1)

    @given(LOGS, st.data())
    def test_removed_or_moved(self, content: list[tuple[int, Event]], data: st.DataObject) -> None:
        """An entry that is missing, doubled, moved or put in is found."""
        entries = chained([*content, content[0]])
        place = data.draw(st.integers(0, len(entries) - 2))
        before, entry, after = entries[:place], entries[place], entries[place + 1 :]
        self.assert_broken(before + after, place + 1)
        self.assert_broken([*before, entry, entry, *after], place + 2)
        self.assert_broken([*before, after[0], entry, *after[1:]], place + 1)
        renumbered = [replace(each, seq=each.seq - 1) for each in after]
        self.assert_broken(before + renumbered, place + 1)

    @given(LOGS)
    def test_rewritten(self, content: list[tuple[int, Event]]) -> None:
        """A user who writes the chain anew from an entry on does not get the old head."""
        entries = chained(content)
        at, event = content[0]
        forged = chained([(at + 1, event), *content[1:]])
        self.assertEqual(verify(forged).seq, verify(entries).seq)
        self.assertNotEqual(verify(forged), verify(entries))

    def test_empty(self) -> None:
        """An empty log has the head that everything starts from."""
        self.assertEqual(verify([]), Head(0, bytes(32)))

    def test_fields_are_not_run_together(self) -> None:
        """What is in one field cannot be moved to the next and keep the hash."""
        one = Event("ab", "c", "x", "y", Outcome.OK, ("p", "q"))
        for other in (
            Event("a", "bc", "x", "y", Outcome.OK, ("p", "q")),
            Event("ab", "c", "x", "y", Outcome.OK, ("p q",)),
            Event("ab", "c", "x", "y", Outcome.OK, ("pq",)),
        ):
            self.assertNotEqual(chain_hash(GENESIS, 1, 2, one), chain_hash(GENESIS, 1, 2, other))

    def test_hashed_form(self) -> None:
        """What is hashed is a JSON array of plain values, whatever the outcome."""
        for outcome in Outcome:
            event = Event("ann", "::1", "employee.update", "employee:7", outcome, ("ssn",), "d")
            told = f'[3,4,"ann","::1","employee.update","employee:7","{outcome.value}",["ssn"],"d"]'
            expected = hashlib.sha256(GENESIS + told.encode()).digest()
            self.assertEqual(chain_hash(GENESIS, 3, 4, event), expected)

    def test_digest(self) -> None:
        """A change's digest depends on its salt, its content and their borders."""
        digests = {
            change_digest(b"salt", "a", "b"),
            change_digest(b"tlas", "a", "b"),
            change_digest(b"salt", "ab", ""),
            change_digest(b"salt", "a", "b", ""),
            change_digest(b"salt", "a", 1),
            change_digest(b"salt", "a", "1"),
        }
        self.assertEqual(len(digests), 6)
        self.assertTrue(all(len(digest) == 64 for digest in digests))
