"""What goes wrong in a way that a user can put right: the exception, and the note on one item of a batch."""

from __future__ import annotations

__all__ = ["AllographError", "Problem", "first_line", "require_positive"]

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


def require_positive(config: object, *names: str) -> None:
    """ValueError for the first of these numbers of a configuration that is below 1."""
    for name in names:
        if getattr(config, name) < 1:
            raise ValueError(f"{name} = {getattr(config, name)} is too small; it is at least 1")


def first_line(error: BaseException) -> str:
    """The first line of a library's message that is not empty, else the error's kind."""
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
