"""One step of fitting and its data, both a pure function of (seed, step)."""

from __future__ import annotations

__all__ = ["Batches", "Fitting", "StepStream", "ema_update", "kl_weight", "learning_rate_factor"]

import math
import signal
import time
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, cast

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
from allograph.models import GenerativeModel
from allograph.runtime.distributed import ALONE, Processes, Share
from allograph.runtime.pool import end_with_caller
from allograph.training.compiling import compile_parts, pays
from allograph.training.diagnosis import remedy

_BATCHES_FOR_MEAN = 16
_LOG_EVERY = 10


class SharedBatch(NamedTuple):
    """This process's rows of a batch, and their numbers."""

    pairs: PairBatch
    share: Share


class StepStream(IterableDataset):
    """This process's share of the batches of steps ``first``, ``first + 1``, ... ``last - 1``, made ahead of time by a
    worker."""

    def __init__(self, source: PairSource, first: int, last: int, share: Share) -> None:
        self.source, self.first, self.last, self.share = source, first, last, share

    def __iter__(self) -> Iterator[SharedBatch]:
        for step in range(self.first, self.last):
            yield SharedBatch(self.source.batch(step, self.share), self.share)


def learning_rate_factor(step: int, config: TrainingConfig) -> float:
    """Learning rate at a step as a share of the peak: a linear rise, then half a cosine to ``final_rate``."""
    if step < config.warmup_steps:
        return (step + 1) / config.warmup_steps
    done = (step - config.warmup_steps) / max(1, config.max_steps - config.warmup_steps)
    return config.final_rate + (1 - config.final_rate) * 0.5 * (1 + math.cos(math.pi * min(1.0, done)))


def kl_weight(step: int, config: TrainingConfig) -> float:
    """Weight of the KL terms at a step: a linear rise from 0.1 to 1.

    At first the model explains little, and a latent costs more than it gains. With full weight it would give up windows
    and latents that it needs later (Bowman et al., *Generating Sentences from a Continuous Space*, 2016).
    """
    return 1.0 if step >= config.kl_warmup_steps else 0.1 + 0.9 * step / config.kl_warmup_steps


def ema_update(decay: float):
    """The moving average ``a <- d a + (1 - d) w`` with ``d = min(decay, (1 + n) / (10 + n))`` after n updates, so that
    a short run is not an average of its first weights. It has the signature that `torch.optim.swa_utils.AveragedModel`
    needs."""

    @torch.no_grad()
    def update(averages: Sequence[Tensor], weights: Sequence[Tensor], count: Tensor | int) -> None:
        n = int(count)
        for average, weight in zip(averages, weights, strict=True):
            average.lerp_(weight, 1 - min(decay, (1 + n) / (10 + n)))

    return update


class Fitting(lightning.LightningModule):
    """Minimises the free energy of targets, given exemplars (some of them blank) if the model takes them."""

    def __init__(self, model: GenerativeModel, preset: Preset, processes: Processes = ALONE) -> None:
        super().__init__()
        self.model, self.preset, self.processes = model, preset, processes
        model.recompute = preset.training.recompute
        self._logged = False
        self.news: list[str] = []
        """Lines to show; whoever shows them removes them."""
        self.compiles: bool | None = None
        """Whether steps are compiled; None until the run starts."""
        self._batch: SharedBatch | None = None
        """The batch of the current step."""

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["compiles"] = self.compiles

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        self.compiles = checkpoint.get("compiles", False)  # older runs did not

    def _begin(self, batch: SharedBatch) -> None:
        """Decides at the first step of a run whether it compiles; a resumed run does as before."""
        training, resumed = self.preset.training, self.compiles is not None
        if not resumed:
            self.compiles = pays(self.model, training.max_steps * training.batch_size, training.compile)
        if not self.compiles:
            return
        self.model.room = max(self.preset.data.contexts)

        def rehearse() -> None:
            energy = self.free_energy(batch.pairs, self.noise_generator(0, self.global_step), batch.share)
            torch.autograd.grad(energy.total.sum(), list(self.model.parameters()), allow_unused=True)

        start = time.monotonic()
        trouble = compile_parts(self.model, rehearse)
        if self.processes.total(torch.tensor(float(bool(trouble)), device=self.device)) == 0:
            self.news.append(f"compiled the training step in {time.monotonic() - start:.0f} s")
            return
        self.model.compiled, self.model.room, self.compiles = {}, None, False
        after = ", so it will differ slightly from the run without a stop" if resumed else ""
        self.news.append(f"the run continues without compiled steps{after}: {trouble or 'another process has none'}")

    def noise_generator(self, *key: int) -> torch.Generator:
        """A generator of noise that depends only on this key."""
        state = np.random.SeedSequence([self.preset.training.seed, *key]).generate_state(1, np.uint64)[0]
        return torch.Generator(device=self.device).manual_seed(int(state) >> 1)

    def training_step(self, batch: SharedBatch, batch_idx: int) -> Tensor:
        if self._batch is None:
            self._begin(batch)
        self._batch = batch
        result = self.free_energy(batch.pairs, self.noise_generator(0, self.global_step), batch.share)
        if self._log_now():
            self._log_free_energy("train", result, batch.share)
            self._logged = True
        weight = kl_weight(self.global_step, self.preset.training)
        return (result.distortion + weight * result.kl.sum(dim=-1)).mean()

    def _log_now(self) -> bool:
        """True for every tenth step and the first of a run: logging takes milliseconds, a fifth of a small model's
        step."""
        return not self._logged or (self.global_step + 1) % _LOG_EVERY == 0

    def free_energy(self, batch: PairBatch, generator: torch.Generator, share: Share | None = None) -> FreeEnergy:
        """The free energy of the targets, given exemplars as in training: some blank and some without added ink, at
        random. For a share of a batch, random choices and noise are those of its rows."""
        rows, count = share or Share.whole(len(batch))
        if not self.model.conditional:
            return self._infer(batch.target, None, self.model.noise(count, generator=generator)[rows])
        chance = torch.rand(2, count, generator=generator, device=self.device)[:, rows]
        noise = self.model.noise(count, generator=generator)[rows]
        shown, ink = chance[0] >= self.preset.data.blank, chance[1] < self.preset.data.ink
        context = batch.context * shown[:, None, None, None, None]
        return self._infer(batch.target, context, noise, ink)

    def _infer(self, x: Tensor, context: Tensor | None, noise: Tensor, ink: Tensor | None = None) -> FreeEnergy:
        if not len(x):  # models take no empty batch: infer one blank image, keep none of its rows

            def blank(part: Tensor) -> Tensor:
                return part.new_zeros(1, *part.shape[1:])

            others = (part if part is None else blank(part) for part in (context, ink))
            energy = self._infer(blank(x), next(others), blank(noise), next(others))
            return FreeEnergy(energy.distortion[:0], energy.kl[:0])
        return self.model.infer(x, context, noise, ink=ink).free_energy

    def validation_step(self, batch: SharedBatch, batch_idx: int) -> None:
        (rows, count), x, context = batch.share, batch.pairs.target, batch.pairs.context
        noise = self.model.noise(count, generator=self.noise_generator(1, batch_idx))[rows]
        results = {"validation": self._infer(x, context if self.model.conditional else None, noise)}
        if self.model.conditional:
            results["validation_without"] = self._infer(x, None, noise)
        if self.model.bends_ink:
            none = torch.zeros(len(x), dtype=torch.bool, device=self.device)
            results["validation_bent"] = self._infer(x, context, noise, none)
        for name, result in results.items():
            self._log_free_energy(name, result, batch.share)

    def _log_free_energy(self, name: str, result: FreeEnergy, share: Share) -> None:
        """Logs the means over the rows of all processes."""
        sums = torch.cat([result.total.detach().sum()[None], result.kl.detach().sum(dim=0)])
        energy, *kl = self.processes.total(sums) / share.of
        self.log(f"{name}/free_energy", energy, prog_bar=name in ("train", "validation"), batch_size=share.of)
        self.log(f"{name}/kl", torch.stack(kl).sum(), batch_size=share.of)
        self.log_dict({f"{name}/kl/{t:02d}": one for t, one in enumerate(kl, start=1)}, batch_size=share.of)

    def on_before_optimizer_step(self, optimizer: torch.optim.Optimizer) -> None:
        # Done here because the trainer refuses to clip for a fused optimizer (because of float16's loss scaling).
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.preset.training.gradient_clip)
        if self._log_now():
            self.log("train/gradient_norm", norm)
        # Looking at the norm waits for the GPU, so there it happens only now and then.
        if (self.device.type == "cpu" or self.global_step % 50 == 0) and not torch.isfinite(norm):
            assert self._batch is not None
            cause = remedy(self, self._batch)
            raise AllographError(f"the gradient is {norm.item()} at step {self.global_step}: {cause}")

    def configure_optimizers(self) -> OptimizerLRScheduler:
        config = self.preset.training
        optimizer = torch.optim.Adam(self.model.parameters(), lr=config.learning_rate, fused=True)
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: learning_rate_factor(step, config))
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


def _prepare_worker(worker: int) -> None:
    """Makes the worker ignore Ctrl-C and SIGTERM, which a terminal, torchrun and Slurm send to every process: it must
    live until the parent has saved. It ends with the parent; torch ensures that only if the parent made it itself, but
    from Python 3.14 on a server does."""
    end_with_caller()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)


class Batches(lightning.LightningDataModule):
    """This process's share of the training batches, from the trainer's current step on, and of the fixed validation
    pairs."""

    def __init__(self, splits: Splits, preset: Preset, conditional: bool, processes: Processes = ALONE) -> None:
        super().__init__()
        self.processes = processes
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
        """The mean image (C, S, S) over the targets of the first batches."""
        return torch.cat([self.source.batch(step).target for step in range(_BATCHES_FOR_MEAN)]).mean(dim=0)

    def train_dataloader(self) -> DataLoader:
        trainer = cast(lightning.Trainer, self.trainer)
        share = self.processes.share_of(self.source.batch_size)
        stream = StepStream(self.source, trainer.global_step, self.last, share)
        return DataLoader(stream, batch_size=None, num_workers=1, prefetch_factor=4, worker_init_fn=_prepare_worker)

    def val_dataloader(self) -> DataLoader:
        pairs, size = self.validation, self.validation_size
        wholes = [pairs.rows(slice(start, start + size)) for start in range(0, len(pairs), size)]
        shares = [self.processes.share_of(len(whole)) for whole in wholes]
        chunks = [SharedBatch(whole.rows(share.rows), share) for whole, share in zip(wholes, shares, strict=True)]
        return DataLoader(chunks, batch_size=None)  # type: ignore[arg-type]
