"""Login, login after a session has ended, and password changes.

A password lives no longer than the function that asked for it.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, ParamSpec, TypeVar

from twisted.internet.defer import Deferred

from records.client.dialogue import Dialogue
from records.client.render import error_text, safe_text
from records.model.accounts import MIN_PASSWORD, password_faults
from records.model.errors import (
    InvalidParams,
    NotAuthenticated,
    PermissionDenied,
    RecordsError,
    TooManyAttempts,
    ValidationFailed,
)

P = ParamSpec("P")
T = TypeVar("T")

ATTEMPTS = 3


class LoginFailed(Exception):
    """The login failed, and the user has seen why."""


async def log_in(dialogue: Dialogue, username: str | None) -> None:
    """Log in, in at most `ATTEMPTS` attempts.

    Nothing is asked before the daemon answers and is verified. username: asked for if None. A first
    password is changed right away. Raises `LoginFailed` or `Unreachable`.
    """
    await dialogue.screen.wait(dialogue.records.greet())
    for left in reversed(range(ATTEMPTS)):
        name = username or (await dialogue.ask("Username: ")).strip()
        prompt = "Password: " if username is None else f"Password of {safe_text(username)}: "
        password = await dialogue.screen.ask(prompt, secret=True)
        try:
            told = await dialogue.screen.wait(dialogue.records.login(name, password))
        except (NotAuthenticated, TooManyAttempts, InvalidParams) as refusal:
            _tell_refusal(dialogue, refusal, left)
            continue
        dialogue.username = told.user.username
        roles = ", ".join(told.user.roles)
        dialogue.screen.show(safe_text(f"Logged in as {told.user.username} ({roles})."))
        if told.must_change_password:
            await change_first_password(dialogue, password)
        return
    raise LoginFailed


def _tell_refusal(dialogue: Dialogue, refusal: RecordsError, left: int) -> None:
    text = error_text(refusal)
    if not left:
        dialogue.screen.fail(text)
        return
    tries = "1 attempt is" if left == 1 else f"{left} attempts are"
    dialogue.screen.reject_answer(f"{text} {tries} left.")


async def call(
    dialogue: Dialogue,
    method: Callable[P, Coroutine[Deferred[Any], Any, T]],
    *args: P.args,
    **kwargs: P.kwargs,
) -> T:
    """Call the daemon. If the session has ended, log in again and call once more.

    So a long form survives a lunch break; a change has the same key both times. Raises as the
    method does, or `LoginFailed`.
    """
    try:
        return await dialogue.screen.wait(method(*args, **kwargs))
    except NotAuthenticated as ended:
        if dialogue.username is None:
            raise
        dialogue.screen.reject_answer(safe_text(ended.message))
    await log_in(dialogue, dialogue.username)
    return await dialogue.screen.wait(method(*args, **kwargs))


async def change_first_password(dialogue: Dialogue, current: str | None = None) -> None:
    """Have a first password changed before anything else.

    current: if it was typed just now.
    """
    dialogue.screen.show("This password is for the first login only. Choose one of your own.")
    if current is None:
        current = await dialogue.screen.ask("Current password: ", secret=True)
    await _change(dialogue, current)


async def change_password(dialogue: Dialogue) -> None:
    """Change the user's password."""
    current = await dialogue.screen.ask("Current password: ", secret=True)
    await _change(dialogue, current)


async def _change(dialogue: Dialogue, current: str) -> None:
    screen = dialogue.screen
    screen.show(f"At least {MIN_PASSWORD} characters; a few words make a good password.")
    while True:
        new = await _new_password(dialogue, current)
        try:
            await screen.wait(dialogue.records.change_password(current, new))
        except ValidationFailed as refusal:
            if any(each.field == "current" for each in refusal.errors):
                screen.fail(error_text(refusal))
                return
            screen.reject_answer(error_text(refusal))
        except (NotAuthenticated, PermissionDenied, TooManyAttempts) as refusal:
            screen.fail(error_text(refusal))
            return
        else:
            screen.show("Your password is changed. Your other sessions have ended.")
            return


async def _new_password(dialogue: Dialogue, current: str) -> str:
    """A new password, typed twice, that the daemon will probably accept."""
    screen = dialogue.screen
    while True:
        new = await screen.ask("New password: ", secret=True)
        faults = password_faults(new, dialogue.username or "")
        if new == current:
            faults = ["This is the password that you have already."]
        if faults:
            screen.reject_answer(" ".join(faults))
        elif await screen.ask("New password again: ", secret=True) != new:
            screen.reject_answer("The two are not the same. Type the new one anew.")
        else:
            return new
