"""The wire as another program meets it: order, limits, deadlines, many at once."""

from __future__ import annotations

import socket
import threading
import time

from tests.daemon_case import Daemon, DaemonCase, until
from tests.wire import WAIT, Wire, request

PERSON = {"given_name": "Ada", "family_name": "Byron"}
MAX_LINE = 64 * 1024


class LineTests(DaemonCase):
    """Lines in, lines out."""

    is_ahead = True

    def test_in_order(self) -> None:
        """Requests sent all at once are done in the order sent, and answered in that order."""
        wire = self.admin(self.start_daemon())
        lines = []
        for number in range(1, 101):
            added = {**PERSON, "id": number, "title": "none"}
            change = {"id": number, "revision": 1, "changes": {"title": f"title {number}"}}
            lines += [
                request("employee.add", f"add {number}", employee=added),
                request("employee.update", f"update {number}", **change),
                request("employee.get", f"get {number}", id=number),
            ]
        wire.send(*lines)
        for number in range(1, 101):
            answers = [wire.read() for _ in range(3)]
            self.assertEqual(
                [answer["id"] for answer in answers],
                [f"{what} {number}" for what in ("add", "update", "get")],
            )
            found = answers[2]["result"]["employee"]
            self.assertEqual((found["revision"], found["title"]), (2, f"title {number}"))

    def test_line_too_long(self) -> None:
        """A line that is too long is answered with a reason, and the connection is closed."""
        wire = self.connect(self.start_daemon())
        wire.send(request("server.info"), b"[" + b" " * (MAX_LINE + 1000))
        self.assertEqual(wire.read()["result"]["name"], "records")
        answer = wire.read()
        self.assertEqual((answer["id"], answer["error"]["code"]), (None, -32700))
        self.assertIn(str(MAX_LINE), answer["error"]["message"])
        self.assertEqual(wire.line(), b"")

    def test_longest_line(self) -> None:
        """A line of just the length that is allowed is a request like any other."""
        wire = self.connect(self.start_daemon())
        short = request("server.info").rstrip()
        wire.send(short[:-1] + b" " * (MAX_LINE - len(short)) + b"}\r\n")
        self.assertEqual(wire.read()["result"]["limits"]["line_bytes"], MAX_LINE)

    def test_malformed(self) -> None:
        """What is no request is answered with its reason, and the connection goes on."""
        wire = self.connect(self.start_daemon())
        for line, code in (
            (b"{nonsense\n", -32700),
            (b"\xff\xfe\n", -32700),
            (b"\n", -32700),
            (b"[" * 1000 + b"]" * 1000 + b"\n", -32700),
            (b"[]\n", -32600),
            (b'{"jsonrpc":"1.0","method":"server.info","id":1}\n', -32600),
            (request("no.such.method"), -32601),
            (request("employee.get", id="one"), -32602),
            (request("employee.get", id=1), 401),
        ):
            wire.send(line)
            self.assertEqual(wire.read()["error"]["code"], code, line)
        self.assertEqual(wire.ask("server.info")["protocol"], 1)

    def test_control_characters(self) -> None:
        """The daemon stores no control characters, nor what turns the direction of writing."""
        wire = self.admin(self.start_daemon())
        for bad in ("\x1b]0;owned\x07", "a\x00b", "\x9b31m", "\u202eback", "\ud800"):
            line = request("employee.add", employee={**PERSON, "title": bad, "department": bad})
            wire.send(line)
            error = wire.read()["error"]
            self.assertIn(error["code"], (422, -32700, -32602), bad)
            if error["code"] == 422:
                told = [each["field"] for each in error["data"]["errors"]]
                self.assertEqual(sorted(told), ["department", "title"], bad)
        self.assertEqual(wire.ask("employee.list")["employees"], [])


class DeadlineTests(DaemonCase):
    """Who is silent, or does not listen, is not waited for."""

    def test_no_handshake(self) -> None:
        """A connection on which no TLS handshake comes is dropped."""
        daemon = self.start_daemon("--handshake-timeout", "1")
        with socket.create_connection(("127.0.0.1", daemon.port), WAIT) as silent:
            began = time.monotonic()
            self.assertEqual(_next_bytes(silent), b"")
            self.assertLess(time.monotonic() - began, WAIT / 2)
        until(lambda: "did not finish the TLS handshake" in daemon.log, "the log says why")

    def test_no_login(self) -> None:
        """A connection on which nobody logs in is dropped, whatever else it asks."""
        daemon = self.start_daemon("--login-timeout", "1")
        wire = self.connect(daemon)
        self.assertEqual(wire.ask("server.info")["name"], "records")
        self.assertEqual(wire.rest(), b"")
        until(lambda: "did not log in" in daemon.log, "the log says why")

    def test_logged_in(self) -> None:
        """Who has logged in may be silent for longer than the login may take."""
        wire = self.admin(self.start_daemon("--login-timeout", "1"))
        time.sleep(1.5)
        self.assertEqual(wire.ask("employee.list")["employees"], [])

    def test_not_reading(self) -> None:
        """A peer who leaves its answers unread is dropped, while another goes on."""
        daemon = self.start_daemon("--read-timeout", "1")
        other, token = self.log_in_first(daemon)
        long = {"home_address": "Rue de la Paix " * 13, "title": "Engineer " * 11}
        lines = [request("employee.add", n, employee={**PERSON, **long}) for n in range(100)]
        other.send(*lines)
        for _ in lines:
            self.assertIn("result", other.read())
        deaf = self.resume(daemon, token, buffer=4096)
        deaf.send(*[request("employee.list", n, limit=100) for n in range(250)])
        asked = 0
        end = time.monotonic() + WAIT
        while "did not read its answers" not in daemon.log and time.monotonic() < end:
            began = time.monotonic()
            self.assertEqual(len(other.ask("employee.list", limit=10)["employees"]), 10)
            self.assertLess(time.monotonic() - began, 1.0)
            asked += 1
        self.assertIn("did not read its answers", daemon.log)
        self.assertGreater(asked, 10)
        self.assertLess(len(deaf.rest()), 250 * 40_000)
        self.assertEqual(other.ask("employee.get", id=1)["employee"]["id"], 1)


class ManyTests(DaemonCase):
    """Many connections at once."""

    is_ahead = True

    def test_many(self) -> None:
        """A hundred connections that are open at once are all served."""
        daemon = self.start_daemon()
        wire, token = self.log_in_first(daemon)
        wires = [self.resume(daemon, token) for _ in range(100)]
        for number, each in enumerate(wires, 1):
            each.send(request("employee.add", number, employee={**PERSON, "id": number}))
        for number, each in enumerate(wires, 1):
            self.assertEqual(each.read()["result"]["employee"]["id"], number)
        found = wire.ask("employee.list", limit=100)
        self.assertEqual((len(found["employees"]), found["cursor"]), (100, None))

    def test_at_the_same_time(self) -> None:
        """A hundred connections that come at the same moment are all taken."""
        daemon = self.start_daemon()
        served: list[str] = []
        threads = [
            threading.Thread(target=_serve, args=(daemon, served), daemon=True) for _ in range(100)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(WAIT)
        self.assertEqual(served, ["records"] * 100)

    def test_too_many(self) -> None:
        """Beyond the number that is allowed a connection is refused, and the others go on."""
        daemon = self.start_daemon("--max-connections", "2")
        wires = [self.connect(daemon) for _ in range(2)]
        self.assertFalse(_is_served(daemon))
        for wire in wires:
            self.assertEqual(wire.ask("server.info")["name"], "records")
        wires[0].close()
        until(lambda: _is_served(daemon), "there is room again")


def _next_bytes(connection: socket.socket) -> bytes:
    """What comes next; nothing if the connection has ended, however."""
    try:
        return connection.recv(4096)
    except ConnectionResetError:
        return b""


def _serve(daemon: Daemon, served: list[str]) -> None:
    wire = Wire(daemon.port, daemon.ca)
    try:
        served.append(wire.ask("server.info")["name"])
    finally:
        wire.close()


def _is_served(daemon: Daemon) -> bool:
    try:
        wire = Wire(daemon.port, daemon.ca)
    except OSError:  # TLS errors are of this kind as well
        return False
    wire.close()
    return True
