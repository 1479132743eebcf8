"""Measures of a trained model on unseen images: likelihood, one-shot generation judged by critics, what its drawings
are worth as training data."""

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
    "Judges",
    "LikelihoodResult",
    "OneShotResult",
    "Point",
    "SeenTraining",
    "ShownDrawings",
    "SimCLRTraining",
    "Trial",
    "context_drawings_of",
    "default_critic",
    "default_embedding",
    "draw_trials",
    "drawings_of",
    "evaluate_augmentation",
    "evaluate_likelihood",
    "from_nothing",
    "new_characters",
    "oneshot",
    "train_critic",
    "train_simclr",
    "tuned",
    "unseen_part",
]

from allograph.evaluation.alphabets import new_characters
from allograph.evaluation.augmentation import AugmentationResult, evaluate_augmentation
from allograph.evaluation.classical import Classical, tuned
from allograph.evaluation.critics import Critic, CriticConfig, CriticTraining, default_critic, train_critic
from allograph.evaluation.drawing import ContextDrawing, DrawingFunction, context_drawings_of, drawings_of
from allograph.evaluation.likelihood import evaluate_likelihood
from allograph.evaluation.measured import LikelihoodResult
from allograph.evaluation.measures import Judges
from allograph.evaluation.oneshot import Trial, draw_trials, oneshot
from allograph.evaluation.points import Estimate, OneShotResult, Point
from allograph.evaluation.shown import ShownDrawings
from allograph.evaluation.simclr import SimCLRTraining, default_embedding, train_simclr
from allograph.evaluation.unconditional import SeenTraining, from_nothing
from allograph.evaluation.unseen import unseen_part
