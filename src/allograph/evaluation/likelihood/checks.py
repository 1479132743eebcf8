"""Checks of a likelihood measurement, and a note on the meaning of its nats."""

from __future__ import annotations

__all__ = ["check_channels", "check_contexts", "check_finite", "note_on_nats"]

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from allograph.errors import AllographError

if TYPE_CHECKING:
    from allograph.data import ConceptDataset, ExemplarKind
    from allograph.likelihoods import Likelihood
    from allograph.models import GenerativeModel


def check_contexts(
    model: GenerativeModel, dataset: ConceptDataset, asked: int | Sequence[int] | None, exemplars: ExemplarKind
) -> list[int]:
    """The numbers of exemplars to give, each once, ascending, without 0: no exemplar is always measured."""
    if asked is None:
        some = exemplars == "family" or dataset.drawings_per_concept.max(initial=0) > 1
        return [1] if model.conditional and some else []
    counts = sorted({asked} if isinstance(asked, int) else set(asked))
    if counts and counts[0] < 0:
        raise AllographError(f"cannot give {counts[0]} exemplars: --contexts takes numbers of 0 and more")
    if any(counts) and not model.conditional:
        raise AllographError("this model takes no exemplars: measure it with --contexts 0")
    return [count for count in counts if count]


def check_channels(model: GenerativeModel, dataset: ConceptDataset) -> None:
    """Refuse colour images for a grey model, and the other way round."""
    has, takes = dataset.images.channels, model.likelihood.channels
    if has != takes:
        names = {1: "grey or black and white", 3: "in colour"}
        raise AllographError(
            f"'{dataset.name}' is {names[has]}, but the model's images are {names[takes]}: measure it on such images"
        )


def note_on_nats(likelihood: Likelihood, x: Tensor) -> str:
    """Why the nats are not those of a probability of these images; empty if they are."""
    if not likelihood.discrete:
        return (
            "the nats are of a density of pixels in [0, 1] that were not dequantised: compare them only with "
            "densities of the same kind, never with probabilities"
        )
    if likelihood.binary:
        if ((x == 0) | (x == 1)).all():
            return ""
        return (
            "these images are grey, so a Bernoulli model's nats are a cross entropy, not a likelihood: compare them "
            "only with each other, or binarise"
        )
    levels: Any = likelihood.levels
    steps = x.double() * (levels - 1)
    if torch.allclose(steps, steps.round(), rtol=0, atol=1e-3):
        return ""
    return (
        f"the model knows {levels} levels of a pixel and these images have more, so the nats are of the images rounded "
        "to its levels: compare them only with figures for the same number of levels"
    )


def check_finite(values: Tensor) -> Tensor:
    bad = int((~values.isfinite()).sum())
    if bad:
        raise AllographError(
            f"the model gives {bad} of {len(values)} images no finite likelihood: its weights are broken or its images "
            "are of another kind; train it again or measure it on images like those it was trained on"
        )
    return values
