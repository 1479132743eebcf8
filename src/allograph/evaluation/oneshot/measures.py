"""Measures of drawings by features phi of length sqrt(D), shared by all one-shot tasks.

The features x_ki (W, n, D) always belong to n drawings of each of W kinds (characters or alphabets; W = 1 for drawings
from nothing). The inner product of their features measures how alike two drawings are; since all features have the same
length, it orders pairs as their distance does.
"""

from __future__ import annotations

__all__ = ["Features", "Judges", "distorted", "diversity", "nearest", "originality", "recognised", "taken_for_real"]

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

from allograph.evaluation.critics.critic import Critic
from allograph.evaluation.critics.simclr import default_embedding


class Features(NamedTuple):
    """Features of drawings by both networks."""

    critic: Float[Tensor, "*batch D"]
    embedding: Float[Tensor, "*batch E"]


@dataclass(frozen=True)
class Judges:
    """The critic, which has learned to tell characters apart, and the embedding, which knows no characters."""

    critic: Critic
    embedding: Critic = field(default_factory=default_embedding)

    @classmethod
    def of(cls, critic: Critic, embedding: Critic | None) -> Judges:
        """The judges with this embedding, or with the one that ships."""
        return cls(critic) if embedding is None else cls(critic, embedding)

    def features(self, images: Float[Tensor, "*batch 1 S S"]) -> Features:
        return Features(self.critic.features(images), self.embedding.features(images))

    def judge(
        self, images: Float[Tensor, "W n 1 S S"], given: Features, known: Callable[[Float[Tensor, "W n D"]], float]
    ) -> tuple[float, float, float, float, float]:
        """The numbers of a `Point`: how often drawings are recognised (by ``known``, from the critic's features), then
        their diversity and originality by the critic and by the embedding; originality compares them with ``given`` (W,
        K, D)."""
        critic, embedding = self.features(images)
        return (
            known(critic),
            diversity(critic),
            originality(critic, given.critic),
            diversity(embedding),
            originality(embedding, given.embedding),
        )


def recognised(features: Float[Tensor, "W n D"], prototypes: Float[Tensor, "W D"]) -> float:
    """How often p_k is the prototype most like x_ki."""
    known = (features @ prototypes.T).argmax(-1) == torch.arange(len(prototypes))[:, None]
    return float(known.double().mean())


def taken_for_real(features: Float[Tensor, "n D"], real: Float[Tensor, "n D"]) -> float:
    """How often the drawing most like x_i, among all other x_j and equally many real ones y_j, is real.

    1/2 if x and y have the same distribution (exactly, n / (2 n - 1)); less if the x lie apart from the y or crowd
    together. It is half of the nearest neighbour two-sample test (Lopez-Paz, Oquab, *Revisiting Classifier Two-Sample
    Tests*, ICLR 2017).
    """
    own = (features @ features.T).fill_diagonal_(-torch.inf).amax(-1)
    return float(((features @ real.T).amax(-1) > own).double().mean())


def diversity(features: Float[Tensor, "W n D"]) -> float:
    """``mean_k sqrt(mean_d var_i phi_d(x_ki))``, unbiased: 0 for equal drawings, near 1 for unrelated ones."""
    return float(features.double().var(1).mean(-1).sqrt().mean())


def nearest(features: Float[Tensor, "W n D"], given: Float[Tensor, "W K D"]) -> Int[Tensor, "W n"]:
    """The number of the given drawing of its kind, of K, that each drawing is most like."""
    return torch.stack([(own @ others.T).argmax(-1) for own, others in zip(features, given, strict=True)])


def originality(features: Float[Tensor, "W n D"], given: Float[Tensor, "W K D"]) -> float:
    """``mean_ki min_j sqrt(mean_d (phi_d(x_ki) - phi_d(g_kj))^2)``, the distance to the nearest given drawing: 0 for
    copies, near sqrt(2) for drawings unlike any of them."""
    closest = given.take_along_dim(nearest(features, given)[..., None], dim=1)
    return float((features - closest).double().square().mean(-1).sqrt().mean())


def distorted(drawings: Float[Tensor, "B 1 S S"], count: int, seed: int) -> Float[Tensor, "B n 1 S S"]:
    """Copies, each turned, sheared and scaled by up to a tenth and moved by up to a twentieth of the side."""
    generator = torch.Generator().manual_seed(seed)
    maps = (torch.rand(len(drawings) * count, 2, 3, generator=generator) * 2 - 1) * 0.1
    maps += torch.eye(2, 3)
    grid = F.affine_grid(maps, [len(maps), *drawings.shape[1:]], align_corners=False)
    repeated = drawings.repeat_interleave(count, dim=0)
    return F.grid_sample(repeated, grid, align_corners=False).unflatten(0, (len(drawings), count))
