"""Trains every preset on each data set that it fits, in float32 and in bfloat16, and checks that it stays finite.

    python tools/check_presets.py                      # 200 steps each, batches of 16; about half an hour of one core
    python tools/check_presets.py --steps 20 --only sequential

Prints a line for each: the free energy of the first and of the last ten steps in nats, and the seconds. The exit status
is 1 if a free energy was not finite or did not fall.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections.abc import Iterator

import torch

from allograph.config import Preset, model_from_config, to_dict
from allograph.data import Splits
from allograph.data.registry import load_dataset
from allograph.presets import load_preset, preset_names
from allograph.training import check_fit
from allograph.training.module import Batches, Fitting

INK = ("omniglot-28", "mnist-static", "strokes", "omniglot")
GREY = ("mnist", "notmnist", "multi-mnist", "umist")
BINARISED = ("binarisation=dynamic",)

FITS: dict[str, dict[str, tuple[str, ...]]] = {
    **{name: dict.fromkeys(INK, ()) | dict.fromkeys(GREY, BINARISED) for name in ("sequential", "draw", "vae", "dlgm")},
    **{name: dict.fromkeys(GREY, ()) for name in ("ppca", "factor-analysis")},
    **{
        name: dict.fromkeys(("omniglot", "strokes"), ())
        for name in ("allograph", "omniglot", "omniglot-bending", "omniglot-bending-exemplar")
    },
    **{
        name: dict.fromkeys(("omniglot-28", "omniglot", "strokes"), ())
        for name in ("omniglot-28-fewshot", "omniglot-alphabet")
    },
    "faces": dict.fromkeys(("umist", "notmnist", "multi-mnist", "mnist"), ()),
}
"""Preset -> data set -> the settings that fit it to these images."""

FITS["sequential"] |= {"omniglot-52": ("image_size=52",), "multi-mnist-64": ("image_size=64", *BINARISED)}
PAPER = {
    "mnist": "mnist-static",
    "multi": "multi-mnist-64",
    "omniglot-28": "omniglot-28",
    "omniglot-52": "omniglot-52",
    "one": "omniglot-52",
    "alphabet": "omniglot-52",
    "faces": "umist",
}
"""Start of the name of a paper's preset -> its data set; omniglot-28 in place of the similar omniglot-burda."""
FITS |= {
    name: {data: ()} for name in preset_names() for start, data in PAPER.items() if name.startswith(f"paper/{start}-")
}

PRECISIONS = ("float32", "bfloat16")


def cases(presets: list[str] | None = None) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """(preset, data set, words)."""
    for preset, sets in FITS.items():
        if not presets or preset in presets:
            yield from ((preset, data, words) for data, words in sets.items())


def losses(preset: Preset, splits: Splits, steps: int, precision: str) -> list[float]:
    """The free energy, nats per image, of each step of training a new model."""
    check_fit(preset, splits.train)
    torch.manual_seed(preset.training.seed)
    model = model_from_config(to_dict(preset.model))
    fitting, batches = Fitting(model, preset), Batches(splits, preset, model.conditional)
    model.initialise(batches.mean())
    optimizer = torch.optim.Adam(model.parameters(), lr=preset.training.learning_rate)
    found = []
    for step in range(steps):
        batch, generator = batches.source.batch(step), torch.Generator().manual_seed(step)
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16"):
            loss = fitting.free_energy(batch, generator).total.mean()
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), preset.training.gradient_clip)
        optimizer.step()
        found.append(loss.item())
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--only", action="append", choices=preset_names(), help="this preset; repeat it")
    parser.add_argument("--data-dir")
    options = parser.parse_args()
    failed = False
    loaded: dict[str, Splits] = {}
    for name, data, words in cases(options.only):
        preset = load_preset(name, [*words, f"batch_size={options.batch}", f"max_steps={options.steps}"])
        if data not in loaded:
            loaded[data] = load_dataset(data, options.data_dir)
        for precision in PRECISIONS:
            started = time.perf_counter()
            found = losses(preset, loaded[data], options.steps, precision)
            first, last = (sum(part) / len(part) for part in (found[:10], found[-10:]))
            good = all(map(math.isfinite, found)) and (last < first or options.steps < 100)
            failed |= not good
            seconds = time.perf_counter() - started
            print(
                f"{'good' if good else 'BAD':5}{name:18} {data:13} {precision:9} {first:10.1f} -> {last:10.1f} nats, "
                f"{seconds:5.1f} s",
                flush=True,
            )
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
