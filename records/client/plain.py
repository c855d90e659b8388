"""The screen for scripts: lines from a pipe or a file, and plain text out.

No colours, no control characters, no paging. Knows nothing of what lines mean.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IHalfCloseableProtocol
from twisted.internet.protocol import connectionDone
from twisted.protocols.basic import LineReceiver
from twisted.python.failure import Failure
from zope.interface import implementer

from records.client.screen import Left, Screen, Stopped

T = TypeVar("T")

WIDTH = 200
MAX_LINE = 64 * 1024


@implementer(IHalfCloseableProtocol)
class PlainLines(LineReceiver):
    """Standard input as lines, and standard output as text.

    closed: fires when everything has been written, or cannot be. echo: called with False before a
    secret is read, and with True after it, if the input is a terminal although the output is not.
    """

    delimiter = b"\n"
    MAX_LENGTH = MAX_LINE

    def __init__(self, echo: Callable[[bool], None]) -> None:
        self._echo = echo
        self._lines: deque[str] = deque()
        self._asked: Deferred[str] | None = None
        self._ended = False
        self.closed: Deferred[None] = Deferred()

    def ask(self, prompt: str, *, secret: bool) -> Deferred[str]:
        """The next line."""
        self.write(prompt)
        if secret:
            self._echo(False)
        answer: Deferred[str] = Deferred()
        self._asked = answer
        self._deliver()
        return answer.addBoth(self._answered, secret)

    def _answered(self, line: T, secret: bool) -> T:
        # The answer is not visible in the output, so the next text begins on a new line.
        self.write("\n")
        if secret:
            self._echo(True)
        return line

    def write(self, text: str) -> None:
        """Write text unchanged."""
        if self.transport is not None:
            self.transport.write(text.encode("utf-8", "backslashreplace"))

    def _deliver(self) -> None:
        if self._asked is None or not (self._lines or self._ended):
            return
        asked, self._asked = self._asked, None
        if self._lines:
            asked.callback(self._lines.popleft())
        else:
            asked.errback(Left())

    def lineReceived(self, line: bytes) -> None:
        """See `LineReceiver`."""
        self._lines.append(line.removesuffix(b"\r").decode("utf-8", "replace"))
        self._deliver()

    def lineLengthExceeded(self, line: bytes) -> None:
        """See `LineReceiver`. No answer is so long; nothing after it can be understood."""
        self.readConnectionLost()

    def readConnectionLost(self) -> None:
        """See `IHalfCloseableProtocol`. A last line without its end counts as one."""
        rest = self.clearLineBuffer()
        if rest and not self._ended:
            self.lineReceived(rest)
        self._ended = True
        self._deliver()

    def writeConnectionLost(self) -> None:
        """See `IHalfCloseableProtocol`. Nobody reads the output any more."""
        self._lines.clear()
        self.connectionLost()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """See `IProtocol`."""
        self.readConnectionLost()
        if not self.closed.called:
            self.closed.callback(None)


class PlainScreen:
    """`records.client.screen.Screen` for a script.

    protocol: to be connected to input and output. closed: see `PlainLines`. failed: whether
    anything has failed.
    """

    def __init__(self, lines: PlainLines) -> None:
        self._lines = self.protocol = lines
        self.closed = lines.closed
        self.failed = False

    @property
    def width(self) -> int:
        """See `Screen`."""
        return WIDTH

    @property
    def page(self) -> int | None:
        """See `Screen`."""
        return None

    @property
    def colour(self) -> bool:
        """See `Screen`."""
        return False

    def ask(
        self,
        prompt: str,
        *,
        secret: bool = False,
        recall: Sequence[str] = (),
        offers: Sequence[str] = (),
    ) -> Awaitable[str]:
        """See `Screen`."""
        return self._lines.ask(prompt, secret=secret)

    def show(self, text: str) -> None:
        """See `Screen`."""
        self._lines.write(f"{text}\n")

    def fail(self, text: str) -> None:
        """See `Screen`."""
        self.failed = True
        self.show(text)

    def reject_answer(self, text: str) -> None:
        """See `Screen`. Raises `Stopped`: the next line was meant for another question."""
        self.fail(text)
        raise Stopped

    async def wait(self, coroutine: Coroutine[Deferred[Any], Any, T]) -> T:
        """See `Screen`."""
        return await coroutine


def _conforms(screen: PlainScreen) -> Screen:
    return screen
