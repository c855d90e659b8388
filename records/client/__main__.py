"""`python -m records.client`, and the command `records`."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from records.client.arguments import parse_options


def main(argv: Sequence[str] | None = None) -> None:
    """Run the client, and exit."""
    options = parse_options(sys.argv[1:] if argv is None else argv, os.environ)
    # Imported here, so that --help and wrong usage are answered at once.
    from records.client.program import start  # noqa: PLC0415

    sys.exit(start(options))


if __name__ == "__main__":
    main()
