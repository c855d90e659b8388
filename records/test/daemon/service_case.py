"""What the tests of the service share: services whose turns the test takes, and clients in memory.

The reactor is not a real one, and threads write and hash in place of processes. TLS is real.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from functools import partial
from pathlib import Path
from threading import enumerate as threads
from typing import Any, TypeVar, cast

from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory
from twisted.logger import ILogObserver, LogEvent, formatEvent, globalLogPublisher
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.python.failure import Failure
from twisted.test.iosim import FakeTransport, IOPump, connect
from twisted.trial.unittest import SynchronousTestCase

from records.client.connection import Connection
from records.client.failures import WatchedTLS
from records.client.protocol import ClientProtocol
from records.daemon.bootstrap import Places, now
from records.daemon.service import Environment, RecordsService, Settings
from records.model.fields import STANDARD
from records.operations.boundaries import PasswordHasher
from records.store.sqlite.database import SqliteDatabase
from records.test.auth.hashing_case import HashingThreads, PlainHasher
from records.test.daemon.held_case import HeldReactor, HeldTime, Silent
from records.test.operations.operations_case import SOURCE
from records.test.store.dispatch_case import WriterThread
from records.test.tls.tls_case import End
from records.testing import Counting, FakeTime, sqlite_backend
from records.tls.contexts import client_tls
from records.tls.keys import KeyFiles, prepare_keys

T = TypeVar("T")
PASSWORD = "seven quiet otters paint the harbour"
LISTEN = "tcp:7443:interface=127.0.0.1"


class Events(list[LogEvent]):
    """What has been logged while a test runs."""

    def ours(self) -> list[str]:
        """What the service said, each with its level: `info: Stopped`."""
        return [
            f"{event['log_level'].name}: {formatEvent(event)}"
            for event in self
            if event["log_namespace"].startswith("records.daemon.service")
        ]

    def of(self, level: str) -> list[str]:
        """What the service said at this level."""
        return [line.partition(": ")[2] for line in self.ours() if line.startswith(f"{level}: ")]

    def everything(self) -> str:
        """All that any observer could make of the events, in one text."""
        return "\n".join(f"{dict(event)!r}\n{formatEvent(event)}" for event in self)


class ServiceCase(SynchronousTestCase):
    """A data folder that is not there yet, keys, and services that the test starts."""

    def setUp(self) -> None:
        self.reactor = HeldReactor()
        self.time = HeldTime()
        self.hasher: PasswordHasher = PlainHasher()
        self.random = Counting()
        self.start_writer: Callable[..., WriterThread] = partial(WriterThread, self.reactor)
        self.hashing: list[HashingThreads] = []
        self.hang_ups: list[Callable[[], None]] = []
        self.shown: list[str] = []
        self.given_up: list[bool] = []
        self.pumps: list[IOPump] = []
        self.seen: list[WatchedTLS] = []
        self.threads = frozenset(threads())
        folder = Path(self.mktemp()).absolute()
        folder.mkdir()
        self.places = Places(folder / "data", KeyFiles(folder / "keys"))
        prepare_keys(self.places.keys, ["localhost"], now())
        self.events = Events()
        observer = cast(ILogObserver, self.events.append)
        globalLogPublisher.addObserver(observer)
        self.addCleanup(globalLogPublisher.removeObserver, observer)

    def service(self, *listen: str, **settings: Any) -> RecordsService:
        """A service that has not been started."""
        environment = Environment(
            reactor=self.reactor,
            hasher=self.hasher,
            backend=sqlite_backend(self.time, self.random),
            random_bytes=self.random,
            start_writer=self.start_writer,
            start_hasher=self.start_hasher,
            on_hangup=self.hang_ups.append,
            show=self.shown.append,
            give_up=lambda: self.given_up.append(True),
        )
        return RecordsService(Settings(self.places, listen or (LISTEN,), **settings), environment)

    def start_hasher(self) -> HashingThreads:
        """Whoever hashes for the next service."""
        self.hashing.append(HashingThreads(self.reactor))
        return self.hashing[-1]

    def started(self, *listen: str, **settings: Any) -> RecordsService:
        """A service that runs until the test ends, unless it is stopped before."""
        service = self.service(*listen, **settings)
        service.startService()
        self.addCleanup(self._end, service)
        return service

    def _end(self, service: RecordsService) -> None:
        """Leave no threads behind, however a test has ended."""
        self.time.go_on.set()
        self.reactor.advance(60)
        self.turn()
        if service.running:
            self.stop(service)

    def stop(self, service: RecordsService) -> None:
        """Stop it, and wait until it has."""
        self.result_of(service.stopService())

    def left_running(self) -> list[str]:
        """The threads that have not ended since the test began, nor do so in a moment."""
        left = [each for each in threads() if each not in self.threads]
        for each in left:
            each.join(5)
        return [each.name for each in left if each.is_alive()]

    def turn(self) -> None:
        """Let the reactor do what is due, and what threads have asked for so far."""
        self.reactor.advance(0)
        while self.reactor.one_call(0):
            pass
        for pump in self.pumps:
            pump.flush()

    def until(self, done: Callable[[], object]) -> None:
        """Take turns until something is done; threads get the time that they need."""
        for _ in range(1000):
            self.turn()
            if done():
                return
            self.reactor.one_call(0.02)
        self.fail("it is never done")

    def result_of(self, work: Deferred[T] | Coroutine[Deferred[Any], Any, T]) -> T:
        """What comes out, after as many turns as it takes. Raises what it failed with."""
        deferred = work if isinstance(work, Deferred) else Deferred.fromCoroutine(work)
        outcome: list[T | Failure] = []
        deferred.addBoth(outcome.append)
        self.until(lambda: outcome)
        (result,) = outcome
        if isinstance(result, Failure):
            result.raiseException()
        assert not isinstance(result, Failure)
        return result

    async def dial(self) -> ClientProtocol:
        """See `records.client.dial.Dial`: a connection to the port that was opened last."""
        factory = self.reactor.ports[-1].factory
        client = ClientProtocol(self.reactor)
        watched = WatchedTLS(client_tls("localhost", self.places.keys.ca_certificate))
        self.seen.append(watched)
        asking = TLSMemoryBIOFactory(
            watched, True, Factory.forProtocol(lambda: client), self.reactor
        ).buildProtocol(None)
        address = IPv4Address("TCP", SOURCE, 50000)
        serving = factory.buildProtocol(address)
        transport = FakeTransport(serving, True, peerAddress=address)
        other = FakeTransport(asking, False)
        self.pumps.append(connect(serving, transport, asking, other, clock=self.reactor))
        return await client.ready

    def connected(self) -> End:
        """A connection to the port that was opened last, without TLS."""
        address = IPv4Address("TCP", SOURCE, 50001)
        end, serving = Silent(), self.reactor.ports[-1].factory.buildProtocol(address)
        other = FakeTransport(end, False)
        if serving is None:
            end.makeConnection(other)
            end.connectionLost()
        else:
            transport = FakeTransport(serving, True, peerAddress=address)
            self.pumps.append(connect(serving, transport, end, other, clock=self.reactor))
            self.turn()
        return end

    def dialled(self) -> ClientProtocol:
        """A connection on which nobody has logged in."""
        return self.result_of(self.dial())

    def serial(self, number: int = -1) -> int:
        """The serial number of the certificate that a connection was shown."""
        certificate = self.seen[number].certificate()
        assert certificate is not None
        return certificate.serial_number

    def first_password(self) -> str:
        """What stands in the file."""
        return self.places.first_password.read_text("ascii").strip()

    def logged_in(self) -> Connection:
        """A client of the first account, whose password has been changed."""
        connection = Connection(self.dial, self.reactor, lambda _: None)
        first = self.first_password()
        self.result_of(connection.login("admin", first))
        self.result_of(connection.change_password(first, PASSWORD))
        return connection

    def look(self, look: Callable[..., T]) -> T:
        """What somebody sees who looks at the database directly."""
        reader = SqliteDatabase(
            self.places.database, FakeTime(), may_upgrade=False, catalogue=STANDARD
        ).reader()
        try:
            return look(reader.begin())
        finally:
            reader.end()
            reader.close()
