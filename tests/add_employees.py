"""Adds employees from a table of comma-separated values, as a short program would.

    python add_employees.py PORT CA_FILE TABLE < PASSWORD

Logs in as `admin`. A manager must be there before anybody can report to them, so everybody is
added first, and told their manager after that.
"""

from __future__ import annotations

import csv
import json
import socket
import ssl
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

AHEAD = 100
"""How many requests are sent before their answers are read."""


class Daemon:
    """A connection to the daemon on this machine, known by its authority's certificate."""

    def __init__(self, port: int, ca_file: str) -> None:
        context = ssl.create_default_context(cafile=ca_file)
        raw = socket.create_connection(("localhost", port), timeout=30)
        self._socket = context.wrap_socket(raw, server_hostname="localhost")
        self._answers = self._socket.makefile("rb")

    def ask(self, method: str, *many: dict[str, Any]) -> list[Any]:
        """Ask for the same with each of these params; the answers in their order."""
        answers = []
        for start in range(0, len(many), AHEAD):
            piece = many[start : start + AHEAD]
            lines = [
                json.dumps({"jsonrpc": "2.0", "method": method, "params": params, "id": number})
                for number, params in enumerate(piece)
            ]
            self._socket.sendall("".join(f"{line}\n" for line in lines).encode())
            answers += [json.loads(self._answers.readline()) for _ in piece]
        return answers


def employee_of(row: dict[str, str]) -> dict[str, Any]:
    """A row of the table as the daemon takes it, without the manager."""
    names = ("given_name", "family_name", "title", "department", "hire_date", "birth_date")
    return {
        "id": int(row["id"]),
        **{name: row[name] or None for name in (*names, "termination_date", "status")},
        "salary": {"amount": row["salary"], "currency": row["currency"]},
    }


def add_all(daemon: Daemon, rows: Iterable[dict[str, str]]) -> list[str]:
    """Add everybody, and then say who reports to whom. Returns why some could not be, in words."""
    listed = list(rows)
    added = daemon.ask("employee.add", *({"employee": employee_of(row)} for row in listed))
    reporting = [row for row in listed if row["manager_id"]]
    changes = [
        {"id": int(row["id"]), "revision": 1, "changes": {"manager_id": int(row["manager_id"])}}
        for row in reporting
    ]
    changed = daemon.ask("employee.update", *changes)
    return [
        f"{row['id']}: {each['message']}"
        for row, answer in zip([*listed, *reporting], [*added, *changed], strict=True)
        if "error" in answer
        for each in answer["error"]["data"].get("errors", [answer["error"]])
    ]


def main(port: str, ca_file: str, table: str) -> None:
    """Log in, and add all employees of the table."""
    password = sys.stdin.readline().rstrip("\n")
    daemon = Daemon(int(port), ca_file)
    (answer,) = daemon.ask("login", {"username": "admin", "password": password})
    if "error" in answer:
        sys.exit(answer["error"]["message"])
    with Path(table).open(encoding="utf-8", newline="") as file:
        refused = add_all(daemon, csv.DictReader(file))
    if refused:
        sys.exit("\n".join(refused))


if __name__ == "__main__":
    main(*sys.argv[1:])
