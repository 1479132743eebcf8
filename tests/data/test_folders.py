"""Any folder of images is a data set; what cannot be read is named and left out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from allograph.data import ConceptDataset, PackedBitmaps, load_dataset, load_folder, split_folder
from allograph.errors import AllographError


def draw(path: Path, angle: float = 0.0, dark: bool = True) -> None:
    """An L on a 90 x 70 picture, saved in the format that the name asks for."""
    ink, paper = ("black", "white") if dark else ("white", "black")
    image = Image.new("RGB", (90, 70), paper)
    ImageDraw.Draw(image).line([(30, 10), (30, 55), (60, 55)], fill=ink, width=4)
    path.parent.mkdir(parents=True, exist_ok=True)
    image.rotate(angle, fillcolor=paper).save(path)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Two classes with five good images of several formats, and things that are no images."""
    draw(tmp_path / "beta" / "2.JPG", 5)
    draw(tmp_path / "beta" / "1.png", dark=False)
    draw(tmp_path / "alpha" / "one.gif")
    draw(tmp_path / "alpha" / "two.webp", 10)
    draw(tmp_path / "alpha" / "three.tif", 20)
    draw(tmp_path / "alpha" / ".hidden.png")
    draw(tmp_path / ".git" / "1.png")
    draw(tmp_path / "alpha" / "deeper" / "1.png")
    (tmp_path / "alpha" / "notes.txt").write_text("about alpha")
    (tmp_path / "README.md").write_text("about all")
    return tmp_path


def dataset_of(counts: list[int]) -> ConceptDataset:
    total = sum(counts)
    images = (np.arange(1, total + 1)[:, None] >> np.arange(16)) & 1
    return ConceptDataset(
        name="test",
        bitmaps=PackedBitmaps.pack(images.reshape(total, 4, 4)),
        concept=np.repeat(np.arange(len(counts)), counts),
        drawer=np.arange(total),
        concept_names=tuple(f"c{index}" for index in range(len(counts))),
        family_names=("f",),
        family=np.zeros(len(counts), dtype=np.int64),
    )


def test_classes_and_images_are_taken_by_name(root: Path) -> None:
    folder = load_folder(root)
    assert not folder.problems
    assert folder.dataset.concept_names == ("alpha", "beta")
    assert folder.dataset.drawings_per_concept.tolist() == [3, 2]
    assert folder.dataset.family_names == (root.name,) == (folder.dataset.name,)


def test_polarity_and_format_do_not_matter(root: Path) -> None:
    dataset = load_folder(root).dataset
    light_png, dark_gif = dataset.drawings([dataset.images_of(1)[0], dataset.images_of(0)[0]], 52)
    assert (light_png * dark_gif).sum() / (light_png + dark_gif).clamp(max=1).sum() > 0.9
    assert 0.01 < light_png.mean() < 0.3


def test_bad_files_and_empty_classes_are_named_and_left_out(root: Path) -> None:
    (root / "beta" / "broken.png").write_bytes((root / "beta" / "1.png").read_bytes()[:50])
    Image.new("L", (40, 40), 255).save(root / "beta" / "blank.png")
    (root / "gamma").mkdir()
    folder = load_folder(root)
    assert len(folder.dataset) == 5 and folder.dataset.concept_names == ("alpha", "beta")
    left_out = [problem.path.relative_to(root).as_posix() for problem in folder.problems]
    assert left_out == ["beta/blank.png", "beta/broken.png", "gamma"]
    assert all(problem.message and "\n" not in problem.message for problem in folder.problems)


def test_what_is_no_data_set_is_one_clear_line(root: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    (empty / "class").mkdir(parents=True)
    loose = tmp_path / "loose"
    draw(loose / "1.png")
    cases = {
        root / "nothing": "there is no folder",
        root / "README.md": "is a file",
        loose: r"1 images, but no class folder.*CLASS/\*\.png",
        empty / "class": "no class folder",
        empty: "no image in .* can be used",
    }
    for path, message in cases.items():
        with pytest.raises(AllographError, match=message) as caught:
            load_folder(path)
        assert "\n" not in str(caught.value)


@given(counts=st.lists(st.integers(2, 5), min_size=10, max_size=40), singles=st.integers(0, 5), seed=st.integers(0, 99))
def test_of_many_concepts_whole_ones_are_held_out(counts: list[int], singles: int, seed: int) -> None:
    dataset = dataset_of(counts + [1] * singles)
    divided = split_folder(dataset, seed)
    names = [part.concept_names for part in (divided.train, divided.validation, divided.test)]
    assert sorted(sum(names, ())) == sorted(dataset.concept_names)
    assert len(names[1]) == len(names[2]) == round(len(counts) / 10)
    for held_out in (divided.validation, divided.test):
        assert held_out.drawings_per_concept.min() >= 2


@given(
    counts=st.lists(st.integers(1, 40), min_size=1, max_size=9).filter(lambda n: max(n) >= 6), seed=st.integers(0, 9)
)
def test_of_few_concepts_drawings_are_held_out(counts: list[int], seed: int) -> None:
    dataset = dataset_of(counts)
    divided = split_folder(dataset, seed)
    parts = (divided.train, divided.validation, divided.test)
    drawers = [drawer for part in parts for drawer in part.drawer.tolist()]
    assert sorted(drawers) == list(range(len(dataset)))
    assert divided.train.concept_names == dataset.concept_names
    for held_out in parts[1:]:
        assert len(held_out) and held_out.drawings_per_concept.min() >= 2


def test_the_seed_decides_what_is_held_out() -> None:
    dataset = dataset_of([3] * 30)
    one, again, other = (split_folder(dataset, seed).validation.concept_names for seed in (0, 0, 1))
    assert one == again != other


def test_too_small_a_folder_is_one_clear_line() -> None:
    with pytest.raises(AllographError, match=r"'test' is too small .* 10 classes of two images or a class of 6"):
        split_folder(dataset_of([5, 5, 1]))


def test_a_folder_is_loaded_and_divided_by_its_path(root: Path) -> None:
    for number in range(6):
        draw(root / "delta" / f"{number}.png", number)
    (root / "delta" / "broken.png").write_bytes(b"")
    splits = load_dataset(root)
    assert [len(part) for part in (splits.train, splits.validation, splits.test)] == [7, 2, 2]
    assert [problem.path.name for problem in splits.problems] == ["broken.png"]
