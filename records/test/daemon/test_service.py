"""Starting the service: where it listens, whom it serves, and what it tells."""

from __future__ import annotations

import msgspec
from twisted.application.service import IService
from twisted.internet.address import IPv4Address, IPv6Address
from zope.interface.verify import verifyObject

from records import __version__
from records.api.messages import NoParams, ServerInfo
from records.client.connection import Connection
from records.model.accounts import SessionLimits
from records.model.errors import NotAuthenticated
from records.test.daemon.service_case import LISTEN, PASSWORD, ServiceCase
from records.test.samples import ANN


class StartTests(ServiceCase):
    """A start, and what is there after it."""

    def test_interface(self) -> None:
        """The service is what Twisted calls one, and says by itself what it is called."""
        service = self.service()
        verifyObject(IService, service)
        self.assertEqual((service.name, bool(service.running), service.ports), ("records", 0, ()))

    def test_listens(self) -> None:
        """It listens at every endpoint that it was given, in that order."""
        service = self.started(LISTEN, "tcp:7444", "tcp6:7445:interface=\\:\\:1")
        hosts = [port.getHost() for port in service.ports]
        self.assertEqual(
            hosts,
            [
                IPv4Address("TCP", "127.0.0.1", 7443),
                IPv4Address("TCP", "0.0.0.0", 7444),
                IPv6Address("TCP", "::1", 7445),
            ],
        )
        self.assertTrue(service.running)

    def test_each_endpoint_serves(self) -> None:
        """A client is served at each of them, over TLS, and told what it speaks with."""
        sessions = SessionLimits(idle=120, lifetime=360)
        self.started(LISTEN, "tcp:7444", sessions=sessions, max_connections=2)
        for _ in range(2):
            client = self.dialled()
            told = self.result_of(client.request("server.info", NoParams()))
            info = msgspec.json.decode(told, type=ServerInfo)
            self.assertEqual((info.name, info.version), ("records", __version__))
            limits = info.limits
            self.assertEqual(
                (limits.session_idle_seconds, limits.session_lifetime_seconds), (120, 360)
            )
            self.reactor.ports.reverse()

    def test_only_tls(self) -> None:
        """A client that does not begin with TLS is told nothing, and hung up on."""
        self.started()
        other = self.connected()
        assert other.transport is not None
        other.transport.write(b'{"jsonrpc":"2.0","id":1,"method":"server.info"}\n')
        self.turn()
        self.assertNotIn(b"jsonrpc", other.got)
        self.assertIsNotNone(other.error)

    def test_most_connections(self) -> None:
        """No more connections are served than were chosen: the next is closed at once."""
        self.started(max_connections=1)
        self.dialled()
        self.assertIsNotNone(self.connected().error)

    def test_use(self) -> None:
        """A user logs in with the first password, changes it, adds an employee and gets it."""
        self.started()
        connection = self.logged_in()
        self.assertFalse(self.places.first_password.exists())
        self.result_of(connection.add(ANN, "key 1"))
        shown = self.result_of(connection.get(1))
        self.assertEqual(shown.employee["family_name"], "O'Hara")
        self.result_of(connection.leave())
        with self.assertRaises(NotAuthenticated):
            self.result_of(connection.get(1))

    def test_tokens(self) -> None:
        """Each login has a token of its own, of 256 bits."""
        self.started()
        tokens = set()
        for _ in range(2):
            connection = Connection(self.dial, self.reactor, lambda _: None)
            told = self.result_of(connection.login("admin", self.first_password()))
            self.assertRegex(told.token, r"\A[A-Za-z0-9_-]{43}\Z")
            tokens.add(told.token)
        self.assertEqual(len(tokens), 2)

    def test_again(self) -> None:
        """A daemon started anew in the same place goes on with what was there."""
        first = self.started()
        connection = self.logged_in()
        self.result_of(connection.add(ANN, "key 1"))
        self.stop(first)
        self.started()
        again = Connection(self.dial, self.reactor, lambda _: None)
        self.result_of(again.login("admin", PASSWORD))
        self.assertEqual(self.result_of(again.get(1)).employee["given_name"], "Ann")


class ToldTests(ServiceCase):
    """What is reported a start, and to whom."""

    def test_log(self) -> None:
        """The log says where the data is, where to connect and how, and where the password is."""
        self.started(LISTEN, "tcp:7444")
        ca = self.places.keys.ca_certificate
        command = "python -m records.client"
        self.assertEqual(
            self.events.ours(),
            [
                f"info: The data is in {self.places.data}",
                f"info: Listening at 127.0.0.1:7443. Connect with: {command} --ca {ca}",
                f"info: Listening at 0.0.0.0:7444. Connect with: {command} --port 7444 --ca {ca}",
                "info: Log in as admin with the password that is in "
                f"{self.places.first_password}, and change it",
            ],
        )

    def test_shown_once(self) -> None:
        """The first account's password is shown at the start that made it, and at no other."""
        first = self.started()
        (shown,) = self.shown
        self.assertIn(f"Its password:      {self.first_password()}\n", shown)
        self.assertIn("The first account: admin\n", shown)
        self.assertIn(str(self.places.first_password), shown)
        self.stop(first)
        self.events.clear()
        self.started()
        self.assertEqual(len(self.shown), 1)
        self.assertIn(str(self.places.first_password), self.events.of("info")[-1])

    def test_changed(self) -> None:
        """Once it is changed, no start tells of it any more."""
        first = self.started()
        self.logged_in()
        self.stop(first)
        self.events.clear()
        self.started()
        self.assertEqual(len(self.events.of("info")), 2)
        self.assertEqual(len(self.shown), 1)

    def test_nothing_secret(self) -> None:
        """No password, token or personal value is in any log event, formatted or not."""
        service = self.started()
        first = self.first_password()
        connection = self.logged_in()
        token = connection._token
        self.result_of(connection.add(ANN, "key 1"))
        self.result_of(connection.get(1, ["ssn"]))
        other = Connection(self.dial, self.reactor, lambda _: None)
        with self.assertRaises(NotAuthenticated):
            self.result_of(other.login("admin", "a wrong password"))
        self.stop(service)
        log = self.events.everything()
        self.assertIn("Stopped", log)
        for secret in (first, PASSWORD, token, "a wrong password", ANN["ssn"], ANN["family_name"]):
            self.assertNotIn(str(secret), log)
