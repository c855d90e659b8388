"""Completion of the command line in bash, zsh and fish: commands, options, fields and choices.

The shell asks this program what may come next, with the words so far, so one answer serves all of
them.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator, Mapping, Sequence

SCRIPTS = {
    "bash": """\
_records() {
    local IFS=$'\\n'
    COMPREPLY=( $(records __complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null) )
    [[ ${COMPREPLY[0]-} == *= ]] && compopt -o nospace
}
complete -o bashdefault -o default -F _records records
""",
    "zsh": """\
#compdef records
_records() {
    local -a found
    found=( ${(f)"$(records __complete "${(@)words[2,CURRENT]}" 2>/dev/null)"} )
    if (( $#found )); then compadd -Q -S '' -a found; else _files; fi
}
compdef _records records
""",
    "fish": """\
function __records
    records __complete (commandline -opc)[2..] (commandline -ct) 2>/dev/null
end
complete -c records -f -a '(__records)'
""",
}
"""What each shell reads once, such as by `eval "$(records completion bash)"`."""

Fields = Mapping[str, Sequence[str]]

_FIELD_LISTS = frozenset({"reveal", "fields"})


def candidates(parser: argparse.ArgumentParser, words: Sequence[str], fields: Fields) -> list[str]:
    """What may stand in the place of the last word, which may be blank or begun.

    fields: those of the daemon, as they were at the last `records login`, with their choices.
    """
    *before, last = words or ("",)
    command = ""
    previous = ""
    for word in before:
        within = _commands(parser).get(word)
        if within is not None and not previous:
            parser, command = within, word
        action = parser._option_string_actions.get(word)
        previous = word if action is not None and action.nargs != 0 else ""
    return sorted(
        {each for each in _possible(parser, command, previous, last, fields) if each != last}
    )


def _commands(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            return dict(action.choices)
    return {}


def _possible(
    parser: argparse.ArgumentParser, command: str, previous: str, last: str, fields: Fields
) -> Iterator[str]:
    if previous:
        yield from _values(parser._option_string_actions[previous], last, fields)
    elif last.startswith("-"):
        yield from _begun(parser._option_string_actions, last)
    elif "=" in last:
        name, _, begun = last.partition("=")
        if command in ("add", "update"):
            yield from (f"{name}={each}" for each in _begun(fields.get(name, ()), begun))
    else:
        yield from _begun(_commands(parser), last)
        if command in ("add", "update"):
            yield from (f"{name}=" for name in _begun(fields, last))
        if command == "import":
            yield from _begun(("list", "undo", "discard"), last)
        if command == "completion":
            yield from _begun(SCRIPTS, last)


def _values(action: argparse.Action, last: str, fields: Fields) -> Iterator[str]:
    """The values that an option takes."""
    if action.choices is not None:
        yield from _begun(map(str, action.choices), last)
    elif action.dest in _FIELD_LISTS:
        done, _, begun = last.rpartition(",")
        yield from (f"{done}{',' * bool(done)}{name}" for name in _begun(fields, begun))
    elif action.dest == "sort":
        sign = "-" * last.startswith("-")
        names = ("name", *fields)
        yield from (f"{sign}{name}" for name in _begun(names, last.removeprefix("-")))
    elif action.dest == "where":
        yield from (f"{name}=" for name in _begun(fields, last))


def _begun(words: Iterable[str], last: str) -> Iterator[str]:
    return (word for word in words if word.startswith(last))
