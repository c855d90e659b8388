"""The shapes on the wire: limits, what is not shown in logs, and the schema of an employee."""

from __future__ import annotations

from typing import Any

import msgspec
from twisted.trial.unittest import SynchronousTestCase

from records.api import messages
from records.api.jsonrpc import decode_params
from records.api.messages import (
    MAX_FIELDS,
    AddParams,
    DeleteParams,
    GetParams,
    Limits,
    ListParams,
    LoggedIn,
    LoginParams,
    NoParams,
    Params,
    PasswordChangeParams,
    Permission,
    ResumeParams,
    UpdateParams,
    WireUser,
)
from records.model.errors import InvalidParams
from records.model.values import MAX_ID
from records.operations.methods import METHODS


def decode(kind: type[Params], **params: object) -> Any:
    return decode_params(msgspec.Raw(msgspec.json.encode(params)), msgspec.json.Decoder(kind))


class FormTests(SynchronousTestCase):
    """What params are accepted."""

    def refused_field(self, kind: type[Params], **params: object) -> str:
        with self.assertRaises(InvalidParams) as caught:
            decode(kind, **params)
        (error,) = caught.exception.errors
        self.assertTrue(error.message.endswith("."), error)
        return str(error.field)

    def test_unknown_members(self) -> None:
        """No method takes a member that is not in its form."""
        for method in METHODS.values():
            with self.assertRaises(InvalidParams):
                decode(method.decode.type, bogus=1)

    def test_limits(self) -> None:
        """At a limit params pass, one beyond it they do not, and the field is named."""
        decode(GetParams, id=1, reveal=["ssn"] * MAX_FIELDS)
        decode(GetParams, id=MAX_ID)
        decode(GetParams, employee_number="JAW-0018")
        decode(DeleteParams, id=1, revision=MAX_ID, key="k" * 100)
        decode(ListParams, limit=100, search="x" * 200, sort="-" + "x" * 59)
        for field, kind, params in (
            ("id", GetParams, {"id": 0}),
            ("id", GetParams, {"id": -1}),
            ("id", GetParams, {"id": MAX_ID + 1}),
            ("id", GetParams, {"id": 10**30}),
            ("id", GetParams, {"id": "1"}),
            ("id", GetParams, {"id": True}),
            ("id", GetParams, {"id": 1.5}),
            ("params", GetParams, {"id": None}),
            ("params", GetParams, {}),
            ("params", GetParams, {"id": 1, "employee_number": "7"}),
            ("employee_number", GetParams, {"employee_number": 7}),
            ("employee_number", GetParams, {"employee_number": ""}),
            ("reveal", GetParams, {"id": 1, "reveal": "ssn"}),
            ("reveal[1]", GetParams, {"id": 1, "reveal": ["ssn", 5]}),
            ("reveal", GetParams, {"id": 1, "reveal": ["ssn"] * (MAX_FIELDS + 1)}),
            ("revision", DeleteParams, {"id": 1, "revision": 0}),
            ("key", DeleteParams, {"id": 1, "revision": 1, "key": ""}),
            ("key", DeleteParams, {"id": 1, "revision": 1, "key": "k" * 101}),
            ("limit", ListParams, {"limit": 0}),
            ("limit", ListParams, {"limit": 1001}),
            ("search", ListParams, {"search": "x" * 201}),
            ("sort", ListParams, {"sort": "x" * 61}),
            ("sort", ListParams, {"sort": ["name"]}),
            ("where", ListParams, {"where": [1]}),
            ("where", ListParams, {"where": dict.fromkeys(map(str, range(MAX_FIELDS + 1)))}),
            ("employee", AddParams, {"employee": []}),
            ("employee", AddParams, {"employee": dict.fromkeys(map(str, range(MAX_FIELDS + 1)))}),
            ("changes", UpdateParams, {"id": 1, "revision": 1, "changes": None}),
            ("username", LoginParams, {"username": "x" * 257, "password": ""}),
            ("password", LoginParams, {"username": "x", "password": "x" * 1025}),
            ("token", ResumeParams, {"token": 5}),
        ):
            self.assertEqual(self.refused_field(kind, **params), field, params)

    def test_missing_members(self) -> None:
        """What is missing is named."""
        with self.assertRaises(InvalidParams) as caught:
            decode(UpdateParams, id=1, changes={})
        self.assertIn("revision", caught.exception.errors[0].message)

    def test_values_are_not_echoed(self) -> None:
        """What was sent in a field of the wrong form does not come back in the error."""
        with self.assertRaises(InvalidParams) as caught:
            decode(LoginParams, username="ann", password=["my secret words"])
        told = msgspec.json.encode([caught.exception.message, caught.exception.errors])
        self.assertNotIn(b"secret", told)

    def test_no_params(self) -> None:
        """A method without params takes an empty object only."""
        self.assertEqual(decode(NoParams), NoParams())
        for raw in (b"[]", b"null", b"1", b'""', b'{"a":1}'):
            with self.assertRaises(InvalidParams):
                decode_params(msgspec.Raw(raw), msgspec.json.Decoder(NoParams))


class SecretTests(SynchronousTestCase):
    """What a log line may be made of."""

    def test_repr(self) -> None:
        """The text form of a message shows no password, token or record content."""
        secret = "hush-hush"
        user = WireUser("ann", [], None)
        for message in (
            LoginParams(username=secret, password=secret),
            ResumeParams(token=secret),
            PasswordChangeParams(current=secret, new=secret),
            AddParams(employee={"ssn": secret}),
            UpdateParams(id=1, revision=1, changes={"ssn": secret}),
            ListParams(search=secret, where={"birth_date": secret}),
            messages.EmployeeShown({"ssn": secret}, ()),
            messages.EmployeeStored({"ssn": secret}),
            messages.EmployeePage([{"ssn": secret}], None),
            messages.EmployeeListing([ListParams(search=secret)], None, 0),
            LoggedIn(
                expires_at="", user=user, permissions=[], must_change_password=False, token=secret
            ),
        ):
            self.assertNotIn(secret, repr(message))
            self.assertNotIn(secret, str(message))


class AnswerTests(SynchronousTestCase):
    """What results look like."""

    def test_permission(self) -> None:
        """A permission has a `class` only where it is about fields."""
        self.assertEqual(
            msgspec.to_builtins(
                [Permission("read", "all", "pay"), Permission("audit.read", "all")]
            ),
            [
                {"action": "read", "scope": "all", "class": "pay"},
                {"action": "audit.read", "scope": "all"},
            ],
        )

    def test_limits(self) -> None:
        """The limits that are told are those of the protocol."""
        limits = Limits(session_idle_seconds=900, session_lifetime_seconds=43200)
        self.assertEqual(
            msgspec.to_builtins(limits),
            {
                "line_bytes": 65536,
                "answer_bytes": 1048576,
                "batch": 100,
                "depth": 32,
                "under_way": 256,
                "page": 1000,
                "session_idle_seconds": 900,
                "session_lifetime_seconds": 43200,
            },
        )
