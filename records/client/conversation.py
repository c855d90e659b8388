"""The main loop: login, then the menu, and the commands that the user chooses.

Maps commands to functions by a table, and their exceptions to messages.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from twisted.internet.defer import CancelledError

from records.client import changes, commands
from records.client.dialogue import Dialogue
from records.client.fields import NO_FIELDS
from records.client.login import (
    LoginFailed,
    call,
    change_first_password,
    change_password,
    log_in,
)
from records.client.menu import Choice, Command, choices, choose, menu_prompt, menu_text, why_not
from records.client.render import error_text
from records.client.screen import Interrupted, Left, Stopped, Unreachable
from records.model.errors import RecordsError

HISTORY = 100


async def _change_password(dialogue: Dialogue, typed: str) -> None:
    await change_password(dialogue)


async def _import_employees(dialogue: Dialogue, typed: str) -> None:
    # Imported here, because most sessions do not need it.
    from records.client.imports.wizard import import_employees  # noqa: PLC0415

    await import_employees(dialogue, typed)


async def _export_employees(dialogue: Dialogue, typed: str) -> None:
    from records.client.exports.commands import export_employees  # noqa: PLC0415

    await export_employees(dialogue, typed)


async def _define_fields(dialogue: Dialogue, typed: str) -> None:
    from records.client.own_fields import define_fields  # noqa: PLC0415

    await define_fields(dialogue, typed)


async def _log_out(dialogue: Dialogue, typed: str) -> None:
    await dialogue.records.leave()
    dialogue.screen.show("Logged out.")


async def _quit(dialogue: Dialogue, typed: str) -> None:
    raise Left


COMMANDS: Mapping[Command, Callable[[Dialogue, str], Awaitable[None]]] = {
    Command.FIND: commands.find,
    Command.SHOW: commands.show,
    Command.ADD: changes.add,
    Command.CHANGE: changes.change,
    Command.DELETE: changes.delete,
    Command.IMPORT: _import_employees,
    Command.EXPORT: _export_employees,
    Command.OWN_FIELDS: _define_fields,
    Command.PASSWORD: _change_password,
    Command.LOG_OUT: _log_out,
    Command.QUIT: _quit,
}


async def converse(dialogue: Dialogue, username: str | None) -> bool:
    """Run until the user leaves. Returns False if it ended otherwise.

    username: who logs in first; asked for if None.
    """
    history: list[str] = []
    offered: tuple[Choice, ...] = ()
    screen = dialogue.screen
    try:
        while True:
            session = dialogue.records.session
            if session is None:
                offered = ()
                await log_in(dialogue, username)
                username = None  # after a logout, another user may want to log in
            elif session.must_change_password:
                await change_first_password(dialogue)
            elif dialogue.fields is NO_FIELDS:
                await call(dialogue, dialogue.records.load_fields)
            else:
                present = choices(dialogue.rights)
                if present != offered:
                    offered = present
                    screen.show(menu_text(offered))
                await _choose(dialogue, offered, history)
    except Left:
        return True
    except (LoginFailed, Stopped):
        return False
    except Interrupted:  # without a login there is no menu to go back to
        return False
    except (RecordsError, Unreachable) as error:
        screen.fail(error_text(error) if isinstance(error, RecordsError) else error.message)
        return False
    finally:
        await dialogue.records.leave()


async def _choose(dialogue: Dialogue, offered: tuple[Choice, ...], history: list[str]) -> None:
    """Ask for one choice at the menu, and run it."""
    screen = dialogue.screen
    try:
        line = await dialogue.ask(menu_prompt(offered), recall=history)
    except Interrupted:
        return
    chosen = choose(line, offered)
    if chosen is None:
        if line.strip() not in ("", "?"):
            screen.reject_answer(why_not(line))
        screen.show(menu_text(offered))
        return
    kept = line.strip().partition("=")[0]  # a value may be confidential
    if kept not in history[-1:]:
        history.append(kept)
        del history[:-HISTORY]
    command, typed = chosen
    try:
        await COMMANDS[command](dialogue, typed)
    except Left:
        if command is not Command.QUIT:
            screen.reject_answer("Left before this was done.")
        raise
    except Interrupted:
        screen.show("Given up.")
    except CancelledError:
        raise
    except RecordsError as error:
        screen.fail(error_text(error))
    except Unreachable as error:
        screen.fail(error.message)
