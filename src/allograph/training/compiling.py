"""A step's network compiled by `torch.compile`, where that is paid for.

Compiling takes from half a minute to many, longer with T, and what it earns depends on the model, the precision and the
machine; so it is tried, timed, and kept or not. A run's steps are

    1 to warm up, 8 timed, as they are;  1 that compiles;  1 to warm up, 8 timed, compiled;  all others the faster way

and one line says what was found. On a GPU compiled steps are recorded as CUDA graphs, so that small kernels do not wait
for the host.
"""

from __future__ import annotations

__all__ = ["Compiling", "compiled_function"]

import math
import statistics
import time
import warnings
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import torch

_TIMED = 8
_WORTH_WHILE = 60.0
"""Seconds that the run still takes at least, or compiling is not tried."""


class Compiling:
    """Called as ``plain`` is, once in each step of a run.

    Args:
        plain: what may be compiled: a function of tensors of the same shapes in each step.
        left: how many steps the run still has.
        say: is given the line.
        seconds: that the run still has, if it may not take longer.
        rehearse: is given what the step that compiles has found, and computes a gradient, which compiles that, too.
        compiled: makes the compiled function of ``plain``.
        now: the clock, seconds; it waits for what a device has still to do.
    """

    def __init__(
        self,
        plain: Callable[..., Any],
        left: int,
        say: Callable[[str], None],
        *,
        seconds: float = math.inf,
        rehearse: Callable[[Any], object] = lambda found: None,
        compiled: Callable[[Callable[..., Any]], Callable[..., Any]] | None = None,
        now: Callable[[], float] | None = None,
    ) -> None:
        self.plain, self.left, self.say, self.seconds, self.rehearse = plain, left, say, seconds, rehearse
        self.function = plain
        """What the next step calls."""
        self._compiled, self._now = compiled or compiled_function, now or _now
        self._starts: list[float] | None = []
        """Of the steps so far; None once all is decided."""

    def __call__(self, *arguments: Any) -> Any:
        if self._starts is not None:
            self._starts.append(self._now())
            steps = len(self._starts) - 1
            if steps == 1 + _TIMED:
                return self._begin(*arguments)
            if steps == 3 + 2 * _TIMED:
                self._decide()
        return self.function(*arguments)

    def _begin(self, *arguments: Any) -> Any:
        """The step that compiles, or where that makes no sense or fails, another plain one."""
        assert self._starts is not None
        clock = self.seconds - (self._starts[-1] - self._starts[0])
        rest = max(0.0, min(clock, (self.left - self._steps) * self._plain_seconds))
        if rest < _WORTH_WHILE:
            self._settle(f"not compiled: what is left takes no more than {rest:.0f} s")
            return self.plain(*arguments)
        try:
            self.function = self._compiled(self.plain)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # the compiler's advice to its users
                self.rehearse(self.function(*arguments))
                return self.function(*arguments)
        except Exception as error:  # of whatever kind: the compiler's, or of the tools that it calls
            lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
            self.function = self.plain
            self._settle(f"not compiled: {lines[0]}")
            return self.plain(*arguments)

    def _decide(self) -> None:
        assert self._starts is not None
        before = self._plain_seconds
        after = _median(self._starts[3 + _TIMED :])
        cost = self._starts[2 + _TIMED] - self._starts[1 + _TIMED] - before
        line = f"compiled in {cost:.0f} s: a step takes {1000 * after:.1f} ms, {1000 * before:.1f} as it was"
        if after >= before:
            self.function = self.plain
            line += "; the run goes on as it was"
        else:
            pays, left = cost / (before - after), self.left - self._steps
            line += f"; paid for after {pays:.0f} steps" + (f", but only {left} are left" if pays > left else "")
        self._settle(line)

    def _settle(self, line: str) -> None:
        self._starts = None
        self.say(line)

    @property
    def _steps(self) -> int:
        """That have begun before this one."""
        return len(self._starts or ()) - 1

    @property
    def _plain_seconds(self) -> float:
        assert self._starts is not None
        return _median(self._starts[1 : 2 + _TIMED])


def _median(starts: list[float]) -> float:
    """Seconds from one start to the next."""
    return statistics.median(after - before for before, after in pairwise(starts))


def compiled_function(function: Callable[..., Any]) -> Callable[..., Any]:
    """By `torch.compile`, for one shape of its arguments; on a GPU recorded as CUDA graphs."""
    mode = "reduce-overhead" if torch.cuda.is_available() else "default"
    return torch.compile(function, dynamic=False, mode=mode)


def _now() -> float:
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter()
