"""How completion is measured: bounds that fit together, shares that are shares, and a command that says it all."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from allograph import weights
from allograph.bounds import importance_weighted_bound
from allograph.cli import main
from allograph.config import model_from_config
from allograph.data import ConceptDataset
from allograph.evaluation import default_critic
from allograph.evaluation.completion import CompletionResult, evaluate_completion
from allograph.evaluation.oneshot.exemplars import draw_trials
from allograph.models import GenerativeModel

SMALL = {"ways": 4, "trials": 2, "n": 2, "particles": 3, "rounds": 2}


@pytest.fixture(scope="module")
def model() -> GenerativeModel:
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(0)
        model = model_from_config(
            {"kind": "sequential", "image_size": 20, "steps": 2, "latent": 3, "hidden": 12, "patch": 6, "context": True}
        ).eval()
        for parameter in model.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    return model


def measure(model: GenerativeModel, strokes: ConceptDataset, **changes: object) -> CompletionResult:
    return evaluate_completion(model, strokes, default_critic(), size=20, **{**SMALL, **changes})  # type: ignore[arg-type]


def test_nats_fit_together_and_shares_are_shares(model: GenerativeModel, strokes: ConceptDataset) -> None:
    result = measure(model, strokes)
    assert [one.contexts for one in result.completed] == [0, 1] and result.drawings == 8
    for one in result.completed:
        assert one.gain.mean == pytest.approx(one.without.mean - one.given.mean)
        assert one.without.error > 0 and 1 <= one.effective_samples <= 6
        assert 0 <= one.recognised.mean <= 1
    assert result.recognised_whole.mean > result.recognised_visible.mean
    assert result.to_dict() == measure(model, strokes).to_dict(), "the seed fixes everything"
    assert result.to_dict() != measure(model, strokes, seed=1).to_dict()
    assert "the right half of 8 drawings hidden" in result.table()


def test_both_halves_together_are_the_whole(model: GenerativeModel, strokes: ConceptDataset) -> None:
    """What is hidden in one measurement is visible in the other: L(x_v) of the one is about L(x_h) of the other."""
    right, left = (measure(model, strokes, hidden=half, contexts=[0], particles=40) for half in ("right", "left"))
    one, other = right.completed[0], left.completed[0]
    chosen = draw_trials(strokes, trials=2, ways=4, drawings=3, seed=0)
    x = torch.cat([strokes.drawings(trial.others[:, 0], 20) for trial in chosen])
    whole = importance_weighted_bound(model, x, samples=80, generator=torch.Generator().manual_seed(0)).mean
    assert one.given.mean == pytest.approx(whole - other.without.mean, abs=1.0)
    assert one.gain.mean == pytest.approx(other.gain.mean, abs=1.0)
    assert measure(model, strokes, hidden="top", contexts=[0]).recognised_whole == right.recognised_whole


@pytest.mark.slow
def test_the_command_writes_a_record_that_the_report_shows(
    model: GenerativeModel, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    weights.save(tmp_path / "small.safetensors", model, {"data": {"name": "none"}})
    words = ["evaluate", "completion", str(tmp_path / "small.safetensors"), "--data", "strokes", "-o", str(tmp_path)]
    words += ["--trials", "2", "--ways", "4", "-n", "1", "--particles", "2", "--rounds", "1", "--hidden", "bottom"]
    assert main(words) == 0
    assert "the bottom half of 8 drawings hidden" in capsys.readouterr().out
    (path,) = tmp_path.glob("*.json")
    record = json.loads(path.read_text())
    assert path.name == "small-strokes-validation-completion-bottom.json"
    assert record["command"].startswith("allograph evaluate completion") and "--hidden bottom" in record["command"]
    assert main(["report", str(tmp_path), "-o", str(tmp_path / "page")]) == 0
    page = (tmp_path / "page" / "report.html").read_text()
    gain = record["completed"][0]["gain"]
    assert f"{gain['mean']:.2f} ± {gain['error']:.2f}" in page
    assert main(words) == 2 and "--overwrite" in capsys.readouterr().err


def test_models_of_pictures_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    grey = model_from_config({"kind": "linear", "image_size": 8, "latent": 2})
    weights.save(tmp_path / "grey.safetensors", grey, {"data": {"name": "none"}})
    assert main(["evaluate", "completion", str(tmp_path / "grey.safetensors"), "-o", str(tmp_path / "out")]) == 2
    assert "ink on paper" in capsys.readouterr().err and not (tmp_path / "out").exists()
