"""Lines to try: what a random search makes, and the worst that a user who thinks can send."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

from records.model.fields import STANDARD, Kind
from records.operations.methods import METHODS
from tests.faults.fuzz_answers import MAX_LINE

Lines = dict[str, bytes]


def request(method: str, **params: Any) -> bytes:
    """A request's line, without its end."""
    message = {"jsonrpc": "2.0", "method": method, "params": params, "id": 1}
    return json.dumps(message, separators=(",", ":")).encode()


def _batch(one: bytes) -> bytes:
    """As many as a batch may have, or a line may hold."""
    return b"[" + b",".join([one] * min(100, (MAX_LINE - 2) // (len(one) + 1))) + b"]"


def _filled(start: bytes, part: bytes, end: bytes) -> bytes:
    """As long a line as there may be."""
    return start + part * ((MAX_LINE - len(start) - len(end)) // len(part)) + end


def _where(*names: str, **condition: Any) -> bytes:
    return request("employee.list", where=dict.fromkeys(names, condition))


_BAD = b'{"jsonrpc":"1.0","x":'
_LONG_MAIL = "a@" + "x." * 120 + "com"
_MARKS = "\u0301\u0316\u0327\u0345"
_BOMB = "\ufdfa"  # one character, of which NFKC makes eighteen
_TEXTS = tuple(field.name for field in STANDARD if field.kind is Kind.TEXT)
_NAMES = tuple(field.name for field in STANDARD if field.kind is Kind.NAME)
_SHARE = 104 // len((*_TEXTS, *_NAMES))
"""Values for each text field, so that all of them fit into a line."""

WORST: Lines = {
    "nested at random": _filled(b"", b'[{"a":', b""),
    "nested deep": b"[" * 32768 + b"]" * 32768,
    "open brackets": b"[" * MAX_LINE,
    "nested as deep as may be": _filled(b"[", b"[" * 31 + b"]" * 31 + b",", b"1]"),
    "nested deep, time after time": _filled(b"", b"[" * 32 + b"]" * 31, b""),
    "one pair at a time": _filled(b"[" * 32 + b"]" * 31, b"[" * 31 + b"]", b""),
    "closed too often": b"]" * MAX_LINE,
    "open strings": _filled(b"[" * 40, b'"', b""),
    "escapes": _filled(b"[" * 40 + b'"', b'\\"', b""),
    "members": b"{" + b",".join(b'"%x":0' % number for number in range(7000)) + b"}",
    "short reals of high exponents": _filled(_BAD + b"[", b"1e308,", b"1]}"),
    "short reals of low exponents": _filled(_BAD + b"[", b"5e-324,", b"1]}"),
    "long reals": _filled(_BAD + b"[", b"1.7976931348623157e308,", b"1]}"),
    "reals in params": _filled(
        b'{"jsonrpc":"2.0","id":1,"method":"employee.list","params":{"where":{"title":[',
        b"9e307,",
        b"1]}}}",
    ),
    "a long number": _filled(_BAD, b"9", b"}"),
    "a long fraction": _filled(_BAD + b"1.", b"9", b"e-5}"),
    "a number beyond all bounds": b'{"jsonrpc":"2.0","method":"x","id":1e999999}',
    "a batch of junk": _batch(b"1"),
    "a batch of junk with members": _batch(
        _BAD + b"{" + b",".join(b'"%x":0' % number for number in range(70)) + b"}}"
    ),
    "a batch of points": _batch(request("employee.get", id=1)),
    "a batch of points that are not there": _batch(request("employee.get", id=10**6)),
    "a batch of lists": _batch(request("employee.list", limit=100)),
    "a batch of changes": _batch(
        request(
            "employee.update", id=1, revision=1, changes={f"{number}": 0 for number in range(60)}
        )
    ),
    "a batch of resumes": _batch(request("resume", token="x" * 100)),
    "unknown operators": _where("title", **{f"{number:x}": 0 for number in range(6000)}),
    "many long addresses": _where("email", "personal_email", **{"in": [_LONG_MAIL] * 100}),
    "many phones": _where("phone", "personal_phone", **{"in": ["+1" + "-" * 50 + "2"] * 100}),
    "many marks": _where(*_TEXTS, *_NAMES, **{"in": ["a" + _MARKS * 24] * _SHARE}),
    "all conditions": _where(*_TEXTS, *_NAMES, co=_BOMB * 100, sw="x", ne=_BOMB * 100, pr=True),
    "a bomb to search": request("employee.list", search=_BOMB * 200),
    "many words to search": request("employee.list", search="a " * 100),
    "marks to search": request("employee.list", search="a" + _MARKS * 49),
    "a long cursor": request("employee.list", cursor="A" * 16384),
    "a long SSN": request("employee.add", employee={"given_name": "A", "ssn": "5" * 65000}),
    "a long salary": request("employee.add", employee={"given_name": "A", "salary": "9" * 65000}),
    "bombs in every field": request(
        "employee.add",
        employee=dict.fromkeys((*_TEXTS, *_NAMES), _BOMB * 100),
    ),
    "marks in every field": request(
        "employee.add", employee=dict.fromkeys((*_TEXTS, *_NAMES, "email"), "a" + _MARKS * 99)
    ),
    "a bomb for a password": request("login", username="hr", password=_BOMB * 1024),
    "marks for a username": request("login", username="a" + _MARKS * 63, password="x"),
    "passwords alike": request("password.change", current=_BOMB * 1024, new=_MARKS * 256),
    "a password that is slow to estimate": request(
        "password.change", current="seven quiet herons wade", new="+77201977p4s@w0rdttt4t67+77++7t5"
    ),
}
"""By what they are. Each is one line, and no longer than a line may be."""

FLOODS: Lines = {
    "points": request("employee.get", id=1),
    "points that are not there": request("employee.get", id=10**6),
    "points that nobody waits for": b'{"jsonrpc":"2.0","method":"employee.get","params":{"id":1}}',
    "no such method": b'{"jsonrpc":"2.0","method":"x"}',
    "wrong params": b'{"jsonrpc":"2.0","method":"login"}',
    "information that nobody waits for": b'{"jsonrpc":"2.0","method":"server.info"}',
    "changes": request("employee.update", id=1, revision=1, changes={}),
    "lists": request("employee.list", limit=10),
    "empty lines": b"",
    "junk": b"junk",
    "no requests": b"{}",
}
"""Short lines, to be sent as many at once as are read at once."""

METHOD_PARAMS: dict[str, tuple[str, ...]] = {
    name: method.decode.type.__struct_fields__ for name, method in METHODS.items()
} | {"employee.vanish": ("id",)}
FIELDS = (*STANDARD.names, "id", "shoe_size")
OPERATORS = ("eq", "ne", "co", "sw", "gt", "ge", "lt", "le", "pr", "in", "like")

_said = st.sampled_from((
    "", " ", "a", "Ann", "2020-02-30", "2020-02-29", "active", "536-90-4399", "84,000 USD", "1e999",
    "+12127365000", "ann@example.com", "\ufdfa", "\u0301", "\u200d", "\x00", "\ud83d\ude00",
    "-hire_date", "name", "-manager_id", "salary", "hr", "seven quiet herons wade", "WyIiLCIiLDFd",
   "A" * 400, "\u3000", "İ", "ß", "𝟙", "xn--a@b", "İ@İ.com", "1" * 60, "１２",
))  # fmt: skip
_numbers = st.integers(-3, 130) | st.sampled_from(
    (2**31 - 1, 2**31, 2**53 - 1, 2**53, 2**63, 2**64, 10**30, -(2**63) - 1)
)
_leaves = st.one_of(
    st.none(), st.booleans(), _numbers, st.floats(allow_nan=False, allow_infinity=False), _said,
    st.text(max_size=20),
)  # fmt: skip
_values = st.recursive(
    _leaves,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(OPERATORS) | _said, inner, max_size=3)
        | st.fixed_dictionaries({"amount": _said, "currency": _said | st.just("USD")})
    ),
    max_leaves=6,
)
_fields = st.dictionaries(st.sampled_from(FIELDS), _values, max_size=5)
_conditions = st.dictionaries(
    st.sampled_from(FIELDS),
    _values | st.dictionaries(st.sampled_from(OPERATORS), _values, max_size=4),
    max_size=4,
)


def _param(name: str) -> st.SearchStrategy[Any]:
    likely: dict[str, st.SearchStrategy[Any]] = {
        "employee": _fields,
        "changes": _fields,
        "where": _conditions,
        "reveal": st.lists(st.sampled_from(FIELDS), max_size=4),
        "id": st.integers(1, 125),
        "revision": st.integers(1, 3),
        "limit": st.integers(0, 101),
    }
    good = likely.get(name, _said)
    return st.one_of(good, good, good, good, _values)


def _mostly(draw: st.DrawFn) -> bool:
    """True but for once in ten times; False is what an example is simplified to the last."""
    return draw(st.integers(0, 9)) < 9


@st.composite
def requests(draw: st.DrawFn) -> Any:
    """A request, nearly: each part may be something else, or be missing."""
    method = draw(st.sampled_from(tuple(METHOD_PARAMS)))
    names = [name for name in METHOD_PARAMS[method] if _mostly(draw)]
    made: dict[str, Any] = {"jsonrpc": "2.0", "method": method}
    made["params"] = {name: draw(_param(name)) for name in names}
    made["id"] = draw(st.integers(0, 9)) if _mostly(draw) else draw(_leaves)
    if not _mostly(draw):
        made[draw(st.sampled_from(("jsonrpc", "method", "params", "id", "more")))] = draw(_values)
    if not _mostly(draw):
        del made[draw(st.sampled_from(tuple(made)))]
    return made


@st.composite
def lines(draw: st.DrawFn) -> bytes:
    """A line: a request, a batch, other JSON, or any of them with bytes put in or taken away."""
    one = requests()
    value = draw(st.one_of(one, one, one, st.lists(one, max_size=5), _values))
    line = json.dumps(value, ensure_ascii=draw(st.booleans())).encode("utf-8", "surrogatepass")
    for _ in range(draw(st.sampled_from((0, 0, 0, 0, 0, 0, 0, 1, 2)))):
        start = draw(st.integers(0, len(line)))
        end = start + draw(st.integers(0, 4))
        line = line[:start] + draw(st.binary(max_size=4)) + line[end:]
    return line.replace(b"\n", b"\\n")
