"""Starts that are refused, endpoints that are none, and how to connect as the log tells it."""

from __future__ import annotations

import os
import shlex
from errno import EACCES, EADDRINUSE, EADDRNOTAVAIL, EAFNOSUPPORT
from functools import partial
from pathlib import Path
from typing import NoReturn

from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from records.client.arguments import parse_options
from records.daemon.bootstrap import Places, lock
from records.daemon.service import _how_to_connect, _why_not_listening, endpoint_from
from records.model.errors import Unusable
from records.test.daemon.service_case import LISTEN, ServiceCase
from records.test.store.dispatch_case import WriterThread
from records.tls.keys import KeyFiles


class CommandTests(SynchronousTestCase):
    """How to connect, as the log tells it."""

    def told(self, host: str, port: int, folder: str = "keys") -> str:
        kind = IPv6Address if ":" in host else IPv4Address
        places = Places(Path("data"), KeyFiles(Path(folder)))
        where, how = _how_to_connect(kind("TCP", host, port), places)
        self.assertIn(where, (f"{host}:{port}", f"[{host}]:{port}"))
        return how

    def test_short(self) -> None:
        """With everything in its usual place the command needs no options."""
        for host in ("127.0.0.1", "::1", "0.0.0.0", "::"):
            self.assertEqual(self.told(host, 7443), "python -m records.client")

    def test_where(self) -> None:
        """An IPv6 address is told so that its port can be told from it."""
        places = Places(Path("data"), KeyFiles(Path("keys")))
        self.assertEqual(_how_to_connect(IPv6Address("TCP", "::1", 1), places)[0], "[::1]:1")

    def test_other_endpoints(self) -> None:
        """What is no TCP endpoint is told as what it is."""
        places = Places(Path("data"), KeyFiles(Path("keys")))
        where, how = _how_to_connect(UNIXAddress("/run/records"), places)
        self.assertIn("/run/records", where)
        self.assertIn("by way of a TCP endpoint", how)

    def test_understood(self) -> None:
        """A shell and the client understand the command as it is meant."""
        for host in ("127.0.0.1", "192.0.2.7", "2001:db8::7", "::"):
            for port in (7443, 443):
                for folder in ("keys", "/etc/records keys", "/srv/r's"):
                    words = shlex.split(self.told(host, port, folder))
                    self.assertEqual(words[:3], ["python", "-m", "records.client"])
                    options = parse_options(words[3:])
                    local = host in ("127.0.0.1", "::")
                    self.assertEqual(options.host, "localhost" if local else host)
                    self.assertEqual((options.port, options.ca), (port, Path(folder) / "ca.crt"))


class RefusedTests(ServiceCase):
    """Starts that are refused, in one line, with nothing left behind."""

    def refused(self, *listen: str) -> str:
        service = self.service(*listen)
        line = str(self.assertRaises(Unusable, service.startService))
        self.assertNotIn("\n", line)
        self.assertFalse(service.running)
        self.assertFalse([port for port in self.reactor.ports if port.is_open])
        self.assertEqual((self.events.ours(), self.shown, self.hang_ups), ([], [], []))
        return line

    def test_second_daemon(self) -> None:
        """A second daemon in the same folder is refused, and the first goes on."""
        first = self.started()
        line = str(self.assertRaises(Unusable, self.service("tcp:7444").startService))
        self.assertIn("in use by another daemon", line)
        self.assertEqual(len(self.reactor.ports), 1)
        self.dialled()
        self.stop(first)

    def test_keys(self) -> None:
        """Keys that others can read are refused before anything listens."""
        self.places.keys.key.chmod(0o644)
        self.assertIn("0644", self.refused())
        self.assertEqual(self.reactor.ports, [])

    def test_certificate(self) -> None:
        """So is a key of another certificate."""
        self.places.keys.key.write_bytes(self.places.keys.ca_key.read_bytes())
        self.assertIn("is not the key of", self.refused())

    def test_port(self) -> None:
        """A port that is taken is named, and the ports before it are closed again."""
        self.reactor.taken[7444] = EADDRINUSE
        line = self.refused(LISTEN, "tcp:7444")
        self.assertIn("tcp:7444", line)
        self.assertIn("the port is taken", line)
        self.assertEqual(len(self.reactor.ports), 1)
        self.assertFalse(self.places.database.exists())

    def test_database(self) -> None:
        """A damaged database is refused, and the port closed."""
        self.places.data.mkdir()
        self.places.database.write_bytes(b"not a database" * 100)
        self.places.database.chmod(0o600)
        self.assertIn("damaged", self.refused())
        self.assertEqual(len(self.reactor.ports), 1)

    def test_workers(self) -> None:
        """Where a worker cannot be started, nothing is left: no port, lock, or process."""
        abandoned: list[object] = []

        class NoThread(WriterThread):
            """A writer whose thread the system does not allow."""

            def start(self) -> None:
                raise Unusable("There can be no more threads.")

            def abandon(self) -> None:
                abandoned.append(self)

        self.start_writer = partial(NoThread, self.reactor)
        self.assertIn("no more threads", self.refused())
        self.assertEqual(len(abandoned), 1)
        self.assertTrue(self.hashing[-1].is_abandoned)
        self.assertFalse([port for port in self.reactor.ports if port.is_open])
        os.close(lock(self.places, (), 0))

    def test_nobody_to_hash(self) -> None:
        """So it is where nobody can be had who hashes passwords."""
        abandoned: list[object] = []

        class Writer(WriterThread):
            """A writer that tells of its end."""

            def abandon(self) -> None:
                abandoned.append(self)

        def refuse() -> NoReturn:
            raise Unusable("There can be no process that hashes passwords.")

        self.start_writer = partial(Writer, self.reactor)
        self.patch(self, "start_hasher", refuse)
        self.assertIn("no process that hashes", self.refused())
        self.assertEqual((len(abandoned), self.reactor.ports), (1, []))
        os.close(lock(self.places, (), 0))

    def test_then_started(self) -> None:
        """After a refusal the folder is free: another start succeeds once the reason is gone."""
        self.reactor.taken[7443] = EACCES
        self.refused()
        self.reactor.taken.clear()
        self.started()
        self.dialled()

    def test_then_stopped(self) -> None:
        """Stopping what was refused takes the folder from nobody who has it meanwhile."""
        self.reactor.taken[7443] = EADDRINUSE
        service = self.service()
        self.assertRaises(Unusable, service.startService)
        descriptor = lock(self.places, ())
        self.stop(service)
        try:
            descriptor = lock(self.places, (), 0)
        except Unusable:
            pass
        else:
            self.fail("the lock of another was closed")
        finally:
            os.close(descriptor)

    def test_why(self) -> None:
        """Each reason for which nothing can listen is reported in words."""
        for reason, said in (
            (EADDRINUSE, "the port is taken"),
            (EACCES, "only root may use this port"),
            (EADDRNOTAVAIL, "does not have that address"),
            (EAFNOSUPPORT, "CannotListenError"),
        ):
            self.reactor.taken[7443] = reason
            self.assertIn(said, self.refused())
        self.reactor.taken[7443] = LookupError("536-90-4399")
        self.assertNotIn("536-90-4399", self.refused())
        self.assertEqual(_why_not_listening("x", None), "Cannot listen at x: a fault.")


class EndpointTests(SynchronousTestCase):
    """Descriptions of endpoints."""

    def test_good(self) -> None:
        """What Twisted knows as an endpoint without TLS is one."""
        for description in (LISTEN, "tcp:0", "tcp6:7443", "unix:/run/records.socket"):
            endpoint_from(Clock(), description)

    def test_tls(self) -> None:
        """TLS in an endpoint's own description would be a second one, and is refused."""
        for description in ("ssl:7443", "tls:7443", "ssl:7443:privateKey=x"):
            reason = str(self.assertRaises(ValueError, endpoint_from, Clock(), description))
            self.assertIn("write tcp: instead", reason)

    def test_nonsense(self) -> None:
        """Anything else is refused, with an example of what would be right."""
        for description in ("", "nonsense", "tcp", "tcp:", "tcp:x", "7443", "tcp:1:2:3:4:5"):
            reason = str(self.assertRaises(ValueError, endpoint_from, Clock(), description))
            self.assertIn("tcp:7443:interface=127.0.0.1", reason)
