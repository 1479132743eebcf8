"""Tiny models whose weights are all of a size that matters, in float64."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from allograph.attention import WindowBounds
from allograph.models import MODELS, BendingConfig, BendingModel, DrawConfig, GenerativeModel, SequentialConfig
from allograph.models import ModelConfig as Config

_BOUNDS = WindowBounds(min_scale=0.3, max_scale=1.3, max_turn=1.0, max_shear=0.5)


@contextmanager
def float64() -> Iterator[None]:
    """Constants are made in float64 too, not only stored in it."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


def small_config(**changes: object) -> BendingConfig:
    settings = {
        "image_size": 9,
        "steps": 4,
        "latent": 3,
        "hidden": 12,
        "patch": 5,
        "embedding": 7,
        "encoder_width": 2,
        "decision": 8,
        "bends": 2,
        "control": 3,
        "field_size": 5,
        "bells": (6.0, 15.0),
        "look": _BOUNDS,
    }
    return BendingConfig(**{**settings, **changes})  # type: ignore[arg-type]


def small_sequential(**changes: object) -> SequentialConfig:
    settings = {
        "image_size": 6,
        "steps": 3,
        "latent": 2,
        "hidden": 7,
        "patch": 3,
        "embedding": 4,
        "encoder_width": 2,
        "decision": 5,
        "bounds": _BOUNDS,
    }
    return SequentialConfig(**{**settings, **changes})  # type: ignore[arg-type]


def small_draw(**changes: object) -> DrawConfig:
    settings = {
        "image_size": 6,
        "steps": 3,
        "latent": 2,
        "hidden": 7,
        "read_patch": 2,
        "patch": 3,
        "bounds": _BOUNDS,
    }
    return DrawConfig(**{**settings, **changes})  # type: ignore[arg-type]


def small_model(seed: int = 0, **changes: object) -> BendingModel:
    """A bending model, see `with_random_weights`."""
    model = with_random_weights(small_config(**changes), seed)
    assert isinstance(model, BendingModel)
    return model


def with_random_weights(config: Config, seed: int = 0) -> GenerativeModel:
    """A model with random weights everywhere, also where training would begin with zeros."""
    with float64():
        model = MODELS[config.kind][1](config)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name not in ("plan", "canvas.empty", "canvas.base"):
                spread = 0.4 if parameter.ndim < 2 else 1.5 / max(1, parameter[0].numel()) ** 0.5
                parameter.copy_(spread * torch.randn(parameter.shape, generator=generator, dtype=parameter.dtype))
    return model


def some_images(*batch: int, channels: int = 1, size: int = 6, levels: int = 2, seed: int = 1) -> Tensor:
    """Images whose pixels are the higher levels a third of the time: (*batch, channels, size, size), float64."""
    random = torch.rand(*batch, channels, size, size, generator=torch.Generator().manual_seed(seed)).double()
    return (random < 0.3).double() if levels == 2 else (random * (levels - 1)).round() / (levels - 1)
