"""Reads JSON lines: one object a line, with the names of fields. Knows nothing of headers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from records.client.imports.delimited import find_encoding
from records.client.imports.tables import ABSENT, Cell, RawFile, Unreadable

_SCANNED = 1000
"""Lines in which the names of fields are sought; a name that comes later is an error."""


def read_json_lines(path: Path, encoding: str | None, region: str) -> RawFile:
    """The rows of a file with one JSON object a line. Raises `Unreadable`."""
    found, decision = find_encoding(path, encoding, region)
    names: dict[str, None] = {}
    for seen, (_, each) in enumerate(_objects(path, found)):
        if seen >= _SCANNED:
            break
        names.update(dict.fromkeys(each))
    header = list(names)

    def rows() -> Iterator[tuple[int, Sequence[Cell]]]:
        yield 0, header
        for line, each in _objects(path, found):
            late = [name for name in each if name not in names]
            if late:
                raise Unreadable(
                    f"Line {line} has {late[0]}, which none of the first {_SCANNED} lines has."
                )
            yield line, [each.get(name, ABSENT) for name in header]

    return RawFile(rows, (decision,), is_named=True)


def _objects(path: Path, encoding: str) -> Iterator[tuple[int, dict[str, Cell]]]:
    with path.open(encoding=encoding) as file:
        for line, text in enumerate(file, 1):
            if not text.strip():
                continue
            try:
                found = msgspec.json.decode(text)
            except msgspec.DecodeError:
                found = None
            if not isinstance(found, dict):
                raise Unreadable(f"Line {line} is not a JSON object.")
            yield line, found
