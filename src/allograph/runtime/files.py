"""Writes files so that a reader never sees half of one, and pictures as PNG."""

from __future__ import annotations

__all__ = ["atomic_write", "explain_os_error", "png"]

import contextlib
import errno
import io
import os
import platform
import re
import secrets
import threading
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from allograph.errors import AllographError

if TYPE_CHECKING:
    from PIL import Image

# A temporary file's name says which process on which machine writes it: machines may share folders, but not process
# ids.
_MACHINE = f"{zlib.crc32(platform.node().encode()):08x}"
_TEMPORARY = re.compile(rf"\.allograph-{_MACHINE}-(\d{{1,9}})-[0-9a-f]{{16}}\.tmp")

_swept: set[tuple[int, int]] = set()
_sweeping = threading.Lock()

_REMEDIES = {
    errno.ENOSPC: "the disk is full; free some space or choose another folder",
    errno.EDQUOT: "your disk quota is used up; free some space or choose another folder",
    errno.EFBIG: "the file is larger than the file system allows; choose another folder",
    errno.EACCES: "permission denied; change its permissions or choose another place",
    errno.EPERM: "permission denied; change its permissions or choose another place",
    errno.EROFS: "the file system is read-only; choose another folder",
    errno.ENOENT: "there is no such file or folder; check the path",
    errno.ENOTDIR: "a part of the path is a file, not a folder; check the path",
    errno.EISDIR: "it is a folder; name a file",
    errno.EEXIST: "it exists already; remove it or ask to overwrite",
    errno.ENAMETOOLONG: "the name is too long; choose a shorter one",
}


def explain_os_error(error: OSError, doing: str) -> AllographError:
    """Return `error` as one line: what was being done ("cannot write out.png"), what is wrong, and what to do."""
    remedy = _REMEDIES.get(error.errno or 0, error.strerror or str(error) or type(error).__name__)
    return AllographError(f"{doing}: {remedy}")


def png(picture: Image.Image, *, runs: bool = False) -> bytes:
    """A picture as a PNG file. With `runs`, the compressor looks only for runs of equal bytes, not for repetitions: for
    a drawing's even ink and paper the file is no larger and takes half the time."""
    stream = io.BytesIO()
    if runs:
        picture.save(stream, format="PNG", compress_level=1, compress_type=zlib.Z_RLE)
    else:
        picture.save(stream, format="PNG")
    return stream.getvalue()


def atomic_write(path: Path | str, content: bytes | Callable[[BinaryIO], object], *, overwrite: bool = True) -> None:
    """Write `content` to `path` completely or not at all.

    `content` is the bytes, or a function that writes them to the binary file that it is given. They go to a temporary
    file in the same folder (missing folders are made), which then takes the name `path` in one step, so that at every
    moment `path` is absent, the old file or the whole new one, even if the process is killed or the power fails: the
    bytes are on disk before the name is taken. Whatever ends the writing early, including Ctrl-C, the temporary file is
    removed; the next process that writes in the folder removes what a killed one left. The new file's permissions
    follow the umask.

    Raises AllographError if the system refuses (disk full, no permission, ...), or if `path` exists and `overwrite` is
    false. Errors of `content` itself pass through unless they are an OSError.
    """
    path = Path(path)
    # Not derived from `path.name`, which could exceed the file system's limit.
    temporary = path.parent / f".allograph-{_MACHINE}-{os.getpid()}-{secrets.token_hex(8)}.tmp"
    try:
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        if not overwrite and path.exists():
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
        path.parent.mkdir(parents=True, exist_ok=True)
        _sweep(path.parent)
        try:
            with open(temporary, "xb") as file:
                if callable(content):
                    content(file)
                else:
                    file.write(content)
                file.flush()
                os.fsync(file.fileno())
            if overwrite:
                os.replace(temporary, path)
            else:
                _take_free_name(temporary, path)
        finally:
            # Already gone if the file was renamed; an error here must not hide the current one.
            with contextlib.suppress(OSError):
                temporary.unlink()
    except OSError as error:
        raise explain_os_error(error, f"cannot write {path}") from error


def _take_free_name(temporary: Path, path: Path) -> None:
    """Give the finished file its name, refusing a name that another process took in the meantime."""
    try:
        os.link(temporary, path)  # unlike a rename, a link fails if the name is taken
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links
        if path.exists():
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST)) from None
        os.replace(temporary, path)


def _sweep(folder: Path) -> None:
    """Remove the temporary files of processes that have ended, once per folder and process.

    This happens before the process writes anything in the folder, so that a file with its own id is an earlier one's.
    """
    if os.name != "posix":  # on Windows, signal 0, which asks whether a process lives, would end it
        return
    with _sweeping, contextlib.suppress(OSError):
        status = folder.stat()
        if (status.st_dev, status.st_ino) in _swept:
            return
        _swept.add((status.st_dev, status.st_ino))
        with os.scandir(folder) as entries:
            stale = [e.path for e in entries if (m := _TEMPORARY.fullmatch(e.name)) and not _lives(int(m[1]))]
        for path in stale:
            with contextlib.suppress(OSError):
                os.unlink(path)


def _lives(process: int) -> bool:
    """Whether another live process on this machine has the id `process`."""
    if process in (0, os.getpid()):
        return False
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:  # somebody else's
        return True
    try:  # a zombie has ended, too: "1234 (name) Z ..."
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (OSError, IndexError):  # a system without /proc
        return True
