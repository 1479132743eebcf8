"""One small untrained model of every kind, of different images and likelihoods."""

from __future__ import annotations

from typing import Any

import torch

from allograph.card import ModelCard
from allograph.likelihoods import LikelihoodConfig
from allograph.models.base import GenerativeModel
from allograph.models.bending import BendingConfig, BendingModel
from allograph.models.deep import DeepConfig, DeepModel
from allograph.models.draw import DrawConfig, DrawModel
from allograph.models.linear import LinearConfig, LinearModel
from allograph.models.sequential import SequentialConfig, SequentialModel


def small_bending() -> BendingConfig:
    small = {"image_size": 28, "steps": 3, "bends": 2, "latent": 4, "hidden": 16, "patch": 8, "field_size": 14}
    return BendingConfig(**small, embedding=8, encoder_width=4, decision=8)  # type: ignore[arg-type]


def _sequential(channels: int, kind: str, **settings: Any) -> SequentialModel:
    plain = {"image_size": 16, "steps": 3, "latent": 4, "hidden": 16, "patch": 5, "embedding": 8, "encoder_width": 4}
    likelihood = LikelihoodConfig(kind=kind, channels=channels, levels=256, components=2)  # type: ignore[arg-type]
    return SequentialModel(SequentialConfig(**{**plain, "decision": 8, **settings}, likelihood=likelihood))


_BUILDERS = {
    "bending": lambda: BendingModel(small_bending()),
    "grey": lambda: _sequential(1, "gaussian", context=True),
    "colour, inferred": lambda: _sequential(3, "logistic", context=True, context_by="inference"),
    "grey levels": lambda: _sequential(1, "categorical", context=True, attention="gaussian", image_size=8),
    "colour": lambda: _sequential(3, "logistic-mixture", context=True, canvas="gated", canvas_channels=2),
    "colour, no windows": lambda: _sequential(3, "logistic", context=True, attention="none"),
    "colour, no exemplar": lambda: _sequential(3, "learned-gaussian"),
    "digits": lambda: _sequential(1, "bernoulli", context=True, image_size=28),
    "draw": lambda: DrawModel(DrawConfig(image_size=16, steps=4, latent=4, hidden=16, patch=4)),
    "deep": lambda: DeepModel(
        DeepConfig(
            image_size=16,
            likelihood=LikelihoodConfig(kind="logistic", channels=3),
            latents=(6, 3),
            units=(16, 8),
        )
    ),
    "linear": lambda: LinearModel(LinearConfig(image_size=16, channels=1, latent=4)),
}

KINDS = tuple(_BUILDERS)
CONDITIONAL = ("bending", "grey", "colour, inferred", "grey levels", "colour", "colour, no windows", "digits")
PICTURES = ("grey", "colour, inferred", "grey levels", "colour", "colour, no windows")
"""Those among them whose images are grey or colour pictures."""


def build(name: str) -> GenerativeModel:
    """A model whose parameters are large enough that its drawings differ."""
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(0)
        model = _BUILDERS[name]().eval()
        for parameter in model.parameters():
            parameter.add_(0.15 * torch.randn_like(parameter))
    return model


def card(name: str) -> ModelCard:
    """What training writes of the model's images."""
    model = build(name)
    images = "digits" if name == "digits" else "symbols" if name in ("bending", "draw") else "grey"
    return ModelCard.of({"data": {"name": name, "images": images if model.likelihood.channels == 1 else "colour"}})
