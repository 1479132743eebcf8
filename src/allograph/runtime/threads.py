"""The number of compute threads, and how they wait for each other.

torch starts one thread for each core of the processor, and a thread that has finished its part of a product spins until
the others have finished. On a shared machine both go wrong: a container may use fewer cores than it sees, and a
spinning thread holds the core that another one needs. So this package asks for one thread for each usable core, and for
threads that sleep after a short while. The user's own settings win.
"""

from __future__ import annotations

__all__ = ["prepare", "usable_cores", "use_threads"]

import math
import os
import sys
from contextlib import suppress
from pathlib import Path

_SPINS = "2000"
"""Number of rounds, 10 to 100 ns each, for which a thread waits awake."""

_WAITING = {"GOMP_SPINCOUNT": _SPINS, "KMP_BLOCKTIME": "0"}
"""Settings of GCC's and LLVM's OpenMP; wheels of torch contain one or the other."""

_CHOICES = {"OMP_WAIT_POLICY", *_WAITING}
"""Variables by which a user can say how threads wait."""


def prepare() -> None:
    """Sets the variables that the threading library reads when torch loads it; call it before importing torch."""
    if not _CHOICES & os.environ.keys():
        os.environ |= _WAITING
    os.environ.setdefault("OMP_NUM_THREADS", str(usable_cores()))


def use_threads(count: int | None) -> None:
    """Uses this many threads from now on; None changes nothing."""
    if count is None:
        return
    os.environ["OMP_NUM_THREADS"] = str(count)  # also for processes that this one starts
    if torch := sys.modules.get("torch"):
        torch.set_num_threads(count)


def usable_cores() -> int:
    """Number of cores that this process may run on, or that its share of the machine is worth if that is less."""
    try:
        cores = len(os.sched_getaffinity(0))  # type: ignore[attr-defined, unused-ignore]
    except AttributeError:  # macOS, Windows
        cores = os.cpu_count() or 1
    return max(1, math.floor(min(cores, _share())))


def _share(root: Path = Path("/")) -> float:
    """Number of cores' worth of time that the tightest of this process's control groups allows; infinite without a
    limit."""
    paths = {"": "/", "cpu": "/"}  # in a container its own group is often the root that it sees
    with suppress(OSError):
        for line in (root / "proc/self/cgroup").read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            paths |= {name: path for name in controllers.split(",") if name in paths}
    tops = {"": root / "sys/fs/cgroup", "cpu": root / "sys/fs/cgroup/cpu"}
    reads = {"": _of_version_2, "cpu": _of_version_1}
    shares = [math.inf]
    for name, path in paths.items():
        group = tops[name] / path.lstrip("/")
        shares += [reads[name](one) for one in (group, *group.parents) if one.is_relative_to(tops[name])]
    return min(shares)


def _of_version_2(group: Path) -> float:
    try:
        quota, period = (group / "cpu.max").read_text().split()
        return math.inf if quota == "max" else int(quota) / int(period)
    except (OSError, ValueError, ZeroDivisionError):
        return math.inf


def _of_version_1(group: Path) -> float:
    try:
        quota, period = (int((group / f"cpu.cfs_{name}_us").read_text()) for name in ("quota", "period"))
        return quota / period if quota > 0 else math.inf
    except (OSError, ValueError, ZeroDivisionError):
        return math.inf
