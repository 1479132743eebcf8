"""A tiny training run in a process of its own, which a terminal might have started."""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from pathlib import Path

import torch

from allograph.config import Preset, from_dict, override
from allograph.data import Splits
from allograph.training import fit
from forks import FORKS, begin


class Run:
    """The leader of a process group, which trains in `folder`; what it prints goes beside it."""

    def __init__(self, splits: Splits, words: Sequence[str], folder: Path, *, resume: bool = False) -> None:
        self.printed = folder.with_name(f"{folder.name}-printed")
        threads = torch.get_num_threads()
        self.process = FORKS.Process(target=_run, args=(self.printed, threads, splits, list(words), folder, resume))
        self.process.start()

    @property
    def ended(self) -> bool:
        return self.process.exitcode is not None

    def send(self, number: signal.Signals) -> None:
        """To the process and all that it has started."""
        os.killpg(self.process.pid or 0, number)

    def finish(self, patience: float = 120.0) -> tuple[int | None, str, str]:
        """Its exit status and what it printed."""
        self.process.join(patience)
        if not self.ended:
            self.send(signal.SIGKILL)
        output, messages = (Path(f"{self.printed}.{kind}").read_text() for kind in ("out", "err"))
        return self.process.exitcode, output, messages


def _run(printed: Path, threads: int, splits: Splits, words: list[str], folder: Path, resume: bool) -> None:
    os.setsid()
    begin(printed, threads)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # as from a terminal, wherever the tests run
    fitted = fit(splits, from_dict(Preset, override({}, words)), folder, resume=resume)
    print(fitted.ended, fitted.step)
