"""A whole run: from pairs of drawings to a finished weights file; it can stop and continue at any moment."""

from __future__ import annotations

__all__ = ["Fitted", "fit"]

import contextlib
import logging
import math
import sys
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import lightning
import numpy as np
import torch
from lightning.fabric.utilities.warnings import PossibleUserWarning
from lightning.pytorch.callbacks import Callback, ModelCheckpoint, WeightAveraging
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger

from allograph import weights
from allograph.card import CARD_VERSION, ModelCard
from allograph.config import Preset, TrainingConfig, model_from_config, to_dict
from allograph.data import Splits
from allograph.data.sketches import smallest
from allograph.errors import AllographError
from allograph.models.resizing import resized
from allograph.runtime.distributed import ALONE, Processes
from allograph.training.callbacks import (
    AtomicCheckpoints,
    Ending,
    GracefulStop,
    LastState,
    PlainProgress,
    SamplePictures,
    TerminalProgress,
)
from allograph.training.checks import FINISHED, STATE, begin, check_fit, check_folder, check_shares, held
from allograph.training.engine import engine_options, keep_freed_memory, leave_endings_to_callback
from allograph.training.module import Batches, Fitting, ema_update


@dataclass(frozen=True)
class Fitted:
    """How a run ended.

    Attributes:
        path: the weights file, written from the averaged weights at the step that was reached.
        state: the saved state, from which `resume` continues.
        step: the step that was reached.
        ended: ``finished`` (all steps), ``time`` (the clock) or ``interrupted`` (Ctrl-C).
        seconds: duration of this run.
        validation: free energy of the validation pairs in nats, with and without an exemplar.
    """

    path: Path
    state: Path
    step: int
    ended: str
    seconds: float
    validation: dict[str, float]


def fit(
    splits: Splits,
    preset: Preset,
    folder: Path,
    *,
    preset_name: str = "",
    resume: bool = False,
    max_seconds: float | None = None,
    command: str = "",
    initial: weights.LoadedWeights | None = None,
    processes: Processes = ALONE,
) -> Fitted:
    """Fits a new model, or one that starts from the weights ``initial``, to the training part of a data set.

    Validates on the validation part; never sees the test part.

    Writes to ``folder``: the training state every ``checkpoint_every`` steps, the weights file when the run ends
    (however it ends), a picture of drawings at each validation, and logs for TensorBoard and as CSV.

    The order of the data, the initial weights and all noise depend only on (seed, step). So a run that was killed and
    resumed ends with the same weights, bit for bit, as an undisturbed one (on the same kind of CPU, with the same
    number of threads).

    Several ``processes`` (see `allograph.runtime.distributed.joined`) each take their share of the rows of every batch.
    The result equals that of one process except for the order in which float32 numbers are added; a run may continue
    with another number of processes. Only the first writes to ``folder``, which all must be able to read.

    Raises AllographError: ``folder`` holds a run and ``resume`` is false; there is nothing to resume; the run to be
    resumed had other settings or data, or another process is continuing it; a batch cannot be divided among the
    processes.
    """
    processes.by_first(lambda: check_folder(folder, resume))
    check_fit(preset, splits.train)
    check_shares(preset.training.batch_size, processes)
    state, training = folder / STATE, preset.training
    lightning.seed_everything(training.seed, verbose=False)
    model = model_from_config(to_dict(preset.model))
    if initial is not None:
        try:
            resized(initial.model, model)
        except ValueError:
            raise AllographError(
                "the weights of --from belong to another network: leave out --preset, and set no field of the model "
                "except image_size, patch and steps"
            ) from None
    fitting = Fitting(model, preset, processes)
    batches = Batches(splits, preset, model.conditional, processes)
    # All checks have passed, so the folder may become this run's folder.
    run = {"preset": to_dict(preset), "data": splits.train.fingerprint(), "from": initial and initial.sha256}
    before = processes.by_first(lambda: begin(folder, resume, run))
    processes.by_each(lambda: _check_seen(state, before))
    keep_freed_memory()
    with held(folder, processes):
        if before is None and initial is None:
            model.initialise(batches.mean())
        stop = GracefulStop()
        ending = Ending(math.inf if max_seconds is None else max_seconds, stop, processes)
        step = before or 0
        start = time.monotonic()
        with _quiet():
            trainer = lightning.Trainer(
                **engine_options(processes, AtomicCheckpoints()),
                precision=_precision(training.precision),
                max_steps=training.max_steps,
                max_epochs=-1,
                val_check_interval=training.validate_every,
                check_val_every_n_epoch=None,
                num_sanity_val_steps=0,
                log_every_n_steps=50,
                enable_model_summary=False,
                enable_progress_bar=False,
                default_root_dir=folder,
                logger=[
                    CSVLogger(folder, name="logs", version=f"csv-{step:07d}"),  # a resumed run starts its own file
                    TensorBoardLogger(folder, name="logs", version="tensorboard"),
                ],
                callbacks=[stop, ending, *_callbacks(folder, batches, training, processes)],
            )
            if before is not None and step >= training.max_steps:
                # The state holds the averaged weights if nothing is left to train.
                fitting.load_state_dict(torch.load(state, map_location="cpu", weights_only=True)["state_dict"])
            else:
                leave_endings_to_callback(trainer)
                try:
                    trainer.fit(fitting, batches, ckpt_path=state if before is not None else None, weights_only=True)
                except SystemExit:
                    raise KeyboardInterrupt from None  # the engine's answer to Ctrl-C before the first step
                step = trainer.global_step
            figures = _final_validation(trainer, fitting, batches)

        fitted = Fitted(folder / FINISHED, state, step, ending.reason, time.monotonic() - start, figures)
        card = _card(fitted, preset, preset_name, splits, command)
        if initial is not None:
            _add_ancestor(card["data"], initial.card)
            if preset.data.exemplars == initial.card.exemplars:  # drawing settings were chosen; it still draws the same
                chosen = ("temperature", "guidance", "size_variation")
                card |= {key: initial.card[key] for key in chosen if key in initial.card}
        processes.by_first(lambda: weights.save(fitted.path, fitting.model, card))
        return fitted


def _check_seen(state: Path, before: int | None) -> None:
    """Refuses to continue from a state that only the first machine has."""
    if before is not None and not state.exists():
        raise AllographError(f"not every machine sees {state}: with -o, name a folder that all of them share")


def _add_ancestor(data: dict[str, Any], card: ModelCard) -> None:
    """Adds to the card what the first weights were trained on: the new weights have seen it too."""
    both = [*data["sketch"], *(card.data.sketch or ())]
    data["sketch"] = list(smallest(np.array(both, dtype=np.uint64)))
    before = card.get("data", {})
    known = {key: before[key] for key in ("name", "split", "fingerprint") if key in before}
    data["ancestors"] = [*before.get("ancestors", []), {**known, "seed": card.data.seed}]


def _callbacks(folder: Path, batches: Batches, training: TrainingConfig, processes: Processes) -> list[Callback]:
    progress = TerminalProgress() if sys.stderr.isatty() else PlainProgress()
    return [
        *([progress] if processes.first else []),
        SamplePictures(folder / "samples", batches.validation),
        WeightAveraging(multi_avg_fn=ema_update(training.average_decay)),
        LastState(folder / STATE),  # after the average has moved
        ModelCheckpoint(
            folder,
            Path(STATE).stem,
            every_n_train_steps=training.checkpoint_every,
            save_top_k=1,
            enable_version_counter=False,
        ),
    ]


def _precision(name: Literal["auto", "float32", "bfloat16"]) -> Literal["bf16-mixed", "32-true"]:
    """Lightning's name for the precision; ``auto`` is bfloat16 if the processor multiplies it natively."""
    if name == "auto":
        native = torch.cuda.is_bf16_supported() if torch.cuda.is_available() else torch.cpu._is_avx512_bf16_supported()
        name = "bfloat16" if native else "float32"
    return "bf16-mixed" if name == "bfloat16" else "32-true"


def _final_validation(trainer: lightning.Trainer, fitting: Fitting, batches: Batches) -> dict[str, float]:
    """Validates the averaged weights, which are in place once fitting has ended."""
    trainer.validate(fitting, batches, verbose=False)
    figures = trainer.callback_metrics
    names = {
        "validation": "free_energy",
        "validation_bent": "free_energy_bending_alone",
        "validation_without": "free_energy_without_exemplar",
    }
    found = {title: f"{name}/free_energy" for name, title in names.items()}
    return {title: round(float(figures[key]), 3) for title, key in found.items() if key in figures}


def _card(fitted: Fitted, preset: Preset, preset_name: str, splits: Splits, command: str) -> dict[str, Any]:
    return {
        "version": CARD_VERSION,
        "preset": preset_name,
        "settings": to_dict(preset),
        "data": {
            "name": splits.train.name,
            "split": preset.data.split,
            "images": splits.images,
            "fingerprint": splits.train.fingerprint(),
            "sketch": list(splits.train.sketch()),
        },
        "command": command,
        "steps": fitted.step,
        "figures": {"validation": fitted.validation},
    }


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Silences the engine's advice to programmers, but not its errors."""
    loggers = [logging.getLogger(name) for name in ("lightning.pytorch", "lightning.fabric")]
    levels = [logger.level for logger in loggers]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PossibleUserWarning)
        warnings.filterwarnings("ignore", message=".*LeafSpec.* is deprecated")  # its own call, with torch 2.13
        warnings.filterwarnings("ignore", message=".*exists and is not empty")  # a resumed run
        warnings.filterwarnings("ignore", message=".*broadcast_buffers. is deprecated")  # the new name is torch 2.13's
        for logger in loggers:
            logger.setLevel(logging.ERROR)
        try:
            yield
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)
