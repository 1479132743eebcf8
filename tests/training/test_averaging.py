"""What a run leaves behind is the moving average of the weights that a plain loop of Adam steps goes through."""

from __future__ import annotations

import csv
import dataclasses
import math
from pathlib import Path

import lightning
import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from torch import Tensor

from allograph import weights
from allograph.bounds import FreeEnergy
from allograph.config import DataConfig, Preset, TrainingConfig, model_from_config, to_dict
from allograph.data import PairBatch, Splits
from allograph.models import BendingModel, GenerativeModel, SequentialConfig
from allograph.training import fit
from allograph.training.module import Batches, Fitting
from models.small import small_config, with_random_weights

STEPS = 8
RATE = 0.03
MODEL = SequentialConfig(
    image_size=12, steps=2, latent=3, hidden=8, patch=4, embedding=4, encoder_width=2, decision=6, context=True
)
TRAINING = TrainingConfig(
    batch_size=6,
    max_steps=STEPS,
    learning_rate=RATE,
    final_rate=1.0,
    warmup_steps=3,
    kl_warmup_steps=4,
    gradient_clip=0.5,
    average_decay=0.9,
    validate_every=STEPS // 2,
    validation_pairs=12,
    checkpoint_every=100,
    seed=3,
    precision="float32",
)
PRESET = Preset(MODEL, DataConfig(contexts=(1,), blank=0.4, augment=False), TRAINING)


def noise_for(key: list[int]) -> torch.Generator:
    """Noise belongs to the seed of the preset and to what it is for, and to nothing else."""
    state = np.random.SeedSequence(key).generate_state(1, np.uint64)[0]
    return torch.Generator().manual_seed(int(state) >> 1)


def energy_of(model: GenerativeModel, x: Tensor, context: Tensor, step: int) -> FreeEnergy:
    """Of a training step's pairs, some of the exemplars blank."""
    generator = noise_for([TRAINING.seed, 0, step])
    shown = torch.rand(2, len(x), generator=generator)[0] >= PRESET.data.blank
    noise = model.noise(len(x), generator=generator)
    return model.infer(x, context * shown[:, None, None, None, None], noise).free_energy


@pytest.fixture(scope="module")
def path_of_weights(strokes_splits: Splits) -> list[dict[str, Tensor]]:
    """The weights after each step of a plain loop; those at the start come first."""
    lightning.seed_everything(TRAINING.seed, verbose=False)
    model = model_from_config(to_dict(MODEL))
    batches = Batches(strokes_splits, PRESET, conditional=True)
    model.initialise(batches.mean())
    optimizer = torch.optim.Adam(model.parameters(), lr=RATE)
    found = [{name: value.clone() for name, value in model.state_dict().items()}]
    for step in range(STEPS):
        pairs = batches.source.batch(step)
        optimizer.param_groups[0]["lr"] = RATE * min(1.0, (step + 1) / TRAINING.warmup_steps)
        optimizer.zero_grad()
        energy = energy_of(model, pairs.target, pairs.context, step)
        weight = min(1.0, 0.1 + 0.9 * step / TRAINING.kl_warmup_steps)
        (energy.distortion + weight * energy.kl.sum(dim=-1)).mean().backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), TRAINING.gradient_clip)
        optimizer.step()
        found.append({name: value.clone() for name, value in model.state_dict().items()})
    return found


def averaged(path: list[dict[str, Tensor]], steps: int) -> dict[str, Tensor]:
    """The moving average after so many steps."""
    average = dict(path[1])
    for n in range(1, steps):
        kept = min(TRAINING.average_decay, (1 + n) / (10 + n))
        average = {name: kept * value + (1 - kept) * path[n + 1][name] for name, value in average.items()}
    return average


@pytest.fixture(scope="module")
def run(strokes_splits: Splits, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("averaged")
    assert fit(strokes_splits, PRESET, folder).ended == "finished"
    return folder


def assert_close(found: dict[str, Tensor], expected: dict[str, Tensor], tolerance: float = 1e-5) -> None:
    for name, value in found.items():
        torch.testing.assert_close(value, expected[name], rtol=0, atol=tolerance, msg=name)


def farthest(one: dict[str, Tensor], other: dict[str, Tensor]) -> float:
    return max(float((value - other[name]).abs().max()) for name, value in one.items())


def test_a_run_ends_with_the_moving_average_of_the_weights_that_a_plain_loop_goes_through(
    run: Path, path_of_weights: list[dict[str, Tensor]]
) -> None:
    found = load_file(run / "model.safetensors")
    assert farthest(found, path_of_weights[-1]) > RATE / 10, "the last weights are others"
    assert_close(found, averaged(path_of_weights, STEPS))


def test_pictures_show_the_average_of_their_moment_not_the_last_weights(
    run: Path, strokes_splits: Splits, tmp_path: Path
) -> None:
    """A run that ends at the step of the picture draws it with the weights that it leaves behind."""
    half = dataclasses.replace(PRESET, training=dataclasses.replace(TRAINING, max_steps=STEPS // 2))
    fit(strokes_splits, half, tmp_path)
    name = f"samples/step-{STEPS // 2:07d}.png"
    then, now = (np.asarray(Image.open(folder / name)) for folder in (run, tmp_path))
    assert np.array_equal(then, now)
    last = np.asarray(Image.open(run / f"samples/step-{STEPS:07d}.png"))
    assert not np.array_equal(now, last)


def test_the_figures_on_the_card_and_in_the_log_are_those_of_the_saved_weights(
    run: Path, strokes_splits: Splits
) -> None:
    loaded = weights.load(run / "model.safetensors")
    pairs = Batches(strokes_splits, PRESET, conditional=True).validation
    sums, kl = {"free_energy": 0.0, "free_energy_without_exemplar": 0.0}, torch.zeros(MODEL.steps)
    size = TRAINING.batch_size
    for number, start in enumerate(range(0, len(pairs), size)):
        part = pairs.rows(slice(start, start + size))
        noise = loaded.model.noise(len(part), generator=noise_for([TRAINING.seed, 1, number]))
        with torch.no_grad():
            for name, context in zip(sums, (part.context, None), strict=True):
                energy = loaded.model.infer(part.target, context, noise).free_energy
                sums[name] += float(energy.total.sum())
                kl += energy.kl.sum(dim=0) if name == "free_energy" else 0
    figures = loaded.card["figures"]["validation"]
    for name, total in sums.items():
        assert figures[name] == pytest.approx(total / len(pairs), abs=2e-3)
    assert abs(figures["free_energy"] - figures["free_energy_without_exemplar"]) > 0.01
    with open(run / "logs" / "csv-0000000" / "metrics.csv") as file:
        (*_, row) = (row for row in csv.DictReader(file) if row.get("validation/free_energy"))
    assert float(row["validation/free_energy"]) == pytest.approx(sums["free_energy"] / len(pairs), abs=1e-3)
    logged = [float(row[f"validation/kl/{step:02d}"]) for step in range(1, MODEL.steps + 1)]
    assert logged == pytest.approx((kl / len(pairs)).tolist(), rel=1e-3)
    assert float(row["validation/kl"]) == pytest.approx(sum(logged), rel=1e-3)
    assert min(logged) > 1.5e-3 and logged[0] != pytest.approx(logged[1], rel=0.01)


def test_the_noise_of_a_step_belongs_to_the_seed_and_to_the_step(strokes_splits: Splits) -> None:
    model = model_from_config(to_dict(MODEL))
    pairs = Batches(strokes_splits, PRESET, conditional=True).source.batch(0)

    def energy(seed: int, step: int) -> float:
        preset = dataclasses.replace(PRESET, training=dataclasses.replace(TRAINING, seed=seed))
        fitting = Fitting(model, preset)
        with torch.no_grad():
            return float(fitting.free_energy(pairs, fitting.noise_generator(0, step)).total.mean())

    assert energy(0, 5) == energy(0, 5)
    assert len({energy(seed, step) for seed in (0, 1, 2) for step in (5, 6)}) == 6


def test_the_data_of_a_step_belong_to_the_seed_and_to_the_step(strokes_splits: Splits) -> None:
    def targets(seed: int, step: int) -> bytes:
        preset = dataclasses.replace(PRESET, training=dataclasses.replace(TRAINING, seed=seed))
        return Batches(strokes_splits, preset, conditional=True).source.batch(step).target_index.numpy().tobytes()

    assert targets(0, 5) == targets(0, 5)
    assert len({targets(seed, step) for seed in (0, 1) for step in (5, 6)}) == 4


def test_pictures_are_made_from_the_same_noise_each_time(strokes_splits: Splits, tmp_path: Path) -> None:
    """A run whose weights stand still makes the same picture twice."""
    still = dataclasses.replace(TRAINING, learning_rate=1e-12, max_steps=2, validate_every=1)
    fit(strokes_splits, dataclasses.replace(PRESET, training=still), tmp_path)
    one, two = ((tmp_path / "samples" / f"step-{step:07d}.png").read_bytes() for step in (1, 2))
    assert one == two


@pytest.mark.parametrize("blank", [0.0, 0.25, 1.0])
def test_exemplars_are_left_out_as_often_as_the_preset_says(blank: float, strokes_splits: Splits) -> None:
    """Seen by what the free energy is: that given the exemplar, or that without."""
    torch.manual_seed(0)
    model = model_from_config(to_dict(MODEL))
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    preset = dataclasses.replace(PRESET, data=dataclasses.replace(PRESET.data, blank=blank))
    one = Batches(strokes_splits, preset, conditional=True).source.batch(0).rows(slice(1))
    rows = 400
    parts = {field.name: getattr(one, field.name) for field in dataclasses.fields(one)}
    pairs = PairBatch(**{name: part.expand(rows, *part.shape[1:]) for name, part in parts.items()})
    fitting = Fitting(model, preset)
    with torch.no_grad():
        generator = fitting.noise_generator(0, 0)
        torch.rand(2, rows, generator=generator)
        noise = model.noise(rows, generator=generator)
        given, without = (model.infer(pairs.target, c, noise).free_energy.total for c in (pairs.context, None))
        trained = fitting.free_energy(pairs, fitting.noise_generator(0, 0)).total
    left_out = torch.isclose(trained, without)
    assert (left_out | torch.isclose(trained, given)).all()
    assert not torch.isclose(given, without).any()
    share, error = float(left_out.double().mean()), math.sqrt(blank * (1 - blank) / rows)
    assert abs(share - blank) <= 4 * error


@pytest.mark.parametrize("ink", [0.25, 1.0])
def test_ink_is_written_beside_the_exemplar_as_often_as_the_preset_says(ink: float, strokes_splits: Splits) -> None:
    """By a model that bends its exemplar."""
    model = with_random_weights(small_config(image_size=12)).float()
    assert isinstance(model, BendingModel)
    preset = dataclasses.replace(PRESET, data=dataclasses.replace(PRESET.data, blank=0.0, ink=ink))
    one = Batches(strokes_splits, preset, conditional=True).source.batch(0).rows(slice(1))
    rows = 200
    parts = {field.name: getattr(one, field.name) for field in dataclasses.fields(one)}
    pairs = PairBatch(**{name: part.expand(rows, *part.shape[1:]) for name, part in parts.items()})
    fitting = Fitting(model, preset)
    with torch.no_grad():
        generator = fitting.noise_generator(0, 0)
        torch.rand(2, rows, generator=generator)
        noise = model.noise(rows, generator=generator)
        beside, bent = (
            model.infer(pairs.target, pairs.context, noise, ink=torch.full((rows,), written)).free_energy.total
            for written in (True, False)
        )
        trained = fitting.free_energy(pairs, fitting.noise_generator(0, 0)).total
    written = torch.isclose(trained, beside)
    assert (written | torch.isclose(trained, bent)).all()
    assert not torch.isclose(beside, bent).any()
    assert abs(float(written.double().mean()) - ink) <= 4 * math.sqrt(ink * (1 - ink) / rows)
