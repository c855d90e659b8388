"""TLS that is not asked in vain: whatever comes in, it says what OpenSSL would have said."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from OpenSSL import SSL
from twisted.trial.unittest import SynchronousTestCase

from records.runtime import lean_tls as sparing
from records.runtime.lean_tls import SparingConnection
from records.test.tls.tls_case import signed

OWN = signed("records.example")
ENOUGH = 2**15
VERSIONS = (SSL.TLS1_2_VERSION, SSL.TLS1_3_VERSION)


def all_of(ask: Callable[[int], bytes]) -> bytes:
    """All that there is, asked for as Twisted does."""
    found = b""
    try:
        while True:
            found += ask(ENOUGH)
    except SSL.WantReadError:
        return found


class Pair:
    """A server's end, and a client's, after the handshake."""

    def __init__(self, kind: type[SSL.Connection], version: int) -> None:
        serving, asking = SSL.Context(SSL.TLS_METHOD), SSL.Context(SSL.TLS_METHOD)
        serving.use_certificate(OWN.certificate)
        serving.use_privatekey(OWN.key)
        serving.set_max_proto_version(version)
        self.server, self.client = kind(serving, None), SSL.Connection(asking, None)
        self.server.set_accept_state()
        self.client.set_connect_state()
        for _ in range(3):
            for end, other in ((self.client, self.server), (self.server, self.client)):
                with contextlib.suppress(SSL.WantReadError):
                    end.do_handshake()
                if data := all_of(end.bio_read):
                    other.bio_write(data)
        all_of(self.client.recv)
        all_of(self.server.recv)

    def come(self, data: bytes) -> tuple[bytes, bytes]:
        """Bytes come in from the client: what is read then, and what is sent."""
        self.server.bio_write(data)
        return all_of(self.server.recv), all_of(self.server.bio_read)

    def said(self, *messages: bytes) -> bytes:
        """What the client sends, encrypted: a record or more for each."""
        for message in messages:
            self.client.sendall(message)
        return all_of(self.client.bio_read)


class SparingTests(SynchronousTestCase):
    """`SparingConnection`."""

    @settings(max_examples=40, deadline=None)
    @given(
        st.sampled_from(VERSIONS),
        st.lists(st.lists(st.integers(1, 20_000), max_size=3), max_size=4),
        st.data(),
    )
    def test_any(self, version: int, bursts: list[list[int]], data: st.DataObject) -> None:
        """However many records come at once, and wherever they are cut, nothing stays behind."""
        pair = Pair(SparingConnection, version)
        for lengths in bursts:
            messages = [bytes([n % 251]) * length for n, length in enumerate(lengths)]
            stream, got = pair.said(*messages), b""
            while stream:
                size = data.draw(st.just(len(stream)) | st.integers(1, len(stream)))
                read, sent = pair.come(stream[:size])
                got += read
                self.assertEqual(sent, b"")
                stream = stream[size:]
            self.assertEqual(got, b"".join(messages))
            pair.server.send(b"answer")
            pair.client.bio_write(all_of(pair.server.bio_read))
            self.assertEqual(pair.client.recv(ENOUGH), b"answer")

    def test_spares(self) -> None:
        """OpenSSL is asked once for a request in one record, and once for its answer."""
        asked: list[str] = []
        for name in ("_recv", "_bio_read"):
            real = getattr(SSL.Connection, name.lstrip("_"))

            def counted(*args: Any, name: str = name, real: Any = real) -> Any:
                asked.append(name)
                return real(*args)

            self.patch(sparing, name, counted)
        for version in VERSIONS:
            pair = Pair(SparingConnection, version)
            pair.come(pair.said(b"the first"))
            asked.clear()
            for _ in range(3):
                self.assertEqual(pair.come(pair.said(b"request")), (b"request", b""))
                pair.server.send(b"answer")
                self.assertNotEqual(all_of(pair.server.bio_read), b"")
            self.assertEqual(asked, ["_recv", "_bio_read"] * 3)

    def test_goodbye(self) -> None:
        """The other end's goodbye is heard, by itself or right behind a request."""
        for behind in (b"", b"request"):
            pair = Pair(SparingConnection, SSL.TLS1_3_VERSION)
            stream = pair.said(behind) if behind else b""
            pair.client.shutdown()
            pair.server.bio_write(stream + all_of(pair.client.bio_read))
            if behind:
                self.assertEqual(pair.server.recv(ENOUGH), behind)
            with self.assertRaises(SSL.ZeroReturnError):
                pair.server.recv(ENOUGH)

    def test_own_goodbye(self) -> None:
        """Our own leaves, also when nothing was to be sent before."""
        pair = Pair(SparingConnection, SSL.TLS1_3_VERSION)
        pair.come(pair.said(b"request"))
        pair.server.shutdown()
        pair.client.bio_write(all_of(pair.server.bio_read))
        with self.assertRaises(SSL.ZeroReturnError):
            pair.client.recv(ENOUGH)

    def test_cut_off(self) -> None:
        """That the other end is gone without a goodbye is noticed."""
        pair = Pair(SparingConnection, SSL.TLS1_3_VERSION)
        pair.come(pair.said(b"request"))
        pair.server.bio_shutdown()
        with self.assertRaises(SSL.Error) as raised:
            pair.server.recv(ENOUGH)
        self.assertNotIsInstance(raised.exception, SSL.WantReadError)

    def test_forged(self) -> None:
        """A record that was changed on its way is an error, and the alert about it is sent."""
        pair = Pair(SparingConnection, SSL.TLS1_3_VERSION)
        pair.come(pair.said(b"request"))
        record = bytearray(pair.said(b"request"))
        record[-1] ^= 1
        pair.server.bio_write(bytes(record))
        with self.assertRaises(SSL.Error):
            pair.server.recv(ENOUGH)
        self.assertNotEqual(all_of(pair.server.bio_read), b"")
