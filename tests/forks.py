"""Processes of their own, forked from one that has imported everything already: to import takes each process seconds,
to train a tiny model less than one."""

from __future__ import annotations

__all__ = ["FORKS", "begin"]

import multiprocessing
import os
from pathlib import Path

FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(
    ["lightning", "allograph.cli", "allograph.training", "allograph.generation.write", "scipy.ndimage"]
)


def begin(printed: Path, threads: int) -> None:
    """Called first in such a process: it computes with so many threads, and what it prints goes to `printed`.out and
    `printed`.err."""
    for number, kind in ((1, "out"), (2, "err")):
        os.dup2(os.open(f"{printed}.{kind}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
    import torch

    multiprocessing.set_start_method("fork", force=True)  # of data loaders' workers, as everywhere
    torch.set_num_threads(threads)
