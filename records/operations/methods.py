"""The table of methods, and the way that every request takes through its transaction.

`METHODS` is read from top to bottom: a method's name, the form of its params, the operation that
does it, and how it reaches the store. Methods without an operation belong to the connection
itself (`records.server.conversation`): they open, change or end its session.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from typing import Any

import msgspec

from records.api.jsonrpc import decode_params, encode
from records.api.messages import (
    AddParams,
    DeleteParams,
    GetParams,
    ListParams,
    LoginParams,
    NoParams,
    Params,
    PasswordChangeParams,
    ResumeParams,
    UpdateParams,
    real,
)
from records.model.access import User
from records.model.audit import Outcome
from records.model.errors import PermissionDenied, RecordsError
from records.operations.boundaries import Done, Refused, Transaction, Work
from records.operations.employees import (
    add_employee,
    delete_employee,
    get_employee,
    list_employees,
    reveal_employee,
    update_employee,
)
from records.operations.fields import list_fields
from records.operations.journal import note
from records.operations.repetition import fingerprint, keep, repeat
from records.operations.sessions import Caller, authenticate


class Way(Enum):
    """How a request reaches the store, and what may be under way beside it."""

    POINT = "point"  # a read of a few rows by key, done at once
    READ = "read"  # any other read
    WRITE = "write"
    ALONE = "alone"  # concerns the connection's session: nothing else is under way meanwhile


Operation = Callable[[Transaction, User, Any], object]


class Method(msgspec.Struct, frozen=True):
    """One line of the table. decode: the params' decoder."""

    name: str
    decode: msgspec.json.Decoder[Any]
    way: Way
    operation: Operation | None = None

    def __reduce__(self) -> tuple[Callable[[str, bool], Method], tuple[str, bool]]:
        """Goes from process to process by its name: its decoder could not."""
        return _method_named, (self.name, self is REVEAL)

    def form(self, params: Params) -> Method:
        """The method as these params mean it: a read that must be audited is a write."""
        if type(params) is GetParams and params.reveal:
            return REVEAL
        return self


def _method(
    name: str, params: type[Params], way: Way, operation: Operation | None = None
) -> Method:
    return Method(name, msgspec.json.Decoder(params, float_hook=real), way, operation)


def _method_named(name: str, is_reveal: bool) -> Method:
    return REVEAL if is_reveal else METHODS[name]


REVEAL = _method("employee.get", GetParams, Way.WRITE, reveal_employee)

METHODS: Mapping[str, Method] = {
    method.name: method
    for method in (
        _method("server.info", NoParams, Way.ALONE),
        _method("login", LoginParams, Way.ALONE),
        _method("resume", ResumeParams, Way.ALONE),
        _method("logout", NoParams, Way.ALONE),
        _method("password.change", PasswordChangeParams, Way.ALONE),
        _method("server.fields", NoParams, Way.POINT, list_fields),
        _method("employee.get", GetParams, Way.POINT, get_employee),
        _method("employee.list", ListParams, Way.READ, list_employees),
        _method("employee.add", AddParams, Way.WRITE, add_employee),
        _method("employee.update", UpdateParams, Way.WRITE, update_employee),
        _method("employee.delete", DeleteParams, Way.WRITE, delete_employee),
    )
}

_CHANGE_FIRST = "Change your password first: this account's is for the first login only."


def perform(tx: Transaction, caller: Caller, method: Method, params: Params) -> object:
    """Do what is asked, as whoever it is that asks, all within `tx`.

    Raises `NotAuthenticated`; any other refusal that must leave a trace is raised as `Refused`.
    """
    user = authenticate(tx, caller)
    assert method.operation is not None
    key: str | None = getattr(params, "key", None)
    if key is not None and not user.must_change_password:
        return _perform_once(tx, user, method, params, key)
    try:
        if user.must_change_password:
            raise PermissionDenied(_CHANGE_FIRST, details={"must_change_password": True})
        return method.operation(tx, user, params)
    except PermissionDenied as raised:
        remember = Work(_note_denial, (user, method, params, raised))
        raise Refused(raised.bare(), remember) from None


def perform_encoded(tx: Transaction, caller: Caller, method: Method, params: bytes) -> bytes:
    """`perform` with the params as they came, which are good, and the result as it leaves: JSON."""
    return encode(perform(tx, caller, method, decode_params(msgspec.Raw(params), method.decode)))


def perform_all(
    tx: Transaction, caller: Caller, asked: Sequence[tuple[Method, msgspec.Raw]]
) -> list[Done]:
    """`perform` for reads that stand one behind the other: each with an outcome of its own.

    Their params are as they came, and good.
    """
    return [_performed(tx, caller, method, params) for method, params in asked]


def _performed(tx: Transaction, caller: Caller, method: Method, params: msgspec.Raw) -> Done:
    try:
        return Done(perform(tx, caller, method, decode_params(params, method.decode)))
    except RecordsError as error:
        return Done(error=error.bare())
    except Exception as error:  # noqa: BLE001  it is that one request's, and told or logged there
        return Done(error=error)


def _perform_once(tx: Transaction, user: User, method: Method, params: Params, key: str) -> object:
    """`perform` for a request with a key."""
    assert method.operation is not None
    request = fingerprint(method.name, params)
    before = repeat(tx, user, key, request)
    if before is not None:
        return before
    try:
        result = method.operation(tx, user, params)
    except RecordsError as raised:
        if isinstance(raised, PermissionDenied):
            # Not kept: what was denied is judged anew, and would only fill the disk.
            remember = Work(_note_denial, (user, method, params, raised))
        else:
            remember = Work(keep, (user, key, request, raised))
        raise Refused(raised.bare(), remember) from None
    keep(tx, user, key, request, result)
    return result


def _note_denial(
    tx: Transaction, user: User, method: Method, params: Params, error: PermissionDenied
) -> None:
    subject = getattr(params, "id", None)
    note(
        tx,
        user,
        method.name,
        "-" if subject is None else f"employee:{subject}",
        Outcome.DENIED,
        [each.field for each in error.errors],
    )
