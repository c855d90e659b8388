"""What is taken away at the daemon's machine, by another process, counts at the next request.

The daemon has a connection to the database for each of its threads, and each remembers sessions.
Here nothing else happens meanwhile by which one of them would forget anyway.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.daemon_case import PASSWORD, DaemonCase
from tests.wire import Refusal, Wire

EMPLOYEE = {"given_name": "Ann", "birth_date": "1980-02-03", "ssn": "536-90-4399"}
BORN = {"birth_date": {"lt": "1990-01-01"}}


class TakenAwayTests(DaemonCase):
    """A user who stays logged in while IT is at work."""

    is_ahead = True

    def setUp(self) -> None:
        super().setUp()
        self.daemon = self.start_daemon()
        self.admin(self.daemon).ask("employee.add", employee=EMPLOYEE)
        first = self.account(self.daemon, "bob", "hr")
        self.wire = self.connect(self.daemon)
        self.wire.ask("login", username="bob", password=first)
        self.wire.ask("password.change", current=first, new=PASSWORD)
        self.revision = 1

    def reason(self, call: Callable[..., Any], *arguments: Any, **params: Any) -> str:
        """Why something was refused; empty if it was not."""
        try:
            call(*arguments, **params)
        except Refusal as refusal:
            return refusal.reason
        return ""

    def answers(self, wire: Wire) -> tuple[str, str, str, bool]:
        """What becomes of a change, a list, a reveal; and whether a read shows what is personal.

        The reactor's own connection and each thread's are asked, those that read twice.
        """
        shown = wire.ask("employee.get", id=1)["employee"]
        changed = self.reason(self.change, wire)
        listed = {self.reason(wire.ask, "employee.list", where=BORN) for _ in range(4)}
        revealed = self.reason(wire.ask, "employee.get", id=1, reveal=["ssn"])
        self.assertEqual(len(listed), 1)
        return changed, listed.pop(), revealed, "birth_date" in shown

    def change(self, wire: Wire) -> None:
        changes = {"title": f"Clerk {self.revision}"}
        wire.ask("employee.update", id=1, revision=self.revision, changes=changes)
        self.revision += 1

    def test_roles(self) -> None:
        """A role that was taken away counts no more, and one that was given back does."""
        denied = "permission-denied"
        for _ in range(2):
            self.assertEqual(self.answers(self.wire), ("", "", "", True))
            self.office(self.daemon, "roles", "bob", "auditor")
            self.assertEqual(self.answers(self.wire), (denied, denied, denied, False))
            self.office(self.daemon, "roles", "bob", "hr")

    def test_disabled(self) -> None:
        """Whoever is disabled is nobody any more, whatever they ask for."""
        self.assertEqual(self.answers(self.wire), ("", "", "", True))
        self.office(self.daemon, "disable", "bob")
        asked = [
            self.reason(self.wire.ask, "employee.get", id=1),
            self.reason(self.wire.ask, "employee.list", where=BORN),
            self.reason(self.change, self.wire),
            self.reason(self.wire.ask, "employee.get", id=1, reveal=["ssn"]),
        ]
        self.assertEqual(asked, ["not-authenticated"] * 4)
