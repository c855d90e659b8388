"""What the tests of lines share."""

from __future__ import annotations

import json

from twisted.trial.unittest import SynchronousTestCase

from records.api.jsonrpc import (
    Malformed,
    Request,
    parse,
)

PING = {"jsonrpc": "2.0", "method": "ping"}


def line(**members: object) -> bytes:
    return json.dumps(PING | members).encode()


class ParseCase(SynchronousTestCase):
    """What tests of `parse` share."""

    def good(self, raw: bytes) -> Request:
        found = parse(raw)
        assert isinstance(found, Request), (raw[:200], found)
        return found

    def code(self, raw: bytes) -> int:
        found = parse(raw)
        assert isinstance(found, Malformed), (raw[:200], found)
        self.assertTrue(found.error.message.endswith("."), found.error.message)
        return found.error.code
