"""Omniglot's archives: read exactly, once; whatever is wrong with them is one clear line."""

from __future__ import annotations

import io
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from allograph.data import Augmentation, ConceptDataset, PackedBitmaps, PairSource, fixed_pairs, load_omniglot
from allograph.errors import AllographError

CHARACTERS = {
    "images_background": {"Greek": 2, "Arcadian": 1},
    "images_evaluation": {"Angelic": 2},
}


def pixels_of(alphabet: str, character: int, drawer: int) -> np.ndarray:
    seed = [len(alphabet), character, drawer]
    return np.random.default_rng(seed).random((105, 105)) < 0.1


@pytest.fixture
def archives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data directory with two small archives of the official layout, and a cache directory of its own."""
    monkeypatch.setenv("ALLOGRAPH_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "data" / "omniglot"
    folder.mkdir(parents=True)
    for part, alphabets in CHARACTERS.items():
        with zipfile.ZipFile(folder / f"{part}.zip", "w") as archive:
            archive.writestr(f"{part}/", "")
            for alphabet, count in alphabets.items():
                for character in range(1, count + 1):
                    for drawer in (10, 2, 1):
                        buffer = io.BytesIO()
                        # Ink is black, one bit a pixel, as published.
                        Image.fromarray(~pixels_of(alphabet, character, drawer)).save(buffer, "PNG")
                        member = f"{part}/{alphabet}/character{character:02d}/0042_{drawer:02d}.png"
                        archive.writestr(member, buffer.getvalue())
    return folder.parent


def test_every_drawing_has_its_pixels_and_labels(archives: Path) -> None:
    dataset = load_omniglot(archives)
    # Background before evaluation, then by name.
    assert dataset.family_names == ("Arcadian", "Greek", "Angelic")
    names = ("Arcadian/character01", "Greek/character01", "Greek/character02")
    assert dataset.concept_names == (*names, "Angelic/character01", "Angelic/character02")
    assert dataset.family.tolist() == [0, 1, 1, 2, 2]
    assert dataset.drawer.tolist() == [1, 2, 10] * 5
    for index, (concept, drawer) in enumerate(zip(dataset.concept, dataset.drawer, strict=True)):
        alphabet, character = dataset.concept_names[concept].split("/")
        expected = pixels_of(alphabet, int(character[-2:]), drawer)
        np.testing.assert_array_equal(dataset.images.unpack([index])[0], expected)


def test_the_second_time_comes_from_the_cache(archives: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = load_omniglot(archives)
    monkeypatch.setattr(Image, "open", lambda *_: pytest.fail("an image was decoded again"))
    assert load_omniglot(archives).fingerprint() == first.fingerprint()


def test_other_archives_have_another_cache(archives: Path) -> None:
    before = load_omniglot(archives)
    with zipfile.ZipFile(archives / "omniglot" / "images_evaluation.zip", "a") as archive:
        member = archive.namelist()[-1]
        archive.writestr("images_evaluation/Tengwar/character01/0001_01.png", archive.read(member))
    assert len(load_omniglot(archives)) == len(before) + 1


def test_a_damaged_cache_is_made_again(archives: Path, tmp_path: Path) -> None:
    first = load_omniglot(archives)
    (cache,) = (tmp_path / "cache").iterdir()
    whole = cache.read_bytes()
    for broken in (whole[:1000], b"", whole[:300] + bytes(300) + whole[600:]):
        cache.write_bytes(broken)
        assert load_omniglot(archives).fingerprint() == first.fingerprint()
        assert cache.read_bytes() != broken


def test_no_cache_can_be_written(archives: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    obstacle = tmp_path / "file"
    obstacle.touch()
    monkeypatch.setenv("ALLOGRAPH_CACHE", str(obstacle / "cache"))
    assert load_omniglot(archives).concepts == 5


def test_the_environment_names_the_data_directory(archives: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALLOGRAPH_DATA", str(archives))
    assert load_omniglot().concepts == 5


def test_present_archives_are_taken_as_they_are(archives: Path, offline: list[dict[str, object]]) -> None:
    load_omniglot(archives)
    assert not offline


def test_absent_archives_are_downloaded_with_their_checksum(tmp_path: Path, offline: list[dict[str, object]]) -> None:
    with pytest.raises(AllographError, match=r"cannot download images_background\.zip \(no route to host\)") as caught:
        load_omniglot(tmp_path)
    assert "\n" not in str(caught.value)
    assert offline[0]["known_hash"] == "md5:68d2efa1b9178cc56df9314c21c6e718"
    assert offline[0]["path"] == tmp_path / "omniglot"


@pytest.mark.parametrize("damage", ["cut", "text", "empty zip", "flipped bytes", "wrong size"])
def test_a_damaged_archive_is_one_clear_line(archives: Path, damage: str) -> None:
    path = archives / "omniglot" / "images_background.zip"
    content = path.read_bytes()
    if damage == "cut":
        path.write_bytes(content[: len(content) // 2])
    elif damage == "text":
        path.write_text("404: Not Found")
    elif damage == "empty zip":
        zipfile.ZipFile(path, "w").close()
    elif damage == "flipped bytes":
        path.write_bytes(content[:300] + bytes(byte ^ 255 for byte in content[300:600]) + content[600:])
    else:
        buffer = io.BytesIO()
        Image.new("1", (28, 28)).save(buffer, "PNG")
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("images_background/Greek/character01/0001_01.png", buffer.getvalue())
    with pytest.raises(AllographError, match=r"images_background\.zip is damaged .* delete it") as caught:
        load_omniglot(archives)
    assert "\n" not in str(caught.value)


def test_a_folder_in_place_of_an_archive_is_one_clear_line(archives: Path) -> None:
    path = archives / "omniglot" / "images_background.zip"
    path.unlink()
    path.mkdir()
    with pytest.raises(AllographError, match="cannot read"):
        load_omniglot(archives)


def test_the_real_data_is_all_there(omniglot: ConceptDataset) -> None:
    assert (len(omniglot), omniglot.concepts, len(omniglot.family_names)) == (32460, 1623, 50)
    assert (omniglot.drawings_per_concept == 20).all()
    # Published: ink covers 0.078 of the background images, 0.084 of the evaluation ones.
    shares = np.unpackbits(omniglot.images.bits, axis=1).sum(axis=1) / 105**2
    assert shares[:19280].mean() == pytest.approx(0.078, abs=5e-4)
    assert shares[19280:].mean() == pytest.approx(0.084, abs=5e-4)


def test_omniglot_28_is_the_published_subsample(omniglot: ConceptDataset, data_dir: Path) -> None:
    sampled = load_omniglot(data_dir, "omniglot-28")
    indices = np.arange(0, 32460, 50)
    ink = omniglot.images.pixels(indices)[:, 0] // 255
    i = np.arange(28) * 105 // 28
    np.testing.assert_array_equal(sampled.drawings(indices, 28)[:, 0].numpy(), ink[:, i][:, :, i])
    assert (sampled.name, omniglot.name) == ("omniglot-28", "omniglot")
    assert sampled.fingerprint() != omniglot.fingerprint()
    assert sampled.overlap(omniglot.sketch()) == 1  # other sizes, the same drawings


def test_omniglot_52_is_the_maximum_of_two_by_two(omniglot: ConceptDataset, data_dir: Path) -> None:
    pooled = load_omniglot(data_dir, "omniglot-52")
    indices = np.arange(0, 32460, 50)
    ink = omniglot.images.pixels(indices)[:, 0, :104, :104] // 255
    expected = ink[:, 0::2, 0::2] | ink[:, 0::2, 1::2] | ink[:, 1::2, 0::2] | ink[:, 1::2, 1::2]
    np.testing.assert_array_equal(pooled.drawings(indices, 52)[:, 0].numpy(), expected)
    with pytest.raises(AllographError, match="'omniglot-52' is 52 x 52"):
        pooled.drawings([0], 28)
    names = ("omniglot", "omniglot-28", "omniglot-52")
    assert len({load_omniglot(data_dir, name).fingerprint() for name in names}) == 3
    assert pooled.overlap(omniglot.sketch()) == 1


def test_omniglot_28_has_one_size(archives: Path) -> None:
    sampled = load_omniglot(archives, "omniglot-28")
    with pytest.raises(AllographError, match=r"'omniglot-28' is 28 x 28 .* use a model of 28 x 28 images"):
        sampled.drawings([0], 52)
    with pytest.raises(AllographError, match="use a model of 28 x 28 images"):
        PairSource(sampled, 52, 4)
    with pytest.raises(AllographError, match="use a model of 28 x 28 images"):
        fixed_pairs(sampled, 27, 4)


def test_augmented_omniglot_28_is_sampled_as_well(archives: Path) -> None:
    sampled = load_omniglot(archives, "omniglot-28")
    still = Augmentation(
        new_concepts=0, drawing_turn=0, drawing_shear=0, drawing_stretch=1, drawing_scale=1, drawing_shift=0, pen=0
    )
    # Ink that reaches over the frame would be moved inside: these drawings' does not.
    bitmaps = sampled.images.unpack(np.arange(15))  # type: ignore[attr-defined]
    bitmaps[:, :5] = bitmaps[:, -5:] = bitmaps[:, :, :5] = bitmaps[:, :, -5:] = 0
    inner = replace(sampled, images=PackedBitmaps.pack(bitmaps, only_size=28))
    batch = PairSource(inner, 28, 15, augmentation=still).batch(0)
    assert torch.equal(batch.target, inner.drawings(batch.target_index.numpy(), 28))
