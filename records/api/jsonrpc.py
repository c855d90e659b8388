"""JSON-RPC 2.0: from a line of bytes to a message and back, strict and bounded.

Owns the JSON-RPC envelope (https://www.jsonrpc.org/specification) and its errors. Does no I/O: a
line without its end comes in, and a message or an error comes out; and the reverse.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Literal

import msgspec
from msgspec import UNSET, Raw, UnsetType

from records.api.messages import MAX_ANSWER, MAX_BATCH, MAX_DEPTH, Params, real
from records.model.errors import (
    BY_REASON,
    FieldError,
    InternalError,
    InvalidParams,
    InvalidRequest,
    ParseError,
    RecordsError,
)

RequestId = str | int | float | None
MAX_ID_LENGTH = 100
_SAFE_INTEGER = 2**53 - 1  # RFC 8259, section 6: beyond it, implementations disagree
# An unclosed string extends to the end; otherwise each later quote would be tried again.
_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+(?:"|\Z|\\\Z)', re.DOTALL)
_NOT_BRACKETS = bytes(byte for byte in range(256) if byte not in b"[]{}")
_ONE_KIND = bytes.maketrans(b"{}", b"[]")
_TOO_MANY = b"[" * (MAX_DEPTH + 1)
_NO_PARAMS = Raw(b"{}")


class Request(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """A request with a valid envelope, whose params are not checked yet.

    id: UNSET in a notification, which is never answered.
    """

    jsonrpc: Literal["2.0"]
    method: str
    params: Raw = _NO_PARAMS
    id: RequestId | UnsetType = UNSET

    def __repr__(self) -> str:
        return f"Request({self.method!r})"


class Malformed(msgspec.Struct, frozen=True):
    """A malformed request: the error to answer, and the id to answer to."""

    error: RecordsError
    id: RequestId = None


class Batch(msgspec.Struct, frozen=True):
    """Several requests in one line, answered in one line."""

    members: tuple[Request | Malformed, ...]


_request = msgspec.json.Decoder(Request).decode
_anything = msgspec.json.Decoder(float_hook=real).decode
_members = msgspec.json.Decoder(list[Raw]).decode
encode = msgspec.json.Encoder().encode
"""Encodes a result as JSON."""


def _is_too_deep(line: bytes) -> bool:
    """Whether brackets are nested deeper than allowed, or left open.

    Removes the innermost pairs once for each allowed level, in one sweep each, so that no line
    takes longer than a few milliseconds. All brackets count as one kind, or a sweep would remove
    two levels; the decoder checks that they match. A sweep is slow where many brackets stay, so
    lines that are too deep at one place, or whose brackets no sweep removes, need not wait for it.
    """
    if line.count(b"[") + line.count(b"{") <= MAX_DEPTH:
        return False
    brackets = _STRING.sub(b"", line).translate(_ONE_KIND, delete=_NOT_BRACKETS)
    if _TOO_MANY in brackets:
        return True
    for _ in range(MAX_DEPTH):
        left = brackets.replace(b"[]", b"")
        if len(left) == len(brackets):
            break
        brackets = left
    return bool(brackets)


def _bounded(request: Request) -> Request | Malformed:
    """The request, unless its id cannot be returned unchanged."""
    given = request.id
    if type(given) is str:
        if len(given) > MAX_ID_LENGTH:
            return Malformed(InvalidRequest(f"An id has at most {MAX_ID_LENGTH} characters."))
    elif type(given) is int and not -_SAFE_INTEGER <= given <= _SAFE_INTEGER:
        return Malformed(InvalidRequest("An id must lie within 2^53, or be text."))
    return request


def _salvaged_id(value: dict[Any, Any]) -> RequestId:
    """The id of a malformed request, if it can be returned."""
    given = value.get("id")
    if isinstance(given, str) and len(given) <= MAX_ID_LENGTH:
        return given
    if isinstance(given, int | float) and not isinstance(given, bool):
        return given if abs(given) <= _SAFE_INTEGER else None
    return None


def _why_not_request(line: bytes | Raw) -> Malformed:
    """The exact fault of JSON that is not a request."""
    try:
        value = _anything(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Malformed(ParseError("This is not JSON. Send one JSON value a line, in UTF-8."))
    if not isinstance(value, dict):
        return Malformed(InvalidRequest("A request is a JSON object, or a batch of them."))
    known = {"jsonrpc", "method", "params", "id"}
    if value.get("jsonrpc") != "2.0":
        why = 'A request has "jsonrpc": "2.0".'
    elif not isinstance(value.get("method"), str):
        why = 'A request has a "method", which is text.'
    elif set(value) - known:
        why = f"A request has no other members than {', '.join(sorted(known))}."
    else:
        why = "A request's id is text, a number or null."
    return Malformed(InvalidRequest(why), _salvaged_id(value))


def _one(line: bytes | Raw) -> Request | Malformed:
    try:
        return _bounded(_request(line))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _why_not_request(line)


def parse(line: bytes) -> Request | Malformed | Batch:
    """Parse a line without its end. Never raises: faults come back as `Malformed`."""
    if _is_too_deep(line):
        return Malformed(ParseError(f"This is not JSON, or nested more than {MAX_DEPTH} deep."))
    if not line.isascii():
        try:
            line.decode("utf-8")
        except UnicodeDecodeError:
            return Malformed(ParseError("This is not UTF-8."))
    if line.lstrip(b" \t\r")[:1] == b"[":
        return _batch(line)
    return _one(line)


def _batch(line: bytes) -> Malformed | Batch:
    try:
        members = _members(line)
    except (msgspec.DecodeError, RecursionError):
        return _why_not_request(line)
    if not members:
        return Malformed(InvalidRequest("A batch has at least one request."))
    if len(members) > MAX_BATCH:
        return Malformed(InvalidRequest(f"A batch has at most {MAX_BATCH} requests."))
    return Batch(tuple(_one(member) for member in members))


def decode_params(raw: Raw, kind: msgspec.json.Decoder[Params]) -> Params:
    """The params in the form of their method. Raises `InvalidParams`, naming the field."""
    try:
        return kind.decode(raw)
    except msgspec.ValidationError as error:
        # msgspec says where the fault is, and never what was sent there.
        what, _, where = str(error).partition(" - at `$")
        field = where.rstrip("`").lstrip(".") or "params"
        raise InvalidParams(
            "The params are not of this method's form.",
            [FieldError(field[:200], f"{what[:200]}.")],
        ) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise InvalidParams("The params are not of this method's form.") from None


def encode_result(request_id: RequestId, result: object) -> bytes:
    """A response with a result, without the line's end.

    result: an object, or bytes that `encode` has made of one.
    """
    encoded = result if type(result) is bytes else encode(result)
    return b'{"jsonrpc":"2.0","result":%b,"id":%b}' % (encoded, encode(request_id))


def encode_error(request_id: RequestId, error: RecordsError) -> bytes:
    """A response with an error, without the line's end."""
    data: dict[str, object] = {"reason": error.reason}
    if error.errors:
        data["errors"] = error.errors
    data.update(error.details)
    told = {"code": error.code, "message": error.message, "data": data}
    return b'{"jsonrpc":"2.0","error":%b,"id":%b}' % (encode(told), encode(request_id))


def encode_batch(answers: Sequence[bytes]) -> bytes:
    """The response to a batch, within the limit of a line.

    A response that no longer fits is replaced by an error. The longest go first: lists, which can
    be requested again.
    """
    parts = list(answers)
    total = sum(map(len, parts)) + len(parts) + 1
    for place in sorted(range(len(parts)), key=lambda index: -len(parts[index])):
        if total <= MAX_ANSWER:
            break
        short = encode_error(
            _answer(parts[place]).id,
            InternalError("The batch's response is too long. Send this request separately."),
        )
        total += len(short) - len(parts[place])
        parts[place] = short
    return b"[%b]" % b",".join(parts)


_STRANGER = "The other end does not speak this protocol."


class WireError(msgspec.Struct, frozen=True):
    """The error member of a response."""

    code: int
    message: str
    data: dict[str, Any] = {}

    def as_error(self) -> RecordsError:
        """The error as the daemon raised it. A reason that is not known here becomes an internal
        error.

        Raises `ParseError` if its data is not valid.
        """
        data = dict(self.data)
        kind = BY_REASON.get(str(data.pop("reason", "")), InternalError)
        try:
            errors = msgspec.convert(data.pop("errors", []), list[FieldError])
        except msgspec.ValidationError:
            raise ParseError(_STRANGER) from None
        return kind(self.message, errors, data)


class Answer(msgspec.Struct, frozen=True):
    """The response to a request: a result or an error."""

    id: RequestId = None
    result: Raw | UnsetType = UNSET
    error: WireError | None = None


_answer = msgspec.json.Decoder(Answer).decode


def encode_request(request_id: RequestId, method: str, params: object) -> bytes:
    """A request as the client sends it, without the line's end."""
    return encode({"jsonrpc": "2.0", "method": method, "params": params, "id": request_id})


def parse_answer(line: bytes) -> Answer:
    """Parse a response. Raises `ParseError` if the line is not one."""
    try:
        return _answer(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise ParseError(_STRANGER) from None
