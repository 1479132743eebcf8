"""`allograph recognise`: its table, its JSON, pipes, and what it says of bad files and folders."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from PIL import Image

from allograph.cli import main
from commands.pictures import draw_symbol

NAMES = ("ka", "tho", "za")


@pytest.fixture(scope="module")
def among(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A class folder of two drawings, and two pictures that are a class each."""
    folder = tmp_path_factory.mktemp("among")
    draw_symbol(folder / "ka" / "a.png", 0)
    draw_symbol(folder / "ka" / "b.png", 0, (70, 60))
    for kind in (1, 2):
        draw_symbol(folder / f"{NAMES[kind]}.png", kind)
    return folder


@pytest.fixture
def pictures(tmp_path: Path) -> list[str]:
    return [str(draw_symbol(tmp_path / f"{kind}.png", kind, (64, 56))) for kind in range(3)]


def test_the_table_names_what_each_picture_shows(
    among: Path, pictures: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["recognise", *pictures, "--among", str(among), "--threshold", "1", "--top", "2"]) == 0
    head, *lines = capsys.readouterr().out.splitlines()
    assert head.split() == ["picture", "shows", "guesses"]
    for line, picture, name in zip(lines, pictures, NAMES, strict=True):
        words = line.split()
        assert words[:3] == [picture, name, name] and line.count(" %") == 3 and "none of these" in line
    assert len({line.index("none of these") for line in lines}) == 1


def test_json_is_one_document_with_numbers(
    among: Path, pictures: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"no picture")
    assert main(["recognise", pictures[1], str(bad), "--among", str(among), "--json", "--threshold", "0"]) == 1
    out, err = capsys.readouterr()
    document = json.loads(out)
    assert document["classes"] == [*NAMES]
    settings = document["settings"]
    assert settings.keys() == {"among", "threshold", "ink", "critic", "sha256"} and settings["threshold"] == 0
    (found,) = document["images"]
    assert found.keys() == {"image", "answer", "none", "guesses", "notes"}
    assert found["image"] == pictures[1] and found["answer"] is None
    assert [guess.keys() for guess in found["guesses"]] == [{"class", "probability"}] * 3
    assert found["guesses"][0]["class"] == "tho"
    assert sum(guess["probability"] for guess in found["guesses"]) + found["none"] == pytest.approx(1)
    assert [problem["path"] for problem in document["problems"]] == [str(bad)]
    assert err.count("\n") == 1 and "bad.png" in err


def test_a_picture_comes_through_a_pipe(
    among: Path, pictures: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    content = io.BytesIO(Path(pictures[2]).read_bytes())
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=content, isatty=lambda: False))
    assert main(["recognise", "-", "--among", str(among), "--json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)["images"]
    assert found["image"] == "-" and found["guesses"][0]["class"] == "za"


def test_bad_drawings_and_empty_classes_are_reported_and_left_out(
    among: Path, pictures: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "folder"
    draw_symbol(folder / "ka" / "a.png", 0)
    (folder / "ka" / "notes.txt").write_text("no picture")
    (folder / "empty").mkdir()
    Image.new("L", (40, 40), 255).save(folder / "blank.png")
    assert main(["recognise", pictures[0], "--among", str(folder)]) == 1
    out, err = capsys.readouterr()
    assert "ka" in out
    assert "empty holds no image" in err and "blank.png" in err and "notes.txt" in err


@pytest.mark.parametrize(("made", "says"), [("", "there is no folder"), ("file", "is a file"), ("folder", "no class")])
def test_a_folder_that_cannot_be_used_is_one_line(
    made: str, says: str, pictures: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = tmp_path / "place"
    if made == "file":
        place.write_text("")
    elif made:
        place.mkdir()
    assert main(["recognise", pictures[0], "--among", str(place)]) == 2
    out, err = capsys.readouterr()
    assert not out and err.count("\n") == 1 and says in err


def test_nothing_recognised_is_status_2(among: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["recognise", str(tmp_path / "none.png"), "--among", str(among)]) == 2
    out, err = capsys.readouterr()
    assert not out and "none.png" in err and err.count("\n") == 1
    assert main(["recognise", str(tmp_path / "none.png")]) == 2
    assert "--among" in capsys.readouterr().err


def test_the_classes_are_kept_as_far_as_they_were_read(
    among: Path, pictures: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from allograph.recognition import recogniser

    assert main(["recognise", pictures[0], "--among", str(among)]) == 0

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(recogniser, "preprocess", stop)  # the class files are known by now, the picture is another
    draw_symbol(Path(pictures[1]), 1, (90, 80))
    assert main(["recognise", pictures[1], "--among", str(among)]) == 130
    assert "0 of 1 pictures are done" in capsys.readouterr().err


@pytest.mark.slow
def test_recognition_is_measured(data_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = [
        "evaluate",
        "classify",
        "omniglot-28-fewshot",
        "--likelihood",
        "recogniser",
        "--runs",
        "2",
        "--samples",
        "1",
    ]
    words += ["--data-dir", str(data_dir), "-o", str(tmp_path)]
    assert main(words) == 0
    assert "allograph recognise" in capsys.readouterr().out
    document = json.loads(
        (tmp_path / "omniglot-28-fewshot-classify-recogniser-omniglot-28-validation-k1.json").read_text()
    )
    assert document["errors"]["recogniser"]["value"] < 0.15
    assert main([*words, "--overwrite", "--variants", "2"]) == 2
    assert main([*words[:2], "omniglot", *words[3:]]) == 2
    assert capsys.readouterr().err.count("name it") == 2
