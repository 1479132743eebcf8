"""A real, tiny training run: it learns, it can be killed at any moment, and it says what is wrong."""

from __future__ import annotations

import csv
import dataclasses
import itertools
import json
import os
import shutil
import signal
import threading
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from allograph import weights
from allograph.card import ModelCard
from allograph.config import Preset, from_dict, model_from_config, override, to_dict
from allograph.data import Splits
from allograph.errors import AllographError
from allograph.models import SequentialConfig
from allograph.models.resizing import resized
from allograph.runtime.distributed import ALONE, Share
from allograph.training import fit
from allograph.training.checks import held
from allograph.training.module import Batches, Fitting, SharedBatch, ema_update, kl_weight, learning_rate_factor
from training.started import Run

WORDS = [
    *(
        "model.kind=bending",
        "image_size=16",
        "steps=3",
        "bends=2",
        "latent=4",
        "hidden=16",
        "patch=6",
        "control=3",
        "decision=12",
    ),
    *("encoder_width=2", "embedding=8", "field_size=8", "batch_size=8", "max_steps=60", "warmup_steps=5"),
    *("validate_every=25", "validation_pairs=16", "checkpoint_every=10", "precision=float32"),
]


@pytest.fixture(scope="module")
def splits(strokes_splits: Splits) -> Splits:
    return strokes_splits


@pytest.fixture(scope="module")
def preset() -> Preset:
    return from_dict(Preset, override({}, WORDS))


@pytest.fixture(scope="module")
def undisturbed(splits: Splits, preset: Preset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("undisturbed")
    fitted = fit(splits, preset, folder, preset_name="tiny", command="allograph train strokes")
    assert fitted.ended == "finished"
    assert fitted.step == 60
    return folder


def equal(one: Path, other: Path) -> bool:
    a, b = load_file(one / "model.safetensors"), load_file(other / "model.safetensors")
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def test_a_run_learns_and_leaves_weights_logs_and_pictures(undisturbed: Path) -> None:
    with open(undisturbed / "logs" / "csv-0000000" / "metrics.csv") as file:
        rows = list(csv.DictReader(file))
    energies = [float(row["validation/free_energy"]) for row in rows if row.get("validation/free_energy")]
    assert energies[-1] < energies[0]
    assert {"train/free_energy", "train/kl/01", "train/kl/03", "validation_without/free_energy"} <= set(rows[0])
    pictures = sorted(path.name for path in (undisturbed / "samples").iterdir())
    assert pictures == ["step-0000025.png", "step-0000050.png", "step-0000060.png"]
    loaded = weights.load(undisturbed / "model.safetensors")
    assert loaded.card["preset"] == "tiny"
    assert loaded.card["steps"] == 60
    assert loaded.card["figures"]["validation"]["free_energy"] > 0
    assert loaded.card["settings"]["training"]["seed"] == 0


def wait_for(path: Path, run: Run) -> None:
    deadline = time.monotonic() + 120
    while not path.exists():
        assert not run.ended, f"the run ended before {path.name} was there"
        assert time.monotonic() < deadline
        time.sleep(0.005)


@pytest.mark.slow
@pytest.mark.parametrize(
    "moment",
    [
        pytest.param("run.json", id="before its first state"),
        pytest.param("state.ckpt", id="after its first state"),
        pytest.param("samples/step-0000025.png", id="in a validation"),
        pytest.param("samples/step-0000060.png", id="in the last validation"),
    ],
)
def test_a_killed_run_resumes_to_the_same_weights_bit_for_bit(
    splits: Splits, undisturbed: Path, tmp_path: Path, moment: str
) -> None:
    """SIGKILL in a process of its own; then resumed in another."""
    folder = tmp_path / "run"
    run = Run(splits, WORDS, folder)
    wait_for(folder / moment, run)
    run.send(signal.SIGKILL)
    run.finish()
    (folder / "model.safetensors").unlink(missing_ok=True)  # had the kill come too late, it would hide the resuming
    status, _, errors = Run(splits, WORDS, folder, resume=True).finish()
    assert status == 0, errors
    assert equal(undisturbed, folder)


def test_a_finished_run_that_is_resumed_keeps_its_averaged_weights_and_its_logs(
    splits: Splits, preset: Preset, undisturbed: Path, tmp_path: Path
) -> None:
    shutil.copytree(undisturbed, tmp_path / "run")
    (tmp_path / "run" / "model.safetensors").unlink()
    again = fit(splits, preset, tmp_path / "run", resume=True)
    assert (again.ended, again.step) == ("finished", 60)
    assert equal(undisturbed, tmp_path / "run")
    log = Path("logs", "csv-0000000", "metrics.csv")
    assert (tmp_path / "run" / log).read_text() == (undisturbed / log).read_text()


@pytest.mark.slow
@pytest.mark.parametrize("moment", ["state.ckpt", "samples/step-0000025.png"])
def test_ctrl_c_in_a_terminal_stops_all_its_processes_in_good_order(
    splits: Splits, tmp_path: Path, moment: str
) -> None:
    """A terminal sends SIGINT to the whole process group, the worker that makes the batches included."""
    folder = tmp_path / "run"
    run = Run(splits, [*WORDS, "max_steps=100000"], folder)
    wait_for(folder / moment, run)
    run.send(signal.SIGINT)
    status, output, errors = run.finish()
    assert status == 0, errors
    assert output.startswith("interrupted")
    assert (folder / "model.safetensors").exists()


@pytest.mark.slow
def test_a_run_that_the_clock_stops_resumes_to_the_same_weights(
    splits: Splits, preset: Preset, undisturbed: Path, tmp_path: Path
) -> None:
    first = fit(splits, preset, tmp_path, max_seconds=0.0)
    assert first.ended == "time"
    assert first.step == 1
    assert first.path.exists()
    assert not equal(undisturbed, tmp_path)
    second = fit(splits, preset, tmp_path, resume=True)
    assert second.ended == "finished"
    assert equal(undisturbed, tmp_path)


def test_fitting_never_looks_at_the_test_part(splits: Splits, preset: Preset, tmp_path: Path) -> None:
    class Untouchable:
        def __getattribute__(self, name: str) -> object:
            raise AssertionError(f"fitting asked the test part for {name}")

    blind = Splits(splits.train, splits.validation, Untouchable())  # type: ignore[arg-type]
    short = dataclasses.replace(preset, training=dataclasses.replace(preset.training, max_steps=3, validate_every=2))
    assert fit(blind, short, tmp_path).ended == "finished"


def test_ctrl_c_ends_after_the_step_under_way_and_saves(splits: Splits, preset: Preset, tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGINT)
    stop = threading.Event()

    def interrupt() -> None:
        while not (tmp_path / "state.ckpt").exists() and not stop.wait(0.01):
            pass
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    long = dataclasses.replace(preset, training=dataclasses.replace(preset.training, max_steps=100_000))
    try:
        fitted = fit(splits, long, tmp_path)
    finally:
        stop.set()
        thread.join()
    assert fitted.ended == "interrupted"
    assert fitted.step >= 10
    assert fitted.path.exists()
    assert signal.getsignal(signal.SIGINT) is before


def test_a_run_can_begin_with_the_weights_of_another(
    splits: Splits, preset: Preset, undisturbed: Path, tmp_path: Path
) -> None:
    begun = weights.load(undisturbed / "model.safetensors")
    still = dataclasses.replace(preset, training=dataclasses.replace(preset.training, learning_rate=1e-12, max_steps=2))
    fit(splits, still, tmp_path / "again", initial=begun)
    ours = weights.load(tmp_path / "again" / "model.safetensors").model.state_dict()
    for name, value in begun.model.state_dict().items():
        torch.testing.assert_close(ours[name], value, rtol=0, atol=1e-9)
    with pytest.raises(AllographError, match="other data or first weights"):
        fit(splits, still, tmp_path / "again", resume=True)
    other = dataclasses.replace(preset, model=dataclasses.replace(preset.model, hidden=17))
    with pytest.raises(AllographError, match="another network"):
        fit(splits, other, tmp_path / "other", initial=begun)


def test_a_run_can_begin_with_weights_for_smaller_images(splits: Splits, preset: Preset, tmp_path: Path) -> None:
    small = SequentialConfig(image_size=12, steps=2, hidden=8, patch=4, embedding=4, encoder_width=2)
    large = dataclasses.replace(small, image_size=20, patch=6)
    training = dataclasses.replace(preset.training, max_steps=2)
    first = fit(splits, Preset(small, preset.data, training), tmp_path / "small")
    still = Preset(large, preset.data, dataclasses.replace(training, learning_rate=1e-12))
    begun = weights.load(first.path)
    then = weights.load(fit(splits, still, tmp_path / "large", initial=begun).path)
    assert then.model.config == large
    expected = model_from_config(to_dict(large))
    resized(begun.model, expected)
    for name, value in then.model.state_dict().items():
        torch.testing.assert_close(value, expected.state_dict()[name], rtol=0, atol=1e-9)


def test_how_the_weights_before_draw_is_kept(splits: Splits, preset: Preset, undisturbed: Path, tmp_path: Path) -> None:
    before = weights.load(undisturbed / "model.safetensors")
    told = ModelCard.of({**before.card, "temperature": 0.7, "size_variation": [0.1, 0.2], "license": weights.LICENSE})
    tuned = dataclasses.replace(before, card=told)
    two = dataclasses.replace(preset, training=dataclasses.replace(preset.training, max_steps=2))
    then = weights.load(fit(splits, two, tmp_path / "on", initial=tuned).path).card
    assert then["temperature"] == 0.7 and then.size_variation == (0.1, 0.2)
    assert "license" not in then  # whoever trained these says it
    assert "temperature" not in weights.load(fit(splits, two, tmp_path / "anew").path).card


def test_a_run_that_is_older_than_a_setting_goes_on(splits: Splits, preset: Preset, tmp_path: Path) -> None:
    short = dataclasses.replace(preset, training=dataclasses.replace(preset.training, max_steps=2))
    fit(splits, short, tmp_path)
    run = json.loads((tmp_path / "run.json").read_text())
    del run["preset"]["training"]["kl_warmup_steps"]
    (tmp_path / "run.json").write_text(json.dumps(run))
    assert fit(splits, short, tmp_path, resume=True).ended == "finished"


def test_two_runs_do_not_train_in_one_folder(splits: Splits, preset: Preset, undisturbed: Path) -> None:
    with held(undisturbed, ALONE), pytest.raises(AllographError, match="another run trains there"):
        fit(splits, preset, undisturbed, resume=True)
    assert fit(splits, preset, undisturbed, resume=True).ended == "finished"


def test_what_cannot_be_resumed_or_begun_is_said(
    splits: Splits, preset: Preset, undisturbed: Path, tmp_path: Path
) -> None:
    with pytest.raises(AllographError, match="add --resume"):
        fit(splits, preset, undisturbed)
    with pytest.raises(AllographError, match="no run to resume"):
        fit(splits, preset, tmp_path, resume=True)
    other = dataclasses.replace(preset, training=dataclasses.replace(preset.training, learning_rate=0.5))
    with pytest.raises(AllographError, match=r"training\.learning_rate = 0.001, not 0.5"):
        fit(splits, other, undisturbed, resume=True)
    with pytest.raises(AllographError, match="other data or first weights"):
        fit(Splits(splits.validation, splits.validation, splits.test), preset, undisturbed, resume=True)
    (tmp_path / "run.json").write_text("{")
    with pytest.raises(AllographError, match="cannot read"):
        fit(splits, preset, tmp_path, resume=True)
    shutil.copy(undisturbed / "run.json", tmp_path)
    (tmp_path / "state.ckpt").write_bytes(b"not a state")
    with pytest.raises(AllographError, match="cannot read"):
        fit(splits, preset, tmp_path, resume=True)
    (tmp_path / "alone").mkdir()
    (tmp_path / "alone" / "model.safetensors").write_bytes(b"somebody's work")
    with pytest.raises(AllographError, match="already holds a run"):
        fit(splits, preset, tmp_path / "alone")


def test_a_free_energy_that_is_no_number_ends_the_run_with_advice(
    splits: Splits, preset: Preset, tmp_path: Path
) -> None:
    wild = dataclasses.replace(
        preset, training=dataclasses.replace(preset.training, learning_rate=100.0, warmup_steps=0, max_steps=200)
    )
    with pytest.raises(AllographError, match="smaller learning_rate"):
        fit(splits, wild, tmp_path)


def test_what_is_refused_leaves_the_folder_free(splits: Splits, preset: Preset, tmp_path: Path) -> None:
    few = dataclasses.replace(preset, data=dataclasses.replace(preset.data, contexts=(500,), augment=False))
    with pytest.raises(AllographError, match="no class"):
        fit(splits, few, tmp_path)
    assert not (tmp_path / "run.json").exists()


def test_variation_ends_when_the_training_settles(splits: Splits, preset: Preset) -> None:
    data = dataclasses.replace(preset.data, shift=1, settle=0.25)
    training = dataclasses.replace(preset.training, max_steps=200)
    source = Batches(splits, dataclasses.replace(preset, data=data, training=training), True).source
    assert (source.shift, source.varied_steps) == (1, 150)


def test_the_learning_rate_rises_then_falls_by_half_a_cosine(preset: Preset) -> None:
    config = dataclasses.replace(preset.training, warmup_steps=10, max_steps=110, final_rate=0.1)
    rates = [learning_rate_factor(step, config) for step in range(120)]
    assert rates[0] == pytest.approx(0.1)
    assert rates[10] == pytest.approx(1.0)
    assert rates[60] == pytest.approx(0.55)
    assert rates[110] == rates[119] == pytest.approx(0.1)
    assert all(before > after for before, after in itertools.pairwise(rates[10:111]))


def test_the_weight_of_the_kl_terms_rises_to_one(preset: Preset, splits: Splits, monkeypatch) -> None:
    config = dataclasses.replace(preset.training, kl_warmup_steps=10)
    weighted = [kl_weight(step, config) for step in (0, 5, 10, 11)]
    assert weighted == pytest.approx([0.1, 0.55, 1.0, 1.0])
    assert kl_weight(0, preset.training) == 1
    torch.manual_seed(0)
    fitting = Fitting(model_from_config(to_dict(preset.model)), dataclasses.replace(preset, training=config))
    for parameter in fitting.model.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    for word in ("log", "log_dict"):  # which want a trainer
        monkeypatch.setattr(Fitting, word, lambda *rest, **options: None)
    monkeypatch.setattr(Fitting, "global_step", 5)
    pairs = Batches(splits, preset, conditional=True).source.batch(0)
    loss = fitting.training_step(SharedBatch(pairs, Share.whole(len(pairs))), 0)
    energy = fitting.free_energy(pairs, fitting.noise_generator(0, 5))
    assert energy.kl.sum(dim=1).mean() > 0.1
    torch.testing.assert_close(loss, (energy.distortion + 0.55 * energy.kl.sum(dim=1)).mean())


def test_the_moving_average_forgets_its_beginning() -> None:
    average, weight = [torch.zeros(3)], [torch.ones(3)]
    update = ema_update(0.999)
    for count in range(100):
        update(average, weight, count)
    assert average[0].min() > 0.99


def test_recomputing_is_a_setting_of_the_training() -> None:
    preset = from_dict(Preset, override({}, ["recompute=true", "steps=2", "hidden=8"]))
    model = model_from_config(to_dict(preset.model))
    assert not model.recompute
    assert Fitting(model, preset).model.recompute
