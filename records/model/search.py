"""How search compares: the words of a search, and those that a record has.

A record is found if each word of the search begins one of the record's words. `search_fold` makes
words comparable; a record also has the spellings and joined names that people may type instead.
The store keeps the words of each record in an index, and makes them anew when `VERSION` has gone
up. Knows nothing of storage, nor of who may search.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping, Set
from functools import lru_cache

from records.model.fields import Catalogue, Field, Kind, Value
from records.model.names import EAST_ASIAN, writes_family_name_first
from records.model.values import fold

VERSION = 2
"""Version of the words of a record. Raise it with every change of what this module returns."""


def words_version(catalogue: Catalogue) -> str:
    """A text that differs when records have other words: by the version, or the searched fields."""
    fields = [(name, catalogue[name].kind.value) for name in catalogue.searched]
    return f"{VERSION}-{hashlib.sha256(repr(fields).encode()).hexdigest()[:16]}"


MAX_WORD = 60
"""Characters of a word that are compared; longer ones are cut, in records and in searches."""

_SHORT = 40
"""Characters of a value whose words are cached. One character may fold into eighteen."""

# Apostrophes, and the letters and accents that stand for them: O'Hara, O’Neill, Kaʻiulani, Zʾōrā.
_APOSTROPHES = "'`´‘’‛′＇՚׳״ʹʺʻʼʽʾʿˈˊˋꞋꞌ"
# Joiners and variation selectors, which only choose the form of a letter.
_FORM_SELECTORS = "\u200c\u200d" + "".join(
    map(chr, (*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)))
)
_DROPPED = str.maketrans("", "", _APOSTROPHES + _FORM_SELECTORS)

# One letter on two keyboards: Arabic and Persian; katakana and hiragana.
_VARIANTS = str.maketrans(
    {"ي": "ی", "ى": "ی", "ك": "ک"} | {chr(code): chr(code - 0x60) for code in range(0x30A1, 0x30F7)}
)

_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ø": "oe", "ü": "ue", "å": "aa"})
_DIGRAPHS = re.compile(r"(a)[ae]|([ou])e")

_ASCII_WORD = re.compile(r"[A-Za-z0-9]+")


def search_fold(word: str) -> str:
    """A word as it is compared: without case, accents and apostrophes.

    It goes on where `records.model.values.fold` ends. The beginning of a word folds into the
    beginning of the folded word.
    """
    if word.isascii():
        return word.lower().replace("'", "").replace("`", "")[:MAX_WORD]
    return fold(word.translate(_DROPPED)).translate(_VARIANTS)[:MAX_WORD]


def _one_spelling(folded: str) -> str:
    """A folded word without the e of ae, oe and ue, and with one a for two."""
    return _DIGRAPHS.sub(r"\1\2", folded) if "e" in folded or "aa" in folded else folded


def _spellings(word: str) -> list[str]:
    """What people type for a word: for Müller muller and mueller, for Mueller muller, too."""
    folded = search_fold(word)
    found = [folded, _one_spelling(folded)]
    if not word.isascii():
        found.append(search_fold(unicodedata.normalize("NFC", word).lower().translate(_UMLAUTS)))
    return [each for each in found if each]


def _pieces(text: str, inner: str, *, apart: bool) -> list[str]:
    """The words of a text. inner: what does not divide words besides letters, digits and marks.

    apart: whether each Han, Hangul or Kana character begins a word.
    """
    found, begun = [""], False
    for character in text:
        if character.isalnum() or character in inner or unicodedata.category(character)[0] == "M":
            if not begun or (apart and EAST_ASIAN.match(character)):
                found.append("")
            found[-1] += character
            begun = True
        else:
            begun = False
    return [each for each in found if each]


def query_words(text: str) -> tuple[str, ...]:
    """The words of a search, folded, each once."""
    pieces = _pieces(
        unicodedata.normalize("NFC", text), _APOSTROPHES + _FORM_SELECTORS, apart=False
    )
    return tuple(dict.fromkeys(folded for folded in map(search_fold, pieces) if folded))


def _parts(text: str) -> list[str]:
    """The smallest parts of a text that a search may begin with."""
    if text.isascii():
        return _ASCII_WORD.findall(text)
    plain = "".join([" " if each in _APOSTROPHES else each for each in text])
    return _pieces(plain, _FORM_SELECTORS, apart=True)


def _joined(parts: Iterable[str]) -> list[str]:
    """Each part, joined with all that follow it: de la Cruz gives delacruz, lacruz and cruz.

    The part alone is found as the beginning of these.
    """
    found: list[str] = []
    rest = ""
    for part in reversed(list(parts)):
        rest = part + rest
        found += _spellings(rest)
    return found


def _words_of_name(name: str) -> frozenset[str]:
    return frozenset(_joined(_parts(name)))


def _words_of_text(text: str) -> frozenset[str]:
    """Rue de l'Hôpital gives rue, de, lhopital and hopital."""
    words = _pieces(text, _APOSTROPHES + _FORM_SELECTORS, apart=False)
    return frozenset([each for word in words for each in _joined(_parts(word))])


def _words_of_short_text(text: str) -> frozenset[str]:
    """The same for a text without a long word, several times as fast for most texts."""
    if not text.isascii() or "'" in text or "`" in text:
        return _words_of_text(text)
    folded = text.lower()
    words = frozenset(_ASCII_WORD.findall(folded))
    other = _one_spelling(folded)
    return words if other == folded else words.union(_ASCII_WORD.findall(other))


def _words_of_email(email: str) -> frozenset[str]:
    words = _words_of_short_text if len(email) <= _SHORT else _words_of_text
    return words(email) | {email_key(email)}


_cached_name = lru_cache(maxsize=4096)(_words_of_name)
_cached_text = lru_cache(maxsize=4096)(_words_of_short_text)


# Looked up once: in Python 3.11 that takes as long as the rest of `_words_of`.
_NAME, _CODE, _EMAIL = Kind.NAME, Kind.CODE, Kind.EMAIL


def _words_of(field: Field, value: Value) -> frozenset[str]:
    if not value:
        return frozenset()
    text = str(value)
    if field.kind is _EMAIL and not field.own:  # each employee has another one, so it is not cached
        return _words_of_email(text)
    is_short = len(text) <= _SHORT
    if field.kind is _NAME or field.kind is _CODE:
        return _cached_name(text) if is_short else _words_of_name(text)
    return _cached_text(text) if is_short else _words_of_text(text)


def _whole_name(values: Mapping[str, Value]) -> tuple[str, str]:
    return str(values["family_name"] or ""), str(values["given_name"] or "")


@lru_cache(maxsize=4096)
def _name_key(name: str) -> str:
    return _one_spelling(search_fold("".join(_parts(name))))


def person_key(values: Mapping[str, Value]) -> str:
    """A word that employees of the same name and birth date have, in any spelling of the name.

    No search finds it.
    """
    family, given = _whole_name(values)
    return f"={_name_key(family)}={_name_key(given)}={values['birth_date']}"


def email_key(email: str) -> str:
    """A word that all employees with the same e-mail address have. No search finds it."""
    return f"@{email.casefold()}"


def _words_of_full_name(values: Mapping[str, Value]) -> set[str]:
    found = {person_key(values)} if values["birth_date"] else set()
    family, given = _whole_name(values)
    if not family.isascii() and writes_family_name_first(values):
        found |= {search_fold(family + given), search_fold(given + family)}
    return found


PERSON_FIELDS = ("given_name", "family_name", "birth_date")
"""The fields that tell whether two employees may be the same person."""
_PERSON = frozenset(PERSON_FIELDS)
_NO_WORDS: frozenset[str] = frozenset()


def _words_in(
    catalogue: Catalogue, values: Mapping[str, Value], names: Iterable[str]
) -> frozenset[str]:
    words = [_words_of(catalogue[name], values[name]) for name in names]
    return words[0] if len(words) == 1 else _NO_WORDS.union(*words)


def search_words(catalogue: Catalogue, employee_id: int, values: Mapping[str, Value]) -> Set[str]:
    """All words of a record: its ID, those of the searched fields, and those of the full name."""
    words = _words_in(catalogue, values, catalogue.searched)
    return words.union((str(employee_id),), _words_of_full_name(values))


def word_changes(
    catalogue: Catalogue,
    employee_id: int,
    old: Mapping[str, Value],
    new: Mapping[str, Value],
    changed: Collection[str],
) -> tuple[Set[str], Set[str]]:
    """The words that a change removes from a record and adds to it.

    changed: the searched fields, and those of `PERSON_FIELDS`, that differ.
    """
    if not _PERSON.isdisjoint(changed):
        before = search_words(catalogue, employee_id, old)
        after = search_words(catalogue, employee_id, new)
        return before - after, after - before
    before, after = _words_in(catalogue, old, changed), _words_in(catalogue, new, changed)
    gone, fresh = before - after, after - before
    # A word that the record has from elsewhere as well is neither removed nor added.
    others = [name for name in catalogue.searched if name not in changed]
    if _may_have(new, others, (*gone, *fresh), str(employee_id)):
        kept = _words_in(catalogue, new, others).union(
            _words_of_full_name(new), (str(employee_id),)
        )
        return gone - kept, fresh - kept
    return gone, fresh


_LOWER = bytes.maketrans(bytes(range(65, 91)), bytes(range(97, 123)))
_LEFT_OUT = bytes(code for code in range(128) if not chr(code).isalnum()) + b"aeAE"


def _may_have(
    values: Mapping[str, Value], names: Iterable[str], words: Iterable[str], number: str
) -> bool:
    """Whether these fields may have one of the words. A quick look for the most frequent case.

    A word consists of parts of a text, joined, perhaps without some a and e. So without these
    letters and without punctuation the word is a part of the text.
    """
    text = "\n".join([str(values[name]) for name in names if values[name]]) + number
    if not text.isascii():
        return True
    letters = text.encode("ascii").translate(_LOWER, _LEFT_OUT)
    return any(
        not word.isascii() or word.encode("ascii").translate(_LOWER, _LEFT_OUT) in letters
        for word in words
    )
