"""Tests for `records.client.protocol`."""

from __future__ import annotations

from twisted.internet.defer import CancelledError
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from records.api.jsonrpc import encode_error, encode_result
from records.api.messages import MAX_ANSWER, MAX_LINE
from records.client.protocol import ANSWER_WITHIN, SECURE_WITHIN, Lost
from records.client.screen import Unreachable
from records.model.errors import (
    Busy,
    InvalidRequest,
    NotFound,
)
from records.test.client.wire import Wire


class ProtocolTests(SynchronousTestCase):
    """One connection."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.wire = Wire(self.clock)
        self.protocol = self.wire.protocol
        self.protocol.handshakeCompleted()
        self.assertIs(self.successResultOf(self.protocol.ready), self.protocol)

    def test_request(self) -> None:
        """A request goes out as one line of JSON-RPC 2.0."""
        self.protocol.request("server.info", {})
        self.assertTrue(self.wire.value().endswith(b"}\n"))
        self.assertEqual(
            self.wire.request(), {"jsonrpc": "2.0", "method": "server.info", "params": {}, "id": 1}
        )

    def test_answers_by_id(self) -> None:
        """Each answer reaches its own request, in whatever order they come."""
        first, second = self.protocol.request("a", {}), self.protocol.request("b", {})
        self.wire.answer("2", 2)
        self.wire.answer(NotFound("No."), 1)
        self.assertEqual(bytes(self.successResultOf(second)), b'"2"')
        self.failureResultOf(first, NotFound)

    def test_in_pieces(self) -> None:
        """An answer may come byte by byte, ended by LF or CRLF."""
        answer = self.protocol.request("a", {})
        for byte in encode_result(1, [1]) + b"\r\n":
            self.protocol.dataReceived(bytes([byte]))
        self.assertEqual(bytes(self.successResultOf(answer)), b"[1]")

    def test_longest_answer(self) -> None:
        """An answer of the greatest length is taken."""
        answer = self.protocol.request("a", {})
        line = encode_result(1, "x" * (MAX_ANSWER - len(encode_result(1, ""))))
        self.assertEqual(len(line), MAX_ANSWER)
        self.protocol.dataReceived(line + b"\n")
        self.successResultOf(answer)

    def test_too_long(self) -> None:
        """A longer one ends the connection, with a sentence."""
        answer = self.protocol.request("a", {})
        self.protocol.dataReceived(b"x" * (MAX_ANSWER + 2000))
        self.assertIn("longer lines", str(self.failureResultOf(answer, Unreachable).value))
        self.assertTrue(self.wire.disconnected)

    def test_too_long_request(self) -> None:
        """A request that no daemon would take is not sent."""
        answer = self.protocol.request("a", {"x": "x" * MAX_LINE})
        self.failureResultOf(answer, InvalidRequest)
        self.assertEqual(self.wire.value(), b"")

    def test_no_answer(self) -> None:
        """Without an answer in time the connection is taken for dead."""
        answer = self.protocol.request("a", {})
        self.clock.advance(ANSWER_WITHIN)
        self.failureResultOf(answer, Lost)
        self.assertTrue(self.wire.disconnected)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_lost(self) -> None:
        """What was asked on a connection that ends, or has ended, is told so."""
        under_way = self.protocol.request("a", {})
        self.wire.lose()
        self.failureResultOf(under_way, Lost)
        self.failureResultOf(self.protocol.request("b", {}), Lost)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_last_word(self) -> None:
        """An error about no request in particular is why the connection then ends."""
        answer = self.protocol.request("a", {})
        self.protocol.dataReceived(encode_error(None, Busy("Too many connections.")) + b"\n")
        self.wire.lose()
        self.failureResultOf(answer, Busy)

    def test_strangers(self) -> None:
        """What does not speak the protocol is left, whatever it says instead."""
        for said in (b"HTTP/1.1 400 Bad Request", b"[]", b'{"id":1,"error":{"code":1}}', b"\xff"):
            wire = Wire(self.clock)
            wire.protocol.handshakeCompleted()
            answer = wire.protocol.request("a", {})
            wire.protocol.dataReceived(said + b"\n")
            self.failureResultOf(answer, Unreachable)
            self.assertTrue(wire.disconnected)

    def test_wrong_errors(self) -> None:
        """So is one whose error has another form inside."""
        answer = self.protocol.request("a", {})
        said = b'{"id":1,"error":{"code":1,"message":"m","data":{"errors":[3]}}}\n'
        self.protocol.dataReceived(said)
        self.failureResultOf(answer, Unreachable)

    def test_neither_result_nor_error(self) -> None:
        """An answer with neither result nor error is none."""
        answer = self.protocol.request("a", {})
        self.protocol.dataReceived(b'{"id":1}\n')
        self.failureResultOf(answer, Lost)

    def test_given_up(self) -> None:
        """A request can be given up; its answer is then passed over."""
        answer = self.protocol.request("a", {})
        answer.cancel()
        self.failureResultOf(answer, CancelledError)
        self.wire.answer("late", 1)
        self.wire.answer("of nobody", 77)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_close(self) -> None:
        """Closing ends the connection in good order, once."""
        self.protocol.close()
        self.assertTrue(self.wire.disconnecting)
        self.wire.lose()
        self.protocol.close()
        self.wire.lose()


class HandshakeTests(SynchronousTestCase):
    """Before a connection is secure."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.wire = Wire(self.clock)
        self.ready = self.wire.protocol.ready

    def test_failed(self) -> None:
        """If the handshake fails the connection never gets ready, and it is told why."""
        self.wire.lose(ConnectionLost())
        self.failureResultOf(self.ready, ConnectionLost)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_not_trusted(self) -> None:
        """A handshake that ended with a wrong name does not make it ready either."""
        self.wire.loseConnection()
        self.wire.protocol.handshakeCompleted()
        self.assertNoResult(self.ready)
        self.wire.lose()
        self.failureResultOf(self.ready, ConnectionDone)

    def test_silent(self) -> None:
        """A handshake that does not go on is left in the end."""
        self.clock.advance(SECURE_WITHIN)
        self.failureResultOf(self.ready, TimeoutError)
        self.assertTrue(self.wire.disconnected)

    def test_given_up(self) -> None:
        """Who waits for it may give up."""
        self.ready.cancel()
        self.failureResultOf(self.ready)
        self.assertTrue(self.wire.disconnected)
