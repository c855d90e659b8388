"""Commands for scripts: each makes a few requests, prints the result, and ends with an exit code.

Nothing is asked. Results go to standard output, errors and warnings to standard error; with --json
both are JSON. Knows nothing of how options are written (`records.client.arguments`).
"""

from __future__ import annotations

import argparse
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from datetime import date
from enum import IntEnum
from typing import TypeVar

import msgspec

from records.api.messages import MAX_PAGE, EmployeeStored, FieldInfo, FieldWarning
from records.client.command_screen import CommandScreen, Write
from records.client.dialogue import Dialogue
from records.client.fields import check_typed
from records.client.kept_session import KeptSession, Unsafe
from records.client.people import choose_one, names_in
from records.client.progress import Progress, no_progress
from records.client.render import employee_list, employee_view, error_text, safe_text
from records.client.screen import Records, Stopped, Unreachable
from records.model.access import Action
from records.model.errors import (
    FieldError,
    NotAuthenticated,
    PermissionDenied,
    RecordsError,
    ValidationFailed,
)
from records.model.fields import Kind
from records.model.values import Invalid

T = TypeVar("T")


class Exit(IntEnum):
    """Exit codes. 2 is wrong usage, by argparse; 10 is done, but the result was not written."""

    DONE = 0
    REFUSED = 1
    USAGE = 2
    NOT_AUTHENTICATED = 3
    PERMISSION_DENIED = 4
    NOT_FOUND = 5
    CONFLICT = 6
    VALIDATION_FAILED = 7
    UNREACHABLE = 8
    OUTCOME_UNKNOWN = 9
    NOT_WRITTEN = 10
    INTERRUPTED = 130


EXIT_BY_REASON = {
    "not-authenticated": Exit.NOT_AUTHENTICATED,
    "permission-denied": Exit.PERMISSION_DENIED,
    "not-found": Exit.NOT_FOUND,
    "already-exists": Exit.CONFLICT,
    "revision-conflict": Exit.CONFLICT,
    "plan-outdated": Exit.CONFLICT,
    "validation-failed": Exit.VALIDATION_FAILED,
    "outcome-unknown": Exit.OUTCOME_UNKNOWN,
}
"""The exit code of each error of the daemon; `REFUSED` for all others."""

_LIST_FIELDS = ("employee_number", "title", "department", "location", "status", "email")


class Command:
    """One command. out, err: write to standard output and standard error.

    progress: is told how far a long one has come. kept: where a session is kept between commands.
    """

    def __init__(
        self,
        options: argparse.Namespace,
        records: Records,
        out: Write,
        err: Write,
        width: int,
        today: Callable[[], date] = date.today,
        progress: Progress = no_progress,
        kept: KeptSession | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._environment = environment or {}
        self._kept = kept
        self._is_kept = False
        self._options = options
        self._progress = progress
        self._records = records
        self._out, self._err = out, err
        screen = CommandScreen(_ignore if options.json else err, width)
        self._dialogue = Dialogue(
            screen,
            records,
            lambda: str(uuid.uuid4()),
            today,
            region=options.region,
            plain=options.plain,
        )

    async def run(self, password: str) -> Exit:
        """Log in, run the command, and log out. Returns the exit code."""
        try:
            await self._records.greet()
            if self._options.command not in WITHOUT_LOGIN:
                await self._log_in(password)
                await self._records.load_fields()
            elif self._options.command == "login":
                await self._begin(password)
            await COMMANDS[self._options.command](self)
        except Unsafe as reason:
            self._show_error("refused", str(reason), ())
            return Exit.REFUSED
        except RecordsError as error:
            self._show_error(error.reason, error_text(error), error.errors)
            return EXIT_BY_REASON.get(error.reason, Exit.REFUSED)
        except Unreachable as error:
            code = Exit.OUTCOME_UNKNOWN if error.maybe_done else Exit.UNREACHABLE
            self._show_error(code.name.lower().replace("_", "-"), error.message, ())
            return code
        except Stopped as reason:
            self._show_error("ambiguous", f"{reason} Name one by its ID, such as #12.", ())
            return Exit.REFUSED
        finally:
            if self._is_kept:
                self._records.keep_session()
            else:
                await self._records.leave()
        return Exit.DONE

    async def _log_in(self, password: str) -> None:
        """Go on with the kept session; without one begin another, for this command only."""
        user = self._options.user
        token = self._kept.token(user) if self._kept is not None else None
        if token is not None:
            try:
                await self._records.resume(token)
            except NotAuthenticated:
                assert self._kept is not None
                self._kept.forget()
                if not (user and password):
                    raise NotAuthenticated(
                        "Your session has ended. Log in again: records login."
                    ) from None
            else:
                self._is_kept = True
                return
        await self._begin(password)

    async def _begin(self, password: str) -> None:
        """Begin a session."""
        if self._options.user is None or not password:
            raise NotAuthenticated(
                "Log in first: records login. Or give --user, and the password in "
                "RECORDS_PASSWORD or from --password-fd."
            )
        await self._records.login(self._options.user, password)

    async def login(self) -> None:
        """login"""
        session = self._records.session
        assert session is not None
        if session.must_change_password:
            raise PermissionDenied(
                "Your password is for the first login only. Start records without a command, and "
                "choose one of your own."
            )
        user = session.user
        assert self._kept is not None
        await self._records.load_fields()
        fields = {field.name: field.choices for field in self._dialogue.fields}
        token = self._records.keep_session()
        assert token is not None
        try:
            self._kept.keep(user.username, token, fields)
        except OSError as error:
            raise Unsafe(f"{self._kept.path} cannot be written: {error.strerror}.") from None
        self._show(
            {"user": user.username, "expires_at": session.expires_at},
            lambda: safe_text(
                f"Logged in as {user.username} ({', '.join(user.roles)}). The session is kept in "
                f"{self._kept_path()}; it ends if it is not used, and with records logout."
            ),
        )

    def _kept_path(self) -> str:
        return "" if self._kept is None else str(self._kept.path)

    async def logout(self) -> None:
        """logout"""
        token = self._kept.token(self._options.user) if self._kept is not None else None
        if token is None:
            raise NotAuthenticated("There is no kept session. Nothing was changed.")
        assert self._kept is not None
        self._kept.forget()
        with suppress(NotAuthenticated):  # it has ended by itself
            await self._records.resume(token)
        self._show({}, lambda: "Logged out.")

    def _show_error(self, reason: str, text: str, errors: Sequence[FieldError]) -> None:
        if not self._options.json:
            self._err(f"{text}\n")
            return
        message = text.partition("\n")[0]
        told = {"reason": reason, "message": message, "errors": msgspec.to_builtins(errors)}
        self._err(_json({"error": told}))

    def _show(self, result: object, text: Callable[[], str]) -> None:
        self._out(_json(result) if self._options.json else f"{text()}\n")

    def _warn(self, warnings: Sequence[FieldWarning]) -> None:
        """Show warnings; with --json they are part of the result."""
        if not self._options.json:
            for each in warnings:
                self._err(f"Warning: {safe_text(each.message)}\n")

    async def _show_employee(
        self, result: object, employee: Mapping[str, object], masked: Sequence[str]
    ) -> None:
        fields = self._dialogue.fields
        names = {} if self._options.json else await names_in(self._dialogue, employee)
        self._show(
            result,
            lambda: employee_view(fields, employee, masked, self._dialogue.style, names=names),
        )

    def _field(self, name: str) -> FieldInfo:
        field = self._dialogue.fields.get(name)
        if field is None:
            why = FieldError(name[:100], f"There is no field {name[:100]}.")
            raise ValidationFailed("Some fields are not right.", [why])
        return field

    async def _read(self, values: Sequence[tuple[str, str]]) -> dict[str, object]:
        """Typed values in the protocol's form. Raises `ValidationFailed` with all that is wrong."""
        found: dict[str, object] = {}
        errors = []
        for name, typed in values:
            if name in found:
                errors.append(FieldError(name, f"{name} is given twice."))
                continue
            if name == "id":
                found[name] = int(typed) if typed.isascii() and typed.isdecimal() else typed
                continue
            field = self._field(name)
            try:
                found[name] = await self._value(field, typed) if typed else None
            except Invalid as reason:
                errors.append(FieldError(name, f"{field.label} {reason}"))
        if errors:
            raise ValidationFailed("Some fields are not right.", errors)
        return found

    async def _value(self, field: FieldInfo, typed: str) -> object:
        if field.kind == Kind.REFERENCE.value:
            return (await choose_one(self._dialogue, typed)).employee["id"]
        read = check_typed(field, typed, self._dialogue.region, self._dialogue.today())
        return msgspec.to_builtins(read)

    async def get(self) -> None:
        """employee get"""
        shown = await choose_one(self._dialogue, self._options.who)
        reveal = _names(self._options.reveal)
        if reveal:
            shown = await self._records.get(msgspec.convert(shown.employee["id"], int), reveal)
        await self._show_employee(shown, shown.employee, shown.masked)

    async def list(self) -> None:
        """employee list"""
        options = self._options
        where = await self._conditions(options.where)
        from records.client.listing import NAME, as_csv, only  # noqa: PLC0415

        names = [name for name in _names(options.fields) if name != "id"]
        fields = [self._field(name) for name in names if name != NAME]
        employees: list[Mapping[str, object]] = []
        cursor: str | None = None
        while True:
            left = MAX_PAGE if options.limit is None else options.limit - len(employees)
            page = await self._records.find(
                options.search, cursor, min(left, MAX_PAGE), where=where, sort=options.sort
            )
            employees += page.employees
            cursor = page.cursor
            if cursor is None or (options.limit is not None and len(employees) >= options.limit):
                break
        if options.csv:
            parts = map(self._field, ("given_name", "family_name") if NAME in names else ())
            wanted = [*parts, *fields] if names else self._dialogue.rights.fields(Action.READ)
            self._out(as_csv(wanted, employees))
            return
        shown = [f.name for f in fields] if names else _LIST_FIELDS
        if options.json and names:
            employees = [only(each, names) for each in employees]
        self._show(
            {"employees": employees},
            lambda: employee_list(self._dialogue.fields, employees, self._dialogue.style, shown),
        )

    async def _conditions(self, texts: Sequence[str]) -> Mapping[str, object]:
        from records.client.listing import SIGNS, parse_condition, wrong_condition  # noqa: PLC0415

        where: dict[str, dict[str, object]] = {}
        for text in texts:
            name, operator, typed = parse_condition(text)
            field = self._field(name)
            value: object = typed or None
            if typed and operator != "co":
                value = (await self._read([(field.name, typed)]))[field.name]
            conditions = where.setdefault(field.name, {})
            if operator in conditions:
                raise wrong_condition(f"{field.name}{SIGNS[operator]} is given twice.")
            conditions[operator] = value
        return where

    async def add(self) -> None:
        """employee add"""
        employee = await self._read(self._options.values)
        if self._options.check:
            stored = await self._records.check_add(employee)
        else:
            stored = await self._records.add(employee, self._dialogue.new_key())
        await self._show_stored(stored)

    async def update(self) -> None:
        """employee update"""
        shown = await choose_one(self._dialogue, self._options.who)
        employee_id = msgspec.convert(shown.employee["id"], int)
        revision = msgspec.convert(shown.employee["revision"], int)
        changes = await self._read(self._options.values)
        if self._options.check:
            stored = await self._records.check_update(employee_id, revision, changes)
        else:
            key = self._dialogue.new_key()
            stored = await self._records.update(employee_id, revision, changes, key)
        await self._show_stored(stored)

    async def _show_stored(self, stored: EmployeeStored) -> None:
        self._warn(stored.warnings)
        employee = stored.employee
        masked = [f.name for f in self._dialogue.fields if f.masked and employee.get(f.name)]
        await self._show_employee(stored, employee, masked)

    async def delete(self) -> None:
        """employee delete"""
        shown = await choose_one(self._dialogue, self._options.who)
        employee_id = msgspec.convert(shown.employee["id"], int)
        revision = msgspec.convert(shown.employee["revision"], int)
        deleted = await self._records.delete(employee_id, revision, self._dialogue.new_key())
        self._show(deleted, lambda: f"Deleted employee {employee_id}.")

    async def whoami(self) -> None:
        """whoami"""
        session = self._records.session
        assert session is not None
        user = session.user
        own = "" if user.employee_id is None else f", employee {user.employee_id}"
        self._show(user, lambda: safe_text(f"{user.username} ({', '.join(user.roles)}){own}"))

    async def server_info(self) -> None:
        """server info"""
        info = self._records.info
        assert info is not None
        self._show(
            info,
            lambda: safe_text(
                f"{info.name} {info.version}, protocol {info.protocol}, region {info.region}"
            ),
        )

    async def list_fields(self) -> None:
        """field list"""
        from records.client.own_fields import own_fields_table  # noqa: PLC0415

        told = await self._records.all_fields()
        kept = [f for f in told.fields if f.own and (self._options.retired or not f.retired)]
        self._show({"fields": kept}, lambda: own_fields_table(kept, self._dialogue.style))

    async def define_field(self) -> None:
        """field add, field update and field retire"""
        from records.client.own_fields import definition, shown_field  # noqa: PLC0415

        field = await self._records.define(definition(self._options, self._dialogue.new_key()))
        self._show({"field": field}, lambda: shown_field(field))

    async def import_file(self) -> None:
        """import"""
        # Imported here, because other commands do not need it.
        from records.client.imports.commands import ImportCommand  # noqa: PLC0415

        note: Write = _ignore if self._options.json else lambda text: self._err(f"{text}\n")
        command = ImportCommand(
            self._options, self._dialogue, self._show, note, self._progress, self._environment
        )
        await command.run()

    async def export_file(self) -> None:
        """export"""
        from records.client.exports.commands import run_export  # noqa: PLC0415

        options = self._options
        fields = [self._field(name) for name in _names(options.fields) if name != "id"]
        reveal = [self._field(name).name for name in _names(options.reveal)]
        where = await self._conditions(options.where)
        await run_export(options, self._dialogue, fields, where, reveal, self._show, self._progress)


WITHOUT_LOGIN = frozenset({"server info", "login", "logout"})
"""Commands that begin no session, or one of their own."""

COMMANDS: Mapping[str, Callable[[Command], Awaitable[None]]] = {
    "employee get": Command.get,
    "employee list": Command.list,
    "employee add": Command.add,
    "employee update": Command.update,
    "employee delete": Command.delete,
    "field list": Command.list_fields,
    "field add": Command.define_field,
    "field update": Command.define_field,
    "field retire": Command.define_field,
    "import": Command.import_file,
    "export": Command.export_file,
    "server info": Command.server_info,
    "whoami": Command.whoami,
    "login": Command.login,
    "logout": Command.logout,
}


def _ignore(text: str) -> None:
    """With --json only the result and the error are written."""


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode("utf-8") + "\n"


def _names(text: str) -> list[str]:
    """The names in a list with commas."""
    return [name.strip() for name in text.split(",") if name.strip()]
