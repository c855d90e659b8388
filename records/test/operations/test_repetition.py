"""Requests with a key: one effect, one outcome, for that user and that request."""

from __future__ import annotations

from typing import Any

import apsw
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from records.api.messages import AddParams, UpdateParams
from records.model.access import Role
from records.model.errors import (
    BY_REASON,
    AlreadyExists,
    NotFound,
    PermissionDenied,
    RecordsError,
    RevisionConflict,
    ValidationFailed,
)
from records.operations.repetition import fingerprint, keep, kept_error
from records.operations.sessions import OUTCOMES_KEPT, sweep
from records.test.operations.operations_case import LIMITS, OperationsCase
from records.test.samples import ANN
from records.testing import user

NEW = {name: value for name, value in ANN.items() if name != "ssn"}


class OnceTests(OperationsCase):
    """The same key from the same user."""

    def count(self) -> int:
        return len(self.ask(self.hr, "employee.list").employees)

    def test_add(self) -> None:
        """A repeated add makes nobody a second time, and answers the same."""
        first = self.ask(self.hr, "employee.add", employee=NEW, key="k")
        log = self.entries()
        for _ in range(3):
            self.assertEqual(self.ask(self.hr, "employee.add", employee=NEW, key="k"), first)
        self.assertEqual((self.count(), self.entries()), (1, log))

    def test_without_key(self) -> None:
        """Without a key each request is one of its own."""
        for number in (1, 2):
            self.assertEqual(self.ask(self.hr, "employee.add", employee=NEW).employee["id"], number)

    def test_update_and_delete(self) -> None:
        """A repeated update or deletion answers the same, even though the revision is past."""
        self.add()
        for method, params in (
            ("employee.update", {"changes": {"title": "Boss"}, "revision": 1}),
            ("employee.update", {"changes": {"title": "Boss"}, "revision": 2}),
            ("employee.delete", {"revision": 2}),
        ):
            key = f"{method} {params['revision']}"
            first = self.ask(self.hr, method, id=1, key=key, **params)
            self.assertEqual(self.ask(self.hr, method, id=1, key=key, **params), first)
        self.assertEqual(len(self.changes(1)), 3)

    def test_other_spelling(self) -> None:
        """The order of a request's members does not make it another one."""
        turned = dict(reversed(list(NEW.items())))
        first = self.ask(self.hr, "employee.add", employee=NEW, key="k")
        self.assertEqual(self.ask(self.hr, "employee.add", employee=turned, key="k"), first)

    def test_later_changes(self) -> None:
        """A repetition tells the version that the request made, not a later one."""
        first = self.ask(self.hr, "employee.add", employee=NEW, key="k")
        second = self.ask(
            self.hr, "employee.update", id=1, revision=1, changes={"title": "Boss"}, key="l"
        )
        self.ask(
            self.hr, "employee.update", id=1, revision=2, changes={"title": None, "phone": None}
        )
        self.assertEqual(self.ask(self.hr, "employee.add", employee=NEW, key="k"), first)
        again = self.ask(
            self.hr, "employee.update", id=1, revision=1, changes={"title": "Boss"}, key="l"
        )
        self.assertEqual(again, second)
        self.ask(self.hr, "employee.delete", id=1, revision=3)
        self.assertEqual(self.ask(self.hr, "employee.add", employee=NEW, key="k"), first)
        self.assertEqual(self.count(), 0)

    def test_erased(self) -> None:
        """Of an employee whose history was erased, as a law may ask, nothing is left to tell."""
        self.ask(self.hr, "employee.add", employee=NEW, key="k")
        hand = apsw.Connection(str(self.path))
        self.addCleanup(hand.close)
        hand.execute("DELETE FROM employee_words; DELETE FROM employees; DELETE FROM history")
        self.refused(NotFound, self.hr, "employee.add", employee=NEW, key="k")

    def test_no_change(self) -> None:
        """An update that changes nothing is repeated as such."""
        self.add()
        params: dict[str, Any] = {"id": 1, "revision": 1, "changes": {"title": "Engineer"}}
        first = self.ask(self.hr, "employee.update", key="k", **params)
        self.ask(self.hr, "employee.update", id=1, revision=1, changes={"title": "Boss"})
        self.assertEqual(self.ask(self.hr, "employee.update", key="k", **params), first)


class OtherRequestTests(OperationsCase):
    """The same key for something else."""

    def test_refused(self) -> None:
        """Another request under a used key is refused, and done neither now nor later."""
        self.ask(self.hr, "employee.add", employee=NEW, key="k")
        for method, params in (
            ("employee.add", {"employee": NEW | {"title": "Boss"}}),
            ("employee.add", {"employee": NEW | {"id": 5}}),
            ("employee.update", {"id": 1, "revision": 1, "changes": {"title": "Boss"}}),
            ("employee.delete", {"id": 1, "revision": 1}),
        ):
            error = self.refused(ValidationFailed, self.hr, method, key="k", **params)
            self.assertEqual([each.field for each in error.errors], ["key"])
        self.assertEqual(len(self.changes(1)), 1)
        self.ask(self.hr, "employee.add", employee=NEW, key="k")

    def test_keys_are_exact(self) -> None:
        """Keys that look alike are different keys."""
        for number, key in enumerate(("k", "K", "k ", "é", "e\u0301", "k" * 100), 1):
            answer = self.ask(self.hr, "employee.add", employee=NEW, key=key)
            self.assertEqual(answer.employee["id"], number)

    def test_other_users_key(self) -> None:
        """Users do not share their keys."""
        other = self.person("other", Role.HR)
        self.assertEqual(self.ask(self.hr, "employee.add", employee=NEW, key="k").employee["id"], 1)
        self.assertEqual(self.ask(other, "employee.add", employee=NEW, key="k").employee["id"], 2)

    def test_forgotten(self) -> None:
        """After two days a key counts as new, and not before."""
        self.ask(self.hr, "employee.add", employee=NEW, key="k")
        for seconds, number in ((OUTCOMES_KEPT, 1), (1, 2)):
            self.clock.advance(seconds)
            self.store.do(sweep, LIMITS)
            who = self.person(f"hr{number}", Role.HR)  # the old session has long been over
            account = self.read(lambda tx: tx.accounts.named("hr"))
            self.assertEqual(
                self.read(lambda tx, a=account: tx.journal.outcome(a.id, "k") is None), number == 2
            )
            self.ask(who, "employee.list")


class ErrorTests(OperationsCase):
    """A request that ended with an error ends with it again."""

    def twice(self, kind: type[RecordsError], method: str, **params: object) -> None:
        """Fails, and fails the same again once it could be done."""
        first = self.refused(kind, self.hr, method, key="k", **params)
        self.mend()
        again = self.refused(kind, self.hr, method, key="k", **params)
        self.assertEqual((again.message, again.errors), (first.message, first.errors))

    def mend(self) -> None:
        """Make possible what was not."""

    def test_not_found(self) -> None:
        """A user who was not there."""
        self.mend = self.add  # type: ignore[method-assign, assignment]
        self.twice(NotFound, "employee.update", id=1, revision=1, changes={"title": "Boss"})

    def test_wrong_fields(self) -> None:
        """Fields that were wrong, each named again."""
        self.mend = self.add  # type: ignore[method-assign, assignment]
        self.twice(ValidationFailed, "employee.add", employee=NEW | {"manager_id": 1, "email": "x"})

    def test_conflict(self) -> None:
        """A revision that was past."""
        self.add()
        self.twice(RevisionConflict, "employee.update", id=1, revision=9, changes={"title": "Boss"})

    def test_taken(self) -> None:
        """An ID that was taken."""
        self.add()
        self.twice(AlreadyExists, "employee.add", employee=NEW | {"id": 1})

    def test_denied(self) -> None:
        """A denial is not kept: it is judged and audited anew each time, and its key is free."""
        tess = self.person("tess", Role.EMPLOYEE)
        log = len(self.entries())
        for _ in range(2):
            self.refused(PermissionDenied, tess, "employee.add", employee=NEW, key="k")
        self.assertEqual([event[3] for event in self.events(log)], ["denied", "denied"])
        self.assertIsNone(
            self.read(lambda tx: tx.journal.outcome(tx.accounts.named("tess").id, "k"))
        )
        self.change_account("tess", roles=(Role.HR,))
        self.ask(tess, "employee.add", employee=NEW, key="k")

    def test_no_effect_is_left(self) -> None:
        """A failed request with a key leaves nothing but its outcome."""
        self.add()
        before = (self.values(1), self.entries())
        self.refused(
            ValidationFailed,
            self.hr,
            "employee.update",
            id=1,
            revision=1,
            changes={"title": "Boss", "manager_id": 1},
            key="k",
        )
        self.assertEqual((self.values(1), self.entries()), before)


class PresentTests(OperationsCase):
    """Who repeats something sees what may be seen now."""

    def test_role_taken(self) -> None:
        """The answer to a repetition is masked by the roles that the user has now."""
        who = self.person("clerk", Role.HR)
        first = self.ask(who, "employee.add", employee=ANN, key="k").employee
        self.assertEqual(first["ssn"], "***-**-4399")
        self.change_account("clerk", roles=(Role.EMPLOYEE,))
        again = self.ask(who, "employee.add", employee=ANN, key="k").employee
        self.assertEqual(again["title"], first["title"])
        for name in ("ssn", "salary", "birth_date", "home_address"):
            self.assertNotIn(name, again)

    def test_password_to_change(self) -> None:
        """Whoever must change the password first gets no old outcome either."""
        self.ask(self.hr, "employee.add", employee=NEW, key="k")
        self.change_account("hr", must_change_password=True)
        self.refused(PermissionDenied, self.hr, "employee.add", employee=NEW, key="k")
        self.change_account("hr", must_change_password=False)
        self.ask(self.hr, "employee.add", employee=NEW, key="k")

    def test_no_content_is_kept(self) -> None:
        """What is kept of an outcome holds nothing of a record."""
        self.ask(self.hr, "employee.add", employee=ANN, key="k")
        kept = self.read(lambda tx: tx.journal.outcome(tx.accounts.named("hr").id, "k"))
        for content in ("Hara", "536", "64000", "Engineer"):
            self.assertNotIn(content, kept.answer)
            self.assertNotIn(content.encode(), kept.request)


class FingerprintTests(SynchronousTestCase):
    """What tells one request from another."""

    @given(
        st.dictionaries(st.text(max_size=3), st.integers() | st.text(max_size=3), max_size=3),
        st.dictionaries(st.text(max_size=3), st.integers() | st.text(max_size=3), max_size=3),
    )
    def test_different(self, one: dict[str, Any], other: dict[str, Any]) -> None:
        """Two requests have one fingerprint only if they ask for the same."""
        prints = [fingerprint("m", AddParams(employee=each, key="k")) for each in (one, other)]
        self.assertEqual(prints[0] == prints[1], one == other)

    def test_method(self) -> None:
        """The method is a part of the request."""
        params = UpdateParams(id=1, revision=1, changes={})
        self.assertNotEqual(fingerprint("a", params), fingerprint("b", params))


class KeepTests(OperationsCase):
    """What can be kept."""

    def test_every_error(self) -> None:
        """Every kind of error can be kept."""
        hr = user(Role.HR)
        for reason, kind in BY_REASON.items():
            self.do(lambda tx, r=reason, k=kind: keep(tx, hr, r, b"", kept_error(k("x"))))
