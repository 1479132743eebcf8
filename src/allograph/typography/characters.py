"""The symbols of a sheet: from a string, from a file, or from a whole script."""

from __future__ import annotations

__all__ = ["MOST", "of_file", "of_script", "of_text", "split_symbols"]

import unicodedata
from difflib import get_close_matches
from pathlib import Path

from allograph.errors import AllographError
from allograph.runtime.files import explain_os_error
from allograph.typography.naming import check_text

MOST = 5000
"""Largest number of symbols on one sheet; nobody fills in more paper."""

_JOINERS = "\u200c\u200d"
_VIRAMA = 9
"""The combining class of signs that join what follows, as in Devanagari."""


def of_text(text: str) -> tuple[str, ...]:
    """The symbols of a text without spaces, each once, in the order in which they first occur.

    Raises:
        AllographError: no symbol, more than `MOST`, or a character that cannot be drawn.
    """
    return _checked(split_symbols(text))


def of_file(path: Path) -> tuple[str, ...]:
    """The symbols of a UTF-8 file: a line that begins with `=` is one symbol, such as a ligature; of others every
    character is one.

    Raises:
        AllographError: the file cannot be read or is no UTF-8; and as `of_text`.
    """
    try:
        text = path.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise AllographError(f"{path} is not UTF-8 (byte {error.start}); save it as UTF-8 text") from error
    except OSError as error:
        raise explain_os_error(error, f"cannot read {path}") from error
    symbols: list[str] = []
    for line in text.splitlines():
        line = line.strip()
        symbols += [line[1:].strip()] if line.startswith("=") and len(line) > 1 else split_symbols(line)
    try:
        return _checked(symbols)
    except AllographError as error:
        raise AllographError(f"{path}: {error}") from error


def of_script(name: str) -> tuple[str, ...]:
    """The letters and digits of a script, named as in Unicode (`Armenian`) or by its code (`Armn`): those of the block
    that has its first letter. So `Latin` gives A to Z and a to z.

    Raises:
        AllographError: no such script, or more than `MOST` symbols.
    """
    from fontTools import unicodedata as scripts

    names = {scripts.script_name(code): code for code in scripts.Scripts.NAMES}
    by_word = {key.replace("_", " ").lower(): code for key, code in names.items()}
    wanted = name.replace("_", " ").strip().lower()
    code = by_word.get(wanted) or next((code for code in names.values() if code.lower() == wanted), None)
    if code is None or code in ("Zyyy", "Zinh", "Zzzz"):
        near = get_close_matches(wanted, by_word, 1)
        remedy = f"did you mean {near[0].title()}?" if near else "use a name from Unicode, such as Armenian"
        raise AllographError(f"there is no script called {name!r}; {remedy}")
    block, symbols = "", []
    for number in range(0x110000):
        character = chr(number)
        if unicodedata.category(character) not in ("Lu", "Ll", "Lt", "Lo", "Nd", "Nl"):
            continue
        if scripts.script(character) != code or unicodedata.decomposition(character).startswith("<"):
            continue
        block = block or scripts.block(character)
        if scripts.block(character) == block:
            symbols.append(character)
        if len(symbols) > MOST:
            raise AllographError(f"{name} has more than {MOST} characters; name those that you need in a file")
    return _checked(symbols)


def split_symbols(text: str) -> list[str]:
    """A text's symbols: each character with the marks that follow it, and characters that joiners join. Spaces separate
    them."""
    symbols: list[str] = []
    joined = True
    for character in text:
        if character.isspace() or character == "\ufeff":
            joined = True
            symbols.append("")
            continue
        mark = unicodedata.category(character).startswith("M") or character in _JOINERS
        if symbols and symbols[-1] and (mark or joined):
            symbols[-1] += character
        else:
            symbols.append(character)
        joined = character == "\u200d" or (mark and unicodedata.combining(character) == _VIRAMA)
    return [symbol for symbol in symbols if symbol]


def _checked(symbols: list[str]) -> tuple[str, ...]:
    unique = tuple(dict.fromkeys(symbols))
    if not unique:
        raise AllographError("there is no character to draw; name some, such as ABC")
    if len(unique) > MOST:
        raise AllographError(f"{len(unique)} symbols are too many for one sheet; name {MOST} at most")
    for symbol in unique:
        check_text(symbol)
    return unique
