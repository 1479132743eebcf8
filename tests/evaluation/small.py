"""A small model to be measured."""

from __future__ import annotations

import torch

from allograph.config import model_from_config
from allograph.models import BendingModel

BENDING = {
    "kind": "bending",
    "image_size": 20,
    "steps": 3,
    "bends": 2,
    "latent": 3,
    "hidden": 12,
    "patch": 6,
    "decision": 8,
}
BENDING |= {"encoder_width": 2, "embedding": 8, "control": 3, "field_size": 10}


def untrained_bending() -> BendingModel:
    """Untrained, so that bending alone copies the exemplar."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = model_from_config(BENDING).eval()
    assert isinstance(model, BendingModel)
    return model
