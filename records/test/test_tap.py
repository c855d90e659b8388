"""The command line of `twistd records`, and what is put together from it."""

from __future__ import annotations

import gc
import io
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

import msgspec
from twisted.application.service import IService, IServiceMaker
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock, deferLater
from twisted.logger import capturedLogs, formatEvent
from twisted.plugin import getPlugins
from twisted.python import usage
from twisted.python.reflect import namedAny
from twisted.trial.unittest import SynchronousTestCase, TestCase
from zope.interface.verify import verifyObject

from records import __version__, tap
from records.daemon.bootstrap import Places
from records.daemon.service import Settings
from records.model.accounts import SessionLimits
from records.model.errors import Unusable
from records.server.protocol import Deadlines
from records.tap import (
    OWN_FILES,
    Options,
    _collect_less_often,
    _microseconds,
    _on_hang_up,
    _raise_descriptor_limit,
    _show,
    _stop_once,
    _tell_in_one_line,
    _use_monotonic_clock,
    makeService,
)
from records.tls.keys import KeyFiles

CLOCK: Any = reactor

DEFAULTS = Settings(
    Places(Path("data"), KeyFiles(Path("keys"))),
    ("tcp:7443:interface=127.0.0.1",),
    SessionLimits(idle=900, lifetime=43200),
    Deadlines(handshake=10, login=60, line=30, idle=900, read=30, close=5),
    max_connections=20000,
    max_per_source=2000,
    stop=10,
    region="US",
)

# option: what is given, and where it is found in the settings
WHOLE: dict[str, tuple[int, Callable[[Settings], object]]] = {
    "session-idle": (61, lambda settings: settings.sessions.idle),
    "session-lifetime": (62, lambda settings: settings.sessions.lifetime),
    "max-connections": (63, lambda settings: settings.max_connections),
    "max-per-source": (62, lambda settings: settings.max_per_source),
    "handshake-timeout": (64, lambda settings: settings.deadlines.handshake),
    "login-timeout": (65, lambda settings: settings.deadlines.login),
    "line-timeout": (66, lambda settings: settings.deadlines.line),
    "idle-timeout": (67, lambda settings: settings.deadlines.idle),
    "read-timeout": (68, lambda settings: settings.deadlines.read),
    "stop-timeout": (69, lambda settings: settings.stop),
}
COST = "bcrypt-cost"
DAY = 24 * 60 * 60
RANGES = {
    "session-idle": (60, 30 * DAY),
    "session-lifetime": (60, 30 * DAY),
    "max-connections": (1, 1_000_000),
    "max-per-source": (1, 1_000_000),
    COST: (10, 16),
} | {name: (1, DAY) for name in WHOLE if name.endswith("-timeout")}


def parsed(*argv: str) -> Options:
    """The options that a command line gives."""
    options = Options()
    options.parseOptions(list(argv))
    return options


class OptionsTests(SynchronousTestCase):
    """What can be chosen."""

    def test_defaults(self) -> None:
        """Without options everything is as it is documented."""
        options = parsed()
        self.assertEqual(options.settings(), DEFAULTS)
        self.assertEqual(options[COST], 12)

    def test_each(self) -> None:
        """Each number is found where it belongs, and changes nothing else."""
        for name, (value, find) in WHOLE.items():
            settings = parsed(f"--{name}", str(value)).settings()
            self.assertEqual(find(settings), value, name)
            self.assertEqual(
                [find(settings) == find(DEFAULTS) for _, find in WHOLE.values()].count(False), 1
            )
        self.assertEqual(parsed(f"--{COST}=13")[COST], 13)

    def test_places(self) -> None:
        """The folders can be chosen, by their long and their short names."""
        for argv in (["--data", "/d", "--keys=/k"], ["-d", "/d", "-k", "/k"]):
            places = parsed(*argv).settings().places
            self.assertEqual(places, Places(Path("/d"), KeyFiles(Path("/k"))))

    def test_listen(self) -> None:
        """Each endpoint that is given is listened at, and none besides."""
        given = ("tcp:1:interface=10.0.0.5", "tcp6:2", "unix:/run/records")
        options = parsed("--listen", given[0], "-l", given[1], f"--listen={given[2]}")
        self.assertEqual(options.settings().listen, given)
        self.assertEqual(parsed().settings().listen, DEFAULTS.listen)

    def test_region(self) -> None:
        """A country that there is can be chosen, in capitals or small letters."""
        for given in ("DE", "de"):
            self.assertEqual(parsed("--region", given).settings().region, "DE")
        for bad in ("", "D", "XX", "Germany", "de_DE"):
            self.assertIn("ISO 3166", self.wrong("--region", bad))

    def wrong(self, *argv: str) -> str:
        """The line with which a command line is refused."""
        line = str(self.assertRaises(usage.UsageError, parsed, *argv))
        self.assertNotIn("\n", line)
        return line

    def test_ranges(self) -> None:
        """The least and the most of each number are taken; what is beyond is refused by name."""
        self.assertEqual(set(RANGES), {*WHOLE, COST})
        for name, (least, most) in RANGES.items():
            for good in (least, most):
                self.assertEqual(parsed(f"--{name}", str(good))[name], good)
            for bad in (least - 1, most + 1):
                line = self.wrong(f"--{name}", str(bad))
                self.assertIn(f"--{name} takes a whole number from {least} to {most}", line)

    def test_no_numbers(self) -> None:
        """What is no whole number is refused by name."""
        for name in RANGES:
            for bad in ("", "x", "-61", "61.5", "1e2", " 61", "0x40", "²", "None"):
                self.assertIn(f"--{name}", self.wrong(f"--{name}={bad}"))

    def test_wrong_endpoints(self) -> None:
        """An endpoint with TLS of its own, or none at all, is refused by name."""
        for bad in ("ssl:7443", "tls:7443", "ssl:7443:privateKey=key.pem"):
            self.assertIn("--listen: TLS is added to every endpoint", self.wrong("--listen", bad))
        for bad in ("nonsense", "", "7443", "tcp:x", "tcp:1:2:3:4:5"):
            line = self.wrong("-l", "tcp:1", "-l", bad)
            self.assertTrue(line.startswith("--listen: "), line)
            self.assertIn("tcp:7443:interface=127.0.0.1", line)

    def test_unknown(self) -> None:
        """Anything else is refused."""
        for argv in (["--insecure"], ["extra"], ["--data"]):
            self.wrong(*argv)

    def test_version(self) -> None:
        """The version is reported, and nothing is started."""
        said = io.StringIO()
        self.patch(sys, "stdout", said)
        self.assertEqual(self.assertRaises(SystemExit, parsed, "--version").code, 0)
        self.assertEqual(said.getvalue(), f"records {__version__}\n")

    def test_help(self) -> None:
        """The help tells of every option, and where it listens by itself."""
        text = Options().getUsage(width=100)
        for name in (*RANGES, "data", "keys", "listen", "version"):
            self.assertIn(f"--{name}", text)
        self.assertIn("tcp:7443:interface=127.0.0.1]", text)


class PluginTests(SynchronousTestCase):
    """What `twistd` finds."""

    def test_found(self) -> None:
        """There is one plugin of that name, and it leads to this module."""
        found: Any
        (found,) = [each for each in getPlugins(IServiceMaker) if each.tapname == "records"]
        self.assertEqual(found.module, "records.tap")
        self.assertIs(namedAny(found.module), tap)
        self.assertIs(found.options, Options)
        self.assertIs(found.makeService, makeService)
        self.assertTrue(found.description)


class ServiceTests(SynchronousTestCase):
    """What is put together."""

    def setUp(self) -> None:
        self.addCleanup(os.umask, os.umask(0o022))

    def test_made(self) -> None:
        """A service is made, which does nothing before it is started."""
        folder = Path(self.mktemp())
        service = makeService(parsed("--data", str(folder / "d"), "--keys", str(folder / "k")))
        verifyObject(IService, service)
        self.assertFalse(service.running)
        self.assertFalse(folder.exists())

    def test_umask(self) -> None:
        """From then on, files are made for their owner only."""
        makeService(parsed())
        old = os.umask(0)
        self.assertEqual(old, 0o077)

    def test_refused(self) -> None:
        """A start that is refused is reported in one line: at the terminal, else in the log."""
        self.patch(sys, "excepthook", sys.excepthook)
        limits = resource.getrlimit(resource.RLIMIT_NOFILE)
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, limits)
        file = Path(self.mktemp())
        file.write_bytes(b"in the way")
        service = makeService(parsed("--data", str(file), "--keys", str(file)))
        for stream, logged in ((Terminal(), 0), (io.StringIO(), 1), (None, 1)):
            self.patch(sys, "__stderr__", stream)
            with capturedLogs() as events:
                why = str(self.assertRaises(Unusable, service.startService))
            told = [each for each in events if why in str(formatEvent(each))]
            self.assertEqual(len(told), logged)
            self.assertIs(sys.excepthook, _tell_in_one_line)
            self.assertFalse(service.running)
        self.assertEqual(resource.getrlimit(resource.RLIMIT_NOFILE), (limits[1], limits[1]))


class Terminal(io.StringIO):
    """Somebody's terminal."""

    def isatty(self) -> bool:
        """See `IO`."""
        return True


class ProcessTests(SynchronousTestCase):
    """What the process itself tells, and how it ends."""

    def test_refusal(self) -> None:
        """Why a daemon cannot start is reported in one line, where twistd does not log it."""
        said, logged = io.StringIO(), io.StringIO()
        self.patch(sys, "__stderr__", said)
        self.patch(sys, "stderr", logged)
        error = Unusable("keys/ca.key is no key.")
        _tell_in_one_line(Unusable, error, error.__traceback__)
        self.assertEqual(said.getvalue(), "records: keys/ca.key is no key.\n")
        self.assertEqual(logged.getvalue(), "")

    def test_fault(self) -> None:
        """Any other error is told as Python does."""
        told: list[object] = []

        def note(kind: type[BaseException], error: BaseException, trace: TracebackType) -> None:
            told.append(error)

        said = io.StringIO()
        self.patch(sys, "__stderr__", said)
        self.patch(sys, "__excepthook__", note)
        error = LookupError("x")
        _tell_in_one_line(LookupError, error, None)
        self.assertEqual((told, said.getvalue()), ([error], ""))

    def test_show(self) -> None:
        """The first password is shown to a person at a terminal, and to no file or pipe."""
        terminal, file = Terminal(), io.StringIO()
        for stream in (terminal, file, None):
            self.patch(sys, "__stderr__", stream)
            self.patch(sys, "stdout", file)
            _show("abcde-fghjk")
        self.assertEqual((terminal.getvalue(), file.getvalue()), ("abcde-fghjk\n", ""))

    def test_exit_code(self) -> None:
        """A process that was given up ends with 1, after what is left to be written."""
        program = "from records import tap; tap._fail_at_exit(); print('the last word')"
        done = subprocess.run(
            [sys.executable, "-c", program],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        self.assertEqual((done.returncode, done.stdout), (1, "the last word\n"))

    def test_clock(self) -> None:
        """The clock counts microseconds since 1970."""
        before = time.time_ns()
        self.assertTrue(before // 1000 <= _microseconds() <= time.time_ns() // 1000)


class HangUpTests(TestCase):
    """SIGHUP, as the reactor gets it."""

    timeout = 30

    async def test_hang_up(self) -> None:
        """At each SIGHUP the call is made, in the reactor's own time."""
        self.addCleanup(signal.signal, signal.SIGHUP, signal.getsignal(signal.SIGHUP))
        told: list[Deferred[None]] = []
        _on_hang_up(lambda: told[-1].callback(None))
        for _ in range(2):
            told.append(Deferred())
            os.kill(os.getpid(), signal.SIGHUP)
            self.assertFalse(told[-1].called)
            await told[-1]

    async def test_terminal_closed(self) -> None:
        """A SIGHUP because the terminal was closed stops the daemon; any other one does not."""
        was = signal.getsignal(signal.SIGHUP)
        self.addCleanup(signal.signal, signal.SIGHUP, was)
        for before, now, disposition, stops in (
            (True, False, signal.SIG_DFL, True),
            (True, True, signal.SIG_DFL, False),
            (False, False, signal.SIG_DFL, False),  # a service manager has none
            (True, False, signal.SIG_IGN, False),  # nohup
        ):
            signal.signal(signal.SIGHUP, disposition)
            done: Deferred[str] = Deferred()
            terminals = iter((before, now))
            _on_hang_up(
                lambda done=done: done.callback("reloaded"),  # type: ignore[misc]
                lambda terminals=terminals: next(terminals),  # type: ignore[misc]
                lambda done=done: done.callback("stopped"),  # type: ignore[misc]
            )
            os.kill(os.getpid(), signal.SIGHUP)
            self.assertEqual(await done, "stopped" if stops else "reloaded")


class StopOnceTests(TestCase):
    """SIGTERM and SIGINT while the reactor stops."""

    timeout = 30

    async def test_answered(self) -> None:
        """Each is answered in the log, in the reactor's own time, and stops nothing."""
        numbers = (signal.SIGTERM, signal.SIGINT)
        for number in numbers:
            self.addCleanup(signal.signal, number, signal.getsignal(number))
        _stop_once()
        with capturedLogs() as events:
            for number in numbers:
                os.kill(os.getpid(), number)
            self.assertEqual(events, [])
            await deferLater(CLOCK, 0.05)
        told = [formatEvent(each) for each in events]
        self.assertEqual(len(told), 2)
        for each in told:
            self.assertIn("Stopping already", each)


class FilesTests(SynchronousTestCase):
    """`_raise_descriptor_limit`."""

    def setUp(self) -> None:
        limits = resource.getrlimit(resource.RLIMIT_NOFILE)
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, limits)
        self.hard = limits[1]

    def test_enough(self) -> None:
        """As many connections as are wanted, where the system has as many descriptors to spare."""
        with capturedLogs() as events:
            self.assertEqual(_raise_descriptor_limit(self.hard - OWN_FILES), self.hard - OWN_FILES)
        self.assertEqual(events, [])
        self.assertEqual(resource.getrlimit(resource.RLIMIT_NOFILE)[0], self.hard)

    def test_too_few(self) -> None:
        """Where the system has not, there are fewer connections, and the log says how many."""
        with capturedLogs() as events:
            self.assertEqual(_raise_descriptor_limit(self.hard), self.hard - OWN_FILES)
        self.assertIn(f"Only {self.hard - OWN_FILES} connections", str(formatEvent(events[0])))


class TrueSecondsTests(SynchronousTestCase):
    """`_use_monotonic_clock`."""

    def test_monotonic(self) -> None:
        """A reactor on which nothing is scheduled goes by the clock that nobody sets."""
        clock = Clock()
        _use_monotonic_clock(clock)
        self.assertIs(clock.seconds, time.monotonic)

    def test_too_late(self) -> None:
        """What has been scheduled keeps its clock, and the log says so."""
        clock = Clock()
        clock.callLater(1, int)
        before = clock.seconds
        with capturedLogs() as events:
            _use_monotonic_clock(clock)
        self.assertEqual(clock.seconds, before)
        self.assertIn("wall clock", str(formatEvent(events[0])))


class CollectorTests(SynchronousTestCase):
    """The garbage collector."""

    def setUp(self) -> None:
        self.addCleanup(gc.set_threshold, *gc.get_threshold())
        self.addCleanup(gc.unfreeze)

    def test_seldom(self) -> None:
        """What is there stays unlooked at; of the rest, only the rounds over all get rarer."""
        gc.unfreeze()
        gc.set_threshold(700, 9, 10)
        _collect_less_often()
        self.assertGreater(gc.get_freeze_count(), 1000)
        self.assertEqual((gc.isenabled(), gc.get_threshold()), (True, (700, 9, 100)))


class EqualTests(SynchronousTestCase):
    """The two places where the defaults stand."""

    def test_settings(self) -> None:
        """`Settings` by itself has the defaults of the command line."""
        built = Settings(DEFAULTS.places, DEFAULTS.listen)
        self.assertEqual(msgspec.structs.asdict(built), msgspec.structs.asdict(DEFAULTS))
