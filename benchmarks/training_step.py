"""Training: images per second of the batched model against the plain step-by-step reference, and both loss curves.

    python benchmarks/training_step.py [--preset omniglot] [--rounds 5] [--threads 2] [--curve 40]

The reference (tests/models/reference_bending.py) does everything inside the loop over t, writing included, in float32,
eager. Both train the same weights on the same batches with the same noise; steps are timed in turns in one process, so
that a machine that slows down slows both. Prints a table; ends with an error below 3 times the reference, or if the
float32 curves part.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from allograph.config import load_preset, model_from_config, to_dict
from allograph.data import Augmentation, PairSource, stroke_concepts
from allograph.training.module import learning_rate_factor

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from models.reference_bending import ReferenceBending

LEAST_RATIO = 3.0
MOST_APART = 1e-2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", default="omniglot")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--curve", type=int, default=40, help="steps of the two loss curves; 0 leaves them out")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    preset = load_preset(options.preset, options.set)
    size, batch = preset.model.image_size, preset.training.batch_size
    source = PairSource(stroke_concepts(60, 8, seed=0), size, batch, augmentation=Augmentation())
    batches = [source.batch(step) for step in range(max(options.curve, 8))]

    variants = {
        "reference, float32": (True, torch.float32),
        "batched, float32": (False, torch.float32),
        "batched, bfloat16": (False, torch.bfloat16),
    }
    steps = {name: training(preset, *how) for name, how in variants.items()}
    seconds: dict[str, list[float]] = {name: [] for name in variants}
    losses: dict[str, list[float]] = {name: [] for name in variants}
    for step in range(max(options.curve, options.rounds + 2)):
        pair = batches[step % len(batches)]
        for name, run in steps.items():
            start = time.perf_counter()
            losses[name].append(run(pair.target, pair.context, step))
            seconds[name].append(time.perf_counter() - start)

    config = preset.model
    print(f"T = {config.steps}, {config.hidden} units, {size} x {size}, batch {batch}, {options.threads} threads")
    slowest = statistics.median(seconds["reference, float32"][2:])
    print(f"{'':22}{'images/s':>10}{'ratio':>8}{'first 5 losses':>18}{'last 5':>12}")
    for name in variants:
        middle = statistics.median(seconds[name][2:])
        first, last = statistics.mean(losses[name][:5]), statistics.mean(losses[name][-5:])
        print(f"{name:22}{batch / middle:10.0f}{slowest / middle:8.2f}{first:18.2f}{last:12.2f}")
    reference, ours = torch.tensor(losses["reference, float32"]), torch.tensor(losses["batched, float32"])
    apart = ((ours - reference).abs() / reference).max()
    print(f"the two float32 loss curves differ by at most {apart:.1e} of the loss in {len(ours)} steps")
    ratio = slowest / statistics.median(seconds["batched, bfloat16"][2:])
    if ratio < LEAST_RATIO or apart > MOST_APART:
        sys.exit(f"below its promise: {ratio:.2f} times the reference, curves {apart:.1e} apart")


def training(preset, plain: bool, dtype: torch.dtype) -> Callable[[Tensor, Tensor, int], float]:
    """A training step of its own copy of one model: (target, context, step) -> free energy."""
    torch.manual_seed(0)
    model = model_from_config(to_dict(preset.model))
    network = ReferenceBending(model) if plain else model
    optimizer = torch.optim.Adam(model.parameters(), lr=preset.training.learning_rate, fused=True)

    def step(target: Tensor, context: Tensor, number: int) -> float:
        optimizer.param_groups[0]["lr"] = preset.training.learning_rate * learning_rate_factor(number, preset.training)
        generator = torch.Generator().manual_seed(number)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=dtype == torch.bfloat16):
            if plain:
                noise = model.noise(len(target), generator=generator)
                distortion, kl = network.free_energy(target, context, noise)
                loss = (distortion + kl.sum(dim=1)).mean()
            else:
                loss = network.free_energy(target, context, generator=generator).total.mean()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), preset.training.gradient_clip)
        optimizer.step()
        optimizer.zero_grad()
        return loss.item()

    return step


if __name__ == "__main__":
    main()
