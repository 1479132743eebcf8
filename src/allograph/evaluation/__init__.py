"""Measures of a trained model on unseen images: likelihood, and one-shot generation judged by a critic."""

from __future__ import annotations

__all__ = [
    "Critic",
    "CriticConfig",
    "CriticTraining",
    "DrawingFunction",
    "Estimate",
    "LikelihoodResult",
    "OneShotResult",
    "Point",
    "Trial",
    "default_critic",
    "draw_trials",
    "drawings_of",
    "evaluate_likelihood",
    "oneshot",
    "train_critic",
    "unseen_part",
]

from allograph.evaluation.critics import Critic, CriticConfig, CriticTraining, default_critic, train_critic
from allograph.evaluation.likelihood import evaluate_likelihood
from allograph.evaluation.measured import LikelihoodResult
from allograph.evaluation.oneshot import (
    DrawingFunction,
    Estimate,
    OneShotResult,
    Point,
    Trial,
    draw_trials,
    drawings_of,
    oneshot,
)
from allograph.evaluation.unseen import unseen_part
