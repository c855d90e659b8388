"""Any bytes: whatever comes in, a line is a request, a batch, or the reason why it is neither."""

from __future__ import annotations

import json
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from records.api.jsonrpc import (
    Batch,
    Malformed,
    Request,
    decode_params,
    parse,
)
from records.api.messages import GetParams
from records.model.errors import (
    BY_REASON,
    FieldError,
    InternalError,
    InvalidParams,
    ParseError,
    RecordsError,
    RevisionConflict,
    ValidationFailed,
)

GET: msgspec.json.Decoder[Any] = msgspec.json.Decoder(GetParams)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=12,
)


NEARLY = st.fixed_dictionaries(
    {},
    optional={
        "jsonrpc": st.sampled_from(("2.0", "1.0", 2)),
        "method": st.sampled_from(("ping", "login", 1, None)),
        "params": JSON,
        "id": JSON,
        "more": JSON,
    },
)


LETTERS = st.lists(
    st.sampled_from([*'[]{}",:\\', "1", "e", "\ud7ff", '"id"', '"jsonrpc":"2.0"', " ", "u", "-"])
).map(lambda parts: "".join(parts).encode())


class NeverRaisesTests(SynchronousTestCase):
    """Any bytes."""

    def check(self, raw: bytes) -> None:
        found = parse(raw)
        self.assertIsInstance(found, Request | Malformed | Batch)
        for each in found.members if isinstance(found, Batch) else [found]:
            if isinstance(each, Malformed):
                self.assertIn(each.error.code, (-32700, -32600))
            else:
                try:
                    decode_params(each.params, GET)
                except InvalidParams as error:
                    msgspec.json.encode(error.errors)

    @settings(max_examples=300)
    @given(st.binary(max_size=80))
    def test_bytes(self, raw: bytes) -> None:
        """No bytes make it raise, and each line is one of three things."""
        self.check(raw)

    @settings(max_examples=300)
    @given(LETTERS)
    def test_json_letters(self, raw: bytes) -> None:
        """Nor do the letters that JSON is made of, in any order."""
        self.check(raw)

    @settings(max_examples=200)
    @given(NEARLY | st.lists(NEARLY | JSON, max_size=3), st.booleans(), st.data())
    def test_nearly_requests(self, value: object, ascii_only: bool, data: st.DataObject) -> None:
        """Nor do things that are nearly requests, whole or with a byte changed."""
        raw = json.dumps(value, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
        self.check(raw)
        place, byte = data.draw(st.integers(0, len(raw) - 1)), data.draw(st.integers(0, 255))
        self.check(raw[:place] + bytes([byte]) + raw[place + 1 :])
        self.check(raw[:place])


class ParamsTests(SynchronousTestCase):
    """The params in their method's form."""

    def test_faults(self) -> None:
        """Params of the wrong form are refused with the place, and nothing else is raised."""
        decoder = GET
        self.assertEqual(decode_params(msgspec.Raw(b'{"id":1}'), decoder), GetParams(id=1))
        for raw in (b"", b"{", b"[]", b'{"id":1e999}', b'{"id":"\\ud800"}', b'{"id":[[[[1]]]]}'):
            with self.assertRaises(InvalidParams):
                decode_params(msgspec.Raw(raw), decoder)

    def test_every_error_can_come_back(self) -> None:
        """Each kind of error has a reason that the other side knows it by."""
        for kind in (InternalError, ParseError, ValidationFailed, RevisionConflict):
            self.assertIs(BY_REASON[kind.reason], kind)
            self.assertIsInstance(kind("x", [FieldError("a", "b")]), RecordsError)
