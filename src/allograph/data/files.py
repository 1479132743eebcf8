"""The files of published data sets: their folders, downloads, checksums and cached arrays.

Each data set has its own folder in the data directory; missing files are downloaded there.
"""

from __future__ import annotations

__all__ = ["PublishedFile", "cache_directory", "cached", "content", "data_folder", "present", "read"]

import contextlib
import gzip
import hashlib
import os
import zipfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt
import platformdirs

from allograph.errors import AllographError
from allograph.runtime.files import atomic_write, explain_os_error

Arrays = Mapping[str, npt.NDArray]


@dataclass(frozen=True)
class PublishedFile:
    """A file as published.

    name: the file's name. home: the address of the download, without the name; None if there is none. md5: MD5 sum of
    the file (hexadecimal), which checks the download. content: MD5 sum of the uncompressed content, which checks a file
    that is already there; None if the reader checks it in another way.
    """

    name: str
    home: str | None
    md5: str | None
    content: str | None = None


def cache_directory() -> Path:
    """The directory for prepared data: the environment variable ALLOGRAPH_CACHE, otherwise the user's cache
    directory."""
    chosen = os.environ.get("ALLOGRAPH_CACHE")
    return Path(chosen).expanduser() if chosen else Path(platformdirs.user_cache_dir("allograph"))


def data_folder(name: str, data_dir: str | Path | None) -> Path:
    """The folder `name` of the data directory: `data_dir`, otherwise ALLOGRAPH_DATA, otherwise the cache directory."""
    root = data_dir or os.environ.get("ALLOGRAPH_DATA") or cache_directory()
    return Path(root).expanduser() / name


def present(file: PublishedFile, folder: Path) -> Path:
    """The path of a file, with or without .gz at the end of its name; downloads the file if both are missing.

    Raises AllographError when it cannot be downloaded.
    """
    path = folder / file.name
    other = path.with_suffix("") if path.suffix == ".gz" else path.with_name(f"{path.name}.gz")
    for candidate in (path, other):
        if candidate.exists():
            return candidate
    remedy = f"or name the directory that holds {folder.name}/ with --data-dir or ALLOGRAPH_DATA"
    if file.home is None:
        raise AllographError(f"there is no {path}, and it cannot be downloaded: put the file there, {remedy}")
    import pooch
    import requests

    try:
        folder.mkdir(parents=True, exist_ok=True)
        pooch.retrieve(file.home + file.name, f"md5:{file.md5}", fname=file.name, path=folder)
    except (OSError, ValueError, requests.RequestException) as error:
        cause = next((line for line in str(error).splitlines() if line), type(error).__name__)
        raise AllographError(
            f"cannot download {file.name} ({cause}): put the file from {file.home}{file.name} at {path}, {remedy}"
        ) from error
    return path


def read(path: Path) -> bytes:
    """The bytes of a file; raises AllographError when it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise explain_os_error(error, f"cannot read {path}") from error


def content(path: Path, file: PublishedFile) -> bytes:
    """The uncompressed content of a file; raises AllographError if it is not what was published."""
    data = read(path)
    try:
        data = gzip.decompress(data) if path.suffix == ".gz" else data
        whole = hashlib.md5(data, usedforsecurity=False).hexdigest() == file.content
    except (OSError, EOFError, zlib.error):
        whole = False
    if not whole:
        again = "delete it and run again to download it again" if file.home else "put a whole copy in its place"
        raise AllographError(f"{path} is damaged or not the published {file.name}: {again}")
    return data


def cached(name: str, sources: Sequence[Path], make: Callable[[], Arrays]) -> Arrays:
    """The arrays that `make` prepares from the files `sources`, kept in the cache directory under `name` and the hash
    of the files.

    A damaged cache is made again; if none can be written, the arrays are prepared every time.
    """
    digest = hashlib.sha256()
    for path in sources:
        digest.update(read(path))
    path = cache_directory() / f"{name}-{digest.hexdigest()[:16]}.npz"
    # Opened here because numpy leaves a damaged file open.
    with (
        contextlib.suppress(OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile, zlib.error),
        path.open("rb") as file,
        np.load(file, allow_pickle=False) as stored,
    ):
        return dict(stored)
    arrays = make()

    def write(file: BinaryIO) -> None:
        np.savez_compressed(file, **arrays)  # type: ignore[arg-type]

    with contextlib.suppress(AllographError):
        atomic_write(path, write)
    return arrays
