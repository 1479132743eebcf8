"""An exported model beside torch: speed, and what half precision does to drawings.

    python benchmarks/export.py speed [--model omniglot] [--threads 2] [--rounds 40]
    python benchmarks/export.py half [--model omniglot] [--trials 20]

`speed` times 16 drawings of one exemplar with their history, and the log weights of 16 draws, by turns in one process:
medians and the median of each round's ratio. `half` shows validation characters of Omniglot (ALLOGRAPH_DATA) to torch,
to the exported model and to the one in half precision, with the same noise, and prints what the critics say and how
often drawings have as many parts and holes as their exemplar.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from functools import partial

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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["speed", "half"])
    parser.add_argument("--model", default="omniglot")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--trials", type=int, default=20)
    options = parser.parse_args()
    writer = allograph.load(options.model)
    torch.set_num_threads(options.threads)
    if options.what == "speed":
        speed(writer, options.threads, options.rounds)
    else:
        half(writer, options.threads, options.trials)


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
        figures = ", ".join(f"{kind} {estimate.value:.3f} ± {estimate.error:.3f}" for kind, estimate in estimates)
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
