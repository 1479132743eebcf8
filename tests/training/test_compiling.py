"""Compiled training steps: decided once, by the run's length; the same but for rounding; never the end of a run."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from allograph.config import Preset, from_dict, model_from_config, override, to_dict
from allograph.data import Splits, load_dataset
from allograph.models import GenerativeModel
from allograph.presets import load_preset
from allograph.training import compiling, fit
from allograph.training.compiling import compile_parts, pays

pytestmark = pytest.mark.slow

WORDS = [
    *("image_size=16", "patch=6", "steps=3", "latent=4", "hidden=32", "decision=16", "embedding=16", "heads=2"),
    *("encoder_width=4", "batch_size=16", "max_steps=12", "warmup_steps=2", "kl_warmup_steps=0", "precision=float32"),
    *("validate_every=100", "validation_pairs=8", "checkpoint_every=6", "contexts=[1, 3]"),
]


def preset_of(*words: str) -> Preset:
    return from_dict(Preset, override(to_dict(load_preset("omniglot-28-fewshot")), [*WORDS, *words]))


@pytest.fixture(scope="module")
def splits() -> Splits:
    return load_dataset("strokes", None, "30-20", 0)


def model_of(preset: str) -> GenerativeModel:
    return model_from_config(to_dict(load_preset(preset).model))


@pytest.mark.parametrize("preset", ["omniglot", "omniglot-28-fewshot", "omniglot-bending", "sequential", "draw"])
def test_the_length_of_a_run_decides(preset: str) -> None:
    model, training = model_of(preset), load_preset(preset).training
    assert pays(model, training.max_steps * training.batch_size, training.compile)
    assert not pays(model, 100 * training.batch_size, training.compile)
    assert pays(model, 1, True)
    assert not pays(model, 10**9, False)
    model.recompute = True
    assert not pays(model, 10**9, "auto")


def test_a_model_without_parts_is_not_compiled_unless_asked() -> None:
    model = model_of("vae")
    assert not pays(model, 10**9, "auto")
    assert "no parts" in compile_parts(model, lambda: None)


def failing(*arguments: Any, **how: Any) -> Any:
    raise RuntimeError("\nno C++ compiler\nsee https://...")


def test_a_compiler_that_fails_is_one_line_and_the_run_goes_on(
    splits: Splits, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(compiling.torch, "compile", lambda function, **how: failing)
    fitted = fit(splits, preset_of("compile=true", "max_steps=3"), tmp_path)
    assert fitted.ended == "finished"
    said = [line for line in capsys.readouterr().err.splitlines() if "compiled" in line]
    assert said == ["the run continues without compiled steps: no C++ compiler see https://..."]
    assert torch.load(tmp_path / "state.ckpt", weights_only=True)["compiles"] is False


def test_what_was_decided_is_kept(
    splits: Splits, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A run without compiled steps goes on without, whatever is wanted then; one with them says that it cannot."""
    fit(splits, preset_of("compile=false"), tmp_path, max_seconds=1e-3)
    monkeypatch.setattr(compiling.torch, "compile", lambda function, **how: failing)
    fit(splits, preset_of("compile=true"), tmp_path, resume=True, max_seconds=1e-3)
    assert "compiled" not in capsys.readouterr().err
    state = torch.load(tmp_path / "state.ckpt", weights_only=True)
    torch.save({**state, "compiles": True}, tmp_path / "state.ckpt")
    assert fit(splits, preset_of("compile=false"), tmp_path, resume=True).ended == "finished"
    assert "so it will differ slightly from the run without a stop: no C++ compiler" in capsys.readouterr().err


def train(folder: Path, *words: str, max_time: str = "1h") -> str:
    """In a process of its own: the compiler does not take functions whose shapes are checked, as they are here."""
    settings = [part for word in (*WORDS, *words) for part in ("--set", word)]
    how = ["--resume"] if folder.exists() else []
    command = [sys.executable, "-m", "allograph", "train", "strokes", "--preset", "omniglot-28-fewshot"]
    command += ["-o", str(folder), "--max-time", max_time, *settings, *how]
    run = subprocess.run(command, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    return run.stderr


@pytest.mark.skipif(not any(map(shutil.which, ("c++", "g++", "clang++"))), reason="needs a C++ compiler")
def test_compiled_steps_are_the_plain_ones_but_for_rounding_and_resume_bit_for_bit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With one exemplar and with three."""
    monkeypatch.setenv("ALLOGRAPH_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("TORCHINDUCTOR_CACHE_DIR", raising=False)
    train(tmp_path / "plain", "compile=false")
    said = train(tmp_path / "compiled", "compile=true")
    assert re.search(r"^compiled the training step in \d+ s$", said, re.MULTILINE), said
    assert "Warning" not in said
    assert any((tmp_path / "cache" / "compiled").rglob("*.so"))
    plain, compiled = (load_file(tmp_path / name / "model.safetensors") for name in ("plain", "compiled"))
    for name, weight in plain.items():
        # Twelve steps of Adam, each of which moves a weight by 3e-3 at most, whichever way rounding turns its sign.
        torch.testing.assert_close(compiled[name], weight, rtol=1e-3, atol=1e-4)
    train(tmp_path / "stopped", "compile=true", max_time="0.001s")
    train(tmp_path / "stopped", "compile=true")
    resumed = load_file(tmp_path / "stopped" / "model.safetensors")
    assert all(torch.equal(resumed[name], weight) for name, weight in compiled.items())
