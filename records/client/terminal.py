"""The terminal as user interface: raw keys in, styled lines out, its modes restored at the end.

Owns the terminal's modes and Twisted's stdio. The screen just scrolls. Knows nothing of what lines
mean.
"""

from __future__ import annotations

import fcntl
import os
import termios
import tty
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

from twisted.internet.defer import CancelledError, Deferred

from records.client.lineedit import LineEditor, Terminal
from records.client.render import styled, wrapped
from records.client.screen import Interrupted, Screen

T = TypeVar("T")

LEAST_WIDTH = 40
RESERVED_ROWS = 8
"""Rows of a page that are not employees: the table's head and foot, and the prompt."""
LEAST_PAGE = 5
_RED = "31"


@contextmanager
def kept_modes(*descriptors: int) -> Iterator[None]:
    """Restore the terminal modes and flags of these descriptors at the end, whatever happens."""
    flags = [(each, fcntl.fcntl(each, fcntl.F_GETFL)) for each in descriptors]
    modes = [(each, termios.tcgetattr(each)) for each in descriptors if os.isatty(each)]
    try:
        yield
    finally:
        # A closed terminal has no modes.
        for descriptor, kept in flags:
            with suppress(OSError):
                fcntl.fcntl(descriptor, fcntl.F_SETFL, kept)
        for descriptor, kept_mode in modes:
            with suppress(OSError, termios.error):
                termios.tcsetattr(descriptor, termios.TCSADRAIN, kept_mode)


def terminal_size(descriptor: int) -> tuple[int, int]:
    """Columns and rows, now; 80 by 24 where the terminal does not say."""
    try:
        columns, rows = os.get_terminal_size(descriptor)
    except OSError:
        columns = rows = 0
    return columns or 80, rows or 24


def raw(descriptor: int) -> None:
    """Pass each key as it is pressed, without echo or signals."""
    tty.setraw(descriptor, termios.TCSANOW)


class TerminalScreen:
    """`records.client.screen.Screen` on a terminal.

    size: its columns and rows. protocol: to be connected to the keys. closed: see `LineEditor`.
    failed: always False, because the user has seen what failed.
    """

    def __init__(self, size: Callable[[], tuple[int, int]], *, colour: bool) -> None:
        self._size = size
        self._colour = colour
        self._waiting: Deferred[Any] | None = None
        self._editor = LineEditor(lambda: self.width, self._interrupted)
        self.protocol = Terminal(lambda: self._editor)
        self.failed = False
        self.closed = self._editor.closed

    @property
    def width(self) -> int:
        """See `Screen`."""
        return max(LEAST_WIDTH, self._size()[0])

    @property
    def page(self) -> int | None:
        """See `Screen`."""
        return max(LEAST_PAGE, self._size()[1] - RESERVED_ROWS)

    @property
    def colour(self) -> bool:
        """See `Screen`."""
        return self._colour

    def ask(
        self,
        prompt: str,
        *,
        secret: bool = False,
        recall: Sequence[str] = (),
        offers: Sequence[str] = (),
    ) -> Awaitable[str]:
        """See `Screen`."""
        return self._editor.ask(prompt, secret=secret, recall=recall, offers=offers)

    def show(self, text: str) -> None:
        """See `Screen`."""
        if "\x1b" not in text:  # what has styles is a table, and fits
            text = wrapped(text, self.width)
        self.protocol.write(f"{text}\n".encode("utf-8", "backslashreplace"))

    def fail(self, text: str) -> None:
        """See `Screen`."""
        self.show(styled(wrapped(text, self.width), _RED, self._colour))

    def reject_answer(self, text: str) -> None:
        """See `Screen`."""
        self.fail(text)

    async def wait(self, coroutine: Coroutine[Deferred[Any], Any, T]) -> T:
        """See `Screen`."""
        self._waiting = waiting = Deferred.fromCoroutine(coroutine)
        try:
            return await waiting
        except CancelledError:
            raise Interrupted from None
        finally:
            self._waiting = None

    def _interrupted(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()


def _conforms(screen: TerminalScreen) -> Screen:
    return screen
