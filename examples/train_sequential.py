"""Train the paper's one-shot model with a plain loop, and print the bound given an exemplar and without one.

    python examples/train_sequential.py                      # symbols made on the spot; minutes on one core
    python examples/train_sequential.py --data omniglot-28
    python examples/train_sequential.py --steps 5 --samples 5 --batch 20      # does it run?

The model is `allograph.models.SequentialModel`, whose module documentation has all equations. It draws x in T steps,

    z_t ~ N(mu_p(h_{t-1}, v_t), sigma_p(h_{t-1}, v_t))      v_t is what step t recalls of the exemplar x'
    h_t = LSTM(h_{t-1}, z_t, v_t)
    c_t = c_{t-1} + write(sprite(h_t), window(h_t))
    x ~ Bernoulli(sigmoid(c_T))

and training minimises the free energy, which bounds the negative log likelihood from above, in nats per image:

    F(x | x') = -E_q[log p(x | z, x')] + sum_t KL(q(z_t | z_<t, x, x') || p(z_t | z_<t, x')) >= -log p(x | x')

Whether the model uses its exemplar shows in the difference: the free energy without it should be higher.
"""

from __future__ import annotations

import argparse
import math
import time
from pathlib import Path

from allograph.bounds import importance_weighted_bound  # before torch: see docs/python.md
from allograph.data import Augmentation, PairBatch, PairSource, fixed_pairs, load_dataset
from allograph.models import SequentialConfig, SequentialModel

import torch  # isort: skip
from PIL import Image  # isort: skip

SIDE = 28
"""Pixels."""
BLANK = 0.1
"""Share of the targets that are shown no exemplar, so that the same model also draws from nothing."""


def main(arguments: list[str] | None = None) -> tuple[float, float]:
    """Train, measure and print; returns the bounds on the test part given an exemplar and without, nats per image."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", choices=("strokes", "omniglot-28"), default="strokes")
    parser.add_argument("--data-dir", help="where the data sets are or go")
    parser.add_argument("--steps", type=int, default=1000, help="training steps (%(default)s)")
    parser.add_argument("--batch", type=int, default=64, help="targets of a step (%(default)s)")
    parser.add_argument("--rate", type=float, default=3e-3, help="highest learning rate (%(default)s)")
    parser.add_argument("--samples", type=int, default=50, help="K of the bound (%(default)s)")
    parser.add_argument("--images", type=int, default=200, help="test drawings of the bound (%(default)s)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--picture", type=Path, help="where to save drawings after test exemplars, as a PNG")
    options = parser.parse_args(arguments)

    # Parts share no symbol. A target and its exemplar are different drawings of one symbol.
    parts = load_dataset(options.data, options.data_dir, seed=options.seed)
    augmentation = Augmentation() if options.data == "omniglot-28" else None
    batches = PairSource(parts.train, SIDE, options.batch, seed=options.seed, augmentation=augmentation)
    validation = fixed_pairs(parts.validation, SIDE, 400)

    torch.manual_seed(options.seed)  # the first weights
    model = SequentialModel(
        SequentialConfig(
            image_size=SIDE, steps=12, latent=12, hidden=256, attention="stretch", context=True, context_by="inference"
        )
    )
    weights = sum(parameter.numel() for parameter in model.parameters())
    print(f"{options.data}: {parts.train.concepts} training symbols; {weights:,} weights")
    train(model, batches, validation, options.steps, options.rate, options.seed)

    test, bounds = fixed_pairs(parts.test, SIDE, options.images), []
    for name, context in (("given an exemplar", test.context), ("without", None)):
        generator = torch.Generator().manual_seed(options.seed)
        bound = importance_weighted_bound(
            model.eval(), test.target, context, samples=options.samples, generator=generator
        )
        print(f"test, {name}: -log p(x) <= {bound.mean:.2f} ± {bound.error:.2f} nats (K = {bound.samples})")
        bounds.append(bound.mean)
    if options.picture:
        save_drawings(model, test, options.picture, options.seed)
    return bounds[0], bounds[1]


def train(
    model: SequentialModel, batches: PairSource, validation: PairBatch, steps: int, peak: float, seed: int
) -> None:
    """Adam on the free energy. The learning rate rises for a twentieth of the steps and falls along a cosine; the KL
    terms count less at first, so that latents and windows are not given up before they are of use."""
    optimizer = torch.optim.Adam(model.parameters())
    generator = torch.Generator().manual_seed(seed)  # of blank exemplars and of the noise of z
    warmup = max(1, steps // 20)
    start = time.monotonic()
    for step in range(1, steps + 1):
        falling = 0.5 * (1 + math.cos(math.pi * max(0, step - warmup) / max(1, steps - warmup)))
        optimizer.param_groups[0]["lr"] = peak * min(step / warmup, max(falling, 0.02))
        batch = batches[step - 1]
        shown = torch.rand(len(batch), generator=generator) >= BLANK
        context = batch.context * shown[:, None, None, None, None]  # without ink: no exemplar
        energy = model.free_energy(batch.target, context, generator=generator)
        loss = (energy.distortion + min(1.0, 0.1 + 1.8 * step / steps) * energy.kl.sum(dim=1)).mean()
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 100.0)
        optimizer.step()
        if step % max(1, steps // 10) == 0:
            with torch.no_grad():
                given, without = (
                    model.free_energy(validation.target, context, generator=torch.Generator().manual_seed(0)).total
                    for context in (validation.context, None)
                )
            print(
                f"step {step:5d}, {time.monotonic() - start:4.0f} s: training {energy.total.mean():.2f}, validation "
                f"{given.mean():.2f} nats given an exemplar, {without.mean():.2f} without"
            )


def save_drawings(model: SequentialModel, pairs: PairBatch, path: Path, seed: int) -> None:
    """Eight rows: an exemplar of a test symbol, and eight drawings of the symbol."""
    exemplars = pairs.context[:8]
    with torch.no_grad():
        drawn = model.sample(exemplars, n=8, generator=torch.Generator().manual_seed(seed))
        ink = torch.cat([exemplars[:, :1, 0], model.likelihood.mean(drawn.parameters)[:, :, 0]], dim=1)
    sheet = (255 * (1 - ink)).round().byte().permute(0, 2, 1, 3).reshape(len(ink) * SIDE, 9 * SIDE)
    Image.fromarray(sheet.numpy()).resize((18 * SIDE, 2 * len(ink) * SIDE), Image.Resampling.NEAREST).save(path)


if __name__ == "__main__":
    main()
