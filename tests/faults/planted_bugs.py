"""The list of planted bugs: one and more for each promise that the documents make."""

from __future__ import annotations

from tests.faults.planted_accounts import ACCOUNTS
from tests.faults.planted_bug import Bug
from tests.faults.planted_edge import EDGE
from tests.faults.planted_harness import HARNESS
from tests.faults.planted_hashing import HASHING
from tests.faults.planted_limits import LIMITED
from tests.faults.planted_people import PEOPLE
from tests.faults.planted_policy import POLICY
from tests.faults.planted_process import PROCESS
from tests.faults.planted_store import STORE
from tests.faults.planted_wire import WIRE

BUGS: tuple[Bug, ...] = (
    *STORE,
    *PROCESS,
    *POLICY,
    *PEOPLE,
    *ACCOUNTS,
    *HASHING,
    *WIRE,
    *LIMITED,
    *EDGE,
    *HARNESS,
)
