"""`python -m records.client`: puts the client together, and starts and ends it.

Owns the command line, the choice between terminal and plain lines, and the exit code: 0 done, 1
something failed, 2 wrong usage.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import termios
import uuid
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import date
from functools import partial
from pathlib import Path
from typing import Protocol, cast

from twisted.internet import stdio
from twisted.internet.base import ReactorBase
from twisted.internet.defer import Deferred
from twisted.internet.error import ReactorNotRunning
from twisted.internet.interfaces import IProtocol, ITransport
from twisted.internet.task import deferLater
from twisted.python.failure import Failure

from records import __version__
from records.client.connection import Connection
from records.client.conversation import converse
from records.client.dial import dial_tls
from records.client.dialogue import Dialogue
from records.client.failures import Place
from records.client.plain import PlainLines, PlainScreen
from records.client.screen import Screen
from records.client.terminal import TerminalScreen, kept_modes, raw, terminal_size
from records.model.values import REGIONS

STDIN, STDOUT = 0, 1
MAX_PORT = 65535
_EPILOG = """\
The daemon's certificate is always verified, by the authority in the --ca file and by the name
given with --host. On a terminal the client shows a menu; with input or output piped it reads
plain lines, one for each question, and exits with 1 if something failed."""


def _port(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= MAX_PORT:
        raise argparse.ArgumentTypeError(f"a port is a whole number from 1 to {MAX_PORT}")
    return int(text)


def _region(text: str) -> str:
    if text.upper() not in REGIONS:
        raise argparse.ArgumentTypeError("a region is a country's ISO 3166 code, such as US or DE")
    return text.upper()


def parse_options(argv: Sequence[str]) -> argparse.Namespace:
    """The command line. Exits with 2 if it is wrong."""
    parser = argparse.ArgumentParser(
        prog="records",
        description="Find, show, add, change and delete employee records.",
        epilog=_EPILOG,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--host", default="localhost", help="where the daemon listens")
    parser.add_argument("--port", default=7443, type=_port, help="on which TCP port it listens")
    parser.add_argument(
        "--ca",
        default=Path("keys/ca.crt"),
        type=Path,
        metavar="FILE",
        help="the certificate authority that the daemon is known by",
    )
    parser.add_argument("--user", metavar="NAME", help="who logs in; asked for if not given")
    parser.add_argument(
        "--region",
        type=_region,
        metavar="CODE",
        help="the country whose forms of dates, amounts and phone numbers you type, such as DE; "
        "without it that of the daemon",
    )
    parser.add_argument("--version", action="version", version=f"records {__version__}")
    return parser.parse_args(argv)


def set_echo(descriptor: int, shown: bool) -> None:
    """Show or hide what is typed on a terminal. Does nothing without a terminal."""
    if os.isatty(descriptor):
        modes = termios.tcgetattr(descriptor)
        modes[3] = modes[3] | termios.ECHO if shown else modes[3] & ~termios.ECHO
        termios.tcsetattr(descriptor, termios.TCSADRAIN, modes)


class StdioScreen(Screen, Protocol):
    """A screen that reads standard input and writes standard output.

    protocol: to be connected to both. closed: fires when both are released. failed: whether
    anything failed.
    """

    @property
    def protocol(self) -> IProtocol: ...

    @property
    def closed(self) -> Deferred[None]: ...

    @property
    def failed(self) -> bool: ...


def _on_terminal() -> StdioScreen:
    return TerminalScreen(lambda: terminal_size(STDOUT), colour="NO_COLOR" not in os.environ)


def _in_lines() -> StdioScreen:
    return PlainScreen(PlainLines(partial(set_echo, STDIN)))


def run(
    options: argparse.Namespace,
    reactor: ReactorBase,
    screen: StdioScreen,
    attach: Callable[[IProtocol], ITransport],
) -> bool:
    """Run the client until the user or the script leaves, or a signal ends it.

    attach: connects a protocol to standard input and output, once the reactor runs. Returns whether
    nothing failed. Raises only faults of this program.
    """
    place = Place(options.host, options.port, options.ca)
    connection = Connection(dial_tls(reactor, place), reactor, screen.show)
    dialogue = Dialogue(
        screen, connection, lambda: str(uuid.uuid4()), date.today, region=options.region
    )
    outcome: list[bool | Failure] = []

    async def talk() -> bool:
        transport = attach(screen.protocol)
        good = await converse(dialogue, options.user)
        transport.loseConnection()
        await screen.closed
        return good and not screen.failed

    def ended(result: bool | Failure) -> None:
        outcome.append(result)
        with suppress(ReactorNotRunning):  # a signal is stopping it already
            reactor.stop()

    async def leave() -> None:
        if not outcome:  # a signal ended it
            outcome.append(False)
            await connection.leave()
            # The connection has just sent its last line, and must not be closed from within that
            # call.
            await deferLater(reactor, 0)

    reactor.callWhenRunning(lambda: Deferred.fromCoroutine(talk()).addBoth(ended))
    reactor.addSystemEventTrigger("before", "shutdown", lambda: Deferred.fromCoroutine(leave()))
    reactor.run()
    first = outcome[0]
    if isinstance(first, Failure):
        first.raiseException()
    return first is True


def main(argv: Sequence[str] | None = None) -> None:
    """Run the client, and exit."""
    options = parse_options(sys.argv[1:] if argv is None else argv)
    # Imported here, because importing it installs it, and only a real run needs it.
    from twisted.internet import reactor  # noqa: PLC0415

    running = cast(ReactorBase, reactor)
    on_terminal = os.isatty(STDIN) and os.isatty(STDOUT)

    def attach(protocol: IProtocol) -> ITransport:
        if on_terminal:
            raw(STDIN)
        return stdio.StandardIO(protocol, reactor=reactor)

    # The reactor handles SIGTERM and SIGINT. A terminal that is closed ends the client, too.
    signal.signal(signal.SIGHUP, lambda *_: running.callFromThread(running.stop))
    with kept_modes(STDIN, STDOUT):
        good = run(options, running, _on_terminal() if on_terminal else _in_lines(), attach)
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
