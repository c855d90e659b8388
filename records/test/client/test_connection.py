"""Tests for `records.client.connection`."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, TypeVar

import msgspec
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from records.api.messages import Limits, LoggedIn, ServerInfo, WireUser
from records.client.connection import BUSY_RETRY_AFTER, RETRY_AFTER, Connection
from records.client.protocol import ClientProtocol
from records.client.screen import Unreachable
from records.model.errors import (
    Busy,
    MethodNotFound,
    NotAuthenticated,
    NotFound,
    OutcomeUnknown,
    ParseError,
    PermissionDenied,
)
from records.test.client.wire import Wire

T = TypeVar("T")
LOGGED_IN = LoggedIn(
    token="secret-token",
    expires_at="2026-01-01T12:00:00Z",
    user=WireUser("tess", ["hr"], None),
    permissions=[],
    must_change_password=False,
)
EMPLOYEE = {"employee": {"id": 1, "revision": 1, "given_name": "Ann"}, "masked": []}


class ConnectionCase(SynchronousTestCase):
    """A test with a connection that is made anew as often as it is asked for.

    refusals: errors that the next attempts to connect meet.
    """

    def setUp(self) -> None:
        self.clock = Clock()
        self.wires: list[Wire] = []
        self.refusals: list[Unreachable] = []
        self.told: list[str] = []
        self.connection = Connection(self.dial, self.clock, self.told.append)

    async def dial(self) -> ClientProtocol:
        if self.refusals:
            raise self.refusals.pop(0)
        wire = Wire(self.clock)
        self.wires.append(wire)
        wire.protocol.handshakeCompleted()
        return await wire.protocol.ready

    @property
    def wire(self) -> Wire:
        """The connection that was made last."""
        return self.wires[-1]

    def start(self, coroutine: Coroutine[Deferred[Any], Any, T]) -> Deferred[T]:
        return Deferred.fromCoroutine(coroutine)

    def log_in(self) -> None:
        """Have a user logged in."""
        login = self.start(self.connection.login("tess", "pw"))
        self.assertEqual(self.wire.request()["params"], {"username": "tess", "password": "pw"})
        self.wire.answer(LOGGED_IN, 1)
        self.successResultOf(login)

    def resume(self) -> None:
        """Answer the `resume` that a new connection begins with."""
        sent = self.wire.request()
        self.assertEqual((sent["method"], sent["params"]), ("resume", {"token": "secret-token"}))
        told = {k: v for k, v in msgspec.to_builtins(LOGGED_IN).items() if k != "token"}
        self.wire.answer(told, sent["id"])


INFO = ServerInfo(
    "records", "9", 1, Limits(session_idle_seconds=900, session_lifetime_seconds=43200), "DE"
)


class GreetTests(ConnectionCase):
    """Connecting before anything is asked."""

    def greet(self, answer: object = INFO) -> Deferred[None]:
        """Greet a daemon that answers so."""
        greeted = self.start(self.connection.greet())
        sent = self.wire.request()
        self.assertEqual((sent["method"], "params" in sent and sent["params"]), ("server.info", {}))
        self.wire.answer(answer, sent["id"])
        return greeted

    def test_kept(self) -> None:
        """The login goes over the connection that was made, and the region is known."""
        self.successResultOf(self.greet())
        self.assertEqual(self.connection.region, "DE")
        login = self.start(self.connection.login("tess", "pw"))
        self.wire.reply(LOGGED_IN)
        self.successResultOf(login)
        self.successResultOf(self.start(self.connection.greet()))
        self.assertEqual(len(self.wires), 1)

    def test_closed_meanwhile(self) -> None:
        """If the daemon has closed it while the user typed, another one is made."""
        self.successResultOf(self.greet())
        self.wire.lose()
        login = self.start(self.connection.login("tess", "pw"))
        self.assertEqual(len(self.wires), 2)
        self.wire.reply(LOGGED_IN)
        self.successResultOf(login)

    def test_newer_daemon(self) -> None:
        """What a newer daemon tells besides is passed over."""
        told = {**msgspec.to_builtins(INFO), "methods": [], "time_zone": "UTC"}
        self.successResultOf(self.greet(told))

    def test_other_protocol(self) -> None:
        """A daemon of another protocol is refused, with what to do."""
        other = msgspec.structs.replace(INFO, protocol=2, version="9\x1b[2J")
        why = str(self.failureResultOf(self.greet(other), Unreachable).value)
        self.assertIn("Install a client of the daemon's version, 9\\x1b[2J.", why)
        self.assertTrue(self.wire.disconnecting)

    def test_no_daemon(self) -> None:
        """Whatever answers otherwise is no daemon of records."""
        for answer in ({"hello": 1}, MethodNotFound("No.")):
            why = str(self.failureResultOf(self.greet(answer), Unreachable).value)
            self.assertIn("not a daemon of records", why)
            self.assertTrue(self.wire.disconnecting)
        greeted = self.start(self.connection.greet())
        self.wire.lose()
        self.failureResultOf(greeted, Unreachable)

    def test_unreachable(self) -> None:
        """If there is no connection, that is told."""
        self.refusals = [Unreachable("No daemon listens.")]
        greeted = self.start(self.connection.greet())
        self.assertEqual(
            str(self.failureResultOf(greeted, Unreachable).value), "No daemon listens."
        )


class LoginTests(ConnectionCase):
    """Logging in and out."""

    def test_session(self) -> None:
        """After a login the session is known."""
        self.assertIsNone(self.connection.session)
        self.log_in()
        self.assertEqual(self.connection.session, LOGGED_IN)

    def test_wrong(self) -> None:
        """A refused login leaves nobody logged in."""
        login = self.start(self.connection.login("tess", "x"))
        self.wire.answer(NotAuthenticated("Wrong username or password."), 1)
        self.failureResultOf(login, NotAuthenticated)
        self.assertIsNone(self.connection.session)

    def test_not_repeated(self) -> None:
        """A login is not repeated when its connection is lost."""
        login = self.start(self.connection.login("tess", "x"))
        self.wire.lose()
        self.assertIn("no answer came", str(self.failureResultOf(login, Unreachable).value))
        self.assertEqual(len(self.wires), 1)

    def test_unreachable(self) -> None:
        """A first connection that cannot be made is reported at once."""
        self.refusals = [Unreachable("No daemon listens.")]
        login = self.start(self.connection.login("tess", "x"))
        self.assertEqual(str(self.failureResultOf(login, Unreachable).value), "No daemon listens.")

    def test_busy(self) -> None:
        """A busy daemon is asked again, for it has done nothing yet."""
        login = self.start(self.connection.login("tess", "pw"))
        self.wire.reply(Busy("Busy."))
        self.clock.advance(BUSY_RETRY_AFTER[0])
        self.wire.reply(LOGGED_IN)
        self.successResultOf(login)

    def test_another_login(self) -> None:
        """A new login begins on a connection of its own."""
        self.log_in()
        self.log_in()
        self.assertEqual(len(self.wires), 2)
        self.assertTrue(self.wires[0].disconnecting)

    def test_nobody(self) -> None:
        """Without a login there is nothing to be asked."""
        self.failureResultOf(self.start(self.connection.get(1)), NotAuthenticated)
        self.assertEqual(self.wires, [])

    def test_leave(self) -> None:
        """Leaving ends the session and the connection."""
        self.log_in()
        leaving = self.start(self.connection.leave())
        sent = self.wire.request()
        self.assertEqual(sent["method"], "logout")
        self.wire.answer({}, sent["id"])
        self.successResultOf(leaving)
        self.assertTrue(self.wire.disconnecting)
        self.assertIsNone(self.connection.session)

    def test_leave_in_vain(self) -> None:
        """Leaving does not wait long for a daemon that does not answer."""
        self.log_in()
        leaving = self.start(self.connection.leave())
        self.clock.advance(5)
        self.successResultOf(leaving)

    def test_leave_nowhere(self) -> None:
        """Leaving without having come is nothing."""
        self.successResultOf(self.start(self.connection.leave()))

    def test_strange_answer(self) -> None:
        """An answer of another form than expected is said to be one."""
        login = self.start(self.connection.login("tess", "pw"))
        self.wire.answer({"token": 7}, 1)
        self.failureResultOf(login, ParseError)


class RepeatTests(ConnectionCase):
    """What happens to a request whose connection is lost."""

    def setUp(self) -> None:
        super().setUp()
        self.log_in()

    def test_resumed(self) -> None:
        """A read under way is repeated on a new connection, which goes on with the session."""
        answer = self.start(self.connection.get(1, ["ssn"]))
        before = self.wire.request()
        self.wire.lose()
        self.assertNoResult(answer)
        self.clock.advance(RETRY_AFTER[0])
        self.resume()
        after = self.wire.request()
        self.assertEqual(after["params"], before["params"])
        self.wire.answer(EMPLOYEE, after["id"])
        self.assertEqual(self.successResultOf(answer).employee["given_name"], "Ann")
        self.assertEqual(
            self.told,
            ["The connection to the daemon was lost. Trying again...", "Connected again."],
        )

    def test_between_requests(self) -> None:
        """A connection lost between two requests is made anew without a word."""
        self.wire.lose()
        answer = self.start(self.connection.find("ann", None, 10))
        self.resume()
        self.wire.answer({"employees": [], "cursor": None}, 2)
        self.successResultOf(answer)
        self.assertEqual(self.told, [])

    def test_same_key(self) -> None:
        """Each change is repeated under the key that it had."""
        for call, result in (
            (self.connection.add({"given_name": "Ed"}, "k1"), {"employee": {"id": 3}}),
            (self.connection.update(1, 1, {"title": None}, "k2"), {"employee": {"id": 1}}),
            (self.connection.delete(1, 2, "k3"), {"id": 1, "revision": 3}),
        ):
            answer = self.start(call)
            before = self.wire.request()
            self.wire.lose()
            self.clock.advance(RETRY_AFTER[0])
            self.resume()
            after = self.wire.request()
            self.assertEqual(after["params"], before["params"])
            self.assertIn("key", after["params"])
            self.wire.answer(result, after["id"])
            self.successResultOf(answer)

    def test_outcome_unknown(self) -> None:
        """A change whose outcome the daemon does not know is repeated under its key."""
        answer = self.start(self.connection.delete(1, 1, "k"))
        before = self.wire.request()
        self.wire.answer(OutcomeUnknown("Not known."), before["id"])
        self.clock.advance(RETRY_AFTER[0])
        after = self.wire.request()
        self.assertEqual(after["params"], before["params"])
        self.wire.answer({"id": 1, "revision": 2}, after["id"])
        self.successResultOf(answer)

    def test_never_known(self) -> None:
        """If it stays unknown, that is reported."""
        answer = self.start(self.connection.delete(1, 1, "k"))
        for delay in (*RETRY_AFTER, 0):
            self.wire.answer(OutcomeUnknown("Not known."), self.wire.request()["id"])
            self.clock.advance(delay)
        self.failureResultOf(answer, OutcomeUnknown)

    def test_bounded(self) -> None:
        """Connecting again is tried for about half a minute, and then given up."""
        answer = self.start(self.connection.get(1))
        self.refusals = [Unreachable("No daemon listens.") for _ in range(20)]
        self.wire.lose()
        self.clock.pump(RETRY_AFTER)
        self.assertEqual(str(self.failureResultOf(answer, Unreachable).value), "No daemon listens.")
        self.assertEqual(len(self.refusals), 20 - len(RETRY_AFTER))
        self.assertEqual(len(self.told), 1)

    def test_given_up_change(self) -> None:
        """If a change that was sent is given up, it is said that its outcome is not known."""
        answer = self.start(self.connection.delete(1, 1, "k"))
        self.refusals = [Unreachable("No daemon listens.") for _ in range(20)]
        self.wire.lose()
        self.clock.pump(RETRY_AFTER)
        why = str(self.failureResultOf(answer, Unreachable).value)
        self.assertIn("No daemon listens. The change may have been saved", why)

    def test_lasting(self) -> None:
        """What will not change by waiting, such as a wrong certificate, is reported at once."""
        answer = self.start(self.connection.get(1))
        self.refusals = [Unreachable("Wrong name.", lasting=True)]
        self.wire.lose()
        self.clock.advance(RETRY_AFTER[0])
        self.failureResultOf(answer, Unreachable)

    def test_session_over(self) -> None:
        """If the session cannot be gone on with, nobody is logged in any more."""
        self.wire.lose()
        answer = self.start(self.connection.get(1))
        self.wire.answer(NotAuthenticated("Your session has ended. Log in again."), 1)
        self.failureResultOf(answer, NotAuthenticated)
        self.assertIsNone(self.connection.session)
        self.assertTrue(self.wire.disconnecting)

    def test_session_over_meanwhile(self) -> None:
        """So it is when the session ends while the connection goes on."""
        answer = self.start(self.connection.get(1))
        self.wire.reply(NotAuthenticated("Your session has ended. Log in again."))
        self.failureResultOf(answer, NotAuthenticated)
        self.assertIsNone(self.connection.session)

    def test_resume_lost(self) -> None:
        """A connection lost while the session is gone on with is one more attempt."""
        self.wire.lose()
        answer = self.start(self.connection.get(1))
        self.wire.lose()
        self.clock.advance(RETRY_AFTER[0])
        self.resume()
        self.wire.answer(EMPLOYEE, 2)
        self.successResultOf(answer)

    def test_busy_for_ever(self) -> None:
        """A daemon that stays busy is asked a few times only."""
        answer = self.start(self.connection.get(1))
        for delay in (*BUSY_RETRY_AFTER, 0):
            self.wire.answer(Busy("Busy."), self.wire.requests()[-1]["id"])
            self.clock.advance(delay)
        self.failureResultOf(answer, Busy)

    def test_other_errors(self) -> None:
        """Any other error is an answer, and not repeated."""
        answer = self.start(self.connection.get(1))
        self.wire.reply(NotFound("There is no employee 1."))
        self.failureResultOf(answer, NotFound)

    def test_given_up_waiting(self) -> None:
        """Who will not wait for an answer may go on with something else."""
        answer = self.start(self.connection.get(1))
        answer.cancel()
        self.failureResultOf(answer, CancelledError)
        answer = self.start(self.connection.get(1))
        self.wire.reply(EMPLOYEE)
        self.successResultOf(answer)

    def test_secrets_not_told(self) -> None:
        """The token is nowhere in what the client tells of itself."""
        self.assertNotIn("secret-token", repr(self.connection.session) + repr(self.connection))


class PasswordTests(ConnectionCase):
    """Changing the password."""

    def setUp(self) -> None:
        super().setUp()
        self.log_in()

    def test_changed(self) -> None:
        """After the change, the session no longer asks for one."""
        answer = self.start(self.connection.get(1))
        must = PermissionDenied("Change first.", details={"must_change_password": True})
        self.wire.reply(must)
        self.failureResultOf(answer, PermissionDenied)
        assert self.connection.session is not None
        self.assertTrue(self.connection.session.must_change_password)
        change = self.start(self.connection.change_password("old", "new"))
        self.wire.reply({})
        self.successResultOf(change)
        self.assertFalse(self.connection.session.must_change_password)

    def test_not_repeated(self) -> None:
        """A change of password is not repeated; that it may have been made is reported."""
        change = self.start(self.connection.change_password("old", "new"))
        self.wire.lose()
        why = str(self.failureResultOf(change, Unreachable).value)
        self.assertIn("log in with the new one", why)
        self.assertEqual(len(self.wires), 1)
