"""Between bytes and messages: JSON-RPC 2.0, whatever the bytes."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from records.api.jsonrpc import (
    _STRING,
    Batch,
    Malformed,
    Request,
    decode_params,
    parse,
)
from records.api.messages import GetParams
from records.model.errors import (
    InvalidParams,
)
from records.test.api.jsonrpc_case import PING, ParseCase, line

SAFE = 2**53 - 1
IDS: tuple[Any, ...] = (0, 1, -1, SAFE, -SAFE, 1.5, -0.25, "", "a", "é", "x" * 100, None)


class SpecificationTests(ParseCase):
    """The examples of https://www.jsonrpc.org/specification."""

    def test_requests(self) -> None:
        """A call, with params by position or by name, is a request."""
        by_position = self.good(b'{"jsonrpc": "2.0", "method": "m", "params": [42, 23], "id": 1}')
        self.assertEqual((by_position.method, by_position.id), ("m", 1))
        self.assertEqual(bytes(by_position.params), b"[42, 23]")
        by_name = self.good(
            b'{"jsonrpc": "2.0", "method": "subtract", "params": {"minuend": 42}, "id": 3}'
        )
        self.assertEqual(bytes(by_name.params), b'{"minuend": 42}')

    def test_notifications(self) -> None:
        """Without an id it is a notification; a null id is an id."""
        self.assertIs(self.good(line()).id, msgspec.UNSET)
        self.assertIsNone(self.good(line(id=None)).id)

    def test_invalid_json(self) -> None:
        """What is no JSON is a parse error."""
        self.assertEqual(
            self.code(b'{"jsonrpc": "2.0", "method": "foobar, "params": "bar", "baz]'), -32700
        )
        self.assertEqual(
            self.code(b'[{"jsonrpc": "2.0", "method": "sum", "id": "1"},{"jsonrpc": "2.0", "meth'),
            -32700,
        )

    def test_invalid_request(self) -> None:
        """JSON that is no request is an invalid one."""
        self.assertEqual(self.code(b'{"jsonrpc": "2.0", "method": 1, "params": "bar"}'), -32600)

    def test_batches(self) -> None:
        """An empty batch is one invalid request; each wrong member of another is one of its own."""
        self.assertEqual(self.code(b"[]"), -32600)
        self.assertEqual(self.code(b" [ ] "), -32600)
        found = parse(b"[1,2,3]")
        assert isinstance(found, Batch)
        self.assertEqual([each.error.code for each in found.members], [-32600] * 3)  # type: ignore[union-attr]

    def test_mixed_batch(self) -> None:
        """Good and bad members of a batch stand side by side, in their order."""
        members = [line(id="1"), line(), b'{"foo": "boo"}', line(id="5"), b"[]", b"null"]
        found = parse(b"[" + b",".join(members) + b"]")
        assert isinstance(found, Batch)
        self.assertEqual(
            [each.id if isinstance(each, Request) else each.error.code for each in found.members],
            ["1", msgspec.UNSET, -32600, "5", -32600, -32600],
        )


class EnvelopeTests(ParseCase):
    """What is asked of a request."""

    def test_ids(self) -> None:
        """An id of any allowed type is given back as it came, and in type."""
        for given in IDS:
            found = self.good(line(id=given))
            self.assertEqual((found.id, type(found.id)), (given, type(given)))

    def test_bad_ids(self) -> None:
        """An id of another type, or one that could not be given back exactly, is refused."""
        bad: tuple[Any, ...] = (
            True,
            False,
            [],
            {},
            [1],
            SAFE + 1,
            -SAFE - 1,
            10**30,
            10**400,
            "x" * 101,
        )
        for given in bad:
            self.assertEqual(self.code(line(id=given)), -32600)

    def test_id_is_salvaged(self) -> None:
        """A bad request is answered to its id, if that is a good one."""
        for given in IDS:
            for bad in (
                json.dumps({"method": "ping", "id": given}),
                json.dumps(PING | {"jsonrpc": "1.0", "id": given}),
                json.dumps(PING | {"method": None, "id": given}),
                json.dumps(PING | {"more": 1, "id": given}),
            ):
                found = parse(bad.encode())
                assert isinstance(found, Malformed)
                self.assertEqual((found.id, found.error.code), (given, -32600))
        for given in (True, [], {}, "x" * 101, SAFE + 1, 1e300):
            found = parse(json.dumps({"id": given}).encode())
            assert isinstance(found, Malformed)
            self.assertIsNone(found.id)

    def test_members(self) -> None:
        """The version is exactly "2.0", the method is text, and nothing else is there."""
        for members in (
            {"jsonrpc": 2.0},
            {"jsonrpc": "2"},
            {"jsonrpc": None},
            {"method": None},
            {"method": ["ping"]},
            {"result": 1},
            {"Method": "ping"},
        ):
            self.assertEqual(self.code(line(id=1, **members)), -32600, members)

    def test_other_values(self) -> None:
        """A JSON value that is no object is an invalid request."""
        for raw in (b"null", b"true", b"1", b'"ping"', b"1.5", b"-0"):
            self.assertEqual(self.code(raw), -32600, raw)

    def test_duplicate_members(self) -> None:
        """Of a member that stands there twice the last counts, as in most JSON readers."""
        found = self.good(b'{"jsonrpc":"2.0","method":"a","method":"b","id":1,"id":2}')
        self.assertEqual((found.method, found.id), ("b", 2))

    def test_repr(self) -> None:
        """A request's text form does not show its params."""
        self.assertNotIn("secret", repr(self.good(line(params={"password": "secret"}))))


class MalformedTests(ParseCase):
    """What is not JSON in UTF-8."""

    def test_not_json(self) -> None:
        """Almost-JSON is a parse error."""
        for raw in (
            b"",
            b" ",
            b"\x00",
            b"{",
            b"}",
            b"{}}",
            b"[,]",
            b"[1,]",
            b"{'a':1}",
            b"{a:1}",
            b'{"a":1,}',
            b"NaN",
            b"[NaN]",
            b"Infinity",
            b"-Infinity",
            b"1e999",
            b"01",
            b"+1",
            b".5",
            b"1.",
            b"0x10",
            b"nul",
            b"True",
            b'"a',
            b'"\x01"',
            b'"\\x41"',
            b'"\\u12"',
            b'"\\ud800"',
            b'"\\udc00\\ud800"',
            b"// ping",
            b"{} {}",
            line() + line(),
            b"\xef\xbb\xbf" + line(id=1),
            line(id=1).decode().encode("utf-16"),
        ):
            self.assertEqual(self.code(raw), -32700, raw)

    def test_numbers_out_of_range(self) -> None:
        """A number that nothing can hold is refused wherever it stands, and nothing is raised."""
        for number in (b"1e999", b"-1e999", b"1" + b"0" * 5000, b"NaN"):
            self.code(b'{"jsonrpc":"2.0","method":"ping","id":%b}' % number)
            found = parse(b'{"jsonrpc":"2.0","method":"ping","id":1,"params":{"id":%b}}' % number)
            if isinstance(found, Request):
                with self.assertRaises(InvalidParams):
                    decode_params(found.params, msgspec.json.Decoder(GetParams))

    def test_not_utf8(self) -> None:
        """Bytes that are not UTF-8 are a parse error, in a string and elsewhere."""
        for bad in (b"\xff", b"\xc3", b"\xc0\x80", b"\xed\xa0\x80", b"\xf5\x80\x80\x80", b"\x80"):
            self.assertEqual(self.code(b'{"jsonrpc":"2.0","method":"%b"}' % bad), -32700)
            self.assertEqual(self.code(line() + bad), -32700)
            self.assertEqual(self.code(b'[{"jsonrpc":"2.0","method":"%b"}]' % bad), -32700)

    def test_utf8(self) -> None:
        """Any character may stand as it is or escaped."""
        for written in ('"é🎉"', '"\\u00e9\\ud83c\\udf89"'):
            raw = f'{{"jsonrpc":"2.0","method":{written}}}'.encode()
            self.assertEqual(self.good(raw).method, "é🎉")

    def test_long_method(self) -> None:
        """A method as long as a line is only an unknown one."""
        self.assertEqual(len(self.good(line(method="x" * 60000)).method), 60000)


class DepthTests(ParseCase):
    """Nesting."""

    def request(self, opened: str, closed: str, depth: int) -> bytes:
        """A request whose params make the whole line this deep."""
        levels = [(opened, closed), ('{"a":', "}")] if opened == "both" else [(opened, closed)]
        params, ends = "", ""
        for level in range(depth - 1):
            begin, end = levels[level % len(levels)]
            if begin == "both":
                begin, end = "[", "]"
            params, ends = params + begin, end + ends
        return f'{{"jsonrpc":"2.0","method":"ping","params":{params}1{ends}}}'.encode()

    def test_limit(self) -> None:
        """32 levels are read and 33 are not, of arrays, of objects, and of both in turn."""
        for opened, closed in (("[", "]"), ('{"a":', "}"), ("both", "both")):
            self.good(self.request(opened, closed, 32))
            for depth in (33, 34, 63, 64, 65, 66):
                self.assertEqual(
                    self.code(self.request(opened, closed, depth)), -32700, (opened, depth)
                )

    def test_unclosed(self) -> None:
        """A string that is never closed is passed over in one go, and not from each quote anew."""
        for hostile in (b'"' + b'\\"' * 500, b'"' + b"x" * 500, b'"' + b"\\" * 501, b'"\\'):
            self.assertEqual(
                [found.span() for found in _STRING.finditer(hostile)], [(0, len(hostile))]
            )
            self.assertEqual(self.code(b"[" * 33 + hostile), -32700)

    def test_very_deep(self) -> None:
        """A whole line of brackets is a parse error, matched or not."""
        for raw in (
            b"[" * 65536,
            b"]" * 65536,
            b"[" * 32768 + b"]" * 32768,
            b'{"a":' * 13000,
            b'[{"a":' * 10000,
            b"[}" * 32768,
            b"[]" * 32768,
            b"{[" * 100 + b"]}" * 100,
        ):
            self.assertEqual(self.code(raw), -32700)

    def test_wide_is_not_deep(self) -> None:
        """Many brackets side by side are not nested."""
        self.good(line(params=[[]] * 1000 + [{}] * 1000, id=1))

    def test_brackets_in_strings(self) -> None:
        """Brackets inside strings do not nest, however the strings are written."""
        for text in (
            "[" * 100,
            "{" * 100,
            '"[' * 50,
            '\\"{[' * 50,
            "\\" * 51 + "[" * 50,
            "]}" * 60,
        ):
            found = self.good(line(params={text: text}, method=text))
            self.assertEqual(found.method, text)

    def test_unended_string(self) -> None:
        """Strings that never end hide no depth, and take no longer to read than others.

        Read again from each of its quotes, this line would take a hundred million steps; the test
        would be noticed by its length.
        """
        for raw in (
            b"[" * 40 + b'"' + b'\\"' * 32000,
            b"[" * 40 + b'"' + b"\\" * 32000,
            b'"' + b"[" * 60000,
            b'""' * 10000 + b'"' + b"[" * 40,
        ):
            self.assertEqual(self.code(raw), -32700)


class BatchTests(ParseCase):
    """Several requests in one line."""

    def test_limit(self) -> None:
        """100 requests are a batch, 101 are too many: one error for the whole line."""
        found = parse(b"[" + b",".join([line(id=1)] * 100) + b"]")
        assert isinstance(found, Batch)
        self.assertEqual(len(found.members), 100)
        self.assertEqual(self.code(b"[" + b",".join([line(id=1)] * 101) + b"]"), -32600)
        self.assertEqual(self.code(b"[" + b",".join([b"0"] * 30000) + b"]"), -32600)

    def test_bad_member_spoils_its_line(self) -> None:
        """A batch with a member that is no JSON is no JSON."""
        for bad in (b"nope", b'{"a"', b"", b"{'a':1}"):
            self.assertEqual(self.code(b"[" + line(id=1) + b"," + bad + b"]"), -32700, bad)

    def test_number_in_member(self) -> None:
        """A member that holds a number out of range is answered somehow, and raises nothing."""
        parse(b"[" + line(id=1) + b',{"id":1e999},{"id":' + b"9" * 5000 + b"}]")

    def test_white_space(self) -> None:
        """White space around and inside changes nothing."""
        found = parse(b" \t [ " + line(id=1) + b" \t,\r " + line(id=2) + b" ] \t\r")
        assert isinstance(found, Batch)
        self.assertEqual([each.id for each in found.members], [1, 2])
