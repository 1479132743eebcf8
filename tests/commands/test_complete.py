"""`allograph complete`: the seen part stays, the hidden one is drawn anew, in several ways."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import allograph
from allograph import weights
from allograph.cli import main
from allograph.errors import AllographError
from allograph.generation.generator import Writer
from commands.family import build
from commands.pictures import contents, draw_symbol


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untrained sequential model of ink, which takes exemplars or none."""
    path = tmp_path_factory.mktemp("weights") / "digits.safetensors"
    weights.save(path, build("digits"), {"data": {"name": "none"}, "settings": {"data": {"contexts": [1, 2]}}})
    return path


@pytest.fixture(scope="module")
def plain(digits: Path) -> Writer:
    return allograph.load(digits)


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    status = main(["complete", *map(str, arguments)])
    return status, *capsys.readouterr()


def test_files_a_sheet_and_the_seen_half_as_it_was(
    digits: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], plain: Writer
) -> None:
    image, other = draw_symbol(tmp_path / "ka.png", 0), draw_symbol(tmp_path / "tho.png", 1)
    words = [image, "--mask", "right", "-n", 3, "--model", digits, "-o", tmp_path / "out", "--exemplar", other]
    status, said, _ = run(capsys, *words)
    assert status == 0 and "3 drawings in" in said
    assert sorted(contents(tmp_path / "out")) == ["ka.png", "ka/ka-001.png", "ka/ka-002.png", "ka/ka-003.png"]
    before = np.asarray(Image.open(image))
    drawn = [np.asarray(Image.open(tmp_path / "out" / "ka" / f"ka-00{k}.png").convert("RGB")) for k in (1, 2, 3)]
    for picture in drawn:
        np.testing.assert_array_equal(picture[:, :30], before[:, :30])
    assert any((one != before).any() for one in drawn) and (drawn[0] != drawn[1]).any()
    same = plain.complete(image, "right", 5, exemplars=[other])
    for picture, again in zip(drawn, same, strict=False):
        np.testing.assert_array_equal(picture, np.asarray(again.convert("RGB")))

    status, _, error = run(capsys, *words)
    assert status == 2 and "--overwrite" in error
    status, said, _ = run(capsys, *words, "--overwrite", "--json", "--seed", 4)
    document = json.loads(said)
    assert status == 0 and document["settings"]["seed"] == 4 and len(document["drawings"]) == 3
    changed = np.asarray(Image.open(tmp_path / "out" / "ka" / "ka-001.png").convert("RGB"))
    assert (changed != drawn[0]).any()


def test_exemplars_and_the_seen_part_matter_and_their_order_does_not(plain: Writer, tmp_path: Path) -> None:
    ka, tho, third = (draw_symbol(tmp_path / f"{kind}.png", kind) for kind in range(3))
    without, one, two, swapped, elsewhere = (
        [np.asarray(drawing) for drawing in plain.complete(image, "bottom", 2, exemplars=given)]
        for image, given in ((ka, []), (ka, [tho]), (ka, [tho, third]), (ka, [third, tho]), (tho, []))
    )
    assert (without[0] != one[0]).any() and (one[0] != two[0]).any() and (without[0] != elsewhere[0]).any()
    np.testing.assert_array_equal(two, swapped)


def test_a_model_that_bends_needs_an_exemplar(writer: Writer, symbols: list[Path]) -> None:
    with pytest.raises(AllographError, match="--exemplar FILE"):
        writer.complete(symbols[0], "left")
    assert len(writer.complete(symbols[0], "left", 2, exemplars=[symbols[0]])) == 2


def test_what_cannot_be_done_is_one_line_and_leaves_nothing(
    digits: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    image = draw_symbol(tmp_path / "in" / "ka.png", 0)
    output = tmp_path / "out"
    for words, said in (
        ([image, "--mask", tmp_path / "none.png"], "no such file"),
        ([tmp_path / "none.png", "--mask", "left"], "no such file"),
        ([image, "--mask", "left", "-n", 0], "cannot make 0 drawings"),
        ([image, "--mask", "left", "-o", image.parent], "would replace"),
        ([image], "mask"),
    ):
        status, out, error = run(capsys, *words, *([] if "-o" in words else ["-o", output]), "--model", digits)
        assert (status, out) == (2, "") and said in error.lower() and error.count("\n") == 1, error
    assert not output.exists() or not contents(output)
