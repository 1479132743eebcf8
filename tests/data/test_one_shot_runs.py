"""Runs of one-shot classification: one person's exemplars, another's tests, all of one alphabet."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from allograph.data import ClassificationRuns, ConceptDataset, draw_runs, load_lake_runs
from allograph.data.omniglot import BACKGROUND_ALPHABETS
from allograph.data.sketches import image_hashes
from allograph.errors import AllographError


def check(runs: ClassificationRuns) -> None:
    """What holds for all runs."""
    dataset = runs.dataset
    for exemplars, tests, right in zip(runs.exemplars, runs.tests, runs.right, strict=True):
        assert len(set(exemplars.tolist())) == runs.ways
        assert len(set(dataset.concept[exemplars].tolist())) == runs.ways
        np.testing.assert_array_equal(dataset.concept[tests], dataset.concept[exemplars][right])
        assert len(set(dataset.family[dataset.concept[exemplars]].tolist())) == 1
        (first,), (second,) = (set(dataset.drawer[part].tolist()) for part in (exemplars, tests))
        assert first != second


def test_runs_are_of_two_people_and_one_alphabet_in_turn(strokes: ConceptDataset) -> None:
    runs = draw_runs(strokes, 6, ways=15, seed=2)
    check(runs)
    assert (len(runs), runs.ways, runs.tests.shape) == (6, 15, (6, 15))
    families = strokes.family[strokes.concept[runs.exemplars[:, 0]]]
    assert families.tolist() == [0, 1, 0, 1, 0, 1]
    assert (np.sort(runs.right) == np.arange(15)).all()
    assert any((right != np.arange(15)).any() for right in runs.right)


def test_a_run_depends_on_the_seed_and_its_number_alone(strokes: ConceptDataset) -> None:
    few, many, other = (draw_runs(strokes, count, ways=15, seed=seed) for count, seed in ((2, 0), (5, 0), (5, 1)))
    for name in ("exemplars", "tests", "right"):
        np.testing.assert_array_equal(getattr(few, name), getattr(many, name)[:2])
    assert (many.exemplars != other.exemplars).any()
    assert many.fingerprint() == draw_runs(strokes, 5, ways=15).fingerprint() != few.fingerprint()


def test_only_characters_that_both_people_drew_take_part(strokes: ConceptDataset) -> None:
    """Of each symbol two drawings are missing, other people's for other symbols."""
    gone = (strokes.drawer + strokes.concept) % 6 < 2
    fewer = strokes.select_drawings(np.flatnonzero(~gone))
    check(draw_runs(fewer, 10, ways=6, seed=0))
    with pytest.raises(AllographError, match="the same 20 characters"):
        draw_runs(fewer, 10)
    with pytest.raises(AllographError, match="at least 2 runs"):
        draw_runs(fewer, 1, ways=6)


@pytest.fixture(scope="session")
def archive(data_dir: Path) -> Path:
    path = data_dir / "omniglot" / "all_runs.zip"
    if not path.exists():
        pytest.skip(f"{path} is not there")
    return path


def test_lakes_runs_are_evaluation_drawings_two_runs_an_alphabet(archive: Path, omniglot: ConceptDataset) -> None:
    runs = load_lake_runs(archive.parents[1])
    check(runs)
    assert (len(runs), runs.ways, runs.tests.shape, len(runs.dataset)) == (20, 20, (20, 20), 800)
    evaluation = omniglot.select(np.flatnonzero(omniglot.family >= BACKGROUND_ALPHABETS))
    known = image_hashes(evaluation.images)
    place = {hashed: index for index, hashed in enumerate(known.tolist())}
    found = np.array([place[hashed] for hashed in image_hashes(runs.dataset.images).tolist()])
    alphabets = evaluation.family[evaluation.concept[found[runs.exemplars]]]
    assert (alphabets == alphabets[:, :1]).all()
    assert sorted(np.unique(alphabets[:, 0], return_counts=True)[1].tolist()) == [2] * 10
    same = evaluation.concept[found[np.take_along_axis(runs.exemplars, runs.right, axis=1)]]
    np.testing.assert_array_equal(evaluation.concept[found[runs.tests]], same)
    people = evaluation.drawer[found[runs.exemplars]], evaluation.drawer[found[runs.tests]]
    assert all((part == part[:, :1]).all() for part in people) and (people[0] != people[1]).all()


def test_a_model_of_28_pixels_sees_single_pixels_of_them(archive: Path) -> None:
    runs = load_lake_runs(archive.parents[1], seen_as="omniglot-28")
    ink = runs.dataset.images.pixels([5])[0, 0] // 255
    i = np.arange(28) * 105 // 28
    np.testing.assert_array_equal(runs.dataset.drawings([5], 28)[0, 0].numpy(), ink[i][:, i])


@pytest.mark.parametrize("damage", ["cut", "text", "labels", "pixels", "a run less"])
def test_another_archive_is_one_clear_line(archive: Path, tmp_path: Path, damage: str) -> None:
    path = tmp_path / "omniglot" / "all_runs.zip"
    path.parent.mkdir()
    if damage == "text":
        path.write_text("404: Not Found")
    elif damage == "cut":
        path.write_bytes(archive.read_bytes()[:200_000])
    else:
        with zipfile.ZipFile(archive) as whole, zipfile.ZipFile(path, "w") as other:
            for name in whole.namelist():
                content = whole.read(name)
                if damage == "labels" and name == "run07/class_labels.txt":
                    content = content.replace(b"class03", b"class04")
                if damage == "pixels" and name == "run07/test/item03.png":
                    buffer = io.BytesIO()
                    Image.new("1", (105, 105)).save(buffer, "PNG")
                    content = buffer.getvalue()
                if damage != "a run less" or not name.startswith("run20"):
                    other.writestr(name, content)
    with pytest.raises(AllographError, match=r"all_runs\.zip is damaged or not Lake's runs") as caught:
        load_lake_runs(tmp_path)
    assert "\n" not in str(caught.value)


def test_an_absent_archive_is_downloaded_with_its_checksum(tmp_path: Path, offline: list[dict[str, object]]) -> None:
    with pytest.raises(AllographError, match=r"cannot download all_runs\.zip"):
        load_lake_runs(tmp_path)
    assert offline[0]["known_hash"] == "md5:e8996daecdf12afeeb4a53a179f06b19"
    (tmp_path / "omniglot" / "all_runs.zip").mkdir()
    with pytest.raises(AllographError, match="cannot read"):
        load_lake_runs(tmp_path)
