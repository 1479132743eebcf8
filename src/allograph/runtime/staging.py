"""A hidden folder beside the results, in which the files of a job are made before any of them appears."""

from __future__ import annotations

__all__ = ["staging", "sweep"]

import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from allograph.errors import AllographError
from allograph.runtime.files import explain_os_error

_PREFIX = ".allograph-"

_NAME = re.compile(re.escape(_PREFIX) + r"[a-z0-9_]{8}")
"""The names that `tempfile.mkdtemp` makes from the prefix."""

_STALE = 24 * 3600.0
"""Seconds without a new file after which a folder counts as abandoned."""


@contextmanager
def staging(output: Path) -> Iterator[Path]:
    """A hidden folder inside `output`, so on the same disk; it is removed at the end, even after Ctrl-C.

    Folders that had to be made for it are also removed if they are still empty.

    Raises:
        AllographError: nothing can be written in `output`; errors of the body do not show the hidden folder's name.
    """
    made = [folder for folder in (output, *output.parents) if not folder.exists()]
    try:
        output.mkdir(parents=True, exist_ok=True)
        hidden = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=output))
    except OSError as error:
        raise explain_os_error(error, f"cannot write {output}") from error
    try:
        yield hidden
    except AllographError as error:  # users need not know about the hidden folder
        raise AllographError(str(error).replace(str(hidden), str(output))) from error.__cause__
    finally:
        shutil.rmtree(hidden, ignore_errors=True)
        for folder in made:  # innermost first; folders that now hold something stay
            with suppress(OSError):
                folder.rmdir()


def sweep(output: Path) -> None:
    """Remove the hidden folders that killed jobs left in `output`: those without a new file for a day."""
    before = time.time() - _STALE
    with suppress(OSError):
        for hidden in output.iterdir():
            if _NAME.fullmatch(hidden.name) and hidden.is_dir() and not hidden.is_symlink():
                with suppress(OSError):  # another job may be removing it
                    if max(path.stat().st_mtime for path in (hidden, *hidden.iterdir())) < before:
                        shutil.rmtree(hidden, ignore_errors=True)
