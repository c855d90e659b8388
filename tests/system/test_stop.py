"""SIGTERM: what is under way is finished, in bounded time; and what the log has kept to itself."""

from __future__ import annotations

import json
import signal
import socket
import time

from tests.daemon_case import PASSWORD, STOPPED, DaemonCase, until
from tests.wire import Refusal, request

PERSON = {"given_name": "Wilhelmina", "family_name": "Vandersteen"}
SSN = "536-90-4399"
WRITES = 200


class StopTests(DaemonCase):
    """A stop in good order."""

    def test_finishes(self) -> None:
        """Requests under way at a stop are done and answered; none is done without an answer."""
        daemon = self.start_daemon()
        wire, token = self.log_in_first(daemon)
        wires = [self.resume(daemon, token) for _ in range(3)]
        for number, each in enumerate(wires):
            ids = [1000 * number + count for count in range(1, WRITES + 1)]
            each.send(*[request("employee.add", i, employee={**PERSON, "id": i}) for i in ids])
        first = wires[0].read()
        daemon.signal(signal.SIGTERM)
        answered = [first["id"]]
        for number, each in enumerate(wires):
            lines = each.rest().splitlines(keepends=True)
            each.close()
            self.assertTrue(all(line.endswith(b"\n") for line in lines))
            answers = [json.loads(line) for line in lines]
            self.assertTrue(all("result" in answer for answer in answers))
            ids = [answer["id"] for answer in answers]
            begin = 1000 * number + (2 if number == 0 else 1)
            self.assertEqual(ids, list(range(begin, begin + len(ids))))
            answered += ids
        self.assertEqual(wire.rest(), b"")
        wire.close()
        self.assertEqual(daemon.ended(within=5), STOPPED)
        self.assertIn("Stopped", daemon.log)
        daemon.start()
        wire = self.resume(daemon, token)
        found = [employee["id"] for employee in wire.everybody()]
        self.assertEqual(sorted(found), sorted(answered))

    def test_nobody_new(self) -> None:
        """A daemon that stops takes no more connections, and ends although some stay open.

        A second signal is answered in the log, and it is the first that counts.
        """
        daemon = self.start_daemon("--stop-timeout", "2")
        wire, token = self.log_in_first(daemon)
        long = {**PERSON, "home_address": "Rue de la Paix " * 13}
        lines = [request("employee.add", n, employee=long) for n in range(100)]
        wire.send(*lines)
        for _ in lines:
            wire.read()
        wire.close()
        deaf = self.resume(daemon, token, buffer=4096)
        deaf.send(*[request("employee.list", n, limit=100) for n in range(250)])
        time.sleep(0.3)
        began = time.monotonic()
        daemon.signal(signal.SIGTERM)
        until(lambda: _is_refused(daemon.port), "no connection is taken", 1.5)
        assert daemon.process is not None
        self.assertIsNone(daemon.process.poll())  # it waits for the one that does not read
        daemon.signal(signal.SIGINT)
        until(lambda: "Stopping already" in daemon.log, "a second signal is answered", 1.5)
        self.assertEqual(daemon.ended(within=8), STOPPED)
        self.assertLess(time.monotonic() - began, 8)
        self.assertIn("Some requests did not finish in time. Connections ended: 1", daemon.log)
        self.assertIn("Stopped", daemon.log)
        self.assertNotIn("Traceback", daemon.log)

    def test_idle(self) -> None:
        """With connections that only wait, a stop is quick, and each is closed in good order."""
        daemon = self.start_daemon()
        wires = [self.connect(daemon) for _ in range(20)]
        with socket.create_connection(("127.0.0.1", daemon.port)):
            began = time.monotonic()
            daemon.signal(signal.SIGTERM)
            for wire in wires:
                self.assertEqual(wire.line(), b"")  # a cut connection would raise
                wire.close()
            self.assertEqual(daemon.ended(within=5), STOPPED)
            self.assertLess(time.monotonic() - began, 5)
        self.assertNotIn("did not finish in time", daemon.log)


class LogTests(DaemonCase):
    """The log is for the operator, who need not see what is in the records."""

    is_measured = True

    def test_no_secrets(self) -> None:
        """No password, token or content of a record comes into the log or standard error."""
        daemon = self.start_daemon()
        first = self.first_password(daemon)
        wire, token = self.log_in_first(daemon)
        record = {
            **PERSON,
            "ssn": SSN,
            "salary": {"amount": "123456.00", "currency": "USD"},
            "birth_date": "1971-03-04",
            "home_address": "17 Quince Lane",
            "personal_email": "mina@example.net",
        }
        wrong = "a wrong guess of words"
        added = wire.ask("employee.add", employee=record, key="a-key-of-mine")["employee"]
        wire.ask("employee.get", id=added["id"], reveal=["ssn", "salary"])
        for method, params in (
            ("employee.add", {"employee": record}),
            ("employee.add", {"employee": {**record, "ssn": "000-12-3456", "title": "\x1b"}}),
            ("employee.update", {"id": 1, "revision": 7, "changes": record}),
            ("employee.update", {"id": 1, "revision": 1, "changes": {"manager_id": 1}}),
            ("employee.list", {"where": {"ssn": SSN}, "cursor": SSN}),
            ("password.change", {"current": wrong, "new": PASSWORD}),
        ):
            self.assertRaises(Refusal, wire.ask, method, **params)
        wire.send(b'{"password":"%b\n' % PASSWORD.encode(), b"%b\n" % SSN.encode())
        for _ in range(2):
            self.assertIn("error", wire.read())
        stranger = self.connect(daemon)
        for params in (
            {"username": "admin", "password": wrong},
            {"username": wrong, "password": SSN},
        ):
            self.assertRaises(Refusal, stranger.ask, "login", **params)
        self.assertRaises(Refusal, stranger.ask, "resume", token=token[:-4] + "abcd")
        stranger.send(b'{"token":"' + token.encode())
        stranger.close()
        self.run_client(daemon, ["admin", PASSWORD, "s 1", "r", "all", "", "q"])
        other = self.account(daemon, "mina", "employee")
        wire.close()
        self.assertEqual(daemon.stop(), STOPPED)
        told = daemon.log + daemon.errors
        for secret in (
            *(first, PASSWORD, token, token[:-4], wrong, other, SSN, "4399", "123456", "1971"),
            *("Quince", "mina@", "Wilhelmina", "Vandersteen", "000-12-3456", "a-key-of-mine"),
        ):
            self.assertNotIn(secret.replace("-", ""), told.replace("-", ""))


def _is_refused(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except ConnectionRefusedError:
        return True
    return False
