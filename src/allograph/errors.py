"""The one exception that a user's mistake raises."""

from __future__ import annotations

__all__ = ["AllographError"]


class AllographError(Exception):
    """Something a user can put right: the message is one line that says what is wrong and what to do about it.

    The command line prints the message and ends with exit status 2; a job over many files reports it and goes on.
    """
