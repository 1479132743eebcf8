"""Class folders that name their characters: by code point, and by the character itself or its Unicode name.

    A                   U+0041-A
    !                   U+0021-exclamation-mark
    Devanagari ksha     U+0915_U+094D_U+0937-क्ष

Only the code points count. They distinguish `a` from `A` even if the file system does not, survive its normalisation,
and keep the folders in the order of the code points. The rest of the name is for people.
"""

from __future__ import annotations

__all__ = ["MAX_CODE_POINTS", "check_text", "class_name", "class_text", "code_points", "has_code_points"]

import re
import unicodedata

from allograph.errors import AllographError

MAX_CODE_POINTS = 12
"""Largest number of code points in a symbol: the folder's name must stay below the 255 bytes of file systems."""

_CODES = re.compile(r"U\+([0-9A-F]{4,6})((?:_U\+[0-9A-F]{4,6})*)(?:-.*)?", re.DOTALL)


def code_points(text: str) -> str:
    """`U+0915_U+094D` and so on."""
    return "_".join(f"U+{ord(character):04X}" for character in text)


def class_name(text: str) -> str:
    """The folder's name of a symbol, a string of one or more code points.

    Raises:
        AllographError: see `check_text`.
    """
    check_text(text)
    codes = code_points(text)
    if all(unicodedata.category(character)[0] in "LMN" for character in text) and _starts_visibly(text):
        return f"{codes}-{text}"
    if len(text) == 1 and (name := unicodedata.name(text, "")):
        return f"{codes}-{name.lower().replace(' ', '-')}"
    return codes


def check_text(text: str) -> None:
    """Refuse a text that is not a written symbol.

    Raises:
        AllographError: no code point, too many, a control character, a space, half of a pair, or nothing assigned.
    """
    if not text:
        raise AllographError("a symbol without characters cannot be named; leave the empty one out")
    if len(text) > MAX_CODE_POINTS:
        raise AllographError(
            f"{code_points(text[:2])}... has {len(text)} code points, and a symbol {MAX_CODE_POINTS} at most; "
            "split it with line breaks"
        )
    for character in text:
        kind = unicodedata.category(character)
        if kind in ("Cc", "Cs", "Cn") or kind.startswith("Z"):
            what = {"Cc": "a control character", "Cs": "half of a surrogate pair", "Cn": "not assigned in Unicode"}
            raise AllographError(
                f"{code_points(character)} is {what.get(kind, 'a space')} and cannot be drawn; leave it out"
            )


def class_text(folder: str) -> str | None:
    """The symbol that a class folder names, by code points or, if it is a single symbol, by its whole name; otherwise
    None."""
    if match := _CODES.fullmatch(folder):
        codes = [match[1], *re.findall(r"U\+([0-9A-F]+)", match[2])]
        values = [int(code, 16) for code in codes]
        return "".join(map(chr, values)) if max(values) <= 0x10FFFF else None
    text = unicodedata.normalize("NFC", folder)
    base = [character for character in text if not unicodedata.category(character).startswith("M")]
    return text if len(base) == 1 else None


def has_code_points(folder: str) -> bool:
    """Whether a folder's name begins with code points, like those of `class_name`."""
    return _CODES.fullmatch(folder) is not None


def _starts_visibly(text: str) -> bool:
    """Whether the first character can stand in a name without one before it."""
    return not unicodedata.category(text[0]).startswith("M")
