"""kill -9 during an import: plan, application and undo are done as a whole or not at all.

After each kill the same request is repeated, as a client does that had no answer.
"""

from __future__ import annotations

import threading
from random import Random
from time import sleep
from typing import Any

from tests.daemon_case import Daemon
from tests.faults.ledger import ask
from tests.faults.scale import scaled
from tests.faults.test_kill import KillCase, Victim
from tests.wire import Refusal, Wire

ROWS = 1500
KILLS = scaled(5, 200)
LATEST = 0.35
"""Seconds after a request by which the kill comes: about as long as it takes."""


class ImportTests(KillCase):
    """An import of some rows, about people who are there and new ones."""

    def row(self, number: int) -> dict[str, object]:
        row: dict[str, object] = {"employee_number": f"N-{number}", "given_name": f"Name{'x' * 9}"}
        if number:
            row["manager_id"] = {"employee_number": f"N-{number // 7}"}
        return row

    def begun(self, wire: Wire) -> int:
        number: int = ask(wire, "import.begin", name="people.csv")["import_id"]
        rows = [self.row(number) for number in range(ROWS)]
        for start in range(0, ROWS, 300):
            chunk = rows[start : start + 300]
            ask(wire, "import.rows", import_id=number, first_line=2 + start, rows=chunk)
        return number

    def plan(self, wire: Wire, number: int) -> dict[str, Any]:
        plan: dict[str, Any] = ask(wire, "import.plan", import_id=number)
        while not plan["done"]:
            plan = ask(wire, "import.plan", import_id=number)
        return plan

    def killed(self, daemon: Daemon, token: str, method: str, **params: object) -> Any:
        """The result of a request during which the daemon was killed, repeated until it has one."""
        wire = self.resume(daemon, token)
        random = Random()
        moment = random.uniform(0, LATEST)

        def request() -> None:
            try:
                if method == "import.plan":
                    self.plan(wire, int(str(params["import_id"])))
                else:
                    ask(wire, method, **params)
            except (OSError, Refusal, ValueError):
                pass  # the kill came first, and so it is repeated
            finally:
                wire.close()

        thread = threading.Thread(target=request)
        thread.start()
        sleep(moment)
        self.kill(daemon, random.choice(list(Victim)))
        thread.join()
        self.restart(daemon)
        self.is_one(daemon)
        again = self.resume(daemon, token)
        present = again.ask("employee.list", limit=1)["employees"]
        if method != "import.plan":
            everybody = len(again.everybody())
            self.assertIn(everybody, (0, ROWS), f"{method}, killed after {moment:.3f} s")
        else:
            self.assertEqual(present, [])
        is_plan = method == "import.plan"
        number = int(str(params["import_id"]))
        found = self.plan(again, number) if is_plan else ask(again, method, **params)
        again.close()  # a daemon that has to stop waits for its clients to close
        return found

    def test_killed(self) -> None:
        """Killed at any moment, everybody is there or nobody, and the repetition ends the same."""
        daemon = self.plain_daemon()
        self.restart(daemon)
        wire, token = self.log_in_first(daemon)
        for _ in range(KILLS):
            number = self.begun(wire)
            wire.close()
            plan = self.killed(daemon, token, "import.plan", import_id=number)
            self.assertEqual((plan["state"], plan["counts"]["add"]), ("planned", ROWS))
            done = self.killed(daemon, token, "import.apply", import_id=number)
            self.assertEqual(done["counts"]["add"], ROWS)
            undone = self.killed(daemon, token, "import.undo", import_id=number)
            self.assertEqual((undone["undone"], undone["kept_count"]), (ROWS, 0))
            wire = self.resume(daemon, token)
            self.assertEqual(wire.everybody(), [])
        wire.close()
        self.is_whole(daemon)
