"""`allograph evaluate`: what it measures on, what it refuses, what it prints and what it writes."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import pytest
import torch

from allograph import __version__, weights
from allograph.cli import main
from allograph.data import load_dataset
from allograph.models import BendingModel
from commands.pictures import draw_symbol

SETTINGS = {"data": {"images": "grey", "binarisation": "threshold"}}


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """A folder of 44 symbols in 11 classes."""
    folder = tmp_path / "letters"
    for number in range(44):
        draw_symbol(folder / f"class-{number % 11:02d}" / f"{number}.png", number % 3, (30 + number, 30 + number))
    return folder


@pytest.fixture
def mine(model: BendingModel, tmp_path: Path) -> Path:
    """Weights of a model of grey pictures, which are taken in faster than symbols."""
    weights.save(tmp_path / "small.safetensors", model, {"data": {"name": "none"}, "settings": SETTINGS})
    return tmp_path / "small.safetensors"


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    status = main([str(argument) for argument in arguments])
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def one_line(text: str) -> str:
    assert text.count("\n") == 1, text
    return text


def quick(weights_file: Path, folder: Path, output: Path) -> list[object]:
    few = ["--samples", 3, "--bound-drawings", 2, "--drawings", 4]
    return ["evaluate", "likelihood", weights_file, folder, "-o", output, *few]


def test_likelihood_prints_a_table_and_saves_all_that_a_comparison_needs(
    capsys, mine: Path, pictures: Path, tmp_path: Path
) -> None:
    arguments = quick(mine, pictures, tmp_path / "out")
    status, out, err = run(capsys, *arguments)
    assert (status, err) == (0, "")
    assert "free energy, 4 images" in out
    (path,) = (tmp_path / "out").iterdir()
    assert path.name == "small-letters-validation-k3.json"
    assert str(path) in out
    document = json.loads(path.read_text())
    loaded = weights.load(mine)
    assert document["model"]["sha256"] == loaded.sha256
    assert document["model"]["kind"] == "bending"
    assert document["model"]["name"] == "small"
    assert document["fingerprint"] == load_dataset(pictures, images="grey").validation.fingerprint()
    assert (document["images"], document["samples"], document["bound_images"], document["contexts"]) == (4, 3, 2, 1)
    assert (document["part"], document["precision"], document["seed"]) == ("validation", "float32", 0)
    assert document["binarisation"] == document["model"]["binarisation"] == "threshold", "as in training"
    assert document["gain"]["mean"] == pytest.approx(
        document["without"]["free_energy"]["mean"] - document["given"]["free_energy"]["mean"], abs=1e-3
    )
    assert document["versions"]["allograph"] == __version__
    assert document["versions"]["torch"] == torch.__version__
    assert str(tmp_path) not in path.read_text(), "no path of this machine"


def test_the_command_in_the_result_file_makes_the_file_again(
    capsys, mine: Path, pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs" / "mine").mkdir(parents=True)
    (tmp_path / "runs" / "mine" / "model.safetensors").write_bytes(mine.read_bytes())
    arguments = quick(Path("runs/mine/model.safetensors"), Path("letters"), Path("out"))
    assert run(capsys, *arguments, "--seed", 5, "--part", "test", "--precision", "float64")[0] == 0
    path = tmp_path / "out" / "mine-letters-test-k3.json"
    first = json.loads(path.read_text())
    words = shlex.split(first["command"])
    assert words[0] == "allograph"
    assert run(capsys, *words[1:], "-o", "again")[0] == 0
    again = json.loads((tmp_path / "again" / path.name).read_text())
    del first["seconds"], again["seconds"]
    assert first == again


def test_json_is_the_document_that_is_saved_and_nothing_is_replaced_silently(
    capsys, mine: Path, pictures: Path, tmp_path: Path
) -> None:
    arguments = quick(mine, pictures, tmp_path / "out")
    status, out, err = run(capsys, *arguments, "--json")
    assert (status, err) == (0, "")
    (path,) = (tmp_path / "out").iterdir()
    assert json.loads(out) == json.loads(path.read_text())
    before = path.read_text()
    status, out, err = run(capsys, *arguments, "--seed", 1)
    assert (status, out) == (2, "")
    assert "--overwrite" in one_line(err)
    assert path.read_text() == before
    assert run(capsys, *arguments, "--seed", 1, "--overwrite")[0] == 0
    assert json.loads(path.read_text())["seed"] == 1


def test_a_folder_is_divided_as_for_the_training(capsys, model: BendingModel, pictures: Path, tmp_path: Path) -> None:
    (pictures / "class-00" / "bad.png").write_text("no image")
    parts = {seed: load_dataset(pictures, seed=seed, images="grey") for seed in (0, 3)}
    assert parts[0].validation.concept_names != parts[3].validation.concept_names
    data = {"name": "letters", "fingerprint": parts[3].train.fingerprint()}
    card: dict[str, Any] = {"data": data, "settings": {**SETTINGS, "training": {"seed": 3}}}
    weights.save(tmp_path / "mine.safetensors", model, card)
    arguments = quick(tmp_path / "mine.safetensors", pictures, tmp_path / "out")
    status, out, err = run(capsys, *arguments, "--json")
    assert status == 0
    assert json.loads(out)["fingerprint"] == parts[3].validation.fingerprint()
    assert str(pictures / "class-00" / "bad.png") in one_line(err)

    draw_symbol(pictures / "class-01" / "new.png", 2, (50, 50))
    status, out, err = run(capsys, *arguments, "--overwrite")
    assert (status, out) == (2, "")
    assert "as they were then" in err.splitlines()[-1]


def test_images_that_were_trained_on_are_refused_under_any_name(
    capsys, model: BendingModel, pictures: Path, tmp_path: Path
) -> None:
    splits = load_dataset(pictures, images="grey")
    data = {"name": "old-letters", "fingerprint": "0" * 64, "sketch": list(splits.validation.sketch())}
    weights.save(tmp_path / "mine.safetensors", model, {"data": data, "settings": SETTINGS})
    arguments = quick(tmp_path / "mine.safetensors", pictures, tmp_path / "out")
    status, out, err = run(capsys, *arguments)
    assert (status, out) == (2, "")
    assert "'old-letters'" in one_line(err)
    assert not (tmp_path / "out").exists()
    assert run(capsys, *arguments, "--part", "test")[0] == 0


def test_a_folder_named_like_a_data_set_stays_a_folder(
    capsys, mine: Path, pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    pictures.rename(tmp_path / "strokes")
    assert run(capsys, *quick(mine, Path("strokes").absolute(), Path("out")))[0] == 0
    document = json.loads((tmp_path / "out" / "small-strokes-validation-k3.json").read_text())
    assert shlex.split(document["command"])[4] == "./strokes"


def test_a_remedy_fits_the_command(capsys, mine: Path, pictures: Path, tmp_path: Path) -> None:
    status, out, err = run(capsys, *quick(mine, pictures, tmp_path / "out"), "--split", "45-5")
    assert (status, out) == (2, "")
    assert "leave out --split" in one_line(err)
    status, out, err = run(capsys, *quick(mine, pictures, tmp_path / "out"), "--contexts", 30)
    assert (status, out) == (2, "")
    assert "show fewer exemplars or none (contexts 0), or add images" in one_line(err)


def test_numbers_of_exemplars_are_one_record(capsys, mine: Path, pictures: Path, tmp_path: Path) -> None:
    arguments = [*quick(mine, pictures, tmp_path / "out"), "--contexts"]
    status, out, err = run(capsys, *arguments, "0,1,2,3")
    assert (status, err) == (0, "")
    (path,) = (tmp_path / "out").iterdir()
    document = json.loads(path.read_text())
    assert document["contexts"] == 3 and [fewer["contexts"] for fewer in document["fewer"]] == [1, 2]
    words = shlex.split(document["command"])
    assert words[words.index("--contexts") + 1] == "0,1,2,3"
    assert words[words.index("--exemplars") + 1] == document["exemplars"] == "concept"
    status, out, err = run(capsys, *arguments, "1 2")
    assert (status, out) == (2, "")
    assert "0,1,2,3,4,9, not '1 2'" in one_line(err)


def test_what_exemplars_are_follows_the_training(capsys, model: BendingModel, pictures: Path, tmp_path: Path) -> None:
    settings = {"data": {**SETTINGS["data"], "exemplars": "family"}}
    weights.save(tmp_path / "kin.safetensors", model, {"data": {"name": "none"}, "settings": settings})
    arguments = quick(tmp_path / "kin.safetensors", pictures, tmp_path / "out")
    for chosen, words in (("family", []), ("concept", ["--exemplars", "concept"])):
        status, out, _ = run(capsys, *arguments, *words, "--part", "test", "--overwrite", "--json")
        assert status == (0 if chosen == "concept" else 2)  # a single class is held out, and has no family
        assert chosen == "family" or json.loads(out)["exemplars"] == "concept"
