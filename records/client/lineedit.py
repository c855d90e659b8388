"""A line editor for a terminal: keys in, what the terminal has to draw out.

A `recvline.HistoricRecvLine` for text of any language. Twisted's own takes each byte for a
character of one column. Here a line consists of characters as they are drawn, some two columns wide
and some with marks on top, and scrolls sideways when it is longer than its row. Knows the terminal
only as `ITerminalTransport`, and nothing of what lines mean.
"""

from __future__ import annotations

import codecs
from collections.abc import Callable, Sequence

from rich.cells import cell_len
from twisted.conch.insults.insults import ServerProtocol
from twisted.conch.recvline import HistoricRecvLine
from twisted.internet.defer import Deferred
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure

from records.client.render import safe_text
from records.client.screen import Interrupted, Left
from records.model.values import fold

_MARGIN = 1
"""The last column stays free: terminals differ in what they do after writing there."""
_LEAST = 8
CTRL_C = "\x03"


def _matching(typed: str, offers: Sequence[str]) -> list[str]:
    """The offers that begin with what was typed, then those with a word that does."""
    wanted = fold(typed.strip())
    if not wanted:
        return list(offers)
    folded = [(offer, fold(offer)) for offer in offers]
    first = [offer for offer, text in folded if text.startswith(wanted)]
    return first + [offer for offer, text in folded if f" {wanted}" in text and offer not in first]


class Terminal(ServerProtocol):
    """The terminal as bytes. Unlike that of Twisted, it does not clear the screen at the end."""

    def loseConnection(self) -> None:
        """See `ITransport`."""
        if self.transport is not None:
            self.transport.loseConnection()


class LineEditor(HistoricRecvLine):
    """Asks for lines, one at a time. Keys that come early wait for the next question.

    width: the present columns of the terminal. interrupt: called on Ctrl-C while nothing is asked.
    closed: fires when the terminal is released.
    """

    def __init__(self, width: Callable[[], int], interrupt: Callable[[], None]) -> None:
        self._columns = width
        self._interrupt = interrupt
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        self._early: list[tuple[bytes, object]] = []
        self._asked: Deferred[str] | None = None
        self._secret = False
        self._offers: Sequence[str] = ()
        self._matches: list[str] = []  # what Tab offers in turn
        self._room = 0
        self._cursor = 0  # columns from the beginning of the answer to the cursor
        self._first = 0  # the first character drawn
        self._gone = False
        self.closed: Deferred[None] = Deferred()

    def connectionMade(self) -> None:
        """See `ITerminalProtocol`."""
        super().connectionMade()
        keys: dict[bytes, Callable[[], None]] = {
            b"\x01": self.handle_HOME,
            b"\x02": self.handle_LEFT,
            b"\x04": self._end_of_input,
            b"\x05": self.handle_END,
            b"\x06": self.handle_RIGHT,
            b"\x08": self.handle_BACKSPACE,
            b"\x0b": self._erase_after,
            b"\x0e": self.handle_DOWN,
            b"\x10": self.handle_UP,
            b"\x15": self._erase_before,
            b"\x17": self._erase_word,
        }
        self.keyHandlers.update(keys)
        del self.keyHandlers[self.terminal.INSERT]

    def initializeScreen(self) -> None:
        """Leave the screen as it is. Twisted's own would clear it."""

    def terminalSize(self, width: int, height: int) -> None:
        """See `ITerminalProtocol`. The width is asked for whenever it matters."""

    def ask(
        self, prompt: str, *, secret: bool, recall: Sequence[str], offers: Sequence[str] = ()
    ) -> Deferred[str]:
        """The next line. See `records.client.screen.Screen.ask`."""
        assert self._asked is None, "one question at a time"
        answer: Deferred[str] = Deferred(self._given_up)
        if self._gone:
            answer.errback(Left())
            return answer
        self._asked, self._secret, self._offers = answer, secret, offers
        self._matches = []
        self.historyLines = [*recall]
        self.historyPosition = len(self.historyLines)
        self.lineBuffer, self.lineBufferIndex = [], 0
        self._cursor = self._first = 0
        self._room = max(_LEAST, self._columns() - cell_len(prompt) - _MARGIN)
        self.terminal.write(prompt.encode("utf-8"))
        early, self._early = self._early, []
        for key, modifier in early:
            self.keystrokeReceived(key, modifier)
        return answer

    def _given_up(self, answer: Deferred[str]) -> None:
        self._asked = None

    def keystrokeReceived(self, keyID: bytes, modifier: object) -> None:
        """See `ITerminalProtocol`. keyID: a byte as it was typed, or a special key's name."""
        if keyID == CTRL_C.encode():
            self._give_up(Interrupted())
        elif self._asked is None:
            self._early.append((keyID, modifier))
        elif len(keyID) > 1:
            handle = self.keyHandlers.get(keyID)
            if handle is not None:
                handle()
        else:
            for character in self._decode(keyID):
                self._typed(character, modifier)

    def _typed(self, character: str, modifier: object) -> None:
        handle = self.keyHandlers.get(character.encode("utf-8"))
        if handle is not None:
            handle()
        elif character >= " " and modifier is None:
            self.characterReceived(character, False)

    def characterReceived(self, ch: str, moreCharactersComing: bool) -> None:
        """Insert a character at the cursor; a mark joins the character before it."""
        place = self.lineBufferIndex
        if place and not self._wide(ch):
            self.lineBuffer[place - 1] += ch
        else:
            self.lineBuffer.insert(place, ch)
            self.lineBufferIndex += 1
        shown = self._shown(ch)
        at_end = self.lineBufferIndex == len(self.lineBuffer)
        if at_end and self._cursor + self._wide(ch) <= self._room:
            # The common case is written as it comes, like a terminal's own echo.
            self.terminal.write(shown.encode("utf-8"))
            self._cursor += self._wide(ch)
        else:
            self._draw()

    def _shown(self, character: str) -> str:
        return "" if self._secret else safe_text(character)

    def _wide(self, character: str) -> int:
        return cell_len(safe_text(character))

    def _span(self, start: int, stop: int) -> int:
        return sum(cell_len(self._shown(each)) for each in self.lineBuffer[start:stop])

    def _draw(self) -> None:
        """Draw the answer again, in place, without the prompt."""
        index = self.lineBufferIndex
        self._first = min(self._first, index)
        while self._span(self._first, index) > self._room:
            self._first += 1
        stop = len(self.lineBuffer)
        while self._span(self._first, stop) > self._room:
            stop -= 1
        if self._cursor:
            self.terminal.cursorBackward(self._cursor)
        visible = "".join(map(self._shown, self.lineBuffer[self._first : stop]))
        self.terminal.write(visible.encode("utf-8"))
        self.terminal.eraseToLineEnd()
        back = self._span(index, stop)
        if back:
            self.terminal.cursorBackward(back)
        self._cursor = self._span(self._first, index)

    def _move(self, index: int) -> None:
        if 0 <= index <= len(self.lineBuffer) and index != self.lineBufferIndex:
            self.lineBufferIndex = index
            self._draw()

    def _erase(self, start: int, stop: int) -> None:
        if start < stop:
            del self.lineBuffer[start:stop]
            self.lineBufferIndex = start
            self._draw()

    def handle_TAB(self) -> None:
        """Complete the line to an offer that has a word beginning like it; to the next one again.

        A tab is not part of any answer.
        """
        line = "".join(self.lineBuffer)
        if line in self._matches:
            place = (self._matches.index(line) + 1) % len(self._matches)
        else:
            self._matches, place = _matching(line, self._offers), 0
        if self._matches:
            self._replace(self._matches[place])

    def handle_LEFT(self) -> None:
        """Move one character to the left."""
        self._move(self.lineBufferIndex - 1)

    def handle_RIGHT(self) -> None:
        """Move one character to the right."""
        self._move(self.lineBufferIndex + 1)

    def handle_HOME(self) -> None:
        """Move to the beginning of the line."""
        self._move(0)

    def handle_END(self) -> None:
        """Move to the end of the line."""
        self._move(len(self.lineBuffer))

    def handle_BACKSPACE(self) -> None:
        """Erase the character before the cursor."""
        self._erase(max(0, self.lineBufferIndex - 1), self.lineBufferIndex)

    def handle_DELETE(self) -> None:
        """Erase the character under the cursor."""
        self._erase(self.lineBufferIndex, min(len(self.lineBuffer), self.lineBufferIndex + 1))

    def _erase_before(self) -> None:
        self._erase(0, self.lineBufferIndex)

    def _erase_after(self) -> None:
        self._erase(self.lineBufferIndex, len(self.lineBuffer))

    def _erase_word(self) -> None:
        start = self.lineBufferIndex
        while start and self.lineBuffer[start - 1] == " ":
            start -= 1
        while start and self.lineBuffer[start - 1] != " ":
            start -= 1
        self._erase(start, self.lineBufferIndex)

    def handle_UP(self) -> None:
        """Recall the line before."""
        self._recall(self.historyPosition - 1)

    def handle_DOWN(self) -> None:
        """Recall the line after; an empty one after the last."""
        self._recall(self.historyPosition + 1)

    def _recall(self, position: int) -> None:
        if 0 <= position <= len(self.historyLines):
            self.historyPosition = position
            self._replace("".join(self.historyLines[position : position + 1]))

    def _replace(self, line: str) -> None:
        self.lineBuffer = [*line]
        self.lineBufferIndex = len(self.lineBuffer)
        self._draw()

    def handle_RETURN(self) -> None:
        """Finish the line."""
        line = "".join(self.lineBuffer)
        asked, self._asked = self._asked, None
        self.lineBuffer, self.lineBufferIndex = [], 0
        self.terminal.nextLine()
        if asked is not None:
            asked.callback(line)

    def _end_of_input(self) -> None:
        if self.lineBuffer:
            self.handle_DELETE()
        else:
            self._give_up(Left())

    def _give_up(self, reason: Exception) -> None:
        self._early.clear()
        asked, self._asked = self._asked, None
        if asked is not None:
            self.terminal.nextLine()
            asked.errback(reason)
        elif isinstance(reason, Interrupted):
            self._interrupt()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """See `ITerminalProtocol`. The terminal is gone, and whoever sat before it."""
        self._gone = True
        asked, self._asked = self._asked, None
        if asked is not None:
            asked.errback(Left())
        self.closed.callback(None)
