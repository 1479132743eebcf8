"""Fitting a model to images, with the lightning engine."""

from __future__ import annotations

__all__ = ["Fitted", "check_fit", "check_folder", "fit"]

from allograph.training.checks import check_fit, check_folder
from allograph.training.fit import Fitted, fit
