"""Pictures as named on the command line: files, and - for standard input."""

from __future__ import annotations

__all__ = ["STDIN", "given", "name_of", "stem_of"]

import sys
from pathlib import Path

from allograph.errors import AllographError

STDIN = Path("-")
"""The name of standard input."""


def given(image: Path) -> Path | bytes:
    """The path of a picture, or the bytes from standard input."""
    if image != STDIN:
        return image
    if sys.stdin is None or sys.stdin.isatty():
        raise AllographError("standard input is the keyboard; send a picture through a pipe, or name a file")
    return sys.stdin.buffer.read()


def name_of(image: Path) -> str:
    """What to call a picture in a message."""
    return "standard input" if image == STDIN else str(image)


def stem_of(image: Path) -> str:
    """What the files made of a picture are called."""
    return "stdin" if image == STDIN else image.stem
