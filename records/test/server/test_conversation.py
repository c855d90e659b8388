"""In which order a connection's requests take effect and are answered."""

from __future__ import annotations

from itertools import permutations

from records.model.errors import ParseError
from records.test.auth.login_case import GOOD
from records.test.server.conversation_case import ConversationCase, batch, person, reason, request


class OrderTests(ConversationCase):
    """What takes effect, and is answered, in the order sent."""

    def setUp(self) -> None:
        super().setUp()
        self.hr_talk = self.talk("hr")

    def test_answers_in_order(self) -> None:
        """However the store's outcomes come, answers come in the order of the requests."""
        for order in permutations(range(3)):
            self.hand.held = True
            asked = [self.hr_talk.ask("employee.add", employee=person("Al")) for _ in range(3)]
            waiting = list(self.hand.waiting)
            for place in order:
                self.hand.fire(self.hand.waiting.index(waiting[place]))
            self.assertEqual(self.hr_talk.numbers(), asked, order)

    def test_first_is_not_kept_back(self) -> None:
        """An answer does not wait for those after it."""
        self.hand.held = True
        first, second = (self.hr_talk.ask("employee.add", employee=person("Al")) for _ in "12")
        self.hand.fire()
        self.assertEqual(self.hr_talk.numbers(), [first])
        self.hand.fire()
        self.assertEqual(self.hr_talk.numbers(), [second])

    def test_writes_go_together(self) -> None:
        """Consecutive writes are handed to the store without waiting for each other."""
        self.hand.held = True
        for _ in range(3):
            self.hr_talk.ask("employee.add", employee=person("Al"))
        self.hr_talk.ask("employee.get", id=1, reveal=["ssn"])  # audited, hence a write
        self.assertEqual(self.hand.under_way, ["write"] * 4)
        self.hand.fire_all()
        self.assertEqual(self.hr_talk.numbers(), [2, 3, 4, 5])

    def test_read_waits_for_writes(self) -> None:
        """A read is begun when all writes before it are done, and sees them."""
        for method, params in (("employee.list", {}), ("employee.get", {"id": 1})):
            self.hand.held = True
            for name in ("Al", "Bo"):
                self.hr_talk.ask("employee.add", employee=person(name))
            number = self.hr_talk.ask(method, **params)
            self.hand.fire()
            self.assertEqual(self.hand.under_way, ["write"])
            self.hand.fire_all()
            answer = self.hr_talk.answers()[-1]
            self.assertEqual((answer["id"], reason(answer)), (number, ""))

    def test_write_waits_for_reads(self) -> None:
        """A write is begun when the reads before it are done, which do not see it."""
        self.hand.held = True
        self.hr_talk.ask("employee.list")
        self.hr_talk.ask("employee.add", employee=person("Al"))
        self.hr_talk.ask("employee.list")
        self.assertEqual(self.hand.under_way, ["read"])
        self.hand.fire()
        self.assertEqual(self.hand.under_way, ["write"])
        self.hand.fire()
        self.assertEqual(self.hand.under_way, ["read"])
        self.hand.fire()
        before, _, after = self.hr_talk.answers()
        self.assertEqual([len(each["result"]["employees"]) for each in (before, after)], [0, 1])

    def test_reads_one_s_own_writes(self) -> None:
        """A client that pipelines sees each of their changes in what they read next."""
        self.hand.held = True
        for revision, name in enumerate(("Al", "Bo", "Cy")):
            if revision:
                self.hr_talk.ask(
                    "employee.update", id=1, revision=revision, changes={"given_name": name}
                )
            else:
                self.hr_talk.ask("employee.add", employee=person(name))
            self.hr_talk.ask("employee.get", id=1)
        self.hand.fire_all()
        seen = [each["result"]["employee"] for each in self.hr_talk.answers()]
        self.assertEqual([each["revision"] for each in seen], [1, 1, 2, 2, 3, 3])
        self.assertEqual([each["given_name"] for each in seen[1::2]], ["Al", "Bo", "Cy"])

    def test_others_go_on(self) -> None:
        """What is under way on one connection keeps nobody else waiting."""
        other = self.talk("hr")
        self.hand.held = True
        self.hr_talk.ask("employee.add", employee=person("Al"))
        self.hr_talk.ask("employee.list")
        number = other.ask("employee.list")
        self.assertEqual(self.hand.under_way, ["write", "read"])
        self.hand.fire(1)
        self.assertEqual(other.numbers(), [number])
        self.assertEqual(other.numbers() + self.hr_talk.numbers(), [])

    def test_session_matters_stand_alone(self) -> None:
        """A logout takes effect after everything before it, and before everything after it."""
        self.hand.held = True
        self.hr_talk.ask("employee.add", employee=person("Al"))
        self.hr_talk.ask("logout")
        self.hr_talk.ask("employee.add", employee=person("Bo"))
        self.hr_talk.ask("server.info")
        self.assertEqual(self.hand.handed, [("write", "perform_encoded")])
        self.hand.fire_all()
        self.assertEqual(
            [reason(each) for each in self.hr_talk.answers()], ["", "", "not-authenticated", ""]
        )
        self.assertEqual((self.values(1) is None, self.values(2)), (False, None))

    def test_login_comes_first(self) -> None:
        """What is sent behind a login is done as whoever logs in, once that is done."""
        self.threads.held = True
        talk = self.talk()
        talk.ask("login", username="hr", password=GOOD)
        talk.ask("employee.add", employee=person("Al"))
        talk.ask("employee.get", id=1)
        self.assertEqual(talk.lines, [])
        self.threads.finish_all()
        self.assertEqual([reason(each) for each in talk.answers()], [""] * 3)


class HoldTests(ConversationCase):
    """When the other end does not read, or is gone."""

    def setUp(self) -> None:
        super().setUp()
        self.hr_talk = self.talk("hr")
        self.hand.held = True

    def test_hold(self) -> None:
        """While held, nothing new begins, and what has begun is answered; then it goes on."""
        self.hr_talk.ask("employee.add", employee=person("Al"))
        self.hr_talk.conversation.hold()
        self.hr_talk.ask("employee.add", employee=person("Bo"))
        self.hr_talk.ask("employee.get", id=1)
        self.hand.fire()
        self.assertEqual((self.hr_talk.numbers(), self.hand.waiting), ([2], []))
        self.hr_talk.conversation.release()
        self.hand.fire()
        self.assertEqual(self.hr_talk.numbers(), [3, 4])

    def test_lose(self) -> None:
        """Once the connection is gone, what has begun is done, and the rest is never begun."""
        self.hr_talk.ask("employee.add", employee=person("Al"))
        self.hr_talk.ask("employee.add", employee=person("Bo"))
        self.hr_talk.ask("employee.list")
        self.hr_talk.ask("employee.add", employee=person("Cy"))
        self.hr_talk.conversation.disconnected()
        self.hand.fire_all()
        stored = [self.values(number) is not None for number in (1, 2, 3)]
        self.assertEqual((stored, self.hr_talk.lines), ([True, True, False], []))

    def test_count(self) -> None:
        """How many requests are under way is known, each member of a batch counted."""
        talk = self.hr_talk
        talk.ask("employee.add", employee=person("Al"))
        talk.say(batch(request("employee.list"), b"1", request("nothing.such")), b"nonsense")
        self.assertEqual(talk.conversation.under_way, 5)
        before = talk.settlings
        self.hand.fire()
        self.assertEqual(talk.conversation.under_way, 4)
        self.hand.fire()
        self.assertEqual(talk.conversation.under_way, 0)
        self.assertGreater(talk.settlings, before)

    def test_refuse(self) -> None:
        """What could not be received is answered in its turn, under no id."""
        number = self.hr_talk.ask("employee.add", employee=person("Al"))
        self.hr_talk.conversation.refuse(ParseError("Too long."))
        self.assertEqual(self.hr_talk.lines, [])
        self.hand.fire()
        first, second = self.hr_talk.answers()
        self.assertEqual((first["id"], second["id"]), (number, None))
        self.assertEqual(reason(second), "parse-error")
