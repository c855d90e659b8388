"""What a line must be answered with, said by another reader of JSON than the daemon's.

Written from docs/protocol.md alone: how many answers there are, under which ids, and that each is
of the protocol's form. What the answers say of records is other tests' business.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

MAX_LINE = 64 * 1024
MAX_ANSWER = 1024 * 1024
MAX_BATCH = 100
MAX_DEPTH = 32
_SAFE = 2**53 - 1

CODES = {
    "parse-error": -32700,
    "invalid-request": -32600,
    "method-not-found": -32601,
    "invalid-params": -32602,
    "internal-error": -32603,
    "not-authenticated": 401,
    "permission-denied": 403,
    "not-found": 404,
    "already-exists": 409,
    "revision-conflict": 409,
    "validation-failed": 422,
    "too-many-attempts": 429,
    "busy": 503,
}
BULK_SLICE = "too long"
"""In the message of the one internal error that is no fault: an answer longer than may be."""


class _Unclear(ValueError):
    """The protocol leaves open what is answered: a member twice, a number beyond all bounds."""


class Expected:
    """The answers to a line.

    ids: of each answer, in order; None if the line is not answered at all. is_batch: whether they
    come in one list. is_clear: False where the protocol does not say which of two it is.
    """

    def __init__(
        self, ids: Sequence[object] | None, is_batch: bool = False, is_clear: bool = True
    ) -> None:
        self.ids, self.is_batch, self.is_clear = ids, is_batch, is_clear


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise _Unclear
    return made


def _real(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise _Unclear
    return number


def _whole(text: str) -> int:
    if len(text) > 300:
        raise _Unclear
    return int(text)


def _constant(text: str) -> float:
    raise ValueError(text)


_read = json.JSONDecoder(
    object_pairs_hook=_members, parse_float=_real, parse_int=_whole, parse_constant=_constant
).decode


def _depth(value: object) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + max(map(_depth, inner), default=0) if isinstance(value, dict | list) else 0


def _lone(text: str) -> bool:
    """Whether half of a surrogate pair is in there, of which RFC 8259 says nothing good."""
    return any("\ud800" <= character <= "\udfff" for character in text)


def _good_id(given: object) -> bool:
    if isinstance(given, bool):
        return False
    if isinstance(given, str):
        return len(given) <= 100
    return given is None or (isinstance(given, int | float) and abs(given) <= _SAFE)


def _one(value: object) -> tuple[bool, object]:
    """Whether a request is answered, and under which id."""
    if not isinstance(value, dict):
        return True, None
    given = value.get("id")
    good = (
        value.get("jsonrpc") == "2.0"
        and isinstance(value.get("method"), str)
        and not set(value) - {"jsonrpc", "method", "params", "id"}
        and ("id" not in value or _good_id(given) or isinstance(given, float))
    )
    if good:
        return "id" in value, given
    return True, given if _good_id(given) else None


def _value(line: bytes) -> object:
    """The JSON in a line. Raises ValueError if it is none, and `_Unclear` if one may think so."""
    try:
        value: object = _read(line.decode("utf-8"))
    except RecursionError:
        raise ValueError("too deep") from None
    if _depth(value) > MAX_DEPTH:
        raise ValueError("too deep")
    if _lone(json.dumps(value, ensure_ascii=False)):
        raise _Unclear
    return value


def expected(line: bytes) -> Expected:
    """What is answered to a line, given without its end."""
    line = line.removesuffix(b"\r")
    if len(line) > MAX_LINE:
        return Expected([None])
    try:
        value = _value(line)
    except ValueError as error:
        return Expected([None], is_clear=not isinstance(error, _Unclear))
    if not isinstance(value, list):
        answered, given = _one(value)
        return Expected([given] if answered else None)
    if not 1 <= len(value) <= MAX_BATCH:
        return Expected([None])
    ids = [given for answered, given in map(_one, value) if answered]
    return Expected(ids or None, is_batch=True)


def _wrong(answer: Any) -> str:
    """What is wrong with an answer; empty if nothing is."""
    if not isinstance(answer, dict) or answer.get("jsonrpc") != "2.0" or "id" not in answer:
        return "not of JSON-RPC 2.0"
    if set(answer) == {"jsonrpc", "id", "result"}:
        return "" if isinstance(answer["result"], dict) else "a result that is no object"
    if set(answer) != {"jsonrpc", "id", "error"}:
        return "neither a result nor an error"
    error = answer["error"]
    reason = error["data"]["reason"]
    if CODES.get(reason) != error["code"] or not error["message"]:
        return f"not the error {reason}"
    if reason == "internal-error" and BULK_SLICE not in error["message"]:
        return "a fault"
    return ""


def faults(line: bytes, answers: Sequence[bytes]) -> list[str]:
    """What is wrong with the answer lines to a line; nothing if all is as the protocol has it."""
    wanted = expected(line)
    if wanted.is_clear and (wanted.ids is None) == bool(answers):
        return [f"answered by {len(answers)} lines: {answers[:1]}"]
    if len(answers) > 1 or any(len(answer) > MAX_ANSWER for answer in answers):
        return [f"answered by {len(answers)} lines of {list(map(len, answers))} bytes"]
    found = []
    for answer in answers:
        told = json.loads(answer)
        parts = told if isinstance(told, list) else [told]
        found += [why for why in map(_wrong, parts) if why]
        if wanted.is_clear and not found:
            ids = [each["id"] for each in parts]
            if wanted.is_batch != isinstance(told, list) or ids != wanted.ids:
                found.append(f"answered under {ids!r}, not {wanted.ids!r}")
    return found
