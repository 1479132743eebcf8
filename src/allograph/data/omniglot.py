"""Omniglot: 1,623 characters of 50 alphabets, each drawn by 20 people, read from its official archives.

Lake, Salakhutdinov, Tenenbaum, "Human-level concept learning through probabilistic program induction",
Science 350 (2015) 1332. Within one alphabet an equal drawer number is the same person; between alphabets it is not.
"""

from __future__ import annotations

__all__ = ["BACKGROUND_ALPHABETS", "cache_directory", "load_omniglot", "omniglot_archives"]

import contextlib
import hashlib
import io
import os
import re
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import platformdirs
from PIL import Image

from allograph.data.bitmaps import PackedBitmaps
from allograph.data.concepts import ConceptDataset
from allograph.errors import AllographError
from allograph.imaging.files import atomic_write, explain_os_error

_HOME = "https://raw.githubusercontent.com/brendenlake/omniglot/master/python/"
_SIDE = 105
_MEMBER = re.compile(
    r"images_(?:background|evaluation)/(?P<alphabet>[^/]+)/(?P<character>[^/]+)/\d+_(?P<drawer>\d+)\.png"
)
# What the cache holds; a new number makes old caches unread.
_CACHE_FORMAT = 1


@dataclass(frozen=True)
class _Archive:
    """One of the two official files: its name and its published MD5 sum, which guards the download."""

    name: str
    md5: str


_ARCHIVES = (
    _Archive("images_background.zip", "68d2efa1b9178cc56df9314c21c6e718"),
    _Archive("images_evaluation.zip", "6b91aef0f799c5bb55b94e3f2daec811"),
)

BACKGROUND_ALPHABETS = 30
"""The first 30 families of the data set are the official background alphabets, the other 20 the evaluation ones."""


def load_omniglot(data_dir: str | Path | None = None) -> ConceptDataset:
    """All of Omniglot: 32,460 drawings of 1,623 characters, 105 x 105 pixels; families are alphabets.

    The archives are taken from `data_dir`/omniglot, where `data_dir` defaults to the environment variable
    ALLOGRAPH_DATA, else to the cache directory; what is absent is downloaded there. A file that is there already is
    taken as it is. Decoding takes some seconds, once: the result is kept in the cache directory, under the hash of
    the archives.

    Raises AllographError when an archive cannot be downloaded, opened or understood.
    """
    archives = omniglot_archives(data_dir)
    digest = hashlib.sha256()
    for path in archives:
        digest.update(_read(path))
    cache = cache_directory() / f"omniglot-{_CACHE_FORMAT}-{digest.hexdigest()[:16]}.npz"
    dataset = _load_cache(cache)
    if dataset is None:
        dataset = _decode(archives)
        _save_cache(cache, dataset)
    return dataset


def cache_directory() -> Path:
    """Where prepared data is kept: the environment variable ALLOGRAPH_CACHE, else the user's cache directory."""
    chosen = os.environ.get("ALLOGRAPH_CACHE")
    return Path(chosen).expanduser() if chosen else Path(platformdirs.user_cache_dir("allograph"))


def omniglot_archives(data_dir: str | Path | None = None) -> tuple[Path, ...]:
    """The paths of the background and the evaluation archive, downloaded first where they are absent."""
    root = data_dir or os.environ.get("ALLOGRAPH_DATA") or cache_directory()
    folder = Path(root).expanduser() / "omniglot"
    return tuple(_present(archive, folder) for archive in _ARCHIVES)


def _present(archive: _Archive, folder: Path) -> Path:
    path = folder / archive.name
    if path.exists():
        return path
    import pooch
    import requests

    try:
        folder.mkdir(parents=True, exist_ok=True)
        pooch.retrieve(_HOME + archive.name, f"md5:{archive.md5}", fname=archive.name, path=folder)
    except (OSError, ValueError, requests.RequestException) as error:
        cause = next((line for line in str(error).splitlines() if line), type(error).__name__)
        raise AllographError(
            f"cannot download {archive.name} ({cause}): put the file from {_HOME}{archive.name} at {path}, "
            "or name the directory that holds omniglot/ with --data-dir or ALLOGRAPH_DATA"
        ) from error
    return path


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise explain_os_error(error, f"cannot read {path}") from error


def _decode(archives: tuple[Path, ...]) -> ConceptDataset:
    images: list[np.ndarray] = []
    concept: list[int] = []
    drawer: list[int] = []
    family: list[int] = []
    concept_names: list[str] = []
    family_names: list[str] = []
    for path in archives:
        for alphabet, character, number, pixels in _drawings(path):
            name = f"{alphabet}/{character}"
            if alphabet not in family_names[-1:]:
                family_names.append(alphabet)
            if name not in concept_names[-1:]:
                concept_names.append(name)
                family.append(len(family_names) - 1)
            images.append(np.packbits(pixels))
            concept.append(len(concept_names) - 1)
            drawer.append(number)
    return ConceptDataset(
        name="omniglot",
        bitmaps=PackedBitmaps(np.stack(images), _SIDE),
        concept=np.array(concept),
        drawer=np.array(drawer),
        concept_names=tuple(concept_names),
        family_names=tuple(family_names),
        family=np.array(family),
    )


def _drawings(path: Path) -> Iterator[tuple[str, str, int, np.ndarray]]:
    """Alphabet, character, drawer and pixels (ink = 1) of every drawing in one archive, sorted by these names."""
    damaged = f"{path} is damaged or not one of Omniglot's archives: delete it and run again to download it anew"
    try:
        with zipfile.ZipFile(path) as archive:
            found = sorted(
                (match["alphabet"], match["character"], int(match["drawer"]), member)
                for member in archive.namelist()
                if (match := _MEMBER.fullmatch(member))
            )
            if not found:
                raise AllographError(damaged)
            for alphabet, character, number, member in found:
                with Image.open(io.BytesIO(archive.read(member))) as image:
                    pixels = np.asarray(image.convert("L")) < 128
                if pixels.shape != (_SIDE, _SIDE):
                    raise AllographError(damaged)
                yield alphabet, character, number, pixels
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, NotImplementedError) as error:
        raise AllographError(damaged) from error


def _load_cache(path: Path) -> ConceptDataset | None:
    """The cached data set, or None where there is none or it cannot be read: it is then made again."""
    try:
        # Opened here, not by numpy, which leaves a damaged file open.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            return ConceptDataset(
                name="omniglot",
                bitmaps=PackedBitmaps(stored["bits"], _SIDE),
                concept=stored["concept"],
                drawer=stored["drawer"],
                concept_names=tuple(stored["concept_names"].tolist()),
                family_names=tuple(stored["family_names"].tolist()),
                family=stored["family"],
            )
    except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile, zlib.error):
        return None


def _save_cache(path: Path, dataset: ConceptDataset) -> None:
    def write(file: BinaryIO) -> None:
        np.savez_compressed(
            file,
            bits=dataset.bitmaps.bits,
            concept=dataset.concept,
            drawer=dataset.drawer,
            concept_names=np.array(dataset.concept_names),
            family_names=np.array(dataset.family_names),
            family=dataset.family,
        )

    # The cache only saves time: where it cannot be written (a read-only home), the data is decoded every time.
    with contextlib.suppress(AllographError):
        atomic_write(path, write)
