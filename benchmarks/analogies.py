"""Whether an analogy carries a hand: python -m benchmarks.analogies

Characters a and b of one alphabet, each drawn by people i and j. The latents that make b by j from b by i are applied
to a by i (`allograph write A.png --as B1.png,B2.png`). Printed, for slant, height, width and amount of ink, are
correlations over the cases of the change asked for, b by j minus b by i, with

    made    what the analogy changed, against the model's mean drawing of a by i
    random  what random latents change: 0 if nothing is carried
    people  what people changed, a by j minus a by i: how much a hand is the same in two characters at all

1 / sqrt(cases) is the error of a correlation of 0. Validation alphabets of Omniglot.
"""

from __future__ import annotations

import argparse
import os

import numpy as np
import torch

import allograph
from allograph.data import load_dataset

MEASURES = ("slant", "height", "width", "ink")


def shape_of(drawing: np.ndarray) -> np.ndarray:
    """Shear (how far ink moves across for each pixel down), logarithms of the spread down and across, and pixels."""
    down, across = np.nonzero(drawing > 0.5)
    if len(down) < 5 or not np.ptp(down) or not np.ptp(across):
        return np.full(4, np.nan)
    slant = np.cov(down, across)[0, 1] / down.var(ddof=1)
    return np.array([slant, np.log(down.std()), np.log(across.std()), len(down)])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="omniglot")
    parser.add_argument("--cases", type=int, default=300)
    parser.add_argument("--data-dir", default=os.environ.get("ALLOGRAPH_DATA"))
    options = parser.parse_args()
    writer = allograph.load(options.model)
    model, side = writer.model, writer.model.config.image_size
    data = load_dataset("omniglot", options.data_dir).validation
    random, generator, rows = np.random.default_rng(0), torch.Generator().manual_seed(0), []
    while len(rows) < options.cases:
        family = random.choice(np.unique(data.family))
        a, b = random.choice(np.flatnonzero(data.family == family), 2, replace=False)
        hands = np.intersect1d(data.drawer[data.concept == a], data.drawer[data.concept == b])
        i, j = random.choice(hands, 2, replace=False)
        of = [np.flatnonzero((data.concept == c) & (data.drawer == h))[0] for c in (a, b) for h in (i, j)]
        a1, a2, b1, b2 = data.drawings(np.array(of), side)
        nothing = torch.zeros(1, *model.noise_shape)
        with torch.inference_mode():
            change = model.infer(b2[None], b1[None, None], nothing).prior_noise
        noise = torch.stack([change[0], nothing[0], torch.randn(model.noise_shape, generator=generator)])[None]
        drawn = writer.with_attempts(1).draw(a1[None, None], noise, 1.0).parameters[0, :, 0].sigmoid()
        rows.append([shape_of(one) for one in (*(x[0].numpy() for x in (a1, a2, b1, b2)), *drawn.numpy())])
    found = np.array(rows)
    found = found[np.isfinite(found).all(axis=(1, 2))]
    a1, a2, b1, b2, made, mean, other = found.transpose(1, 2, 0)
    print(f"{options.model}, {len(found)} cases, error of a correlation of 0: {len(found) ** -0.5:.2f}")
    for k, name in enumerate(MEASURES):
        asked = b2[k] - b1[k]
        values = [np.corrcoef(asked, one[k] - two[k])[0, 1] for one, two in ((made, mean), (other, mean), (a2, a1))]
        print(f"{name:7} made {values[0]:.2f}   random {values[1]:.2f}   people {values[2]:.2f}")


if __name__ == "__main__":
    main()
