"""Answers: how they are written, how they are read again, and how long they may be."""

from __future__ import annotations

import json
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from records.api.jsonrpc import (
    Request,
    encode_batch,
    encode_error,
    encode_request,
    encode_result,
    parse,
    parse_answer,
)
from records.api.messages import MAX_ANSWER, EmployeeDeleted, EmployeeStored, Nothing
from records.model.errors import (
    BY_REASON,
    FieldError,
    InternalError,
    ParseError,
    RecordsError,
    ValidationFailed,
)

IDS = (
    st.none()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.text(st.characters(codec="utf-8"), max_size=100)
)
TEXTS = st.text(st.characters(codec="utf-8"), max_size=20)


class AnswersTests(SynchronousTestCase):
    """Written and read again."""

    def test_result(self) -> None:
        """A result stands in an answer of JSON-RPC's form, on one line."""
        raw = encode_result(7, EmployeeDeleted(3, 2))
        self.assertEqual(
            json.loads(raw), {"jsonrpc": "2.0", "result": {"id": 3, "revision": 2}, "id": 7}
        )
        self.assertEqual(json.loads(encode_result(None, Nothing()))["result"], {})
        shown = EmployeeStored({"given_name": "two\nlines"})
        self.assertNotIn(b"\n", encode_result("a\nb", shown))

    @given(IDS, st.sampled_from(sorted(BY_REASON)), TEXTS, st.lists(st.tuples(TEXTS, TEXTS)))
    def test_errors_round_trip(
        self, request_id: str | int | None, reason: str, message: str, wrong: list[tuple[str, str]]
    ) -> None:
        """An error comes out at the other end as it was raised."""
        errors = [FieldError(*each) for each in wrong]
        error = BY_REASON[reason](message, errors, {"retry_after": 3})
        answer = parse_answer(encode_error(request_id, error))
        self.assertEqual(answer.id, request_id)
        assert answer.error is not None
        again = answer.error.as_error()
        self.assertIs(type(again), BY_REASON[reason])
        self.assertEqual(
            (again.message, again.errors, again.details),
            (message, tuple(errors), {"retry_after": 3}),
        )

    def test_error_members(self) -> None:
        """An error has its code, sentence and reason, and `errors` only if fields are wrong."""
        error = ValidationFailed("No.", [FieldError("ssn", "Bad.")])
        self.assertEqual(
            json.loads(encode_error("x", error)),
            {
                "jsonrpc": "2.0",
                "id": "x",
                "error": {
                    "code": 422,
                    "message": "No.",
                    "data": {
                        "reason": "validation-failed",
                        "errors": [{"field": "ssn", "message": "Bad."}],
                    },
                },
            },
        )
        data = json.loads(encode_error(None, InternalError("No.")))["error"]["data"]
        self.assertEqual(data, {"reason": "internal-error"})

    @given(IDS, TEXTS, st.dictionaries(TEXTS, st.none() | st.integers(0, 9) | TEXTS))
    def test_requests_round_trip(
        self, request_id: str | int | None, method: str, params: dict[str, object]
    ) -> None:
        """What the client writes, the daemon reads."""
        found = parse(encode_request(request_id, method, params))
        assert isinstance(found, Request)
        self.assertEqual((found.id, found.method), (request_id, method))
        self.assertEqual(json.loads(bytes(found.params)), params)

    def test_unknown_reason(self) -> None:
        """An error of a kind that is not known here is an internal one, its sentence kept."""
        for data in ({"reason": "new-thing"}, {}, {"reason": 7}):
            raw = json.dumps({"id": 1, "error": {"code": 1, "message": "Hm.", "data": data}})
            answer = parse_answer(raw.encode())
            assert answer.error is not None
            error = answer.error.as_error()
            self.assertEqual((type(error), error.message), (InternalError, "Hm."))

    def test_not_an_answer(self) -> None:
        """A line that is no answer is a parse error, whatever it is."""
        for raw in (
            b"",
            b"HTTP/1.1 400 Bad Request",
            b"[]",
            b"{",
            b"\xff",
            b'{"id":[]}',
            b'{"id":1,"error":5}',
            b'{"id":1,"error":{"code":"x","message":"y"}}',
            b'{"id":1e999}',
            b"[" * 100000,
        ):
            with self.assertRaises(ParseError):
                parse_answer(raw)

    def test_strange_field_errors(self) -> None:
        """An error whose `errors` are not of the promised form is still a `RecordsError`."""
        for errors in (5, "x", [1], [{"field": 1}], {"a": 1}, None):
            raw = json.dumps(
                {"id": 1, "error": {"code": 422, "message": "Hm.", "data": {"errors": errors}}}
            )
            try:
                answer = parse_answer(raw.encode())
                assert answer.error is not None
                self.assertIsInstance(answer.error.as_error(), RecordsError)
            except RecordsError:
                pass


class BatchLengthTests(SynchronousTestCase):
    """The length of a batch's answer."""

    def answers(self, *sizes: int) -> list[bytes]:
        return [encode_result(place, {"x": "y" * size}) for place, size in enumerate(sizes)]

    def exchanged(self, sizes: tuple[int, ...]) -> list[int]:
        """Which answers were exchanged for an error, once the whole is seen to be in order."""
        answers = self.answers(*sizes)
        raw = encode_batch(answers)
        self.assertLessEqual(len(raw), MAX_ANSWER)
        told: list[dict[str, Any]] = json.loads(raw)
        self.assertEqual([each["id"] for each in told], list(range(len(sizes))))
        for each, answer in zip(told, answers, strict=True):
            if "error" in each:
                self.assertEqual(each["error"]["data"]["reason"], "internal-error")
            else:
                self.assertEqual(each, json.loads(answer))
        return [place for place, each in enumerate(told) if "error" in each]

    def test_fits(self) -> None:
        """What fits, to the last byte, is told as it is."""
        empty = len(encode_batch(self.answers(0, 0)))
        room = MAX_ANSWER - empty
        self.assertEqual(self.exchanged((room - 5, 5)), [])
        self.assertEqual(len(encode_batch(self.answers(room - 5, 5))), MAX_ANSWER)
        self.assertEqual(self.exchanged((room - 5, 6)), [0])

    def test_longest_first(self) -> None:
        """The longest answers give way, and no more of them than must."""
        self.assertEqual(self.exchanged((10, 900_000, 20, 800_000, 30)), [1])
        self.assertEqual(self.exchanged((600_000, 600_000, 600_000)), [0, 1])
        self.assertEqual(len(self.exchanged((20_000,) * 100)), 49)

    def test_one(self) -> None:
        """One answer is still an array."""
        self.assertEqual(json.loads(encode_batch([encode_result(1, {})]))[0]["id"], 1)

    def test_ids_survive(self) -> None:
        """An exchanged answer keeps its id, of whatever type."""
        for request_id in (None, 1.5, "é" * 100, "\x00", -1):
            raw = encode_batch([encode_result(request_id, "y" * MAX_ANSWER)])
            self.assertEqual(msgspec.json.decode(raw)[0]["id"], request_id)
