"""The models of the family, with one interface; `MODELS` finds them by the kind that their configuration names."""

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
    "TractableModel",
]

from allograph.models.base import Drawings, GenerativeModel, Inference, TractableModel
from allograph.models.bending import BendingConfig, BendingModel
from allograph.models.deep import DeepConfig, DeepModel
from allograph.models.draw import DrawConfig, DrawModel
from allograph.models.linear import LinearConfig, LinearModel
from allograph.models.sequential import SequentialConfig, SequentialModel

ModelConfig = BendingConfig | SequentialConfig | DrawConfig | DeepConfig | LinearConfig
"""All have ``kind``, ``image_size`` and ``likelihood``, and say whether the model takes exemplars (``conditional``) and
whether its drawings are changed copies of the exemplar, which must then show the same symbol (``copies_exemplar``)."""

MODELS: dict[str, tuple[type[ModelConfig], type[GenerativeModel]]] = {
    "bending": (BendingConfig, BendingModel),
    "sequential": (SequentialConfig, SequentialModel),
    "draw": (DrawConfig, DrawModel),
    "deep": (DeepConfig, DeepModel),
    "linear": (LinearConfig, LinearModel),
}
"""Kind -> (configuration, model)."""
