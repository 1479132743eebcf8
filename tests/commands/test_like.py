"""`allograph invent --like`: new symbols of an alphabet from some of its symbols."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import allograph
from allograph import weights
from allograph.card import ModelCard
from allograph.cli import main
from allograph.errors import AllographError
from allograph.generation.generator import Writer
from allograph.imaging import contact_sheet
from allograph.imaging.sheet import ACCENT
from commands.family import build
from commands.pictures import contents, draw_symbol

CARD: dict[str, Any] = {"data": {"name": "none", "images": "symbols"}, "settings": {"data": {"exemplars": "family"}}}


@pytest.fixture(scope="session")
def kin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights of a sequential model whose training showed other symbols of the target's alphabet."""
    path = tmp_path_factory.mktemp("kin") / "kin.safetensors"
    weights.save(path, build("digits"), CARD)
    return path


@pytest.fixture
def alphabet(tmp_path: Path) -> Path:
    """A folder with three symbols."""
    for kind, name in enumerate(("a", "b", "c")):
        draw_symbol(tmp_path / "alphabet" / f"{name}.png", kind, (60 + kind, 50))
    return tmp_path / "alphabet"


def invent(*arguments: object) -> int:
    return main(["invent", *map(str, arguments)])


def test_drawings_depend_on_the_symbols_and_not_on_their_order(kin: Path, alphabet: Path) -> None:
    writer = allograph.load(kin)
    paths = sorted(alphabet.iterdir())
    drawn = [drawing.tobytes() for drawing in writer.invent(3, like=paths)]
    assert [drawing.tobytes() for drawing in writer.invent(2, like=paths[::-1])] == drawn[:2]
    for other in (paths[:2], paths[:1], []):
        assert {drawing.tobytes() for drawing in writer.invent(3, like=other)}.isdisjoint(drawn)
    assert {drawing.tobytes() for drawing in writer.invent(3, like=paths, seed=1)}.isdisjoint(drawn)


@pytest.mark.slow
def test_files_and_a_sheet_that_begins_with_what_was_given(
    kin: Path, alphabet: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["--like", alphabet, "--model", kin, "-n", 4, "-o", tmp_path / "out", "--animate"]
    assert invent(*command, "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert document["exemplars"] == [str(path) for path in sorted(alphabet.iterdir())]
    assert (document["settings"]["like"], document["problems"]) == (str(alphabet), [])
    names = [f"invented/invented-00{k}.png" for k in (1, 2, 3, 4)]
    assert sorted(contents(tmp_path / "out")) == ["invented.png", "invented.webp", *names]
    expected = allograph.load(kin).invent(4, like=sorted(alphabet.iterdir()))
    for path, drawing in zip(document["drawings"], expected, strict=True):
        with Image.open(path) as made:
            assert made.tobytes() == drawing.tobytes()
    with Image.open(document["sheet"]) as sheet:
        framed = (np.asarray(sheet) == ACCENT).all(axis=-1)
    taken = [allograph.load(kin).space.preprocess(path) for path in sorted(alphabet.iterdir())]
    one = (np.asarray(contact_sheet(taken[:1], expected[:6])) == ACCENT).all(axis=-1).sum()
    assert framed.sum() == pytest.approx(3 * one, rel=0.05)

    (alphabet / "bad.png").write_text("no image")
    assert invent(*command, "--overwrite") == 1
    out, err = capsys.readouterr()
    assert "like 3 symbols" in out and str(alphabet / "bad.png") in err and err.count("\n") == 1


def test_a_folder_of_classes_gives_one_symbol_of_each(kin: Path, tmp_path: Path, capsys) -> None:  # type: ignore[no-untyped-def]
    for name, kind in (("ka/1", 0), ("ka/2", 1), ("tho/1", 2)):
        draw_symbol(tmp_path / "classes" / f"{name}.png", kind)
    assert invent("--like", tmp_path / "classes", "--model", kin, "-n", 1, "-o", tmp_path / "out", "--json") == 0
    given = [Path(path).relative_to(tmp_path / "classes") for path in json.loads(capsys.readouterr().out)["exemplars"]]
    assert given == [Path("ka/1.png"), Path("tho/1.png")]


@pytest.mark.parametrize("name", ["bending", "draw"])
def test_models_that_did_not_learn_it_are_refused_with_the_remedy(
    name: str, alphabet: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    weights.save(tmp_path / "plain.safetensors", build(name), {"data": {"name": "none"}})
    assert invent("--like", alphabet, "--model", tmp_path / "plain.safetensors", "-o", tmp_path / "out") == 2
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1
    assert "--preset omniglot-alphabet" in err
    assert not (tmp_path / "out").exists()
    with pytest.raises(AllographError, match="has not learned"):
        allograph.load(tmp_path / "plain.safetensors").invent(1, like=sorted(alphabet.iterdir()))


def test_such_a_model_draws_no_symbol_again(kin: Path, alphabet: Path, tmp_path: Path, capsys) -> None:  # type: ignore[no-untyped-def]
    image = alphabet / "a.png"
    commands = (
        ["write", image, "--model", kin, "-o", tmp_path / "out"],
        ["evaluate", "oneshot", kin],
        ["evaluate", "classify", kin, "-o", tmp_path / "out"],
    )
    for command in commands:
        assert main([str(word) for word in command]) == 2
        out, err = capsys.readouterr()
        assert out == "" and err.count("\n") == 1 and "alphabet" in err
    assert not (tmp_path / "out").exists()


def test_what_cannot_be_read_is_one_clear_line(kin: Path, tmp_path: Path, capsys) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").touch()
    draw_symbol(tmp_path / "in" / "a.png")
    cases = (
        (["--like", tmp_path / "none"], "there is no folder"),
        (["--like", tmp_path / "file"], "is a file"),
        (["--like", tmp_path / "empty"], "holds no image"),
        (["--ink", "dark"], "--ink needs --like"),
    )
    for arguments, said in cases:
        assert invent(*arguments, "--model", kin, "-o", tmp_path / "out") == 2
        err = capsys.readouterr().err
        assert said in err and err.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_results_never_replace_what_was_given(kin: Path, tmp_path: Path, capsys) -> None:  # type: ignore[no-untyped-def]
    folder = tmp_path / "out" / "invented"
    draw_symbol(folder / "invented-001.png")
    before = contents(tmp_path)
    assert invent("--like", folder, "--model", kin, "-o", tmp_path / "out", "--overwrite") == 2
    assert "would replace the exemplar" in capsys.readouterr().err
    assert contents(tmp_path) == before


def test_a_choice_of_ink_is_for_ink(alphabet: Path) -> None:
    writer = Writer(build("grey"), ModelCard.of({**CARD, "data": {"images": "grey"}}), "")
    writer.check_like()
    with pytest.raises(AllographError, match="do not choose an ink"):
        writer.check_like("dark")


def test_info_says_what_the_model_takes(kin: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", str(kin)]) == 0
    assert "takes symbols of an alphabet" in capsys.readouterr().out
