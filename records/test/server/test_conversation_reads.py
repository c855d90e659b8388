"""Reads on one connection: those that go to the store together, and those that leave a trace."""

from __future__ import annotations

from records.gateway.rate_limit import BURST, PER_SECOND
from records.model.access import Role
from records.model.audit import Outcome
from records.model.errors import Busy, OutcomeUnknown
from records.server.conversation import MAX_READS
from records.test.samples import ANN
from records.test.server.conversation_case import ConversationCase, batch, person, reason, request


class PieceTests(ConversationCase):
    """Consecutive reads, which go to the store as one piece."""

    def setUp(self) -> None:
        super().setUp()
        self.add()
        self.hr_talk = self.talk("hr")

    def test_one_piece(self) -> None:
        """Reads that stand one behind the other are one piece of work, whatever they read."""
        self.hand.held = True
        self.hr_talk.ask("employee.add", employee=person("Al"))
        self.hr_talk.ask("employee.get", id=1)
        self.hr_talk.ask("employee.list")
        self.hand.fire()  # the first get is alone at its turn, and takes no more than a moment
        for _ in range(2):
            self.hr_talk.ask("employee.get", id=1)
            self.hr_talk.ask("employee.list")
        self.hand.fire()
        self.assertEqual(self.hand.under_way, ["read"])
        self.hand.fire()
        self.assertEqual(self.hr_talk.numbers(), [2, 3, 4, 5, 6, 7, 8])

    def test_limit(self) -> None:
        """A piece has a limit: the rest goes behind it, and the order stays."""
        lines = [request("employee.list", n, limit=1) for n in range(MAX_READS + 2)]
        self.hand.held = True
        self.hr_talk.say(batch(*lines))
        self.assertEqual(self.hand.under_way, ["read"])
        self.hand.fire()
        self.assertEqual((self.hand.under_way, self.hr_talk.lines), (["read"], []))
        self.hand.fire()
        (answers,) = self.hr_talk.answers()
        self.assertEqual([each["id"] for each in answers], list(range(MAX_READS + 2)))

    def test_rows(self) -> None:
        """A piece has no more lists than a few full pages come to."""
        self.hand.held = True
        self.hr_talk.say(batch(*(request("employee.list", n, limit=100) for n in range(5))))
        pieces = 0
        while self.hand.waiting:
            self.hand.fire()
            pieces += 1
        self.assertEqual(pieces, 3)
        self.assertEqual([len(each) for each in self.hr_talk.answers()], [5])

    def test_ends_at_a_write(self) -> None:
        """A piece ends where something else than a read stands."""
        self.hand.held = True
        self.hr_talk.say(
            batch(
                request("employee.list", 1),
                request("employee.get", 2, id=2),
                request("employee.add", 3, employee=person("Al")),
                request("employee.get", 4, id=2),
            )
        )
        self.hand.fire()
        self.assertEqual(self.hand.under_way, ["write"])
        self.hand.fire_all()
        (answers,) = self.hr_talk.answers()
        self.assertEqual([reason(each) for each in answers], ["", "not-found", "", ""])

    def test_point(self) -> None:
        """One employee alone is read at once, without the store's threads."""
        self.hand.held = True
        self.assertEqual(self.hr_talk.result("employee.get", id=1)["employee"]["id"], 1)
        self.assertEqual(self.hand.handed, [])

    def test_each_its_own_outcome(self) -> None:
        """A read that fails harms none of those that it goes with."""
        self.person("worker", Role.EMPLOYEE, employee_id=1)
        talk = self.talk("worker")
        talk.say(
            batch(
                request("employee.list", 1),
                request("employee.get", 2, id=99),
                request("employee.list", 3, sort="salary"),
                request("employee.list", 4, cursor="nonsense"),
                request("employee.get", 5, id=1),
            )
        )
        (answers,) = talk.answers()
        self.assertEqual(
            [reason(each) for each in answers],
            ["", "not-found", "permission-denied", "validation-failed", ""],
        )

    def test_refused_by_the_store(self) -> None:
        """If the store cannot take a piece on, each of its reads is told so, and things go on."""
        self.hand.held = True
        self.hr_talk.say(batch(request("employee.list", 1), request("employee.get", 2, id=1)))
        self.hand.refuse(Busy("Not now."))
        (answers,) = self.hr_talk.answers()
        self.assertEqual([reason(each) for each in answers], ["busy", "busy"])
        self.hr_talk.ask("employee.list")
        self.hand.fire_all()
        self.assertEqual([reason(each) for each in self.hr_talk.answers()], [""])


class TraceTests(ConversationCase):
    """Refusals, which must leave a trace in the audit log."""

    def setUp(self) -> None:
        super().setUp()
        self.add(ssn=ANN["ssn"])
        self.person("worker", Role.EMPLOYEE)
        self.worker = self.talk("worker")

    def denied(self) -> list[str]:
        """What the audit log says that was denied."""
        outcomes = ((entry.event.outcome, entry.event.action) for entry in self.entries())
        return [action for outcome, action in outcomes if outcome is Outcome.DENIED]

    def test_before_the_answer(self) -> None:
        """A refused read is answered when its trace is durable, and so is what stands behind it."""
        self.hand.held = True
        self.worker.say(
            batch(request("employee.list", 1, sort="salary"), request("employee.get", 2, id=1))
        )
        self.hand.fire()
        self.assertEqual((self.worker.lines, self.hand.under_way), ([], ["write"]))
        self.hand.fire()
        (answers,) = self.worker.answers()
        self.assertEqual([reason(each) for each in answers], ["permission-denied", ""])
        self.assertEqual(self.denied(), ["employee.list"])

    def test_write(self) -> None:
        """A refused write leaves its trace in the same piece of work."""
        self.assertEqual(
            self.worker.reason("employee.delete", id=1, revision=1), "permission-denied"
        )
        self.assertEqual(self.hand.handed, [("write", "perform_encoded")])
        self.assertEqual(self.denied(), ["employee.delete"])

    def test_no_trace_no_refusal(self) -> None:
        """If the trace cannot be written, that error is answered, and nothing of the record."""
        self.hand.held = True
        self.worker.ask("employee.list", sort="salary")
        self.hand.fire()
        self.hand.refuse(OutcomeUnknown("Who knows."))
        (answer,) = self.worker.answers()
        self.assertEqual(reason(answer), "outcome-unknown")

    def test_reveal(self) -> None:
        """What was hidden leaves only when it is written down who has seen it."""
        talk = self.talk("hr")
        self.hand.held = True
        talk.ask("employee.get", id=1, reveal=["ssn"])
        self.assertEqual((talk.lines, self.hand.under_way), ([], ["write"]))
        self.hand.fire()
        (answer,) = talk.answers()
        self.assertEqual(answer["result"]["employee"]["ssn"], ANN["ssn"])
        self.assertEqual(self.events()[-1][:3], ("hr", "employee.reveal", "employee:1"))


class DelayTests(ConversationCase):
    """Denials and reveals, each of which leaves an entry in the audit log."""

    def setUp(self) -> None:
        super().setUp()
        self.add()
        self.person("worker", Role.EMPLOYEE)
        self.worker = self.talk("worker")

    def test_denials(self) -> None:
        """After many denials in a row the next ones are answered later, and all of them are."""
        for _ in range(BURST):
            self.worker.ask("employee.delete", id=1, revision=1)
        self.assertEqual(len(self.worker.answers()), BURST)
        self.worker.ask("employee.delete", id=1, revision=1)
        self.worker.ask("employee.get", id=1)
        self.assertEqual(self.worker.lines, [])
        self.time.advance(1.5 / PER_SECOND)
        told = [reason(each) for each in self.worker.answers()]
        self.assertEqual(told, ["permission-denied", ""])

    def test_reveals(self) -> None:
        """So are reveals; other sessions go on as before."""
        clerk = self.talk("hr")
        for _ in range(BURST + 1):
            clerk.ask("employee.get", id=1, reveal=["ssn"])
        self.assertEqual(len(clerk.answers()), BURST)
        self.assertEqual(
            self.worker.reason("employee.delete", id=1, revision=1), "permission-denied"
        )
        self.time.advance(1.5 / PER_SECOND)
        self.assertEqual(len(clerk.answers()), 1)
