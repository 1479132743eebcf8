"""Fitting a model to pairs of drawings, on the lightning engine."""

from __future__ import annotations

__all__ = ["Fitted", "check_fit", "check_folder", "fit"]

from allograph.training.fit import Fitted, check_fit, check_folder, fit
