"""Timing things in turns, so that a machine that slows down slows all of them."""

from __future__ import annotations

__all__ = ["Row", "Timed", "in_turns", "in_turns_apart", "peak_megabytes"]

import multiprocessing
import os
import resource
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from multiprocessing.connection import Connection
from typing import Any

import torch

_TURN = 0.5
"""Seconds that a turn in a process of its own takes at least."""


@dataclass(frozen=True)
class Timed:
    """Seconds that one thing took, over all rounds: the middle and the quarters; ``cpu`` is the processor's time, which
    others on the machine lengthen less."""

    seconds: float
    low: float
    high: float
    cpu: float


@dataclass
class Row:
    """One row of the table.

    Attributes:
        title: what was done.
        setting: sizes, precision.
        times: of each variant, the first being what the others are measured against.
        figures: whatever else was measured, with its unit in the name.
        peak_megabytes: the most memory the row's process ever had.
    """

    title: str
    setting: str
    times: dict[str, Timed] = field(default_factory=dict)
    figures: dict[str, float] = field(default_factory=dict)
    peak_megabytes: float = 0.0

    def ratio(self, variant: str) -> float:
        """How many times as fast as the first variant, of the processor's time."""
        first = next(iter(self.times.values()))
        return first.cpu / self.times[variant].cpu

    def ratio_of_seconds(self, variant: str) -> float:
        first = next(iter(self.times.values()))
        return first.seconds / self.times[variant].seconds

    def as_table(self) -> dict[str, Any]:
        ratios = {name: round(self.ratio(name), 3) for name in self.times}
        by_clock = {name: round(self.ratio_of_seconds(name), 3) for name in self.times}
        return {**asdict(self), "ratios": ratios, "ratios_by_the_clock": by_clock}


def in_turns(variants: Mapping[str, Callable[[], object]], rounds: int, warm: int = 1) -> dict[str, Timed]:
    """Calls all variants one after another, ``rounds`` times, after ``warm`` rounds that do not count."""
    clock: dict[str, list[float]] = {name: [] for name in variants}
    cpu: dict[str, list[float]] = {name: [] for name in variants}
    for number in range(warm + rounds):
        for name, call in variants.items():
            seconds, used = time.perf_counter(), _processor()
            call()
            _settle()
            if number >= warm:
                clock[name].append(time.perf_counter() - seconds)
                cpu[name].append(_processor() - used)
    return {name: _timed(clock[name], cpu[name]) for name in variants}


def in_turns_apart(
    variants: Mapping[str, Callable[[], Callable[[], object]]], rounds: int, warm: int = 2
) -> tuple[dict[str, Timed], dict[str, float]]:
    """The same, each variant in a process of its own, and the most memory each ever had, in megabytes: how one has
    left the memory and the caches is then not felt by another. A turn is as many calls as half a second holds. What
    makes the variant's call is sent to the process."""
    apart = multiprocessing.get_context("spawn")
    pipes: dict[str, Connection] = {}
    for name, make in variants.items():
        pipes[name], theirs = apart.Pipe()
        apart.Process(target=_serve, args=(theirs, make, torch.get_num_threads()), daemon=True).start()
        theirs.close()  # so that the other end learns if the process dies
    clock: dict[str, list[float]] = {name: [] for name in variants}
    cpu: dict[str, list[float]] = {name: [] for name in variants}
    memory: dict[str, float] = {}
    for number in range(warm + rounds):
        for name, pipe in pipes.items():
            try:
                pipe.send("go")
                seconds, used, memory[name] = pipe.recv()
            except (EOFError, BrokenPipeError) as error:
                raise RuntimeError(f"the process of {name!r} died") from error
            if number >= warm:
                clock[name].append(seconds)
                cpu[name].append(used)
    for pipe in pipes.values():
        pipe.send("end")
    return {name: _timed(clock[name], cpu[name]) for name in variants}, memory


def _serve(pipe: Connection, make: Callable[[], Callable[[], object]], threads: int) -> None:
    torch.set_num_threads(threads)
    call = make()
    while pipe.recv() != "end":
        start, used, calls = time.perf_counter(), _processor(), 0
        while (seconds := time.perf_counter() - start) < _TURN:
            call()
            _settle()
            calls += 1
        pipe.send((seconds / calls, (_processor() - used) / calls, peak_megabytes()))


def _processor() -> float:
    """Seconds of this process and of those that it waited for; with a GPU, which works while the processor waits, the
    clock's."""
    return time.perf_counter() if torch.cuda.is_available() else time.process_time() + sum(os.times()[2:4])


def _settle() -> None:
    """Waits for what a GPU has still to do."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def _timed(clock: list[float], cpu: list[float]) -> Timed:
    quarters = statistics.quantiles(clock, n=4) if len(clock) > 1 else [clock[0]] * 3
    return Timed(statistics.median(clock), quarters[0], quarters[2], statistics.median(cpu))


def peak_megabytes() -> float:
    """The most memory this process ever had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
