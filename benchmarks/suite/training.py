"""Training steps to be timed, on a GPU where there is one, and what they are measured against."""

from __future__ import annotations

__all__ = ["BATCH", "DEVICE", "Step", "counted_operations", "matrix_rate", "sequential_step", "training_step"]

import dataclasses
from collections.abc import Callable

import torch
from benchmarks.suite.turns import in_turns
from torch import Tensor

from allograph.config import Preset
from allograph.models import BendingModel, GenerativeModel, SequentialConfig, SequentialModel
from allograph.training.compiling import compile_parts
from allograph.training.engine import keep_freed_memory
from models.reference_bending import ReferenceBending
from models.reference_sequential import ReferenceSequential

Step = Callable[[], float]

DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")
BATCH = 1024 if DEVICE.type == "cuda" else 64
"""Batch size of the large rows, which fills the device."""


def training_step(
    model: GenerativeModel,
    batch: int,
    *,
    contexts: int = 1,
    plain: bool = False,
    bfloat16: bool = False,
    fused_adam: bool = True,
    compiled: bool = False,
    keep_freed: bool = True,
    seed: int = 0,
) -> Step:
    """One step of Adam on images of noise, gradient clipped: () -> free energy."""
    if keep_freed and not plain:
        keep_freed_memory()
    size, channels = model.config.image_size, model.likelihood.channels
    model.to(DEVICE)
    generator = torch.Generator(DEVICE).manual_seed(seed)

    def images(*shape: int) -> Tensor:
        return (torch.rand(*shape, channels, size, size, generator=generator, device=DEVICE) < 0.1).float()

    x = images(batch)
    context = images(batch, contexts) if model.conditional and contexts else None
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, fused=fused_adam)
    reference = ReferenceBending if isinstance(model, BendingModel) else ReferenceSequential

    def energy(noise: Tensor) -> Tensor:
        if plain:
            distortion, kl = reference(model).free_energy(x, context, noise)  # type: ignore[arg-type]
            return (distortion + kl.sum(dim=1)).mean()
        return model.infer(x, context, noise).free_energy.total.mean()

    def backward() -> float:
        with torch.autocast(DEVICE.type, dtype=torch.bfloat16, enabled=bfloat16):
            loss = energy(model.noise(batch, generator=generator))
        loss.backward()
        return loss.item()

    if compiled and (trouble := compile_parts(model, backward)):
        raise RuntimeError(trouble)

    def step() -> float:
        loss = backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimizer.step()
        optimizer.zero_grad()
        return loss

    return step


def sequential_step(config: SequentialConfig, batch: int, **how: object) -> Step:
    """`training_step` of a fresh model with the same weights every time."""
    torch.manual_seed(0)
    return training_step(SequentialModel(config), batch, **how)  # type: ignore[arg-type]


def preset_step(preset: Preset, **how: object) -> Step:
    """`training_step` of a preset's model at its batch size."""
    from allograph.config import model_from_config, to_dict

    torch.manual_seed(0)
    return training_step(model_from_config(to_dict(preset.model)), preset.training.batch_size, **how)  # type: ignore[arg-type]


def counted_operations(config: SequentialConfig, batch: int) -> float:
    """Floating-point operations of the matrix products of one training step, counted as docs/speed.md does: two for
    each weight, image and step forwards, twice that backwards. Convolutions and windows are left out."""
    numbers = {"zoom": 4, "stretch": 4, "affine": 6, "gaussian": 5}[config.attention]
    glimpse = config.likelihood.channels * config.patch**2 + numbers
    noticed = glimpse if config.context else 0
    core = 4 * config.hidden * (config.latent + noticed + config.hidden)
    posterior = config.decision * (glimpse + noticed + config.hidden + 2 * config.latent)
    prior = config.decision * (noticed + config.hidden + 2 * config.latent) if config.prior == "learned" else 0
    sprite = config.hidden * config.canvas_channels * config.patch**2
    return 6.0 * batch * config.steps * (core + posterior + prior + sprite)


def matrix_rate(dtype: torch.dtype, side: int = 2048, rounds: int = 20) -> float:
    """Operations per second of processor time of a large matrix product."""
    one = torch.randn(side, side, device=DEVICE).to(dtype)
    timed = in_turns({"product": lambda: one @ one}, rounds)["product"]
    return 2 * side**3 / timed.cpu


def changed(config: SequentialConfig, **changes: object) -> SequentialConfig:
    return dataclasses.replace(config, **changes)  # type: ignore[arg-type]
