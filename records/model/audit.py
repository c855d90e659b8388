"""The audit log: what an entry says, how entries are chained, and how the chain is verified.

Each entry's hash covers its own content and the hash before it, so that no entry can be changed,
removed, added or moved without every later hash being wrong. Cutting off the newest entries
leaves a good chain: keep `Head`s elsewhere to notice that. Knows nothing of storage.

A change's `digest` covers its row in the history, so that the history is guarded by the same
chain; it is salted, so that it tells nothing by itself once its row is gone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from enum import Enum

import msgspec

GENESIS = bytes(32)
"""The hash that stands before the first entry."""


class Outcome(Enum):
    """The outcome of an event."""

    OK = "ok"
    DENIED = "denied"
    FAILED = "failed"


class Event(msgspec.Struct, frozen=True):
    """An event for the audit log. It names fields, never their values.

    actor: a username or "-". source: an address or "local". action: such as "employee.update".
    subject: such as "employee:7" or "user:ann". digest: the hexadecimal digest of the change's
    history row, if it has one.
    """

    actor: str
    source: str
    action: str
    subject: str
    outcome: Outcome
    fields: tuple[str, ...] = ()
    digest: str = ""


class Entry(msgspec.Struct, frozen=True):
    """An event in its place: seq counts from 1, at is in microseconds since 1970 UTC."""

    seq: int
    at: int
    event: Event
    hash: bytes


class Head(msgspec.Struct, frozen=True):
    """Where the chain ends: the newest entry's number and hash."""

    seq: int
    hash: bytes


START = Head(0, GENESIS)


class BrokenChain(Exception):
    """The log has been changed. seq: the first entry that does not fit."""

    def __init__(self, seq: int, why: str) -> None:
        super().__init__(f"audit entry {seq}: {why}")
        self.seq = seq


_encode = msgspec.json.Encoder().encode


def chain_hash(before: bytes, seq: int, at: int, event: Event) -> bytes:
    """SHA-256 over the hash before and the entry as a JSON array, UTF-8 without white space."""
    content = _encode(
        [
            seq,
            at,
            event.actor,
            event.source,
            event.action,
            event.subject,
            event.outcome,
            event.fields,
            event.digest,
        ]
    )
    return hashlib.sha256(before + content).digest()


def follow(head: Head, at: int, event: Event) -> Entry:
    """The entry that follows `head`."""
    seq = head.seq + 1
    return Entry(seq, at, event, chain_hash(head.hash, seq, at, event))


def change_digest(salt: bytes, *content: object) -> str:
    """The digest of a history row: SHA-256 over its salt and content, hexadecimal."""
    return hashlib.sha256(salt + _encode(content)).hexdigest()


def verify(entries: Iterable[Entry], head: Head = START) -> Head:
    """Follow the chain from `head` through all entries, in their order.

    Returns the new head. Raises `BrokenChain` at the first entry that does not fit.
    """
    for entry in entries:
        if entry.seq != head.seq + 1:
            raise BrokenChain(head.seq + 1, f"is missing; entry {entry.seq} follows {head.seq}")
        if chain_hash(head.hash, entry.seq, entry.at, entry.event) != entry.hash:
            raise BrokenChain(entry.seq, "does not have the hash that its content gives")
        head = Head(entry.seq, entry.hash)
    return head
