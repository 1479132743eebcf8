"""`allograph.Augment` in a training pipeline, and classes filled up to a number."""

from __future__ import annotations

import csv
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset

import allograph
from allograph.cli import main
from allograph.errors import AllographError
from commands.pictures import contents, draw_symbol


class Pictures(Dataset):
    """Eight times one symbol, as tensors, drawn anew."""

    def __init__(self, picture: Image.Image, augment: allograph.Augment) -> None:
        self.picture, self.augment = picture, augment

    def __len__(self) -> int:
        return 8

    def __getitem__(self, index: int) -> torch.Tensor:
        values = torch.from_numpy(np.asarray(self.augment(self.picture)).copy())
        return values.permute(2, 0, 1)


@pytest.fixture
def picture(symbols: list[Path]) -> Image.Image:
    with Image.open(symbols[0]) as file:
        return file.convert("RGB")


def test_what_comes_out_is_what_went_in(weights_file: Path, picture: Image.Image) -> None:
    augment = allograph.Augment(weights_file, p=1.0, ahead=3)
    drawn = augment(picture)
    assert (drawn.mode, drawn.size) == ("RGB", picture.size) and drawn.tobytes() != picture.tobytes()
    grey = augment(picture.convert("L"))
    assert grey.mode == "L"
    array = np.asarray(picture)
    assert augment(array).shape == array.shape and augment(array).dtype == np.uint8
    floats = augment(array.astype(np.float32) / 255)
    assert floats.dtype == np.float32 and 0 <= floats.min() < 0.5 < floats.max() <= 1
    tensor = augment(torch.from_numpy(array.copy()).permute(2, 0, 1) / 255)
    assert tensor.shape == (3, 50, 60) and tensor.dtype == torch.float32
    assert augment(torch.zeros(1, 30, 30)).shape == (1, 30, 30)
    with pytest.raises(AllographError, match="not str"):
        augment("picture.png")
    with pytest.raises(AllographError, match="channels"):
        augment(np.zeros((5, 30, 30, 2)))


def test_each_call_is_another_drawing_and_the_seed_fixes_them(weights_file: Path, picture: Image.Image) -> None:
    def run(**settings) -> list[bytes]:
        augment = allograph.Augment(weights_file, **{"p": 1.0, "ahead": 3, **settings})
        return [augment(picture).tobytes() for _ in range(7)]

    drawings = run()
    assert len(set(drawings)) == 7
    assert run() == drawings and run(seed=1) != drawings
    half = run(p=0.5)
    assert 0 < half.count(picture.tobytes()) < 7
    assert set(run(p=0.0)) == {picture.tobytes()}


def test_an_image_without_ink_comes_back(weights_file: Path) -> None:
    blank = Image.new("L", (40, 40), 200)
    augment = allograph.Augment(weights_file, p=1.0)
    assert augment(blank).tobytes() == blank.tobytes() == augment(blank).tobytes()


@pytest.mark.slow
def test_workers_draw_different_things_and_the_same_ones_again(weights_file: Path, picture: Image.Image) -> None:
    augment = pickle.loads(pickle.dumps(allograph.Augment(weights_file, p=1.0, ahead=4)))

    def epoch(seed: int) -> list[bytes]:
        generator = torch.Generator().manual_seed(seed)
        loader = DataLoader(
            Pictures(picture, augment),
            batch_size=2,
            num_workers=2,
            generator=generator,
            multiprocessing_context="spawn",
        )
        return [image.numpy().tobytes() for batch in loader for image in batch]

    first = epoch(0)
    assert len(set(first)) == 8
    assert epoch(0) == first and epoch(1) != first


def test_settings_without_sense_are_refused(weights_file: Path) -> None:
    with pytest.raises(AllographError, match="probability"):
        allograph.Augment(weights_file, p=1.5)
    with pytest.raises(AllographError, match="at least 1"):
        allograph.Augment(weights_file, ahead=0)


def test_classes_are_filled_up_to_a_number(weights_file: Path, classes: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    common = ["augment", str(classes), "-o", str(out), "--model", str(weights_file)]
    assert main([*common, "--to", "5", "--layout", "hf"]) == 0
    made = contents(out)
    for name in ("ka", "tho"):
        assert sum(file.startswith(f"{name}/") for file in made) == 5
    assert sum(file.startswith("ka/original-") for file in made) == 2
    with open(out / "metadata.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["file_name"] for row in rows} == made.keys() - {"manifest.csv", "metadata.csv"}
    assert all(row["label"] == row["file_name"].split("/")[0] for row in rows)
    assert main([*common, "--to", "5", "--layout", "hf"]) == 0
    assert contents(out) == made
    draw_symbol(classes / "li" / "a.png", 2)
    assert main([*common, "--to", "1"]) == 2  # classes hold more already
    assert main(common) == 2 and main([*common, "--to", "5", "--per-class", "5"]) == 2
    assert main([*common, "--to", "1", "-o", str(tmp_path / "small")]) == 0  # of two exemplars both stay
    assert sum(file.startswith("ka/") for file in contents(tmp_path / "small")) == 2
