"""`allograph evaluate oneshot`: three tasks, one record and one table each, and what a model cannot do."""

from __future__ import annotations

import json
import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from allograph import weights
from allograph.cli import main
from allograph.data import ConceptDataset, Splits, registry, stroke_concepts
from allograph.evaluation.likelihood.estimate import evaluate_likelihood
from commands.family import build


@pytest.fixture(scope="module")
def splits() -> Splits:
    """Three alphabets in the training, two in the validation and the test part, of 20 symbols by 20 writers."""
    concepts = stroke_concepts(140, 20, seed=0)
    names = tuple(f"script {number}" for number in range(7))
    concepts = replace(concepts, family_names=names, family=np.repeat(np.arange(7), 20))
    parts = (range(60), range(60, 100), range(100, 140))
    return Splits(*(concepts.select(part) for part in parts))


@pytest.fixture(autouse=True)
def data(splits: Splits, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "load_dataset", lambda *rest: splits)
    monkeypatch.setattr("allograph.data.load_dataset", lambda *rest: splits)


def card(training: ConceptDataset, name: str = "strokes", **settings: Any) -> dict[str, Any]:
    about = {"name": name, "fingerprint": training.fingerprint(), "images": "symbols"}
    return {"data": about, "temperature": 0.9, "settings": {"data": settings}}


@pytest.fixture
def bending(model: Any, splits: Splits, tmp_path: Path) -> Path:
    weights.save(tmp_path / "small.safetensors", model, card(splits.train))
    return tmp_path / "small.safetensors"


@pytest.fixture
def sequential(splits: Splits, tmp_path: Path) -> Path:
    weights.save(tmp_path / "steps.safetensors", build("digits"), card(splits.train))
    return tmp_path / "steps.safetensors"


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    """Status, output and messages, without the progress that a slow machine reports."""
    status = main(["evaluate", "oneshot", *map(str, arguments)])
    captured = capsys.readouterr()
    messages = [line for line in captured.err.splitlines(keepends=True) if not line.endswith(" parts\n")]
    return status, captured.out, "".join(messages)


def one_line(text: str) -> str:
    assert text.count("\n") == 1, text
    return text


def quick(weights_file: Path, *words: object) -> list[object]:
    few = ["--trials", 2, "--samples", 2, "--drawings", 4, "--bound-drawings", 2]
    return [weights_file, "--data", "strokes", "-o", weights_file.parent / "out", *few, *words]


def test_it_takes_the_model_first(capsys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    status, out, err = run(capsys, "omniglut")
    assert (status, out) == (2, "")
    assert "omniglut" in one_line(err)


def test_exemplars_are_one_record_and_one_picture(capsys, bending: Path, splits: Splits) -> None:
    status, out, err = run(capsys, *quick(bending), "--json")
    assert (status, err) == (0, "")
    path = bending.parent / "out" / "small-strokes-validation-oneshot-exemplars-within.json"
    document = json.loads(path.read_text())
    assert json.loads(out) == document
    assert (document["measurement"], document["task"], document["setting"]) == ("oneshot", "exemplars", "within")
    assert (document["temperature"], document["whole"], document["note"]) == (0.9, False, "")
    assert document["model"]["sha256"] == weights.load(bending).sha256
    assert document["data_fingerprint"] == document["likelihood"]["fingerprint"] == splits.validation.fingerprint()
    nats = document["likelihood"]
    assert (nats["contexts"], nats["exemplars"], nats["samples"]) == (1, "concept", 2)
    assert (nats["images"], nats["bound_images"]) == (4, 2)
    words = shlex.split(document["command"])
    assert words[:6] == [
        "allograph",
        "evaluate",
        "oneshot",
        f"{bending.parent.name}/small.safetensors",
        "--task",
        "exemplars",
    ]
    assert path.with_suffix(".png").exists()
    status, out, err = run(capsys, *quick(bending))
    assert (status, out) == (2, "")
    assert "--overwrite" in one_line(err)


def test_the_command_makes_the_same_figures_again(
    capsys, sequential: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path.parent)
    arguments = quick(
        sequential, "--task", "alphabet", "--given", 3, "--seed", 4, "--temperature", 0.7, "--part", "test"
    )
    assert run(capsys, *arguments)[0] == 0
    path = tmp_path / "out" / "steps-strokes-test-oneshot-alphabet.json"
    first = json.loads(path.read_text())
    assert main([*shlex.split(first["command"])[1:], "-o", str(tmp_path / "again")]) == 0
    again = json.loads((tmp_path / "again" / path.name).read_text())
    del first["likelihood"]["seconds"], again["likelihood"]["seconds"]
    assert first == again


def test_a_sequential_model_is_measured_by_its_samples_without_further_options(capsys, sequential: Path) -> None:
    status, out, err = run(capsys, *quick(sequential), "--json")
    assert (status, err) == (0, "")
    document = json.loads(out)
    assert (document["whole"], document["guidance"]) == (False, 1.0)
    assert document["generated"]["simclr_diversity"]["value"] > 0


@pytest.mark.parametrize("kind", ["bending", "sequential"])
def test_new_characters_of_an_alphabet(capsys, kind: str, request: pytest.FixtureRequest) -> None:
    weights_file = request.getfixturevalue(kind)
    status, out, err = run(capsys, *quick(weights_file, "--task", "alphabet"))
    assert status == 0
    assert "never on other symbols of its alphabet" in one_line(err)
    assert "own alphabet" in out and "of its family" in out
    (path,) = (weights_file.parent / "out").glob("*-oneshot-alphabet.json")
    document = json.loads(path.read_text())
    assert (document["given"], document["ways"], document["whole"]) == (5, 2, kind == "bending")
    assert (document["likelihood"]["contexts"], document["likelihood"]["exemplars"]) == (5, "family")
    assert "never on other symbols" in document["note"]
    with Image.open(path.with_suffix(".png")) as picture:
        assert picture.width > picture.height


def test_a_model_of_alphabets_is_measured_on_them_alone(capsys, splits: Splits, tmp_path: Path) -> None:
    weights_file = tmp_path / "kin.safetensors"
    weights.save(weights_file, build("digits"), card(splits.train, exemplars="family", blank=0.0))
    status, out, err = run(capsys, *quick(weights_file))
    assert (status, out) == (2, "")
    assert "--task alphabet" in one_line(err)
    assert run(capsys, *quick(weights_file, "--task", "alphabet"))[::2] == (0, "")
    status, _, err = run(capsys, *quick(weights_file, "--task", "unconditional"))
    assert status == 0 and "data.blank = 0" in one_line(err)


@pytest.mark.parametrize("kind", ["bending", "sequential"])
def test_drawings_from_nothing_are_compared_with_the_training(
    capsys, kind: str, splits: Splits, request: pytest.FixtureRequest
) -> None:
    weights_file = request.getfixturevalue(kind)
    status, out, err = run(capsys, *quick(weights_file, "--task", "unconditional"))
    assert (status, err) == (0, "")
    assert "taken for real" in out and "of its concept" not in out
    (path,) = (weights_file.parent / "out").glob("*-oneshot-unconditional.json")
    document = json.loads(path.read_text())
    assert document["training"] == len(splits.train)
    assert document["likelihood"]["given"] is None


def test_drawings_from_nothing_need_the_data_of_the_training(capsys, model: Any, tmp_path: Path) -> None:
    weights.save(tmp_path / "small.safetensors", model, {"data": {"name": "none"}})
    status, out, err = run(capsys, *quick(tmp_path / "small.safetensors", "--task", "unconditional"))
    assert (status, out) == (2, "")
    assert "name the training data with --data" in one_line(err)
    assert not list((tmp_path / "out").glob("*"))


def test_a_model_without_exemplars_draws_from_nothing_alone(capsys, splits: Splits, tmp_path: Path) -> None:
    weights_file = tmp_path / "draw.safetensors"
    weights.save(weights_file, build("draw"), card(splits.train))
    for task in ("exemplars", "alphabet"):
        status, out, err = run(capsys, *quick(weights_file, "--task", task))
        assert (status, out) == (2, "")
        assert "--task unconditional" in one_line(err)
    assert run(capsys, *quick(weights_file, "--task", "unconditional"))[0] == 0


def test_options_of_one_task_are_refused_by_the_others(capsys, bending: Path) -> None:
    for words in (
        ["--task", "alphabet", "--setting", "across"],
        ["--given", 3],
        ["--size", 28],
    ):
        status, out, err = run(capsys, *quick(bending, *words))
        assert (status, out) == (2, "")
        assert "leave it out" in one_line(err)
    for words in (["topology", "--steps", 3], ["turing", "--whole"], ["turing", "--bound-drawings", 5]):
        status, out, err = run(capsys, bending, "--task", *words)
        assert (status, out) == (2, "")
        assert f"{words[1]} is only for" in one_line(err)


@pytest.mark.slow
@pytest.mark.parametrize("task", ["turing", "topology"])
def test_shapes_are_judged_beside_people_and_the_command_makes_the_same_figures_again(
    capsys, task: str, bending: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path.parent)
    steps = ["--steps", 3] if task == "turing" else []
    few = ["--data", "strokes", "-o", tmp_path / "out", "--characters", 4, *steps]
    status, out, err = run(capsys, bending, "--task", task, *few)
    assert (status, err) == (0, "")
    assert "real, only rendered again" in out and "errors: bootstrap over characters" in out
    path = tmp_path / "out" / f"small-strokes-validation-oneshot-{task}-28.json"
    first = json.loads(path.read_text())
    assert (first["measurement"], first["task"], first["size"], first["characters"]) == ("oneshot", task, 28, 4)
    assert (first["exemplars"], first["drawings"], first["temperature"], first["whole"]) == (2, 9, 0.9, False)
    assert first["people"] and first["rendered"] and first["generated"]
    with Image.open(path.with_suffix(".png")) as picture:
        assert picture.width > picture.height
    assert main([*shlex.split(first["command"])[1:], "-o", str(tmp_path / "again")]) == 0
    assert json.loads((tmp_path / "again" / path.name).read_text()) == first
    capsys.readouterr()
    status, out, err = run(capsys, bending, "--task", task, *few)
    assert (status, out) == (2, "") and "--overwrite" in one_line(err)


def test_images_that_are_the_models_own_have_no_pen(
    capsys, bending: Path, splits: Splits, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def own(part: ConceptDataset) -> ConceptDataset:
        return replace(part, images=replace(part.images, only_size=28))  # type: ignore[type-var]

    parts = Splits(own(splits.train), own(splits.validation), own(splits.test))
    monkeypatch.setattr(registry, "load_dataset", lambda *rest: parts)
    monkeypatch.setattr("allograph.data.load_dataset", lambda *rest: parts)
    model = weights.load(bending).model
    weights.save(tmp_path / "own.safetensors", model, card(parts.train))
    arguments = [tmp_path / "own.safetensors", "--task", "topology", "--data", "strokes", "-o", tmp_path / "out"]
    status, out, err = run(capsys, *arguments, "--characters", 4, "--json")
    assert (status, err) == (0, "")
    document = json.loads(out)
    assert document["rendered"] is document["kept"] is None and document["generated"]
    status, out, err = run(capsys, *arguments, "--size", 52)
    assert (status, out) == (2, "") and "use --size 28" in one_line(err)


def test_characters_of_alphabets_that_the_critics_know_are_not_judged(
    capsys, model: Any, splits: Splits, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The part has two alphabets, of which the critics' training had one."""
    held_out = Splits(splits.train, splits.validation, splits.test)
    known = Splits(splits.validation.select(range(20)), splits.test, splits.test)
    divided = {"characters": held_out, "30-20": known}
    for place in ("allograph.data.registry.load_dataset", "allograph.data.load_dataset"):
        monkeypatch.setattr(place, lambda name, where, split="30-20", *rest: divided[split])
    trained = card(splits.train, "omniglot")
    trained["data"]["split"] = "characters"
    weights.save(tmp_path / "small.safetensors", model, trained)
    arguments = quick(tmp_path / "small.safetensors", "--data", "omniglot", "--setting", "across")
    status, out, err = run(capsys, *arguments, "--json")
    assert status == 0
    assert "20 of the 40 characters" in one_line(err)
    document = json.loads(out)
    assert document["split"] == "characters"
    assert document["data_fingerprint"] == splits.validation.select(range(20, 40)).fingerprint()
    assert document["likelihood"]["fingerprint"] == splits.validation.fingerprint()

    status, out, err = run(capsys, *arguments[:-2], "--task", "alphabet")
    assert (status, out) == (2, "")
    assert "holds out no alphabet" in one_line(err)


@pytest.mark.slow
def test_the_temperature_of_the_drawings_does_not_reach_their_likelihood(
    capsys, sequential: Path, splits: Splits
) -> None:
    """It is that of the model at any temperature: what `evaluate_likelihood` says of the same images."""
    found = []
    for temperature in (0.3, 1.5):
        words = ["--temperature", temperature, "--seed", 5, "--overwrite", "--json"]
        status, out, _ = run(capsys, *quick(sequential, *words))
        assert status == 0
        found.append(json.loads(out))
    cold, hot = found
    assert cold["generated"] != hot["generated"]
    few = {"drawings": 4, "samples": 2, "bound_drawings": 2, "contexts": 1, "seed": 5}
    alone = evaluate_likelihood(weights.load(sequential).model, splits.validation, size=28, **few).to_dict()
    for document in (cold["likelihood"], hot["likelihood"], alone):
        del document["seconds"]
    assert cold["likelihood"] == hot["likelihood"] == alone
