"""Packages that only some commands need: an error says what to install."""

from __future__ import annotations

__all__ = ["needing"]

from collections.abc import Iterator
from contextlib import contextmanager

from allograph.errors import AllographError


@contextmanager
def needing(extra: str) -> Iterator[None]:
    """A context for imports that need one of this package's extras.

    Raises:
        AllographError: one of them is missing.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("allograph"):
            raise
        raise AllographError(
            f"this command needs {error.name}, which is not installed: pip install 'allograph[{extra}]'"
        ) from error
