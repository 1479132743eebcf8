"""How hard are the parts of a data set for a code that has seen none of them?

    python tools/difficulty.py [--data-dir DATA]

Free energies of training and test alphabets differ for two reasons: the model knows the training alphabets, and the
test alphabets have more or fewer strokes. This program measures the second reason. The code is like JBIG's, for fax:

    p(x) = prod_i p(x_i | template of 17 pixels above and to the left of i)

with ``p(1 | template) = (n_1 + 4 p) / (n + 4)`` from the counts n of other drawings and their share of ink p. It is a
normalised density, so its nats are exact. It knows nothing about symbols, so it cannot memorise an alphabet.
"""

from __future__ import annotations

import argparse

import numpy as np
import numpy.typing as npt

from allograph.data import ConceptDataset, load_dataset

Drawings = npt.NDArray[np.bool_]
SIZE = 28
TEMPLATE = [(0, -k) for k in (1, 2, 3)] + [(-1, k) for k in range(-3, 3)] + [(-2, k) for k in range(-2, 3)]
TEMPLATE += [(-3, k) for k in (-1, 0, 1)]
SMOOTHING = 4.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", default=None)
    splits = load_dataset("omniglot-28", parser.parse_args().data_dir, "30-20")
    parts = {"training": splits.train, "validation": splits.validation, "test": splits.test}
    drawings = {name: ink_of(part) for name, part in parts.items()}
    print("nats a drawing ± standard error       training          validation        test")
    for fitted in ("validation", "training"):
        counts = counts_of(drawings[fitted])
        cells = []
        for name, ink in drawings.items():
            if name == fitted:
                cells.append("-".ljust(18))
                continue
            nats = nats_of(ink, counts)
            cells.append(f"{nats.mean():.1f} ± {nats.std(ddof=1) / len(nats) ** 0.5:.1f}".ljust(18))
        print(f"fitted to the {fitted} alphabets".ljust(38) + "".join(cells).rstrip())


def ink_of(part: ConceptDataset) -> Drawings:
    return part.drawings(np.arange(len(part)), SIZE).numpy().reshape(-1, SIZE, SIZE) > 0.5


def contexts_of(ink: Drawings) -> npt.NDArray[np.int64]:
    """Each pixel's template as a number; outside the image is paper."""
    wide = np.pad(ink, ((0, 0), (3, 0), (3, 3))).astype(np.int64)
    number = np.zeros(ink.shape, dtype=np.int64)
    for down, right in TEMPLATE:
        number = 2 * number + wide[:, 3 + down : 3 + down + SIZE, 3 + right : 3 + right + SIZE]
    return number


def counts_of(ink: Drawings) -> npt.NDArray[np.int64]:
    """How often paper and ink followed each template, (2^17, 2)."""
    both = 2 * contexts_of(ink) + ink
    return np.bincount(both.ravel(), minlength=2 ** (len(TEMPLATE) + 1)).reshape(-1, 2)


def nats_of(ink: Drawings, counts: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """``-log p(x)`` of each drawing."""
    share = counts.sum(axis=0) / counts.sum()
    p = (counts + SMOOTHING * share) / (counts.sum(axis=1, keepdims=True) + SMOOTHING)
    return -np.log(p[contexts_of(ink), ink.astype(np.int64)]).sum(axis=(1, 2))


if __name__ == "__main__":
    main()
