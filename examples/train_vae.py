"""Train a variational auto-encoder with a plain loop, and print the bound.

    python examples/train_vae.py                       # symbols made on the spot; a minute or two on one core
    python examples/train_vae.py --data mnist          # digits, binarised anew at every look
    python examples/train_vae.py --steps 50 --samples 5     # does it run?

The model is `allograph.models.DeepModel` with one stochastic layer (L = 1):

    z ~ N(0, I),    x ~ Bernoulli(sigmoid(f(z))),    q(z | x) = N(m(x), s(x))

Training minimises the free energy, which bounds the negative log likelihood from above, in nats per image:

    F(x) = -E_q[log p(x | z)] + KL(q(z | x) || p(z)) >= -log p(x)

The last line is the importance weighted bound on the test part (Burda et al., 2016), which is tighter.
"""

from __future__ import annotations

import argparse
import math
import time
from pathlib import Path

from allograph.bounds import importance_weighted_bound  # before torch: see docs/python.md
from allograph.data import ConceptDataset, PairBatch, PairSource, fixed_pairs, load_dataset
from allograph.models import DeepConfig, DeepModel

import torch  # isort: skip
from PIL import Image  # isort: skip

SIDE = 28
"""Pixels."""


def main(arguments: list[str] | None = None) -> float:
    """Train, measure and print; returns the bound on the test part, nats per image."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", choices=("strokes", "mnist", "mnist-static", "omniglot-28"), default="strokes")
    parser.add_argument("--data-dir", help="where the data sets are or go")
    parser.add_argument("--steps", type=int, default=4000, help="training steps (%(default)s)")
    parser.add_argument("--batch", type=int, default=100, help="images of a step (%(default)s)")
    parser.add_argument("--rate", type=float, default=2e-3, help="highest learning rate (%(default)s)")
    parser.add_argument("--latents", type=int, default=30, help="dimensions of z (%(default)s)")
    parser.add_argument("--samples", type=int, default=100, help="K of the bound (%(default)s)")
    parser.add_argument("--images", type=int, default=1000, help="test images of the bound (%(default)s)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--picture", type=Path, help="where to save 64 samples, as a PNG")
    options = parser.parse_args(arguments)

    # The parts share no symbol (of digits, no image). A VAE takes no exemplars: 0 contexts.
    parts = load_dataset(options.data, options.data_dir, seed=options.seed)
    batches = PairSource(
        parts.train, SIDE, options.batch, contexts=(0,), seed=options.seed, shift=1, binarisation="dynamic"
    )
    validation = held_out(parts.validation, 1000, options.seed)

    torch.manual_seed(options.seed)  # the first weights
    model = DeepModel(DeepConfig(image_size=SIDE, latents=(options.latents,), units=(400,)))
    model.initialise(torch.cat([batches[step].target for step in range(16)]).mean(dim=0))
    weights = sum(parameter.numel() for parameter in model.parameters())
    print(f"{options.data}: {len(parts.train):,} training images; {weights:,} weights")
    train(model, batches, validation, options.steps, options.rate, options.seed)

    test = held_out(parts.test, options.images, options.seed)
    bound = importance_weighted_bound(
        model.eval(), test.target, samples=options.samples, generator=torch.Generator().manual_seed(options.seed)
    )
    print(
        f"test, {len(test)} images: -log p(x) <= {bound.mean:.2f} ± {bound.error:.2f} nats (K = {bound.samples}), "
        f"effective samples {bound.effective_samples.mean():.1f}"
    )
    if options.picture:
        save_samples(model, options.picture, options.seed)
    return bound.mean


def train(model: DeepModel, batches: PairSource, validation: PairBatch, steps: int, peak: float, seed: int) -> None:
    """Adam on the free energy; the learning rate rises for a twentieth of the steps and falls along a cosine."""
    optimizer = torch.optim.Adam(model.parameters())
    generator = torch.Generator().manual_seed(seed)  # of the noise of z
    warmup = max(1, steps // 20)
    start = time.monotonic()
    for step in range(1, steps + 1):
        falling = 0.5 * (1 + math.cos(math.pi * max(0, step - warmup) / max(1, steps - warmup)))
        optimizer.param_groups[0]["lr"] = peak * min(step / warmup, max(falling, 0.02))
        energy = model.free_energy(batches[step - 1].target, generator=generator)
        loss = energy.total.mean()
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 100.0)
        optimizer.step()
        if step % max(1, steps // 10) == 0:
            with torch.no_grad():
                seen = model.free_energy(validation.target, generator=torch.Generator().manual_seed(0))
            print(
                f"step {step:5d}, {time.monotonic() - start:4.0f} s: training {loss:.2f}, validation "
                f"{seen.total.mean():.2f} nats, of which KL {seen.kl.sum(dim=1).mean():.2f}"
            )


def held_out(part: ConceptDataset, count: int, seed: int) -> PairBatch:
    """Images that no training step sees, binarised once."""
    return fixed_pairs(part, SIDE, count, seed=seed, contexts=0, binarisation="dynamic")


def save_samples(model: DeepModel, path: Path, seed: int) -> None:
    """Eight rows of eight images that the model draws: the probability of ink, dark."""
    with torch.no_grad():
        drawn = model.sample(n=64, generator=torch.Generator().manual_seed(seed))
        ink = model.likelihood.mean(drawn.parameters)[0, :, 0].reshape(8, 8, SIDE, SIDE)
    sheet = (255 * (1 - ink)).round().byte().permute(0, 2, 1, 3).reshape(8 * SIDE, 8 * SIDE)
    Image.fromarray(sheet.numpy()).resize((16 * SIDE, 16 * SIDE), Image.Resampling.NEAREST).save(path)


if __name__ == "__main__":
    main()
