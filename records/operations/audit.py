"""Verifying the journal: the audit log's chain, and that the history is what it says."""

from __future__ import annotations

from collections.abc import Iterator

from records.audit import BrokenChain, Entry, Head, verify
from records.boundaries import Transaction
from records.history import Change
from records.operations.journal import digest_of


def verify_journal(tx: Transaction) -> Head:
    """Follow the audit log from end to end, and compare each change with its entry.

    Returns the log's head. Raises `records.audit.BrokenChain` at the first thing that is wrong.
    """
    return verify(_compared(tx.journal.entries(), tx.journal.all_changes()))


def _compared(entries: Iterator[Entry], changes: Iterator[Change]) -> Iterator[Entry]:
    """The entries, each compared with the change that it is of, if it is of one."""
    change = next(changes, None)
    for entry in entries:
        if change is not None and change.seq < entry.seq:
            break
        if change is not None and change.seq == entry.seq:
            if not _tells_of(entry, change):
                raise BrokenChain(entry.seq, "is not what its row in the history says")
            change = next(changes, None)
        elif entry.event.digest:
            raise BrokenChain(entry.seq, "has no row in the history, and should")
        yield entry
    if change is not None:
        raise BrokenChain(change.seq, "is missing, but its row in the history is there")


def _tells_of(entry: Entry, change: Change) -> bool:
    event = entry.event
    return (event.digest, event.actor, entry.at) == (digest_of(change), change.actor, change.at)
