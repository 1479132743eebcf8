"""Static MNIST: digits binarised once and for all, a standard for comparing densities.

Salakhutdinov, Murray, "On the quantitative analysis of deep belief networks", ICML 2008, binarised every pixel at
random with its grey level as the probability; Larochelle, Murray, "The neural autoregressive distribution estimator",
AISTATS 2011, published the result: a line of 784 zeros and ones for each image, 50,000 + 10,000 + 10,000 of them.
There are no labels, and the order of the first two parts is not MNIST's.
"""

from __future__ import annotations

__all__ = ["load_static_mnist"]

from pathlib import Path

import numpy as np
import numpy.typing as npt

from allograph.data.bitmaps import PackedBitmaps
from allograph.data.concepts import ConceptDataset
from allograph.data.files import PublishedFile, cached, content, data_folder, present
from allograph.data.splits import Splits

_SIDE = 28
_HOME = "http://www.cs.toronto.edu/~larocheh/public/datasets/binarized_mnist/"
# The files are published uncompressed.
_FILES = tuple(
    PublishedFile(f"binarized_mnist_{part}.amat", _HOME, md5=md5, content=md5)
    for part, md5 in (
        ("train", "db28b1a6ae0fe70cbd3da91acf46e477"),
        ("valid", "bf37822a04e94123630de6a7dfd9c9ef"),
        ("test", "14e41ae11040adba6ab8cb291eda0dd8"),
    )
)


def load_static_mnist(data_dir: str | Path | None = None) -> Splits:
    """The published 50,000 training, 10,000 validation and 10,000 test images, each its own concept.

    The files, gzipped or not, are read from the folder binarized_mnist of the data directory, and downloaded there if
    absent (`allograph.data.files`). The images are shown only at their own size: interpolation would change the
    statistics of binary pixels.

    Raises AllographError if a file cannot be downloaded or read, or is not what was published.
    """
    folder = data_folder("binarized_mnist", data_dir)
    train, validation, test = (_part(present(file, folder), file) for file in _FILES)
    return Splits(train, validation, test, images="digits")


def _part(path: Path, file: PublishedFile) -> ConceptDataset:
    stored = cached(f"{Path(file.name).stem}-1", [path], lambda: {"bits": _bits(content(path, file))})
    return ConceptDataset.unlabelled("mnist-static", PackedBitmaps(stored["bits"], _SIDE, only_size=_SIDE))


def _bits(text: bytes) -> npt.NDArray[np.uint8]:
    """The packed images (N, 98) from lines "0 1 0 ... 1", with a digit at every second place."""
    return np.packbits(np.frombuffer(text, np.uint8).reshape(-1, 2 * _SIDE**2)[:, ::2] == ord("1"), axis=1)
