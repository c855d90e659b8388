"""TLS between memory and memory that does not ask OpenSSL for what cannot be there.

Twisted asks for more after each piece that it was given, and for something to send after whatever
it has received. pyOpenSSL says "no" from deep down, each time, which takes a sixth of all that
TLS costs a small request. Here those answers come from a count of TLS's records (RFC 8446, section
5.1): what came in as one whole record of application data, and was read, leaves nothing behind.
Where anything is out of the ordinary, OpenSSL is asked. It reads on by itself past records that
hold no data, which is its default (SSL_MODE_AUTO_RETRY). Knows nothing of what is in the records.
"""

from __future__ import annotations

from typing import Any

from OpenSSL import SSL

HEADER = 5
"""Bytes: a record's type, its version (2), and how many bytes follow (2)."""
APPLICATION_DATA = 23

_bio_read, _bio_write = SSL.Connection.bio_read, SSL.Connection.bio_write
_recv, _send = SSL.Connection.recv, SSL.Connection.send


class SparingConnection(SSL.Connection):
    """An `OpenSSL.SSL.Connection` without a socket, as Twisted's TLS uses one."""

    _missing = 0  # of the last record that came in, or of its header
    _header = b""  # as far as that has come
    _is_drained = False  # whether all that came in has been read
    _is_plain = False  # whether what came in since is one whole record, and may be data
    _may_send = True  # whether there may be anything to be sent

    def bio_write(self, buf: Any) -> int:
        """See `SSL.Connection`."""
        if self._is_drained:  # so it begins with a header
            self._is_drained = False
            if len(buf) > HEADER and buf[0] == APPLICATION_DATA:
                self._is_plain = len(buf) == HEADER + (buf[3] << 8 | buf[4])
                if self._is_plain:
                    return _bio_write(self, buf)
        self._is_plain = False
        self._count(bytes(buf))
        return _bio_write(self, buf)

    def _count(self, data: bytes) -> None:
        """Find out where among records this ends."""
        while data:
            if self._missing:
                taken = min(self._missing, len(data))
                self._missing -= taken
            else:
                taken = min(HEADER - len(self._header), len(data))
                self._header += data[:taken]
                if len(self._header) == HEADER:
                    self._missing = self._header[3] << 8 | self._header[4]
                    self._header = b""
            data = data[taken:]

    def recv(self, bufsiz: int, flags: int | None = None) -> bytes:
        """See `SSL.Connection`."""
        if self._is_drained:
            raise SSL.WantReadError
        if self._is_plain:
            self._is_plain = False
            try:
                data = _recv(self, bufsiz, flags)
            except SSL.Error:  # it was none, after all
                self._may_send = True
                raise
            self._is_drained = len(data) < bufsiz and flags is None
            return data
        self._may_send = True
        try:
            return _recv(self, bufsiz, flags)
        except SSL.WantReadError:
            self._is_drained = not (self._missing or self._header)
            raise

    read = recv

    def recv_into(self, buffer: Any, nbytes: int | None = None, flags: int | None = None) -> int:
        """See `SSL.Connection`."""
        self._is_plain = self._is_drained = False
        self._may_send = True
        return super().recv_into(buffer, nbytes, flags)

    def bio_read(self, bufsiz: int) -> bytes:
        """See `SSL.Connection`."""
        if not self._may_send:
            raise SSL.WantReadError
        self._may_send = False
        data = _bio_read(self, bufsiz)
        if len(data) == bufsiz:
            self._may_send = True
        return data

    def send(self, buf: Any, flags: int = 0) -> int:
        """See `SSL.Connection`."""
        self._may_send = True
        return _send(self, buf, flags)

    write = send

    def sendall(self, buf: Any, flags: int = 0) -> int:
        """See `SSL.Connection`."""
        self._may_send = True
        return super().sendall(buf, flags)

    def do_handshake(self) -> None:
        """See `SSL.Connection`."""
        self._may_send, self._is_drained = True, False
        super().do_handshake()

    def shutdown(self) -> bool:
        """See `SSL.Connection`."""
        self._may_send, self._is_drained = True, False
        return super().shutdown()

    def bio_shutdown(self) -> None:
        """See `SSL.Connection`."""
        self._is_drained = False
        super().bio_shutdown()
