"""`python -m records.client.manual`: the manual page records(1), made from the help."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Collection, Iterator

from records import __version__
from records.client.arguments import make_parser


def page(parser: argparse.ArgumentParser) -> str:
    """The manual page in the macros of man(7)."""
    lines = [
        f'.TH RECORDS 1 "" "records {__version__}"',
        ".SH NAME",
        "records \\- employee records, by a menu or by commands",
        ".SH SYNOPSIS",
        f".B {_text(parser.prog)}",
        "[OPTION]... [COMMAND [ARGUMENT]...]",
        ".SH DESCRIPTION",
        _text(parser.description or ""),
        ".PP",
        _text(" ".join((parser.epilog or "").split())),
        ".SH OPTIONS",
        *_options(parser, frozenset()),
        ".SH COMMANDS",
        *_commands(parser, frozenset(each.dest for each in parser._actions)),
        ".SH EXIT STATUS",
        "0 if all was done; docs/cli.md has the others.",
    ]
    return "\n".join(lines) + "\n"


def _commands(parser: argparse.ArgumentParser, shared: Collection[str]) -> Iterator[str]:
    """Each command that does something, with its arguments and options.

    shared: the options that stand with every command.
    """
    for action in parser._actions:
        if not isinstance(action, argparse._SubParsersAction):
            continue
        for child in action.choices.values():
            if any(isinstance(each, argparse._SubParsersAction) for each in child._actions):
                yield from _commands(child, shared)
                continue
            yield f".SS {_text(child.prog)}"
            yield _text(child.description or "")
            yield from _options(child, shared)
            if child.epilog:
                yield ".PP"
                yield _text(" ".join(child.epilog.split()))


def _options(parser: argparse.ArgumentParser, shared: Collection[str]) -> Iterator[str]:
    """The options and arguments of a parser, but for the shared ones."""
    for action in parser._actions:
        is_command = isinstance(action, argparse._SubParsersAction | argparse._HelpAction)
        if action.dest in shared or is_command:
            continue
        names = ", ".join(action.option_strings) or _value(action)
        value = _value(action) if action.option_strings and action.nargs != 0 else ""
        yield ".TP"
        yield f".B {_text(f'{names} {value}'.strip())}"
        yield _text(str(action.help or "").replace("%(prog)s", "records"))


def _value(action: argparse.Action) -> str:
    if action.metavar is None and action.choices is not None:
        return "{" + ",".join(map(str, action.choices)) + "}"
    return str(action.metavar or action.dest.upper())


def _text(text: str) -> str:
    """Text that roff(7) shows as it is."""
    safe = text.replace("\\", "\\e").replace("-", "\\-")
    return f"\\&{safe}" if safe[:1] in (".", "'") else safe


if __name__ == "__main__":
    sys.stdout.write(page(make_parser()))
