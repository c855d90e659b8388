"""The service on the real reactor: real sockets at the loopback address, and the real client."""

from __future__ import annotations

import os
import socket
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from shutil import rmtree
from typing import Any

from twisted.internet import reactor
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import HostnameEndpoint
from twisted.internet.interfaces import IReactorTime
from twisted.internet.protocol import Factory
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase

from records.auth.hasher_process import HasherProcess
from records.client.connection import Connection
from records.client.dial import dial_tls
from records.client.failures import Place
from records.client.screen import Unreachable
from records.daemon.bootstrap import Places, lock, now
from records.daemon.service import Environment, RecordsService, Settings
from records.model.errors import Unusable
from records.store.writer_process import WriterProcess
from records.test.auth.hashing_case import PlainHasher
from records.test.daemon.service_case import PASSWORD
from records.test.samples import ANN
from records.test.tls.tls_case import End
from records.testing import sqlite_backend
from records.tls.keys import KeyFiles, load_certificates, make_certificate, prepare_keys

LOOPBACK = "tcp:0:interface=127.0.0.1"
CLOCK = IReactorTime(reactor)


class RealTests(TestCase):
    """A service that is used as it is in earnest."""

    timeout = 30

    def setUp(self) -> None:
        # A short name: that of a socket in the file system may not be long.
        folder = Path(tempfile.mkdtemp())
        self.addCleanup(rmtree, folder)
        self.folder = folder
        self.places = Places(folder / "data", KeyFiles(folder / "keys"))
        self.hang_ups: list[Callable[[], None]] = []
        self.shown: list[str] = []
        prepare_keys(self.places.keys, ["localhost"], now())

    def service(self, *listen: str, max_connections: int = 10) -> RecordsService:
        """A service that has not been started."""
        environment = Environment(
            reactor=reactor,
            hasher=PlainHasher(),
            backend=sqlite_backend(entropy=os.urandom),
            random_bytes=os.urandom,
            start_writer=partial(WriterProcess, reactor),
            start_hasher=partial(HasherProcess, reactor),
            on_hangup=self.hang_ups.append,
            show=self.shown.append,
            give_up=lambda: self.fail("given up"),
        )
        settings = Settings(self.places, listen or (LOOPBACK,), max_connections=max_connections)
        return RecordsService(settings, environment)

    def started(self, *listen: str, max_connections: int = 10) -> RecordsService:
        """A service that runs until the test ends, unless it is stopped before."""
        service = self.service(*listen, max_connections=max_connections)
        service.startService()
        self.addCleanup(lambda: service.stopService() if service.running else None)
        return service

    def port(self, service: RecordsService) -> int:
        """Where it listens."""
        host = service.ports[-1].getHost()
        assert isinstance(host, IPv4Address)
        return host.port

    def client(self, port: int) -> Connection:
        """A client of it."""
        place = Place("localhost", port, self.places.keys.ca_certificate)
        return Connection(dial_tls(CLOCK, place), CLOCK, lambda _: None)

    async def served(self, port: int) -> int:
        """The serial number of the certificate that a new connection is shown."""
        protocol = await dial_tls(
            CLOCK, Place("localhost", port, self.places.keys.ca_certificate)
        )()
        transport: Any = protocol.transport
        shown = transport.getPeerCertificate().to_cryptography()
        protocol.close()
        number: int = shown.serial_number
        return number

    async def test_use(self) -> None:
        """The first account logs in, changes its password, adds an employee and gets it."""
        service = self.started()
        connection = self.client(self.port(service))
        first = self.places.first_password.read_text().strip()
        self.assertIn(first, self.shown[0])
        told = await connection.login("admin", first)
        self.assertTrue(told.must_change_password)
        await connection.change_password(first, PASSWORD)
        self.assertFalse(self.places.first_password.exists())
        await connection.add(ANN, "key 1")
        shown = await connection.get(1, ["ssn"])
        self.assertEqual(shown.employee["ssn"], ANN["ssn"])
        await connection.leave()

    async def test_hang_up(self) -> None:
        """After a hang-up new connections are shown what then was in the keys' folder."""
        service = self.started()
        port = self.port(service)
        connection = self.client(port)
        await connection.login("admin", self.places.first_password.read_text().strip())
        old = await self.served(port)
        make_certificate(self.places.keys, ["localhost"], now())
        self.hang_ups[0]()
        new = load_certificates(self.places.keys.certificate)[0].serial_number
        self.assertNotEqual(new, old)
        self.assertEqual(await self.served(port), new)
        await connection.leave()

    async def test_stop(self) -> None:
        """A stop ends connections and frees the port and the folder."""
        service = self.started()
        port = self.port(service)
        connection = self.client(port)
        await connection.login("admin", self.places.first_password.read_text().strip())
        await service.stopService()
        with self.assertRaises(Unreachable):
            await self.client(port).login("admin", "whatever")
        again = self.started(f"tcp:{port}:interface=127.0.0.1")
        self.assertEqual(self.port(again), port)
        await connection.leave()

    async def test_taken(self) -> None:
        """A port that is taken is refused; ports and folder are free after that."""
        taken = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(taken.close)
        free = socket.create_server(("127.0.0.1", 0))
        number = free.getsockname()[1]
        free.close()
        endpoints = [f"tcp:{each}:interface=127.0.0.1" for each in (number, taken.getsockname()[1])]
        service = self.service(*endpoints)
        line = str(self.assertRaises(Unusable, service.startService))
        self.assertIn(f"{endpoints[1]}: the port is taken", line)
        await deferLater(CLOCK, 0)
        socket.create_server(("127.0.0.1", number)).close()
        os.close(lock(self.places, ()))

    def test_no_such_port(self) -> None:
        """A port that no machine has is refused with a reason."""
        service = self.service("tcp:65536:interface=127.0.0.1")
        line = str(self.assertRaises(Unusable, service.startService))
        self.assertNotIn("a fault", line)

    async def test_most_connections(self) -> None:
        """Beyond the most connections that were chosen, a further one is closed at once."""
        service = self.started(max_connections=1)
        endpoint = HostnameEndpoint(CLOCK, "127.0.0.1", self.port(service))
        first: Any = await endpoint.connect(Factory.forProtocol(Closing))
        further = Closing()
        await endpoint.connect(Factory.forProtocol(lambda: further))
        await further.closed
        first.transport.abortConnection()

    async def test_socket_is_gone(self) -> None:
        """A stop closes everything, even if a socket's file was removed meanwhile."""
        path = self.folder / "socket"
        service = self.started(f"unix:{path}", LOOPBACK)
        client = self.client(self.port(service))
        path.unlink()
        await service.stopService()
        with self.assertRaises(Unreachable):
            await client.login("admin", "whatever")
        os.close(lock(self.places, ()))


class Closing(End):
    """An end that says nothing, and tells when it was closed."""

    def __init__(self) -> None:
        super().__init__()
        self.closed: Deferred[None] = Deferred()

    def connectionMade(self) -> None:
        """See `IProtocol`."""

    def connectionLost(self, reason: object = None) -> None:
        """See `IProtocol`."""
        self.closed.callback(None)
