"""MNIST: 70,000 handwritten digits, 28 x 28 pixels, 256 grey levels, ink = 255.

LeCun, Bottou, Bengio, Haffner, "Gradient-based learning applied to document recognition", Proceedings of the IEEE 86
(1998) 2278. Its files are in the IDX format, gzipped: two zero bytes, the type (8: unsigned byte), the number of
dimensions, each dimension as a big-endian 32-bit number, then the values.
"""

from __future__ import annotations

__all__ = ["load_mnist"]

from pathlib import Path

import numpy as np
import numpy.typing as npt

from allograph.data.concepts import ConceptDataset
from allograph.data.files import PublishedFile, content, data_folder, present
from allograph.data.pictures import Pictures
from allograph.data.splits import Splits

_HOME = "https://ossci-datasets.s3.amazonaws.com/mnist/"
_FILES = {
    "train": (
        PublishedFile(
            "train-images-idx3-ubyte.gz",
            _HOME,
            md5="f68b3c2dcbeaaa9fbdd348bbdeb94873",
            content="6bbc9ace898e44ae57da46a324031adb",
        ),
        PublishedFile(
            "train-labels-idx1-ubyte.gz",
            _HOME,
            md5="d53e105ee54ea40749a09fcbcd1e9432",
            content="a25bea736e30d166cdddb491f175f624",
        ),
    ),
    "test": (
        PublishedFile(
            "t10k-images-idx3-ubyte.gz",
            _HOME,
            md5="9fb629c4189551a2d022fa330f9573f3",
            content="2646ac647ad5339dbf082846283269ea",
        ),
        PublishedFile(
            "t10k-labels-idx1-ubyte.gz",
            _HOME,
            md5="ec29112dd5afa0611ce80d1b7f02629c",
            content="27ae3e4e09519cfbb04c329615203637",
        ),
    ),
}
_TRAIN = 50_000
_DIGITS = tuple("0123456789")


def load_mnist(data_dir: str | Path | None = None) -> Splits:
    """The first 50,000 and the last 10,000 of the training digits, and the 10,000 test digits; digits are concepts.

    The files are read from the folder mnist of the data directory, and downloaded there if absent
    (`allograph.data.files`). Drawers are unknown, so every image has its own.

    Raises AllographError if a file cannot be downloaded or read, or is not what was published.
    """
    folder = data_folder("mnist", data_dir)
    (train, train_labels), (test, test_labels) = (_images_and_labels(folder, part) for part in ("train", "test"))
    return Splits(
        _digits(train[:_TRAIN], train_labels[:_TRAIN]),
        _digits(train[_TRAIN:], train_labels[_TRAIN:]),
        _digits(test, test_labels),
        images="digits",
    )


def _digits(images: npt.NDArray[np.uint8], labels: npt.NDArray[np.uint8]) -> ConceptDataset:
    return ConceptDataset(
        name="mnist",
        images=Pictures(images[:, None]),
        concept=labels.astype(np.int64),
        drawer=np.arange(len(images)),
        concept_names=_DIGITS,
        family_names=("digits",),
        family=np.zeros(len(_DIGITS), dtype=np.int64),
    )


def _images_and_labels(folder: Path, part: str) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    """Images (N, 28, 28) and labels (N,)."""
    images, labels = (_read(present(file, folder), file) for file in _FILES[part])
    return images, labels


def _read(path: Path, file: PublishedFile) -> npt.NDArray[np.uint8]:
    data = content(path, file)
    dimensions = data[3]
    shape = np.frombuffer(data, ">u4", dimensions, offset=4).tolist()
    return np.frombuffer(data, np.uint8, offset=4 + 4 * dimensions).reshape(shape)
