"""An exported model beside torch: how near, how fast, and what half precision does to drawings.

    python benchmarks/export.py near [--model omniglot] [--threads 2] [--seeds 8]
    python benchmarks/export.py speed [--model omniglot] [--threads 2] [--rounds 40]
    python benchmarks/export.py half [--model omniglot] [--trials 20]

`near` makes 32 drawings of each example symbol from the noise of each seed and compares them after every step with
torch's, and torch's in float32 with those in float64: probabilities of ink, their logits, windows. `speed` times 16
drawings of one exemplar with their history, and the log weights of 16 draws, by turns in one process: medians and the
median of each round's ratio. `half` shows validation characters of Omniglot (ALLOGRAPH_DATA) to torch, to the exported
model and to the one in half precision, with the same noise, and prints what the critics say and how often drawings have
as many parts and holes as their exemplar.
"""

from __future__ import annotations

import argparse
import copy
import itertools
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

import allograph  # before torch, whose threads then sleep while they wait

# isort: split
import numpy as np
import torch
from scipy import ndimage

from allograph.evaluation.critics.critic import default_critic
from allograph.evaluation.drawing import DrawingFunction
from allograph.evaluation.leakage import held_out_part
from allograph.evaluation.oneshot.exemplars import from_exemplars
from allograph.export.checking import run, session
from allograph.export.files import graph_of
from allograph.generation.generator import Writer
from allograph.models.base import Drawings

SYMBOLS = sorted(
    path for path in (Path(__file__).parents[1] / "examples" / "symbols").iterdir() if path.suffix != ".md"
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["near", "speed", "half"])
    parser.add_argument("--model", default="omniglot")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--trials", type=int, default=20)
    parser.add_argument("--seeds", type=int, default=8)
    options = parser.parse_args()
    writer = allograph.load(options.model).with_attempts(1)  # a graph makes every drawing once
    torch.set_num_threads(options.threads)
    if options.what == "near":
        near(writer, options.threads, options.seeds)
    elif options.what == "speed":
        speed(writer, options.threads, options.rounds)
    else:
        half(writer, options.threads, options.trials)


# -------------------------------------------------------------------- how near


def near(writer: Writer, threads: int, seeds: int) -> None:
    running = session(graph_of(writer, "sampling").SerializeToString(), threads=threads)
    exact = replace(writer, model=copy.deepcopy(writer.model).double())
    apart: dict[str, list[dict[str, np.ndarray]]] = {"ONNX and torch": [], "torch in float32 and float64": []}
    for seed, symbol in itertools.product(range(seeds), SYMBOLS):
        exemplars = torch.from_numpy(writer.space.preprocess(symbol).image)[None, None]
        noise = writer.model.noise(32, generator=torch.Generator().manual_seed(seed))[None]
        given = {
            "exemplars": exemplars.numpy(),
            "noise": noise.numpy(),
            "temperature": np.array(writer.temperature_for(None)),
            "guidance": np.array(writer.guidance),
        }
        drawn = numbers_of(writer.draw(exemplars, noise, history=True))
        torch.set_default_dtype(torch.float64)
        wanted = numbers_of(exact.draw(exemplars.double(), noise.double(), history=True))
        torch.set_default_dtype(torch.float32)
        for pairs, made, right in zip(apart.values(), (run(running, given), drawn), (drawn, wanted), strict=True):
            pairs.append(differences(made, right))
    for name, pairs in apart.items():
        of = {key: np.concatenate([one[key] for one in pairs]) for key in pairs[0]}
        largest = ", ".join(f"{key} {value.max():.2g}" for key, value in of.items())
        above = int((of["logits"] > 1e-3).sum())
        print(f"{name}: largest difference {largest}; logits above 0.001 in {above} of {of['logits'].size} drawings")


def numbers_of(drawn: Drawings) -> dict[str, np.ndarray]:
    return {name: getattr(drawn, name).numpy() for name in ("canvases", "write_windows", "read_windows")}


def differences(made: Mapping[str, np.ndarray], right: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The largest of each drawing."""

    def largest(one: np.ndarray, other: np.ndarray) -> np.ndarray:
        return np.abs(one - other).reshape(one.shape[1], -1).max(-1)

    logits, exact = (torch.from_numpy(one["canvases"]).double() for one in (made, right))
    return {
        "logits": largest(logits.numpy(), exact.numpy()),
        "probabilities": largest(logits.sigmoid().numpy(), exact.sigmoid().numpy()),
        "windows": np.maximum(*(largest(made[name], right[name]) for name in ("write_windows", "read_windows"))),
    }


# -------------------------------------------------------------------- speed


def speed(writer: Writer, threads: int, rounds: int) -> None:
    size, model = writer.model.config.image_size, writer.model
    generator = torch.Generator().manual_seed(0)
    exemplar = torch.zeros(1, 1, 1, size, size)
    exemplar[..., size // 4 : 3 * size // 4, size // 2] = 1
    exemplar[..., size // 2, size // 4 : 3 * size // 4] = 1
    noise = torch.randn(1, 16, *model.noise_shape, generator=generator)
    given = {
        "images": exemplar[0].numpy(),
        "exemplars": exemplar.numpy(),
        "noise": noise.numpy(),
        "temperature": np.array(writer.temperature_for(None)),
        "guidance": np.array(writer.guidance),
    }

    def infer() -> None:
        with torch.inference_mode():
            _ = model.infer(exemplar[0], exemplar, noise[0]).log_weight

    passes: dict[str, Callable[[], object]] = {
        "sampling": lambda: writer.draw(exemplar, noise, history=True),
        "likelihood": infer,
    }
    for name, with_torch in passes.items():
        running = session(graph_of(writer, name).SerializeToString(), threads=threads)  # type: ignore[arg-type]
        both = with_torch, partial(run, running, given)
        taken: tuple[list[float], list[float]] = [], []
        for number in range(rounds + 3):
            for times, do in zip(taken, both, strict=True):
                started = time.perf_counter()
                do()
                if number >= 3:
                    times.append(time.perf_counter() - started)
        ratio = statistics.median(one / other for one, other in zip(*taken, strict=True))
        torchs, exported = (1000 * statistics.median(times) for times in taken)
        print(f"{name}: torch {torchs:.1f} ms, ONNX {exported:.1f} ms, {ratio:.2f} times as fast, {threads} threads")


# -------------------------------------------------------------------- half precision


def half(writer: Writer, threads: int, trials: int) -> None:
    dataset = held_out_part(writer.card, "omniglot", "validation").dataset
    size = writer.model.config.image_size
    for name, draw in (
        ("torch", with_torch(writer)),
        ("float32", with_onnx(writer, threads, half=False)),
        ("float16", with_onnx(writer, threads, half=True)),
    ):
        same: list[bool] = []
        result = from_exemplars(watched(draw, same), dataset, default_critic(), size=size, trials=trials)
        kinds = ("recognizability", "diversity", "simclr_diversity")
        estimates = [(kind.replace("_", " "), getattr(result.generated, kind)) for kind in kinds]
        figures = ", ".join(f"{kind} {estimate.value:.4f} ± {estimate.error:.4f}" for kind, estimate in estimates)
        topology_kept = f"parts and holes as the exemplar's: {100 * np.mean(same):.1f} % of {len(same)}"
        print(f"{name}: {figures}; {topology_kept}", flush=True)


def watched(draw: DrawingFunction, same: list[bool]) -> DrawingFunction:
    """The same, noting for each drawing whether its topology is its exemplar's."""

    def drawn(exemplars: torch.Tensor, n: int, seed: int) -> torch.Tensor:
        drawings = draw(exemplars, n, seed)
        for exemplar, row in zip(exemplars, drawings, strict=True):
            wanted = topology(exemplar[0].numpy())
            same.extend(topology(one[0].numpy()) == wanted for one in row)
        return drawings

    return drawn


def with_torch(writer: Writer) -> DrawingFunction:
    def draw(exemplars: torch.Tensor, n: int, seed: int) -> torch.Tensor:
        return writer.model.likelihood.mean(
            writer.draw(exemplars[:, None], noise_of(writer, len(exemplars), n, seed)).parameters
        )

    return draw


def with_onnx(writer: Writer, threads: int, *, half: bool) -> DrawingFunction:
    running = session(graph_of(writer, "sampling", half=half).SerializeToString(), threads=threads)

    def draw(exemplars: torch.Tensor, n: int, seed: int) -> torch.Tensor:
        given = {
            "exemplars": exemplars[:, None].numpy(),
            "noise": noise_of(writer, len(exemplars), n, seed).numpy(),
            "temperature": np.array(writer.temperature_for(None)),
            "guidance": np.array(writer.guidance),
        }
        return torch.from_numpy(run(running, given)["parameters"]).sigmoid()

    return draw


def noise_of(writer: Writer, rows: int, n: int, seed: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(rows, n, *writer.model.noise_shape, generator=generator)


def topology(image: np.ndarray) -> tuple[int, int]:
    """Parts of the ink, corners touching, and of the paper, edges touching."""
    ink = np.pad(image > 0.5, 1)
    return ndimage.label(ink, np.ones((3, 3)))[1], ndimage.label(~ink)[1]


if __name__ == "__main__":
    main()
