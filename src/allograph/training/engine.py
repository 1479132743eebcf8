"""What training needs of the machine: one device for each process, gradients averaged among them, memory that stays."""

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
"""Bytes that are kept at most, and of the largest block that is kept: more than this the library does not allow."""


def engine_options(processes: Processes, checkpoints: CheckpointIO) -> dict[str, Any]:
    """Of `lightning.Trainer`: a GPU for each process where there are any, and how gradients are averaged.

    Who started the processes is said rather than left to the engine to guess, which takes a Slurm batch script without
    ``srun`` for a task among others, and would wait for these.
    """
    if processes.size == 1:
        environment, strategy = LightningEnvironment(), "auto"
    else:
        # Parameters all take part in every step, and buffers are constant: neither is looked for or sent around.
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
    """Keeps the engine from asking at every step, and waiting for the device to know, whether the first process has got
    SIGTERM: `Ending` asks all of them, and without waiting."""
    trainer.fit_loop.epoch_loop._broadcast_sigterm_tensor = lambda: None  # type: ignore[method-assign]


def keep_freed_memory() -> None:
    """Keeps what a step has freed for the next step, on Linux with its usual C library.

    Left to itself that gives large blocks back to the system, which has to empty every page of them when they are asked
    for again, some hundred megabytes in each step. It is so for the whole process from then on.
    """
    if platform.libc_ver()[0] == "glibc":
        library = ctypes.CDLL(None)
        library.mallopt(_TRIM_THRESHOLD, _KEPT)
        library.mallopt(_MMAP_THRESHOLD, _LARGEST)
