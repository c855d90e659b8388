"""Bugs again, which the fault tests must notice from outside, with real daemons.

Unit tests catch them too, and sooner; but a harness that does not find them proves nothing.
"""

from __future__ import annotations

from dataclasses import replace

from tests.faults.planted_accounts import ACCOUNTS
from tests.faults.planted_bug import Bug, bug
from tests.faults.planted_limits import LIMITED
from tests.faults.planted_policy import POLICY
from tests.faults.planted_store import STORE
from tests.faults.planted_wire import WIRE

_KNOWN = {each.name: each for each in (*STORE, *POLICY, *ACCOUNTS, *WIRE, *LIMITED)}


def _also(name: str, by: str, test: str) -> Bug:
    """A bug of the other lists, to be caught by another test as well."""
    return replace(_KNOWN[name], name=f"{name}-by-{by}", test=f"tests.{test}")


HARNESS: tuple[Bug, ...] = (
    _also(
        "answered-before-commit", "system-calls", "faults.test_syscalls.RequestTests.test_update"
    ),
    _also(
        "unknown-commit-is-success", "system-calls", "faults.test_syscalls.RequestTests.test_update"
    ),
    _also("outcome-not-kept", "kills", "system.test_crash.CrashTests.test_key_without_answer"),
    _also(
        "history-row-missing",
        "kills",
        "system.test_crash.CrashTests.test_nothing_acknowledged_is_lost",
    ),
    _also("revision-not-compared", "pauses", "faults.test_pauses.PauseTests.test_one_history"),
    _also("full-disk-is-success", "disk", "faults.test_disk_full.LoadTests.test_filled_and_freed"),
    _also("stale-permission-of-others", "office", "faults.test_taken_away.TakenAwayTests"),
    bug(
        "batch-answer-without-end",
        "records/api/jsonrpc.py",
        "An answer line has a limit, also a batch's.",
        "tests.faults.test_fuzz.AnswerTests.test_worst_lines",
        ("        if total <= MAX_ANSWER:\n", "        if total:\n"),
    ),
)
