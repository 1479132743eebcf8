"""Measures of a trained model: one-shot generation judged by a critic."""

from __future__ import annotations

__all__ = [
    "Critic",
    "CriticConfig",
    "CriticTraining",
    "DrawingFunction",
    "Estimate",
    "OneShotResult",
    "Point",
    "Trial",
    "default_critic",
    "draw_trials",
    "drawings_of",
    "oneshot",
    "train_critic",
]

from allograph.evaluation.critics import Critic, CriticConfig, CriticTraining, default_critic, train_critic
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
