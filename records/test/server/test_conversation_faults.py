"""Mistakes of the daemon's own, and answers that cannot be sent as they are."""

from __future__ import annotations

from typing import Any

import msgspec
from twisted.logger import LogLevel, capturedLogs

from records.api.messages import MAX_ANSWER
from records.model.employee import Employee
from records.model.fields import STANDARD
from records.operations.boundaries import Employees, Transaction
from records.test.server.conversation_case import (
    ConversationCase,
    batch,
    notification,
    reason,
    request,
)

LOOKS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("employee.get", {"id": 1}),  # at once
    ("employee.get", {"id": 1, "reveal": ["given_name"]}),  # as a write
    ("employee.list", {}),  # as a read
)
"""Requests that look at an employee, each of which reaches the store by another way."""


class Damaged:
    """A transaction in which looking at employees gives `found`, or raises it."""

    def __init__(self, transaction: Transaction, found: Employee | Exception) -> None:
        self._transaction = transaction
        self._found = found

    @property
    def employees(self) -> Employees:
        """See `Transaction`."""
        found: Any = self
        return found  # type: ignore[no-any-return]

    def get(self, employee_id: int) -> Employee:
        """See `Employees`."""
        if isinstance(self._found, Exception):
            raise self._found
        return self._found

    def page(self, query: object, limit: int) -> list[Employee]:
        """See `Employees`."""
        return [self.get(1)]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transaction, name)


class FaultTests(ConversationCase):
    """A mistake of the daemon's own."""

    SECRET = "536-90-4399 at 1 Elm Street"

    def setUp(self) -> None:
        super().setUp()
        self.add()
        self.hr_talk = self.talk("hr")

    def faulty(self, found: Employee | Exception) -> None:
        """From here on, whoever looks at an employee finds this."""
        self.hand.seen_through = lambda tx: Damaged(tx, found)

    def check(self) -> None:
        """Each way to the store answers internal-error, says nothing, logs, and goes on."""
        for method, params in LOOKS:
            with capturedLogs() as events:
                number = self.hr_talk.ask(method, **params)
            told = self.hr_talk.lines
            self.assertEqual(len(told), 1, method)
            (answer,) = self.hr_talk.answers()
            self.assertEqual((answer["id"], answer["error"]["code"]), (number, -32603))
            self.assertEqual(answer["error"]["data"], {"reason": "internal-error"})
            self.assertEqual(len(events), 1, method)
            self.assertGreaterEqual(events[0]["log_level"], LogLevel.error)
            for text in (told[0].decode(), repr(events)):
                self.assertNotIn("Elm Street", text)
                self.assertNotIn("Traceback", text)
            self.assertEqual(self.hr_talk.conversation.under_way, 0)
            self.assertEqual(self.hr_talk.reason("server.info"), "")

    def test_operation(self) -> None:
        """An exception in an operation is answered and logged without its text."""
        for error in (ValueError(self.SECRET), KeyError(self.SECRET), RuntimeError()):
            self.faulty(error)
            self.check()

    def test_place_is_logged(self) -> None:
        """The log has the method, the kind of exception, and where in the program it was."""
        self.faulty(ZeroDivisionError(self.SECRET))
        for method, params in LOOKS:
            with capturedLogs() as events:
                self.hr_talk.call(method, **params)
            (event,) = events
            text = str(event["log_format"]).format(**event)
            for part in (method, "ZeroDivisionError", "employees.py:"):
                self.assertIn(part, text)

    def test_only_that_one(self) -> None:
        """Others in the same batch are answered as ever."""
        self.faulty(ValueError(self.SECRET))
        with capturedLogs():
            answers = self.hr_talk.one(
                batch(request("server.info", 1), request("employee.list", 2))
            )
        self.assertEqual([reason(each) for each in answers], ["", "internal-error"])

    def test_not_json(self) -> None:
        """A result that cannot be written is answered and logged too, and blocks nothing."""
        damaged: dict[str, Any] = dict(STANDARD.blank) | {"given_name": "Elm Street \ud800"}
        self.faulty(Employee(1, 1, damaged))
        self.check()

    def test_too_long(self) -> None:
        """An answer longer than the protocol allows is exchanged for an error."""
        self.faulty(Employee(1, 1, dict(STANDARD.blank) | {"given_name": "x" * MAX_ANSWER}))
        for method, params in LOOKS:
            number = self.hr_talk.ask(method, **params)
            self.assertLess(len(self.hr_talk.lines[0]), 1000)
            (answer,) = self.hr_talk.answers()
            self.assertEqual((answer["id"], reason(answer)), (number, "internal-error"))

    def test_longest(self) -> None:
        """The longest allowed answer is sent as it is."""
        self.faulty(Employee(1, 1, dict(STANDARD.blank) | {"given_name": ""}))
        self.hr_talk.ask("employee.get", id=1)
        room = MAX_ANSWER - len(self.hr_talk.lines[0])
        self.hr_talk.lines.clear()
        self.faulty(Employee(1, 1, dict(STANDARD.blank) | {"given_name": "x" * room}))
        self.hr_talk.ask("employee.get", id=1)
        self.assertEqual(len(self.hr_talk.lines[0]), MAX_ANSWER)
        self.assertEqual(reason(msgspec.json.decode(self.hr_talk.lines[0])), "")

    def test_notification(self) -> None:
        """In a notification it is logged too, and not answered."""
        self.faulty(KeyError(self.SECRET))
        for method, params in LOOKS:
            with capturedLogs() as events:
                self.assertTrue(self.hr_talk.is_silent(notification(method, **params)))
            self.assertEqual(len(events), 1)

    def test_too_long_together(self) -> None:
        """Answers too long together are thinned out until they fit; each is still answered."""
        big = Employee(1, 1, dict(STANDARD.blank) | {"given_name": "x" * (MAX_ANSWER // 3)})
        self.faulty(big)
        self.hr_talk.say(batch(*[request("employee.get", n, id=1) for n in range(4)]))
        self.assertLessEqual(len(self.hr_talk.lines[0]), MAX_ANSWER)
        (answers,) = self.hr_talk.answers()
        self.assertEqual([each["id"] for each in answers], [0, 1, 2, 3])
        self.assertEqual([reason(each) for each in answers].count("internal-error"), 2)
