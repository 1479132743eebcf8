"""A small model whose weights are all of a size that matters, in float64."""

from __future__ import annotations

import torch

from allograph.attention import WindowBounds
from allograph.models import SequentialConfig, SequentialModel


def small_config(**changes: object) -> SequentialConfig:
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
        "look": WindowBounds(min_scale=0.3, max_scale=1.3, max_turn=1.0, max_shear=0.5),
    }
    return SequentialConfig(**{**settings, **changes})  # type: ignore[arg-type]


def small_model(seed: int = 0, **changes: object) -> SequentialModel:
    """Random weights everywhere, also where training would begin with zeros."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)  # so that constants are made in float64 too, not only stored in it
    try:
        model = SequentialModel(small_config(**changes))
    finally:
        torch.set_default_dtype(before)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name not in ("plan", "canvas.empty", "canvas.base"):
                spread = 0.4 if parameter.ndim < 2 else 1.5 / parameter[0].numel() ** 0.5
                parameter.copy_(spread * torch.randn(parameter.shape, generator=generator, dtype=parameter.dtype))
    return model
