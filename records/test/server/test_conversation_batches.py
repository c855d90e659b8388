"""Several requests in one line, as JSON-RPC 2.0 has it."""

from __future__ import annotations

import msgspec

from records.test.server.conversation_case import (
    ConversationCase,
    batch,
    notification,
    person,
    reason,
    request,
)


class BatchTests(ConversationCase):
    """Several requests in one line."""

    def setUp(self) -> None:
        super().setUp()
        self.hr_talk = self.talk("hr")

    def test_empty(self) -> None:
        """An empty batch is one invalid request, and its answer is no array."""
        answer = self.hr_talk.one(b"[]")
        self.assertEqual((reason(answer), answer["id"]), ("invalid-request", None))

    def test_invalid_members(self) -> None:
        """Each member that is no request has an error of its own, under a null id."""
        kinds: tuple[list[object], ...] = ([1], [1, 2, 3], [[], {}, None, "server.info", True])
        for members in kinds:
            answers = self.hr_talk.one(msgspec.json.encode(members))
            self.assertEqual([reason(each) for each in answers], ["invalid-request"] * len(members))
            self.assertEqual([each["id"] for each in answers], [None] * len(members))

    def test_all_notifications(self) -> None:
        """A batch of nothing but notifications is done, and not answered at all."""
        lines = [notification("employee.add", employee=person("Al")) for _ in range(3)]
        self.assertTrue(self.hr_talk.is_silent(batch(*lines, notification("nothing.such"))))
        self.assertIsNotNone(self.values(3))

    def test_mixed(self) -> None:
        """Good and bad requests are answered in their order, and notifications left out."""
        answers = self.hr_talk.one(
            batch(
                request("employee.add", "a", employee=person("Al")),
                notification("employee.add", employee=person("Bo")),
                b'{"foo": "boo"}',
                request("employee.get", "b", id=2),
                request("nothing.such", 5),
                notification("nothing.such"),
                request("employee.delete", None, id=1, revision=1),
                request("employee.get", 1.5, id=1),
                b"7",
            )
        )
        self.assertEqual(
            [(each["id"], reason(each)) for each in answers],
            [
                ("a", ""),
                (None, "invalid-request"),
                ("b", ""),
                (5, "method-not-found"),
                (None, ""),
                (1.5, "not-found"),
                (None, "invalid-request"),
            ],
        )

    def test_one(self) -> None:
        """A batch of one is answered by an array of one."""
        self.assertEqual(
            [each["id"] for each in self.hr_talk.one(batch(request("server.info")))], [1]
        )

    def test_whole_login(self) -> None:
        """A batch is done from its first member to its last, as single lines are."""
        talk = self.talk()
        talk.say(
            batch(
                request("employee.list", 1),
                request("resume", 2, token="hr"),
                request("employee.list", 3),
                request("logout", 4),
                request("employee.list", 5),
            )
        )
        (answers,) = talk.answers()
        self.assertEqual(
            [reason(each) for each in answers],
            ["not-authenticated", "", "", "", "not-authenticated"],
        )

    def test_in_turn(self) -> None:
        """A batch is answered when all of it is done, and in its turn among other lines."""
        self.hand.held = True
        add = request("employee.add", 2, employee=person("Al"))
        self.hr_talk.say(batch(request("server.info", 1), add), request("server.info", 3))
        self.assertEqual(self.hr_talk.lines, [])
        self.hand.fire()
        first, second = self.hr_talk.answers()
        self.assertEqual(([each["id"] for each in first], second["id"]), ([1, 2], 3))

    def test_limit(self) -> None:
        """A hundred are done; of more, none is, and one error says so."""
        adding = [request("employee.add", n, employee=person("Al")) for n in range(101)]
        answer = self.hr_talk.one(batch(*adding))
        self.assertEqual((reason(answer), answer["id"]), ("invalid-request", None))
        self.assertIsNone(self.values(1))
        answers = self.hr_talk.one(batch(*adding[:100]))
        self.assertEqual([each["id"] for each in answers], list(range(100)))
        self.assertEqual(len(self.hr_talk.result("employee.list", limit=100)["employees"]), 100)

    def test_nested(self) -> None:
        """A batch inside a batch is no request."""
        inside = batch(request("employee.add", 2, employee=person("Al")))
        answers = self.hr_talk.one(batch(request("server.info", 1), inside))
        self.assertEqual([reason(each) for each in answers], ["", "invalid-request"])
        self.assertIsNone(self.values(1))
