"""Lines over a connection: how they are framed, and when they are read."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.interfaces import IHandshakeListener, IProtocol, IPushProducer
from zope.interface.verify import verifyObject

from records.api.messages import MAX_LINE
from records.test.server.conversation_case import batch, notification, person, reason, request
from records.test.server.protocol_case import ProtocolCase, Wire

INFO = [request("server.info", number) for number in range(3)]


def long_line(length: int) -> bytes:
    """A good request of this length."""
    empty = len(request("server.info", ""))
    line = request("server.info", "").replace(b"{}", b"{}" + b" " * (length - empty))
    assert len(line) == length
    return line


class FramingTests(ProtocolCase):
    """From bytes to lines."""

    def test_interfaces(self) -> None:
        """A connection provides what Twisted asks of it."""
        protocol = self.connect().protocol
        for interface in (IProtocol, IHandshakeListener, IPushProducer):
            self.assertTrue(verifyObject(interface, protocol))

    def test_ends(self) -> None:
        """A line ends with LF, or with CRLF; an answer always with LF alone."""
        wire = self.connect()
        wire.deliver(INFO[0] + b"\n", INFO[1] + b"\r\n", INFO[2] + b"\n")
        self.assertNotIn(b"\r", wire.value())
        self.assertEqual(wire.value().count(b"\n"), 3)
        self.assertEqual(wire.numbers(), [0, 1, 2])

    def test_byte_by_byte(self) -> None:
        """It does not matter in how many pieces lines come."""
        wire = self.connect()
        for byte in INFO[0] + b"\r\n" + INFO[1] + b"\n":
            self.assertEqual(len(wire.answers()), 0)
            wire.deliver(bytes([byte]))
            if byte == ord("\n"):
                self.assertEqual(len(wire.answers()), 1)

    def test_together(self) -> None:
        """Several lines may come at once, with the beginning of another."""
        wire = self.connect()
        wire.deliver(b"\n".join(INFO))
        self.assertEqual(wire.numbers(), [0, 1])
        wire.deliver(b"\n")
        self.assertEqual(wire.numbers(), [2])

    @given(st.lists(st.integers(0, 400), max_size=8), st.lists(st.booleans(), max_size=3))
    def test_any_pieces(self, cuts: list[int], returns: list[bool]) -> None:
        """However a stream is cut, the answers are the same."""
        ends = [b"\r\n" if each else b"\n" for each in [*returns, False, False, False]]
        stream = b"".join(line + end for line, end in zip(INFO, ends, strict=False))
        places = [0, *sorted(cut for cut in cuts if cut < len(stream)), len(stream)]
        wire = self.connect()
        wire.deliver(*(stream[a:b] for a, b in pairwise(places) if a < b))
        self.assertEqual(wire.numbers(), [0, 1, 2])
        wire.on_hangup()

    @given(st.lists(st.binary(max_size=40), max_size=5))
    def test_any_bytes(self, pieces: list[bytes]) -> None:
        """Whatever is sent, each line has one answer, an error, and the next one counts again."""
        wire = self.connect()
        garbage = b"".join(pieces)
        wire.deliver(*pieces, b"\n")
        self.assertEqual(len(wire.answers()), garbage.count(b"\n") + 1)
        wire.deliver(INFO[1] + b"\n")
        self.assertEqual(wire.numbers(), [1])
        wire.on_hangup()

    def test_not_utf8(self) -> None:
        """Bytes that are not UTF-8 are a parse error, and the connection goes on."""
        wire = self.connect()
        wire.deliver(b'{"jsonrpc":"2.0","method":"\xff"}\n' + INFO[1] + b"\n")
        first, second = wire.answers()
        self.assertEqual((reason(first), first["id"], second["id"]), ("parse-error", None, 1))

    def test_unanswered(self) -> None:
        """Notifications leave nothing on the wire."""
        wire = self.connect()
        wire.deliver(notification("server.info") + b"\n" + batch(notification("x")) + b"\n")
        self.assertEqual(wire.value(), b"")


class LongLineTests(ProtocolCase):
    """Lines that are too long."""

    def is_refused(self, wire: Wire) -> None:
        """The last answer says that a line is too long, and the connection is closed."""
        (answer,) = wire.answers()[-1:]
        self.assertEqual((reason(answer), answer["id"]), ("parse-error", None))
        self.assertTrue(wire.disconnecting)
        self.assertFalse(wire.aborted)

    def test_longest(self) -> None:
        """A line of the greatest length is read, its end not counted, whole or in pieces."""
        for end in (b"\n", b"\r\n"):
            line = long_line(MAX_LINE) + end
            for cut in (1, 30000, MAX_LINE - 1, MAX_LINE, len(line) - 1, len(line)):
                wire = self.connect()
                wire.deliver(line[:cut])
                wire.deliver(line[cut:] + INFO[1] + b"\n")
                self.assertEqual(wire.numbers(), ["", 1], (end, cut))

    def test_longer(self) -> None:
        """One byte more is refused, and not done."""
        for end in (b"\n", b"\r\n"):
            for length in (MAX_LINE + 1, MAX_LINE + 2, 3 * MAX_LINE):
                wire = self.connect()
                wire.deliver(long_line(length) + end)
                self.is_refused(wire)

    def test_never_ending(self) -> None:
        """A line is refused when it gets too long, not when it ends."""
        wire = self.connect()
        for _ in range(MAX_LINE // 1024):
            wire.deliver(b"x" * 1024)
            self.assertFalse(wire.disconnecting)
        wire.deliver(b"x" * 1024)
        self.is_refused(wire)

    def test_after_earlier_requests(self) -> None:
        """What was asked before is done and answered first; then comes the refusal, and the end."""
        wire = self.connect("hr")
        self.hand.held = True
        first = wire.ask("employee.add", employee=person("Al"))
        second = wire.ask("employee.get", id=1)
        wire.deliver(b"x" * (MAX_LINE + 2))
        self.assertEqual((wire.value(), wire.disconnecting), (b"", False))
        self.hand.fire_all()
        answers = wire.answers()
        self.assertEqual([each["id"] for each in answers], [first, second, None])
        self.assertEqual([reason(each) for each in answers], ["", "", "parse-error"])
        self.assertTrue(wire.disconnecting)

    def test_nothing_after(self) -> None:
        """What is sent behind a line that is too long is not done."""
        behind = request("employee.add", employee=person("Al")) + b"\n"
        for too_long in (b"x" * (MAX_LINE + 1) + b"\n", b"x" * (MAX_LINE + 2), b"x" * 3 * MAX_LINE):
            for earlier in (False, True):
                wire = self.connect("hr")
                self.hand.held = earlier
                if earlier:
                    wire.ask("employee.list")
                wire.deliver(too_long + behind)
                wire.deliver(behind, b"\n" + behind)
                self.hand.fire_all()
                wire.deliver(behind, b"\n" + behind)
                self.is_refused(wire)
                self.turn()
                self.assertEqual(wire.value(), b"")
                self.assertNotIn(("write", "perform"), self.hand.handed)
                self.hand.held = False

    def test_read_to_the_end(self) -> None:
        """After the goodbye it is read on, so that the last word is not lost in a reset."""
        wire = self.connect("hr")
        self.hand.held = True
        wire.ask("employee.list")
        wire.deliver(b"x" * (MAX_LINE + 2))
        self.hand.fire_all()
        self.assertTrue(wire.disconnecting)
        self.assertTrue(wire.is_read)
