"""Scripts that a font of separate drawings cannot set well."""

from __future__ import annotations

__all__ = ["cautions"]

from collections.abc import Iterable, Iterator

from fontTools import unicodedata as scripts

_JOINED = frozenset({"Arab", "Syrc", "Mong", "Nkoo", "Phag", "Adlm", "Rohg", "Mand", "Mani"})
"""Letters take other forms beside others."""

_REORDERED = frozenset(
    {"Deva", "Beng", "Guru", "Gujr", "Orya", "Taml", "Telu", "Knda", "Mlym", "Sinh", "Mymr", "Khmr", "Java", "Bali"}
)
"""Vowel signs move and consonants join."""


def cautions(symbols: Iterable[str]) -> Iterator[str]:
    """One line for each kind of script among the symbols that the font does not set well."""
    found = {scripts.script(symbol[0]) for symbol in symbols}
    if joined := sorted(found & _JOINED):
        yield f"{_named(joined)}: letters stand apart in their isolated forms; joined forms are not made"
    if reordered := sorted(found & _REORDERED):
        yield (
            f"{_named(reordered)}: letters and vowel signs stand one after the other; conjuncts are made only where "
            "they were drawn as one symbol"
        )


def _named(codes: list[str]) -> str:
    return ", ".join(scripts.script_name(code) for code in codes)
