"""Reads text files: the encoding, the delimiter, and the rows of CSV in any dialect.

An encoding is guessed only if all that may be meant give the same text. Knows nothing of headers.
"""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path

from records.client.imports.tables import (
    MAX_TITLE_ROWS,
    Cell,
    Decision,
    RawFile,
    Unclear,
    Unreadable,
)

_DELIMITERS = (",", ";", "\t", "|")
_NAMES = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
_SAMPLE = 256 * 1024
"""Characters by which the delimiter is found."""
_SAMPLE_ROWS = 200
MAX_CELL = 100_000
"""Characters of a cell: a quote that is never closed would make one cell of the whole file."""
MAX_WORDS = 20_000
"""Different words with letters outside of ASCII by which the encoding is found."""
_SHOWN = 4

_MARKS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
_WESTERN = (
    *("cp1252", "cp1250", "iso8859-15", "cp1254", "cp1251", "mac_roman", "cp850"),
    *("iso8859-2", "cp852", "koi8-r", "cp866"),
)
"""Encodings that a file may be in, the most frequent first (W3Techs, of pages not in UTF-8)."""
_BY_REGION = {
    **dict.fromkeys(("LT", "LV", "EE"), "cp1257"),
    **dict.fromkeys(("GR", "CY"), "cp1253"),
    "IL": "cp1255",
}
_LABELS = {
    "cp1252": "Windows-1252 (Western Europe)",
    "cp1250": "Windows-1250 (Central Europe)",
    "cp1251": "Windows-1251 (Cyrillic)",
    "cp1253": "Windows-1253 (Greek)",
    "cp1254": "Windows-1254 (Turkish)",
    "cp1255": "Windows-1255 (Hebrew)",
    "cp1257": "Windows-1257 (Baltic)",
    "iso8859-2": "ISO 8859-2 (Central Europe)",
    "cp852": "DOS 852 (Central Europe)",
    "koi8-r": "KOI8-R (Cyrillic)",
    "cp866": "DOS 866 (Cyrillic)",
    "iso8859-15": "ISO 8859-15 (Western Europe)",
    "mac_roman": "Mac Roman (old Macintosh)",
    "cp850": "DOS 850 (Western Europe)",
}
_WORD = re.compile(rb"[^\x00-\x20,;|\"]*[\x80-\xff][^\x00-\x20,;|\"]*")
# What stands between words, or beside them, in Western text.
_SIGNS = "€£§°–—‘’“”„«»…•·´ªº\xa0"
_BETWEEN = "’·–\xa0"
"""Those of them that stand between letters."""
_ICELANDIC = frozenset("ÐÝÞðýþ")


def read_delimited(
    path: Path, encoding: str | None, region: str, is_known: Callable[[str], bool]
) -> RawFile:
    """The rows of a CSV file. region: an ISO 3166 code. is_known: whether a header is known.

    Raises `Unclear` or `Unreadable`.
    """
    found, decision = find_encoding(path, encoding, region)
    with path.open(encoding=found, newline="") as file:
        sample = file.read(_SAMPLE)
    delimiter = _delimiter(sample, is_known)
    text = f"The columns are separated by {_NAMES[delimiter]}."
    apart = Decision("delimiter", delimiter, text)

    def rows() -> Iterator[tuple[int, Sequence[Cell]]]:
        csv.field_size_limit(MAX_CELL)
        with path.open(encoding=found, newline="") as file:
            try:
                yield from enumerate(csv.reader(file, delimiter=delimiter), 1)
            except csv.Error as error:
                raise Unreadable(
                    f"The rows cannot be told apart ({error}). Is a quotation mark not closed?"
                ) from None

    return RawFile(rows, (decision, apart))


def find_encoding(path: Path, encoding: str | None, region: str) -> tuple[str, Decision]:
    """The encoding of a text file, and how it was decided. Raises `Unclear` or `Unreadable`."""
    if encoding is not None:
        if not _is_valid(path, encoding):
            raise Unreadable(f"This file is not in {encoding}. Name another encoding.")
        return encoding, Decision("encoding", encoding, f"The text is read as {encoding}.")
    with path.open("rb") as file:
        head = file.read(4096)
    marked = next((name for mark, name in _MARKS if head.startswith(mark)), None)
    if marked is None and head[:200].count(0) > len(head[:200]) // 3:
        marked = "utf-16-le" if head[1:2] == b"\0" else "utf-16-be"
    for name in [marked] if marked else ["utf-8"]:
        if _is_valid(path, name):
            label = "UTF-16" if "16" in name else "UTF-8"
            return name, Decision("encoding", name, f"The text is in {label}.")
    if marked:
        raise Unreadable("This file is damaged: its text is not in the encoding that it names.")
    return _guessed(path, region)


def _is_valid(path: Path, encoding: str) -> bool:
    """Whether the whole file is text in an encoding."""
    try:
        with path.open(encoding=encoding, newline="") as file:
            while chunk := file.read(1 << 20):
                if "\0" in chunk:
                    return False
    except (UnicodeError, LookupError):
        return False
    return True


def _guessed(path: Path, region: str) -> tuple[str, Decision]:
    """An encoding of one byte a character, if all that are plausible give the same text."""
    words = _foreign_words(path)
    names = [*_WESTERN, *([_BY_REGION[region]] if region in _BY_REGION else [])]
    plausible = {
        name: texts
        for name in names
        if (texts := _decoded(words, name, region)) is not None and _is_valid(path, name)
    }
    if not plausible:
        raise Unreadable(
            "The encoding of this file is not known. Save it as CSV in UTF-8, or name it with "
            "--encoding."
        )
    first = next(iter(plausible))
    if all(texts == plausible[first] for texts in plausible.values()):
        label = _LABELS[first]
        shown = ", ".join(plausible[first][:_SHOWN])
        return first, Decision("encoding", first, f"The text is in {label}, as {shown} shows.")
    raise _unclear(plausible)


def _foreign_words(path: Path) -> list[bytes]:
    """The different words with a byte outside of ASCII."""
    found: dict[bytes, None] = {}
    with path.open("rb") as file:
        for line in file:
            for word in _WORD.findall(line[:MAX_CELL]):
                found.setdefault(word.strip(b".:()'"))
            if len(found) > MAX_WORDS:
                break
    return list(found)


def _decoded(words: Sequence[bytes], encoding: str, region: str) -> list[str] | None:
    """The words in an encoding; None if one of them cannot be meant."""
    texts = []
    for word in words:
        try:
            text = word.decode(encoding)
        except UnicodeDecodeError:
            return None
        if not _is_plausible(text, region):
            return None
        texts.append(text)
    return texts


def _is_plausible(word: str, region: str) -> bool:
    """Whether people write such a word: letters of one script, and usual signs beside them."""
    scripts = set()
    for place, character in enumerate(word):
        if character.isascii():
            if character.isalpha():
                scripts.add("LATIN")
            continue
        kind = unicodedata.category(character)
        is_between = 0 < place < len(word) - 1 and word[place - 1 : place + 2].isalpha()
        if kind in ("Ll", "Lu"):
            name = unicodedata.name(character, "")
            if "LIGATURE" in name or ("DOTLESS" in name and region not in ("TR", "AZ", "CY")):
                return False
            if character in _ICELANDIC and region not in ("IS", "FO", "CZ", "SK"):
                return False
            around = (word[place - 1] if place else "", word[place + 1 : place + 2])
            if character.isupper() and around[0].islower():
                return False
            if all(map(str.isdecimal, around)):
                return False  # a sign between thousands, in another encoding
            scripts.add(name.split()[0])
        elif character not in _SIGNS or (character not in _BETWEEN and is_between):
            return False
    return len(scripts) <= 1


def _unclear(plausible: dict[str, list[str]]) -> Unclear:
    """The question which encoding is meant, with words that differ."""
    distinct: dict[tuple[str, ...], str] = {}
    for name, texts in plausible.items():
        distinct.setdefault(tuple(texts), name)
    kinds = list(distinct)
    differing = [
        place for place in range(len(kinds[0])) if len({texts[place] for texts in kinds}) > 1
    ][:_SHOWN]
    choices = [
        (name, f"{', '.join(texts[place] for place in differing)}: {_LABELS[name]}")
        for texts, name in distinct.items()
    ]
    names = " or ".join(f"--encoding {name}" for name, _ in choices)
    shown = "; or ".join(text for _, text in choices)
    return Unclear(
        "encoding", f"The text of this file can be read in several ways: {shown}.", choices, names
    )


def _delimiter(sample: str, is_known: Callable[[str], bool]) -> str:
    """The delimiter by which most headers are known, and most rows have the same, large number of
    columns.
    """

    def score(delimiter: str) -> tuple[int, float]:
        csv.field_size_limit(MAX_CELL)
        sizes: dict[int, int] = {}
        known = 0
        try:
            reader = csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter)
            for seen, cells in enumerate(islice(reader, _SAMPLE_ROWS)):
                if any(cells):
                    sizes[len(cells)] = sizes.get(len(cells), 0) + 1
                if seen < MAX_TITLE_ROWS:
                    known = max(known, sum(map(is_known, cells)))
        except csv.Error:  # a cell that is too long, which the rows themselves will tell
            return known, 0.0
        usual = max(sizes, key=lambda size: (sizes[size], size), default=1)
        return known, (usual - 1) * sizes.get(usual, 0) / max(1, sum(sizes.values()))

    return max(_DELIMITERS, key=score)
