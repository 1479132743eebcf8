"""`allograph.datasets`: the same images, labels and divisions as `allograph.data`, as torch takes them."""

from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw
from torch.utils.data import DataLoader

import allograph
from allograph import datasets
from allograph.data import ConceptDataset, load_dataset, load_folder
from allograph.errors import AllographError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three classes of six pictures each, and one that is none."""
    for kind in range(3):
        for place in range(6):
            image = Image.new("L", (40, 40), 255)
            ImageDraw.Draw(image).line([(8, 8 + place), (30, 8 + 10 * kind), (12, 34)], 0, 3)
            path = tmp_path / "letters" / f"class-{kind}" / f"{place}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            image.save(path)
    (tmp_path / "letters" / "class-1" / "bad.png").write_text("no image")
    return tmp_path / "letters"


@pytest.mark.parametrize("split", ["30-20", "characters"])
@pytest.mark.parametrize("part", ["train", "validation", "test"])
def test_omniglot_has_the_fixed_parts(data_dir: Path, omniglot: ConceptDataset, split: str, part: str) -> None:
    wanted: ConceptDataset = getattr(load_dataset("omniglot", data_dir, split), part)
    found = datasets.Omniglot(part, split=split, size=28, data_dir=data_dir)  # type: ignore[arg-type]
    assert (len(found), found.classes) == (len(wanted), wanted.concept_names)
    assert found.concepts.fingerprint() == wanted.fingerprint()
    for index in (0, 11, len(found) - 1):
        image, label = found[index]
        assert image.dtype == torch.float32 and image.shape == (1, 28, 28) and type(label) is int
        assert torch.equal(image, wanted.drawings([index], 28)[0]) and label == wanted.concept[index]


@pytest.mark.parametrize(("name", "side"), [("omniglot", 105), ("omniglot-28", 28), ("omniglot-52", 52)])
def test_the_omniglots_have_their_sizes(data_dir: Path, omniglot: ConceptDataset, name: str, side: int) -> None:
    found = datasets.Omniglot("validation", name=name, data_dir=data_dir)
    image, _ = found[0]
    assert image.shape == (1, side, side) and set(image.unique().tolist()) == {0, 1}
    assert 0.01 < image.mean() < 0.2, "ink is 1"
    if name != "omniglot":
        with pytest.raises(AllographError, match="another data set"):
            datasets.Omniglot("validation", name=name, size=30, data_dir=data_dir)


def test_mnist(data_dir: Path) -> None:
    if not (data_dir / "mnist").exists():
        pytest.skip("MNIST is not there")
    found = datasets.MNIST("test", data_dir=data_dir)
    assert (len(found), found.classes, found[0][0].shape) == (10_000, tuple("0123456789"), (1, 28, 28))
    assert [found[k][1] for k in range(5)] == [7, 2, 1, 0, 4]
    assert [len(datasets.MNIST(part, data_dir=data_dir)) for part in ("train", "validation")] == [50_000, 10_000]


def test_a_folder_whole_and_in_parts(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = datasets.Folder(folder, images="grey")
    assert found.concepts.fingerprint() == load_folder(folder, "grey").dataset.fingerprint()
    assert (len(found), found.classes, found[17][1]) == (18, ("class-0", "class-1", "class-2"), 2)
    assert [problem.path.name for problem in found.problems] == ["bad.png"]
    splits = load_dataset(folder, seed=3, images="grey")
    for part in ("train", "validation", "test"):
        one = datasets.Folder(folder, part, images="grey", seed=3)
        assert one.concepts.fingerprint() == getattr(splits, part).fingerprint()
        assert one.problems == found.problems
    colour = datasets.Folder(folder, images="colour")
    assert colour[0][0].shape == (3, 40, 40) and colour[0][0].max() == 1
    monkeypatch.chdir(folder.parent)
    folder.rename("mnist")
    named = datasets.Folder("mnist", "test", images="grey", seed=3)
    assert len(named) == len(splits.test), "the folder, not the data set"


def test_symbols_are_brought_to_the_space_of_omniglot(folder: Path) -> None:
    for path in [*folder.glob("*/[1-5].png"), *folder.glob("class-[12]/0.png")]:
        path.unlink()
    found = datasets.Folder(folder, size=28)
    assert found.concepts.fingerprint() == load_folder(folder).dataset.fingerprint()
    assert found.classes == ("class-0",) and {problem.path.name for problem in found.problems} == {"bad.png", "class-2"}
    image, label = found[0]
    assert image.shape == (1, 28, 28) and label == 0 and set(image.unique().tolist()) == {0, 1}


def test_a_loader_takes_it_with_transforms_and_workers(folder: Path) -> None:
    found = datasets.Folder(folder, images="grey", size=20, transform=torch.flatten, target_transform=str)
    batches = list(DataLoader(found, 5, num_workers=2))
    assert [images.shape for images, _ in batches] == [(5, 400)] * 3 + [(3, 400)]
    alone = [found[k] for k in range(18)]
    assert torch.equal(torch.cat([images for images, _ in batches]), torch.stack([image for image, _ in alone]))
    assert [label for _, labels in batches for label in labels] == [label for _, label in alone] == sorted("012" * 6)
    copy = pickle.loads(pickle.dumps(found))
    assert torch.equal(copy[4][0], found[4][0]) and "18 images of 3 classes, 20 x 20" in repr(copy)


def test_indices_are_those_of_a_sequence(folder: Path) -> None:
    found = datasets.Folder(folder, images="grey")
    assert torch.equal(found[-1][0], found[17][0]) and found[np.int64(3)][1] == 0
    for index in (18, -19):
        with pytest.raises(IndexError):
            found[index]
    assert sum(1 for _ in found) == 18
    assert found.__getitems__([]) == []


def test_mistakes_get_one_line(folder: Path, tmp_path: Path) -> None:
    for wrong in (
        lambda: datasets.Omniglot("valid"),  # type: ignore[arg-type]
        lambda: datasets.Omniglot(name="omniglot-30"),
        lambda: datasets.MNIST("all"),  # type: ignore[arg-type]
        lambda: datasets.Folder(folder, "some"),  # type: ignore[arg-type]
        lambda: datasets.Folder(folder, images="grey", size=0),
        lambda: datasets.Folder(tmp_path / "absent"),
        lambda: datasets.Folder(tmp_path / "absent", "train"),
    ):
        with pytest.raises(AllographError) as caught:
            wrong()
        assert "\n" not in str(caught.value)


def test_it_is_imported_when_it_is_used() -> None:
    code = "import allograph, sys; assert 'torch' not in sys.modules; print(allograph.datasets.Omniglot.__name__)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "Omniglot\n"
    assert allograph.datasets is datasets
