"""Callbacks of a run: its clock, signals, checkpoints, pictures and progress reports."""

from __future__ import annotations

__all__ = [
    "AtomicCheckpoints",
    "Ending",
    "GracefulStop",
    "LastState",
    "PlainProgress",
    "SamplePictures",
    "TerminalProgress",
]

import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import lightning
import numpy as np
import torch
from lightning.pytorch.loggers import TensorBoardLogger
from lightning.pytorch.plugins.io import TorchCheckpointIO
from lightning.pytorch.trainer.states import TrainerFn
from PIL import Image
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from allograph.data import PairBatch
from allograph.runtime.distributed import Processes, expect_end
from allograph.runtime.files import atomic_write
from allograph.training.module import Fitting


class AtomicCheckpoints(TorchCheckpointIO):
    """Saves training states completely or not at all: writes them beside their place, then moves them there."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any | None = None) -> None:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        atomic_write(Path(path), lambda file: torch.save(checkpoint, file))


class GracefulStop(lightning.Callback):
    """Makes Ctrl-C or SIGTERM end the run after the current step; Ctrl-C after either ends it at once.

    SIGTERM may come twice: a launcher passes on what the system has sent to its processes, too.
    """

    def __init__(self) -> None:
        self.asked = False
        self._before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def on_train_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        for number in self._before:
            signal.signal(number, self._ask)

    def _ask(self, number: int, frame: Any) -> None:
        self.asked = True
        signal.signal(signal.SIGINT, self._before[signal.SIGINT])

    def on_train_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        self._step_back()

    def on_exception(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, exception: BaseException
    ) -> None:
        self._step_back()
        if trainer.world_size > 1:
            expect_end()
            trainer._signal_connector._original_handlers[signal.SIGTERM] = signal.SIG_IGN  # which the engine restores

    def _step_back(self) -> None:
        for known, handler in self._before.items():
            signal.signal(known, handler)


class Ending(lightning.Callback):
    """Ends the run after a number of seconds or on request, on all processes after the same step.

    After each step every process votes. The votes are added up during the next step, so that nobody waits for them: a
    single process ends after the same step, several after the next.

    Attributes:
        reason: why the run ended, once it has.
    """

    def __init__(self, seconds: float, stop: GracefulStop, processes: Processes) -> None:
        self.reason: Literal["finished", "time", "interrupted"] = "finished"
        self._seconds, self._start = seconds, time.monotonic()
        self._stop, self._processes = stop, processes
        self._answers: Callable[[], list[int]] | None = None

    def on_train_batch_end(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        asked = self._processes.total_soon([self._stop.asked, time.monotonic() - self._start >= self._seconds])
        answers = asked if self._processes.size == 1 else self._answers
        self._answers = asked
        interrupted, late = answers() if answers is not None else (0, 0)
        if interrupted:
            self.reason = "interrupted"
        elif late and trainer.global_step < trainer.max_steps:
            self.reason = "time"
        if self.reason != "finished":
            trainer.should_stop = True

    def on_train_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        if self._answers is not None:
            self._answers()  # its answer comes too late


class LastState(lightning.Callback):
    """Saves the state after the run's last step, before the averaged weights replace the trained ones."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def on_train_batch_end(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if trainer.should_stop or trainer.global_step >= trainer.max_steps:
            trainer.save_checkpoint(self.path)


class PlainProgress(lightning.Callback):
    """Prints a line now and then, for runs without a terminal."""

    def __init__(self, every_seconds: float = 30.0) -> None:
        self.every = every_seconds
        self.start = self.last = time.monotonic()
        self.first_step = 0

    def on_train_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        self.start = self.last = time.monotonic()
        self.first_step = trainer.global_step

    def on_train_batch_end(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        for line in _news(pl_module):
            print(line, file=sys.stderr, flush=True)
        now = time.monotonic()
        if now - self.last < self.every:
            return
        self.last = now
        self._say(trainer, now)

    def on_validation_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        if trainer.state.fn == TrainerFn.FITTING:
            print(_validation_line(trainer), file=sys.stderr, flush=True)

    def _say(self, trainer: lightning.Trainer, now: float) -> None:
        rate = (trainer.global_step - self.first_step) / (now - self.start)
        left = (trainer.max_steps - trainer.global_step) / max(rate, 1e-9)
        energy = trainer.callback_metrics.get("train/free_energy", torch.tensor(float("nan")))
        print(
            f"step {trainer.global_step} of {trainer.max_steps}: free energy {energy:.2f} nats, "
            f"{rate:.1f} steps/s, {left / 60:.0f} min left",
            file=sys.stderr,
            flush=True,
        )


class TerminalProgress(lightning.Callback):
    """Shows a bar with the rate and the time left in a terminal, and above it a line for each validation."""

    def __init__(self) -> None:
        self.bar = Progress(
            TextColumn("step"),
            MofNCompleteColumn(),
            BarColumn(bar_width=None),
            TextColumn("{task.fields[energy]} nats"),
            TextColumn("{task.fields[rate]} steps/s"),
            TimeRemainingColumn(),
            TextColumn("left"),
            console=Console(stderr=True),
            speed_estimate_period=120,
        )
        self.task: TaskID | None = None

    def on_train_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        self.task = self.bar.add_task(
            "train", total=trainer.max_steps, completed=trainer.global_step, energy="...", rate="..."
        )
        self.bar.start()

    def on_train_batch_end(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        assert self.task is not None
        for line in _news(pl_module):
            self.bar.console.print(line, highlight=False, markup=False)
        self.bar.update(self.task, completed=trainer.global_step)
        if trainer.global_step % 10 == 0:  # reading the free energy waits for the device
            speed = self.bar.tasks[0].speed
            energy = f"{trainer.callback_metrics['train/free_energy'].item():.1f}"
            self.bar.update(self.task, energy=energy, rate=f"{speed:.1f}" if speed else "...")

    def on_validation_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        if self.bar.live.is_started:
            self.bar.console.print(_validation_line(trainer), highlight=False)

    def on_train_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        self.bar.stop()

    def on_exception(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, exception: BaseException
    ) -> None:
        self.bar.stop()


def _news(fitting: lightning.LightningModule) -> list[str]:
    """Lines to show once."""
    assert isinstance(fitting, Fitting)
    lines, fitting.news[:] = fitting.news[:], []
    return lines


def _validation_line(trainer: lightning.Trainer) -> str:
    figures = trainer.callback_metrics
    line = f"step {trainer.global_step}: validation free energy {figures['validation/free_energy']:.2f} nats"
    if "validation_without/free_energy" in figures:
        line += f", {figures['validation_without/free_energy']:.2f} without an exemplar"
    return line


class SamplePictures(lightning.Callback):
    """Makes a picture of the model's drawings at each validation, with the averaged weights and always the same noise.

    It has a row for each of some targets, with their exemplars at the left, and a last row without exemplars. The rows
    of a bending model start with drawings as `write` shows them. A model that takes no exemplars fills all rows
    without.
    """

    def __init__(self, folder: Path, pairs: PairBatch, rows: int = 8, columns: int = 12) -> None:
        self.folder, self.columns, self.rows = folder, columns, rows
        self.context = pairs.context[:rows]

    def on_validation_epoch_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        # The averaged weights are in place now: this callback comes before the one that swaps them back.
        if trainer.sanity_checking or not trainer.is_global_zero:
            return
        assert isinstance(pl_module, Fitting)
        picture = self._picture(pl_module)
        step = trainer.global_step
        image = Image.fromarray(picture.squeeze())
        atomic_write(self.folder / f"step-{step:07d}.png", lambda file: image.save(file, "PNG"))
        for logger in trainer.loggers:
            if isinstance(logger, TensorBoardLogger):
                logger.experiment.add_image("drawings", picture, step, dataformats="HWC")

    @torch.no_grad()
    def _picture(self, fitting: Fitting) -> np.ndarray:
        """(height, width, channels), 8 bit."""
        model, columns = fitting.model, self.columns
        generator = torch.Generator(device=fitting.device).manual_seed(0)
        if model.conditional:
            context = self.context.to(fitting.device)
            if model.bends_ink:
                bent = model.sample(context, n=columns // 2, shown=True, generator=generator).parameters
                whole = model.sample(context, n=columns - columns // 2, generator=generator).parameters
                given = torch.cat([bent, whole], dim=1)
            else:
                given = model.sample(context, n=columns, generator=generator).parameters
            drawn = torch.cat([given, model.sample(n=columns, generator=generator).parameters])
            exemplars = [torch.cat([context, torch.zeros_like(context[:1])])]
        else:
            drawn = model.sample(n=self.rows * columns, generator=generator).parameters
            drawn = drawn.unflatten(1, (self.rows, columns))[0]
            exemplars = []
        cells = torch.cat([*exemplars, model.likelihood.mean(drawn.float())], dim=1)
        if model.likelihood.binary:
            cells = 1 - cells  # ink on paper
        cells = torch.nn.functional.pad(cells.clamp(0, 1), (1, 1, 1, 1), value=0.8)
        rows = cells.permute(0, 3, 1, 4, 2).flatten(2, 3).flatten(0, 1)
        return (rows * 255).round().byte().cpu().numpy()
