"""Verifying the journal: the audit log's chain, and that the history is what it says."""

from __future__ import annotations

from collections.abc import Iterator

from records.audit import BrokenChain, Entry, Head, verify
from records.boundaries import Transaction
from records.operations.journal import digest_of


def verify_journal(tx: Transaction) -> Head:
    """Follow the audit log from end to end, and compare each change with its entry.

    Returns the log's head. Raises `records.audit.BrokenChain` at the first thing that is wrong.
    """
    changes = {change.seq: digest_of(change) for change in tx.journal.all_changes()}

    def compared(entries: Iterator[Entry]) -> Iterator[Entry]:
        for entry in entries:
            if changes.pop(entry.seq, "") != entry.event.digest:
                raise BrokenChain(entry.seq, "is not what its row in the history says")
            yield entry

    head = verify(compared(tx.journal.entries()))
    if changes:
        raise BrokenChain(min(changes), "is missing, but its row in the history is there")
    return head
