"""The daemon as the client sees it: a session that outlives its connections.

Connects, logs in, and keeps the token (in memory only). When a connection is lost, it connects
again, resumes the session, and repeats the request: reads as they are, changes under their key, so
that each has one effect. Logins and password changes are not repeated. Shows nothing, and asks
nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import TypeVar

import msgspec
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater

from records.api.field_messages import DEFINING, Definition, FieldsParams, FieldStored
from records.api.import_messages import (
    ImportApplied,
    ImportApplyParams,
    ImportBeginParams,
    ImportBegun,
    ImportInfo,
    ImportParams,
    ImportPlanned,
    ImportPlanParams,
    ImportReceived,
    ImportRowsParams,
    ImportsListed,
    ImportUndone,
)
from records.api.messages import (
    PROTOCOL,
    AddParams,
    DeleteParams,
    EmployeeDeleted,
    EmployeePage,
    EmployeeShown,
    EmployeeStored,
    FieldInfo,
    FieldsShown,
    GetParams,
    ListParams,
    LoggedIn,
    LoginParams,
    NoParams,
    Nothing,
    Params,
    PasswordChangeParams,
    Resumed,
    ResumeParams,
    ServerInfo,
    UpdateParams,
    ValuesInUse,
    ValuesParams,
)
from records.client.dial import Dial
from records.client.fields import NO_FIELDS, Fields
from records.client.protocol import ANSWER_WITHIN, ClientProtocol, Lost
from records.client.render import safe_text
from records.client.screen import Records, Unreachable
from records.model.errors import (
    Busy,
    NotAuthenticated,
    OutcomeUnknown,
    ParseError,
    PermissionDenied,
    RecordsError,
)
from records.model.values import DEFAULT_REGION, REGIONS

T = TypeVar("T")
RETRY_AFTER = (0.2, 0.5, 1.0, 2.0, 4.0, 8.0, 8.0, 8.0)
"""Seconds before each new attempt: half a minute in all, enough for a daemon's restart."""
BUSY_RETRY_AFTER = (0.5, 1.0, 2.0, 4.0)
"""Seconds before asking a busy daemon again."""
_NO_DAEMON = (
    "Whatever answers there is not a daemon of records that this client knows. Check --host and "
    "--port, or install a client of the daemon's version."
)
LEAVE_WITHIN = 2.0
"""Seconds to wait for the end of the session. Without an answer, it ends by itself."""


LONG_WITHIN = 3600.0
"""Seconds to wait for an import that is applied or undone: one transaction, of a million rows."""


class Connection:
    """`records.client.screen.Records` over the present connection.

    One request at a time. notify: gets a sentence when the user has to wait.
    """

    def __init__(self, dial: Dial, clock: IReactorTime, notify: Callable[[str], None]) -> None:
        self._dial = dial
        self._clock = clock
        self._notify = notify
        self._protocol: ClientProtocol | None = None
        self._token: str | None = None
        self._session: Resumed | None = None
        self._fields = NO_FIELDS
        self._info: ServerInfo | None = None

    @property
    def session(self) -> Resumed | None:
        """See `Records`."""
        return self._session

    @property
    def fields(self) -> Fields:
        """See `Records`."""
        return self._fields

    @property
    def region(self) -> str:
        """See `Records`. A region that this client does not know is passed over."""
        told = DEFAULT_REGION if self._info is None else self._info.region
        return told if told in REGIONS else DEFAULT_REGION

    @property
    def info(self) -> ServerInfo | None:
        """See `Records`."""
        return self._info

    async def greet(self) -> None:
        """See `Records`."""
        if not self._is_connected:
            self._protocol = await self._greeted()

    async def _greeted(self) -> ClientProtocol:
        """A new connection to a daemon that speaks this protocol."""
        protocol = await self._dial()
        try:
            raw = await protocol.request("server.info", NoParams(), ANSWER_WITHIN)
            info = _decoded(raw, ServerInfo)
        except (Lost, RecordsError):
            protocol.close()
            raise Unreachable(_NO_DAEMON, lasting=True) from None
        except BaseException:
            protocol.close()
            raise
        if info.protocol != PROTOCOL:
            protocol.close()
            raise Unreachable(
                f"The daemon speaks version {info.protocol} of the protocol, this client version "
                f"{PROTOCOL}. Install a client of the daemon's version, {safe_text(info.version)}.",
                lasting=True,
            )
        self._info = info
        return protocol

    async def login(self, username: str, password: str) -> LoggedIn:
        """See `Records`."""
        if self._token is not None:
            self._close()
        told = await self._ask("login", LoginParams(username=username, password=password), LoggedIn)
        self._token, self._session = told.token, told
        return told

    async def change_password(self, current: str, new: str) -> None:
        """See `Records`."""
        params = PasswordChangeParams(current=current, new=new)
        await self._ask("password.change", params, Nothing)
        if self._session is not None:
            self._session = msgspec.structs.replace(self._session, must_change_password=False)

    async def load_fields(self) -> None:
        """See `Records`."""
        self._fields = Fields(
            await self._ask("server.fields", NoParams(), FieldsShown, RETRY_AFTER)
        )

    async def resume(self, token: str) -> Resumed:
        """See `Records`."""
        self._close()
        self._token = token
        try:
            self._protocol = await self._connected("resume")
        except NotAuthenticated:
            self._token = None
            raise
        except Lost as reason:
            raise Unreachable(str(reason)) from None
        assert self._session is not None
        return self._session

    def keep_session(self) -> str | None:
        """See `Records`."""
        token, self._token, self._session = self._token, None, None
        self._close()
        return token

    async def leave(self) -> None:
        """See `Records`."""
        token, protocol = self._token, self._protocol
        self._token = self._session = None
        self._fields = NO_FIELDS
        if token is not None and protocol is not None:
            with suppress(RecordsError, Lost, Unreachable):  # the session ends by itself
                await protocol.request("logout", NoParams(), LEAVE_WITHIN)
        self._close()

    async def get(self, employee_id: int, reveal: Sequence[str] = ()) -> EmployeeShown:
        """See `Records`."""
        params = GetParams(id=employee_id, reveal=list(reveal))
        return await self._ask("employee.get", params, EmployeeShown, RETRY_AFTER)

    async def get_by_number(self, employee_number: str) -> EmployeeShown:
        """See `Records`."""
        params = GetParams(employee_number=employee_number)
        return await self._ask("employee.get", params, EmployeeShown, RETRY_AFTER)

    async def values(self, field: str) -> Sequence[str]:
        """See `Records`."""
        told = await self._ask(
            "employee.values", ValuesParams(field=field), ValuesInUse, RETRY_AFTER
        )
        return [str(value) for value in told.values]

    async def find(
        self,
        search: str,
        cursor: str | None,
        limit: int,
        *,
        where: Mapping[str, object] | None = None,
        sort: str | None = None,
        fields: Sequence[str] = (),
        reveal: Sequence[str] = (),
        count: bool = False,
    ) -> EmployeePage:
        """See `Records`."""
        params = ListParams(
            search=search or None,
            where=dict(where) if where else None,
            sort=sort,
            limit=limit,
            cursor=cursor,
            fields=list(fields),
            reveal=list(reveal),
            count=count,
        )
        return await self._ask("employee.list", params, EmployeePage, RETRY_AFTER)

    async def check_add(self, employee: Mapping[str, object]) -> EmployeeStored:
        """See `Records`."""
        params = AddParams(employee=dict(employee), check_only=True)
        return await self._ask("employee.add", params, EmployeeStored, RETRY_AFTER)

    async def add(self, employee: Mapping[str, object], key: str) -> EmployeeStored:
        """See `Records`."""
        params = AddParams(employee=dict(employee), key=key)
        return await self._ask("employee.add", params, EmployeeStored, RETRY_AFTER)

    async def check_update(
        self, employee_id: int, revision: int, changes: Mapping[str, object]
    ) -> EmployeeStored:
        """See `Records`."""
        params = UpdateParams(
            id=employee_id, revision=revision, changes=dict(changes), check_only=True
        )
        return await self._ask("employee.update", params, EmployeeStored, RETRY_AFTER)

    async def update(
        self, employee_id: int, revision: int, changes: Mapping[str, object], key: str
    ) -> EmployeeStored:
        """See `Records`."""
        params = UpdateParams(id=employee_id, revision=revision, changes=dict(changes), key=key)
        return await self._ask("employee.update", params, EmployeeStored, RETRY_AFTER)

    async def delete(self, employee_id: int, revision: int, key: str) -> EmployeeDeleted:
        """See `Records`."""
        params = DeleteParams(id=employee_id, revision=revision, key=key)
        return await self._ask("employee.delete", params, EmployeeDeleted, RETRY_AFTER)

    async def import_begin(
        self, name: str, match_by: Sequence[str], key: str, *, blank_clears: bool
    ) -> int:
        """See `Records`."""
        params = ImportBeginParams(
            name=name, match_by=list(match_by) or None, blank_clears=blank_clears, key=key
        )
        return (await self._ask("import.begin", params, ImportBegun, RETRY_AFTER)).import_id

    async def import_rows(
        self, import_id: int, first_line: int, rows: Sequence[Mapping[str, object]]
    ) -> int:
        """See `Records`."""
        params = ImportRowsParams(
            import_id=import_id, first_line=first_line, rows=[dict(row) for row in rows]
        )
        return (await self._ask("import.rows", params, ImportReceived, RETRY_AFTER)).received

    async def import_plan(
        self,
        import_id: int,
        *,
        outcome: str | None = None,
        cursor: str | None = None,
        again: bool = False,
    ) -> ImportPlanned:
        """See `Records`."""
        params = ImportPlanParams(import_id=import_id, outcome=outcome, cursor=cursor, again=again)
        return await self._ask("import.plan", params, ImportPlanned, RETRY_AFTER)

    async def import_apply(
        self, import_id: int, key: str, expect: Mapping[str, int], *, skip_refused: bool
    ) -> ImportApplied:
        """See `Records`."""
        params = ImportApplyParams(
            import_id=import_id, skip_refused=skip_refused, expect=dict(expect), key=key
        )
        return await self._ask("import.apply", params, ImportApplied, RETRY_AFTER, LONG_WITHIN)

    async def import_undo(self, import_id: int, key: str) -> ImportUndone:
        """See `Records`."""
        params = ImportParams(import_id=import_id, key=key)
        return await self._ask("import.undo", params, ImportUndone, RETRY_AFTER, LONG_WITHIN)

    async def import_list(self) -> Sequence[ImportInfo]:
        """See `Records`."""
        return (await self._ask("import.list", NoParams(), ImportsListed, RETRY_AFTER)).imports

    async def import_discard(self, import_id: int, key: str) -> None:
        """See `Records`."""
        params = ImportParams(import_id=import_id, key=key)
        await self._ask("import.discard", params, Nothing, RETRY_AFTER)

    async def all_fields(self) -> FieldsShown:
        """See `Records`."""
        params = FieldsParams(retired=True)
        return await self._ask("server.fields", params, FieldsShown, RETRY_AFTER)

    async def define(self, params: Definition) -> FieldInfo:
        """See `Records`."""
        method = DEFINING[type(params)]
        return (await self._ask(method, params, FieldStored, RETRY_AFTER)).field

    async def _ask(
        self,
        method: str,
        params: Params,
        form: type[T],
        retry_after: Sequence[float] = (),
        within: float = ANSWER_WITHIN,
    ) -> T:
        """Request until there is an answer, or retrying is of no use. Raises as `Records` says."""
        delays, busy_delays = iter(retry_after), iter(BUSY_RETRY_AFTER)
        told = sent = False
        while True:
            try:
                protocol = await self._connected(method)
                sent = True
                raw = await protocol.request(method, params, within)
                if told:
                    self._notify("Connected again.")
                return _decoded(raw, form)
            except Busy:
                delay = next(busy_delays, None)
                if delay is None:
                    raise
            except (NotAuthenticated, PermissionDenied) as refusal:
                self._note_refusal(method, refusal)
                raise
            except (Lost, OutcomeUnknown, Unreachable) as reason:
                lasting = isinstance(reason, Unreachable) and reason.lasting
                delay = None if lasting else next(delays, None)
                if delay is None:
                    raise _given_up(reason, method, params, sent) from reason
                if not told:
                    self._notify("The connection to the daemon was lost. Trying again...")
                    told = True
            await deferLater(self._clock, delay)

    async def _connected(self, method: str) -> ClientProtocol:
        """A connection for this method: with the session, if it needs one."""
        if self._protocol is not None and self._is_connected:
            return self._protocol
        if method != "login" and self._token is None:
            raise NotAuthenticated("Nobody is logged in. Log in first.")
        protocol = await self._dial()
        try:
            if method != "login":
                raw = await protocol.request("resume", ResumeParams(token=self._token or ""))
                self._session = _decoded(raw, Resumed)
        except BaseException:
            protocol.close()
            raise
        self._protocol = protocol
        return protocol

    @property
    def _is_connected(self) -> bool:
        return self._protocol is not None and self._protocol.lost is None

    def _note_refusal(self, method: str, refusal: RecordsError) -> None:
        if isinstance(refusal, NotAuthenticated) and method != "login":
            self._token = self._session = None
            self._close()
        elif refusal.details.get("must_change_password") is True and self._session is not None:
            self._session = msgspec.structs.replace(self._session, must_change_password=True)

    def _close(self) -> None:
        protocol, self._protocol = self._protocol, None
        if protocol is not None:
            protocol.close()


def _decoded(raw: msgspec.Raw, form: type[T]) -> T:
    try:
        return msgspec.json.decode(raw, type=form)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise ParseError("The daemon's answer is not one that this client knows.") from None


_MAYBE_DONE = {
    "login": "",
    "password.change": (
        " It is not known whether the password was changed: log in with the new one, and if that "
        "is refused with the old one."
    ),
}


def _given_up(reason: Exception, method: str, params: Params, sent: bool) -> Exception:
    """The exception to raise when retrying is of no use."""
    if isinstance(reason, OutcomeUnknown):
        return reason
    why = (
        reason.message
        if isinstance(reason, Unreachable)
        else "The connection to the daemon was lost, and no answer came."
    )
    changes = getattr(params, "key", None) is not None
    is_lasting = isinstance(reason, Unreachable) and reason.lasting
    maybe = " The change may have been saved. Check the record before you try again."
    if sent:
        why += _MAYBE_DONE.get(method, maybe if changes else "")
    return Unreachable(why, lasting=is_lasting, maybe_done=sent and changes)


def _conforms(connection: Connection) -> Records:
    return connection
