"""JSON-RPC 2.0 as it is spoken on a connection: errors, ids and notifications."""

from __future__ import annotations

from typing import Any

from records.model.access import Role
from records.model.errors import BY_REASON, Busy, OutcomeUnknown
from records.test.auth.login_case import BAD
from records.test.server.conversation_case import (
    ConversationCase,
    batch,
    notification,
    person,
    reason,
    request,
)


class ErrorTests(ConversationCase):
    """Every error, by its code and reason."""

    def setUp(self) -> None:
        super().setUp()
        self.hr_talk = self.talk("hr")

    def check(self, answer: Any, code: int, expected: str) -> Any:
        """The `data` of an error of this code and reason, which is well formed."""
        self.assertEqual(set(answer), {"jsonrpc", "error", "id"})
        self.assertEqual(answer["jsonrpc"], "2.0")
        error = answer["error"]
        self.assertEqual((error["code"], error["data"]["reason"]), (code, expected))
        self.assertTrue(error["message"].endswith("."), error["message"])
        self.assertEqual(set(error), {"code", "message", "data"})
        return error["data"]

    def test_parse_error(self) -> None:
        """What is no JSON in UTF-8 is answered under a null id, and the next line counts again."""
        for line in (b"", b"hello", b'{"jsonrpc":', b"\xff\xfe", b"[" * 1000):
            answer = self.hr_talk.one(line)
            self.check(answer, -32700, "parse-error")
            self.assertIsNone(answer["id"])
        self.assertEqual(self.hr_talk.reason("employee.list"), "")

    def test_invalid_request(self) -> None:
        """JSON that is no request is answered under its id, where it has one."""
        for line, number in (
            (b"1", None),
            (b'{"jsonrpc":"2.0","method":1,"id":7}', 7),
            (b'{"jsonrpc":"1.0","method":"server.info","id":"a"}', "a"),
            (b'{"method":"server.info","id":7}', 7),
            (b'{"jsonrpc":"2.0","method":"server.info","id":7,"more":1}', 7),
            (b'{"jsonrpc":"2.0","method":"server.info","id":[]}', None),
        ):
            answer = self.hr_talk.one(line)
            self.check(answer, -32600, "invalid-request")
            self.assertEqual(answer["id"], number)

    def test_method_not_found(self) -> None:
        """A method that isn't there is not looked for in any other place."""
        for name in ("", "employee", "Employee.get", "employee.get ", "__init__", "rpc.discover"):
            self.check(self.hr_talk.call(name), -32601, "method-not-found")

    def test_invalid_params(self) -> None:
        """Params not of the method's form are refused, and what is wrong in them is named."""
        for method, params, field in (
            ("employee.get", {}, "params"),
            ("employee.get", {"id": "1"}, "id"),
            ("employee.get", {"id": 0}, "id"),
            ("employee.get", {"id": 1.5}, "id"),
            ("employee.get", {"id": 1, "more": 1}, "params"),
            ("employee.list", {"limit": 1001}, "limit"),
            ("server.info", {"a": 1}, "params"),
            ("logout", {"token": "hr"}, "params"),
            ("resume", {"token": None}, "token"),
        ):
            data = self.check(self.hr_talk.call(method, **params), -32602, "invalid-params")
            self.assertEqual([each["field"] for each in data["errors"]], [field], (method, params))
        for raw in (b"[]", b"[1]", b"null", b"7", b'"x"'):
            line = b'{"jsonrpc":"2.0","method":"server.info","params":%b,"id":1}' % raw
            self.check(self.hr_talk.one(line), -32602, "invalid-params")

    def test_no_params(self) -> None:
        """A method that takes none can be called without the member."""
        answer = self.hr_talk.one(b'{"jsonrpc":"2.0","method":"server.info","id":1}')
        self.assertEqual(answer["result"]["name"], "records")

    def test_what_is_wrong_with_a_request(self) -> None:
        """What cannot be done is told by the code that the protocol has for it."""
        talk = self.hr_talk
        anonymous = self.talk()
        self.person("worker", Role.EMPLOYEE)
        worker = self.talk("worker")
        talk.result("employee.add", employee=person("Al") | {"id": 5})
        stale = {"id": 5, "revision": 2, "changes": {"title": "Boss"}}
        wrong = person("Bo") | {"email": "x", "hire_date": "soon"}
        login = {"username": "hr", "password": BAD}
        self.check(anonymous.call("employee.list"), 401, "not-authenticated")
        self.check(anonymous.call("login", **login), 401, "not-authenticated")
        self.check(worker.call("employee.delete", id=5, revision=1), 403, "permission-denied")
        self.check(talk.call("employee.get", id=6), 404, "not-found")
        again = talk.call("employee.add", employee=person("Bo") | {"id": 5})
        self.check(again, 409, "already-exists")
        data = self.check(talk.call("employee.update", **stale), 409, "revision-conflict")
        self.assertEqual(data["employee"]["revision"], 1)
        data = self.check(talk.call("employee.add", employee=wrong), 422, "validation-failed")
        self.assertEqual({each["field"] for each in data["errors"]}, {"email", "hire_date"})
        for _ in range(4):
            anonymous.call("login", **login)
        data = self.check(anonymous.call("login", **login), 429, "too-many-attempts")
        self.assertEqual(data["retry_after"], 1)

    def test_what_is_wrong_with_the_store(self) -> None:
        """What the store could not do, or may have done, is told apart."""
        self.hand.held = True
        for method, params in (
            ("employee.add", {"employee": person("Al")}),
            ("employee.list", {}),
            ("logout", {}),
        ):
            for code, error in ((503, Busy("Not now.")), (504, OutcomeUnknown("Who knows."))):
                talk = self.hr_talk if method != "logout" else self.talk()
                if method == "logout":
                    talk.ask("resume", token="hr")
                    self.hand.fire_all()
                    talk.answers()
                talk.ask(method, **params)
                self.hand.refuse(error)
                (answer,) = talk.answers()
                self.check(answer, code, error.reason)

    def test_all_are_known(self) -> None:
        """The reasons that may be answered are those that clients know."""
        self.assertEqual(
            {kind.code for kind in BY_REASON.values()},
            {-32700, -32600, -32601, -32602, -32603, 401, 403, 404, 409, 422, 429, 503, 504},
        )


class IdTests(ConversationCase):
    """The id, by which the client that asks knows the answer."""

    def setUp(self) -> None:
        super().setUp()
        self.hr_talk = self.talk("hr")

    def test_kinds(self) -> None:
        """An id of any kind comes back as it was, type and all, with a result and an error."""
        for number in (0, -1, 2**53 - 1, 1.5, "", "7", "é\n\u2028", "x" * 100, None):
            for method in ("server.info", "nothing.such", "employee.list"):
                answer = self.hr_talk.one(request(method, number))
                self.assertEqual((answer["id"], type(answer["id"])), (number, type(number)))

    def test_same_id_twice(self) -> None:
        """Two requests of one id are two requests."""
        (first, second) = self.hr_talk.one(
            batch(request("server.info", 1), request("nothing.such", 1))
        )
        self.assertEqual((reason(first), reason(second)), ("", "method-not-found"))

    def test_members(self) -> None:
        """A result has its three members and no error."""
        answer = self.hr_talk.call("server.info")
        self.assertEqual(set(answer), {"jsonrpc", "result", "id"})

    def test_one_line(self) -> None:
        """An answer is one line, whatever a record or an id holds."""
        self.hr_talk.say(request("employee.list", "a\nb\r\u0085"))
        self.assertNotIn(b"\n", self.hr_talk.lines[0])
        self.assertNotIn(b"\r", self.hr_talk.lines[0])


class NotificationTests(ConversationCase):
    """Requests without an id."""

    def setUp(self) -> None:
        super().setUp()
        self.hr_talk = self.talk("hr")

    def test_done(self) -> None:
        """They are done, and never answered."""
        self.assertTrue(self.hr_talk.is_silent(notification("employee.add", employee=person("Al"))))
        self.assertTrue(self.hr_talk.is_silent(notification("employee.list")))
        self.assertTrue(self.hr_talk.is_silent(notification("employee.get", id=1)))
        self.assertIsNotNone(self.values(1))

    def test_in_their_turn(self) -> None:
        """They take effect in the order sent."""
        self.hand.held = True
        self.hr_talk.say(notification("employee.add", employee=person("Al")))
        number = self.hr_talk.ask("employee.get", id=1)
        self.hand.fire_all()
        self.assertEqual(self.hr_talk.numbers(), [number])

    def test_errors(self) -> None:
        """Not even with what is wrong with them."""
        self.add()
        self.person("worker", Role.EMPLOYEE)
        for line in (
            notification("nothing.such"),
            notification("employee.get"),
            notification("employee.get", id=99),
            notification("employee.add", employee={}),
        ):
            self.assertTrue(self.hr_talk.is_silent(line), line)
        worker = self.talk("worker")
        worker.say(notification("employee.delete", id=1, revision=1))
        anonymous = self.talk()
        anonymous.say(notification("employee.list"), notification("login", username="hr"))
        self.assertEqual(worker.lines + anonymous.lines, [])

    def test_login(self) -> None:
        """Even a session may be resumed and left so."""
        talk = self.talk()
        talk.say(notification("resume", token="hr"))
        self.assertFalse(talk.conversation.is_anonymous)
        talk.say(notification("logout"))
        self.assertTrue(talk.conversation.is_anonymous)
        self.assertEqual(talk.lines, [])
