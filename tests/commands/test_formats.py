"""Drawings as lines: `--format` of `write`, `invent` and `augment`."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from allograph.cli import main
from allograph.errors import AllographError
from allograph.generation.augment import AugmentOrder, augment_folder
from allograph.generation.generator import Writer
from commands.family import build, card
from commands.pictures import contents


def test_write_makes_strokes_and_an_outline_beside_them(
    weights_file: Path, symbols: list[Path], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    common = ["write", str(symbols[0]), "-n", "3", "-o", str(out), "--model", str(weights_file)]
    assert main([*common, "--format", "svg-strokes"]) == 0
    files = sorted(path.name for path in (out / "ka").iterdir())
    assert files == ["ka-001.strokes.svg", "ka-002.strokes.svg", "ka-003.strokes.svg"]
    for path in (out / "ka").iterdir():
        assert ElementTree.parse(path).getroot().get("width") == "60"
    assert main([*common, "--format", "json"]) == 2  # results are there
    assert main([*common, "--format", "json", "--overwrite"]) == 0
    assert sorted(path.name for path in (out / "ka").iterdir()) == ["ka-001.json", "ka-002.json", "ka-003.json"]


def test_invent_makes_outlines(weights_file: Path, tmp_path: Path) -> None:
    assert main(["invent", "-n", "2", "-o", str(tmp_path), "--model", str(weights_file), "--format", "svg"]) == 0
    assert {path.suffix for path in (tmp_path / "invented").iterdir()} == {".svg"}


def test_augment_keeps_to_its_format(writer: Writer, classes: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    report = augment_folder(writer, classes, out, AugmentOrder(2, format="inkml"))
    assert report.made == 4
    before = contents(out)
    assert {"ka/0001.inkml", "tho/0002.inkml"} < before.keys()
    assert augment_folder(writer, classes, out, AugmentOrder(2, format="inkml")).kept == 4
    with pytest.raises(AllographError, match="another format"):
        augment_folder(writer, classes, out, AugmentOrder(2))
    assert contents(out) == before


def test_pictures_have_no_lines(classes: Path, tmp_path: Path) -> None:
    painter = Writer(build("grey"), card("grey"), "0")
    with pytest.raises(AllographError, match="no lines"):
        augment_folder(painter, classes, tmp_path / "out", AugmentOrder(1, format="svg"))
