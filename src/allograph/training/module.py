"""One step of fitting, and the data that goes into it: all of it a pure function of (seed, step)."""

from __future__ import annotations

__all__ = ["Batches", "Fitting", "StepStream", "ema_update", "learning_rate_factor"]

import math
import signal
from collections.abc import Iterator, Sequence
from typing import cast

import lightning
import numpy as np
import torch
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset

from allograph.bounds import FreeEnergy
from allograph.config import Preset, TrainingConfig
from allograph.data import PairBatch, PairSource, Splits, fixed_pairs
from allograph.errors import AllographError
from allograph.models import BendingModel, GenerativeModel

_BATCHES_FOR_MEAN = 16
_LOG_EVERY = 10


class StepStream(IterableDataset):
    """The batches of steps ``first``, ``first + 1``, ... ``last - 1``, made by a worker ahead of time."""

    def __init__(self, source: PairSource, first: int, last: int) -> None:
        self.source, self.first, self.last = source, first, last

    def __iter__(self) -> Iterator[PairBatch]:
        for step in range(self.first, self.last):
            yield self.source.batch(step)


def learning_rate_factor(step: int, config: TrainingConfig) -> float:
    """Share of the peak rate at a step: a linear rise, then half a cosine to ``final_rate``."""
    if step < config.warmup_steps:
        return (step + 1) / config.warmup_steps
    done = (step - config.warmup_steps) / max(1, config.max_steps - config.warmup_steps)
    return config.final_rate + (1 - config.final_rate) * 0.5 * (1 + math.cos(math.pi * min(1.0, done)))


def ema_update(decay: float):
    """The moving average ``a <- d a + (1 - d) w`` with ``d = min(decay, (1 + n) / (10 + n))`` after n updates, so that
    a short run is not an average of its first weights. In the form that `torch.optim.swa_utils.AveragedModel` takes."""

    @torch.no_grad()
    def update(averages: Sequence[Tensor], weights: Sequence[Tensor], count: Tensor | int) -> None:
        n = int(count)
        for average, weight in zip(averages, weights, strict=True):
            average.lerp_(weight, 1 - min(decay, (1 + n) / (10 + n)))

    return update


class Fitting(lightning.LightningModule):
    """Minimises the free energy of targets, given exemplars where the model takes them, some of them blank."""

    def __init__(self, model: GenerativeModel, preset: Preset) -> None:
        super().__init__()
        self.model, self.preset = model, preset
        model.recompute = preset.training.recompute
        self._logged = False

    def _generator(self, *key: int) -> torch.Generator:
        """Noise that belongs to this key and to nothing else."""
        state = np.random.SeedSequence([self.preset.training.seed, *key]).generate_state(1, np.uint64)[0]
        return torch.Generator(device=self.device).manual_seed(int(state) >> 1)

    def training_step(self, batch: PairBatch, batch_idx: int) -> Tensor:
        generator = self._generator(0, self.global_step)
        result = self.free_energy(batch, generator)
        if self._log_now():
            self._log_free_energy("train", result)
            self._logged = True
        return result.total.mean()

    def _log_now(self) -> bool:
        """Every tenth step and the first of a run: the engine takes milliseconds, a fifth of a small model's step."""
        return not self._logged or (self.global_step + 1) % _LOG_EVERY == 0

    def free_energy(self, batch: PairBatch, generator: torch.Generator) -> FreeEnergy:
        """Of the targets, given exemplars as training gives them: blank and without ink beside them by chance."""
        if not self.model.conditional:
            return self.model.free_energy(batch.target, generator=generator)
        chance = torch.rand(2, len(batch), generator=generator, device=self.device)
        shown, ink = chance[0] >= self.preset.data.blank, chance[1] < self.preset.data.ink
        context = batch.context * shown[:, None, None, None, None]
        if isinstance(self.model, BendingModel):
            return self.model.free_energy(batch.target, context, ink=ink, generator=generator)
        return self.model.free_energy(batch.target, context, generator=generator)

    def validation_step(self, batch: PairBatch, batch_idx: int) -> None:
        results = {}
        if self.model.conditional:
            generator = self._generator(1, batch_idx)
            results["validation"] = self.model.free_energy(batch.target, batch.context, generator=generator)
            generator = self._generator(1, batch_idx)
            results["validation_without"] = self.model.free_energy(batch.target, generator=generator)
        else:
            results["validation"] = self.model.free_energy(batch.target, generator=self._generator(1, batch_idx))
        if isinstance(self.model, BendingModel) and self.model.bends_ink:
            none = torch.zeros(len(batch), dtype=torch.bool, device=self.device)
            generator = self._generator(1, batch_idx)
            results["validation_bent"] = self.model.free_energy(
                batch.target, batch.context, ink=none, generator=generator
            )
        for name, result in results.items():
            self._log_free_energy(name, result)

    def _log_free_energy(self, name: str, result: FreeEnergy) -> None:
        total = result.total.detach().mean()
        steps = {f"{name}/kl/{t:02d}": kl for t, kl in enumerate(result.kl.detach().mean(dim=0), start=1)}
        self.log(f"{name}/free_energy", total, prog_bar=name in ("train", "validation"), batch_size=len(result.kl))
        self.log(f"{name}/kl", result.kl.detach().sum(dim=-1).mean(), batch_size=len(result.kl))
        self.log_dict(steps, batch_size=len(result.kl))

    def on_before_optimizer_step(self, optimizer: torch.optim.Optimizer) -> None:
        # Here and not by the trainer, which refuses to clip for a fused optimizer (because of float16's loss scaling).
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.preset.training.gradient_clip)
        if self._log_now():
            self.log("train/gradient_norm", norm)
        # A look at the loss waits for the device, so it is taken only now and then.
        if self.global_step % 50 == 0:
            loss = self.trainer.callback_metrics.get("train/free_energy")
            if loss is not None and not torch.isfinite(loss):
                raise AllographError(
                    f"the free energy is {loss.item()} at step {self.global_step}: "
                    "train again with a smaller learning_rate"
                )

    def configure_optimizers(self) -> OptimizerLRScheduler:
        config = self.preset.training
        optimizer = torch.optim.Adam(self.model.parameters(), lr=config.learning_rate, fused=True)
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: learning_rate_factor(step, config))
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


def _leave_interrupts_to_parent(worker: int) -> None:
    """A terminal sends Ctrl-C to every process; the worker has to live until the parent has saved."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


class Batches(lightning.LightningDataModule):
    """Training batches from the step that the trainer has reached on, and the fixed validation pairs."""

    def __init__(self, splits: Splits, preset: Preset, conditional: bool) -> None:
        super().__init__()
        data, training, size = preset.data, preset.training, preset.model.image_size
        contexts = data.contexts if conditional else (0,)
        self.last = training.max_steps
        self.source = PairSource(
            splits.train,
            size,
            training.batch_size,
            contexts=contexts,
            seed=training.seed,
            augmentation=data.augmentation if data.augment else None,
            shift=data.shift,
            varied_steps=(1 - data.settle) * training.max_steps,
            binarisation=data.binarisation,
            exemplars=data.exemplars,
        )
        self.validation = fixed_pairs(
            splits.validation,
            size,
            training.validation_pairs,
            contexts=min(contexts),
            binarisation=data.binarisation,
            exemplars=data.exemplars,
        )
        self.validation_size = training.batch_size

    def mean(self) -> Tensor:
        """(C, S, S), over the targets of the first batches."""
        return torch.cat([self.source.batch(step).target for step in range(_BATCHES_FOR_MEAN)]).mean(dim=0)

    def train_dataloader(self) -> DataLoader:
        trainer = cast(lightning.Trainer, self.trainer)
        stream = StepStream(self.source, trainer.global_step, self.last)
        return DataLoader(
            stream, batch_size=None, num_workers=1, prefetch_factor=4, worker_init_fn=_leave_interrupts_to_parent
        )

    def val_dataloader(self) -> DataLoader:
        pairs, size = self.validation, self.validation_size
        chunks = [pairs.rows(slice(start, start + size)) for start in range(0, len(pairs), size)]
        return DataLoader(chunks, batch_size=None)  # type: ignore[arg-type]
