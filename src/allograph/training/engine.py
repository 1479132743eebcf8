"""What training needs from the machine: one device for each process, averaged gradients, and memory that is kept."""

from __future__ import annotations

__all__ = ["engine_options", "keep_freed_memory", "leave_endings_to_callback"]

import ctypes
import os
import platform
from typing import Any

import lightning
from lightning.fabric.plugins.environments.lightning import LightningEnvironment
from lightning.fabric.plugins.environments.slurm import SLURMEnvironment
from lightning.fabric.plugins.environments.torchelastic import TorchElasticEnvironment
from lightning.pytorch.plugins.io import CheckpointIO
from lightning.pytorch.strategies import DDPStrategy

from allograph.runtime.distributed import Processes

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
"""M_TRIM_THRESHOLD and M_MMAP_THRESHOLD of malloc.h."""

_KEPT, _LARGEST = 1 << 30, 32 << 20
"""Largest number of bytes to keep, and of the largest block to keep; the library allows no more."""


def engine_options(processes: Processes, checkpoints: CheckpointIO) -> dict[str, Any]:
    """Options of `lightning.Trainer`: a GPU for each process if there are any, and how gradients are averaged.

    They name the launcher explicitly. Left to guess, the engine takes a Slurm batch script without ``srun`` for one of
    several tasks and waits for the others.
    """
    if processes.size == 1:
        environment, strategy = LightningEnvironment(), "auto"
    else:
        # All parameters take part in every step and buffers are constant, so neither needs to be searched or sent.
        strategy = DDPStrategy(broadcast_buffers=False, gradient_as_bucket_view=True)
        torchrun = "TORCHELASTIC_RUN_ID" in os.environ
        environment = TorchElasticEnvironment() if torchrun else SLURMEnvironment(auto_requeue=False)
    return {
        "accelerator": "cpu" if processes.device() == "cpu" else "gpu",
        "devices": processes.local_size,
        "num_nodes": processes.machines,
        "strategy": strategy,
        "use_distributed_sampler": False,
        "plugins": [checkpoints, environment],
    }


def leave_endings_to_callback(trainer: lightning.Trainer) -> None:
    """Keeps the engine from asking at every step whether the first process got SIGTERM, which waits for the device:
    `Ending` asks all processes, without waiting."""
    trainer.fit_loop.epoch_loop._broadcast_sigterm_tensor = lambda: None  # type: ignore[method-assign]


def keep_freed_memory() -> None:
    """Keeps freed memory for the next step, on Linux with its usual C library.

    By default that library returns large blocks to the system, which must clear every page when they are requested
    again, some hundred megabytes in each step. The setting holds for the rest of the process.
    """
    if platform.libc_ver()[0] == "glibc":
        library = ctypes.CDLL(None)
        library.mallopt(_TRIM_THRESHOLD, _KEPT)
        library.mallopt(_MMAP_THRESHOLD, _LARGEST)
