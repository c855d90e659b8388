"""Puts the client together, and starts and ends it: the menu, or one command.

Owns the choice between menu and command, and between terminal and plain lines. The menu exits with
0 if all was done and with 1 if something failed; commands exit as `records.client.cli.Exit` says.
"""

from __future__ import annotations

import argparse
import errno
import getpass
import io
import os
import signal
import sys
import termios
import time
import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import date
from functools import partial
from typing import Protocol, cast

from twisted.internet.base import ReactorBase
from twisted.internet.defer import Deferred
from twisted.internet.error import ReactorNotRunning
from twisted.internet.interfaces import IProtocol, ITransport
from twisted.internet.task import deferLater
from twisted.python.failure import Failure

from records.client.arguments import is_text
from records.client.cli import Command, Exit
from records.client.command_screen import Write
from records.client.connection import Connection
from records.client.conversation import converse
from records.client.dial import dial_tls
from records.client.dialogue import Dialogue
from records.client.failures import Place
from records.client.kept_session import KeptSession
from records.client.plain import WIDTH, PlainLines, PlainScreen
from records.client.progress import Progress, ProgressLine, no_progress
from records.client.screen import Screen
from records.client.terminal import TerminalScreen, kept_modes, raw, terminal_size

STDIN, STDOUT = 0, 1


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


def _on_terminal(*, plain: bool) -> StdioScreen:
    colour = "NO_COLOR" not in os.environ and not plain
    return TerminalScreen(lambda: terminal_size(STDOUT), colour=colour)


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
        screen,
        connection,
        lambda: str(uuid.uuid4()),
        date.today,
        region=options.region,
        plain=options.plain,
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


def run_command(
    options: argparse.Namespace,
    reactor: ReactorBase,
    command: Callable[[Connection], Command],
    password: str,
) -> int:
    """Run one command; the exit code. Raises only faults of this program."""
    place = Place(options.host, options.port, options.ca)
    err = error_writer()

    def tell(text: str) -> None:
        err(f"{text}\n")

    connection = Connection(dial_tls(reactor, place), reactor, tell)
    outcome: list[Exit | Failure] = []

    def ended(result: Exit | Failure) -> None:
        outcome.append(result)
        with suppress(ReactorNotRunning):  # a signal is stopping it already
            reactor.stop()

    def start() -> None:
        Deferred.fromCoroutine(command(connection).run(password)).addBoth(ended)

    reactor.callWhenRunning(start)
    reactor.run()
    if not outcome:
        return Exit.INTERRUPTED
    if isinstance(outcome[0], Failure):
        outcome[0].raiseException()
    return outcome[0]


def read_password(descriptor: int | None, environment: Mapping[str, str]) -> str:
    """The password of a command: the first line from a file descriptor, or RECORDS_PASSWORD."""
    if descriptor is None:
        password = environment.get("RECORDS_PASSWORD", "")
        if not is_text(password):
            sys.exit("records: RECORDS_PASSWORD is not in UTF-8")
        return password
    try:
        with os.fdopen(descriptor, encoding="utf-8", closefd=False) as file:
            return file.readline().rstrip("\r\n")
    except (OSError, UnicodeDecodeError):
        sys.exit(f"records: file descriptor {descriptor} has no password to read")


def ask_login(user: str | None) -> tuple[str, str]:
    """The username, if it is not known, and the password, asked for on the terminal."""
    try:
        return user or input("Username: ").strip(), getpass.getpass("Password: ")
    except (EOFError, KeyboardInterrupt):
        sys.exit(Exit.INTERRUPTED)


def error_writer() -> Write:
    """Writes to standard error, or nowhere if it is closed."""
    return io.StringIO().write if sys.stderr is None else sys.stderr.write


def write_result(text: str, code: int) -> int:
    """Write to standard output, in UTF-8 whatever the locale. Returns the exit code.

    code: the command's exit code, which stays if all is written.
    """
    try:
        if sys.stdout is None:
            raise OSError(errno.EBADF, "it is closed")
        # Not by sys.stdout, which would try again at the end of the process.
        with os.fdopen(STDOUT, "wb", closefd=False) as output:
            output.write(text.encode("utf-8"))
    except BrokenPipeError:  # such as head, which has read enough
        return Exit.NOT_WRITTEN
    except OSError as error:
        error_writer()(f"The result could not be written to standard output: {error.strerror}.\n")
        return Exit.NOT_WRITTEN
    return code


def _progress(options: argparse.Namespace) -> Progress:
    """A line on standard error, if somebody may look at it."""
    if options.json or options.plain or sys.stderr is None or not os.isatty(sys.stderr.fileno()):
        return no_progress
    return ProgressLine(error_writer(), time.monotonic)


def start(options: argparse.Namespace) -> int:
    """Run the menu or the command that the options name; the exit code."""
    # Imported here, because importing it installs it, and only a real run needs it.
    from twisted.internet import reactor  # noqa: PLC0415

    running = cast(ReactorBase, reactor)
    if options.command is not None:
        kept = KeptSession.of(options.profile, options.host, options.port, os.environ)
        password = read_password(options.password_fd, os.environ)
        if options.command == "login" and not password and os.isatty(STDIN):
            options.user, password = ask_login(options.user)
        width = terminal_size(STDOUT)[0] if os.isatty(STDOUT) else WIDTH
        result = io.StringIO()

        def command(connection: Connection) -> Command:
            return Command(
                options,
                connection,
                result.write,
                error_writer(),
                width,
                progress=_progress(options),
                kept=kept,
                environment=os.environ,
            )

        code = run_command(options, running, command, password)
        return write_result(result.getvalue(), code)
    on_terminal = os.isatty(STDIN) and os.isatty(STDOUT)

    def attach(protocol: IProtocol) -> ITransport:
        if on_terminal:
            raw(STDIN)
        from twisted.internet import stdio  # noqa: PLC0415  slow to load; only the menu needs it

        return stdio.StandardIO(protocol, reactor=reactor)

    # The reactor handles SIGTERM and SIGINT. A terminal that is closed ends the client, too.
    signal.signal(signal.SIGHUP, lambda *_: running.callFromThread(running.stop))
    with kept_modes(STDIN, STDOUT):
        screen = _on_terminal(plain=options.plain) if on_terminal else _in_lines()
        good = run(options, running, screen, attach)
    return 0 if good else 1
