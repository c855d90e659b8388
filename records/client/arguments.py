"""The command line of the client: its options and commands. Exits with 2 if it is wrong."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from records import __version__
from records.client.profiles import NAMES, WrongProfile, find_profile

Parser = argparse.ArgumentParser
MAX_PORT = 65535
_EPILOG = """\
Without a command the client shows a menu on a terminal; with input or output piped it reads plain
lines, one for each question, and exits with 1 if something failed. The daemon's certificate is
always verified, by the authority in the --ca file and by the name given with --host."""

_WHO = "an Employee ID, an employee number, an e-mail address or a name; #12 is an ID only"
_ASSIGNMENT = (
    "such as title='Chief engineer' or hire_date=+2w; nothing after the = clears the field"
)


def _port(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= MAX_PORT:
        raise argparse.ArgumentTypeError(f"a port is a whole number from 1 to {MAX_PORT}")
    return int(text)


def _region(text: str) -> str:
    # Imported here: the numbers of all countries take a tenth of a second to load.
    from records.model.values import REGIONS  # noqa: PLC0415

    if text.upper() not in REGIONS:
        raise argparse.ArgumentTypeError("a region is a country's ISO 3166 code, such as US or DE")
    return text.upper()


def _descriptor(text: str) -> int:
    if not text.isdecimal() or int(text) >= 2**31:
        raise argparse.ArgumentTypeError("a file descriptor is a whole number from 0")
    return int(text)


def _count(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError("a limit is a whole number from 1")
    return int(text)


def is_text(given: str) -> bool:
    """Whether what the system gave is text, not bytes in another encoding than UTF-8."""
    return not any("\ud800" <= character <= "\udfff" for character in given)


def _who(text: str) -> str:
    if not text.strip():
        raise argparse.ArgumentTypeError(f"name an employee by {_WHO}")
    return text


def _assignment(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        raise argparse.ArgumentTypeError(f"{text!r} is not FIELD=VALUE, such as title=Chief")
    return name.strip(), value.strip()


def _connection_options(*, are_defaults: bool) -> argparse.ArgumentParser:
    """The options that may stand before or after the command.

    are_defaults: whether those that are not given get their defaults.
    """
    defaults: dict[str, object] = {
        **dict.fromkeys(("host", "port", "ca", "user", "region", "profile", "password_fd")),
        **dict.fromkeys(("json", "csv", "table", "plain"), False),
    }
    parser = argparse.ArgumentParser(add_help=False, argument_default=argparse.SUPPRESS)
    group = parser.add_argument_group("connection and output")
    group.add_argument("--host", help="where the daemon listens (default: localhost)")
    group.add_argument("--port", type=_port, help="on which TCP port it listens (default: 7443)")
    group.add_argument(
        "--ca",
        type=Path,
        metavar="FILE",
        help="the certificate authority that the daemon is known by (default: keys/ca.crt)",
    )
    group.add_argument("--user", metavar="NAME", help="who logs in; the menu asks if not given")
    group.add_argument(
        "--region",
        type=_region,
        metavar="CODE",
        help="the country whose forms of dates, amounts and phone numbers you type, such as DE "
        "(default: the daemon's)",
    )
    group.add_argument(
        "--password-fd",
        type=_descriptor,
        metavar="N",
        help="the file descriptor from which a command reads the password; otherwise it is in the "
        "environment variable RECORDS_PASSWORD",
    )
    group.add_argument(
        "--profile",
        metavar="NAME",
        help="a profile of $XDG_CONFIG_HOME/records/config.toml, which says the options above",
    )
    group.add_argument("--json", action="store_true", help="print JSON, errors too")
    group.add_argument("--csv", action="store_true", help="print CSV, for employee list")
    group.add_argument("--table", action="store_true", help="print text for people (the default)")
    group.add_argument(
        "--plain", action="store_true", help="no lines, colours or progress, for screen readers"
    )
    if are_defaults:
        parser.set_defaults(**defaults)
    return parser


_DEFAULTS = {"host": "localhost", "port": "7443", "ca": "keys/ca.crt"}


def _settle(parser: Parser, options: argparse.Namespace, environment: Mapping[str, str]) -> None:
    """Put what the profile says, or else the defaults, in place of options that are not given."""
    try:
        options.profile, profile = find_profile(options.profile, environment)
    except WrongProfile as reason:
        parser.error(str(reason))
    types = {"port": _port, "region": _region, "ca": lambda text: Path(text).expanduser()}
    for name in NAMES:
        said = getattr(profile, name)
        text = _DEFAULTS.get(name) if said is None else str(said)
        if getattr(options, name) is None and text is not None:
            try:
                setattr(options, name, types.get(name, str)(text))
            except argparse.ArgumentTypeError as reason:
                parser.error(f"profile {options.profile}, {name}: {reason}")


def parse_options(
    argv: Sequence[str], environment: Mapping[str, str] | None = None
) -> argparse.Namespace:
    """The command line. `command` is None for the menu, otherwise such as "employee get".

    environment: where profiles are sought; None for no profiles.
    """
    parser = make_parser()
    if not all(map(is_text, argv)):
        parser.error("an argument is not in UTF-8")
    options = parser.parse_args(list(_with_signs(argv)))
    if environment is None:
        environment = {"XDG_CONFIG_HOME": "/nonexistent"}
    _settle(parser, options, environment)
    chosen = [name for name in ("json", "csv", "table") if getattr(options, name)]
    if len(chosen) > 1:
        parser.error(f"--{chosen[0]} and --{chosen[1]} exclude each other")
    if options.csv and options.command != "employee list":
        parser.error("--csv is for records employee list; records export writes CSV to a file")
    if options.command == "import":
        _check_import(parser, options)
    return options


def make_parser() -> Parser:
    """The parser of the whole command line."""
    parser = argparse.ArgumentParser(
        prog="records",
        description="Find, show, add, change and delete employee records.",
        epilog=_EPILOG,
        parents=[_connection_options(are_defaults=True)],
    )
    parser.add_argument("--version", action="version", version=f"records {__version__}")
    parser.set_defaults(command=None)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    shared = _connection_options(are_defaults=False)

    def add(
        within: argparse._SubParsersAction[argparse.ArgumentParser],
        name: str,
        command: str,
        what: str,
    ) -> argparse.ArgumentParser:
        made = within.add_parser(name, help=what, description=what, parents=[shared])
        made.set_defaults(command=command)
        return made

    employee = commands.add_parser("employee", help="employees: get, list, add, update, delete")
    actions = employee.add_subparsers(title="commands", metavar="COMMAND", required=True)
    get = add(actions, "get", "employee get", "Show an employee.")
    get.add_argument("who", metavar="EMPLOYEE", type=_who, help=_WHO)
    get.add_argument("--reveal", metavar="FIELD,...", default="", help="show these unmasked")
    listing = add(actions, "list", "employee list", "List employees.")
    _add_choice(listing)
    listing.add_argument("--limit", type=_count, metavar="N", help="at most so many employees")
    adding = add(actions, "add", "employee add", "Add an employee.")
    updating = add(actions, "update", "employee update", "Change some fields of an employee.")
    updating.add_argument("who", metavar="EMPLOYEE", type=_who, help=_WHO)
    for each in (adding, updating):
        each.add_argument(
            "values", metavar="FIELD=VALUE", nargs="+", type=_assignment, help=_ASSIGNMENT
        )
        each.add_argument("--check", action="store_true", help="check everything, change nothing")
    deleting = add(actions, "delete", "employee delete", "Delete an employee.")
    deleting.add_argument("who", metavar="EMPLOYEE", type=_who, help=_WHO)
    deleting.add_argument("--yes", action="store_true", required=True, help="confirms it")
    _add_import(add, commands)
    exporting = add(commands, "export", "export", "Write employees to a file, masked.")
    exporting.add_argument(
        "file", metavar="FILE", type=Path, help="a file whose name ends in .csv, .xlsx or .jsonl"
    )
    exporting.add_argument("--format", choices=("csv", "xlsx", "jsonl"), help="if the name differs")
    exporting.add_argument("--excel", action="store_true", help="CSV as Excel reads it in Europe")
    exporting.add_argument("--yes", action="store_true", help="overwrite the file if it exists")
    exporting.add_argument(
        "--reveal", metavar="FIELD,...", default="", help="write these unmasked; it is recorded"
    )
    _add_choice(exporting)
    _add_fields(add, commands)
    server = commands.add_parser("server", help="the daemon: info")
    described = server.add_subparsers(title="commands", metavar="COMMAND", required=True)
    add(described, "info", "server info", "Show what the daemon is. Needs no login.")
    add(commands, "whoami", "whoami", "Show the user and the roles.")
    add(commands, "login", "login", "Log in, and keep the session for the next commands.")
    add(commands, "logout", "logout", "End the kept session.")
    completing = add(commands, "completion", "completion", "Print what a shell needs to complete.")
    completing.add_argument("shell", choices=("bash", "zsh", "fish"))
    return parser


def _add_choice(parser: Parser) -> None:
    """The options that choose employees and fields."""
    parser.add_argument("--search", metavar="WORDS", default="", help="words to find")
    parser.add_argument(
        "--where",
        metavar="CONDITION",
        action="append",
        default=[],
        help="such as department=R&D, hire_date>=2020-01-01, title~engineer (contains), or "
        "location= (blank); all hold",
    )
    parser.add_argument("--sort", metavar="FIELD", help="name or a field; -FIELD reverses")
    parser.add_argument("--fields", metavar="FIELD,...", default="", help="only these fields")


_Adds = Callable[["argparse._SubParsersAction[argparse.ArgumentParser]", str, str, str], Parser]


def _add_fields(add: _Adds, commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """`records field`. The daemon checks what types, classes and formats there are."""
    field = commands.add_parser("field", help="the company's own fields: list, add, update, retire")
    actions = field.add_subparsers(title="commands", metavar="COMMAND", required=True)
    listing = add(actions, "list", "field list", "List the company's own fields.")
    listing.add_argument("--retired", action="store_true", help="those out of use as well")
    adding = add(actions, "add", "field add", "Add a field that all employees have from then on.")
    updating = add(actions, "update", "field update", "Change what a field is called and may hold.")
    retiring = add(actions, "retire", "field retire", "Take a field out of use; its values stay.")
    for each in (adding, updating, retiring):
        each.add_argument("name", metavar="NAME", help="such as shirt_size")
    adding.add_argument(
        "--type",
        required=True,
        help="text, number, date, choice, boolean, email, phone, money, reference (an employee) "
        "or identifier",
    )
    adding.add_argument(
        "--format", default="", help="of an identifier, such as iban, de.idnr, gb.nino or fr.nir"
    )
    for each in (adding, updating):
        each.add_argument("--label", help="the name for people, such as 'Shirt size'")
        each.add_argument(
            "--class",
            dest="field_class",
            required=each is adding,
            help="who sees it: directory, personal, pay or identity",
        )
        each.add_argument("--rule", help="what a value looks like, in words")
        each.add_argument("--max-length", type=_count, metavar="N", help="characters of a text")
        each.add_argument(
            "--choices",
            type=lambda text: [name.strip() for name in text.split(",") if name.strip()],
            metavar="A,B,...",
            help="all choices, with commas between",
        )
        for name, what in (
            ("required", "a new employee must have a value"),
            ("unique", "no two employees may have the same value"),
        ):
            each.add_argument(f"--{name}", action=argparse.BooleanOptionalAction, help=what)
        each.add_argument("--mask", help="all or last4, for the classes pay and identity")
    updating.add_argument("--in-use", action="store_true", help="take a retired field back")
    retiring.add_argument("--yes", action="store_true", required=True, help="confirms it")


_IMPORT = """\
See the plan first, then apply it with --yes. What can be read in two ways is never guessed; the
message says which option decides."""


def _add_import(add: _Adds, commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = add(commands, "import", "import", "Add and change many employees from a file.")
    parser.epilog = _IMPORT
    parser.add_argument(
        "what",
        metavar="FILE|list|undo|discard",
        help="a CSV, TSV, XLSX, ODS or JSON lines file, or an employee.db; or list your imports, "
        "undo one that was applied, discard one",
    )
    parser.add_argument(
        "number", metavar="N", nargs="?", type=_count, help="the import to undo or discard"
    )
    done = parser.add_mutually_exclusive_group()
    done.add_argument("--plan", action="store_true", help="show what would be done, change nothing")
    done.add_argument("--yes", action="store_true", help="plan, and apply the plan")
    parser.add_argument(
        "--map",
        metavar="COLUMN=FIELD",
        action="append",
        default=[],
        type=_mapped,
        help="which field a column holds; nothing after the = leaves it out",
    )
    parser.add_argument("--dates", choices=("dmy", "mdy", "ymd"), help="the order in dates")
    parser.add_argument("--decimal", choices=(".", ","), help="the decimal mark of amounts")
    parser.add_argument("--encoding", metavar="NAME", help="such as utf-8 or cp1252")
    parser.add_argument("--sheet", metavar="NAME", help="the sheet of a workbook")
    parser.add_argument("--format", metavar="NAME", help="such as csv, if the name does not tell")
    parser.add_argument(
        "--match-by",
        metavar="FIELD,...",
        type=lambda text: [name.strip() for name in text.split(",") if name.strip()],
        default=[],
        help="how employees are recognized (default: id,employee_number,ssn,email)",
    )
    parser.add_argument(
        "--save-as", metavar="NAME", help="remember these options for the next file of this kind"
    )
    parser.add_argument("--like", metavar="NAME", help="take the options that were remembered so")
    parser.add_argument(
        "--blank-clears", action="store_true", help="a blank cell clears the employee's field"
    )
    parser.add_argument(
        "--skip-refused", action="store_true", help="apply the other rows if some are refused"
    )
    parser.add_argument(
        "--refused", metavar="FILE", type=Path, help="write the refused rows here, with reasons"
    )
    parser.add_argument(
        "--expect",
        metavar="NAME=COUNT",
        action="append",
        default=[],
        type=_expected,
        help="confirm a large change, such as end=12",
    )


def _mapped(text: str) -> tuple[str, str]:
    header, equals, name = text.rpartition("=")
    if not equals or not header.strip():
        raise argparse.ArgumentTypeError(f"{text!r} is not COLUMN=FIELD, such as Badge=ssn")
    return header.strip(), name.strip()


def _expected(text: str) -> tuple[str, int]:
    name, _, count = text.partition("=")
    if name not in ("end", "pay") or not count.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not end=COUNT or pay=COUNT")
    return name, int(count)


def _check_import(parser: Parser, options: argparse.Namespace) -> None:
    """What argparse cannot tell of `records import`."""
    if options.what in ("undo", "discard"):
        if options.number is None:
            parser.error(f"{options.what} which import? records import list shows them")
    elif options.number is not None:
        parser.error(f"{options.what} takes no number")
    elif options.what != "list" and not (options.plan or options.yes):
        parser.error("add --plan to see what would be done, or --yes to do it")


def _with_signs(argv: Sequence[str]) -> Iterator[str]:
    """The arguments, in which -FIELD after --sort is its value. argparse takes it for an option."""
    arguments = iter(argv)
    for each in arguments:
        yield each if each != "--sort" else f"--sort={next(arguments, '')}"
