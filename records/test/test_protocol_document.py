"""docs/protocol.md: its examples are played, and its tables are compared with the code.

The document lies beside the package in a checkout, and is not installed with it.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import msgspec
from twisted.internet.task import Clock, deferLater
from twisted.trial.unittest import SynchronousTestCase

import records
from records.admin import parse_options
from records.api import jsonrpc as wire
from records.api import messages, query
from records.auth import throttle
from records.auth.cred import make_portal
from records.auth.hashing import HashingQueue
from records.auth.login import Passwords
from records.daemon.bootstrap import Places, open_database
from records.daemon.service import Settings
from records.gateway import rate_limit
from records.gateway.gateway import Gateway
from records.gateway.session import Services
from records.model import accounts
from records.model.access import ROLES, Grant, Role, Scope
from records.model.errors import BY_REASON, Busy, InternalError, OutcomeUnknown
from records.model.fields import STANDARD
from records.model.search import MAX_WORD
from records.model.values import MAX_ID
from records.operations.accounts import LOCAL, NewAccount, add_account
from records.operations.methods import METHODS
from records.operations.sessions import OUTCOMES_KEPT
from records.operations.warnings import Code
from records.server.conversation import Conversation
from records.server.protocol import Deadlines
from records.test.auth.hashing_case import PlainHasher, Threads
from records.test.document import HEADING, document, section, table
from records.testing import Counting, FakeTime, InlineStore, sqlite_backend
from records.tls.keys import KeyFiles

SESSIONS = accounts.SessionLimits()
LIMITS = messages.Limits(
    session_idle_seconds=SESSIONS.idle, session_lifetime_seconds=SESSIONS.lifetime
)

BLOCK = re.compile(r"^```rpc ?(?P<place>\w*)\n(?P<lines>.*?)^```$", re.M | re.S)
PLACEHOLDER = re.compile(r"<([a-z-]+)>")
PASSING = re.compile(r"^-- ([0-9]+) seconds? pass(?:es)?$")

encode = msgspec.json.Encoder(order="deterministic").encode


def steps(block: str) -> Iterator[tuple[str, str]]:
    """The steps of an example, each with its mark; what is broken into lines is put together."""
    for step in re.split(r"^(?! )", block, flags=re.M):
        if step.strip():
            mark, text = step.split(maxsplit=1)
            yield mark, " ".join(line.strip() for line in text.splitlines())


def in_order(value: object) -> str:
    """A value as JSON whose members are sorted."""
    return msgspec.json.encode(value, order="sorted").decode()


class End:
    """The other end of a connection, which keeps what it is sent."""

    def __init__(self, services: Services) -> None:
        self.unread: list[bytes] = []
        self.conversation = Conversation(Gateway(services), self, "192.0.2.1")

    def send(self, line: bytes) -> None:
        """See `records.server.conversation.Peer`."""
        self.unread.append(line)

    def settled(self) -> None:
        """See `records.server.conversation.Peer`."""


class StoryTests(SynchronousTestCase):
    """The examples, in order, on a daemon that has just been made."""

    def setUp(self) -> None:
        folder = Path(self.mktemp())
        folder.mkdir()
        self.time, self.reactor = FakeTime(), Clock()
        self.hasher = PlainHasher()
        database, password = open_database(
            Places(folder, KeyFiles(folder)), sqlite_backend(self.time), self.hasher, Counting()
        )
        self.store = InlineStore(database)
        self.addCleanup(self.store.close)
        self.named: dict[str, object] = {"first-password": password}
        self.ends: dict[str, End] = {}
        queue, numbers = HashingQueue(Threads().run), count(1)
        passwords = Passwords(
            self.reactor, self.store, self.hasher, queue, throttle.Throttle(), lambda username: None
        )
        self.services = Services(
            self.store,
            make_portal(self.store, passwords),
            passwords,
            SESSIONS,
            messages.ServerInfo("records", records.__version__, messages.PROTOCOL, LIMITS),
            rate_limit.RateLimit(),
            self.reactor.seconds,
            partial(deferLater, self.reactor),
            lambda: f"token {next(numbers)}",
        )

    def filled(self, wanted: Any, found: Any) -> Any:
        """An answer as the document has it, with what was found in place of its placeholders."""
        if isinstance(wanted, dict):
            given = found if isinstance(found, dict) else {}
            # An employee is shown without some of its blank fields.
            blank = {name for name, each in given.items() if each is None and "revision" in wanted}
            left_out = dict.fromkeys(blank - wanted.keys())
            told = {name: self.filled(each, given.get(name)) for name, each in wanted.items()}
            return told | left_out
        if isinstance(wanted, list) and isinstance(found, list) and len(wanted) == len(found):
            return [self.filled(*pair) for pair in zip(wanted, found, strict=True)]
        name = PLACEHOLDER.fullmatch(wanted) if isinstance(wanted, str) else None
        if name is None:
            return wanted
        return found if name[1] == "any" else self.named.setdefault(name[1], found)

    def play(self, end: End, mark: str, text: str) -> None:
        """Do one step of an example."""
        if mark == "->":
            sent = re.sub(
                f'"{PLACEHOLDER.pattern}"', lambda m: encode(self.named[m[1]]).decode(), text
            )
            end.conversation.receive(sent.encode())
        elif mark == "<-":
            self.assertTrue(end.unread, f"no answer came, but should: {text}")
            found = msgspec.json.decode(end.unread.pop(0))
            wanted = self.filled(msgspec.json.decode(text), found)
            self.assertEqual(in_order(wanted), in_order(found))
        elif mark == "$":
            self.administer(text)
        else:
            (seconds,) = PASSING.findall(f"{mark} {text}")
            self.time.advance(int(seconds))
            self.reactor.advance(int(seconds))

    def administer(self, command: str) -> None:
        """Add an account as `records.admin` does; what it would show is named NAME-password."""
        words = shlex.split(command)
        self.assertEqual(words[:4], ["python", "-m", "records.admin", "add"])
        asked = parse_options(words[3:])
        password = self.named[f"{asked.username}-password"] = f"first password of {asked.username}"
        hashed = self.hasher.hash(password)
        new = NewAccount(asked.username, asked.roles, hashed, asked.employee)
        self.store.do(add_account, LOCAL, new)

    def test_examples(self) -> None:
        """Every request is answered as the document says, and nothing else is."""
        for block in BLOCK.finditer(document()):
            place = block["place"]
            end = self.ends.setdefault(place, End(self.services))
            for mark, text in steps(block["lines"]):
                self.play(end, mark, text)
            self.assertEqual(end.unread, [], block["lines"])
        self.assertGreater(len(self.ends), 1)

    def test_every_method_and_reason(self) -> None:
        """There is an example of each method, and of each error that can be had by asking."""
        played = "".join(block["lines"] for block in BLOCK.finditer(document()))
        at_will = set(BY_REASON) - {each.reason for each in (InternalError, Busy, OutcomeUnknown)}
        for sought in [f'"method": "{name}"' for name in METHODS]:
            self.assertIn(sought, played)
        for sought in at_will:
            self.assertRegex(played, f'"reason":\\s+"{sought}"')


def longest(kind: type[msgspec.Struct], field: str) -> int:
    """The greatest length that a member of some params may have."""
    properties = msgspec.json.schema(kind)["$defs"][kind.__name__]["properties"]
    (found,) = re.findall(rb'"max(?:Length|Items|Properties)":([0-9]+)', encode(properties[field]))
    return int(found)


class TablesTests(SynchronousTestCase):
    """What the document lists is what the code has, no more and no less."""

    def test_methods(self) -> None:
        """Each method has a section of its own, with its params and which may be left out."""
        titles = [each["title"] for each in HEADING.finditer(document())]
        self.assertEqual(
            [title for title in titles if title.startswith("`")], [f"`{name}`" for name in METHODS]
        )
        for name, method in METHODS.items():
            fields = msgspec.structs.fields(method.decode.type)
            told = [(row[0], "optional" in row[1]) for row in table(f"`{name}`", "params")]
            self.assertEqual(
                told, [(field.encode_name, not field.required) for field in fields], name
            )

    def test_fields(self) -> None:
        """Every field, with its class, what sort of value it holds, its rule, and its mask."""
        told = [tuple(row) for row in table("Fields", "field")]
        masks = {f.name: f.mask("536-90-4399") if f.masked else "" for f in STANDARD}
        self.assertEqual(
            told,
            [(f.name, f.field_class.value, f.kind.value, f.rule, masks[f.name]) for f in STANDARD],
        )

    def test_described_field(self) -> None:
        """The field shown under `server.fields` is described as it is there."""
        (shown,) = re.findall(r"^```json\n(.*?)^```", section("`server.fields`"), re.M | re.S)
        described = msgspec.to_builtins(messages.describe(STANDARD).fields)
        self.assertIn(msgspec.json.decode(shown), msgspec.json.decode(encode(described)))

    def test_errors(self) -> None:
        """Every error's code and reason, in the order of the code's own list."""
        told = [(int(row[0]), row[1]) for row in table("Errors", "code")]
        self.assertEqual(told, [(kind.code, kind.reason) for kind in BY_REASON.values()])

    def test_roles(self) -> None:
        """Every permission that there is, and how far each role has it."""
        granted = frozenset[Grant]().union(*ROLES.values())
        expected = set()
        for action, kind in {(grant.action, grant.field_class) for grant in granted}:
            reach = {
                role: [s.value for s in Scope if Grant(action, kind, s) in ROLES[role]]
                for role in Role
            }
            widest = [(scopes or [""])[0] for scopes in reach.values()]
            expected.add((action.value, kind.value if kind else "", *widest))
        rows = [tuple(row) for row in table("Permissions and roles", "action")]
        self.assertEqual((set(rows), len(rows)), (expected, len(expected)))
        heading = f"| action | class | {' | '.join(role.value for role in Role)} |"
        self.assertIn(heading, section("Permissions and roles"))

    def test_warnings(self) -> None:
        """Every code of a warning."""
        told = [row[0] for row in table("Warnings", "code")]
        self.assertEqual(told, [each.value for each in Code])

    def test_operators(self) -> None:
        """Every operator of `where`."""
        told = [row[0] for row in table("Choosing", "operator")]
        self.assertEqual(told, [each.value for each in query.Operator])

    def test_deadlines(self) -> None:
        """Every deadline and its seconds."""
        told = {row[0]: float(row[1]) for row in table("Deadlines", "deadline")}
        self.assertEqual(told, msgspec.structs.asdict(Deadlines()))

    def test_limits(self) -> None:
        """Every limit and its number."""
        told = {row[0]: int(row[1].replace(" ", "")) for row in table("Limits", "limit")}
        info = {f"limits.{n}": value for n, value in msgspec.structs.asdict(LIMITS).items()}
        self.assertEqual(
            told,
            info
            | {
                "default page": messages.DEFAULT_PAGE,
                "id of a request": wire.MAX_ID_LENGTH,
                "Employee ID": MAX_ID,
                "revision": MAX_ID,
                "key": longest(messages.AddParams, "key"),
                "username": longest(messages.LoginParams, "username"),
                "username of an account": accounts.MAX_USERNAME,
                "password or token": longest(messages.ResumeParams, "token"),
                "shortest new password": accounts.MIN_PASSWORD,
                "longest new password": accounts.MAX_PASSWORD,
                "reveal": longest(messages.GetParams, "reveal"),
                "search": longest(messages.ListParams, "search"),
                "words of a search": query.MAX_WORDS,
                "letters of a word": MAX_WORD,
                "where": longest(messages.ListParams, "where"),
                "values of in": query.MAX_CHOICES,
                "sort": longest(messages.ListParams, "sort"),
                "cursor": messages.MAX_CURSOR,
                "employee or changes": longest(messages.UpdateParams, "changes"),
                "kept outcome": OUTCOMES_KEPT,
                "connections": Settings(Places(Path(), KeyFiles(Path())), ()).max_connections,
            },
        )

    def test_backoff(self) -> None:
        """How many failed logins are free, and how long the waits get."""
        kinds = (throttle.PAIR, throttle.SOURCE, throttle.ACCOUNT)
        told = [(int(row[1]), float(row[2])) for row in table("Errors", "failures of")]
        self.assertEqual(told, [(kind.free, kind.longest) for kind in kinds])
        forgotten = f"forgotten {throttle.FORGET_AFTER / 60:.0f} minutes after the last one"
        self.assertIn(forgotten, " ".join(section("Errors").split()))
