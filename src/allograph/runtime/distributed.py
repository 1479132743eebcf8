"""Processes that work together: which one this is, its share, and the results of the others.

`torchrun` or Slurm's `srun` start them, on one machine or on several; without either there is one. A single process can
also call everything here, and then waits for nobody.
"""

from __future__ import annotations

__all__ = ["ALONE", "LostProcess", "Processes", "Share", "expect_end", "joined", "launched"]

import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from allograph.errors import AllographError

if TYPE_CHECKING:
    from torch import Tensor

_SLURM_EACH = "SLURM_NTASKS_PER_NODE"

T = TypeVar("T")
R = TypeVar("R")

_PATIENCE = timedelta(days=7)
"""How long a finished process waits for the others; closed connections reveal processes that have ended."""


class LostProcess(AllographError):
    """Another process has ended or can no longer be reached."""


class Share(NamedTuple):
    """Some rows of a whole, and the number of all rows, for which random numbers are drawn."""

    rows: slice
    of: int

    @classmethod
    def whole(cls, count: int) -> Share:
        """All rows."""
        return cls(slice(None), count)


@dataclass(frozen=True)
class Processes:
    """Which process this is.

    Attributes:
        rank, size: its number, from 0, and the number of processes.
        local_rank, local_size: the same on its machine; all machines have the same number.
    """

    rank: int = 0
    size: int = 1
    local_rank: int = 0
    local_size: int = 1

    @property
    def first(self) -> bool:
        """Whether this process writes files and prints results."""
        return self.rank == 0

    @property
    def machines(self) -> int:
        return self.size // self.local_size

    def share_of(self, count: int) -> Share:
        """Every ``size``-th of ``count`` rows, from the ``rank``-th on; the share may be empty."""
        return Share(slice(self.rank, None, self.size), count)

    def device(self) -> str:
        """The GPU that belongs to this process, or the CPU.

        Raises:
            AllographError: fewer GPUs than processes on this machine.
        """
        import torch

        count = torch.cuda.device_count()
        if count == 0:
            return "cpu"
        if count < self.local_size:
            raise AllographError(
                f"{self.local_size} processes on a machine with {count} visible GPU{'s' if count > 1 else ''}: start "
                "one process for each GPU, all GPUs visible to each process, or hide the GPUs (CUDA_VISIBLE_DEVICES=)"
            )
        return f"cuda:{self.local_rank}"

    # ---------------------------------------------------------------- what all have to call together

    def by_first(self, work: Callable[[], T]) -> T:
        """Returns the result of the first process's work on every process; also raises its `AllographError` on every
        process."""
        if self.size == 1:
            return work()
        import torch.distributed

        outcome = [_outcome(work) if self.first else None]
        torch.distributed.broadcast_object_list(outcome, src=0)
        (found,) = _values(outcome)
        return found

    def by_each(self, work: Callable[[], T]) -> list[T]:
        """Returns the results of all processes' work, in order, on every process; also raises the first
        `AllographError`."""
        if self.size == 1:
            return [work()]
        import torch.distributed

        outcomes: list[Any] = [None] * self.size
        torch.distributed.all_gather_object(outcomes, _outcome(work))
        return _values(outcomes)

    def spread(self, work: Callable[[T], R], items: Sequence[T]) -> list[R]:
        """Returns ``work(item)`` for every item, in order: each process does its share, and all get all results."""
        own = self.share_of(len(items)).rows
        parts = self.by_each(lambda: [work(item) for item in items[own]])
        return [parts[place % self.size][place // self.size] for place in range(len(items))]

    def first_here_first(self, work: Callable[[], T]) -> T:
        """Does work whose results stay on the machine's disk: the first process of each machine does it first, then
        each of the others. An `AllographError` of any process is raised on all."""
        found: list[T] = []
        for turn in (self.local_rank == 0, self.local_rank != 0):
            self.by_each(lambda turn=turn: found.append(work()) if turn else None)
        return found[0]

    def total(self, numbers: Tensor) -> Tensor:
        """The sum over all processes."""
        if self.size > 1:
            import torch.distributed

            torch.distributed.all_reduce(numbers)
        return numbers

    def total_soon(self, numbers: Sequence[int]) -> Callable[[], list[int]]:
        """Returns a function that gives the sums over all processes when called later; meanwhile nobody waits."""
        if self.size == 1:
            return lambda: list(numbers)
        import torch.distributed

        sums = torch.tensor(numbers)
        under_way = torch.distributed.all_reduce(sums, async_op=True)

        def result() -> list[int]:
            assert under_way is not None
            under_way.wait()
            return sums.tolist()

        return result


ALONE = Processes()


def launched() -> Processes:
    """Which process this is, by the variables of `torchrun` or of a step started by `srun`; otherwise `ALONE`."""
    names = os.environ
    if "TORCHELASTIC_RUN_ID" in names:
        return Processes(*(int(names[name]) for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE")))
    # A batch script also has SLURM_NTASKS but is one process; only srun starts a step.
    size = int(names.get("SLURM_STEP_NUM_TASKS", 1))
    if size == 1:
        return ALONE
    each = int(names.get(_SLURM_EACH, 0))
    return Processes(int(names["SLURM_PROCID"]), size, int(names["SLURM_LOCALID"]), each)


@contextmanager
def joined(remedy: str = "run the same command again", *, training: bool = False) -> Iterator[Processes]:
    """The processes of this job, able to talk to each other within this context.

    They use gloo and, in ``training``, NCCL for tensors on GPUs. Training goes step by step, so a process that does not
    answer for half an hour counts as lost; shares of other work may take any time.

    Raises:
        LostProcess: another process has ended or cannot be reached; ``remedy`` says what to do then.
        AllographError: machines with different numbers of processes; and as `Processes.device` and the body do.
    """
    processes = launched()
    if processes.size == 1:
        yield processes
        return
    if processes.local_size == 0:
        raise AllographError("Slurm does not say how many tasks a machine has: ask for them with --ntasks-per-node")
    if processes.size % processes.local_size:
        raise AllographError("every machine must run the same number of processes")
    import torch
    import torch.distributed

    device = torch.device(processes.device())
    if device.type == "cuda":
        torch.cuda.set_device(device)
    if "TORCHELASTIC_RUN_ID" not in os.environ:
        from lightning.fabric.plugins.environments.slurm import SLURMEnvironment

        slurm = SLURMEnvironment(auto_requeue=False)  # the first machine of the job and a port that follows from it
        os.environ |= {"MASTER_ADDR": slurm.main_address, "MASTER_PORT": str(slurm.main_port)}
    lost = LostProcess(f"another process ended or cannot be reached; {remedy}")
    try:
        torch.distributed.init_process_group(
            "cpu:gloo,cuda:nccl" if training and device.type == "cuda" else "gloo",
            rank=processes.rank,
            world_size=processes.size,
            timeout=None if training else _PATIENCE,
        )
        yield processes
    except RuntimeError as error:
        if isinstance(error, torch.distributed.DistError) or "gloo" in str(error):
            expect_end()
            raise lost from error
        raise
    finally:
        if torch.distributed.is_initialized():
            torch.distributed.destroy_process_group()


def expect_end() -> None:
    """Ignores SIGTERM from now on, in a process that is about to end.

    A launcher sends it to all processes as soon as it sees that one has ended, about when the others notice, and would
    cut off what they have to say.
    """
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, signal.SIG_IGN)


class _Refused(NamedTuple):
    """The message of an error, in place of a result."""

    message: str


def _outcome(work: Callable[[], T]) -> T | _Refused:
    try:
        return work()
    except LostProcess:
        raise
    except AllographError as error:
        return _Refused(str(error))


def _values(outcomes: list[Any]) -> list[Any]:
    for outcome in outcomes:
        if isinstance(outcome, _Refused):
            raise AllographError(outcome.message)
    return outcomes
