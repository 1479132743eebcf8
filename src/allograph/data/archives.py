"""Two small sets that come as one file of numpy arrays: faces from many sides, and letters in many fonts.

Neither can be downloaded in this form; both are for research. Put their files into folders of the data directory.
"""

from __future__ import annotations

__all__ = ["load_notmnist", "load_umist"]

import hashlib
import zipfile
import zlib
from pathlib import Path

import numpy as np
import numpy.typing as npt

from allograph.data.concepts import ConceptDataset
from allograph.data.files import PublishedFile, data_folder, present
from allograph.data.pictures import Pictures
from allograph.data.splits import Splits
from allograph.errors import AllographError
from allograph.runtime.files import explain_os_error

# The sums cover the values of the arrays, in the order in which they are read.
_UMIST = PublishedFile("umist_faces.npz", home=None, md5=None, content="2a9efa3aae7b15c3b676bc0b7375cc34")
_NOTMNIST = PublishedFile("notmnist_10k.npz", home=None, md5=None, content="2dfa6ae3bf60f092cca88efe401ea184")

_VALIDATION_PEOPLE = (4, 14)
_TEST_PEOPLE = (5, 10, 15, 20)


def load_umist(data_dir: str | Path | None = None) -> Splits:
    """The UMIST faces: 20 people, 575 views from profile to frontal, 32 x 32 pixels, 256 grey levels.

    Graham, Allinson, "Characterising virtual eigensignatures for general purpose face recognition", in "Face
    recognition: from theory to applications", Springer 1998. People are the concepts; the number of a view is its
    drawer. People 5, 10, 15 and 20 are for test, 4 and 14 for validation, the other 14 for training.

    Raises AllographError when umist/umist_faces.npz is absent, cannot be read or is another file.
    """
    images, subject, view = _arrays("umist", _UMIST, data_dir, ("images", "subject", "view"))
    people = np.unique(subject)
    faces = ConceptDataset(
        name="umist",
        images=Pictures(images[:, None]),
        concept=np.searchsorted(people, subject),
        drawer=view.astype(np.int64),
        concept_names=tuple(f"person {number}" for number in people),
        family_names=("people",),
        family=np.zeros(len(people), dtype=np.int64),
    )
    test, validation = np.isin(people, _TEST_PEOPLE), np.isin(people, _VALIDATION_PEOPLE)
    parts = (~test & ~validation, validation, test)
    train, validation, test = (faces.select(np.flatnonzero(part)) for part in parts)
    return Splits(train, validation, test, images="grey")


def load_notmnist(data_dir: str | Path | None = None) -> Splits:
    """notMNIST: 10,000 glyphs A to J taken from fonts, 28 x 28 pixels, 256 grey levels, ink = 255.

    Bulatov, 2011. Letters are the concepts. Of each letter, in the order of the file, every tenth glyph is for test and
    the one before it for validation. A glyph that equals one of an earlier part pixel by pixel (fonts share glyphs) is
    left out.

    Raises AllographError when notmnist/notmnist_10k.npz is absent, cannot be read or is another file.
    """
    images, label, names = _arrays("notmnist", _NOTMNIST, data_dir, ("images", "label", "label_names"))
    glyphs = ConceptDataset(
        name="notmnist",
        images=Pictures(images[:, None]),
        concept=label.astype(np.int64),
        drawer=np.arange(len(images)),
        concept_names=tuple(names.tolist()),
        family_names=("letters",),
        family=np.zeros(len(names), dtype=np.int64),
    )
    _, same = np.unique(images.reshape(len(images), -1), axis=0, return_inverse=True)
    part = np.select([glyphs.rank % 10 == 9, glyphs.rank % 10 == 8], [2, 1], 0)
    earliest = np.full(len(same), 2)
    np.minimum.at(earliest, same, part)
    train, validation, test = (
        glyphs.select_drawings(np.flatnonzero((part == number) & (earliest[same] == number))) for number in range(3)
    )
    return Splits(train, validation, test, images="grey")


def _arrays(name: str, file: PublishedFile, data_dir: str | Path | None, wanted: tuple[str, ...]) -> list[npt.NDArray]:
    path = present(file, data_folder(name, data_dir))
    digest = hashlib.md5(usedforsecurity=False)
    arrays: list[npt.NDArray] = []
    try:
        # Opened here because numpy leaves a damaged file open.
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as stored:
            arrays = [stored[key] for key in wanted]
    except OSError as error:
        raise explain_os_error(error, f"cannot read {path}") from error
    except (EOFError, ValueError, KeyError, TypeError, AttributeError, zipfile.BadZipFile, zlib.error):
        pass
    for array in arrays:
        digest.update(np.ascontiguousarray(array).tobytes())
    if digest.hexdigest() != file.content:
        raise AllographError(f"{path} is damaged or another file: put a whole copy of {file.name} in its place")
    return arrays
