"""Any folder of images is a data set; what cannot be read is named and left out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from allograph.data import ConceptDataset, ImageKind, PackedBitmaps, load_dataset, load_folder, split_folder
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
        images=PackedBitmaps.pack(images.reshape(total, 4, 4)),
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
        empty: "has no usable image",
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
    with pytest.raises(AllographError, match=r"'test' is too small .* 10 classes of two images, or one class of 6"):
        split_folder(dataset_of([5, 5, 1]))


def test_a_folder_is_loaded_and_divided_by_its_path(root: Path) -> None:
    for number in range(6):
        draw(root / "delta" / f"{number}.png", number)
    (root / "delta" / "broken.png").write_bytes(b"")
    splits = load_dataset(root)
    assert [len(part) for part in (splits.train, splits.validation, splits.test)] == [7, 2, 2]
    assert [problem.path.name for problem in splits.problems] == ["broken.png"]


def save(path: Path, pixels: np.ndarray) -> np.ndarray:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return pixels


def test_pictures_of_one_size_are_kept_to_the_last_bit(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    colour = [save(tmp_path / "a" / f"{i}.png", random.integers(0, 256, (28, 28, 3), np.uint8)) for i in range(2)]
    dataset = load_folder(tmp_path, "colour").dataset
    assert (dataset.channels, dataset.side, dataset.binary) == (3, 28, False)
    np.testing.assert_array_equal(dataset.images.pixels([0, 1]), np.stack(colour).transpose(0, 3, 1, 2))
    grey = save(tmp_path / "b" / "1.png", random.integers(0, 256, (28, 28), np.uint8))
    dataset = load_folder(tmp_path, "grey").dataset
    np.testing.assert_array_equal(dataset.images.pixels([2])[0, 0], grey)
    luma = colour[0] @ [0.299, 0.587, 0.114]
    assert np.abs(dataset.images.pixels([0])[0, 0] - luma).max() <= 1


def test_pictures_are_middle_squares_averaged_to_one_side(tmp_path: Path) -> None:
    wide = np.zeros((40, 100), np.uint8)
    wide[:, 30:50], wide[:, 50:70], wide[:, :30] = 100, 200, 7
    save(tmp_path / "a" / "wide.png", wide)
    save(tmp_path / "a" / "small.png", np.full((20, 20), 50, np.uint8))
    dataset = load_folder(tmp_path, "grey").dataset  # by name: small, wide
    pixels = dataset.images.pixels([0, 1])[:, 0]
    assert pixels.shape == (2, 40, 40) and (pixels[0] == 50).all()
    assert (pixels[1, :, :20] == 100).all() and (pixels[1, :, 20:] == 200).all()
    save(tmp_path / "a" / "large.png", np.kron(np.eye(2, dtype=np.uint8) * 255, np.ones((256, 256), np.uint8)))
    large = load_folder(tmp_path, "grey").dataset.images.pixels([0])[0, 0]
    np.testing.assert_array_equal(large, np.kron(np.eye(2) * 255, np.ones((64, 64))))


def test_transparent_pictures_lie_on_white(tmp_path: Path) -> None:
    pixels = np.zeros((16, 16, 4), np.uint8)
    pixels[:, :8] = [255, 0, 0, 255]
    save(tmp_path / "a" / "1.png", pixels)
    seen = load_folder(tmp_path, "colour").dataset.images.pixels([0])[0]
    assert seen[:, 5, 3].tolist() == [255, 0, 0] and seen[:, 5, 12].tolist() == [255, 255, 255]


@pytest.mark.parametrize("images", ["grey", "colour"])
def test_bad_pictures_are_named_and_left_out(root: Path, images: ImageKind) -> None:
    (root / "beta" / "broken.png").write_bytes((root / "beta" / "1.png").read_bytes()[:50])
    folder = load_folder(root, images)
    assert len(folder.dataset) == 5
    assert [problem.path.name for problem in folder.problems] == ["broken.png"]


def test_a_folder_of_pictures_is_divided(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    for number in range(8):
        save(tmp_path / "a" / f"{number}.png", random.integers(0, 256, (9, 9, 3), np.uint8))
    splits = load_dataset(tmp_path, images="colour")
    assert [len(part) for part in (splits.train, splits.validation, splits.test)] == [4, 2, 2]
    assert splits.test.overlap(splits.train.sketch()) == 0
