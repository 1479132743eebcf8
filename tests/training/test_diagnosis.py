"""A gradient that is not finite ends the run at once, and the error names what helps."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from allograph import weights
from allograph.bounds import FreeEnergy
from allograph.config import Preset, from_dict, override
from allograph.data import Splits, load_dataset
from allograph.errors import AllographError
from allograph.training import fit
from allograph.training.module import Fitting

WORDS = [
    *("image_size=16", "steps=3", "latent=4", "hidden=16", "patch=6", "decision=12", "embedding=0", "batch_size=8"),
    *("max_steps=20", "warmup_steps=0", "validate_every=100", "validation_pairs=8", "checkpoint_every=5"),
]


@pytest.fixture(scope="module")
def splits() -> Splits:
    return load_dataset("strokes", None, "30-20", 0)


def spoil(monkeypatch: pytest.MonkeyPatch, when: str, first: int = 0) -> None:
    """Makes the free energy NaN from a step on: in bfloat16 alone, in compiled steps alone, or always."""
    plain = Fitting.free_energy

    def spoiled(self: Fitting, *arguments: object) -> FreeEnergy:
        bad = {
            "bfloat16": torch.is_autocast_enabled("cpu"),
            "compiled": bool(self.model.compiled),
            "always": True,
        }[when] and self.global_step >= first
        energy = plain(self, *arguments)  # type: ignore[arg-type]
        return FreeEnergy(energy.distortion * (float("nan") if bad else 1.0), energy.kl)

    monkeypatch.setattr(Fitting, "free_energy", spoiled)


def refusal(splits: Splits, folder: Path, *words: str) -> str:
    with pytest.raises(AllographError) as caught:
        fit(splits, from_dict(Preset, override({}, [*WORDS, *words])), folder)
    message = str(caught.value)
    assert "\n" not in message
    return message


@pytest.mark.slow
def test_what_only_bfloat16_makes_names_the_precision(
    splits: Splits, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoil(monkeypatch, "bfloat16", first=7)
    message = refusal(splits, tmp_path, "precision=bfloat16")
    assert "step 7" in message
    assert "in float32 the same step is finite; train again with --set precision=float32" in message
    state = torch.load(tmp_path / "state.ckpt", weights_only=True)
    assert state["global_step"] == 5
    assert all(torch.isfinite(value).all() for value in state["state_dict"].values())


@pytest.mark.slow
def test_what_only_compiled_steps_make_names_them(
    splits: Splits, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch, "compile", lambda function, **how: function)
    spoil(monkeypatch, "compiled", first=1)
    message = refusal(splits, tmp_path, "precision=float32", "compile=true")
    assert "train again with --set compile=false" in message


def test_what_float32_makes_too_names_the_learning_rate(
    splits: Splits, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoil(monkeypatch, "always", first=2)
    message = refusal(splits, tmp_path, "precision=bfloat16")
    assert "the free energy itself is not finite" in message
    assert "smaller learning_rate" in message


def test_weights_that_have_diverged_are_said_to_have(
    splits: Splits, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = Fitting.free_energy

    def spoiled(self: Fitting, *arguments: object) -> FreeEnergy:
        if self.global_step == 3:
            self.model.core.gates.bias.data.fill_(float("nan"))  # type: ignore[union-attr]
        return plain(self, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(Fitting, "free_energy", spoiled)
    assert "the weights have diverged" in refusal(splits, tmp_path, "precision=float32")


def test_a_trainer_leaves_the_switch_for_unwritten_memory_alone(splits: Splits, tmp_path: Path) -> None:
    """With new memory full of NaN a whole run, in bfloat16, ends with finite weights."""
    torch.use_deterministic_algorithms(True)
    try:
        preset = from_dict(Preset, override({}, [*WORDS, "precision=bfloat16", "max_steps=3", "compile=false"]))
        fitted = fit(splits, preset, tmp_path)
        assert torch.are_deterministic_algorithms_enabled()
        assert torch.utils.deterministic.fill_uninitialized_memory
    finally:
        torch.use_deterministic_algorithms(False)
    assert all(torch.isfinite(weight).all() for weight in weights.load(fitted.path).model.parameters())
