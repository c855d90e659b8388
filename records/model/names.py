"""How a person's full name is written. Knows nothing of search or of how a name is checked."""

from __future__ import annotations

import re
from collections.abc import Mapping

_HAN_AND_HANGUL = "\u3005\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff"
_KANA = "\u3041-\u30ff\u31f0-\u31ff\uff66-\uff9f"

EAST_ASIAN = re.compile(f"[{_HAN_AND_HANGUL}{_KANA}]")
"""A character of Han, Hangul or Kana. They are written without spaces between words."""
_CLOSE = re.compile(f"[{_HAN_AND_HANGUL}]+")


def writes_family_name_first(values: Mapping[str, object]) -> bool:
    """Whether given and family name are in Han, Hangul or Kana, which write the family name first.

    values: those of an employee's fields that are known.
    """
    family, given = str(values.get("family_name") or ""), str(values.get("given_name") or "")
    return bool(EAST_ASIAN.match(family) and EAST_ASIAN.match(given))


def written_name(values: Mapping[str, object]) -> str:
    """The full name as it is written; "" without one. Han and Hangul have no space in between."""
    order = ["given_name", "middle_name", "family_name", "suffix"]
    if writes_family_name_first(values):
        order = ["family_name", "given_name", "middle_name", "suffix"]
    written = ""
    for part in (str(values[name]) for name in order if values.get(name)):
        close = not written or (_CLOSE.fullmatch(written) and _CLOSE.fullmatch(part))
        written += part if close else f" {part}"
    return written
