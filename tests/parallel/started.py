"""Commands run by several processes at once, as `torchrun` would start them, but forked."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from allograph.runtime.distributed import LostProcess, joined
from forks import FORKS, begin

PATIENCE = 240.0
"""Seconds that a job may take, on a busy machine too."""


@dataclass(frozen=True)
class Finished:
    """How one process ended, and what it printed."""

    status: int | None
    output: str
    messages: str


class Job:
    """Processes that run one command together.

    Args:
        folder: where what they print goes.
        arguments: of `allograph`.
        size: how many; a single one is started without the variables of `torchrun`.
        machines: for each process the network namespace that it runs in; all on this machine where there are none.
        variables: for each of these besides.
    """

    def __init__(
        self,
        folder: Path,
        arguments: Sequence[object],
        size: int,
        *,
        address: str = "127.0.0.1",
        machines: Sequence[str] = (),
        variables: Sequence[dict[str, str]] = (),
    ) -> None:
        self.folder, port = folder, str(free_port())
        folder.mkdir(parents=True, exist_ok=True)
        self.processes: list[ForkServerProcess] = []
        for rank in range(size):
            here = 0 if machines else rank
            about = {"RANK": rank, "WORLD_SIZE": size, "LOCAL_RANK": here, "GROUP_RANK": rank - here}
            about["LOCAL_WORLD_SIZE"] = 1 if machines else size
            named = {name: str(value) for name, value in about.items()}
            named |= {"TORCHELASTIC_RUN_ID": "test", "MASTER_ADDR": address, "MASTER_PORT": port}
            named = named if size > 1 else {}
            named |= variables[rank] if variables else {}
            machine = machines[rank] if machines else None
            words = list(map(str, arguments))
            self.processes.append(FORKS.Process(target=_run, args=(folder / str(rank), words, named, machine)))
        for process in self.processes:
            process.start()

    def finish(self) -> list[Finished]:
        """Wait for all of them."""
        try:
            for process in self.processes:
                process.join(PATIENCE)
            assert all(process.exitcode is not None for process in self.processes), "processes wait for each other"
        finally:
            for process in self.processes:
                process.kill()
        return [self._finished(rank, process.exitcode) for rank, process in enumerate(self.processes)]

    def _finished(self, rank: int, status: int | None) -> Finished:
        output, messages = (Path(f"{self.folder / str(rank)}.{kind}").read_text() for kind in ("out", "err"))
        return Finished(status, output, messages)


def run(folder: Path, arguments: Sequence[object], size: int) -> list[Finished]:
    """A whole job on one machine."""
    return Job(folder, arguments, size).finish()


def wait_for(path: Path, process: subprocess.Popen[str] | None = None) -> None:
    """Until the file is there; the process that is to make it must not end before."""
    deadline = time.monotonic() + PATIENCE
    while not path.exists():
        assert process is None or process.poll() is None, f"the process ended before {path.name} was there"
        assert time.monotonic() < deadline
        time.sleep(0.005)


def _run(printed: Path, arguments: list[str], variables: dict[str, str], machine: str | None) -> None:
    if machine is not None:
        _enter(machine)
    os.environ.update(variables)
    begin(printed, threads=1)
    from allograph.cli import main

    sys.exit(main(arguments))


def _enter(machine: str) -> None:
    """Move this process into a network namespace; Python can only from 3.12 on."""
    import ctypes

    with open(f"/var/run/netns/{machine}") as namespace:
        if ctypes.CDLL(None, use_errno=True).setns(namespace.fileno(), 0x40000000):  # CLONE_NEWNET
            raise OSError(ctypes.get_errno(), f"cannot enter the network namespace {machine}")


def free_port() -> int:
    """A port of this machine that nobody listens to."""
    with contextlib.closing(socket.socket()) as listening:
        listening.bind(("127.0.0.1", 0))
        return listening.getsockname()[1]


def lose_the_other(folder: Path, rank: int, port: int) -> None:
    """The first of two processes: it is asked to end when it has noticed that the second was killed."""
    begin(folder / str(rank), threads=1)
    os.environ |= {"RANK": str(rank), "WORLD_SIZE": "2", "LOCAL_RANK": str(rank), "LOCAL_WORLD_SIZE": "2"}
    os.environ |= {"TORCHELASTIC_RUN_ID": "test", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    try:
        with joined() as processes:
            if rank == 1:
                os.kill(os.getpid(), signal.SIGKILL)
            processes.by_each(lambda: 1)
    except LostProcess as error:
        os.kill(os.getpid(), signal.SIGTERM)
        print(error)
        sys.exit(2)
