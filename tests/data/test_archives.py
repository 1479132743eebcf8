"""Faces and glyphs: divided without a person or a glyph in two parts; what is not the file is one clear line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from allograph.data import Pictures, load_dataset
from allograph.errors import AllographError


def test_real_faces_are_divided_by_person(published: Callable[[str], Path]) -> None:
    splits = load_dataset("umist", published("umist"))
    parts = (splits.train, splits.validation, splits.test)
    people = [part.concept_names for part in parts]
    assert [len(names) for names in people] == [14, 2, 4] and len(set(sum(people, ()))) == 20
    assert sum(len(part) for part in parts) == 575
    assert splits.test.concept_names == ("person 5", "person 10", "person 15", "person 20")
    assert splits.test.overlap(splits.train.sketch()) == 0
    # Views of one person follow one another: neighbours look more alike than the first and the last.
    for concept in range(4):
        images = splits.test.images_of(concept)
        assert (np.diff(splits.test.drawer[images]) > 0).all()
        views = splits.test.images.pixels(images).astype(float)
        assert np.abs(np.diff(views, axis=0)).mean() < np.abs(views[0] - views[-1]).mean()


def test_real_glyphs_are_divided_without_copies(published: Callable[[str], Path]) -> None:
    splits = load_dataset("notmnist", published("notmnist"))
    parts = (splits.train, splits.validation, splits.test)
    assert all(part.concept_names == tuple("ABCDEFGHIJ") for part in parts)
    assert len(splits.train) == 8000 and min(len(part) for part in parts) > 950
    pixels = [{image.tobytes() for image in part.images.pixels(np.arange(len(part)))} for part in parts]
    assert not pixels[0] & pixels[1] and not pixels[0] & pixels[2] and not pixels[1] & pixels[2]


@pytest.mark.parametrize(("name", "file"), [("umist", "umist_faces.npz"), ("notmnist", "notmnist_10k.npz")])
def test_what_is_not_the_file_is_one_clear_line(tmp_path: Path, name: str, file: str) -> None:
    with pytest.raises(AllographError, match=rf"there is no .*{file}, and it cannot be downloaded") as caught:
        load_dataset(name, tmp_path)
    assert "\n" not in str(caught.value)
    path = tmp_path / name / file
    path.parent.mkdir()
    whole = tmp_path / "whole.npz"
    keys = ("images", "subject", "view", "label", "label_names")
    np.savez_compressed(whole, **{key: np.arange(9) for key in keys})  # type: ignore[arg-type]
    contents = [b"", b"404: Not Found", whole.read_bytes(), whole.read_bytes()[:300]]
    np.savez_compressed(whole, images=np.zeros(3))
    contents.append(whole.read_bytes())
    np.save(tmp_path / "one.npy", np.zeros(3))
    contents.append((tmp_path / "one.npy").read_bytes())
    for content in contents:
        path.write_bytes(content)
        with pytest.raises(AllographError, match=rf"{file} is damaged or another file: put a whole copy") as caught:
            load_dataset(name, tmp_path)
        assert "\n" not in str(caught.value)
    path.unlink()
    path.mkdir()
    with pytest.raises(AllographError, match="cannot read"):
        load_dataset(name, tmp_path)


def test_faces_are_pictures(published: Callable[[str], Path]) -> None:
    faces = load_dataset("umist", published("umist")).train
    assert isinstance(faces.images, Pictures) and (faces.side, faces.channels) == (32, 1)
    assert len(faces.drawings(range(5), 32).unique()) > 100
