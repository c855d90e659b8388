"""The one tree of errors: what can be wrong with a request, and how that is said.

Every error that a caller may see is a `RecordsError`: it carries the wire code, a stable
reason for programs, and a sentence for people that is safe to send. This module knows nothing
of how an error travels. What keeps the daemon from starting is `Unusable`, for its operator.

Codes below zero are JSON-RPC 2.0's own (https://www.jsonrpc.org/specification#error_object);
the others follow the HTTP status codes of RFC 9110 and RFC 6585, which their readers know.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, Self

import msgspec


class FieldError(msgspec.Struct, frozen=True):
    """What is wrong with one field: its name, and a sentence that a person understands."""

    field: str
    message: str


class RecordsError(Exception):
    """A request that could not be done, and exactly why not.

    message: a sentence that is safe to show; it never holds the text of another exception.
    errors: every wrong field at once.
    details: further members of `error.data`, such as `retry_after` in seconds.
    """

    code: ClassVar[int]
    reason: ClassVar[str]

    def __init__(
        self,
        message: str,
        errors: Sequence[FieldError] = (),
        details: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.errors = tuple(errors)
        self.details: dict[str, object] = dict(details or {})

    def without_traceback(self) -> Self:
        """The same, without what it came from: it is an answer, and not a fault to be traced.

        Frames of calls hold what was worked on, and often the error itself: a circle of references
        for each request that is refused.
        """
        self.__traceback__ = self.__context__ = self.__cause__ = None
        return self


class ParseError(RecordsError):
    """The line is not JSON in UTF-8, or is too long or too deep to be read."""

    code = -32700
    reason = "parse-error"


class InvalidRequest(RecordsError):
    """The JSON is not a JSON-RPC 2.0 request."""

    code = -32600
    reason = "invalid-request"


class MethodNotFound(RecordsError):
    """There is no such method."""

    code = -32601
    reason = "method-not-found"


class InvalidParams(RecordsError):
    """The params are not of the method's form."""

    code = -32602
    reason = "invalid-params"


class InternalError(RecordsError):
    """A fault of the daemon itself. The log holds what happened; the answer does not."""

    code = -32603
    reason = "internal-error"


class NotAuthenticated(RecordsError):
    """Nobody is logged in here, or the credentials or the session are not good (any more)."""

    code = 401
    reason = "not-authenticated"


class PermissionDenied(RecordsError):
    """The caller is known, and may not do this."""

    code = 403
    reason = "permission-denied"


class NotFound(RecordsError):
    """There is no such record."""

    code = 404
    reason = "not-found"


class AlreadyExists(RecordsError):
    """Something that must be unique is there already."""

    code = 409
    reason = "already-exists"


class RevisionConflict(RecordsError):
    """The record has changed since the caller saw it; `details` hold its present version."""

    code = 409
    reason = "revision-conflict"


class ValidationFailed(RecordsError):
    """Well formed, but some values cannot be right; `errors` names every one of them."""

    code = 422
    reason = "validation-failed"


class TooManyAttempts(RecordsError):
    """Too many failed logins; `details["retry_after"]` is how many seconds to wait."""

    code = 429
    reason = "too-many-attempts"


class Busy(RecordsError):
    """Not done, and nothing has changed: the daemon cannot take this on just now."""

    code = 503
    reason = "busy"


def stopping() -> Busy:
    """For what was not begun when the daemon's end came.

    Each is an error of its own: one raised over and over would keep every frame it passed.
    """
    return Busy("The daemon is stopping; nothing was changed. Connect again.")


class OutcomeUnknown(RecordsError):
    """The change may or may not be durable. Repeat it under the same `key` to find out."""

    code = 504
    reason = "outcome-unknown"


BY_REASON: Mapping[str, type[RecordsError]] = {
    kind.reason: kind
    for kind in (
        ParseError,
        InvalidRequest,
        MethodNotFound,
        InvalidParams,
        InternalError,
        NotAuthenticated,
        PermissionDenied,
        NotFound,
        AlreadyExists,
        RevisionConflict,
        ValidationFailed,
        TooManyAttempts,
        Busy,
        OutcomeUnknown,
    )
}


class Unusable(Exception):
    """The daemon cannot start or go on: one line that tells its operator what to do."""
