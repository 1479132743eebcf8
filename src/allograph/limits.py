"""Limits of settings: generous, but realistic.

A weights file may come from a stranger, and a number on the command line may have three digits too many. Both get a
one-line error before any memory is allocated.
"""

from __future__ import annotations

__all__ = [
    "CHANNELS",
    "COMPONENTS",
    "COUNT",
    "EXEMPLARS",
    "HEADS",
    "LAYERS",
    "LEVELS",
    "SIDE",
    "STEPS",
    "UNITS",
    "WINDOWS",
    "Limit",
    "require",
    "require_length",
    "require_room",
]

from dataclasses import dataclass

from allograph.errors import shown

_ROOM = 2**27
"""Largest number of float32 numbers for one drawing: 512 MiB."""


@dataclass(frozen=True)
class Limit:
    """From `low` to `high`, both included; `since` gives the reason for the upper limit."""

    low: float
    high: float
    since: str

    def check(self, name: str, value: float) -> None:
        """Raises ValueError for a value outside the limit, or one that is not a number."""
        if value != value:
            raise ValueError(f"{name} = nan is not a number; it is {self.low} to {self.high}")
        if value < self.low:
            raise ValueError(f"{name} = {shown(value)} is too small; it is at least {self.low}")
        if value > self.high:
            raise ValueError(f"{name} = {shown(value)} is too large; it is at most {self.high}, since {self.since}")


SIDE = Limit(1, 1024, "these models are for small images")
STEPS = Limit(1, 4096, "the steps of a drawing are computed one after the other")
UNITS = Limit(1, 65_536, "the matrices of a larger layer do not fit into memory")
CHANNELS = Limit(1, 4096, "convolutions between more channels do not fit into memory")
LAYERS = Limit(1, 32, "deeper networks of this kind do not learn")
WINDOWS = Limit(1, 64, "so many read and write every pixel many times over")
HEADS = Limit(1, 1024, "each head remembers every pair of steps")
COMPONENTS = Limit(1, 1024, "every pixel has parameters for each component")
LEVELS = Limit(2, 65_536, "pixels have 16 bits at most")
EXEMPLARS = Limit(1, 1024, "a step sees all exemplars of a pair at once")
COUNT = Limit(1, 10**9, "no run gets that far")


def require(config: object, **limits: Limit) -> None:
    """Raises ValueError for the first of these settings that is outside its limit; of several numbers, each must be
    within it."""
    for name, limit in limits.items():
        value = getattr(config, name)
        for number in value if isinstance(value, tuple) else (value,):
            limit.check(name, number)


def require_length(config: object, **limits: Limit) -> None:
    """Raises ValueError for the first of these settings whose count of numbers is outside its limit."""
    for name, limit in limits.items():
        count = len(getattr(config, name))
        if not limit.low <= count <= limit.high:
            raise ValueError(f"{name} has {count} numbers; it has {limit.low} to {limit.high}, since {limit.since}")


def require_room(steps: int, *numbers: int) -> None:
    """Raises ValueError for more numbers than fit into memory, if each step of a drawing takes as many as the largest
    of these."""
    total = steps * max(numbers)
    if total > _ROOM:
        raise ValueError(
            f"steps, sizes and channels together make {total} numbers for one drawing, which is too many; they are at "
            f"most {_ROOM}, since all are in memory at once"
        )
