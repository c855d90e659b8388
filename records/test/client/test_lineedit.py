"""Tests for `records.client.lineedit`: keys in, and what a terminal shows then."""

from __future__ import annotations

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ConnectionLost
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from records.client.lineedit import LineEditor, Terminal
from records.client.screen import Interrupted, Left

LEFT, RIGHT, UP, DOWN = b"\x1b[D", b"\x1b[C", b"\x1b[A", b"\x1b[B"
HOME, END, DELETE, BACKSPACE = b"\x1b[H", b"\x1b[F", b"\x1b[3~", b"\x7f"


class LineEditorTests(SynchronousTestCase):
    """Asking for a line."""

    def setUp(self) -> None:
        self.columns = 40
        self.interrupted = 0
        self.editor = LineEditor(lambda: self.columns, self.interrupt)
        self.terminal = Terminal(lambda: self.editor)
        self.transport = StringTransport()
        self.terminal.makeConnection(self.transport)

    def interrupt(self) -> None:
        self.interrupted += 1

    def ask(
        self,
        prompt: str = "> ",
        *,
        secret: bool = False,
        recall: tuple[str, ...] = (),
        offers: tuple[str, ...] = (),
    ) -> Deferred[str]:
        return self.editor.ask(prompt, secret=secret, recall=recall, offers=offers)

    def keys(self, *keys: bytes | str) -> None:
        for key in keys:
            self.terminal.dataReceived(key.encode() if isinstance(key, str) else key)

    def typed(self, *keys: bytes | str, **how: tuple[str, ...]) -> str:
        """The line that these keys and Enter make."""
        answer = self.ask(**how)  # type: ignore[arg-type]
        self.keys(*keys, "\r")
        return self.successResultOf(answer)

    def drawn(self) -> bytes:
        """What was written to the terminal since this was last asked."""
        written: bytes = self.transport.value()
        self.transport.clear()
        return written

    def test_screen_kept(self) -> None:
        """The terminal is neither cleared nor reset, at the beginning or at the end."""
        self.terminal.loseConnection()
        self.assertEqual(self.drawn(), b"")
        self.assertTrue(self.transport.disconnecting)

    def test_line(self) -> None:
        """A line is echoed as it is typed, after the prompt, and ends with Enter."""
        self.assertEqual(self.typed("ann"), "ann")
        self.assertEqual(self.drawn(), b"> ann\r\n")

    def test_tab(self) -> None:
        """Tab completes a line to an offer that begins like it, and then to the next one."""
        offers = ("Sales", "Office of Sales", "Räumung", "Research")
        for keys, line in (
            (("s", "\t"), "Sales"),
            (("S", "\t", "\t"), "Office of Sales"),
            (("s", "\t", "\t", "\t"), "Sales"),
            (("r", "\t"), "Räumung"),
            (("ra", "\t"), "Räumung"),
            (("re", "\t"), "Research"),
            (("sales", "\t"), "Sales"),
            (("\t",), "Sales"),
            (("\t", "\t"), "Office of Sales"),
            (("x", "\t"), "x"),
            (("s", "\t", " & Co"), "Sales & Co"),
            (("ales", "\t"), "ales"),
        ):
            self.assertEqual(self.typed(*keys, offers=offers), line)

    def test_tab_without_offers(self) -> None:
        """Without offers a tab does nothing, also after a question that had some."""
        self.typed("\t", offers=("Sales",))
        self.assertEqual(self.typed("a\tb"), "ab")

    def test_line_feed(self) -> None:
        """A line feed ends a line as well."""
        answer = self.ask()
        self.keys("ann\n")
        self.assertEqual(self.successResultOf(answer), "ann")

    def test_any_language(self) -> None:
        """Characters of any language are taken, also when their bytes come one by one."""
        answer = self.ask()
        for byte in "Zoë 山田 🎉".encode():
            self.keys(bytes([byte]))
        self.keys("\r")
        self.assertEqual(self.successResultOf(answer), "Zoë 山田 🎉")

    def test_not_utf8(self) -> None:
        """Bytes that are no UTF-8 become visible, and do not swallow what follows."""
        self.assertEqual(self.typed(b"caf\xe9s"), "caf\ufffds")

    def test_secret(self) -> None:
        """Nothing of a secret is shown, however it is edited."""
        answer = self.ask("Password: ", secret=True)
        self.keys("abx", BACKSPACE, "d", LEFT, "c", HOME, END, "\r")
        self.assertEqual(self.successResultOf(answer), "abcd")
        self.assertFalse(set(self.drawn().replace(b"Password: ", b"")) & set(b"abcdx*"))

    def test_editing(self) -> None:
        """The cursor moves by character, and text is put in and erased where it stands."""
        self.assertEqual(self.typed("abd", LEFT, "c"), "abcd")
        self.assertEqual(self.typed("bc", HOME, "a", END, "d"), "abcd")
        self.assertEqual(self.typed("abx", LEFT, DELETE, "c"), "abc")
        self.assertEqual(self.typed("ab", LEFT, LEFT, LEFT, BACKSPACE, "x"), "xab")
        self.assertEqual(self.typed("ab", RIGHT, DELETE, "c"), "abc")

    def test_control_keys(self) -> None:
        """The control keys of every shell work too."""
        self.assertEqual(self.typed("bc", b"\x01", "a", b"\x05", "d"), "abcd")
        self.assertEqual(self.typed("one two  ", b"\x17", "2"), "one 2")
        self.assertEqual(self.typed("ab", b"\x02", b"\x15"), "b")
        self.assertEqual(self.typed("ab", b"\x02", b"\x0b"), "a")
        self.assertEqual(self.typed("ab", b"\x02", b"\x06", b"\x08"), "a")
        self.assertEqual(self.typed("abc", LEFT, LEFT, b"\x04"), "ac")

    def test_ignored_keys(self) -> None:
        """Keys without a meaning here change nothing."""
        self.assertEqual(
            self.typed(
                "a", b"\t", b"\x1b[5~", b"\x1bx", b"\x1bOP", b"\x07", b"\x1b[1;5C", b"\x1b[2~", "b"
            ),
            "ab",
        )

    def test_wide_characters(self) -> None:
        """The cursor goes back two columns over a character that is two wide."""
        answer = self.ask()
        self.keys("山田")
        self.drawn()
        self.keys(LEFT)
        self.assertEqual(self.drawn(), "\x1b[4D山田\x1b[K\x1b[2D".encode())
        self.keys(BACKSPACE, "\r")
        self.assertEqual(self.successResultOf(answer), "田")

    def test_marks(self) -> None:
        """A combining mark belongs to its letter, and is erased with it."""
        self.assertEqual(self.typed("xe\u0301", BACKSPACE, "y"), "xy")
        self.assertEqual(self.typed("e\u0301", LEFT, "x"), "xe\u0301")

    def test_harmless_echo(self) -> None:
        """What is pasted cannot act on the terminal, and is not altered."""
        self.assertEqual(self.typed("a\u202eb"), "a\u202eb")
        self.assertIn(b"a\\u202eb", self.drawn())

    def test_longer_than_the_row(self) -> None:
        """A line that outgrows its row scrolls sideways within it."""
        self.columns = 20
        answer = self.ask()
        self.keys("0123456789abcdefghij")
        drawn = self.drawn().split(b"\x1b[K")[-2].split(b"D")[-1]
        self.assertEqual(drawn, b"3456789abcdefghij")
        self.keys(HOME)
        self.assertIn(b"0123456789abcdefg\x1b[K\x1b[17D", self.drawn())
        self.keys("\r")
        self.assertEqual(self.successResultOf(answer), "0123456789abcdefghij")

    def test_recall(self) -> None:
        """Up and down go through earlier lines, and past the last to an empty one."""
        earlier = ("f ann", "s 12")
        self.assertEqual(self.typed(UP, recall=earlier), "s 12")
        self.assertEqual(self.typed(UP, UP, UP, recall=earlier), "f ann")
        self.assertEqual(self.typed(UP, UP, DOWN, "3", recall=earlier), "s 123")
        self.assertEqual(self.typed("x", UP, DOWN, DOWN, recall=earlier), "")

    def test_nothing_remembered(self) -> None:
        """A line that was typed is not brought back by itself."""
        self.typed("secret")
        self.assertEqual(self.typed(UP), "")

    def test_typed_early(self) -> None:
        """Keys that come before their question wait for it, each line for its own."""
        first = self.ask()
        self.keys("one\rtwo\rthr")
        self.assertEqual(self.successResultOf(first), "one")
        self.assertEqual(self.successResultOf(self.ask()), "two")
        third = self.ask()
        self.assertNoResult(third)
        self.keys("ee\r")
        self.assertEqual(self.successResultOf(third), "three")

    def test_secret_typed_early(self) -> None:
        """A password that is typed early is not shown either."""
        self.keys("hidden\r")
        self.successResultOf(self.ask("Password: ", secret=True))
        self.assertNotIn(b"h", self.drawn())

    def test_ctrl_c(self) -> None:
        """Ctrl-C gives up the question, and forgets what was typed early."""
        self.keys("x")
        answer = self.ask()
        self.keys("y", b"\x03")
        self.failureResultOf(answer, Interrupted)
        self.assertEqual(self.typed("z"), "z")
        self.assertEqual(self.interrupted, 0)

    def test_ctrl_c_meanwhile(self) -> None:
        """Ctrl-C while nothing is asked gives up what is waited for."""
        self.keys("early", b"\x03")
        self.assertEqual(self.interrupted, 1)
        self.assertEqual(self.typed("z"), "z")

    def test_ctrl_d(self) -> None:
        """Ctrl-D on an empty line leaves; otherwise it erases."""
        answer = self.ask()
        self.keys("a", HOME, b"\x04")
        self.assertNoResult(answer)
        self.keys(b"\x04")
        self.failureResultOf(answer, Left)

    def test_hung_up(self) -> None:
        """When the terminal is gone, so is whoever was asked, now and later."""
        answer = self.ask()
        self.terminal.connectionLost(Failure(ConnectionLost()))
        self.failureResultOf(answer, Left)
        self.failureResultOf(self.ask(), Left)
        self.successResultOf(self.editor.closed)

    def test_given_up(self) -> None:
        """A question can be taken back."""
        answer = self.ask()
        answer.cancel()
        self.failureResultOf(answer, CancelledError)
        self.assertEqual(self.typed("z"), "z")

    def test_resized(self) -> None:
        """A change of size is noticed at the next question, and draws nothing by itself."""
        self.editor.terminalSize(20, 10)
        self.assertEqual(self.drawn(), b"")
