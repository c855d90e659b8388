"""The one tree of errors: what can be wrong with a request, and how that is said.

Every error that a client may see is a `RecordsError`: it carries the code, a stable reason for
programs, and a sentence for people that is safe to send. This module knows nothing of how an error
travels. `Unusable` keeps the daemon from starting, and is for its operator.

Codes below zero are JSON-RPC 2.0's own (https://www.jsonrpc.org/specification#error_object); the
others follow the HTTP status codes of RFC 9110 and RFC 6585.
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
        """This error without its traceback and causes: it is an answer, not a fault.

        Frames of a traceback hold the data worked on, and often the error itself: a reference cycle
        for each refused request.
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
    """Nobody is logged in on this connection, or the credentials or the session are not valid."""

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
    """A unique value is in use already."""

    code = 409
    reason = "already-exists"


class RevisionConflict(RecordsError):
    """The record has changed since the caller saw it; `details` hold its present version."""

    code = 409
    reason = "revision-conflict"


class PlanOutdated(RecordsError):
    """Employees have changed since the import was planned; `details` says which. Plan it again."""

    code = 409
    reason = "plan-outdated"


class ValidationFailed(RecordsError):
    """The request is well formed, but some values are not valid; `errors` names all of them."""

    code = 422
    reason = "validation-failed"


class TooManyAttempts(RecordsError):
    """Too many failed logins; `details["retry_after"]` is how many seconds to wait."""

    code = 429
    reason = "too-many-attempts"


class Busy(RecordsError):
    """Nothing was done or changed: the daemon cannot take the request now."""

    code = 503
    reason = "busy"


def stopping() -> Busy:
    """Error for a job that had not started when the daemon stopped.

    A new error each time: an exception that is raised again keeps every frame that it passed.
    """
    return Busy("The daemon is stopping. Nothing was changed; connect again.")


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
        PlanOutdated,
        ValidationFailed,
        TooManyAttempts,
        Busy,
        OutcomeUnknown,
    )
}


class Unusable(Exception):
    """The daemon cannot start or go on. The text tells its operator what to do, in one line."""


class Damaged(Unusable):
    """A database or a backup that is not what was written, or never was one."""
