"""The table of methods, and what every request passes through inside its transaction.

`METHODS` has one line a method. CONTRIBUTING.md lists what a new method needs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from typing import Any, cast

import msgspec

from records.api.field_messages import (
    FieldAddParams,
    FieldParams,
    FieldsParams,
    FieldUpdateParams,
)
from records.api.import_messages import (
    ImportApplyParams,
    ImportBeginParams,
    ImportParams,
    ImportPlanParams,
    ImportRowsParams,
)
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
    ValuesParams,
    real,
)
from records.model.access import User
from records.model.audit import Outcome
from records.model.errors import PermissionDenied, RecordsError
from records.model.own_fields import is_name
from records.operations.boundaries import Done, Refused, Transaction, Work
from records.operations.employees import (
    add_employee,
    delete_employee,
    get_employee,
    list_values,
    reveal_employee,
    update_employee,
)
from records.operations.fields import add_field, list_fields, retire_field, update_field
from records.operations.import_apply import apply_import, undo_import
from records.operations.import_plan import plan_import
from records.operations.imports import begin_import, discard_import, list_imports, receive_rows
from records.operations.journal import note
from records.operations.lists import list_employees, reveal_employees
from records.operations.repetition import (
    APPLIED,
    BEGUN,
    DEFINED,
    DELETED,
    DISCARDED,
    STORED,
    UNDONE,
    Replay,
    fingerprint,
    keep,
    kept_error,
    repeat,
)
from records.operations.sessions import Caller, authenticate


class Mode(Enum):
    """How a request reaches the store."""

    POINT = "point"  # a read of a few rows by key, run at once on the reactor's thread
    READ = "read"  # any other read
    WRITE = "write"
    SESSION = "session"  # concerns the connection's session, and has no operation


Operation = Callable[[Transaction, User, Any], object]


def _none(params: Any) -> str:
    """The subject of a method that concerns no single employee."""
    return "-"


def _one_row(params: Any) -> int:
    return 1


class Method(msgspec.Struct, frozen=True):
    """One line of the table.

    decode: the decoder of its params. mode: how it reaches the store. operation: None if it
    concerns the session. subject: the audit subject of a denied request, from its params.
    replay: how the outcome of a request with a `key` is kept and repeated; None if there is no
    `key`. cost: how many employees the answer may hold, from the params. reveal: the variant for
    params that reveal fields.
    """

    name: str
    decode: msgspec.json.Decoder[Any]
    mode: Mode
    operation: Operation | None = None
    subject: Callable[[Any], str] = _none
    replay: Replay | None = None
    cost: Callable[[Any], int] = _one_row
    reveal: Method | None = None

    def __reduce__(self) -> tuple[Callable[[str, bool], Method], tuple[str, bool]]:
        """Pickled by name, because a decoder cannot be pickled."""
        return _method_named, (self.name, self.is_reveal)

    @property
    def is_reveal(self) -> bool:
        """Whether this is the variant that reveals fields."""
        return self is METHODS[self.name].reveal

    def for_params(self, params: Params) -> Method:
        """The variant of the method that these params select."""
        if self.reveal is not None and cast(GetParams | ListParams, params).reveal:
            return self.reveal
        return self


def _json(params: type[Params]) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(params, float_hook=real)


def _method_named(name: str, is_reveal: bool) -> Method:
    method = METHODS[name]
    return method.reveal if is_reveal and method.reveal is not None else method


def _one(params: UpdateParams | DeleteParams) -> str:
    """The subject of a method that concerns one employee."""
    return f"employee:{params.id}"


def _one_named(params: GetParams) -> str:
    """The same where the employee may be named by employee number, which says nothing of the ID."""
    return f"employee:{params.id or '-'}"


_Importing = ImportApplyParams | ImportParams | ImportPlanParams | ImportRowsParams


def _import(params: _Importing) -> str:
    """The subject of a method that concerns one import."""
    return f"import:{params.import_id}"


def _field(params: FieldAddParams | FieldUpdateParams | FieldParams) -> str:
    """The subject of a method that concerns one own field, if the name can be one."""
    return f"field:{params.name}" if is_name(params.name) else "field:-"


def _page(params: ListParams) -> int:
    return params.limit


# Revealing a field writes an audit entry, so it is a write.
_REVEAL = Method("employee.get", _json(GetParams), Mode.WRITE, reveal_employee, _one_named)

_REVEAL_PAGE = Method("employee.list", _json(ListParams), Mode.WRITE, reveal_employees, cost=_page)
_WRITE = Mode.WRITE

METHODS: Mapping[str, Method] = {
    method.name: method
    for method in (
        Method("server.info", _json(NoParams), Mode.SESSION),
        Method("login", _json(LoginParams), Mode.SESSION),
        Method("resume", _json(ResumeParams), Mode.SESSION),
        Method("logout", _json(NoParams), Mode.SESSION),
        Method("password.change", _json(PasswordChangeParams), Mode.SESSION),
        Method("server.fields", _json(FieldsParams), Mode.POINT, list_fields),
        Method("field.add", _json(FieldAddParams), _WRITE, add_field, _field, DEFINED),
        Method("field.update", _json(FieldUpdateParams), _WRITE, update_field, _field, DEFINED),
        Method("field.retire", _json(FieldParams), _WRITE, retire_field, _field, DEFINED),
        Method(
            "employee.get", _json(GetParams), Mode.POINT, get_employee, _one_named, reveal=_REVEAL
        ),
        Method(
            "employee.list",
            _json(ListParams),
            Mode.READ,
            list_employees,
            cost=_page,
            reveal=_REVEAL_PAGE,
        ),
        Method("employee.values", _json(ValuesParams), Mode.READ, list_values),
        Method("employee.add", _json(AddParams), Mode.WRITE, add_employee, _none, STORED),
        Method("employee.update", _json(UpdateParams), Mode.WRITE, update_employee, _one, STORED),
        Method("employee.delete", _json(DeleteParams), Mode.WRITE, delete_employee, _one, DELETED),
        Method("import.begin", _json(ImportBeginParams), _WRITE, begin_import, _none, BEGUN),
        Method("import.rows", _json(ImportRowsParams), _WRITE, receive_rows, _import),
        Method("import.plan", _json(ImportPlanParams), _WRITE, plan_import, _import),
        Method("import.apply", _json(ImportApplyParams), _WRITE, apply_import, _import, APPLIED),
        Method("import.undo", _json(ImportParams), _WRITE, undo_import, _import, UNDONE),
        Method("import.list", _json(NoParams), Mode.READ, list_imports),
        Method("import.discard", _json(ImportParams), _WRITE, discard_import, _import, DISCARDED),
    )
}

_CHANGE_FIRST = "Change your password first: this account's is for the first login only."


def perform(tx: Transaction, caller: Caller, method: Method, params: Params) -> object:
    """Run the method as the session's user, within `tx`.

    Raises `NotAuthenticated`, or `Refused` for any other refusal that must leave a trace.
    """
    user = authenticate(tx, caller)
    assert method.operation is not None
    if method.replay is not None and not user.must_change_password:
        key = _key(cast(_Keyed, params))
        if key is not None:
            return _perform_once(tx, user, method, params, key, method.replay)
    try:
        if user.must_change_password:
            raise PermissionDenied(_CHANGE_FIRST, details={"must_change_password": True})
        return method.operation(tx, user, params)
    except PermissionDenied as raised:
        remember = Work(_note_denial, (user, method, params, raised))
        raise Refused(raised.without_traceback(), remember) from None


_Keyed = (
    AddParams
    | UpdateParams
    | DeleteParams
    | FieldAddParams
    | FieldUpdateParams
    | FieldParams
    | ImportBeginParams
    | ImportApplyParams
    | ImportParams
)
"""The params that may have a key."""


def _key(params: _Keyed) -> str | None:
    """The key under which the outcome is kept; None for a check, which has no effect."""
    is_check = isinstance(params, AddParams | UpdateParams) and params.check_only
    return None if is_check else params.key


def perform_encoded(tx: Transaction, caller: Caller, method: Method, params: bytes) -> bytes:
    """`perform` with params and result as JSON. The params have been checked before."""
    return encode(perform(tx, caller, method, decode_params(msgspec.Raw(params), method.decode)))


def perform_all(
    tx: Transaction, caller: Caller, asked: Sequence[tuple[Method, msgspec.Raw]]
) -> list[Done]:
    """`perform` for consecutive reads, each with its own outcome. The params have been checked."""
    return [_performed(tx, caller, method, params) for method, params in asked]


def _performed(tx: Transaction, caller: Caller, method: Method, params: msgspec.Raw) -> Done:
    try:
        return Done(perform(tx, caller, method, decode_params(params, method.decode)))
    except RecordsError as error:
        return Done(error=error.without_traceback())
    except Exception as error:  # noqa: BLE001  that one request's; the gateway maps or logs it
        return Done(error=error)


def _perform_once(
    tx: Transaction, user: User, method: Method, params: Params, key: str, replay: Replay
) -> object:
    """`perform` for a request with a key."""
    assert method.operation is not None
    request = fingerprint(method.name, params)
    earlier = repeat(tx, user, key, request, replay)
    if earlier is not None:
        return earlier
    try:
        result = method.operation(tx, user, params)
    except RecordsError as raised:
        if isinstance(raised, PermissionDenied):
            # Not kept: a repetition is judged by the permissions at that time, and kept denials
            # would only fill the disk.
            remember = Work(_note_denial, (user, method, params, raised))
        else:
            remember = Work(keep, (user, key, request, kept_error(raised)))
        raise Refused(raised.without_traceback(), remember) from None
    keep(tx, user, key, request, replay.keep(result))
    return result


def _note_denial(
    tx: Transaction, user: User, method: Method, params: Params, error: PermissionDenied
) -> None:
    fields = [each.field for each in error.errors]
    note(tx, user, method.name, method.subject(params), Outcome.DENIED, fields)
