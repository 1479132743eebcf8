"""Measures of a trained model on unseen images: likelihood, one-shot generation judged by critics, one-shot
classification, and the worth of its drawings as training data."""

from __future__ import annotations

__all__ = [
    "AugmentationResult",
    "Classical",
    "ContextDrawing",
    "Critic",
    "CriticConfig",
    "CriticTraining",
    "DrawingFunction",
    "Estimate",
    "JudgeTraining",
    "Judges",
    "LikelihoodResult",
    "OneShotResult",
    "Point",
    "ShownDrawings",
    "SimCLRTraining",
    "TopologyResult",
    "TrainingFeatures",
    "Trial",
    "TuringResult",
    "context_drawings_of",
    "default_critic",
    "default_embedding",
    "draw_trials",
    "drawings_of",
    "evaluate_augmentation",
    "evaluate_likelihood",
    "from_exemplars",
    "from_nothing",
    "held_out_part",
    "new_characters",
    "topology_test",
    "train_critic",
    "train_simclr",
    "tuned",
    "turing_test",
]

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from allograph.evaluation.augmentation.classical import Classical, tuned
    from allograph.evaluation.augmentation.gain import evaluate_augmentation
    from allograph.evaluation.augmentation.result import AugmentationResult
    from allograph.evaluation.critics.critic import Critic, CriticConfig, CriticTraining, default_critic, train_critic
    from allograph.evaluation.critics.simclr import SimCLRTraining, default_embedding, train_simclr
    from allograph.evaluation.drawing import ContextDrawing, DrawingFunction, context_drawings_of, drawings_of
    from allograph.evaluation.leakage import held_out_part
    from allograph.evaluation.likelihood.estimate import evaluate_likelihood
    from allograph.evaluation.likelihood.result import LikelihoodResult
    from allograph.evaluation.oneshot.alphabet import new_characters
    from allograph.evaluation.oneshot.exemplars import Trial, draw_trials, from_exemplars
    from allograph.evaluation.oneshot.judge import JudgeTraining
    from allograph.evaluation.oneshot.measures import Judges
    from allograph.evaluation.oneshot.points import Estimate, OneShotResult, Point
    from allograph.evaluation.oneshot.topology import TopologyResult, topology_test
    from allograph.evaluation.oneshot.turing import TuringResult, turing_test
    from allograph.evaluation.oneshot.unconditional import TrainingFeatures, from_nothing
    from allograph.evaluation.shown import ShownDrawings

_MODULES = (
    "augmentation.classical",
    "augmentation.gain",
    "critics.critic",
    "critics.simclr",
    "drawing",
    "leakage",
    "likelihood.estimate",
    "likelihood.result",
    "oneshot.alphabet",
    "oneshot.exemplars",
    "oneshot.judge",
    "oneshot.measures",
    "oneshot.points",
    "oneshot.topology",
    "oneshot.turing",
    "oneshot.unconditional",
    "shown",
)


def __getattr__(name: str) -> Any:
    """Loads modules on first use, so that reading result files needs no torch."""
    if name in __all__:
        for module in _MODULES:
            inside = vars(import_module(f"{__name__}.{module}"))
            if name in inside["__all__"]:
                return inside[name]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
