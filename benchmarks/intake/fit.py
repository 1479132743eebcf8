"""Fit `allograph.imaging.plausibility` to the benchmark's generator.

    python -m benchmarks.intake.fit [--each N] [--readings FILE]

Symbols and noise have seeds from 1000 on, which the benchmark's tables never use, and strengths are near those that may
be tuned on. Writes src/allograph/imaging/plausibility.json.
"""

from __future__ import annotations

import argparse
import json
import sys
import warnings
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "src")]

from benchmarks.intake.scenes import Scene  # noqa: E402
from benchmarks.intake.shapes import Shape  # noqa: E402

_STRENGTHS = (0.1, 0.4, 0.7, 1.0)
_UNITS = (32, 16)


def gather(seed: int, each: int, keep: Path | None = None, only: list[str] | None = None) -> dict[str, np.ndarray]:
    """Features of all readings of many scenes, the overlap of each with the truth, and the number of its scene."""
    import benchmarks.intake.conditions_more as more
    from benchmarks.intake.conditions import CONDITIONS
    from benchmarks.intake.measures import decoded, truth_at
    from benchmarks.intake.shapes import load_shapes

    from allograph.imaging.candidates import Candidate, candidates

    shapes, _ = load_shapes(seed, 90)
    rows, overlaps, scenes = [], [], []
    number = 0

    def add(made: Scene) -> None:
        source = decoded(made)
        alpha = source.alpha
        card = None if alpha is None or alpha.min() > 0.95 or np.ptp(alpha) < 0.05 else alpha > 0.85 * alpha.max()
        for one in candidates(source.colour.astype(np.float32), card):
            if not isinstance(one, Candidate):
                continue
            overlap = 0.0
            if made.ink is not None:
                truth = truth_at(made.ink, one.reading.mask.shape)
                overlap = _overlap(truth, one.reading.mask)
            rows.append(one.features)
            overlaps.append(overlap)
            scenes.append(number)

    for place, (name, condition) in enumerate({**CONDITIONS, "several symbols": _several}.items()):
        if name.startswith("transparent, the ink alone") or (only and not any(word in name for word in only)):
            continue
        for k in range(each):
            random = np.random.default_rng([seed, place, k])
            strength = float(np.clip(_STRENGTHS[k % 4] + random.uniform(-0.05, 0.05), 0, 1))
            add(condition(shapes[number % len(shapes)], strength, random))
            number += 1
        print(name, len(rows), file=sys.stderr, flush=True)
        if keep is not None:
            np.savez(keep, features=np.array(rows), overlap=np.array(overlaps), scene=np.array(scenes))
    for place, blank in enumerate(more.BLANKS.values()):
        for k in range(0 if only else each):
            made = blank(np.random.default_rng([seed, 99, place, k]))
            if isinstance(made, np.ndarray):
                add(Scene(None, made))
                number += 1
    return {"features": np.array(rows), "overlap": np.array(overlaps), "scene": np.array(scenes)}


def _several(shape: Shape, strength: float, random: np.random.Generator) -> Scene:
    """A row, column or grid of symbols, which the tables do not have: `allograph split` is given such."""
    from benchmarks.intake.scenes import scene

    rows, columns = int(random.integers(1, 2 + round(6 * strength))), int(random.integers(1, 2 + round(6 * strength)))
    side = int(random.integers(60, 110))
    style = {"ink": (20, 24, 40), "paper": (250, 248, 240), "light": bool(random.random() < 0.2)}
    cells = [
        [scene(shape, random, side=(side, side), share=random.uniform(0.55, 0.75), **style) for _ in range(columns)]
        for _ in range(rows)
    ]
    ink = np.vstack([np.hstack([cell.ink for cell in row]) for row in cells])
    picture = np.vstack([np.hstack([cell.picture for cell in row]) for row in cells])
    return Scene(ink, picture, cells[0][0].dark)


def _overlap(truth: np.ndarray, mask: np.ndarray) -> float:
    """The intersection over the union, to a pixel: the finest strokes are not much wider where this is decided."""
    from scipy import ndimage

    if not truth.any() or not mask.any():
        return 0.0
    precision = float((mask & ndimage.binary_dilation(truth)).sum() / mask.sum())
    recall = float((truth & ndimage.binary_dilation(mask)).sum() / truth.sum())
    return precision * recall / max(precision + recall - precision * recall, 1e-9)


def fit(data: dict[str, np.ndarray], held: np.ndarray, seed: int = 0) -> dict[str, list]:
    """A network of two hidden layers: the overlap's cross entropy, and within a scene the best reading first."""
    import torch

    torch.manual_seed(seed)
    features, overlap, scene = (torch.tensor(data[k]) for k in ("features", "overlap", "scene"))
    mean, scale = features[~held].mean(0), features[~held].std(0) + 1e-3
    inputs = ((features - mean) / scale).clip(-4, 4)
    width = features.shape[1]
    net = torch.nn.Sequential(
        torch.nn.Linear(width, _UNITS[0]), torch.nn.Tanh(), torch.nn.Linear(_UNITS[0], _UNITS[1]), torch.nn.Tanh(),
        torch.nn.Linear(_UNITS[1], 1),
    ).double()  # fmt: skip
    optimiser = torch.optim.AdamW(net.parameters(), 4e-3, weight_decay=3e-2)
    train = torch.tensor(~held)
    count = int(scene.max()) + 1
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, 900)
    for _ in range(900):
        noisy = inputs + 0.05 * torch.randn_like(inputs)
        logits = net(noisy)[:, 0]
        cross = torch.nn.functional.binary_cross_entropy_with_logits(logits[train], overlap[train])
        # The expected overlap of a choice made in proportion to exp(4 logit).
        peak = torch.full((count,), -1e9, dtype=torch.double).scatter_reduce(0, scene, 4 * logits.detach(), "amax")
        power = torch.exp(4 * logits - peak[scene])
        total = torch.zeros(count, dtype=torch.double).index_add(0, scene, power)
        chosen = torch.zeros(count, dtype=torch.double).index_add(0, scene, power * overlap) / total.clamp_min(1e-9)
        best = torch.zeros(count, dtype=torch.double).scatter_reduce(0, scene, overlap, "amax")
        known = torch.zeros(count, dtype=torch.bool).index_fill(0, scene[train].unique(), True)
        loss = cross + 2 * (best - chosen)[known].mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    layers = [layer for layer in net if isinstance(layer, torch.nn.Linear)]
    named: dict[str, np.ndarray] = {"mean": mean.numpy(), "scale": scale.numpy()}
    for place, layer in enumerate(layers, 1):
        named[f"w{place}"] = layer.weight.detach().numpy().T
        named[f"b{place}"] = layer.bias.detach().numpy()
    named["w3"], named["b3"] = named["w3"][:, 0], named["b3"][0]
    return {name: np.round(values, 4).tolist() for name, values in named.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--each", type=int, default=12, metavar="N")
    parser.add_argument("--seed", type=int, default=1000)
    parser.add_argument("--readings", type=Path, nargs="+", help="gathered before, or where to keep them")
    parser.add_argument("--only", nargs="+", help="conditions whose name holds one of these", metavar="WORD")
    parser.add_argument("--gather", action="store_true", help="only gather")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    if options.gather:
        np.savez(options.readings[0], **gather(options.seed, options.each, options.readings[0], options.only))
        return
    if options.readings:
        parts, data, offset = [dict(np.load(path)) for path in options.readings], {}, 0
        for part in parts:
            part["scene"] = part["scene"] + offset
            offset = int(part["scene"].max()) + 1
        data = {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}
    else:
        data = gather(options.seed, options.each)
    held = data["scene"] % 5 == 4
    _say(data, held, fit(data, held))
    network = fit(data, np.zeros_like(held))
    path = ROOT / "src" / "allograph" / "imaging" / "plausibility.json"
    command = "python -m benchmarks.intake.fit"
    path.write_text(json.dumps({"command": command, "network": network}) + "\n")


def _say(data: dict[str, np.ndarray], held: np.ndarray, network: dict[str, list]) -> None:
    """How good choices are on a fifth of the scenes that the fit did not see."""
    from allograph.imaging import plausibility

    plausibility._network = lambda: {name: np.array(values) for name, values in network.items()}  # type: ignore[assignment]
    scores = plausibility.plausibility(data["features"])
    chosen, best, expected = [], [], []
    for scene in np.unique(data["scene"][held]):
        of = data["scene"] == scene
        pick = int(scores[of].argmax())
        chosen.append(data["overlap"][of][pick])
        best.append(data["overlap"][of].max())
        expected.append(scores[of][pick])
    c, b, e = np.array(chosen), np.array(best), np.array(expected)
    figures = {
        "scenes": len(c),
        "chosen": c[b > 0].mean(),
        "best": b[b > 0].mean(),
        "bad": (c[b > 0.5] < 0.5).mean(),
        "bad and sure": ((c < 0.5) & (e > 0.6)).mean(),
        "good and unsure": ((c > 0.8) & (e < 0.6)).mean(),
    }
    print(", ".join(f"{name} {value:.4g}" for name, value in figures.items()))


if __name__ == "__main__":
    main()
