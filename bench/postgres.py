"""The yardstick PostgreSQL: pgbench over TLS, from 64 clients in two threads, in C.

Reads are a prepared SELECT by primary key. A change is a transaction of an UPDATE and the INSERTs
of history and audit, durable (synchronous_commit); once as an application has it, statement by
statement, and once as one statement, which is the best that can be had of it.
"""

from __future__ import annotations

import re
import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from math import ceil
from pathlib import Path

from bench.daemon import CONNECTIONS
from bench.load import Result, percentile
from bench.people import CURRENCY, SALARY, employee
from bench.processes import folder_of, free_port, give_to, run, running, unprivileged
from bench.work import Site, Work

NAME = "PostgreSQL"
USER = "postgres"
WARM_UP = 2
_PASSWORD = "a benchmark's own password"
_FIELDS = list(employee(1))
_TABLES = f"""
CREATE TABLE employees (
    id integer PRIMARY KEY, revision integer NOT NULL,
    {", ".join(f"{name} text" for name in _FIELDS)}, salary text);
CREATE TABLE audit (
    seq bigserial PRIMARY KEY, at timestamptz NOT NULL DEFAULT now(), actor text NOT NULL,
    action text NOT NULL, subject text NOT NULL, fields text NOT NULL);
CREATE TABLE history (
    seq bigserial PRIMARY KEY, at timestamptz NOT NULL DEFAULT now(), actor text NOT NULL,
    employee_id integer NOT NULL, revision integer NOT NULL, before text, after text,
    UNIQUE (employee_id, revision));
COPY employees (id, revision, {", ".join(_FIELDS)}, salary) FROM STDIN;
"""
_GET = """\\set who random(1, {employees})
SELECT * FROM employees WHERE id = :who;
"""
_UPDATE = """\\set who :client_id + 1
\\set room random(1, 1000000000)
BEGIN;
UPDATE employees SET revision = revision + 1, location = 'Room ' || :room WHERE id = :who
    RETURNING * \\gset new_
INSERT INTO history (actor, employee_id, revision, before, after)
    VALUES ('bench', :who, :new_revision, '{"location": "Springfield"}', '{"location": "Room"}');
INSERT INTO audit (actor, action, subject, fields)
    VALUES ('bench', 'employee.update', 'employee:' || :who, 'location');
COMMIT;
"""
_UPDATE_AT_ONCE = """\\set who :client_id + 1
\\set room random(1, 1000000000)
WITH changed AS (
    UPDATE employees SET revision = revision + 1, location = 'Room ' || :room WHERE id = :who
    RETURNING *
), kept AS (
    INSERT INTO history (actor, employee_id, revision, before, after)
    SELECT 'bench', id, revision, '{"location": "Springfield"}', '{"location": "Room"}'
    FROM changed
), noted AS (
    INSERT INTO audit (actor, action, subject, fields)
    SELECT 'bench', 'employee.update', 'employee:' || id, 'location' FROM changed
) SELECT * FROM changed;
"""
_SETTINGS = """
listen_addresses = '127.0.0.1'
port = {port}
unix_socket_directories = '{folder}'
ssl = on
ssl_cert_file = '{folder}/server.crt'
ssl_key_file = '{folder}/server.key'
shared_buffers = 512MB
synchronous_commit = on
fsync = on
"""


def _programs() -> Path | None:
    """The folder with initdb and postgres, which Debian keeps out of the PATH."""
    found = shutil.which("initdb")
    if found:
        return Path(found).parent
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return debian[-1].parent if debian else None


def missing() -> str | None:
    """It is a Debian package."""
    there = _programs() and shutil.which("pgbench") and shutil.which("psql")
    return None if there else "PostgreSQL with pgbench (apt-get install postgresql)"


def _rows(employees: int) -> Iterator[str]:
    for number in range(1, employees + 1):
        values = [str(number), "1", *employee(number).values(), f"{SALARY} {CURRENCY}"]
        yield "\t".join(values) + "\n"


class _Server:
    def __init__(self, stack: ExitStack, site: Site, programs: Path) -> None:
        folder = stack.enter_context(folder_of(USER))
        port = free_port()
        for name in ("server.crt", "server.key"):
            give_to(USER, Path(shutil.copy(site.keys / name, folder)))
        password = folder / "password"
        password.write_text(_PASSWORD, "utf-8")
        give_to(USER, password)
        as_user, data = unprivileged(USER), folder / "data"
        making: list[str | Path] = [*as_user, programs / "initdb", "-D", data, "-U", "bench"]
        run([*making, "-E", "UTF8", "--locale=C", "-A", "scram-sha-256", f"--pwfile={password}"])
        with (data / "postgresql.conf").open("a", encoding="utf-8") as settings:
            settings.write(_SETTINGS.format(port=port, folder=folder))
        stack.enter_context(
            running(
                [*as_user, programs / "postgres", "-D", data],
                site.folder / "postgres.log",
                port=port,
                stop=signal.SIGINT,
            )
        )
        self._environment = {
            "PGHOST": "localhost",
            "PGPORT": str(port),
            "PGUSER": "bench",
            "PGDATABASE": "postgres",
            "PGPASSWORD": _PASSWORD,
            "PGSSLMODE": "verify-full",
            "PGSSLROOTCERT": str(site.keys / "ca.crt"),
        }
        self._folder = site.folder
        self._await()
        self._load(site.employees)

    def _await(self) -> None:
        """It listens a little before it takes anybody in."""
        for _ in range(100):
            try:
                run(["psql", "-q", "-c", "SELECT 1"], environment=self._environment)
            except RuntimeError:
                time.sleep(0.1)
            else:
                return
        raise RuntimeError("PostgreSQL takes nobody in; its log is in postgres.log")

    def _load(self, employees: int) -> None:
        script = self._folder / "load.sql"
        with script.open("w", encoding="utf-8") as file:
            file.write(_TABLES)
            file.writelines(_rows(employees))
            file.write("\\.\nVACUUM ANALYZE;\nCHECKPOINT;\n")
        run(
            ["psql", "-q", "-v", "ON_ERROR_STOP=1", "-f", str(script)],
            environment=self._environment,
        )

    def measure(self, script: Path, seconds: float) -> Result:
        """Run pgbench; percentiles are of a sample of its transactions."""
        clients = ["-c", str(CONNECTIONS), "-j", "2", "-M", "prepared", "-n", "-f", str(script)]
        # pgbench counts the connecting of its clients as part of the duration, though not of the
        # rate: the warm-up tells how long that takes, and the run is as much longer.
        told = run(["pgbench", *clients, "-T", str(WARM_UP)], environment=self._environment)
        took = re.search(r"initial connection time = ([\d.]+) ms", told)
        connecting = float(took[1]) / 1000 if took else WARM_UP
        whole = ceil(seconds + connecting)
        prefix = self._folder / "pgbench_log"
        sample = ["-l", f"--log-prefix={prefix}", "--sampling-rate=0.2"]
        told = run(["pgbench", *clients, *sample, "-T", str(whole)], environment=self._environment)
        rate = re.search(r"tps = ([\d.]+)", told)
        failed = re.search(r"number of failed transactions: (\d+)", told)
        if rate is None:
            raise RuntimeError(f"pgbench told no rate:\n{told}")
        times = []
        for log in self._folder.glob(f"{prefix.name}.*"):
            times += [int(line.split()[2]) / 1000 for line in log.read_text("ascii").splitlines()]
            log.unlink()
        times.sort()
        return Result(
            float(rate[1]),
            percentile(times, 0.5),
            percentile(times, 0.99),
            int(failed[1]) if failed else 0,
        )


def works(stack: ExitStack, site: Site) -> list[Work]:
    """Make a cluster in a temporary folder, and load the employees."""
    programs = _programs()
    assert programs is not None
    server = _Server(stack, site, programs)
    made = []
    for name, text in (
        ("get", _GET.replace("{employees}", str(site.employees))),
        ("update", _UPDATE),
        ("update at once", _UPDATE_AT_ONCE),
    ):
        script = site.folder / f"{name.replace(' ', '-')}.pgbench"
        script.write_text(text, "utf-8")
        made.append(Work(NAME, name, 1, partial(server.measure, script)))
    return made
