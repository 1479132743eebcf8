"""Checks before a run starts: that the data fit the model, and that the folder holds no other run."""

from __future__ import annotations

__all__ = ["FINISHED", "RUN", "STATE", "begin", "check_fit", "check_folder", "check_shares", "held"]

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock, Timeout

from allograph.config import Preset, from_dict, preset_fields, to_dict
from allograph.data import ConceptDataset
from allograph.errors import AllographError
from allograph.runtime.distributed import Processes
from allograph.runtime.files import atomic_write

RUN = "run.json"
STATE = "state.ckpt"
FINISHED = "model.safetensors"
_LOCK = ".lock"


def check_fit(preset: Preset, dataset: ConceptDataset) -> None:
    """Refuses a likelihood that does not fit the images (other channels, or ink for grey images), and a model that
    takes exemplars but gets none."""
    model = preset.model
    channels = model.likelihood.channels
    if channels != dataset.channels:
        key = next(key for key in preset_fields(preset) if key.endswith(".channels"))
        raise AllographError(
            f"the images of {dataset.name} have {dataset.channels} channels, but the model {channels}: "
            f"set {key}={dataset.channels}"
        )
    if model.conditional and preset.data.contexts == (0,):
        raise AllographError("the model takes exemplars, but contexts=0 shows none: set contexts=1")
    of_family = preset.data.exemplars == "family"
    if of_family and model.copies_exemplar:
        raise AllographError(
            "a model that bends its exemplar cannot draw other symbols of its alphabet: "
            "use --preset omniglot-alphabet, or set exemplars=concept"
        )
    if of_family and not model.conditional:
        raise AllographError("exemplars=family is for models that take exemplars: set model.context=true")
    if model.conditional and not of_family and dataset.drawings_per_concept.max(initial=0) < 2:
        raise AllographError(
            f"the model takes exemplars, but {dataset.name} has no two images of one class: "
            "choose a model that takes none, such as --preset sequential, vae or draw"
        )
    if model.likelihood.kind == "bernoulli" and not dataset.binary and preset.data.binarisation == "none":
        raise AllographError(
            f"the images of {dataset.name} are grey, but the likelihood is for ink (bernoulli): "
            "set binarisation=dynamic, or model.likelihood.kind=logistic"
        )


@contextmanager
def held(folder: Path, processes: Processes) -> Iterator[None]:
    """Locks a run's folder against other runs; the system releases the lock when the process ends, however it ends.

    Raises AllographError: another run is using the folder.
    """
    lock = FileLock(folder / _LOCK, timeout=0)

    def take() -> None:
        try:
            lock.acquire()
        except Timeout:
            raise AllographError(
                f"{folder} is in use: another run trains there; wait for it or stop it, or name another folder with -o"
            ) from None

    processes.by_first(take)
    try:
        yield
    finally:
        lock.release()


def check_shares(batch_size: int, processes: Processes) -> None:
    """Refuses a batch that cannot be divided equally: with unequal shares the mean gradient is not the batch's."""
    if over := batch_size % processes.size:
        nearest = [size for size in (batch_size - over, batch_size - over + processes.size) if size]
        raise AllographError(
            f"a batch of {batch_size} pairs cannot be divided equally among {processes.size} processes: "
            f"use another number of processes, or --set batch_size={' or '.join(map(str, nearest))}"
        )


def check_folder(folder: Path, resume: bool) -> None:
    """Refuses to start a run where one exists, and to resume one where none exists (before any data are read)."""
    if folder.exists() and not folder.is_dir():
        raise AllographError(f"{folder} is a file; name a folder with -o")
    if resume and not (folder / RUN).exists():
        raise AllographError(f"there is no run to resume in {folder}: leave out --resume, or name its folder with -o")
    for there in (RUN, STATE, FINISHED):
        if not resume and (folder / there).exists():
            raise AllographError(
                f"{folder} already holds a run ({there}): add --resume to continue it, or choose another folder with -o"
            )


def begin(folder: Path, resume: bool, run: dict[str, Any]) -> int | None:
    """Notes in the folder which run it holds, or checks that it is the same run.

    Returns the step of the saved state to continue from, if there is one.
    """
    check_folder(folder, resume)
    note, state = folder / RUN, folder / STATE
    run = json.loads(json.dumps(run))
    if not resume:
        atomic_write(note, json.dumps(run, indent=1).encode())
        return None
    try:
        before = json.loads(note.read_text(encoding="utf-8"))
        # Settings newer than the run have their default, which was its value; its state knows whether it compiles.
        settings = json.loads(json.dumps(to_dict(from_dict(Preset, before["preset"]))))
        settings["training"]["compile"] = run["preset"]["training"]["compile"]
        differences = _differences(settings, run["preset"])
        same_data = all(before[key] == run[key] for key in ("data", "from"))
        saved = torch.load(state, map_location="cpu", weights_only=True) if state.exists() else None
        step = None if saved is None else int(saved["global_step"])
    except Exception as error:
        raise AllographError(
            f"cannot read the run in {folder} ({type(error).__name__}): start again in another folder"
        ) from None
    if not same_data:
        raise AllographError(
            f"the run in {folder} used other data or first weights: resume it with those it started with"
        )
    if differences:
        key, then, now = differences[0]
        raise AllographError(
            f"the run in {folder} has {key} = {then!r}, not {now!r}: resume it with the settings it started with"
        )
    return step


def _differences(before: dict[str, Any], now: dict[str, Any], prefix: str = "") -> list[tuple[str, Any, Any]]:
    """(dotted key, value before, value now) of all settings that differ."""
    found = []
    for key in {**before, **now}:
        then, today = before.get(key), now.get(key)
        if isinstance(then, dict) and isinstance(today, dict):
            found += _differences(then, today, f"{prefix}{key}.")
        elif then != today:
            found.append((f"{prefix}{key}", then, today))
    return found
