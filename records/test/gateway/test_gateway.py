"""Tests for `records.gateway.gateway`: methods run without a line protocol around them."""

from __future__ import annotations

from typing import Any

import msgspec

from records.gateway.gateway import Gateway
from records.gateway.rate_limit import BURST
from records.gateway.session import ConnectionSession
from records.model.access import Role
from records.model.errors import (
    InternalError,
    InvalidParams,
    NotAuthenticated,
    NotFound,
    PermissionDenied,
    RecordsError,
)
from records.operations.methods import METHODS
from records.test.auth.login_case import GOOD
from records.test.operations.operations_case import SOURCE
from records.test.samples import PARAMS
from records.test.server.conversation_case import ConversationCase


class GatewayCase(ConversationCase):
    """A gateway, and the session of an HR clerk."""

    def setUp(self) -> None:
        super().setUp()
        self.gateway = Gateway(self.services)
        self.session = self.logged_in("hr")

    def logged_in(self, username: str) -> ConnectionSession:
        """A session in which that user is logged in."""
        session = self.gateway.connected(SOURCE)
        self.result(session, "login", username=username, password=GOOD)
        return session

    def request(self, session: ConnectionSession, name: str, /, **params: object) -> Any:
        """The Deferred of a request."""
        raw = msgspec.Raw(msgspec.json.encode(params))
        return self.gateway.request(session, METHODS[name], raw)

    def result(self, session: ConnectionSession, name: str, /, **params: object) -> Any:
        """The result of a request."""
        found = self.successResultOf(self.request(session, name, **params))
        return found if isinstance(found, bytes) else msgspec.json.encode(found)

    def error(self, session: ConnectionSession, name: str, /, **params: object) -> RecordsError:
        """The error of a request."""
        failure = self.failureResultOf(self.request(session, name, **params), RecordsError)
        assert isinstance(failure.value, RecordsError)
        return failure.value


class RequestTests(GatewayCase):
    """One request at a time."""

    def test_every_method(self) -> None:
        """Every method with an operation runs, whatever its mode."""
        self.account_with_password("owner", Role.OWNER)
        session = self.logged_in("owner")
        self.result(session, "employee.add", employee={"given_name": "Ann"})
        for name, sample in PARAMS.items():
            params = {"id": 1, "revision": 2} if name == "employee.delete" else sample
            self.assertTrue(self.result(session, name, **params), name)

    def test_nobody(self) -> None:
        """Without a login every such method is refused."""
        nobody = self.gateway.connected(SOURCE)
        for name, params in PARAMS.items():
            self.assertIsInstance(self.error(nobody, name, **params), NotAuthenticated, name)

    def test_session_methods(self) -> None:
        """A session is opened, described and ended by methods as well."""
        self.assertIn(b"protocol", self.result(self.gateway.connected(SOURCE), "server.info"))
        self.assertEqual(self.result(self.session, "logout"), b"{}")
        self.assertIsNone(self.session.caller)

    def test_errors(self) -> None:
        """An operation's refusal is the failure; any other exception is an internal error."""
        self.assertIsInstance(self.error(self.session, "employee.get", id=9), NotFound)
        self.hand.seen_through = lambda tx: None  # type: ignore[assignment,return-value]
        for name in ("employee.get", "employee.list", "employee.update"):
            error = self.error(self.session, name, **PARAMS[name])
            self.assertIsInstance(error, InternalError, name)
            self.assertNotIn("None", error.message)

    def test_bad_params(self) -> None:
        """Params of the wrong form are the failure, whatever the mode of the method."""
        for name in ("login", "employee.get", "employee.list", "employee.add"):
            self.assertIsInstance(self.error(self.session, name, id=[]), InvalidParams, name)

    def test_reveal(self) -> None:
        """A reveal is audited, also where the caller has not looked at the params."""
        employee = {"given_name": "Ann", "ssn": "536-90-4399"}
        self.result(self.session, "employee.add", employee=employee)
        shown = self.result(self.session, "employee.get", id=1, reveal=["ssn"])
        self.assertIn(b"536-90-4399", shown)
        self.assertEqual(self.entries()[-1].event.action, "employee.reveal")

    def test_denied_read_leaves_a_trace(self) -> None:
        """A denied read is answered once its audit entry is written."""
        self.account_with_password("nobody")
        nobody = self.logged_in("nobody")
        self.hand.held = True
        for name in ("employee.get", "employee.list"):
            denied = self.request(nobody, name, **PARAMS[name])
            if name == "employee.list":
                self.hand.fire()
            self.assertNoResult(denied)
            self.hand.fire()
            self.failureResultOf(denied, PermissionDenied)

    def test_rate_limit(self) -> None:
        """Denials beyond the burst are answered later."""
        self.account_with_password("nobody")
        nobody = self.logged_in("nobody")
        for _ in range(BURST):
            self.error(nobody, "employee.get", id=1)
        late = self.request(nobody, "employee.get", id=1)
        self.assertNoResult(late)
        self.time.advance(1.0)
        self.failureResultOf(late, PermissionDenied)


class ReadAllTests(GatewayCase):
    """Several reads at once."""

    def test_each_has_its_own_outcome(self) -> None:
        """Reads run in one transaction, and one that fails harms no other."""
        asked = [
            (METHODS[name], msgspec.Raw(msgspec.json.encode(params)))
            for name, params in (
                ("employee.list", {}),
                ("employee.get", {"id": 9}),
                ("server.fields", {}),
            )
        ]
        before = len(self.hand.handed)
        first, second, third = self.gateway.read_all(self.session, asked)
        self.assertEqual(self.hand.handed[before:], [("read", "perform_all")])
        self.successResultOf(first)
        self.failureResultOf(second, NotFound)
        self.successResultOf(third)

    def test_nobody(self) -> None:
        """Without a login each is refused."""
        asked = [(METHODS["employee.list"], msgspec.Raw(b"{}"))] * 2
        for result in self.gateway.read_all(self.gateway.connected(SOURCE), asked):
            self.failureResultOf(result, NotAuthenticated)
