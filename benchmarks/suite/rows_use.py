"""Rows of the table that are of using a model: sampling, `write`, `augment`, bounds, data."""

from __future__ import annotations

__all__ = ["ROWS"]

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from benchmarks.suite.turns import Row, in_turns, peak_megabytes
from PIL import Image

import allograph
from allograph.bounds import importance_weighted_bound
from allograph.data import Augmentation, PairSource, load_dataset, stroke_concepts
from allograph.generation.augment import AugmentOrder, augment_folder
from allograph.generation.places import save_png
from allograph.imaging import SymbolStyle
from allograph.imaging.render import ink_coverage, stroke_field
from allograph.models import SequentialConfig, SequentialModel
from allograph.runtime.files import atomic_write, png
from imaging.plain_render import plain_coverage
from models.reference_sequential import ReferenceSequential

_SYMBOLS = Path(__file__).parents[2] / "examples" / "symbols"


def _model(**changes: object) -> SequentialModel:
    torch.manual_seed(0)
    settings = {"image_size": 50, "steps": 32, "attention": "stretch", "context": True, **changes}
    return SequentialModel(SequentialConfig(**settings)).eval()  # type: ignore[arg-type]


def sampling(quick: bool) -> Row:
    model = _model(steps=8) if quick else _model()
    context, generator = (torch.rand(1, 1, 1, 50, 50) < 0.1).float(), torch.Generator().manual_seed(0)
    reference = ReferenceSequential(model)
    affine = _model(steps=model.config.steps, attention="affine")

    def plain() -> None:
        reference.run(None, context.expand(16, -1, -1, -1, -1), model.noise(16, generator=generator))

    row = Row("16 drawings from one exemplar", f"T = {model.config.steps}, 400 units, 50 x 50, warm")
    with torch.inference_mode():
        row.times = in_turns(
            {
                "plain step-by-step reference": plain,
                "ours, stretch": lambda: model.sample(context, n=16, generator=generator),
                "ours, affine": lambda: affine.sample(context, n=16, generator=generator),
            },
            3 if quick else 15,
            warm=2,
        )
    row.figures["milliseconds, stretch"] = 1000 * row.times["ours, stretch"].seconds
    return row


def write(quick: bool) -> Row:
    """From the shell, and how much of it is importing torch."""
    environment = {**os.environ}
    symbol = next(_SYMBOLS.glob("*.png"))

    def run(*words: str) -> None:
        subprocess.run([sys.executable, *words], check=True, env=environment, capture_output=True)

    row = Row("allograph write", "the shipped model, 16 drawings with a contact sheet, a process of its own")
    with tempfile.TemporaryDirectory() as folder:
        out = ["-o", folder, "--overwrite"]
        row.times = in_turns(
            {
                "allograph write": lambda: run("-m", "allograph", "write", str(symbol), *out),
                "import torch": lambda: run("-c", "import torch"),
            },
            2 if quick else 5,
        )
    both = row.times["allograph write"], row.times["import torch"]
    row.figures |= {"seconds": both[0].seconds, "share of importing torch": both[1].cpu / both[0].cpu}
    return row


def _classes(folder: Path, count: int) -> None:
    """One exemplar of 105 x 105 pixels for each of so many classes."""
    for number, symbol in enumerate(sorted(_SYMBOLS.glob("*.png"))[:count]):
        (folder / f"class{number}").mkdir(parents=True)
        with Image.open(symbol) as image:
            flat = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image.convert("RGBA"))
            flat.convert("L").resize((105, 105)).save(folder / f"class{number}" / "one.png")


def augment_shell(quick: bool) -> Row:
    """From the shell, by one process and by two: what further drawings take when all have started."""
    classes, few, many = 4, 32, 64 if quick else 544
    alone = [sys.executable, "-m", "allograph"]
    two = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "-m", "allograph"]
    row = Row("allograph augment, from the shell", f"the shipped model, {classes} classes, 105 x 105, files on disk")
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        _classes(root / "in", classes)

        def job(command: list[str], each: int) -> None:
            output = root / f"out-{time.monotonic_ns()}"
            words = ["augment", str(root / "in"), "--per-class", str(each), "-o", str(output)]
            subprocess.run([*command, *words], check=True, capture_output=True)

        row.times = in_turns(
            {
                "one process": lambda: job(alone, many),
                "one process, few": lambda: job(alone, few),
                "two processes": lambda: job(two, many),
                "two processes, few": lambda: job(two, few),
            },
            1 if quick else 3,
        )
    for name in ("one process", "two processes"):
        seconds = row.times[name].seconds - row.times[f"{name}, few"].seconds
        row.figures[f"further drawings/s by the clock: {name}"] = classes * (many - few) / seconds
    return row


def augment(quick: bool) -> Row:
    """The job with its files, against one that renders by the definition and does one thing after another; and its
    parts, each with and without what makes it fast."""
    classes, each = (1, 64) if quick else (4, 64)
    writer = allograph.load("omniglot")
    many = classes * each
    row = Row("allograph augment", f"the shipped model, {many} drawings of {classes} classes, 105 x 105, files on disk")
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        _classes(root / "in", classes)

        def files(size: int | None = None, each: int = each) -> None:
            order = AugmentOrder(per_class=each, size=size, overwrite=True)
            augment_folder(writer, root / "in", root / f"out-{size}-{each}", order)

        taken = [writer.space.preprocess(path) for path in sorted((root / "in").glob("*/*"))]
        noise = torch.randn(32, 1, *writer.model.noise_shape, generator=torch.Generator().manual_seed(0))

        def blocks() -> Iterator[tuple[SymbolStyle, np.ndarray]]:
            for exemplar in taken:
                context = torch.from_numpy(exemplar.image).expand(32, 1, -1, -1, -1)
                for _ in range(each // 32):
                    for values in writer.values(writer.draw(context, noise).parameters[:, 0]):
                        yield exemplar.style, values  # type: ignore[misc]

        drawn = list(blocks())
        pictures = [style.render(values) for style, values in drawn]
        encoded = [png(picture, runs=True) for picture in pictures]

        def plainly() -> None:
            for number, (style, values) in enumerate(blocks()):
                levels = ((1 - plain_coverage(values[0], style)) * 255).round().astype(np.uint8)
                save_png(Image.fromarray(levels).convert("RGB"), root / "plain" / f"{number}.png")

        def written() -> None:
            for number, content in enumerate(encoded):
                atomic_write(root / "written" / f"{number}.png", content)

        row.times = in_turns(
            {
                "plain rendering, one thing after another": plainly,
                "ours": files,
                "ours, half as many": lambda: files(each=each // 2),
                "ours, 256 pixels": lambda: files(256),
                "ours, 256 pixels, half as many": lambda: files(256, each // 2),
                "model": lambda: list(blocks()),
                "rendering, by the definition": lambda: [plain_coverage(values[0], look) for look, values in drawn],
                "rendering, 8 points a model pixel": lambda: [
                    ink_coverage(stroke_field(values[0], look), (0, 0), 2, (105, 105)) for look, values in drawn
                ],
                "rendering": lambda: [look.render(values) for look, values in drawn],
                "encoding, PNG's usual": lambda: [png(picture) for picture in pictures],
                "encoding": lambda: [png(picture, runs=True) for picture in pictures],
                "writing": written,
            },
            1 if quick else 3,
        )
    for name, timed in row.times.items():
        if "half" not in name:
            row.figures[f"processor, ms a drawing: {name}"] = 1000 * timed.cpu / many
    for name in ("ours", "ours, 256 pixels"):
        all_of_them, half = row.times[name], row.times[f"{name}, half as many"]
        # Taking in the exemplars, and what else is done once, falls out of the difference.
        row.figures[f"processor, ms a further drawing: {name}"] = 2000 * (all_of_them.cpu - half.cpu) / many
        row.figures[f"drawings/s by the clock: {name}"] = many / all_of_them.seconds
    return row


def weighted(quick: bool) -> Row:
    model, samples, images = _model(image_size=28, steps=16), 100 if quick else 1000, 2
    x = (torch.rand(images, 1, 28, 28) < 0.2).float()
    context = (torch.rand(images, 1, 1, 28, 28) < 0.2).float()
    before = peak_megabytes()

    def bound() -> None:
        importance_weighted_bound(model, x, context, samples=samples, generator=torch.Generator().manual_seed(0))

    def plain() -> None:
        reference, many = ReferenceSequential(model), min(samples, 256)
        with torch.no_grad():
            for _ in range(samples * images // many):
                reference.free_energy(
                    x[:1].expand(many, -1, -1, -1), context[:1].expand(many, -1, -1, -1, -1), model.noise(many)
                )

    row = Row("importance weighted bound", f"K = {samples}, {images} images, T = 16, 28 x 28, float32")
    row.times = in_turns({"ours": bound}, 1)
    row.figures["megabytes above the model"] = peak_megabytes() - before
    row.times = in_turns({"plain step-by-step reference": plain, "ours": bound}, 2 if quick else 3)
    row.figures["weighted samples/s"] = images * samples / row.times["ours"].seconds
    return row


def data(quick: bool) -> Row:
    """A training batch as omniglot-28-fewshot takes it, beside the same without variation; and packed images."""
    strokes = stroke_concepts(60, 8, seed=0)
    batches = {
        "as they are": PairSource(strokes, 28, 100, contexts=(3,)),
        "varied": PairSource(strokes, 28, 100, contexts=(3,), augmentation=Augmentation()),
        "varied, 52 x 52": PairSource(strokes, 52, 64, augmentation=Augmentation()),
    }
    step = iter(range(10**6))
    row = Row("a training batch", "100 targets of 3 exemplars at 28 x 28, 64 of 1 at 52 x 52")
    row.times = in_turns(
        {name: lambda source=source: source.batch(next(step)) for name, source in batches.items()}, 4 if quick else 12
    )
    return row


def reading(quick: bool) -> Row:
    """Omniglot, decoded from its archives and read from the cache; without the archives, strokes."""
    name = "omniglot" if "ALLOGRAPH_DATA" in os.environ and not quick else "strokes"
    row = Row("reading a data set", name)
    with tempfile.TemporaryDirectory() as folder:
        before = os.environ.get("XDG_CACHE_HOME")
        os.environ["XDG_CACHE_HOME"] = folder
        try:
            start = time.process_time()
            images = load_dataset(name).train.images
            row.figures["seconds at first"] = time.process_time() - start
            row.times = in_turns({"again, from the cache": lambda: load_dataset(name)}, 2)
        finally:
            os.environ.pop("XDG_CACHE_HOME") if before is None else os.environ.update(XDG_CACHE_HOME=before)
    bits = getattr(images, "bits", np.zeros(0, np.uint8))
    row.figures["megabytes packed"] = bits.nbytes / 2**20
    row.figures["megabytes of one byte a pixel"] = len(images) * images.side**2 / 2**20
    return row


def fits(quick: bool) -> Row:
    """Time and memory of a training step, each point a process of its own, and how far a line through them is off."""
    row = Row("time and memory along T, batch and area", "stretch, float32; T = 8, batch 16, 52 x 52 where not varied")
    ranges = {"T": (8, 16, 24, 32), "batch": (16, 32, 48, 64), "area": (26, 37, 52, 64)}
    for name, values in ranges.items():
        points = []
        for value in values[:: 2 if quick else 1]:
            size = {"T": (value, 16, 52), "batch": (8, value, 52), "area": (8, 16, value)}[name]
            points.append((value**2 if name == "area" else value, measured(*size)))
        for what in ("seconds", "megabytes"):
            along, up = np.array([p for p, _ in points], float), np.array([m[what] for _, m in points])
            slope, first = np.polyfit(along, up, 1)
            rest = up - (slope * along + first)
            row.figures[f"{what} each {name}"] = float(slope)
            row.figures[f"{what} at {name} = 0"] = float(first)
            row.figures[f"{what} along {name}: furthest off the line, share"] = float(abs(rest).max() / up.max())
    return row


def recompute_memory(quick: bool) -> Row:
    steps, batch, size = (8, 16, 52) if quick else (32, 32, 80)
    row = Row("memory with training.recompute", f"T = {steps}, batch {batch}, {size} x {size}, float32")
    for attention in ("stretch", "affine"):
        for again in (False, True):
            found = measured(steps, batch, size, again, attention)
            name = f"{attention}, {'recomputed' if again else 'kept'}"
            row.figures |= {f"{name}: {what}": value for what, value in found.items()}
    return row


def measured(steps: int, batch: int, size: int, again: bool = False, attention: str = "stretch") -> dict[str, float]:
    """`rows_training.memory` in a process of its own."""
    call = f"memory({steps}, {batch}, {size}, {again}, {attention!r})"
    program = f"import json; from benchmarks.suite.rows_training import memory; print(json.dumps({call}))"
    root = Path(__file__).parents[2]
    places = os.pathsep.join([str(root / "src"), str(root / "tests"), str(root)])
    run = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, env={**os.environ, "PYTHONPATH": places}
    )
    return json.loads(run.stdout)


ROWS: dict[str, Callable[[bool], Row]] = {
    "sampling": sampling,
    "write": write,
    "augment": augment,
    "augment-shell": augment_shell,
    "weighted": weighted,
    "batch": data,
    "reading": reading,
    "fits": fits,
    "recompute-memory": recompute_memory,
}
