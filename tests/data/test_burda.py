"""The file chardata.mat, in a small one of the same layout."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

from allograph.data import load_dataset
from allograph.errors import AllographError

TRAIN, TEST = 181, 60


@pytest.fixture
def images() -> np.ndarray:
    """Grey drawings (N, row, column)."""
    return np.random.default_rng(0).integers(0, 256, (TRAIN + TEST, 28, 28)) / 255


@pytest.fixture
def labels() -> np.ndarray:
    """Alphabet, from 0, and character, from 1, of each."""
    random = np.random.default_rng(1)
    return np.stack([random.integers(0, 3, TRAIN + TEST), random.integers(1, 5, TRAIN + TEST)])


@pytest.fixture
def folder(tmp_path: Path, images: np.ndarray, labels: np.ndarray) -> Path:
    columns = images.transpose(0, 2, 1).reshape(len(images), -1).T  # column by column
    one_of = np.eye(50)[:, labels[0]]
    path = tmp_path / "omniglot-burda" / "chardata.mat"
    path.parent.mkdir()
    savemat(
        path,
        {
            "data": columns[:, :TRAIN],
            "target": one_of[:, :TRAIN],
            "targetchar": labels[1:, :TRAIN],
            "testdata": columns[:, TRAIN:],
            "testtarget": one_of[:, TRAIN:],
            "testtargetchar": labels[1:, TRAIN:],
        },
    )
    return tmp_path


def test_drawings_stand_upright_and_keep_their_labels(folder: Path, images: np.ndarray, labels: np.ndarray) -> None:
    test = load_dataset("omniglot-burda", folder).test
    np.testing.assert_allclose(test.drawings(np.arange(TEST), 28)[:, 0].numpy(), images[TRAIN:], atol=1e-6)
    names = [test.concept_names[concept] for concept in test.concept]
    assert names == [f"alphabet {alphabet + 1}/character {number}" for alphabet, number in labels[:, TRAIN:].T]
    assert [test.family_names[test.family[concept]] for concept in test.concept[:5]] == [
        f"alphabet {alphabet + 1}" for alphabet in labels[0, TRAIN : TRAIN + 5]
    ]


def test_every_training_drawing_is_in_one_part(folder: Path, images: np.ndarray) -> None:
    splits = load_dataset("omniglot-burda", folder)
    assert (len(splits.train), len(splits.validation), len(splits.test)) == (TRAIN - 10, 10, TEST)
    parts = (splits.train, splits.validation)
    both = np.concatenate([part.images.pixels(np.arange(len(part)))[:, 0] for part in parts])
    wanted = np.round(images[:TRAIN] * 255).astype(np.uint8)
    assert sorted(image.tobytes() for image in both) == sorted(image.tobytes() for image in wanted)


def test_drawings_are_seen_at_their_own_size_alone(folder: Path) -> None:
    with pytest.raises(AllographError, match="'omniglot-burda' is 28 x 28"):
        load_dataset("omniglot-burda", folder).test.drawings([0], 52)


@pytest.mark.parametrize("damage", ["cut", "text", "empty", "other", "values"])
def test_another_file_is_one_line(folder: Path, damage: str) -> None:
    path = folder / "omniglot-burda" / "chardata.mat"
    whole = path.read_bytes()
    match damage:
        case "cut":
            path.write_bytes(whole[: len(whole) // 2])
        case "text":
            path.write_text("not a file of numbers, but longer than any header of such a file has to be" * 9)
        case "empty":
            path.write_bytes(b"")
        case "other":
            savemat(path, {"data": np.zeros((784, 3))})
        case "values":
            savemat(path, {"data": np.full((784, 3), 2.0), "target": np.zeros((50, 3)), "targetchar": np.ones((1, 3))})
    with pytest.raises(AllographError, match=r"chardata.mat is damaged or not the published") as error:
        load_dataset("omniglot-burda", folder)
    assert "\n" not in str(error.value)
