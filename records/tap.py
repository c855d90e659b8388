"""`twistd records`: its options, and the one place where the objects of the daemon are put
together.
"""

from __future__ import annotations

import atexit
import gc
import os
import resource
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any

from twisted.application.service import IService
from twisted.internet import reactor
from twisted.internet.error import ReactorNotRunning
from twisted.logger import Logger
from twisted.python import usage

from records import __version__
from records.auth.hasher_process import HasherProcess
from records.auth.hashing import COST, BcryptHasher
from records.daemon.bootstrap import Places
from records.daemon.service import Environment, RecordsService, Settings, endpoint_from
from records.model.accounts import SessionLimits
from records.model.errors import Unusable
from records.model.fields import STANDARD
from records.model.values import REGIONS
from records.server.protocol import Deadlines
from records.store.sqlite.database import SqliteBackend
from records.store.writer_process import WriterProcess
from records.tls.keys import KeyFiles

DEFAULT_LISTEN = "tcp:7443:interface=127.0.0.1"

_DEADLINES = Deadlines()
_SESSIONS = SessionLimits()
_SETTINGS = Settings(Places(Path(), KeyFiles(Path())), ())
_DAY = 24 * 60 * 60


_log = Logger("records.tap")


def _whole(name: str, default: float, what: str, most: int, least: int = 1) -> list[object]:
    """An option that takes a whole number."""

    def check(text: str) -> int:
        if not text.isdecimal() or not least <= int(text) <= most:
            raise ValueError(f"--{name} takes a whole number from {least} to {most}")
        return int(text)

    return [name, None, int(default), what, check]


def _region(text: str) -> str:
    if text.upper() not in REGIONS:
        raise ValueError(
            "--region takes a country's ISO 3166 code of two letters, such as US or DE"
        )
    return text.upper()


class Options(usage.Options):
    """The command line. Raises `usage.UsageError`, which twistd shows."""

    synopsis = "[options]"
    longdesc = (
        "Keeps a company's employee records. The first start makes keys, a database and an "
        "account; SIGHUP loads a renewed certificate; SIGTERM stops. Times are in seconds."
    )
    optParameters = [  # noqa: RUF012  the form that usage.Options wants
        ["data", "d", "data", "The folder of the database."],
        ["keys", "k", "keys", "The folder of the keys and certificates."],
        [
            "region",
            None,
            _SETTINGS.region,
            "The country whose forms of dates, amounts and phone numbers people type.",
            _region,
        ],
        _whole(
            "session-idle",
            _SESSIONS.idle,
            "How long a session lasts without use.",
            30 * _DAY,
            least=60,
        ),
        _whole(
            "session-lifetime",
            _SESSIONS.lifetime,
            "How long a session lasts in all.",
            30 * _DAY,
            least=60,
        ),
        _whole(
            "max-connections",
            _SETTINGS.max_connections,
            "How many connections are held at once.",
            1_000_000,
        ),
        _whole(
            "max-per-source",
            _SETTINGS.max_per_source,
            "How many of them from one address (IPv6: one /64 network).",
            1_000_000,
        ),
        _whole(
            "handshake-timeout",
            _DEADLINES.handshake,
            "How long a connection's TLS handshake may take.",
            _DAY,
        ),
        _whole(
            "login-timeout", _DEADLINES.login, "How long a connection may be without a login.", _DAY
        ),
        _whole(
            "line-timeout",
            _DEADLINES.line,
            "How long a line may be on its way once it has begun.",
            _DAY,
        ),
        _whole(
            "idle-timeout", _DEADLINES.idle, "How long a logged-in connection may be silent.", _DAY
        ),
        _whole(
            "read-timeout",
            _DEADLINES.read,
            "How long answers may wait for the other end to read them.",
            _DAY,
        ),
        _whole(
            "stop-timeout", _SETTINGS.stop, "How long a stop waits for requests under way.", _DAY
        ),
        _whole(
            "bcrypt-cost",
            COST,
            "The cost of password hashes; each step doubles the time of a login.",
            16,
            least=10,
        ),
    ]

    def __init__(self) -> None:
        super().__init__()
        self["listen"] = []

    def opt_listen(self, description: str) -> None:
        try:
            endpoint_from(reactor, description)
        except ValueError as reason:
            raise usage.UsageError(f"--listen: {reason}") from None
        self["listen"].append(description)

    opt_listen.__doc__ = (  # without line breaks, because twistd shows white space as it is
        "Where to listen, as a Twisted server endpoint to which TLS is added: for instance "
        "tcp:7443:interface=10.0.0.5 for one address, tcp:7443 for all of IPv4, or tcp6:7443. "
        f"May be given more than once. [default: {DEFAULT_LISTEN}]"
    )
    opt_l = opt_listen

    def opt_version(self) -> None:
        """Show the version of records and exit."""
        print(f"records {__version__}")
        sys.exit(0)

    def settings(self) -> Settings:
        """The settings that were chosen."""
        return Settings(
            Places(Path(self["data"]), KeyFiles(Path(self["keys"]))),
            tuple(self["listen"]) or (DEFAULT_LISTEN,),
            SessionLimits(self["session-idle"], self["session-lifetime"]),
            Deadlines(
                handshake=self["handshake-timeout"],
                login=self["login-timeout"],
                line=self["line-timeout"],
                idle=self["idle-timeout"],
                read=self["read-timeout"],
            ),
            self["max-connections"],
            self["max-per-source"],
            self["stop-timeout"],
            self["region"],
        )


def _microseconds() -> int:
    return time.time_ns() // 1000


def _has_terminal() -> bool:
    """Whether this process has a controlling terminal that can still be used."""
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return False
    return True


def _stop_without_terminal() -> None:
    running: Any = reactor
    _log.info("The terminal that the daemon was started in is closed. Stopping")
    with suppress(ReactorNotRunning):  # it is stopping already
        running.stop()


def _on_hang_up(
    call: Callable[[], None],
    has_terminal: Callable[[], bool] = _has_terminal,
    stop: Callable[[], None] = _stop_without_terminal,
) -> None:
    """Have `call` made at each SIGHUP, but stop if it comes because the terminal was closed.

    A process that ignores SIGHUP from its start, by nohup, is to go on without its terminal.
    """
    running: Any = reactor
    is_bound = has_terminal() and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN

    def hung_up(*_: object) -> None:
        running.callFromThread(stop if is_bound and not has_terminal() else call)

    signal.signal(signal.SIGHUP, hung_up)


def _stop_once() -> None:
    """Log further SIGINTs and SIGTERMs while the reactor stops. Twisted would log faults."""
    running: Any = reactor

    def tell(*_: object) -> None:
        running.callFromThread(
            _log.info,
            "Stopping already: requests under way have up to --stop-timeout, passwords that are "
            "being hashed as much again. kill -9 would lose nothing that was answered",
        )

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, tell)


def _show(text: str) -> None:
    """Show text to a person at a terminal. twistd has replaced stderr by its log."""
    if sys.__stderr__ is not None and sys.__stderr__.isatty():
        print(text, file=sys.__stderr__, flush=True)


def _fail_at_exit() -> None:
    """Have the process exit with 1. twistd cannot be told an exit code."""

    def leave() -> None:
        sys.stdout.flush()
        os._exit(1)

    atexit.register(leave)


def _tell_in_one_line(
    kind: type[BaseException], error: BaseException, traceback: TracebackType | None
) -> None:
    """An excepthook that shows why a daemon cannot start in one line."""
    if isinstance(error, Unusable):
        print(f"records: {error}", file=sys.__stderr__, flush=True)
    else:
        sys.__excepthook__(kind, error, traceback)


OWN_FILES = 64
"""File descriptors reserved for the database, the keys, the log and the like."""


def _raise_descriptor_limit(wanted: int) -> int:
    """Raise the limit of file descriptors as far as allowed. A connection takes one.

    wanted: the number of connections. Returns how many are possible.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    except (OSError, ValueError):  # forbidden by a sandbox, for example
        hard = soft
    if hard == resource.RLIM_INFINITY or wanted + OWN_FILES <= hard:
        return wanted
    possible = max(1, hard - OWN_FILES)
    _log.warn(
        "Only {possible} connections at once, not {wanted}: the system gives this process "
        "{hard} file descriptors (see ulimit -n, or LimitNOFILE of systemd)",
        possible=possible,
        wanted=wanted,
        hard=hard,
    )
    return possible


def _use_monotonic_clock(running: Any) -> None:
    """Have the reactor use the monotonic clock for delays and deadlines.

    Twisted uses the wall clock. If that is set forward, connections are dropped too early; if it is
    set back, deadlines come too late. `IReactorTime` allows any number of seconds; but what has
    been scheduled before uses the other clock. See https://github.com/twisted/twisted/issues/2424.
    """
    if running.getDelayedCalls():
        _log.warn("Delays go by the wall clock: something was scheduled before the daemon started")
    else:
        running.seconds = time.monotonic


def _collect_less_often() -> None:
    """Freeze start-up objects, and run full garbage collections a tenth as often.

    A full collection paused the daemon for 0.1 s with 500 clients. Hardly any object needs it;
    reference cycles are still collected, at a tenth of the rate.
    """
    gc.freeze()
    young, middle, _ = gc.get_threshold()
    gc.set_threshold(young, middle, 100)


class _ServiceWithExitCode(RecordsService):
    """The service as twistd starts it: a refusal ends the process with one line."""

    def startService(self) -> None:
        sys.excepthook = _tell_in_one_line
        self.limit_connections(_raise_descriptor_limit(self.max_connections))
        _use_monotonic_clock(reactor)
        try:
            super().startService()
        except Unusable as reason:
            if sys.__stderr__ is None or not sys.__stderr__.isatty():
                _log.critical("Cannot start: {why}", why=str(reason))
            raise
        running: Any = reactor
        running.addSystemEventTrigger("before", "shutdown", _stop_once)
        _collect_less_often()


def makeService(options: Options) -> IService:
    """See `twisted.application.service.IServiceMaker`."""
    os.umask(0o077)
    service: IService = _ServiceWithExitCode(
        options.settings(),
        Environment(
            reactor=reactor,
            hasher=BcryptHasher(options["bcrypt-cost"]),
            backend=SqliteBackend(_microseconds, os.urandom, STANDARD),
            random_bytes=os.urandom,
            start_writer=partial(WriterProcess, reactor),
            start_hasher=partial(HasherProcess, reactor),
            on_hangup=_on_hang_up,
            show=_show,
            give_up=_fail_at_exit,
        ),
    )
    return service
