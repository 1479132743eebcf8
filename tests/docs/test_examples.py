"""The examples that a person reads do what they say, in a moment."""

from __future__ import annotations

import functools
import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from PIL import Image

from allograph import weights
from allograph.data import load_dataset

pytestmark = pytest.mark.slow

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


made_once = functools.cache(load_dataset)


def example(name: str) -> ModuleType:
    """The example, which finds its data made already."""
    spec = importlib.util.spec_from_file_location(f"examples_{name}", EXAMPLES / f"{name}.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    vars(module)["load_dataset"] = made_once
    return module


def test_the_vae_learns_and_draws(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    picture = tmp_path / "samples.png"
    few = ["--samples", "5", "--images", "100", "--batch", "50"]
    hardly = example("train_vae").main(["--steps", "1", *few])
    bound = example("train_vae").main(["--steps", "60", *few, "--picture", str(picture)])
    last = capsys.readouterr().out.splitlines()[-1]
    assert bound < hardly - 5
    assert hardly == example("train_vae").main(["--steps", "1", *few]), "the same for the same seed"
    assert f"-log p(x) <= {bound:.2f} ±" in last and "(K = 5)" in last
    with Image.open(picture) as sheet:
        assert sheet.size == (448, 448)
        assert len(sheet.getcolors(256) or []) > 10, "samples, not a blank sheet"


def test_the_sequential_model_learns_given_an_exemplar_and_without(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    picture = tmp_path / "drawings.png"
    few = ["--samples", "2", "--images", "40", "--batch", "16"]
    hardly = example("train_sequential").main(["--steps", "1", *few])
    given, without = example("train_sequential").main(["--steps", "40", *few, "--picture", str(picture)])
    assert given < hardly[0] - 50 and without < hardly[1] - 50
    lines = capsys.readouterr().out.splitlines()
    assert (
        f"given an exemplar: -log p(x) <= {given:.2f}" in lines[-2]
        and f"without: -log p(x) <= {without:.2f}" in lines[-1]
    )
    with Image.open(picture) as sheet:
        assert sheet.size == (504, 448)


@pytest.mark.parametrize("name", ["train_vae", "train_sequential"])
def test_a_training_loop_is_one_file_of_a_length_to_be_read(name: str) -> None:
    text = (EXAMPLES / f"{name}.py").read_text()
    assert 100 <= len(text.splitlines()) <= 150
    assert "lightning" not in text


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.ipynb")), ids=lambda path: path.stem)
def test_a_notebook_runs_and_finds_what_it_shows(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    if weights.DEFAULT not in weights.known_names():
        pytest.skip("no weights ship with this copy")
    monkeypatch.chdir(tmp_path)
    variables: dict[str, Any] = {}
    cells = [cell for cell in json.loads(path.read_text())["cells"] if cell["cell_type"] == "code"]
    assert len(cells) > 3
    for cell in cells:
        exec(compile("".join(cell["source"]), path.name, "exec"), variables)
        assert cell["outputs"], "it was saved with its results"
        assert all(output["output_type"] != "error" for output in cell["outputs"])
    assert capsys.readouterr().out
    if path.stem == "one_symbol":
        worth = variables["worth"]
        assert worth["given the exemplar"] < worth["without"] < worth["given another symbol"]
