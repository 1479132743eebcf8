"""Omniglot: 1,623 characters of 50 alphabets, each drawn by 20 people, read from its official archives.

Lake, Salakhutdinov, Tenenbaum, "Human-level concept learning through probabilistic program induction",
Science 350 (2015) 1332. Equal drawer numbers mean the same person only within one alphabet.
"""

from __future__ import annotations

__all__ = ["BACKGROUND_ALPHABETS", "OMNIGLOTS", "load_omniglot", "omniglot_bitmaps"]

import io
import re
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from allograph.data.bitmaps import PackedBitmaps
from allograph.data.concepts import ConceptDataset
from allograph.data.files import PublishedFile, cached, data_folder, present
from allograph.errors import AllographError

_SIDE = 105
_MEMBER = re.compile(
    r"images_(?:background|evaluation)/(?P<alphabet>[^/]+)/(?P<character>[^/]+)/\d+_(?P<drawer>\d+)\.png"
)
# Version of the cache's content; with a new number, old caches are ignored.
_CACHE_FORMAT = 1

_HOME = "https://raw.githubusercontent.com/brendenlake/omniglot/master/python/"
_ARCHIVES = (
    PublishedFile("images_background.zip", _HOME, md5="68d2efa1b9178cc56df9314c21c6e718"),
    PublishedFile("images_evaluation.zip", _HOME, md5="6b91aef0f799c5bb55b94e3f2daec811"),
)

BACKGROUND_ALPHABETS = 30
"""The first 30 families of the data set are the official background alphabets, the other 20 the evaluation ones."""

OMNIGLOTS = ("omniglot", "omniglot-28", "omniglot-52")
"""Data sets made of the same drawings, which a model sees in different ways."""


def omniglot_bitmaps(bits: npt.NDArray[np.uint8], name: str) -> PackedBitmaps:
    """Packed bitmaps of 105 x 105 pixels, which a model sees as those of the data set `name` (`load_omniglot`)."""
    only_size = {"omniglot": None, "omniglot-28": 28, "omniglot-52": 52}[name]
    return PackedBitmaps(bits, _SIDE, only_size, by_maximum=name == "omniglot-52")


def load_omniglot(data_dir: str | Path | None = None, name: str = "omniglot") -> ConceptDataset:
    """All of Omniglot: 32,460 drawings of 1,623 characters, 105 x 105 pixels; families are alphabets.

    The data set's name says what a model sees; figures on one do not compare with figures on another:

    - "omniglot": any size, averaged (`allograph.data.resizing.ink`);
    - "omniglot-28": 28 x 28 single pixels, picked from the 105 x 105, as in Bartunov, Vetrov, "Few-shot generative
      modelling with generative matching networks", AISTATS 2018;
    - "omniglot-52": 52 x 52 pixels, the maximum of 2 x 2 each, as in Rezende et al., "One-shot generalization in deep
      generative models", ICML 2016.

    The archives are read from the folder omniglot of the data directory, and downloaded there if absent
    (`allograph.data.files`). An existing file is used as it is. Decoding takes some seconds, once: the result is kept
    in the cache directory, under the hash of the archives.

    Raises AllographError if an archive cannot be downloaded, opened or understood.
    """
    folder = data_folder("omniglot", data_dir)
    archives = [present(archive, folder) for archive in _ARCHIVES]
    stored = cached(f"omniglot-{_CACHE_FORMAT}", archives, lambda: _decode(archives))
    return ConceptDataset(
        name=name,
        images=omniglot_bitmaps(stored["bits"], name),
        concept=stored["concept"],
        drawer=stored["drawer"],
        concept_names=tuple(stored["concept_names"].tolist()),
        family_names=tuple(stored["family_names"].tolist()),
        family=stored["family"],
    )


def _decode(archives: Sequence[Path]) -> dict[str, npt.NDArray]:
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
    return {
        "bits": np.stack(images),
        "concept": np.array(concept),
        "drawer": np.array(drawer),
        "concept_names": np.array(concept_names),
        "family_names": np.array(family_names),
        "family": np.array(family),
    }


def _drawings(path: Path) -> Iterator[tuple[str, str, int, np.ndarray]]:
    """Alphabet, character, drawer and pixels (ink = 1) of every drawing in one archive, sorted by these names."""
    damaged = f"{path} is damaged or not one of Omniglot's archives: delete it and run again to download it again"
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
