"""`python -m bench`: requests a second, as ratios to a bare Twisted TLS echo in the same run.

Starts the daemon in a temporary folder and an echo that gives the same answer, measures them in
turn, and prints each figure beside the echo's. The machine is shared and noisy: look at the
ratios, and at how far the repeats lie apart.
"""

from __future__ import annotations

import argparse
import json
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from bench.load import Line, Result, load

CONNECTIONS = 64
PASSWORD = "a benchmark's own password 42"
TARGETS = {"get": 0.45, "update": 0.2}
"""What the daemon promises with one request in flight on each of 64 connections."""


def _request(method: str, number: object = 1, **params: object) -> bytes:
    message = {"jsonrpc": "2.0", "method": method, "params": params, "id": number}
    return json.dumps(message, separators=(",", ":")).encode()


def _result(answer: bytes) -> dict[str, object]:
    told = json.loads(answer)
    if "error" in told:
        raise RuntimeError(told["error"])
    result: dict[str, object] = told["result"]
    return result


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    for _ in range(200):
        if process.poll() is not None:
            raise RuntimeError("a server did not start; its output says why")
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError("a server does not listen")


class Bench:
    """The daemon with so many employees, and the echo beside it."""

    def __init__(self, folder: Path, employees: int) -> None:
        self.employees = employees
        self.port, self.echo_port = _free_port(), _free_port()
        self.ca = folder / "keys" / "ca.crt"
        self._log = (folder / "daemon.log").open("wb")
        twistd = Path(sys.executable).with_name("twistd")
        listen = f"tcp:{self.port}:interface=127.0.0.1"
        self.processes = [
            subprocess.Popen(
                [twistd, "-n", "records", "--listen", listen],
                cwd=folder,
                stdout=self._log,
                stderr=self._log,
            )
        ]
        _wait_for(self.port, self.processes[0])
        line = Line(self.port, self.ca)
        line.ask(_request("server.info"))  # answered once everything is ready
        answer = self._fill(line, (folder / "data" / "first-password").read_text().strip())
        (folder / "answer").write_bytes(answer)
        self.processes.append(
            subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "bench.echo",
                    str(folder / "keys"),
                    str(self.echo_port),
                    str(folder / "answer"),
                ],
                stdout=self._log,
                stderr=self._log,
            )
        )
        _wait_for(self.echo_port, self.processes[1])

    def _fill(self, line: Line, first_password: str) -> bytes:
        """Log in and add the employees; returns a typical answer."""
        told = _result(line.ask(_request("login", username="admin", password=first_password)))
        _result(line.ask(_request("password.change", current=first_password, new=PASSWORD)))
        self.prologue = [_request("resume", token=told["token"])]
        for start in range(1, self.employees + 1, 100):
            numbers = range(start, min(start + 100, self.employees + 1))
            for answer in line.ask_many([self._add(number) for number in numbers]):
                _result(answer)
        return line.ask(self.get(0, 4))

    @staticmethod
    def _add(number: int) -> bytes:
        employee = {
            "id": number,
            "given_name": f"Ann{number}",
            "family_name": "Lee",
            "email": f"ann{number}@example.com",
            "title": "Engineer",
            "department": "Research",
            "location": "Springfield",
            "hire_date": "2020-02-03",
            "birth_date": "1990-05-17",
            "home_address": "1 Elm Street",
            "salary": {"amount": "64000.00", "currency": "USD"},
        }
        return _request("employee.add", number, employee=employee)

    def get(self, connection: int, number: int) -> bytes:
        """The n-th employee.get of a connection."""
        place = (connection * 7919 + number * 104729) % self.employees + 1
        return _request("employee.get", number, id=place)

    def updates(self) -> Callable[[int, int], bytes]:
        """Makes the n-th employee.update of a connection, which has an employee of its own."""
        line = Line(self.port, self.ca)
        line.ask(self.prologue[0])
        first = [
            _result(line.ask(self.get_one(number + 1)))["employee"]["revision"]  # type: ignore[index]
            for number in range(CONNECTIONS)
        ]

        def update(connection: int, number: int) -> bytes:
            return _request(
                "employee.update",
                number,
                id=connection + 1,
                revision=first[connection] + number,
                changes={"location": f"Room {first[connection] + number}"},
            )

        return update

    @staticmethod
    def get_one(number: int) -> bytes:
        """One employee."""
        return _request("employee.get", 1, id=number)

    def measure(self, what: str, depth: int, seconds: float) -> Result:
        """One run of one kind of work."""
        if what == "echo":
            return load(self.echo_port, self.ca, [], self.get, depth=depth, seconds=seconds)
        work = self.get if what == "get" else self.updates()
        return load(self.port, self.ca, self.prologue, work, depth=depth, seconds=seconds)

    def close(self) -> None:
        """End both servers."""
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            process.wait(20)
        self._log.close()


WORKS = (("echo", 1), ("get", 1), ("get", 16), ("update", 1), ("update", 16))


def _print(results: dict[tuple[str, int], list[Result]]) -> bool:
    """The table. Returns whether every target is reached."""
    echo = [each.rate for each in results["echo", 1]]
    good = True
    print(
        f"{'work':<8}{'in flight':>10}{'a second':>10}{'p50 ms':>9}{'p99 ms':>9}"
        f"{'/ echo':>8}   repeats         promised"
    )
    for (what, depth), repeats in results.items():
        ratios = [each.rate / beside for each, beside in zip(repeats, echo, strict=True)]
        target = TARGETS.get(what) if depth == 1 else None
        good &= not any(each.errors for each in repeats)
        good &= target is None or median(ratios) >= target
        print(
            f"{what:<8}{depth:>10}{median(each.rate for each in repeats):>10.0f}"
            f"{median(each.p50 for each in repeats):>9.2f}"
            f"{median(each.p99 for each in repeats):>9.2f}{median(ratios):>8.2f}   "
            f"{min(ratios):.2f} to {max(ratios):.2f}    {target or ''}"
        )
        if any(each.errors for each in repeats):
            print(f"  {sum(each.errors for each in repeats)} answers were errors")
    return good


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--employees", type=int, default=1000, help="default: 1000")
    parser.add_argument("--seconds", type=float, default=4.0, help="of each run (default: 4)")
    parser.add_argument("--repeats", type=int, default=3, help="default: 3")
    parser.add_argument("--check", action="store_true", help="fail if a promise is not kept")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder), options.employees)
        try:
            results: dict[tuple[str, int], list[Result]] = {work: [] for work in WORKS}
            for _ in range(options.repeats):
                for what, depth in WORKS:
                    results[what, depth].append(bench.measure(what, depth, options.seconds))
        finally:
            bench.close()
    print(
        f"{CONNECTIONS} connections, {options.employees} employees, load and servers on one machine"
    )
    good = _print(results)
    sys.exit(0 if good or not options.check else 1)


if __name__ == "__main__":
    main()
