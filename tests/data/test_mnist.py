"""Digits: read as published, checked, divided; nothing damaged gets through."""

from __future__ import annotations

import gzip
import hashlib
import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from allograph.data import load_dataset, mnist, static_mnist
from allograph.data.files import PublishedFile
from allograph.errors import AllographError


def idx(array: np.ndarray) -> bytes:
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.tobytes()


def write(folder: Path, file: PublishedFile, data: bytes) -> PublishedFile:
    """The file with these data in place of the published ones."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / file.name).write_bytes(gzip.compress(data) if file.name.endswith(".gz") else data)
    return replace(file, content=hashlib.md5(data).hexdigest())


@pytest.fixture
def digits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, np.ndarray, np.ndarray]:
    """A data directory with 30 + 10 random digits, and these images and labels."""
    random = np.random.default_rng(0)
    images, labels = random.integers(0, 256, (40, 28, 28), np.uint8), np.arange(40, dtype=np.uint8) % 10
    parts = {"train": slice(0, 30), "test": slice(30, 40)}
    files = {
        part: tuple(
            write(tmp_path / "mnist", file, idx(array[chosen]))
            for file, array in zip(mnist._FILES[part], (images, labels), strict=True)
        )
        for part, chosen in parts.items()
    }
    monkeypatch.setattr(mnist, "_FILES", files)
    monkeypatch.setattr(mnist, "_TRAIN", 20)
    return tmp_path, images, labels


def test_digits_are_divided_in_the_order_of_the_files(digits: tuple[Path, np.ndarray, np.ndarray]) -> None:
    folder, images, labels = digits
    splits = load_dataset("mnist", folder)
    parts = (splits.train, splits.validation, splits.test)
    for part, chosen in zip(parts, np.split(np.arange(40), [20, 30]), strict=True):
        np.testing.assert_array_equal(part.images.pixels(np.arange(len(part)))[:, 0], images[chosen])
        assert [part.concept_names[concept] for concept in part.concept] == [str(label) for label in labels[chosen]]


def test_unzipped_files_do_as_well(digits: tuple[Path, np.ndarray, np.ndarray]) -> None:
    folder, *_ = digits
    before = load_dataset("mnist", folder).test.fingerprint()
    for path in (folder / "mnist").iterdir():
        path.with_suffix("").write_bytes(gzip.decompress(path.read_bytes()))
        path.unlink()
    assert load_dataset("mnist", folder).test.fingerprint() == before


@pytest.mark.parametrize("damage", ["cut", "text", "flipped", "other"])
def test_a_damaged_file_is_one_clear_line(digits: tuple[Path, np.ndarray, np.ndarray], damage: str) -> None:
    path = digits[0] / "mnist" / "t10k-images-idx3-ubyte.gz"
    data = path.read_bytes()
    changed = {
        "cut": data[:-30],
        "text": b"404: Not Found",
        "flipped": data[:200] + bytes(byte ^ 255 for byte in data[200:240]) + data[240:],
        "other": gzip.compress(idx(np.zeros((10, 28, 28), np.uint8))),
    }
    path.write_bytes(changed[damage])
    with pytest.raises(AllographError, match=r"t10k-images-idx3-ubyte\.gz is damaged .* delete it") as caught:
        load_dataset("mnist", digits[0])
    assert "\n" not in str(caught.value)


def test_absent_files_are_downloaded_with_their_checksum(tmp_path: Path, offline: list[dict[str, object]]) -> None:
    with pytest.raises(AllographError, match=r"cannot download train-images-idx3-ubyte\.gz \(no route to host\)"):
        load_dataset("mnist", tmp_path)
    assert offline[0]["known_hash"] == "md5:f68b3c2dcbeaaa9fbdd348bbdeb94873"
    with pytest.raises(AllographError, match=r"put the file from http://.*/binarized_mnist_train\.amat at"):
        load_dataset("mnist-static", tmp_path)
    assert offline[1]["path"] == tmp_path / "binarized_mnist"


@pytest.fixture
def static(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, np.ndarray]:
    """A data directory with 7, 3 and 2 random binary images, and these images."""
    monkeypatch.setenv("ALLOGRAPH_CACHE", str(tmp_path / "cache"))
    images = (np.random.default_rng(0).random((12, 28, 28)) < 0.2).astype(np.uint8)
    parts = np.split(images, [7, 10])
    lines = ["".join(" ".join(map(str, image.reshape(-1))) + "\n" for image in part) for part in parts]
    folder = tmp_path / "binarized_mnist"
    files = [write(folder, file, text.encode()) for file, text in zip(static_mnist._FILES, lines, strict=True)]
    monkeypatch.setattr(static_mnist, "_FILES", tuple(files))
    return tmp_path, images


@pytest.mark.parametrize("zipped", [False, True])
def test_static_digits_are_read_and_kept(
    static: tuple[Path, np.ndarray], zipped: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, images = static
    if zipped:
        for path in (folder / "binarized_mnist").iterdir():
            path.with_suffix(".amat.gz").write_bytes(gzip.compress(path.read_bytes()))
            path.unlink()
    for _ in range(2):
        splits = load_dataset("mnist-static", folder)
        parts = (splits.train, splits.validation, splits.test)
        assert [len(part) for part in parts] == [7, 3, 2] == [part.concepts for part in parts]
        seen = np.concatenate([part.drawings(np.arange(len(part)), 28)[:, 0].numpy() for part in parts])
        np.testing.assert_array_equal(seen, images)
        # The second time comes from the cache.
        monkeypatch.setattr(static_mnist, "_bits", lambda _: pytest.fail("the text was read again"))
    with pytest.raises(AllographError, match=r"'mnist-static' is 28 x 28 .* model of 28 x 28 images \(image_size=28\)"):
        splits.test.drawings([0], 32)


def test_a_damaged_text_is_one_clear_line(static: tuple[Path, np.ndarray]) -> None:
    path = static[0] / "binarized_mnist" / "binarized_mnist_valid.amat"
    path.write_bytes(path.read_bytes().replace(b"1", b"0", 1))
    with pytest.raises(AllographError, match=r"binarized_mnist_valid\.amat is damaged .* delete it"):
        load_dataset("mnist-static", static[0])


def test_the_real_digits_are_all_there(published: Callable[[str], Path]) -> None:
    splits = load_dataset("mnist", published("mnist"))
    assert [len(part) for part in (splits.train, splits.validation, splits.test)] == [50_000, 10_000, 10_000]
    assert splits.test.drawings_per_concept.tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    # The often-quoted mean of the 60,000 is 0.1307.
    means = [float(part.images.pixels(np.arange(len(part))).mean()) for part in (splits.train, splits.validation)]
    assert (5 * means[0] + means[1]) / 6 / 255 == pytest.approx(0.1307, abs=5e-5)
    assert splits.test.overlap(splits.train.sketch()) == splits.validation.overlap(splits.train.sketch()) == 0


def test_the_real_static_digits_are_binary_mnist(published: Callable[[str], Path]) -> None:
    static = load_dataset("mnist-static", published("binarized_mnist"))
    assert [len(part) for part in (static.train, static.validation, static.test)] == [50_000, 10_000, 10_000]
    assert static.test.overlap(static.train.sketch()) == 0
    # The test part is MNIST's, sorted by digit: a pixel is ink with its grey level as the probability.
    test = load_dataset("mnist", published("mnist")).test
    grey = test.drawings(np.argsort(test.concept, kind="stable"), 28)
    ink = static.test.drawings(np.arange(10_000), 28)
    assert (ink[grey == 0] == 0).all() and (ink[grey == 1] == 1).all()
    middle = (grey > 0.4) & (grey < 0.6)
    assert (ink[middle].mean() - grey[middle].mean()).abs() < 0.005
