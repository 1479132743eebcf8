"""A hidden folder beside the results, in which the files of one job are made before any of them is shown."""

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
"""What `tempfile.mkdtemp` makes of the prefix."""

_STALE = 24 * 3600.0
"""Seconds without a new file after which nobody works in the folder any more."""


@contextmanager
def staging(output: Path) -> Iterator[Path]:
    """A hidden folder inside `output`, on the same disk therefore, that is gone at the end, Ctrl-C included.

    Folders that had to be made for it are removed too where they are still empty.

    Raises:
        AllographError: nothing can be written in `output`; or as the body does, without the hidden folder's name.
    """
    made = [folder for folder in (output, *output.parents) if not folder.exists()]
    try:
        output.mkdir(parents=True, exist_ok=True)
        hidden = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=output))
    except OSError as error:
        raise explain_os_error(error, f"cannot write {output}") from error
    try:
        yield hidden
    except AllographError as error:  # nobody wants to know of the hidden folder
        raise AllographError(str(error).replace(str(hidden), str(output))) from error.__cause__
    finally:
        shutil.rmtree(hidden, ignore_errors=True)
        for folder in made:  # innermost first; those that hold something by now stay
            with suppress(OSError):
                folder.rmdir()


def sweep(output: Path) -> None:
    """Remove the hidden folders in `output` that killed jobs left: those in which nothing was made for a day."""
    before = time.time() - _STALE
    with suppress(OSError):
        for hidden in output.iterdir():
            if _NAME.fullmatch(hidden.name) and hidden.is_dir() and not hidden.is_symlink():
                with suppress(OSError):  # another job's sweep may be at it
                    if max(path.stat().st_mtime for path in (hidden, *hidden.iterdir())) < before:
                        shutil.rmtree(hidden, ignore_errors=True)
