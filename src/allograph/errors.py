"""What a user can put right: the exception, the note on one item of a batch, and how a message quotes a value."""

from __future__ import annotations

__all__ = ["AllographError", "Problem", "first_line", "shown"]

import reprlib
from dataclasses import dataclass
from pathlib import Path


class AllographError(Exception):
    """Something a user can put right: the message is one line that says what is wrong and what to do about it.

    The command line prints the message and ends with exit status 2; a job over many files reports it and goes on.
    """


@dataclass(frozen=True)
class Problem:
    """A file or class that a job or a data set had to leave out, and why, in one line."""

    path: Path
    message: str


def first_line(error: BaseException) -> str:
    """The beginning of a library's message, short enough to stand inside one of ours; else the error's kind."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
    first = " ".join(lines[:2])
    return first if len(first) <= 160 else f"{first[:157]}..."


_short = reprlib.Repr()
_short.maxstring = _short.maxother = 80


def shown(value: object) -> str:
    """A value as a message quotes it: on one line, the middle of a long one left out."""
    return _short.repr(value)
