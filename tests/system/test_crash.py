"""The daemon is killed while it writes: what it has acknowledged is there afterwards."""

from __future__ import annotations

import json
import threading
import time
from functools import partial
from typing import Any

from tests.daemon_case import Daemon, DaemonCase, until
from tests.wire import WAIT, Wire, request

ROUNDS = 4
WRITERS = 4
AHEAD = 6
"""How many requests a writer has under way at a time."""
ENOUGH = 60
"""So many acknowledged requests of each writer on the average, and the daemon is killed."""


class Writer:
    """A user who adds an employee and then changes their title, again and again.

    acknowledged: the params of what was answered, in order; open: of what was sent and not
    answered. Each request has a key of its own.
    """

    def __init__(self, daemon: Daemon, token: str, employee_id: int) -> None:
        self.employee_id = employee_id
        self.acknowledged: list[dict[str, Any]] = []
        self.open: list[dict[str, Any]] = []
        self.refused: list[Any] = []
        self._wire = Wire(daemon.port, daemon.ca)
        self._wire.ask("resume", token=token)
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def join(self) -> None:
        """Wait until it has noticed that the daemon is gone."""
        self._thread.join(WAIT)
        assert not self._thread.is_alive()
        self._wire.close()

    def _run(self) -> None:
        try:
            while True:
                while len(self.open) < AHEAD:
                    params = self._next()
                    self.open.append(params)
                    self._wire.send(request(method_of(params), params["key"], **params))
                line = self._wire.line()
                if not line.endswith(b"\n"):
                    return
                answer = json.loads(line)
                if "result" not in answer or answer["id"] != self.open[0]["key"]:
                    self.refused.append(answer)
                    return
                self.acknowledged.append(self.open.pop(0))
        except OSError:
            pass

    def _next(self) -> dict[str, Any]:
        """The params of the next request: an addition, and from then on changes."""
        done = len(self.acknowledged) + len(self.open)
        key = f"{self.employee_id}/{done}"
        if not done:
            new = {"id": self.employee_id, "given_name": "Ann", "family_name": "Lee"}
            return {"employee": {**new, "title": title_at(1)}, "key": key}
        changes = {"title": title_at(done + 1)}
        return {"id": self.employee_id, "revision": done, "changes": changes, "key": key}


def method_of(params: dict[str, Any]) -> str:
    """The method that these params are for."""
    return "employee.add" if "employee" in params else "employee.update"


def title_at(revision: int) -> str:
    """The title that an employee has at a revision."""
    return f"Clerk {revision}"


def _have_written(writers: list[Writer]) -> bool:
    return sum(len(each.acknowledged) for each in writers) >= ENOUGH * len(writers)


class CrashTests(DaemonCase):
    """kill -9."""

    def found(self, wire: Wire, employee_id: int) -> int:
        """An employee's revision, with which the title agrees."""
        wire.send(request("employee.get", id=employee_id))
        answer = wire.read()
        if "error" in answer:
            self.assertEqual(answer["error"]["code"], 404)
            return 0
        employee = answer["result"]["employee"]
        revision = int(employee["revision"])
        self.assertEqual(employee["title"], title_at(revision))
        return revision

    def test_nothing_acknowledged_is_lost(self) -> None:
        """Killed under writes, again and again, the daemon has lost nothing that it answered.

        What it did not answer is done once or not at all, and repeated under its key it is done
        exactly once.
        """
        daemon = self.start_daemon()
        wire, token = self.log_in_first(daemon)
        undone = 0
        for number in range(ROUNDS):
            writers = [Writer(daemon, token, 100 * number + each) for each in range(1, WRITERS + 1)]
            for writer in writers:
                writer.start()
            until(partial(_have_written, writers), "enough is written")
            daemon.kill()
            for writer in writers:
                writer.join()
            daemon.start()
            wire = self.resume(daemon, token)
            for writer in writers:
                undone += self.check_writer(wire, writer)
        self.assertIn("is whole", self.office(daemon, "verify"))
        self.assertGreater(undone, 0)  # or else nothing was killed in the midst
        wire.close()
        daemon.stop()
        self.assertIn("is whole", self.office(daemon, "verify"))

    def check_writer(self, wire: Wire, writer: Writer) -> int:
        """Everything of a writer's is there once; returns how many requests had no answer."""
        self.assertEqual(writer.refused, [])
        acknowledged, unanswered = len(writer.acknowledged), len(writer.open)
        revision = self.found(wire, writer.employee_id)
        self.assertGreaterEqual(revision, acknowledged)
        self.assertLessEqual(revision, acknowledged + unanswered)
        repeated = [*writer.acknowledged[-3:], *writer.open]
        for _ in range(2):
            for params in repeated:
                stored = wire.ask(method_of(params), **params)["employee"]
                self.assertEqual(stored["revision"], params.get("revision", 0) + 1)
                self.assertEqual(stored["title"], title_at(stored["revision"]))
        self.assertEqual(self.found(wire, writer.employee_id), acknowledged + unanswered)
        return unanswered

    def test_key_without_answer(self) -> None:
        """A request whose answer never came is repeated under its key with exactly one effect."""
        daemon = self.start_daemon()
        _, token = self.log_in_first(daemon)
        person = {"given_name": "Ada", "family_name": "Byron"}
        lost = self.resume(daemon, token)
        lost.send(request("employee.add", employee=person, key="once"))
        lost.close()  # whatever becomes of it
        wire = self.resume(daemon, token)
        first = wire.ask("employee.add", employee=person, key="once")
        daemon.kill()
        daemon.start()
        wire = self.resume(daemon, token)
        self.assertEqual(wire.ask("employee.add", employee=person, key="once"), first)
        self.assertEqual(len(wire.ask("employee.list")["employees"]), 1)
        wire.ask("employee.delete", id=first["employee"]["id"], revision=1, key="gone")
        daemon.kill()
        daemon.start()
        wire = self.resume(daemon, token)
        told = wire.ask("employee.delete", id=first["employee"]["id"], revision=1, key="gone")
        self.assertEqual(told, {"id": first["employee"]["id"], "revision": 2})
        self.assertEqual(wire.ask("employee.list")["employees"], [])
        self.assertIn("is whole", self.office(daemon, "verify"))

    def test_killed_at_the_first_start(self) -> None:
        """Killed at any moment of its first start, the daemon starts well the next time."""
        faults = []
        for wanted in ("keys/ca.key", "keys/server.key", "data/records.sqlite"):
            daemon = self.make_daemon()
            process = daemon.launch()
            end = time.monotonic() + WAIT
            while not (daemon.folder / wanted).exists() and time.monotonic() < end:
                pass  # without a pause: what is to be met lasts for milliseconds
            process.kill()
            process.wait(WAIT)
            try:
                daemon.start()
            except AssertionError:
                faults.append(f"{wanted}: {daemon.errors}")
            else:
                self.admin(daemon).close()
                daemon.stop()
        self.assertEqual(faults, [])
