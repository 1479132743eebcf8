"""Rows of the table that are of training."""

from __future__ import annotations

__all__ = ["ROWS"]

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial

import torch
from benchmarks.suite.training import (
    BATCH,
    DEVICE,
    Step,
    changed,
    counted_operations,
    matrix_rate,
    preset_step,
    sequential_step,
)
from benchmarks.suite.turns import Row, Timed, in_turns, in_turns_apart, peak_megabytes
from torch import profiler
from torch.profiler import ProfilerActivity

from allograph.models import SequentialConfig
from allograph.presets import load_preset

LARGE = SequentialConfig(image_size=52, steps=32, hidden=400, attention="stretch", context=True)
SMALL = changed(LARGE, steps=8)


def _setting(config: SequentialConfig, batch: int) -> str:
    return f"T = {config.steps}, {config.hidden} units, {config.image_size} x {config.image_size}, batch {batch}"


def _three(row: Row, step: Callable[..., Step], batch: int, rounds: int, compiled: bool = False) -> None:
    """The plain reference and ours in both precisions, each in a process of its own; perhaps compiled, too."""
    variants = {
        "plain step-by-step reference, float32": partial(step, plain=True),
        "ours, float32": step,
        "ours, bfloat16": partial(step, bfloat16=True),
    }
    if compiled:
        variants["ours, bfloat16, compiled"] = partial(step, bfloat16=True, compiled=True)
    row.times, memory = in_turns_apart(variants, rounds)
    row.figures |= {f"{name}: peak, megabytes": megabytes for name, megabytes in memory.items()}
    row.figures |= {f"{name}: images a second": batch / timed.seconds for name, timed in row.times.items()}


def against_reference(quick: bool) -> Row:
    config, batch = (SMALL, 16) if quick else (LARGE, BATCH)
    row = Row("training step, sequential", f"{_setting(config, batch)}, stretch, one exemplar")
    _three(row, partial(sequential_step, config, batch), batch, 1 if quick else 9, compiled=True)
    operations = counted_operations(config, batch)
    row.figures["counted operations, 1e9"] = operations / 1e9
    for name, kind in (("float32", torch.float32), ("bfloat16", torch.bfloat16)):
        row.figures[f"share of a large product's rate, {name}"] = (
            operations / row.times[f"ours, {name}"].cpu / matrix_rate(kind)
        )
    return row


def affine(quick: bool) -> Row:
    config, batch = changed(SMALL if quick else LARGE, attention="affine"), 16 if quick else 64
    row = Row("training step, sequential, all affine windows", _setting(config, batch))
    _three(row, partial(sequential_step, config, batch), batch, 1 if quick else 7)
    return row


def memory_kept(quick: bool) -> Row:
    """What is done about memory, each in a process of its own."""
    config, batch = (SMALL, 16) if quick else (LARGE, BATCH)
    row = Row("memory", f"{_setting(config, batch)}, bfloat16")
    step = partial(sequential_step, config, batch, bfloat16=True)
    variants = {
        "ours": step,
        "freed memory given back": partial(step, keep_freed=False),
    }
    row.times, memory = in_turns_apart(variants, 1 if quick else 15)
    row.figures = {f"{name}: peak, megabytes": megabytes for name, megabytes in memory.items()}
    return row


def units(quick: bool) -> Row:
    """Numbers of units of the LSTM: its products grow with their square, all else with them or not at all."""
    config, batch = changed(SMALL, image_size=28), 16 if quick else 64
    row = Row("units", f"T = {config.steps}, 28 x 28, batch {batch}")
    variants: dict[str, Step] = {}
    for hidden in (100, 200, 400, 800):
        for name, how in (("float32", {}), ("bfloat16", {"bfloat16": True})):
            variants[f"{hidden}, {name}"] = sequential_step(changed(config, hidden=hidden), batch, **how)
    row.times = in_turns(variants, 2 if quick else 9)
    return row


def kinds(quick: bool) -> Row:
    config, batch = changed(SMALL, image_size=28), 16 if quick else 64
    row = Row("kinds of attention and canvas", f"{_setting(config, batch)}, float32")
    variants = {
        attention: sequential_step(changed(config, attention=attention), batch)
        for attention in ("stretch", "zoom", "affine", "gaussian", "none")
    }
    gated = changed(config, canvas="gated", canvas_channels=4)
    variants |= {
        "stretch, 4 channels": sequential_step(changed(config, canvas_channels=4), batch),
        "stretch, gated, 4 channels": sequential_step(gated, batch),
    }
    row.times = in_turns(variants, 2 if quick else 5)
    return row


def _preset(name: str, title: str, quick: bool, words: tuple[str, ...] = ()) -> Row:
    preset = load_preset(name, [*words, *(["steps=6", "batch_size=8"] if quick else [])])
    model, batch = preset.model, preset.training.batch_size
    row = Row(title, f"T = {model.steps}, {model.image_size} x {model.image_size}, batch {batch}")  # type: ignore[union-attr]
    _three(row, partial(preset_step, preset), batch, 1 if quick else 7)
    return row


def fewshot(quick: bool) -> Row:
    return _preset("omniglot-28-fewshot", "training step, preset omniglot-28-fewshot", quick)


def bending(quick: bool) -> Row:
    return _preset("omniglot-bending", "training step, preset omniglot-bending", quick)


def curves(quick: bool) -> Row:
    """Loss curves of the three, on the same images with the same noise."""
    steps = 6 if quick else 25
    config, batch = changed(SMALL, image_size=28), 32
    row = Row("loss curves", f"{_setting(config, batch)}, {steps} steps, the same noise")
    how = {"reference": {"plain": True}, "float32": {}, "bfloat16": {"bfloat16": True}}
    losses = {}
    for name, options in how.items():
        step = sequential_step(config, batch, **options)
        losses[name] = [step() for _ in range(steps)]
    for name in ("float32", "bfloat16"):
        apart = max(abs(a - b) / b for a, b in zip(losses[name], losses["reference"], strict=True))
        row.figures[f"{name}: furthest from the reference, share of the loss"] = apart
    last = {name: statistics.mean(values[-5:]) for name, values in losses.items()}
    row.figures |= {f"{name}: last five, nats": value for name, value in last.items()}
    return row


def recompute(quick: bool) -> Row:
    """A process of its own for each of the two: see `memory`."""
    config, batch = (SMALL, 16) if quick else (changed(LARGE, attention="affine"), 32)
    row = Row("training.recompute", f"{_setting(config, batch)}, affine, float32")
    keep, again = sequential_step(config, batch), _recomputing(config, batch)
    row.times = in_turns({"kept": keep, "recomputed": again}, 2 if quick else 4)
    return row


def profile(quick: bool) -> Row:
    """Where the time of a step goes: of the device's kernels, or of the processor's operations."""
    config, batch = (SMALL, 16) if quick else (LARGE, BATCH)
    row = Row("where a training step's time goes", f"{_setting(config, batch)}, stretch, one exemplar, bfloat16")
    step, steps = sequential_step(config, batch, bfloat16=True), 3
    row.times = in_turns({"step": step}, 3 if quick else 9, warm=3)
    on_gpu = [ProfilerActivity.CUDA] if DEVICE.type == "cuda" else []
    with profiler.profile(activities=[ProfilerActivity.CPU, *on_gpu]) as recorded:
        for _ in range(steps):
            step()
    own = "self_device_time_total" if on_gpu else "self_cpu_time_total"
    spent = {event.key: getattr(event, own) / steps / 1000 for event in recorded.key_averages()}
    whole = sum(spent.values())
    row.figures["all of them, ms"] = whole
    for name in sorted(spent, key=spent.__getitem__, reverse=True)[:15]:
        row.figures[f"share: {name[:60]}"] = spent[name] / whole
    reached = counted_operations(config, batch) / row.times["step"].cpu
    row.figures["share of a large product's rate, bfloat16"] = reached / matrix_rate(torch.bfloat16)
    return row


def _recomputing(config: SequentialConfig, batch: int) -> Callable[[], float]:
    from benchmarks.suite.training import training_step

    from allograph.models import SequentialModel

    torch.manual_seed(0)
    model = SequentialModel(config)
    model.recompute = True
    return training_step(model, batch)


def memory(steps: int, batch: int, size: int, recomputed: bool = False, attention: str = "stretch") -> dict[str, float]:
    """Seconds of the processor and megabytes above the start of one training step, in a process of its own."""
    config = changed(LARGE, steps=steps, image_size=size, attention=attention)
    step = _recomputing(config, batch) if recomputed else sequential_step(config, batch)
    before = peak_megabytes()
    timed = in_turns({"step": step}, 3)["step"]
    return {"seconds": timed.cpu, "megabytes": peak_megabytes() - before}


def compiled(quick: bool) -> Row:
    """What a run with compiled steps pays for them: with nothing kept from an earlier run, and in a second run."""
    words = ["steps=2", "batch_size=8"] if quick else []
    step = partial(preset_step, load_preset("omniglot-28-fewshot", words), bfloat16=True)
    row = Row("compiled steps", " ".join(["preset omniglot-28-fewshot, bfloat16", *words]))
    with tempfile.TemporaryDirectory() as folder:
        os.environ["TORCHINDUCTOR_CACHE_DIR"] = folder
        variants = {"plain": step, "compiled": partial(step, compiled=True)}
        for name in ("with nothing kept", "again"):
            start = time.perf_counter()
            in_turns_apart({"compiled": variants["compiled"]}, 1, warm=0)
            row.figures[f"seconds until the second step, {name}"] = time.perf_counter() - start
        row.times, _ = in_turns_apart(variants, 2 if quick else 9)
    saved = row.times["plain"].seconds - row.times["compiled"].seconds
    if saved > 0:
        row.figures["steps until it pays"] = row.figures["seconds until the second step, with nothing kept"] / saved
    return row


def busy(quick: bool) -> Row:
    """Two threads while another process keeps one of the two cores busy, in turns with the same alone."""
    config, batch = (SMALL, 16) if quick else (LARGE, BATCH)
    row = Row("beside a busy process", f"{_setting(config, batch)}, bfloat16, two threads")
    steps = {
        "plain": sequential_step(config, batch, bfloat16=True),
        "compiled": sequential_step(config, batch, bfloat16=True, compiled=True),
    }
    cores = sorted(os.sched_getaffinity(0))[:2]
    os.sched_setaffinity(0, cores)
    spin = f"import os\nos.sched_setaffinity(0, [{cores[0]}])\nwhile True: pass"
    found: dict[str, list[Timed]] = {}
    for _ in range(2 if quick else 5):
        for name, step in steps.items():
            found.setdefault(f"{name}, alone", []).append(in_turns({"step": step}, 3)["step"])
            other = subprocess.Popen([sys.executable, "-c", spin])
            try:
                found.setdefault(f"{name}, beside a busy process", []).append(in_turns({"step": step}, 3)["step"])
            finally:
                other.kill()
                other.wait()
    row.times = {name: sorted(times, key=lambda one: one.seconds)[len(times) // 2] for name, times in found.items()}
    for name in steps:
        beside, alone = row.times[f"{name}, beside a busy process"], row.times[f"{name}, alone"]
        row.figures[f"{name}: times as long, by the clock"] = beside.seconds / alone.seconds
    return row


ROWS: dict[str, Callable[[bool], Row]] = {
    "reference": against_reference,
    "affine": affine,
    "memory": memory_kept,
    "units": units,
    "kinds": kinds,
    "fewshot": fewshot,
    "bending": bending,
    "profile": profile,
    "curves": curves,
    "recompute": recompute,
    "compiled": compiled,
    "busy": busy,
}
