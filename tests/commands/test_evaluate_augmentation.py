"""`allograph evaluate augmentation`: what it prints, what it writes, what it refuses."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest
from PIL import Image

from allograph import weights
from allograph.cli import console, main
from commands.family import build, card
from commands.pictures import draw_symbol


@pytest.fixture(scope="module")
def letters(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """88 symbols in 22 classes, of which two are for validation and two for test."""
    folder = tmp_path_factory.mktemp("data") / "letters"
    for number in range(88):
        draw_symbol(folder / f"class-{number % 22:02d}" / f"{number}.png", number % 3, (30 + number, 30 + number))
    return folder


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    """Weights of a model of grey pictures, which are taken in faster than symbols."""
    weights.save(tmp_path / "grey.safetensors", build("grey"), card("grey"))
    return tmp_path / "grey.safetensors"


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    """Status, output and messages, without the progress that a slow machine shows."""
    status = main([str(argument) for argument in arguments])
    captured = capsys.readouterr()
    return status, captured.out, re.sub(r"^allograph: \d+ of \d+ classifiers\n", "", captured.err, flags=re.MULTILINE)


def quick(weights_file: Path, folder: Path, output: Path) -> list[object]:
    few = ["--ways", 2, "--drawings", 4, "--trials", 2, "--made", 3, "--steps", 2, "--shots", 1, "--shots", 3]
    return ["evaluate", "augmentation", weights_file, "--data", folder, "-o", output, *few]


def test_it_prints_a_table_and_saves_record_and_picture(capsys, mine: Path, letters: Path, tmp_path: Path) -> None:
    status, out, err = run(capsys, *quick(mine, letters, tmp_path / "out"))
    assert (status, err) == (0, "")
    assert "c - b" in out
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {f"grey-letters-validation-augmentation-within{end}" for end in (".json", ".png")}
    path = tmp_path / "out" / "grey-letters-validation-augmentation-within.json"
    document = json.loads(path.read_text())
    assert document["measurement"] == "augmentation"
    assert document["model"]["sha256"] == weights.load(mine).sha256
    assert [shot["shots"] for shot in document["shots"]] == [1, 3]
    assert document["tested"] == 1
    assert document["classifier"]["steps"] == 2
    assert str(tmp_path) not in path.read_text(), "no path of this machine"
    with Image.open(path.with_suffix(".png")) as picture:
        assert picture.width > picture.height


def test_the_command_in_the_record_makes_it_again(
    capsys, mine: Path, letters: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = quick(mine, letters, tmp_path / "out")
    status, out, err = run(capsys, *arguments, "--seed", 4, "--part", "test", "--json")
    assert (status, err) == (0, "")
    first = json.loads(out)
    monkeypatch.chdir(letters.parent)
    words = shlex.split(first["command"])
    words[3] = str(tmp_path / words[3].rpartition("/")[2])
    assert run(capsys, *words[1:], "-o", tmp_path / "again")[0] == 0
    (path,) = (tmp_path / "again").glob("*.json")
    again = json.loads(path.read_text())
    del first["seconds"], again["seconds"]
    assert first == again


def test_nothing_is_replaced_silently(capsys, mine: Path, letters: Path, tmp_path: Path) -> None:
    arguments = quick(mine, letters, tmp_path / "out")
    assert run(capsys, *arguments)[0] == 0
    status, out, err = run(capsys, *arguments, "--seed", 1)
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert "--overwrite" in err
    assert run(capsys, *arguments, "--seed", 1, "--overwrite")[0] == 0


def test_what_cannot_be_measured_is_refused_in_one_line(capsys, letters: Path, tmp_path: Path, mine: Path) -> None:
    for name, message in (("draw", "takes no exemplar"), ("colour", "the model's images are in colour")):
        weights.save(tmp_path / f"{name}.safetensors", build(name), {"data": {"name": "none", "images": "grey"}})
        status, out, err = run(capsys, *quick(tmp_path / f"{name}.safetensors", letters, tmp_path / "out"))
        assert (status, out, err.count("\n")) == (2, "", 1)
        assert message in err
    seen = quick(mine, letters, tmp_path / "out")
    trained = {"data": {"name": "letters", "fingerprint": "0" * 64, "images": "grey"}}
    weights.save(mine, build("grey"), trained)
    assert "another split of letters" in run(capsys, *seen)[2]
    assert not (tmp_path / "out").exists()


def test_ctrl_c_says_what_is_done_and_how_to_go_on(
    capsys, mine: Path, letters: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    show = console.Progress.__call__

    def press(progress: console.Progress, done: int, total: int) -> None:
        show(progress, done, total)
        if done == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(console.Progress, "__call__", press)
    status, out, err = run(capsys, *quick(mine, letters, tmp_path / "out"))
    assert (status, out, err.count("\n")) == (130, "", 1)
    assert "3 of 20 classifiers" in err and "run the same command" in err
    assert not (tmp_path / "out").exists()
