"""User-correctable errors: the exception, the note on one item of a batch, and how a message quotes a value."""

from __future__ import annotations

__all__ = ["AllographError", "Problem", "first_line", "shown"]

import reprlib
from dataclasses import dataclass
from pathlib import Path


class AllographError(Exception):
    """A user-correctable error: the message is one line that says what is wrong and what to do about it.

    The command line prints the message and exits with status 2; a job over many files reports it and continues.
    """


@dataclass(frozen=True)
class Problem:
    """A file or class that a job or data set had to leave out, and the reason in one line."""

    path: Path
    message: str


def first_line(error: BaseException) -> str:
    """The start of a library's message, short enough to quote in one of ours; without a message, the error's type."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
    first = " ".join(lines[:2])
    return first if len(first) <= 160 else f"{first[:157]}..."


_short = reprlib.Repr()
_short.maxstring = _short.maxother = 80


def shown(value: object) -> str:
    """A value as quoted in a message: on one line, without the middle if it is long."""
    return _short.repr(value)
