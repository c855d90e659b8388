"""What the store gets as interactive and as bulk work; refusals leave no reference cycles."""

from __future__ import annotations

import gc
from weakref import ref

import msgspec

from records.api.messages import Params
from records.model.access import User
from records.model.errors import NotFound, PermissionDenied, RecordsError
from records.operations.boundaries import Refused, Transaction
from records.operations.methods import METHODS, Method, perform_all
from records.operations.sessions import open_session
from records.test.auth.login_case import BAD, GOOD
from records.test.operations.operations_case import caller
from records.test.server.conversation_case import ConversationCase, batch, person, request

FRESH = "walnut ferry 9 quilt orbit"


class BulkTests(ConversationCase):
    """Whether what is handed to the store is one of many."""

    def setUp(self) -> None:
        super().setUp()
        self.hr_talk = self.talk("hr")

    def handed(self, *lines: bytes) -> list[bool]:
        """Whether each piece was of the bulk, of all that these lines lead to."""
        self.hand.bulk.clear()
        self.hand.held = True
        self.hr_talk.say(*lines)
        self.hand.fire_all()
        return self.hand.bulk

    def adding(self, number: int = 1) -> bytes:
        """A request that writes."""
        return request("employee.add", number, employee=person("Al"))

    def test_alone(self) -> None:
        """A request that is the only one under way is not, however many there were before."""
        listing, reveal = request("employee.list"), request("employee.get", id=1, reveal=["ssn"])
        for line in (self.adding(), listing, reveal, batch(self.adding()), batch(listing)) * 2:
            self.assertEqual(self.handed(line), [False], line)

    def test_writes(self) -> None:
        """A write that comes while others are under way is, and so is each of a batch."""
        self.assertEqual(
            self.handed(self.adding(1), self.adding(2), self.adding(3)), [False, True, True]
        )
        self.assertEqual(self.handed(batch(self.adding(1), self.adding(2))), [True, True])

    def test_more_follows(self) -> None:
        """The first of many is one of them."""
        line = request("employee.add", 1, employee=person("Al"))
        self.hr_talk.conversation.receive(line, more_follows=True)
        self.hr_talk.conversation.receive(line)
        self.assertEqual(self.hand.bulk, [True, False])

    def test_reads(self) -> None:
        """So is a read, which goes together with those behind it."""
        lists = [request("employee.list", number) for number in range(3)]
        self.assertEqual(self.handed(*lists), [False, True])
        self.assertEqual(self.handed(batch(*lists)), [True])

    def test_behind_a_write(self) -> None:
        """So is whatever waits for something else of the same connection."""
        self.assertEqual(self.handed(self.adding(1), request("employee.list", 2)), [False, True])

    def came_and_went(self, line: bytes, *, more_follows: bool) -> list[bool]:
        """Whether each piece was of the bulk, but for what a session's use leads to."""
        self.hand.handed.clear()
        self.hand.bulk.clear()
        self.hr_talk.conversation.receive(line, more_follows)
        besides = ("describe_session", "note_use")
        pieces = zip(self.hand.handed, self.hand.bulk, strict=True)
        return [is_bulk for (_, name), is_bulk in pieces if name not in besides]

    def test_who_comes_and_goes(self) -> None:
        """So it is for logins, good and bad, for passwords that are changed, and for logouts."""
        self.change_account("hr", password_hash=self.hasher.hash(GOOD))
        back = request("resume", token="hr")
        for more_follows in (False, True):
            for line, pieces in (
                (request("login", username="hr", password=BAD), 2),
                (request("login", username="hr", password=GOOD), 2),
                (back, 1),
                (request("password.change", current=BAD, new=FRESH), 2),
                (request("logout"), 1),
            ):
                told = self.came_and_went(line, more_follows=more_follows)
                self.assertEqual(told, [more_follows] * pieces, line)
            self.store.do(open_session, self.account(), caller("hr"), None)

    def test_others_connections(self) -> None:
        """What is under way on other connections makes nothing bulk."""
        other = self.talk("hr")
        self.hand.held = True
        self.hr_talk.say(self.adding(1), self.adding(2))
        self.hand.bulk.clear()
        other.say(self.adding(1))
        self.assertEqual(self.hand.bulk, [False])
        self.hand.fire_all()


class RefusedReadsTests(ConversationCase):
    """Reads that are refused."""

    def test_nothing_is_left(self) -> None:
        """However they are asked, nothing of them is left, not even for the garbage collector."""
        self.person("worker")
        talk = self.talk("worker")

        def left() -> int:
            return sum(type(each) is PermissionDenied for each in gc.get_objects())

        was_enabled = gc.isenabled()
        gc.collect()
        gc.disable()
        if was_enabled:
            self.addCleanup(gc.enable)
        before = left()
        for line in (request("employee.get", 1, id=1), request("employee.list", 1, sort="salary")):
            talk.say(line)
            talk.say(batch(line))
        denied = talk.lines
        self.assertEqual([b"permission-denied" in line for line in denied], [True] * 4)
        self.assertEqual(left(), before)

    def test_nothing_is_kept(self) -> None:
        """Their errors are in no reference cycle, which the collector would have to find."""
        made: list[ref[RecordsError]] = []

        def refuse(tx: Transaction, user: User, params: Params) -> None:
            kind = NotFound if len(made) % 2 else PermissionDenied
            error = kind("No.")
            made.append(ref(error))
            raise error

        method: Method = msgspec.structs.replace(METHODS["employee.get"], operation=refuse)
        who, asked = caller("hr"), [(method, msgspec.Raw(b'{"id":1}'))] * 20
        was_enabled = gc.isenabled()
        gc.disable()
        if was_enabled:
            self.addCleanup(gc.enable)
        outcomes = self.read(lambda tx: perform_all(tx, who, asked))
        for done in outcomes:
            if isinstance(done.error, Refused):
                done.error.error.without_traceback()  # as is done where it is answered
        del done
        self.assertEqual(len(made), 20)
        self.assertNotIn(None, [error() for error in made])
        outcomes.clear()
        self.assertEqual([error() for error in made], [None] * 20)
