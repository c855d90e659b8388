"""The daemon is three processes that begin and end together, whatever becomes of one of them."""

from __future__ import annotations

import json
import os
import re
import signal
import time
from typing import Any

from tests.daemon_case import BREAKDOWN, PASSWORD, STOPPED, Daemon, DaemonCase, until
from tests.daemon_processes import end_pid, files_of, others_in, writers_in
from tests.wire import WAIT, Wire, request

STOPPING = "Stopping: whether the last changes are durable cannot be known"
SOON = 5.0
"""Seconds in which a daemon ends that has nobody to wait for, on however busy a machine."""
PATIENCE = 2.0
"""How long a start waits for a daemon that has just ended."""
REQUESTS = 250
"""So many are under way on each connection when something happens."""
WIRES = 3
LONG_ENOUGH = 1.0
"""Seconds in which a login's password is on its way to be compared, on however busy a machine."""


class ProcessCase(DaemonCase):
    """What is common to tests of the processes."""

    def burden(self, daemon: Daemon) -> tuple[Wire, list[Wire], str]:
        """Give it a great deal to write, of which something has been done; and the token."""
        wire, token = self.log_in_first(daemon)
        return wire, self.much(daemon, token), token

    def much(self, daemon: Daemon, token: str) -> list[Wire]:
        """A great deal to write, of which something has been done."""
        wires = [self.resume(daemon, token) for _ in range(WIRES)]
        for number, each in enumerate(wires):
            each.send(*[request("employee.add", i, **added(i)) for i in ids_of(number)])
        first = wires[0].read()
        self.assertEqual(first["result"]["employee"]["id"], 1)
        return wires

    def answers(self, wires: list[Wire]) -> dict[int, str]:
        """How each request of these was answered, in order and as far as they were, to the end."""
        reasons = {1: "ok"}
        for number, wire in enumerate(wires):
            lines = wire.rest().splitlines(keepends=True)
            wire.close()
            told = [json.loads(line) for line in lines]
            begin = 0 if number else 1
            wanted = ids_of(number)[begin : begin + len(told)]
            self.assertEqual([answer["id"] for answer in told], wanted)
            reasons |= {answer["id"]: reason_of(answer) for answer in told}
        return reasons

    def log_in_again(self, daemon: Daemon) -> None:
        """Whoever had changed their password has it still, and is served."""
        wire = self.connect(daemon)
        wire.ask("login", username="admin", password=PASSWORD)
        wire.ask("employee.add", **added(9000))
        wire.close()

    def check_effects(self, daemon: Daemon, token: str, reasons: dict[int, str]) -> None:
        """What was answered well is there, what was refused or never answered is not.

        What had an unknown outcome has, once repeated under its key, exactly one effect.
        """
        wire = self.resume(daemon, token)
        found = {employee["id"] for employee in wire.everybody()}
        unknown = {number for number, reason in reasons.items() if reason == "outcome-unknown"}
        done = {number for number, reason in reasons.items() if reason == "ok"}
        self.assertLessEqual({*reasons.values()}, {"ok", "outcome-unknown", "busy"})
        self.assertEqual(found - unknown, done)
        for number in unknown:
            employee = wire.ask("employee.add", **added(number))["employee"]
            self.assertEqual((employee["id"], employee["revision"]), (number, 1))
        found = {employee["id"] for employee in wire.everybody()}
        self.assertEqual(found, done | unknown)
        wire.close()
        self.assertIn("is whole", self.office(daemon, "verify"))


def ids_of(wire: int) -> list[int]:
    """The Employee IDs that are added on one connection, which are also its requests'."""
    return [1000 * wire + count for count in range(1, REQUESTS + 1)]


UNANSWERED = {number: "outcome-unknown" for wire in range(WIRES) for number in ids_of(wire)}
"""What is known of all of these while none has an answer."""


def added(number: int) -> dict[str, Any]:
    """The params by which an employee is added."""
    return {"employee": {"id": number, "given_name": "Ann"}, "key": f"add {number}"}


def reason_of(answer: dict[str, Any]) -> str:
    """`ok`, or why not."""
    return "ok" if "result" in answer else str(answer["error"]["data"]["reason"])


class StopTests(ProcessCase):
    """Signals that come to all, as a terminal and a service manager send them."""

    def stop_all(self, number: signal.Signals, *, writer_first: bool) -> None:
        """A stop by this signal: all that is under way is answered, and done."""
        daemon = self.start_daemon()
        wire, wires, token = self.burden(daemon)
        all_of_them = [daemon.writer, daemon.hasher, daemon.pid]
        for pid in all_of_them if writer_first else reversed(all_of_them):
            os.kill(pid, number)
        reasons = self.answers(wires)
        self.assertEqual({*reasons.values()}, {"ok"})
        wire.close()
        self.assertEqual(daemon.ended(WAIT), -number)
        self.assertIn("Stopped", daemon.log)
        self.assertEqual(others_in(daemon.folder), [])
        daemon.start()
        self.check_effects(daemon, token, reasons)

    def test_terminate(self) -> None:
        """SIGTERM to all is a stop in good order."""
        self.stop_all(signal.SIGTERM, writer_first=True)

    def test_interrupt(self) -> None:
        """So is SIGINT, which is Ctrl-C at a terminal."""
        self.stop_all(signal.SIGINT, writer_first=False)

    def test_hang_up(self) -> None:
        """SIGHUP to all ends none: the keys are read again."""
        daemon = self.start_daemon()
        wire, _ = self.log_in_first(daemon)
        for pid in reversed(daemon.all_pids):
            os.kill(pid, signal.SIGHUP)
        until(lambda: "Certificate loaded" in daemon.log, "the keys are read again")
        wire.ask("employee.add", **added(1))
        wire.close()
        self.assertEqual(daemon.stop(), STOPPED)

    def test_to_the_others_alone(self) -> None:
        """What comes to the other processes alone changes nothing, as often as it comes."""
        daemon = self.start_daemon()
        wire, wires, _ = self.burden(daemon)
        others = others_in(daemon.folder)
        for each_signal in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP) * 3:
            for pid in others:
                os.kill(pid, each_signal)
        for number, each in enumerate(wires):
            for wanted in ids_of(number)[0 if number else 1 :]:
                answer = each.read()
                self.assertEqual((answer["id"], reason_of(answer)), (wanted, "ok"))
            each.close()
        self.assertEqual(others_in(daemon.folder), others)
        self.log_in_again(daemon)
        wire.close()
        self.assertEqual(daemon.stop(), STOPPED)


class WriterTests(ProcessCase):
    """The writer process comes to a bad end."""

    def test_idle(self) -> None:
        """Killed with nothing to do, it takes the daemon with it at once, which says why."""
        daemon = self.start_daemon()
        wire, _ = self.log_in_first(daemon)
        seen, began = len(daemon.log), time.monotonic()
        daemon.kill_writer()
        self.assertEqual(wire.rest(), b"")
        wire.close()
        self.assertEqual(daemon.ended(SOON), 1)
        self.assertLess(time.monotonic() - began, SOON)
        told = daemon.log[seen:]
        self.assertEqual(told.count(BREAKDOWN), 1)
        self.assertEqual(told.count(STOPPING), 1)
        self.assertEqual(len(re.findall("the process that writes has ended: signal 9", told)), 1)
        daemon.start()
        self.log_in_again(daemon)

    def test_under_load(self) -> None:
        """Killed in the midst of a lot, all of that is answered, and every answer is true."""
        daemon = self.start_daemon()
        wire, wires, token = self.burden(daemon)
        began = time.monotonic()
        daemon.kill_writer()
        reasons = self.answers(wires)
        self.assertIn("outcome-unknown", reasons.values())  # or else it was not in the midst
        self.assertEqual(wire.rest(), b"")
        wire.close()
        self.assertEqual(daemon.ended(SOON), 1)
        self.assertLess(time.monotonic() - began, SOON)
        self.assertEqual(daemon.log.count(STOPPING), 1)
        daemon.start()
        self.check_effects(daemon, token, reasons)

    def test_while_it_stops(self) -> None:
        """Killed while the daemon stops, which has still much to write, nothing is untrue.

        The exit code is that of the stop, which twistd sees to; the log says what has happened.
        """
        daemon = self.start_daemon()
        wire, wires, token = self.burden(daemon)
        os.kill(daemon.writer, signal.SIGSTOP)
        daemon.signal(signal.SIGTERM)
        until(lambda: "Port" in daemon.log and "Closed" in daemon.log, "it listens no more")
        daemon.kill_writer()
        reasons = self.answers(wires)
        self.assertIn("outcome-unknown", reasons.values())
        wire.close()
        self.assertEqual(daemon.ended(SOON), STOPPED)
        self.assertEqual(daemon.log.count(STOPPING), 1)
        daemon.start()
        self.check_effects(daemon, token, reasons)

    def test_paused(self) -> None:
        """Paused, it keeps nobody from reading; continued, it does what has waited."""
        daemon = self.start_daemon()
        wire, token = self.log_in_first(daemon)
        wire.ask("employee.add", **added(1))
        waiting = [self.resume(daemon, token) for _ in range(2)]
        os.kill(daemon.writer, signal.SIGSTOP)
        for number, each in enumerate(waiting, 2):
            each.send(request("employee.add", **added(number)))
        for _ in range(3):
            self.assertEqual(wire.ask("employee.get", id=1)["employee"]["revision"], 1)
            self.assertEqual(len(wire.ask("employee.list")["employees"]), 1)
        os.kill(daemon.writer, signal.SIGCONT)
        for each in waiting:
            self.assertIn("result", each.read())
            each.close()
        self.assertEqual(len(wire.ask("employee.list")["employees"]), 3)
        wire.close()
        self.assertEqual(daemon.stop(), STOPPED)


class HasherTests(ProcessCase):
    """The process that hashes passwords comes to a bad end."""

    def check_ended(self, daemon: Daemon, seen: int = 0) -> None:
        """The daemon has ended as a failed one, which said why; another one is a good one."""
        self.assertEqual(daemon.ended(SOON), 1)
        told = daemon.log[seen:]
        self.assertEqual(told.count("the process that hashes passwords has ended: signal 9"), 1)
        self.assertEqual(told.count("Stopped"), 1)
        daemon.start()
        self.log_in_again(daemon)

    def test_idle(self) -> None:
        """Killed with nothing to do, it takes the daemon with it, for nobody could log in."""
        daemon = self.start_daemon()
        wire, _ = self.log_in_first(daemon)
        daemon.kill_hasher()
        self.assertEqual(wire.rest(), b"")
        wire.close()
        self.check_ended(daemon)

    def test_logging_in(self) -> None:
        """Killed at its work, who logs in is told that the daemon stops; all else is done."""
        daemon = self.start_daemon()
        wire, token = self.log_in_first(daemon)
        late, seen = self.connect(daemon), len(daemon.log)
        os.kill(daemon.hasher, signal.SIGSTOP)
        late.send(request("login", username="admin", password=PASSWORD))
        time.sleep(LONG_ENOUGH)
        wires = self.much(daemon, token)
        daemon.kill_hasher()
        self.assertEqual(reason_of(late.read()), "busy")
        reasons = self.answers(wires)
        self.assertEqual({*reasons.values()}, {"ok"})
        for each in (wire, late):
            each.close()
        self.check_ended(daemon, seen)
        self.check_effects(daemon, token, {**reasons, 9000: "ok"})

    def test_paused(self) -> None:
        """Paused, it keeps nobody from working who is logged in; continued, it compares."""
        daemon = self.start_daemon()
        wire, _ = self.log_in_first(daemon)
        os.kill(daemon.hasher, signal.SIGSTOP)
        late = self.connect(daemon)
        late.send(request("login", username="admin", password=PASSWORD))
        for number in range(1, 4):
            wire.ask("employee.add", **added(number))
        self.assertEqual(len(wire.ask("employee.list")["employees"]), 3)
        os.kill(daemon.hasher, signal.SIGCONT)
        self.assertIn("result", late.read())
        for each in (wire, late):
            each.close()
        self.assertEqual(daemon.stop(), STOPPED)


class DaemonTests(ProcessCase):
    """The process that serves is killed, and the other finds itself alone."""

    def test_under_load(self) -> None:
        """The other ends by itself, and a daemon that is started at once waits for that."""
        daemon = self.start_daemon()
        wire, wires, token = self.burden(daemon)
        writer = daemon.writer
        daemon.kill()
        daemon.start()
        self.assertNotEqual(daemon.writer, writer)
        until(lambda: writers_in(daemon.folder) == [daemon.writer], "the other has ended")
        reasons = self.answers(wires)
        self.assertEqual({*reasons.values()}, {"ok"})
        wire.close()
        self.check_effects(daemon, token, {**UNANSWERED, **reasons})

    def test_idle(self) -> None:
        """With nothing to do, the others end at once."""
        daemon = self.start_daemon()
        daemon.kill()
        until(lambda: not others_in(daemon.folder), "the others have ended", SOON)
        daemon.start()

    def test_while_the_other_is_paused(self) -> None:
        """A daemon does not start beside one that may still write; it does once that has ended."""
        daemon = self.start_daemon()
        wire, wires, token = self.burden(daemon)
        writer = daemon.writer
        os.kill(writer, signal.SIGSTOP)
        self.addCleanup(end_pid, writer)
        daemon.kill()
        wire.close()
        reasons = self.answers(wires)
        began = time.monotonic()
        self.assertEqual(daemon.launch().wait(WAIT), 1)
        waited = time.monotonic() - began
        self.assertGreater(waited, PATIENCE)
        self.assertLess(waited, PATIENCE + SOON)
        (line,) = (daemon.folder / "err").read_text("utf-8").splitlines()[-1:]
        self.assertIn("in use by another daemon", line)
        self.assertEqual(writers_in(daemon.folder), [writer])
        daemon.launch()
        lock = daemon.folder / "data" / "lock"
        until(lambda: lock in files_of(daemon.pid), "the next one waits for the lock")
        os.kill(writer, signal.SIGCONT)
        until(lambda: daemon.log.count("Listening at") == 2, "it has started nevertheless")
        until(lambda: writers_in(daemon.folder) == [daemon.writer], "the other has ended")
        self.check_effects(daemon, token, {**UNANSWERED, **reasons})
