"""`allograph evaluate classify`: what it measures on, what it refuses, what it prints and what it writes."""

from __future__ import annotations

import json
import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from allograph import weights
from allograph.cli import console, main
from allograph.data import ConceptDataset, Splits, load_lake_runs, registry
from allograph.models import BendingModel


@pytest.fixture(autouse=True)
def no_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines of progress come by the clock."""
    monkeypatch.setattr(console, "_EVERY", float("inf"))


@pytest.fixture
def data(strokes: ConceptDataset, monkeypatch: pytest.MonkeyPatch) -> ConceptDataset:
    """Two scripts in place of the validation alphabets, so that nothing has to be decoded."""
    named = replace(strokes, name="omniglot")
    monkeypatch.setattr(registry, "load_dataset", lambda *_: Splits(named.select(range(5)), named, named))
    return named


@pytest.fixture
def mine(model: BendingModel, tmp_path: Path) -> Path:
    weights.save(tmp_path / "small.safetensors", model, {"data": {"name": "none"}})
    return tmp_path / "small.safetensors"


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    status = main([str(argument) for argument in arguments])
    captured = capsys.readouterr()
    return status, captured.out, captured.err


@pytest.mark.slow
def test_errors_are_printed_and_saved_with_a_picture_and_the_command_makes_them_again(
    capsys, data: ConceptDataset, mine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    command = ["evaluate", "classify", mine.name, "--samples", 1, "--runs", 2, "--seed", 4]
    status, out, err = run(capsys, *command)
    assert (status, err) == (0, "")
    assert "both directions" in out and "modified Hausdorff" in out and "validation part of 30-20" in out
    path = Path("results/small-classify-omniglot-validation-k1.json")
    document = json.loads(path.read_text())
    assert document["model"]["sha256"] == weights.load(mine).sha256
    assert (document["runs"], document["ways"], document["samples"], document["seed"]) == (2, 20, 1, 4)
    with Image.open(path.with_suffix(".png")) as picture:
        assert min(picture.size) > 100

    status, out, err = run(capsys, *command)
    assert (status, out) == (2, "")
    assert "--overwrite" in err and err.count("\n") == 1
    words = shlex.split(document["command"])
    status, out, err = run(capsys, *words[1:], "--overwrite", "--json")
    again = json.loads(out)
    assert again == json.loads(path.read_text())
    del again["seconds"], document["seconds"]
    assert again == document


@pytest.mark.slow
def test_ctrl_c_says_what_is_done_and_the_same_command_goes_on(
    capsys, data: ConceptDataset, mine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from allograph.evaluation.classification import classify as classification

    def interrupted(runs: object) -> None:
        raise KeyboardInterrupt

    arguments = ["--samples", 1, "--runs", 2, "-o", tmp_path / "out"]
    with monkeypatch.context() as patch:
        patch.setattr(classification, "hausdorff_distances", interrupted)
        status, out, err = run(capsys, "evaluate", "classify", mine, *arguments)
    assert (status, out) == (130, "")
    assert "passes were done; what was measured is kept" in err and err.count("\n") == 1
    assert [path.name[0] for path in (tmp_path / "out").iterdir()] == ["."]
    monkeypatch.setattr(classification, "score_run", interrupted)  # which has nothing to do any more
    assert run(capsys, "evaluate", "classify", mine, *arguments)[0] == 0
    assert "." not in [path.name[0] for path in (tmp_path / "out").iterdir()]


def test_models_that_have_seen_lakes_drawings_are_refused(
    capsys, model: BendingModel, tmp_path: Path, data_dir: Path
) -> None:
    lake = load_lake_runs(data_dir).dataset
    sketch = list(lake.select(range(50)).sketch())
    cards: list[tuple[dict[str, Any], str]] = [
        ({"name": "omniglot", "split": "45-5"}, "30-20 split"),
        ({"name": "other", "ancestors": [{"name": "omniglot-28", "split": "characters"}]}, "30-20 split"),
        ({"name": "renamed", "sketch": sketch}, "'renamed'"),
    ]
    for data, said in cards:
        weights.save(tmp_path / "small.safetensors", model, {"data": data})
        arguments = ["--part", "test", "--samples", 1, "--data-dir", data_dir, "-o", tmp_path / "out"]
        status, out, err = run(capsys, "evaluate", "classify", tmp_path / "small.safetensors", *arguments)
        assert (status, out) == (2, "")
        assert said in err and err.count("\n") == 1
    status, out, err = run(capsys, "evaluate", "classify", "omniglot", "--part", "test", "--split", "40-10")
    assert (status, out) == (2, "")
    assert "leave out --split" in err
    assert not (tmp_path / "out").exists()
