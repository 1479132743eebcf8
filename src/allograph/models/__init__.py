"""The models of the family, behind one contract; `MODELS` finds them by the kind that their configuration names."""

from __future__ import annotations

__all__ = [
    "MODELS",
    "BendingConfig",
    "BendingModel",
    "DeepConfig",
    "DeepModel",
    "DrawConfig",
    "DrawModel",
    "Drawings",
    "GenerativeModel",
    "Inference",
    "LinearConfig",
    "LinearModel",
    "ModelConfig",
    "SequentialConfig",
    "SequentialModel",
]

from allograph.models.base import Drawings, GenerativeModel, Inference
from allograph.models.bending import BendingConfig, BendingModel
from allograph.models.deep import DeepConfig, DeepModel
from allograph.models.draw import DrawConfig, DrawModel
from allograph.models.linear import LinearConfig, LinearModel
from allograph.models.sequential import SequentialConfig, SequentialModel

ModelConfig = BendingConfig | SequentialConfig | DrawConfig | DeepConfig | LinearConfig

MODELS: dict[str, tuple[type[ModelConfig], type[GenerativeModel]]] = {
    "bending": (BendingConfig, BendingModel),
    "sequential": (SequentialConfig, SequentialModel),
    "draw": (DrawConfig, DrawModel),
    "deep": (DeepConfig, DeepModel),
    "linear": (LinearConfig, LinearModel),
}
"""Kind -> (configuration, model)."""
