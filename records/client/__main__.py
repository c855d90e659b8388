"""`python -m records.client`, and the command `records`."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from records.client.arguments import make_parser, parse_options

ASK = "__complete"
"""The first word of the command line when a shell asks what may come next."""


def main(argv: Sequence[str] | None = None) -> None:
    """Run the client, and exit."""
    words = sys.argv[1:] if argv is None else argv
    if list(words[:1]) == [ASK]:
        from records.client.completion import candidates  # noqa: PLC0415
        from records.client.kept_session import kept_fields  # noqa: PLC0415

        print("\n".join(candidates(make_parser(), words[1:], kept_fields(os.environ))))
        return
    options = parse_options(words, os.environ)
    if options.command == "completion":
        from records.client.completion import SCRIPTS  # noqa: PLC0415

        print(SCRIPTS[options.shell], end="")
        return
    # Imported here, so that --help and wrong usage are answered at once.
    from records.client.program import start  # noqa: PLC0415

    sys.exit(start(options))


if __name__ == "__main__":
    main()
