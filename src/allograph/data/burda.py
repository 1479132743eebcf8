"""Omniglot at 28 x 28 pixels as Burda, Grosse and Salakhutdinov published it: the file chardata.mat.

"Importance weighted autoencoders", ICLR 2016. Most figures on "Omniglot 28 x 28" are for this file, also those of
Rezende et al., 2016, table 3. It cannot be made from the 105 x 105 images, and it is split by drawings, not by
characters: a test drawing is a new drawing of a known character.
"""

from __future__ import annotations

__all__ = ["load_burda"]

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from allograph.data.concepts import ConceptDataset
from allograph.data.files import PublishedFile, data_folder, present, read
from allograph.data.pictures import Pictures
from allograph.data.splits import Splits
from allograph.errors import AllographError

_SIDE = 28
_FILE = PublishedFile(
    "chardata.mat",
    "https://raw.githubusercontent.com/yburda/iwae/master/datasets/OMNIGLOT/",
    md5="21ecaf34373511aa7691cf2e0802aa3d",
)
# Users of the file take 1,345 of the 24,345 training drawings for validation.
_VALIDATION_SHARE = 1345 / 24345


def load_burda(data_dir: str | Path | None = None) -> Splits:
    """The published 24,345 training drawings, of which 1,345 at even distances are for validation, and 8,070 test
    drawings.

    Pixels are 256 grey levels, ink = 255; published figures binarise them (``binarisation = "dynamic"``). They are
    shown only at 28 x 28 pixels. Characters are the concepts; drawers are unknown, so each drawing has its own.

    The file is read from the folder omniglot-burda of the data directory, and downloaded there if absent.

    Raises AllographError when it cannot be downloaded or read, or holds something else.
    """
    path = present(_FILE, data_folder("omniglot-burda", data_dir))
    arrays = _arrays(path)
    try:
        rest = _part(arrays["data"], arrays["target"], arrays["targetchar"])
        test = _part(arrays["testdata"], arrays["testtarget"], arrays["testtargetchar"])
    except (KeyError, ValueError, IndexError, TypeError) as error:
        raise _unknown(path) from error
    count = max(1, round(len(rest) * _VALIDATION_SHARE))
    held_out = np.isin(np.arange(len(rest)), np.arange(count) * len(rest) // count)
    train, validation = (rest.select_drawings(np.flatnonzero(part)) for part in (~held_out, held_out))
    return Splits(train, validation, test)


def _unknown(path: Path) -> AllographError:
    return AllographError(
        f"{path} is damaged or not the published chardata.mat: delete it and run again to download it again"
    )


def _arrays(path: Path) -> Mapping[str, Any]:
    import io

    from scipy.io import loadmat
    from scipy.io.matlab import MatReadError

    try:
        return loadmat(io.BytesIO(read(path)))
    except (MatReadError, ValueError, NotImplementedError, TypeError, OSError, EOFError) as error:
        raise _unknown(path) from error


def _part(
    data: npt.NDArray[np.floating], target: npt.NDArray[np.floating], character: npt.NDArray[np.integer]
) -> ConceptDataset:
    """One part, with one column for each drawing: pixels (784, N), column by column, 0 to 1; alphabets (50, N), one of
    them 1; the number of the character in its alphabet (1, N)."""
    count = data.shape[1]
    if data.shape != (_SIDE**2, count) or target.shape[1] != count or character.shape != (1, count):
        raise ValueError("other shapes")
    if not (np.isfinite(data).all() and 0 <= data.min() <= data.max() <= 1):
        raise ValueError("other values")
    pixels = np.round(data * 255).astype(np.uint8).T.reshape(count, 1, _SIDE, _SIDE).swapaxes(-1, -2)
    keys = np.stack([target.argmax(axis=0), character[0]])
    kinds, concept = np.unique(keys, axis=1, return_inverse=True)
    alphabets, family = np.unique(kinds[0], return_inverse=True)
    return ConceptDataset(
        name="omniglot-burda",
        images=Pictures(np.ascontiguousarray(pixels), only_size=_SIDE),
        concept=concept.reshape(-1),
        drawer=np.arange(count),
        concept_names=tuple(f"alphabet {alphabet + 1}/character {number}" for alphabet, number in kinds.T.tolist()),
        family_names=tuple(f"alphabet {alphabet + 1}" for alphabet in alphabets.tolist()),
        family=family.reshape(-1),
    )
