"""Timing things in turns, so that a machine that slows down slows all of them."""

from __future__ import annotations

__all__ = ["Row", "Timed", "in_turns", "peak_megabytes"]

import os
import resource
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any


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
            if number >= warm:
                clock[name].append(time.perf_counter() - seconds)
                cpu[name].append(_processor() - used)
    return {name: _timed(clock[name], cpu[name]) for name in variants}


def _processor() -> float:
    """Seconds of this process and of those that it waited for."""
    return time.process_time() + sum(os.times()[2:4])


def _timed(clock: list[float], cpu: list[float]) -> Timed:
    quarters = statistics.quantiles(clock, n=4) if len(clock) > 1 else [clock[0]] * 3
    return Timed(statistics.median(clock), quarters[0], quarters[2], statistics.median(cpu))


def peak_megabytes() -> float:
    """The most memory this process ever had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
