"""Compiling: tried in a run, timed, kept where it is faster, and never what ends a run."""

from __future__ import annotations

import itertools
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file
from torch.testing import assert_close

from allograph.config import Preset, from_dict, load_preset, model_from_config, override, to_dict
from allograph.parallel import Processes
from allograph.training.compiling import Compiling
from allograph.training.module import Fitting

WORDS = [
    *("image_size=12", "steps=2", "latent=3", "hidden=8", "patch=5", "decision=6", "encoder_width=2", "embedding=4"),
    *(
        "contexts=[2]",
        "batch_size=8",
        "max_steps=22",
        "warmup_steps=5",
        "validate_every=22",
        "validation_pairs=8",
        "precision=float32",
    ),
]


class Clock:
    """Time that passes only while something is called."""

    def __init__(self) -> None:
        self.time = 0.0

    def __call__(self) -> float:
        return self.time

    def taking(self, seconds: float, name: str, first: float = 0.0) -> Callable[..., str]:
        """A function that takes so long, the first time longer, and gives its name."""
        more = itertools.chain([first], itertools.repeat(0.0))

        def function(*arguments: Any) -> str:
            self.time += seconds + next(more)
            return name

        return function


def tried(plain: float, compiled: float, cost: float = 40.0, left: int = 10_000) -> tuple[list[str], list[str]]:
    """What 30 steps called, and what was said."""
    clock, said = Clock(), []
    function = clock.taking(compiled, "compiled", cost)
    compiling = Compiling(clock.taking(plain, "plain", 3.0), left, said.append, compiled=lambda _: function, now=clock)
    return [compiling() for _ in range(30)], said


def test_a_faster_step_is_kept_and_when_it_is_paid_for_is_said() -> None:
    called, said = tried(plain=0.1, compiled=0.06, cost=39.98)  # and the step that compiles is done twice
    assert called == ["plain"] * 9 + ["compiled"] * 21
    assert said == ["compiled in 40 s: a step takes 60.0 ms, 100.0 as it was; paid for after 1000 steps"]


def test_a_slower_step_is_given_up() -> None:
    called, said = tried(plain=0.1, compiled=0.12)
    assert called == ["plain"] * 9 + ["compiled"] * 10 + ["plain"] * 11
    assert said == ["compiled in 40 s: a step takes 120.0 ms, 100.0 as it was; the run goes on as it was"]


def test_what_the_steps_left_do_not_pay_for_is_said() -> None:
    called, said = tried(plain=0.1, compiled=0.09, cost=200.0, left=1_000)
    assert called[-1] == "compiled"
    assert said[0].endswith("paid for after 20008 steps, but only 981 are left")


def test_a_short_run_does_not_compile() -> None:
    called, said = tried(plain=0.1, compiled=0.06, left=300)
    assert set(called) == {"plain"}
    assert said == ["not compiled: what is left takes no more than 29 s"]


def test_a_run_whose_time_is_short_does_not_compile() -> None:
    clock, said = Clock(), []
    compiling = Compiling(clock.taking(0.1, "plain"), 10_000, said.append, seconds=30.0, now=clock)
    assert {compiling() for _ in range(30)} == {"plain"}
    assert said == ["not compiled: what is left takes no more than 29 s"]


def test_a_gradient_that_cannot_be_compiled_does_not_end_the_run() -> None:
    clock, said = Clock(), []

    def broken(found: str) -> None:
        assert found == "compiled"
        raise RuntimeError("no gradient")

    compiling = Compiling(
        clock.taking(0.1, "plain"),
        10_000,
        said.append,
        rehearse=broken,
        compiled=lambda _: clock.taking(0.05, "compiled"),
        now=clock,
    )
    assert {compiling() for _ in range(30)} == {"plain"}
    assert said == ["not compiled: no gradient"]


def test_a_compiler_that_fails_does_not_end_the_run() -> None:
    clock, said = Clock(), []

    def broken(*arguments: Any) -> None:
        raise RuntimeError("\nno C++ compiler\nsee https://...")

    compiling = Compiling(clock.taking(0.1, "plain"), 10_000, said.append, compiled=lambda _: broken, now=clock)
    assert {compiling() for _ in range(30)} == {"plain"}
    assert said == ["not compiled: no C++ compiler"]


PROGRAM = """
import sys
from allograph.cli import main
from allograph.training import compiling
compiling._WORTH_WHILE = 0.0
sys.exit(main())
"""


@pytest.mark.skipif(not any(map(shutil.which, ("c++", "g++", "clang++"))), reason="needs a C++ compiler")
def test_a_run_that_compiles_ends_with_the_same_weights_but_for_rounding(tmp_path: Path) -> None:
    """In a process of its own: the compiler does not take functions whose shapes are checked, as they are here."""
    found, said = [], ""
    for also in ("compile=false", "compile=true"):
        settings = [part for word in (*WORDS, also) for part in ("--set", word)]
        command = ["train", "strokes", "--preset", "omniglot-28-fewshot", "-o", str(tmp_path / also), *settings]
        run = subprocess.run([sys.executable, "-c", PROGRAM, *command], capture_output=True, text=True)
        assert run.returncode == 0, run.stderr
        found.append(load_file(tmp_path / also / "model.safetensors"))
        said = run.stderr
    assert re.search(r"^compiled in \d+ s: a step takes ", said, re.MULTILINE), said
    assert "Warning" not in said
    plain, compiled = found
    for name, weight in plain.items():
        assert_close(compiled[name], weight, rtol=1e-3, atol=1e-4)


def started(words: list[str], step: int, monkeypatch: pytest.MonkeyPatch, **how: Any) -> Fitting:
    """As a run is that begins or goes on at a step."""
    preset = from_dict(Preset, override(to_dict(load_preset("omniglot-28-fewshot")), [*WORDS, "compile=true", *words]))
    fitting = Fitting(model_from_config(to_dict(preset.model)), preset, **how)
    monkeypatch.setattr(Fitting, "global_step", step)
    fitting.on_train_start()
    return fitting


def test_a_run_that_goes_on_counts_the_steps_that_are_left(monkeypatch: pytest.MonkeyPatch) -> None:
    fitting = started(["max_steps=100"], 70, monkeypatch)
    assert isinstance(fitting._infer_in_training, Compiling)
    assert fitting._infer_in_training.left == 30
    assert fitting.news == []


def test_numbers_of_exemplars_that_change_and_several_processes_are_not_compiled(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    changing = started(["contexts=[1, 2]"], 0, monkeypatch)
    several = started([], 0, monkeypatch, processes=Processes(0, 2, 0, 2))
    for fitting, why in ((changing, "exemplars changes"), (several, "several processes")):
        assert not isinstance(fitting._infer_in_training, Compiling)
        assert why in fitting.news[0]


def test_compiling_is_a_setting_of_the_training() -> None:
    assert not Preset().training.compile
    assert from_dict(Preset, override({}, ["compile=true"])).training.compile
